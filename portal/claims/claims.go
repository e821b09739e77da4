// Package claims lets a partner say that something is wrong with what it bought, and the host's desk decide by rules that both can see.
//
// A line of a claim goes from draft over submitted and in review, where the desk may ask and the partner answer, to approved, approved in
// part or refused; then it is credited, appealed or withdrawn. Whatever is open has a side that must act, a time, and what to do.
package claims

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"extranet/portal"
	"extranet/portal/files"
)

// Noun is that of the claims' caches and news.
const Noun = "claims"

// Decisions says how the core's own decisions about claims lie in the portal's database.
var Decisions = portal.Mirror{
	Entity: "claim_decisions", Table: "claim_decisions", Key: []string{"decision"}, Owned: true, Nouns: []string{Noun},
	Columns: []portal.Column{
		{Name: "decision", Required: true}, {Name: "claim", Required: true}, {Name: "line", Type: portal.Int, Required: true}, {Name: "outcome", Required: true, OneOf: []string{"approved", "in_part", "refused"}},
		{Name: "amount", Type: portal.Decimal, Required: true}, {Name: "currency", Required: true}, {Name: "code"}, {Name: "words"}, {Name: "decided_on", Type: portal.Day, Required: true}, {Name: "credit_memo"},
	},
}

// Commands that go to the core.
const (
	FileCommand   = "file_claim"   // a claim was submitted
	DecideCommand = "decide_claim" // a line was decided, for good
)

// Sides of a claim.
const (
	Dealer = "dealer"
	Host   = "host"
)

// States of a claim: that of its least advanced open line.
var States = []string{"draft", "asked", "submitted", "in_review", "proposed", "appealed", "approved", "in_part", "closed"}

// How long each side has.
const (
	draftFor   = 30 * 24 * time.Hour
	reviewFor  = 5 * 24 * time.Hour
	answerFor  = 14 * 24 * time.Hour
	approveFor = 3 * 24 * time.Hour
	creditFor  = 10 * 24 * time.Hour
	appealFor  = 30 * 24 * time.Hour
)

// A Claim is one complaint, of one line or more.
type Claim struct {
	PartnerID    int64        `db:"partner_id" json:"-"`
	Number       string       `db:"number" json:"number"`
	Kind         string       `db:"kind" json:"kind" enum:"warranty,transit,shortage,price,return"`
	Site         string       `db:"site" json:"site" doc:"The site that complains"`
	Currency     string       `db:"currency" json:"currency" doc:"ISO 4217, of every amount"`
	Reference    string       `db:"reference" json:"reference" doc:"The partner's own number for it"`
	ContactEmail string       `db:"contact_email" json:"contact_email" doc:"Who hears of changes"`
	State        string       `db:"state" json:"state" enum:"draft,asked,submitted,in_review,proposed,appealed,approved,in_part,closed" doc:"That of its least advanced open line; closed when none is open"`
	Owner        string       `db:"owner" json:"owner" enum:"dealer,host," doc:"Whose turn it is; empty when closed"`
	DueAt        sql.NullTime `db:"due_at" json:"-"`
	CreatedAt    time.Time    `db:"created_at" json:"created_at"`
	CreatedBy    string       `db:"created_by" json:"created_by"`
	SubmittedAt  sql.NullTime `db:"submitted_at" json:"-"`
	ChangedAt    time.Time    `db:"changed_at" json:"changed_at"`
	Due          *time.Time   `db:"-" json:"due_at" nullable:"true" doc:"By when the owner acts; null when closed"`
}

const columns = `c.partner_id, c.number, c.kind, c.site, c.currency, c.reference, c.contact_email, c.state, coalesce(c.owner, '') AS owner, c.due_at, c.created_at, c.created_by, c.submitted_at, c.changed_at`

func (c *Claim) tidy() {
	if c.DueAt.Valid {
		c.Due = &c.DueAt.Time
	}
}

// A Line is one thing that is wrong.
type Line struct {
	Line       int64         `db:"line" json:"line"`
	State      string        `db:"state" json:"state" enum:"draft,submitted,in_review,asked,proposed,appealed,approved,in_part,refused,credited,withdrawn"`
	Owner      string        `db:"owner" json:"owner" doc:"Whose turn it is; empty when it is at its end"`
	DueAt      sql.NullTime  `db:"due_at" json:"-"`
	NextAction string        `db:"next_action" json:"next_action" doc:"What the owner has to do"`
	Facts      Facts         `db:"-" json:"facts"`
	Version    int           `db:"version" json:"policy_version" doc:"Of the rules it was decided by, or would be"`
	Result     *Result       `db:"-" json:"result,omitempty" doc:"What the rules give: before it is decided a preview, after it the decision"`
	Preflight  *Result       `db:"-" json:"preflight,omitempty" doc:"What the rules gave when it was submitted"`
	Inputs     *Inputs       `db:"-" json:"inputs,omitempty" doc:"What the rules were given"`
	Amount     portal.Amount `db:"amount" json:"amount" doc:"Decided, without tax; empty before"`
	Words      string        `db:"words" json:"words" doc:"What the desk says to it"`
	DecidedAt  sql.NullTime  `db:"decided_at" json:"-"`
	DecidedBy  string        `db:"decided_by" json:"decided_by"`
	ApprovedBy string        `db:"approved_by" json:"approved_by" doc:"The second person, where one was needed"`
	CreditMemo string        `db:"credit_memo" json:"credit_memo" doc:"The document in the account that credits it"`
	Due        *time.Time    `db:"-" json:"due_at" nullable:"true"`
	AppealTill *time.Time    `db:"-" json:"appeal_until" nullable:"true" doc:"A decision can be appealed until then"`

	FactsText     string `db:"facts" json:"-"`
	InputsText    string `db:"inputs" json:"-"`
	ResultText    string `db:"result" json:"-"`
	PreflightText string `db:"preflight" json:"-"`
	Decider       string `db:"decider" json:"-"`
}

const lineColumns = `l.line, l.state, coalesce(l.owner, '') AS owner, l.due_at, coalesce(l.next_action, '') AS next_action, l.facts, coalesce(l.version, 0) AS version, coalesce(l.inputs, '') AS inputs,
	coalesce(l.result, '') AS result, coalesce(l.preflight, '') AS preflight, l.amount, coalesce(l.words, '') AS words, l.decided_at, coalesce(l.decided_by, '') AS decided_by, coalesce(l.decider, '') AS decider,
	coalesce(l.approved_by, '') AS approved_by, coalesce(l.credit_memo, '') AS credit_memo`

func (l *Line) tidy() (err error) {
	if l.Facts, err = parse[Facts](l.FactsText); err != nil {
		return err
	}
	if l.Inputs, err = parse[*Inputs](l.InputsText); err != nil {
		return err
	}
	if l.Result, err = parse[*Result](l.ResultText); err != nil {
		return err
	}
	if l.Preflight, err = parse[*Result](l.PreflightText); err != nil {
		return err
	}
	if l.DueAt.Valid {
		l.Due = &l.DueAt.Time
	}
	if l.DecidedAt.Valid && (l.State == "refused" || l.State == "in_part") {
		till := l.DecidedAt.Time.Add(appealFor)
		l.AppealTill = &till
	}
	return nil
}

// Editable reports whether the partner may still say other facts.
func (l Line) Editable() bool { return l.State == "draft" || l.State == "asked" }

// Over reports whether nothing more happens by itself.
func (l Line) Over() bool {
	return l.State == "refused" || l.State == "credited" || l.State == "withdrawn"
}

// An Event is one thing that happened to a claim.
type Event struct {
	At     time.Time `db:"at" json:"at"`
	Line   int64     `db:"line" json:"line" doc:"0 = the whole claim"`
	Side   string    `db:"side" json:"side" enum:"dealer,host"`
	ByName string    `db:"by_name" json:"by"`
	What   string    `db:"what" json:"what"`
	Words  string    `db:"words" json:"words"`
}

// A Detail is a claim with all that belongs to it.
type Detail struct {
	Claim
	Lines  []Line       `json:"lines"`
	Events []Event      `json:"events" doc:"Oldest first"`
	Files  []files.File `json:"files"`
	Policy Policy       `json:"policy" doc:"The rules in force today for this kind"`

	versions map[int]Policy // that lines were submitted under
}

// Photos counts the pictures.
func (d Detail) Photos() (n int) {
	for _, f := range d.Files {
		if f.Picture() {
			n++
		}
	}
	return n
}

// Document names a claim among files and commands.
func Document(number string) string { return "claims/" + number }

// InForce returns the policy of a kind on a day.
func InForce(ctx context.Context, tx *portal.Tx, kind string, on portal.Date) (Policy, error) {
	return policy(ctx, tx, `SELECT kind, version, name, valid_from, valid_to, rules FROM claim_policies
		WHERE kind = $1 AND valid_from <= $2::date AND (valid_to IS NULL OR valid_to >= $2::date) ORDER BY version DESC LIMIT 1`, kind, on)
}

// PolicyOf returns a version of a policy, in force or not.
func PolicyOf(ctx context.Context, tx *portal.Tx, kind string, version int) (Policy, error) {
	return policy(ctx, tx, `SELECT kind, version, name, valid_from, valid_to, rules FROM claim_policies WHERE kind = $1 AND version = $2`, kind, version)
}

func policy(ctx context.Context, tx *portal.Tx, query string, args ...any) (p Policy, err error) {
	var row struct {
		Policy
		Text string `db:"rules"`
	}
	err = tx.Get(ctx, &row, query, args...)
	if errors.Is(err, sql.ErrNoRows) {
		return p, portal.Errorf(portal.Conflict, "the host has no rules in force for this kind of claim; ask your contact at the host")
	} else if err != nil {
		return p, fmt.Errorf("reading rules: %w", err)
	}
	return row.Policy, json.Unmarshal([]byte(row.Text), &row.Policy.Rules)
}

// Filter narrows List; the zero Filter lists everything, newest first.
type Filter struct {
	State  string // one of States, or "open"; "" = any
	Kind   string // one of Kinds; "" = any
	Site   string // a site's number; "" = any
	Limit  int    // 1 to 200; 0 = 50
	Cursor string // from Page.Next
}

// A Page is one stretch of a list.
type Page struct {
	Items []Claim `json:"items"`
	Next  string  `json:"next" doc:"Cursor of the next page; empty = this is the last"`
}

type cursor struct {
	At     time.Time `json:"t"`
	Number string    `json:"n"`
}

// Check returns an Invalid error naming every field that cannot be meant, and fills in the defaults.
func (f *Filter) Check() error {
	bad := map[string]string{}
	if f.State != "" && f.State != "open" && !slices.Contains(States, f.State) {
		bad["state"] = "choose from open, " + strings.Join(States, ", ")
	}
	if f.Kind != "" && !slices.Contains(Kinds, f.Kind) {
		bad["kind"] = "choose from " + strings.Join(Kinds, ", ")
	}
	if !portal.Readable(f.Site) {
		bad["site"] = "choose one of your sites"
	}
	if f.Limit == 0 {
		f.Limit = 50
	}
	if f.Limit < 1 || f.Limit > 200 {
		bad["limit"] = "must be from 1 to 200"
	}
	if _, err := f.cursor(); err != nil {
		bad["cursor"] = "is not one that this list gave; begin again without it"
	}
	if len(bad) > 0 {
		return &portal.Error{Kind: portal.Invalid, Msg: "this list cannot be made", Fields: bad}
	}
	return nil
}

func (f Filter) cursor() (c cursor, err error) {
	if f.Cursor == "" {
		return c, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(f.Cursor)
	if err != nil {
		return c, err
	}
	if err = json.Unmarshal(b, &c); err == nil && strings.ContainsRune(c.Number, 0) {
		err = errors.New("not text")
	}
	return c, err
}

// Key tells one filter from every other.
func (f Filter) Key() string { return written(f) }

// query is the SQL of the list, of static text.
func (f Filter) query(tx *portal.Tx) (string, []any) {
	where, args := `c.partner_id = $1`, []any{tx.By.PartnerID}
	and := func(condition string, values ...any) {
		for _, v := range values {
			args = append(args, v)
			condition = strings.Replace(condition, "?", fmt.Sprintf("$%d", len(args)), 1)
		}
		where += condition
	}
	if tx.By.Sites != nil {
		and(` AND c.site = ANY(?)`, tx.By.Sites)
	}
	switch f.State {
	case "":
	case "open":
		and(` AND c.owner IS NOT NULL`)
	default:
		and(` AND c.state = ?`, f.State)
	}
	if f.Kind != "" {
		and(` AND c.kind = ?`, f.Kind)
	}
	if f.Site != "" {
		and(` AND c.site = ?`, f.Site)
	}
	if c, _ := f.cursor(); f.Cursor != "" {
		and(` AND (c.created_at, c.number) < (?, ?)`, c.At, c.Number)
	}
	args = append(args, f.Limit+1)
	return fmt.Sprintf(`SELECT `+columns+` FROM claims c WHERE %s ORDER BY c.created_at DESC, c.number DESC LIMIT $%d`, where, len(args)), args
}

// List returns the partner's claims that the caller's sites let it see, newest first.
func List(ctx context.Context, tx *portal.Tx, f Filter) (p Page, err error) {
	if err := tx.Need(portal.ClaimsRead); err != nil {
		return p, err
	}
	if err := f.Check(); err != nil {
		return p, err
	}
	query, args := f.query(tx)
	p.Items = []Claim{}
	if err := tx.Select(ctx, &p.Items, query, args...); err != nil {
		return p, fmt.Errorf("listing claims: %w", err)
	}
	if len(p.Items) > f.Limit {
		p.Items = p.Items[:f.Limit]
		last := p.Items[f.Limit-1]
		p.Next = base64.RawURLEncoding.EncodeToString([]byte(written(cursor{last.CreatedAt, last.Number})))
	}
	for i := range p.Items {
		p.Items[i].tidy()
	}
	return p, nil
}

// Export calls each with every claim of the filter, newest first, and audits that they were taken away.
func Export(ctx context.Context, tx *portal.Tx, f Filter, format string, each func(Claim) error) error {
	rows := 0
	for f.Limit, f.Cursor = 200, ""; ; {
		p, err := List(ctx, tx, f)
		if err != nil {
			return err
		}
		for _, c := range p.Items {
			rows++
			if err := each(c); err != nil {
				return err
			}
		}
		if f.Cursor = p.Next; p.Next == "" {
			return tx.Audit(ctx, "claims.export", "claims", map[string]string{"format": format, "rows": fmt.Sprint(rows)})
		}
	}
}

// Get returns one claim. One that is not there, is another partner's, or of a site beyond the caller's limits is NotFound.
func Get(ctx context.Context, tx *portal.Tx, number string) (d Detail, err error) {
	if err := tx.Need(portal.ClaimsRead); err != nil {
		return d, err
	}
	d, err = read(ctx, tx, tx.By.PartnerID, number)
	d.Policy = d.Policy.forPartners()
	return d, err
}

// read returns a claim with the previews of what is not decided.
func read(ctx context.Context, tx *portal.Tx, partner int64, number string) (d Detail, err error) {
	missing := portal.Errorf(portal.NotFound, "there is no claim with this number")
	if !portal.Readable(number) {
		return d, missing
	}
	sites := portal.Limit(tx.By.Sites)
	err = tx.Get(ctx, &d.Claim, `SELECT `+columns+` FROM claims c WHERE c.partner_id = $1 AND c.number = $2 AND ($3::text[] IS NULL OR c.site = ANY($3))`, partner, number, sites)
	if errors.Is(err, sql.ErrNoRows) {
		return d, missing
	} else if err != nil {
		return d, fmt.Errorf("reading claim: %w", err)
	}
	d.tidy()
	d.Lines, d.Events = []Line{}, []Event{}
	if err := tx.Select(ctx, &d.Lines, `SELECT `+lineColumns+` FROM claim_lines l WHERE l.partner_id = $1 AND l.claim = $2 ORDER BY l.line`, partner, number); err != nil {
		return d, fmt.Errorf("reading claim lines: %w", err)
	}
	err = tx.Select(ctx, &d.Events, `SELECT at, coalesce(line, 0) AS line, side, by_name, what, words FROM claim_events WHERE partner_id = $1 AND claim = $2 ORDER BY seq`, partner, number)
	if err != nil {
		return d, fmt.Errorf("reading what happened to a claim: %w", err)
	}
	if d.Files, err = files.Of(ctx, tx, partner, Document(number)); err != nil {
		return d, err
	}
	none, err := d.rules(ctx, tx)
	if err != nil {
		return d, err
	}
	if err := d.gather(ctx, tx); err != nil {
		return d, err
	}
	for i := range d.Lines {
		l := &d.Lines[i]
		if err := l.tidy(); err != nil {
			return d, fmt.Errorf("reading claim line: %w", err)
		}
		if l.Editable() {
			in := d.inputs(*l, tx)
			r := Decide(d.Policy, in)
			if none {
				r = without(d.Currency)
			}
			l.Version, l.Result, l.Inputs = d.Policy.Version, &r, &in
		}
	}
	return d, nil
}

// inputs are what the line would be decided on now.
func (d Detail) inputs(l Line, tx *portal.Tx) Inputs {
	in := Inputs{Facts: l.Facts, FiledOn: portal.DateOf(tx.Now), Photos: d.Photos(), Currency: d.Currency}
	if d.SubmittedAt.Valid {
		in.FiledOn = portal.DateOf(d.SubmittedAt.Time)
	}
	return in
}

// Recompute decides a line again from what is stored, by the version that is stored.
func Recompute(ctx context.Context, tx *portal.Tx, kind string, l Line) (Result, error) {
	p, err := PolicyOf(ctx, tx, kind, l.Version)
	if err != nil {
		return Result{}, err
	}
	if l.Inputs == nil {
		return Result{}, portal.Errorf(portal.Conflict, "this line was not decided by the portal's rules")
	}
	return Decide(p, *l.Inputs), nil
}

const letters = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"

// newNumber is one that cannot be guessed from another.
func newNumber(now time.Time) string {
	b := make([]byte, 8)
	_, _ = rand.Read(b) // it never fails
	for i := range b {
		b[i] = letters[b[i]%32]
	}
	return "C" + now.Format("06") + "-" + string(b)
}

// note writes down that something happened.
func note(ctx context.Context, tx *portal.Tx, partner int64, number string, line int64, side, what, words string) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO claim_events (partner_id, claim, seq, line, at, side, by_name, what, words)
		SELECT $1, $2, coalesce(max(seq), 0) + 1, nullif($3::bigint, 0), $4, $5, $6, $7, $8 FROM claim_events WHERE partner_id = $1 AND claim = $2`,
		partner, number, line, tx.Now, side, tx.By.Name, what, words)
	if err != nil {
		return fmt.Errorf("noting what happened: %w", err)
	}
	detail := map[string]string{"what": what}
	if line > 0 {
		detail["line"] = fmt.Sprint(line)
	}
	return tx.AuditFor(ctx, partner, "claims."+strings.ReplaceAll(what, " ", "_"), Document(number), detail)
}

// touch brings the claim in step with its lines.
func touch(ctx context.Context, tx *portal.Tx, partner int64, number string) error {
	_, err := tx.Exec(ctx, `
		UPDATE claims SET changed_at = $3, state = coalesce(s.state, 'closed'), owner = s.owner, due_at = s.due_at
		FROM (SELECT 1) x LEFT JOIN (
			SELECT state, owner, (SELECT min(due_at) FROM claim_lines WHERE partner_id = $1 AND claim = $2 AND owner = l.owner AND state NOT IN ('refused', 'credited', 'withdrawn')) AS due_at
			FROM claim_lines l WHERE partner_id = $1 AND claim = $2 AND state NOT IN ('refused', 'credited', 'withdrawn')
			ORDER BY array_position('{draft,asked,submitted,in_review,proposed,appealed,approved,in_part}', state), due_at LIMIT 1) s ON true
		WHERE partner_id = $1 AND number = $2`, partner, number, tx.Now)
	if err != nil {
		return fmt.Errorf("bringing a claim in step: %w", err)
	}
	tx.Changed(Noun, partner)
	return nil
}

// move brings a line to a state, with whose turn it is then, until when, and what to do; "" for a state that is an end.
func move(ctx context.Context, tx *portal.Tx, partner int64, number string, line int64, state, owner string, within time.Duration, action string) error {
	var due any
	if owner != "" {
		due = tx.Now.Add(within)
	}
	_, err := tx.Exec(ctx, `UPDATE claim_lines SET state = $4, owner = nullif($5, ''), due_at = $6, next_action = nullif($7, '') WHERE partner_id = $1 AND claim = $2 AND line = $3`,
		partner, number, line, state, owner, due, action)
	if err != nil {
		return fmt.Errorf("moving a claim line: %w", err)
	}
	return nil
}
