package orders

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"extranet/portal"
)

// PlaceOrder is the command by which the core takes up an order; CancelOrder and ChangeOrder change one that it has.
const (
	PlaceOrder  = "place_order"
	CancelOrder = "cancel_order"
	ChangeOrder = "change_order"
)

// The states of an order that was placed here.
var PlacedStates = []string{"awaiting", "returned", "sent", "acknowledged", "refused", "withdrawn"}

// A Placing says under what terms a cart becomes orders.
type Placing struct {
	PONumber string // the partner's own number
	Comment  string
	Seen     string        // the Seen of the cart that was shown: what moved since is asked about; "" = not shown
	Expected portal.Amount // the net total that a machine reckons with; "" = whatever it is
	InStock  bool          // all of it has to be in stock today
}

// A Placed order was ordered here. Lines for several sites become an order each.
type Placed struct {
	ID         uuid.UUID     `json:"id" db:"placed_id"`
	State      string        `json:"state" db:"state" enum:"awaiting,returned,sent,acknowledged,refused,withdrawn" doc:"awaiting: a colleague has to approve it; sent: on its way to the host; acknowledged: the host has given it its number"`
	Site       string        `json:"site" db:"site"`
	PONumber   string        `json:"po_number" db:"po_number"`
	Comment    string        `json:"comment" db:"comment"`
	Currency   string        `json:"currency" db:"currency"`
	Net        portal.Amount `json:"net" db:"net" doc:"Exact decimal, without tax"`
	Owner      string        `json:"-" db:"owner"`
	PlacedBy   string        `json:"placed_by" db:"placed_by"`
	PlacedAt   time.Time     `json:"placed_at" db:"placed_at"`
	DecidedBy  string        `json:"decided_by" db:"decided_by" doc:"Who approved or returned it"`
	DecidedAt  *time.Time    `json:"decided_at,omitempty" db:"decided_at"`
	Words      string        `json:"words" db:"words" doc:"Why it was returned or refused"`
	Number     string        `json:"number" db:"number" doc:"The host's number of the order; empty until it is acknowledged"`
	AnsweredAt *time.Time    `json:"answered_at,omitempty" db:"answered_at" doc:"When the host took or refused it"`
	Mirrored   bool          `json:"mirrored" db:"mirrored" doc:"The order is among the orders, under the host's number; a moment after it is acknowledged"`
	Lines      []PlacedLine  `json:"lines" db:"-"`
}

// A PlacedLine is one product of it.
type PlacedLine struct {
	Line        int64         `json:"line" db:"line"`
	Product     string        `json:"product" db:"product"`
	Description string        `json:"description" db:"description"`
	Unit        string        `json:"unit" db:"unit"`
	Quantity    portal.Amount `json:"quantity" db:"quantity"`
	Price       portal.Amount `json:"price" db:"price"`
	Net         portal.Amount `json:"net" db:"net"`
	RequestedOn portal.Date   `json:"requested_on" db:"requested_on" format:"date" nullable:"true"`
}

// Whether it is mirrored is asked for each by its key: as a join it would be answered by reading all of the partner's orders.
const placedColumns = `placed_id, state, site, coalesce(po_number, '') AS po_number, coalesce(comment, '') AS comment, currency, net, owner, placed_by, placed_at, coalesce(decided_by, '') AS decided_by, decided_at,
	coalesce(words, '') AS words, coalesce(number, '') AS number, answered_at, (SELECT m.number FROM orders m WHERE m.partner_id = $1 AND m.number = placed_orders.number) IS NOT NULL AS mirrored`

// PlaceCart orders what is in the caller's cart, and empties it. A cart that is empty, or whose prices or stock moved since it was seen, is a
// Conflict: look again. Lines with a problem, a taken PO number, too little credit are Invalid or a Conflict, and nothing is ordered. An order
// above the caller's limit waits for a colleague.
func PlaceCart(ctx context.Context, tx *portal.Tx, p Placing) ([]Placed, error) {
	if err := mayOrder(tx); err != nil {
		return nil, err
	}
	if err := lockCart(ctx, tx); err != nil {
		return nil, fmt.Errorf("opening the cart: %w", err)
	}
	c, err := cartOf(ctx, tx)
	if err != nil {
		return nil, err
	}
	if len(c.Lines) == 0 {
		return nil, portal.Errorf(portal.Conflict, "your cart is empty; what was in it may have been ordered already")
	}
	if p.Seen != "" {
		if moved := Moved(p.Seen, c); len(moved) > 0 {
			return nil, &portal.Error{Kind: portal.Conflict, Msg: "prices or stock moved while you looked: see what changed, and order again if you agree", Fields: moved}
		}
	}
	placed, err := place(ctx, tx, c, p)
	if err != nil {
		return nil, err
	}
	return placed, EmptyCart(ctx, tx)
}

// Moved says of each line of the cart what is other than it was when seen, by line.
func Moved(seen string, c Cart) map[string]string {
	was := map[string][]string{}
	for _, line := range strings.Split(strings.TrimSuffix(seen, ";"), ";") {
		if f := strings.Split(line, "/"); len(f) == 4 {
			was[f[0]] = f
		}
	}
	moved := map[string]string{}
	for _, l := range c.Lines {
		key, name := fmt.Sprint(l.Line), fmt.Sprintf("Line %d, %s: ", l.Line, l.Name)
		w, known := was[key]
		price := ""
		if l.Price != nil {
			price = string(l.Price.UnitPrice)
		}
		what := ""
		switch {
		case !known:
			what = "is new in your cart"
		case w[1] != l.Quantity.Number().String():
			what = fmt.Sprintf("the quantity was %v and is %v", w[1], l.Quantity.Number())
		case w[2] != price && w[2] == "":
			what = fmt.Sprintf("the price was on request and is %v", cents(price))
		case w[2] != price && price == "":
			what = fmt.Sprintf("the price was %v and is on request", cents(w[2]))
		case w[2] != price:
			what = fmt.Sprintf("the price was %v and is %v", cents(w[2]), cents(price))
		case portal.Amount(w[3]).Number().LessThan(l.Short.Number()):
			what = fmt.Sprintf("%v of %v are not in stock any more and follow later", l.Short.Number(), l.Quantity.Number())
		}
		if what != "" {
			moved["line-"+key] = name + what
		}
		delete(was, key)
	}
	for key := range was {
		moved["line-"+key] = fmt.Sprintf("Line %s is no longer in your cart", key)
	}
	return moved
}

// cents is a price with all its places, and two at least.
func cents(price string) string {
	n := portal.Amount(price).Number()
	return n.StringFixed(max(2, -n.Exponent()))
}

// PlaceLines orders lines without a cart: a machine does this. A line that would have to be corrected or refused makes the whole Invalid, each named by
// its place; a total that is not the expected one is a Conflict.
func PlaceLines(ctx context.Context, tx *portal.Tx, lines []New, p Placing) ([]Placed, error) {
	if err := mayOrder(tx); err != nil {
		return nil, err
	}
	taken, wanted, err := take(ctx, tx, lines)
	if err != nil {
		return nil, err
	}
	bad := map[string]string{}
	for _, t := range taken {
		if t.State != "taken" {
			bad[fmt.Sprintf("lines[%d].%s", t.Row-1, t.Column)] = t.Reason
		}
	}
	if len(bad) > 0 {
		return nil, &portal.Error{Kind: portal.Invalid, Msg: "these lines cannot be ordered as they are", Fields: bad}
	}
	for i := range wanted {
		wanted[i].Line = int64(i + 1)
	}
	c, err := quote(ctx, tx, wanted)
	if err != nil {
		return nil, err
	}
	return place(ctx, tx, c, p)
}

func place(ctx context.Context, tx *portal.Tx, c Cart, p Placing) ([]Placed, error) {
	if p.Expected != "" && !p.Expected.Number().Equal(c.Net.Number()) {
		return nil, &portal.Error{Kind: portal.Conflict, Msg: fmt.Sprintf("this costs %s %s and not %s; send that total, or accept changes", c.Net, c.Currency, p.Expected), Fields: map[string]string{"expected_total": "is " + string(c.Net) + " now"}}
	}
	bad := map[string]string{}
	if p.InStock {
		for _, l := range c.Lines {
			if l.Short != "" {
				bad[fmt.Sprintf("line-%d", l.Line)] = fmt.Sprintf("Line %d, %s: %v of %v are not in stock today", l.Line, l.Name, l.Short.Number(), l.Quantity.Number())
			}
		}
		if len(bad) > 0 {
			return nil, &portal.Error{Kind: portal.Conflict, Msg: "not all of this is in stock today; order less, or let the rest follow", Fields: bad}
		}
	}
	for _, l := range c.Lines {
		if l.Problem != "" {
			bad[fmt.Sprintf("line-%d", l.Line)] = fmt.Sprintf("Line %d, %s: %s", l.Line, l.Name, l.Problem)
		}
	}
	p.PONumber, p.Comment = strings.TrimSpace(p.PONumber), strings.TrimSpace(p.Comment)
	maps.Copy(bad, Notes{PONumber: p.PONumber, Comment: p.Comment}.wrong())
	if len(bad) > 0 {
		return nil, &portal.Error{Kind: portal.Invalid, Msg: "this cannot be ordered as it is", Fields: bad}
	}
	if err := checkPO(ctx, tx, p.PONumber); err != nil {
		return nil, err
	}
	if err := checkCredit(ctx, tx, c.Currency, c.Net); err != nil {
		return nil, err
	}
	state := "sent"
	if needsApproval(tx.By, c.Net) {
		state = "awaiting"
	}
	var placed []Placed
	for _, site := range sitesIn(c) {
		o, err := write(ctx, tx, c, p, site, state)
		if err != nil {
			return nil, err
		}
		placed = append(placed, o)
	}
	tx.Changed("orders", tx.By.PartnerID)
	return placed, nil
}

// sitesIn lists the sites of the cart's lines in the order they come in.
func sitesIn(c Cart) (sites []string) {
	for _, l := range c.Lines {
		if !slices.Contains(sites, l.Site) {
			sites = append(sites, l.Site)
		}
	}
	return sites
}

// write stores the order of one site, and sends it on its way unless it awaits approval.
func write(ctx context.Context, tx *portal.Tx, c Cart, p Placing, site, state string) (o Placed, err error) {
	o = Placed{State: state, Site: site, PONumber: p.PONumber, Comment: p.Comment, Currency: c.Currency, Owner: ownerOf(tx.By), PlacedBy: tx.By.Name, PlacedAt: tx.Now}
	if o.ID, err = uuid.NewV7(); err != nil {
		return o, err
	}
	sum := decimal.Zero
	for _, l := range c.Lines {
		if l.Site != site {
			continue
		}
		o.Lines = append(o.Lines, PlacedLine{Line: int64(10 * (len(o.Lines) + 1)), Product: l.Product, Description: l.Name, Unit: l.Unit, Quantity: l.Quantity, Price: l.Price.UnitPrice, Net: l.Net, RequestedOn: l.RequestedOn})
		sum = sum.Add(l.Net.Number())
	}
	o.Net = portal.Amount(sum.StringFixed(2))
	_, err = tx.Exec(ctx, `
		INSERT INTO placed_orders (partner_id, placed_id, state, site, po_number, comment, currency, net, owner, placed_by, email, placed_at)
		VALUES ($1, $2, $3, $4, nullif($5, ''), nullif($6, ''), $7, $8, $9, $10, (SELECT email FROM memberships WHERE partner_id = $1 AND person_id = $11 AND ended_at IS NULL), $12)`,
		tx.By.PartnerID, o.ID, o.State, o.Site, o.PONumber, o.Comment, o.Currency, o.Net, o.Owner, o.PlacedBy, tx.By.PersonID, tx.Now)
	if err != nil {
		return o, fmt.Errorf("placing an order: %w", err)
	}
	text, err := json.Marshal(o.Lines)
	if err != nil {
		return o, err
	}
	_, err = tx.Exec(ctx, `
		INSERT INTO placed_lines (partner_id, placed_id, line, product, description, unit, quantity, price, net, requested_on)
		SELECT $1, $2, l.line, l.product, l.description, l.unit, l.quantity, l.price, l.net, l.requested_on
		FROM json_to_recordset($3::json) l (line bigint, product text, description text, unit text, quantity numeric, price numeric, net numeric, requested_on date)`, tx.By.PartnerID, o.ID, string(text))
	if err != nil {
		return o, fmt.Errorf("placing the lines of an order: %w", err)
	}
	if err := tx.Audit(ctx, "orders.place", "placed/"+o.ID.String(), map[string]string{"state": state, "net": string(o.Net) + " " + o.Currency, "site": site, "po_number": o.PONumber}); err != nil {
		return o, err
	}
	if state == "sent" {
		return o, send(ctx, tx, o)
	}
	return o, nil
}

// send posts the order to the core.
func send(ctx context.Context, tx *portal.Tx, o Placed) error {
	type line struct {
		Line        string `json:"line"`
		Product     string `json:"product"`
		Quantity    string `json:"quantity"`
		Price       string `json:"price"`
		RequestedOn string `json:"requested_on,omitempty"`
	}
	var lines []line
	first := portal.Date("")
	for _, l := range o.Lines {
		lines = append(lines, line{fmt.Sprint(l.Line), l.Product, string(l.Quantity), string(l.Price), string(l.RequestedOn)})
		if l.RequestedOn != "" && (first == "" || l.RequestedOn < first) {
			first = l.RequestedOn
		}
	}
	text, err := json.Marshal(lines)
	if err != nil {
		return err
	}
	values := map[string]string{"site": o.Site, "currency": o.Currency, "placed_by": o.PlacedBy, "net": string(o.Net), "lines": string(text)}
	for name, v := range map[string]string{"po_number": o.PONumber, "comment": o.Comment, "requested_on": string(first)} {
		if v != "" {
			values[name] = v
		}
	}
	_, err = tx.Post(ctx, portal.Command{Name: PlaceOrder, Document: "placed/" + o.ID.String(), Values: values})
	return err
}

// checkPO holds the partner to its own wishes: a PO number on each order, and none twice.
func checkPO(ctx context.Context, tx *portal.Tx, po string) error {
	rules, err := RulesOf(ctx, tx)
	if err != nil {
		return err
	}
	if po == "" {
		if rules.PONeeded {
			return &portal.Error{Kind: portal.Invalid, Msg: "your own number is missing", Fields: map[string]string{"po_number": "Your PO number: your company wants one on each order"}}
		}
		return nil
	}
	if !rules.POOnce {
		return nil
	}
	// One at a time, so that two orders under way do not take the same number unseen.
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('po ' || $1, 0))`, fmt.Sprint(tx.By.PartnerID)); err != nil {
		return err
	}
	var taken bool
	err = tx.Get(ctx, &taken, `SELECT EXISTS (SELECT 1 FROM orders WHERE partner_id = $1 AND po_search ~>=~ $2 AND po_search ~<=~ $2)
		OR EXISTS (SELECT 1 FROM placed_orders WHERE partner_id = $1 AND po_search = $2 AND state IN ('awaiting', 'sent', 'acknowledged'))`, tx.By.PartnerID, strings.ToUpper(po))
	if err != nil {
		return fmt.Errorf("looking for the PO number: %w", err)
	}
	if taken {
		return &portal.Error{Kind: portal.Invalid, Msg: "this PO number is taken", Fields: map[string]string{"po_number": "Your PO number: " + po + " is on another order; your company wants each once"}}
	}
	return nil
}

// ListPlaced lists orders placed here in any of the states, the latest first, at most 200, at the caller's sites.
func ListPlaced(ctx context.Context, tx *portal.Tx, states ...string) (list []Placed, err error) {
	if !tx.By.Perms.Has(portal.OrdersApprove) {
		if err := tx.Need(portal.OrdersRead); err != nil {
			return nil, err
		}
	}
	list = []Placed{}
	err = tx.Select(ctx, &list, `
		SELECT p.* FROM unnest($2::text[]) s CROSS JOIN LATERAL (
			SELECT `+placedColumns+` FROM placed_orders WHERE partner_id = $1 AND state = s AND ($3::text[] IS NULL OR site = ANY($3)) ORDER BY placed_id DESC LIMIT 200
		) p ORDER BY p.placed_id DESC LIMIT 200`,
		tx.By.PartnerID, states, portal.Limit(tx.By.Sites))
	if err != nil {
		return nil, fmt.Errorf("listing placed orders: %w", err)
	}
	return list, nil
}

// Underway lists what was placed and is not among the mirrored orders yet, at the caller's sites.
func Underway(ctx context.Context, tx *portal.Tx) (list []Placed, err error) {
	if err := tx.Need(portal.OrdersRead); err != nil {
		return nil, err
	}
	list = []Placed{}
	err = tx.Select(ctx, &list, `
		SELECT `+placedColumns+` FROM placed_orders WHERE partner_id = $1 AND state IN ('awaiting', 'sent') AND ($2::text[] IS NULL OR site = ANY($2)) AND (SELECT o.number FROM orders o WHERE o.partner_id = $1 AND o.number = placed_orders.number) IS NULL
		UNION ALL
		SELECT `+placedColumns+` FROM placed_orders WHERE partner_id = $1 AND placed_at > $3 AND state IN ('returned', 'acknowledged', 'refused') AND ($2::text[] IS NULL OR site = ANY($2))
			AND (SELECT o.number FROM orders o WHERE o.partner_id = $1 AND o.number = placed_orders.number) IS NULL
		ORDER BY placed_id DESC LIMIT 50`,
		tx.By.PartnerID, portal.Limit(tx.By.Sites), tx.Now.Add(-14*24*time.Hour))
	if err != nil {
		return nil, fmt.Errorf("listing what is under way: %w", err)
	}
	return list, nil
}

// GetPlaced returns an order that was placed here; NotFound when it is not there, another partner's, or for a site beyond the caller's.
func GetPlaced(ctx context.Context, tx *portal.Tx, id string) (o Placed, err error) {
	if !tx.By.Perms.Has(portal.OrdersApprove) {
		if err := tx.Need(portal.OrdersRead); err != nil {
			return o, err
		}
	}
	none := portal.Errorf(portal.NotFound, "there is no such order")
	key, err := uuid.Parse(id)
	if err != nil {
		return o, none
	}
	var found []Placed
	err = tx.Select(ctx, &found, `SELECT `+placedColumns+` FROM placed_orders WHERE partner_id = $1 AND placed_id = $2 AND ($3::text[] IS NULL OR site = ANY($3))`, tx.By.PartnerID, key, portal.Limit(tx.By.Sites))
	if err != nil {
		return o, fmt.Errorf("reading a placed order: %w", err)
	}
	if len(found) == 0 {
		return o, none
	}
	o = found[0]
	if err := tx.Select(ctx, &o.Lines, `SELECT line, product, description, unit, quantity, price, net, requested_on FROM placed_lines WHERE partner_id = $1 AND placed_id = $2 ORDER BY line`, tx.By.PartnerID, key); err != nil {
		return o, fmt.Errorf("reading the lines of a placed order: %w", err)
	}
	return o, nil
}

// Acknowledged records that the core took the order and gave it its number. tx is the worker's.
func Acknowledged(ctx context.Context, tx *portal.Tx, partner int64, document, number string) error {
	return answer(ctx, tx, partner, document, "acknowledged", number, "")
}

// Refused records that the core does not take the order, in its words, and mails who placed it. tx is the worker's.
func Refused(ctx context.Context, tx *portal.Tx, partner int64, document, why string) error {
	if err := answer(ctx, tx, partner, document, "refused", "", why); err != nil {
		return err
	}
	var to []struct {
		Email string `db:"email"`
		PO    string `db:"po"`
	}
	id := strings.TrimPrefix(document, "placed/")
	if err := tx.Select(ctx, &to, `SELECT email, coalesce(po_number, '') AS po FROM placed_orders WHERE partner_id = $1 AND placed_id = $2 AND email IS NOT NULL`, partner, id); err != nil || len(to) == 0 {
		return err
	}
	m := portal.Mail{To: to[0].Email, Subject: portal.Say("Your order was not taken"), Text: []portal.Saying{portal.Say("The host did not take your order: %s", why)}, Path: "/placed/" + id}
	if po := to[0].PO; po != "" {
		m.Subject, m.Text = portal.Say("Your order %s was not taken", po), []portal.Saying{portal.Say("The host did not take your order %s: %s", po, why)}
	}
	return tx.MailFor(ctx, partner, m)
}

func answer(ctx context.Context, tx *portal.Tx, partner int64, document, state, number, words string) error {
	id, ok := strings.CutPrefix(document, "placed/")
	if !ok {
		return errors.New("orders: not a placed order: " + document)
	}
	_, err := tx.Exec(ctx, `UPDATE placed_orders SET state = $3, number = nullif($4, ''), words = nullif($5, ''), answered_at = $6 WHERE partner_id = $1 AND placed_id = $2`, partner, id, state, number, words, tx.Now)
	if err != nil {
		return fmt.Errorf("recording the core's answer: %w", err)
	}
	tx.Changed("orders", partner)
	return nil
}
