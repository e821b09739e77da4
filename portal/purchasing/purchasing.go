// Package purchasing lets a supplier see what the host orders from it, answer it line by line, and follow what it sent. What the
// host asks for and what the supplier promises are two things: a promise stands until it is answered anew.
package purchasing

import (
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jmoiron/sqlx"

	"extranet/portal"
)

// States of a purchase order and of its lines, as the supplier sees them.
const (
	Review    = "review"    // there is something to answer
	Waiting   = "waiting"   // an answer waits for the host's decision
	Confirmed = "confirmed" // all is promised or refused
	Closed    = "closed"    // all is received, or the host closed it
)

// Lists are the lists there are, each with the sorts it can have; the first is its own.
var Lists = map[string][]string{
	"":        {"-ordered_on", "ordered_on", "next_due_on", "-net", "net", "number", "-number"},
	Review:    {"answer_by", "-ordered_on", "ordered_on"},
	Waiting:   {"-ordered_on", "ordered_on"},
	Confirmed: {"-ordered_on", "ordered_on"},
	"late":    {"next_due_on", "-next_due_on"},
	Closed:    {"-ordered_on", "ordered_on"},
}

// An Order is what the host ordered at one time.
type Order struct {
	Number    string        `json:"number" doc:"The host's number"`
	Site      string        `json:"site" doc:"The supplier's site that it is ordered from"`
	Status    string        `json:"status" enum:"open,closed,cancelled" doc:"What the host has it as"`
	State     string        `json:"state" enum:"review,waiting,confirmed,closed" doc:"review: there is something to answer; waiting: an answer waits for the host"`
	Version   int           `json:"version" doc:"Each change by the host is a new version"`
	Currency  string        `json:"currency" doc:"ISO 4217, of every amount"`
	OrderedOn portal.Date   `json:"ordered_on" format:"date"`
	Buyer     string        `json:"buyer" doc:"Who ordered it at the host"`
	ShipTo    string        `json:"ship_to" doc:"The host's place that it goes to"`
	Terms     string        `json:"terms" doc:"Of payment"`
	Net       portal.Amount `json:"net" doc:"Exact decimal, without tax"`
	LineCount int           `json:"line_count"`
	ToAnswer  int           `json:"to_answer" doc:"Lines that wait for the supplier's answer"`
	AnswerBy  portal.Date   `json:"answer_by" format:"date" nullable:"true" doc:"Day the answer is due; null where none is wanted"`
	NextDueOn portal.Date   `json:"next_due_on" format:"date" nullable:"true" doc:"The first day on which something is to arrive that has not: as promised, or where nothing is, as asked for"`
	ChangedAt time.Time     `json:"changed_at" doc:"When the portal last saw it change, UTC"`
}

const document = `o.number, coalesce(o.site, '') AS site, o.status, o.state, o.version, o.currency, o.ordered_on, coalesce(o.buyer, '') AS buyer,
	coalesce(o.ship_to, '') AS ship_to, coalesce(o.terms, '') AS terms, o.net::text AS net, o.lines AS line_count, o.to_answer,
	nullif(o.answer_by, '9999-12-31') AS answer_by, nullif(o.next_due_on, '9999-12-31') AS next_due_on, o.changed_at`

// Late reports whether something should have arrived before today.
func (o Order) Late(today portal.Date) bool { return o.NextDueOn != "" && o.NextDueOn < today }

// Filter narrows and orders List; the zero Filter lists everything, newest first.
type Filter struct {
	List    string // one of Lists; "" = all
	Site    string // a site's number
	Partner string // for the host's buyers: a supplier's account number
	Text    string // the beginning of an order's number, in any case
	Sort    string // one of the list's; "" = its first
	Limit   int    // 1 to 200; 0 = 50
	Cursor  string // from Page.Next or Page.Prev
}

// A Page is one stretch of a list. Next and Prev are cursors; "" = there is no more that way.
type Page struct {
	Items      []Order
	Next, Prev string
}

type cursor struct {
	Sort    string `json:"s"`
	Back    bool   `json:"b,omitempty"`
	Value   string `json:"v"`
	Partner int64  `json:"p,omitempty"` // across suppliers
	Key     string `json:"k"`
}

func (c cursor) String() string {
	b, _ := json.Marshal(c)
	return base64.RawURLEncoding.EncodeToString(b)
}

func readCursor(text, sort string) (*cursor, error) {
	if text == "" {
		return nil, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return nil, err
	}
	var c cursor
	if err := json.Unmarshal(b, &c); err != nil {
		return nil, err
	}
	if c.Sort != sort || !utf8.ValidString(c.Value+c.Key) || strings.ContainsRune(c.Value+c.Key, 0) {
		return nil, errors.New("another list's cursor")
	}
	switch strings.TrimPrefix(sort, "-") {
	case "net":
		_, err = strconv.ParseFloat(c.Value, 64)
	case "number":
	default:
		if c.Value == "" {
			return nil, errors.New("a cursor without a day")
		}
		_, err = portal.ParseDate(c.Value)
	}
	return &c, err
}

var sorts = map[string]struct{ column, cast string }{
	"ordered_on":  {"o.ordered_on", "::date"},
	"answer_by":   {"o.answer_by", "::date"},
	"next_due_on": {"o.next_due_on", "::date"},
	"net":         {"o.net_sort", "::float8"},
	"number":      {"o.number", "::text"},
}

// Check returns an Invalid error naming every field that cannot be meant, and fills in the defaults.
func (f *Filter) Check() error {
	bad := map[string]string{}
	can, ok := Lists[f.List]
	if !ok {
		bad["list"] = "choose from review, waiting, confirmed, late, closed"
		can = Lists[""]
	}
	if f.Sort == "" {
		f.Sort = can[0]
	}
	if !slices.Contains(can, f.Sort) {
		bad["sort"] = "this list sorts by " + strings.Join(can, ", ")
	}
	if f.Limit == 0 {
		f.Limit = 50
	}
	if f.Limit < 1 || f.Limit > 200 {
		bad["limit"] = "must be from 1 to 200"
	}
	for field, s := range map[string]string{"q": f.Text, "site": f.Site, "partner": f.Partner} {
		if !plain(s, 100) {
			bad[field] = "must be at most 100 readable characters"
		}
	}
	if _, err := readCursor(f.Cursor, f.Sort); err != nil {
		bad["cursor"] = "is not one that this list gave; begin again without it"
	}
	if len(bad) > 0 {
		return &portal.Error{Kind: portal.Invalid, Msg: "this list cannot be made", Fields: bad}
	}
	return nil
}

// plain reports whether s is text of at most so many characters on one line.
func plain(s string, most int) bool {
	return utf8.RuneCountInString(s) <= most && utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == utf8.RuneError })
}

// Key tells one filter from every other.
func (f Filter) Key() string {
	b, _ := json.Marshal(f) // strings and numbers: it cannot fail
	return string(b)
}

// where returns the conditions of the list, of static text, and their arguments.
func (f *Filter) where(tx *portal.Tx) (string, []any) {
	where, args := `o.partner_id = $1`, []any{tx.By.PartnerID}
	and := func(condition string, arg any) {
		args = append(args, arg)
		where += fmt.Sprintf(condition, len(args))
	}
	if tx.By.Sites != nil {
		and(` AND o.site = ANY($%d)`, tx.By.Sites)
	}
	switch f.List {
	case "":
	case "late":
		and(` AND o.next_due_on < $%d`, portal.DateOf(tx.Now))
	default:
		and(` AND o.state = $%d`, f.List)
	}
	if f.Site != "" {
		and(` AND o.site = $%d`, f.Site)
	}
	if text := strings.ToUpper(strings.TrimSpace(f.Text)); text != "" {
		and(` AND o.number_search ~>=~ $%[1]d AND o.number_search ~<~ ($%[1]d || chr(1114111))`, text)
	}
	return where, args
}

// query returns the SQL of one page and one row more. back says that it comes in reverse.
func (f *Filter) query(tx *portal.Tx) (query string, args []any, back bool) {
	where, args := f.where(tx)
	c, _ := readCursor(f.Cursor, f.Sort)
	name, down := strings.CutPrefix(f.Sort, "-")
	by := sorts[name]
	back = c != nil && c.Back
	direction, beyond := "", ">"
	if down != back {
		direction, beyond = " DESC", "<"
	}
	if c != nil {
		args = append(args, c.Value, c.Key)
		where += fmt.Sprintf(` AND (%s, o.number) %s ($%d%s, $%d)`, by.column, beyond, len(args)-1, by.cast, len(args))
	}
	args = append(args, f.Limit+1)
	return fmt.Sprintf(`SELECT row_to_json(d)::text, o.number, o.sorted
		FROM (SELECT o.*, %s::text AS sorted FROM purchase_orders o WHERE %s ORDER BY %[1]s%[3]s, o.number%[3]s LIMIT $%[4]d) o CROSS JOIN LATERAL (SELECT %[5]s) d`,
		by.column, where, direction, len(args), document), args, back
}

// List returns the supplier's orders that the caller's sites let it see. A filter that makes no sense is Invalid.
func List(ctx context.Context, tx *portal.Tx, f Filter) (p Page, err error) {
	if err := tx.Need(portal.PurchasingRead); err != nil {
		return p, err
	}
	if err := f.Check(); err != nil {
		return p, err
	}
	query, args, back := f.query(tx)
	var keys, values []string
	err = tx.Each(ctx, func(r *sqlx.Rows) error {
		var doc []byte
		var o Order
		var key, value string
		if err := r.Scan(&doc, &key, &value); err != nil {
			return err
		}
		keys, values = append(keys, key), append(values, value)
		err := json.Unmarshal(doc, &o)
		p.Items = append(p.Items, o)
		return err
	}, query, args...)
	if err != nil {
		return p, fmt.Errorf("listing purchase orders: %w", err)
	}
	p.Next, p.Prev = turns(&p.Items, keys, values, f.Limit, f.Sort, f.Cursor != "", back)
	return p, nil
}

// turns cuts the row too many off, brings the rows into their order, and returns the cursors of the pages beside this one.
func turns[T any](items *[]T, keys, values []string, limit int, sort string, inside, back bool) (next, prev string) {
	more := len(*items) > limit
	if more {
		*items, keys, values = (*items)[:limit], keys[:limit], values[:limit]
	}
	if back {
		slices.Reverse(*items)
		slices.Reverse(keys)
		slices.Reverse(values)
	}
	if *items == nil {
		*items = []T{}
	}
	if n := len(keys); n > 0 {
		if more || back {
			next = cursor{Sort: sort, Value: values[n-1], Key: keys[n-1]}.String()
		}
		if inside && (more || !back) {
			prev = cursor{Sort: sort, Back: true, Value: values[0], Key: keys[0]}.String()
		}
	}
	return next, prev
}

// Export gives f every order of the filter, in its sort, and audits that they were taken away as the named format. Limit and Cursor do not count.
func Export(ctx context.Context, tx *portal.Tx, f Filter, format string, each func(Order) error) error {
	if err := tx.Need(portal.PurchasingRead); err != nil {
		return err
	}
	f.Cursor, f.Limit = "", 0
	if err := f.Check(); err != nil {
		return err
	}
	if err := tx.Audit(ctx, "purchasing.export", "purchasing", map[string]string{"format": format, "list": f.List, "site": f.Site, "text": f.Text}); err != nil {
		return err
	}
	where, args := f.where(tx)
	name, down := strings.CutPrefix(f.Sort, "-")
	direction := ""
	if down {
		direction = " DESC"
	}
	err := tx.Each(ctx, func(r *sqlx.Rows) error {
		var doc []byte
		var o Order
		if err := r.Scan(&doc); err != nil {
			return err
		}
		if err := json.Unmarshal(doc, &o); err != nil {
			return err
		}
		return each(o)
	}, fmt.Sprintf(`SELECT row_to_json(d)::text FROM (SELECT %s FROM purchase_orders o WHERE %s ORDER BY %s%s, o.number%s) d`, document, where, sorts[name].column, direction, direction), args...)
	if err != nil {
		return fmt.Errorf("exporting purchase orders: %w", err)
	}
	return nil
}

// A Line is one product of an order: quantity = promised + refused + open, always; a negative open is what is promised beyond what is asked for now.
type Line struct {
	Line            int64         `json:"line"`
	Product         string        `json:"product" doc:"The host's number"`
	SupplierProduct string        `json:"supplier_product" doc:"The supplier's own number"`
	Description     string        `json:"description"`
	Unit            string        `json:"unit" doc:"Of every quantity of the line"`
	Quantity        portal.Amount `json:"quantity" doc:"Exact decimal; quantity = sum of promised + refused + open"`
	Received        portal.Amount `json:"received"`
	Price           portal.Amount `json:"price" doc:"Per unit, without tax, in the order's currency"`
	Net             portal.Amount `json:"net"`
	Status          string        `json:"status" enum:"open,closed,cancelled" doc:"What the host has it as"`
	State           string        `json:"state" enum:"review,waiting,confirmed,closed"`
	Revised         bool          `json:"revised" doc:"The host asks for something that is not answered yet"`
	Asked           []Part        `json:"asked" doc:"When how much is asked for"`
	Promised        []Part        `json:"promised" doc:"What stands: when how much the supplier delivers"`
	Confirmed       []Part        `json:"confirmed" doc:"What the host's system has as confirmed"`
	Refused         portal.Amount `json:"refused" doc:"What the supplier will not deliver"`
	Open            portal.Amount `json:"open" doc:"Neither promised nor refused; negative where more is promised than is asked for now. Of a closed line nothing is to be answered any more"`
	NextDueOn       portal.Date   `json:"next_due_on" format:"date" nullable:"true"`
	Changes         []Difference  `json:"changes" doc:"What the last version made other than the one before"`
	Offers          []LineAnswer  `json:"offers" doc:"The answer that waits for the host's decision; empty where none does"`
}

// A Version is what the host asked for at one time.
type Version struct {
	Version  int          `json:"version"`
	At       time.Time    `json:"at"`
	AnswerBy portal.Date  `json:"answer_by" format:"date"`
	Changes  []Difference `json:"changes" doc:"What it made other than the version before"`
}

// A Detail is an order with all that belongs to it.
type Detail struct {
	Order
	Comment  string    `json:"comment"`
	Lines    []Line    `json:"lines"`
	Versions []Version `json:"versions" doc:"Newest first"`
	Answers  []Given   `json:"answers" doc:"Newest first"`
	Receipts []Receipt `json:"receipts" doc:"Newest first"`
}

// NoOrder is said of an order that is not there.
const NoOrder = "there is no purchase order with this number"

var none = portal.Errorf(portal.NotFound, NoOrder)

// Get returns one order. One that is not there, is another partner's, or is ordered from a site beyond the caller's limits is NotFound.
func Get(ctx context.Context, tx *portal.Tx, number string) (d Detail, err error) {
	if err := tx.Need(portal.PurchasingRead); err != nil {
		return d, err
	}
	return get(ctx, tx, tx.By.PartnerID, number)
}

func get(ctx context.Context, tx *portal.Tx, partner int64, number string) (d Detail, err error) {
	if !plain(number, 100) {
		return d, none
	}
	var doc struct {
		Order    string `db:"doc"`
		Comment  string `db:"comment"`
		Lines    string `db:"lines"`
		Versions string `db:"versions"`
		Answers  string `db:"answers"`
	}
	err = tx.Get(ctx, &doc, `SELECT row_to_json(d)::text AS doc, coalesce(o.comment, '') AS comment, (`+linesOfOrder+`) AS lines, (`+versionsOfOrder+`) AS versions, (`+answersOfOrder+`) AS answers
		FROM purchase_orders o CROSS JOIN LATERAL (SELECT `+document+`) d WHERE o.partner_id = $1 AND o.number = $2 AND ($3::text[] IS NULL OR o.site = ANY($3))`, partner, number, portal.Limit(tx.By.Sites))
	if errors.Is(err, sql.ErrNoRows) {
		return d, none
	} else if err != nil {
		return d, fmt.Errorf("reading purchase order: %w", err)
	}
	if err := unmarshal(&d.Order, doc.Order, &d.Lines, doc.Lines); err != nil {
		return d, err
	}
	d.Comment = doc.Comment
	if d.Versions, err = readVersions(doc.Versions); err != nil {
		return d, err
	}
	if d.Answers, err = readGiven(doc.Answers); err != nil {
		return d, err
	}
	d.Receipts = []Receipt{}
	if err := tx.Select(ctx, &d.Receipts, `SELECT `+receiptColumns+` FROM `+receiptsFrom+` WHERE r.partner_id = $1 AND r.order_number = $2 AND ($3::text[] IS NULL OR r.site = ANY($3)) ORDER BY r.received_at DESC, r.receipt LIMIT 500`,
		partner, number, portal.Limit(tx.By.Sites)); err != nil {
		return d, fmt.Errorf("reading receipts: %w", err)
	}
	for i := range d.Lines {
		l := &d.Lines[i]
		l.Changes, l.Offers = []Difference{}, []LineAnswer{}
		if l.Revised && len(d.Versions) > 0 {
			for _, c := range d.Versions[0].Changes {
				if c.Line == l.Line {
					l.Changes = append(l.Changes, c)
				}
			}
		}
		for _, g := range d.Answers {
			for _, a := range g.Lines {
				if a.Line == l.Line && a.State == "waiting" {
					l.Offers = append(l.Offers, a.LineAnswer)
				}
			}
		}
	}
	return d, nil
}

// linesOfOrder is the SQL of the lines of the partner $1's order $2, as JSON.
const linesOfOrder = `SELECT coalesce(json_agg(x ORDER BY x.line), '[]')::text FROM (
	SELECT l.line, coalesce(l.product, '') AS product, coalesce(l.supplier_product, '') AS supplier_product, l.description, coalesce(l.unit, '') AS unit,
		trim_scale(l.quantity)::text AS quantity, trim_scale(l.received)::text AS received, l.price::text AS price, l.net::text AS net, l.status, l.state, l.revised,
		` + askedOf + ` AS asked, p.parts AS promised, trim_scale(l.refused)::text AS refused, trim_scale(l.quantity - p.sum - l.refused)::text AS open, l.next_due_on,
		(SELECT coalesce(json_agg(json_build_object('on', coalesce(s.confirmed_on, s.requested_on), 'quantity', trim_scale(s.confirmed_quantity)::text) ORDER BY s.schedule), '[]')
			FROM schedule_lines s WHERE s.partner_id = l.partner_id AND s.order_number = l.order_number AND s.line = l.line AND s.confirmed_quantity > 0) AS confirmed
	FROM purchase_order_lines l CROSS JOIN LATERAL (
		SELECT coalesce(sum(quantity), 0) AS sum, coalesce(json_agg(json_build_object('on', promised_on, 'quantity', trim_scale(quantity)::text) ORDER BY promised_on, part), '[]') AS parts
		FROM purchase_promises p WHERE p.partner_id = l.partner_id AND p.order_number = l.order_number AND p.line = l.line) p
	WHERE l.partner_id = $1 AND l.order_number = $2) x`

func linesOf(ctx context.Context, tx *portal.Tx, partner int64, number string) ([]Line, error) {
	var doc string
	if err := tx.Get(ctx, &doc, linesOfOrder, partner, number); err != nil {
		return nil, fmt.Errorf("reading purchase order lines: %w", err)
	}
	lines := []Line{}
	return lines, unmarshal(&lines, doc)
}

// versionsOfOrder is the SQL of the versions of the partner $1's order $2, oldest first, as JSON.
const versionsOfOrder = `SELECT coalesce(json_agg(json_build_object('version', version, 'at', at, 'answer_by', answer_by, 'content', content) ORDER BY version), '[]')::text
	FROM purchase_versions WHERE partner_id = $1 AND order_number = $2`

// readVersions reads what versionsOfOrder says, newest first, each with what it made other than the one before.
func readVersions(doc string) ([]Version, error) {
	var rows []struct {
		Version  int         `json:"version"`
		At       time.Time   `json:"at"`
		AnswerBy portal.Date `json:"answer_by"`
		Content  string      `json:"content"`
	}
	if err := unmarshal(&rows, doc); err != nil {
		return nil, err
	}
	list := []Version{}
	var before Terms
	for i, r := range rows {
		var t Terms
		if err := unmarshal(&t, r.Content); err != nil {
			return nil, err
		}
		v := Version{r.Version, r.At.UTC(), r.AnswerBy, []Difference{}}
		if i > 0 {
			v.Changes = append(v.Changes, differences(before, t)...)
		}
		list, before = append(list, v), t
	}
	slices.Reverse(list)
	return list, nil
}

// answersOfOrder is the SQL of the answers to the partner $1's order $2, newest first, line by line, as JSON.
const answersOfOrder = `SELECT coalesce(json_agg(json_build_object('answer', a.answer, 'version', a.version, 'at', a.at, 'by', a.by_whom, 'note', a.note, 'content', l.content, 'state', l.state,
		'why', coalesce(l.why, ''), 'decided_at', l.decided_at) ORDER BY a.answer DESC, l.line), '[]')::text
	FROM purchase_answers a JOIN purchase_answer_lines l ON l.partner_id = a.partner_id AND l.order_number = a.order_number AND l.answer = a.answer
	WHERE a.partner_id = $1 AND a.order_number = $2`

func readGiven(doc string) ([]Given, error) {
	var rows []struct {
		Answer  int        `json:"answer"`
		Version int        `json:"version"`
		At      time.Time  `json:"at"`
		By      string     `json:"by"`
		Note    string     `json:"note"`
		Content string     `json:"content"`
		State   string     `json:"state"`
		Why     string     `json:"why"`
		Decided *time.Time `json:"decided_at"`
	}
	if err := unmarshal(&rows, doc); err != nil {
		return nil, err
	}
	list := []Given{}
	for _, r := range rows {
		if n := len(list); n == 0 || list[n-1].Answer != r.Answer {
			list = append(list, Given{Answer: r.Answer, Version: r.Version, At: r.At.UTC(), By: r.By, Note: r.Note})
		}
		l := GivenLine{State: r.State, Why: r.Why}
		if err := unmarshal(&l.LineAnswer, r.Content); err != nil {
			return nil, err
		}
		if r.Decided != nil {
			at := r.Decided.UTC()
			l.DecidedAt = &at
		}
		g := &list[len(list)-1]
		g.Lines = append(g.Lines, l)
	}
	return list, nil
}

// An Overview counts what the caller has to do. Counting ends at 1,000.
type Overview struct {
	Review   int `db:"review"`   // orders with something to answer
	Overdue  int `db:"overdue"`  // of them, past the day the answer was due
	Waiting  int `db:"waiting"`  // orders that wait for the host
	Late     int `db:"late"`     // orders of which something should have arrived
	Rejected int `db:"rejected"` // receipts of the last 30 days with something rejected
}

// Look returns the caller's overview.
func Look(ctx context.Context, tx *portal.Tx) (v Overview, err error) {
	if err := tx.Need(portal.PurchasingRead); err != nil {
		return v, err
	}
	today := tx.Now
	err = tx.Get(ctx, &v, `
		SELECT (SELECT count(*) FROM (SELECT 1 FROM purchase_orders o WHERE o.partner_id = $1 AND o.state = 'review' AND ($2::text[] IS NULL OR o.site = ANY($2)) LIMIT 1000) x) AS review,
			(SELECT count(*) FROM (SELECT 1 FROM purchase_orders o WHERE o.partner_id = $1 AND o.state = 'review' AND o.answer_by < $3 AND ($2::text[] IS NULL OR o.site = ANY($2)) LIMIT 1000) x) AS overdue,
			(SELECT count(*) FROM (SELECT 1 FROM purchase_orders o WHERE o.partner_id = $1 AND o.state = 'waiting' AND ($2::text[] IS NULL OR o.site = ANY($2)) LIMIT 1000) x) AS waiting,
			(SELECT count(*) FROM (SELECT 1 FROM purchase_orders o WHERE o.partner_id = $1 AND o.next_due_on < $3 AND ($2::text[] IS NULL OR o.site = ANY($2)) LIMIT 1000) x) AS late,
			(SELECT count(*) FROM (SELECT 1 FROM receipts r WHERE r.partner_id = $1 AND r.defects AND r.day > $4 AND ($2::text[] IS NULL OR r.site = ANY($2)) LIMIT 1000) x) AS rejected`,
		tx.By.PartnerID, portal.Limit(tx.By.Sites), portal.DateOf(today), portal.DateOf(today.AddDate(0, 0, -30)))
	if err != nil {
		return v, fmt.Errorf("counting purchase orders: %w", err)
	}
	return v, nil
}
