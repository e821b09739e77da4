// Package notices carries engineering changes between the host and its partners: what changes on which product from when, what of
// a partner's business it touches, and what each side answered.
package notices

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"extranet/portal"
	"extranet/portal/files"
)

// Kinds of notices: a change of product or process, a change of a drawing or specification, the end of a product's life.
var Kinds = []string{"pcn", "ecn", "eol"}

// Mirror and Items say how the host's notices lie in the portal's database.
var (
	Mirror = portal.Mirror{
		Entity: "notices", Table: "notices", Key: []string{"notice", portal.SupplierColumn}, Owned: true, Nouns: []string{"notices"},
		Track: []string{"revision", "effective_on", "first_ship_on", "last_buy_on", "last_ship_on", "withdrawn"}, Noun: "notices", Doc: "notice",
		Columns: []portal.Column{
			{Name: "notice", Required: true}, {Name: portal.SupplierColumn, Required: true}, {Name: "kind", Required: true, OneOf: Kinds}, {Name: "revision", Required: true},
			{Name: "title", Required: true}, {Name: "description"}, {Name: "reason"}, {Name: "issued_on", Type: portal.Day, Required: true},
			{Name: "effective_on", Type: portal.Day}, {Name: "first_ship_on", Type: portal.Day}, {Name: "last_buy_on", Type: portal.Day}, {Name: "last_ship_on", Type: portal.Day},
			{Name: "withdrawn", Type: portal.Bool, Required: true},
		},
	}
	Items = portal.Mirror{
		Entity: "notice_items", Table: "notice_items", Key: []string{"notice", "line", portal.SupplierColumn}, Owned: true, Nouns: []string{"notices"},
		Columns: []portal.Column{
			{Name: "notice", Required: true}, {Name: "line", Type: portal.Int, Required: true}, {Name: portal.SupplierColumn, Required: true}, {Name: "product", Required: true},
			{Name: "revision_from"}, {Name: "revision_to"}, {Name: "effective_on", Type: portal.Day}, {Name: "effective_lot"}, {Name: "effective_serial"},
			{Name: "replacement"}, {Name: "description"},
		},
	}
)

var notThere = portal.Errorf(portal.NotFound, "there is no notice with this number")

// A Head is a notice as a list shows it.
type Head struct {
	Notice        string      `db:"notice" json:"notice"`
	Kind          string      `db:"kind" json:"kind" enum:"pcn,ecn,eol"`
	Revision      string      `db:"revision" json:"revision"`
	Title         string      `db:"title" json:"title"`
	IssuedOn      portal.Date `db:"issued_on" json:"issued_on" format:"date"`
	EffectiveOn   portal.Date `db:"effective_on" json:"effective_on" format:"date" nullable:"true"`
	FirstShipOn   portal.Date `db:"first_ship_on" json:"first_ship_on" format:"date" nullable:"true" doc:"When the first changed shipment leaves"`
	LastBuyOn     portal.Date `db:"last_buy_on" json:"last_buy_on" format:"date" nullable:"true"`
	LastShipOn    portal.Date `db:"last_ship_on" json:"last_ship_on" format:"date" nullable:"true"`
	Withdrawn     bool        `db:"withdrawn" json:"withdrawn"`
	AcknowledgeBy portal.Date `db:"acknowledge_by" json:"acknowledge_by" format:"date" doc:"Until the end of this day receipt of this revision is to be acknowledged"`
	ShipsFrom     portal.Date `db:"ships_from" json:"ships_from" format:"date" doc:"The first day on which a changed shipment is early enough announced"`
	Verdict       string      `db:"verdict" json:"verdict" doc:"Of the last answer to this revision; empty where there is none, silence where it was due"`
	Partner       string      `db:"number" json:"partner" doc:"The partner's account number"`
	PartnerName   string      `db:"name" json:"partner_name"`
	PartnerID     int64       `db:"partner_id" json:"-"`
}

// TooSoon reports whether the change ships before the time that was agreed.
func (h Head) TooSoon() bool { return h.FirstShipOn != "" && h.FirstShipOn < h.ShipsFrom }

// revised is the day from which the clocks run: when the notice was issued, or its present revision came.
const revised = `CASE WHEN v.number > 1 THEN greatest(n.issued_on, (v.at AT TIME ZONE 'UTC')::date) ELSE n.issued_on END`

const headColumns = `n.notice, n.kind, n.revision, n.title, n.issued_on, n.effective_on, n.first_ship_on, n.last_buy_on, n.last_ship_on, n.withdrawn,
	` + revised + ` + coalesce(p.acknowledge_days, 30) AS acknowledge_by, ` + revised + ` + coalesce(p.notice_days, 90) AS ships_from, coalesce(a.verdict, '') AS verdict, r.number, r.name, n.partner_id`

const headTables = ` FROM notices n JOIN partners r ON r.partner_id = n.partner_id LEFT JOIN notice_policies p ON p.partner_id = n.partner_id
	LEFT JOIN LATERAL (SELECT number, at FROM notice_revisions v WHERE v.partner_id = n.partner_id AND v.notice = n.notice AND v.revision = n.revision ORDER BY v.number LIMIT 1) v ON true
	LEFT JOIN LATERAL (SELECT verdict FROM notice_answers a WHERE a.partner_id = n.partner_id AND a.notice = n.notice AND a.revision = n.revision ORDER BY answer DESC LIMIT 1) a ON true `

// States are what a list of notices can be narrowed to: those to answer, those of which nobody said anything until it was due, and those answered in some way.
var States = []string{"open", "silence", "acknowledged", "accepted", "objected"}

// A Filter narrows a list of notices; the zero Filter is all of them.
type Filter struct {
	Kind    string
	State   string
	Partner string // an account number, in lists across partners
	Cursor  string // from Next
}

// Check returns an Invalid error naming every field that cannot be meant.
func (f Filter) Check() error {
	bad := map[string]string{}
	if f.Kind != "" && !slices.Contains(Kinds, f.Kind) {
		bad["kind"] = "choose from " + strings.Join(Kinds, ", ")
	}
	if f.State != "" && !slices.Contains(States, f.State) {
		bad["state"] = "choose from " + strings.Join(States, ", ")
	}
	if !portal.Readable(f.Partner) {
		bad["partner"] = "is no account number"
	}
	if _, _, _, err := f.after(); err != nil {
		bad["cursor"] = "is not one that this list gave; begin again without it"
	}
	if len(bad) > 0 {
		return &portal.Error{Kind: portal.Invalid, Msg: "this list cannot be made", Fields: bad}
	}
	return nil
}

// after is where the page before ended: a day or a time, a partner, and the notice.
func (f Filter) after() (at string, partner int64, notice string, err error) {
	if f.Cursor == "" {
		return "9999-12-31", math.MaxInt64, "", nil
	}
	parts := strings.SplitN(f.Cursor, "~", 3)
	if len(parts) < 3 || !portal.Readable(parts[2]) {
		return "", 0, "", errors.New("not a cursor")
	}
	if _, err = time.Parse(time.RFC3339Nano, parts[0]); err != nil {
		_, err = time.Parse(time.DateOnly, parts[0])
	}
	if err == nil {
		partner, err = strconv.ParseInt(parts[1], 10, 64)
	}
	return parts[0], partner, parts[2], err
}

// A Page is one stretch of a list; Next is the cursor of the one after it, "" = there is none.
type Page struct {
	Items []Head `json:"items"`
	Next  string `json:"next" doc:"Cursor of the next page; empty = this is the last"`
}

const onPage = 50

// List returns the host's notices to the caller's company, the latest first.
func List(ctx context.Context, tx *portal.Tx, f Filter) (Page, error) {
	if err := tx.Need(portal.NoticesRead); err != nil {
		return Page{}, err
	}
	return list(ctx, tx, f, listOwn, tx.By.PartnerID, false)
}

// ListAll returns the host's notices to all partners, the latest first; it is for the host's staff.
func ListAll(ctx context.Context, tx *portal.Tx, f Filter) (Page, error) {
	if err := tx.Need(portal.NoticesManage); err != nil {
		return Page{}, err
	}
	return list(ctx, tx, f, listAll, f.Partner, true)
}

const narrowed = ` AND ($4 = '' OR n.kind = $4) AND ($5 = '' OR $5 = 'open' AND NOT n.withdrawn AND coalesce(a.verdict, '') IN ('', 'silence') OR a.verdict = $5)`

const (
	listOwn = `SELECT ` + headColumns + headTables + `WHERE n.partner_id = $1 AND (n.issued_on, n.notice) < ($2::date, $3::text)` + narrowed + ` ORDER BY n.issued_on DESC, n.notice DESC LIMIT 51`
	listAll = `SELECT ` + headColumns + headTables + `WHERE ($1 = '' OR r.number = $1) AND (n.issued_on, n.partner_id, n.notice) < ($2::date, $6::bigint, $3::text)` + narrowed + ` ORDER BY n.issued_on DESC, n.partner_id DESC, n.notice DESC LIMIT 51`
)

func list(ctx context.Context, tx *portal.Tx, f Filter, query string, whose any, across bool) (p Page, err error) {
	if err := f.Check(); err != nil {
		return p, err
	}
	day, partner, notice, _ := f.after()
	args := []any{whose, day, notice, f.Kind, f.State}
	if across {
		args = append(args, partner)
	}
	p.Items = []Head{}
	if err := tx.Select(ctx, &p.Items, query, args...); err != nil {
		return p, fmt.Errorf("listing notices: %w", err)
	}
	if len(p.Items) > onPage {
		p.Items = p.Items[:onPage]
		last := p.Items[onPage-1]
		p.Next = fmt.Sprintf("%s~%d~%s", last.IssuedOn, last.PartnerID, last.Notice)
	}
	return p, nil
}

// An Item is a product that a notice is about.
type Item struct {
	Line            int64       `db:"line" json:"line"`
	Product         string      `db:"product" json:"product"`
	Name            string      `db:"name" json:"name"`
	RevisionFrom    string      `db:"revision_from" json:"revision_from"`
	RevisionTo      string      `db:"revision_to" json:"revision_to"`
	EffectiveOn     portal.Date `db:"effective_on" json:"effective_on" format:"date" nullable:"true" doc:"From this day; of the notice where the item has none"`
	EffectiveLot    string      `db:"effective_lot" json:"effective_lot" doc:"From this lot"`
	EffectiveSerial string      `db:"effective_serial" json:"effective_serial" doc:"From this serial number"`
	Replacement     string      `db:"replacement" json:"replacement"`
	Description     string      `db:"description" json:"description"`
}

// A Detail is a notice with all that belongs to it. Touched lists what is due on or after the day on which an item takes effect, and all stock.
type Detail struct {
	Head
	Description string       `db:"description" json:"description"`
	Reason      string       `db:"reason" json:"reason"`
	Items       []Item       `db:"-" json:"items"`
	Touched     []Touch      `db:"-" json:"touched"`
	Sums        []Sum        `db:"-" json:"sums"`
	Answers     []Answer     `db:"-" json:"answers" doc:"Every one, the latest first"`
	Revisions   []Revision   `db:"-" json:"revisions" doc:"The latest first, at most 50"`
	Files       []files.File `db:"-" json:"files" doc:"Attachments of either side, oldest first"`
	Policy      Policy       `db:"-" json:"policy"`
}

// Get returns a notice to the caller's company, and what of its business it touches. One that is not there is NotFound.
func Get(ctx context.Context, tx *portal.Tx, notice string) (d Detail, err error) {
	if err := tx.Need(portal.NoticesRead); err != nil {
		return d, err
	}
	return get(ctx, tx, tx.By.PartnerID, notice)
}

// numbered is the partner with the account number; NotFound where there is none.
func numbered(ctx context.Context, tx *portal.Tx, number string) (partner int64, err error) {
	if !portal.Readable(number) {
		return 0, notThere
	}
	err = tx.Get(ctx, &partner, `SELECT partner_id FROM partners WHERE number = $1 AND kind <> 'host'`, number)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, notThere
	}
	if err != nil {
		return 0, fmt.Errorf("looking for a partner: %w", err)
	}
	return partner, nil
}

// GetOf is Get of any partner's, by its account number, for the host's staff.
func GetOf(ctx context.Context, tx *portal.Tx, number, notice string) (d Detail, err error) {
	if err := tx.Need(portal.NoticesManage); err != nil {
		return d, err
	}
	partner, err := numbered(ctx, tx, number)
	if err != nil {
		return d, err
	}
	return get(ctx, tx, partner, notice)
}

func get(ctx context.Context, tx *portal.Tx, partner int64, notice string) (d Detail, err error) {
	if !portal.Readable(notice) {
		return d, notThere
	}
	err = tx.Get(ctx, &d, `SELECT `+headColumns+`, coalesce(n.description, '') AS description, coalesce(n.reason, '') AS reason`+headTables+`WHERE n.partner_id = $1 AND n.notice = $2`, partner, notice)
	if errors.Is(err, sql.ErrNoRows) {
		return d, notThere
	}
	if err != nil {
		return d, fmt.Errorf("reading a notice: %w", err)
	}
	d.Items, d.Answers = []Item{}, []Answer{}
	if d.Policy, err = policyOf(ctx, tx, partner); err != nil {
		return d, err
	}
	if err = tx.Select(ctx, &d.Items, `SELECT i.line, i.product, coalesce(p.name, i.product) AS name, coalesce(revision_from, '') AS revision_from, coalesce(revision_to, '') AS revision_to,
		coalesce(effective_on, $3::date) AS effective_on, coalesce(effective_lot, '') AS effective_lot, coalesce(effective_serial, '') AS effective_serial,
		coalesce(replacement, '') AS replacement, coalesce(i.description, '') AS description
		FROM notice_items i LEFT JOIN products p USING (product) WHERE i.partner_id = $1 AND notice = $2 ORDER BY line`, partner, notice, d.EffectiveOn); err != nil {
		return d, fmt.Errorf("reading the items of a notice: %w", err)
	}
	if err = tx.Select(ctx, &d.Answers, `SELECT `+answerColumns+` FROM notice_answers WHERE partner_id = $1 AND notice = $2 ORDER BY answer DESC LIMIT 200`, partner, notice); err != nil {
		return d, fmt.Errorf("reading answers: %w", err)
	}
	if d.Revisions, err = revisionsOf(ctx, tx, partner, notice); err != nil {
		return d, err
	}
	if d.Files, err = files.Of(ctx, tx, partner, document(notice)); err != nil {
		return d, err
	}
	if d.Touched, err = touched(ctx, tx, partner, d.Items); err != nil {
		return d, err
	}
	d.Sums = sums(d.Touched)
	return d, nil
}
