package purchasing

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"extranet/portal"
	"extranet/portal/files"
)

// CommandDispatch carries a shipment notice to the core: dispatch, carrier, tracking, ships_on, arrives_on, note and by; lines and packages are lists.
const CommandDispatch = "send_dispatch"

// A NewDispatch is a shipment that the supplier announces.
type NewDispatch struct {
	Number    string         `json:"number" minLength:"1" maxLength:"35" doc:"The supplier's own number, as on its delivery note; once only"`
	Carrier   string         `json:"carrier,omitempty" maxLength:"80"`
	Tracking  string         `json:"tracking,omitempty" maxLength:"80" doc:"The carrier's number"`
	ShipsOn   portal.Date    `json:"ships_on" format:"date" doc:"The day it leaves"`
	ArrivesOn portal.Date    `json:"arrives_on" format:"date" doc:"The day it is to arrive"`
	Prefix    string         `json:"gs1_prefix" minLength:"7" maxLength:"12" pattern:"^[0-9]+$" doc:"The supplier's GS1 company prefix: its packages' numbers (SSCC) begin with it"`
	Packages  []NewPackage   `json:"packages" minItems:"1" maxItems:"200" doc:"Lines name them by their place, from 1"`
	Lines     []DispatchLine `json:"lines" minItems:"1" maxItems:"500"`
	Note      string         `json:"note,omitempty" maxLength:"500"`
}

// A NewPackage is a package that is to bear a number.
type NewPackage struct {
	WeightKg portal.Amount `json:"weight_kg,omitempty" doc:"Kilograms"`
}

// A DispatchLine is what one package holds of one line of a purchase order.
type DispatchLine struct {
	Order       string        `json:"order" maxLength:"100" doc:"The host's number of the purchase order"`
	Line        int64         `json:"line" doc:"Of the purchase order"`
	Package     int           `json:"package" minimum:"1" doc:"The package's place, from 1"`
	Quantity    portal.Amount `json:"quantity" doc:"Exact decimal, in the line's unit"`
	Lot         string        `json:"lot,omitempty" maxLength:"35" doc:"Batch or lot"`
	Serials     []string      `json:"serials,omitempty" maxItems:"1000" doc:"One for each unit"`
	Product     string        `json:"product,omitempty" readOnly:"true"`
	Description string        `json:"description,omitempty" readOnly:"true"`
	Unit        string        `json:"unit,omitempty" readOnly:"true"`
}

// A Package is a package with its number.
type Package struct {
	Package  int           `json:"package"`
	SSCC     string        `json:"sscc" doc:"Serial shipping container code: 18 digits, the last of them a check digit"`
	WeightKg portal.Amount `json:"weight_kg" doc:"Empty where it was not said"`
}

// A Dispatch is a shipment that was announced.
type Dispatch struct {
	Number    string         `json:"number"`
	Site      string         `json:"site"`
	Carrier   string         `json:"carrier"`
	Tracking  string         `json:"tracking"`
	ShipsOn   portal.Date    `json:"ships_on" format:"date"`
	ArrivesOn portal.Date    `json:"arrives_on" format:"date"`
	Note      string         `json:"note"`
	State     string         `json:"state" enum:"sent,taken,refused" doc:"taken: the host's system has it"`
	Why       string         `json:"why" doc:"Why the host's system does not take it"`
	Warnings  []string       `json:"warnings" doc:"What is beyond the host's tolerance, and was sent all the same"`
	At        time.Time      `json:"at"`
	By        string         `json:"by"`
	Packages  []Package      `json:"packages"`
	Lines     []DispatchLine `json:"lines"`
	Receipts  []Receipt      `json:"receipts" doc:"What the host received of it"`
	Files     []files.File   `json:"files" doc:"What goes with it, such as a delivery note; empty in lists"`
}

// checkDigit is GS1's, over digits: from the right, every other one counts three times.
func checkDigit(digits string) byte {
	sum := 0
	for i := range len(digits) {
		d := int(digits[len(digits)-1-i] - '0')
		if i%2 == 0 {
			d *= 3
		}
		sum += d
	}
	return byte('0' + (10-sum%10)%10)
}

// sscc is the package number of the serial: extension digit 0, the company prefix, the serial, a check digit. It is not ok when the prefix has no room for the serial.
func sscc(prefix string, serial int64) (number string, ok bool) {
	digits := 16 - len(prefix)
	s := strconv.FormatInt(serial, 10)
	if len(s) > digits {
		return "", false
	}
	number = "0" + prefix + strings.Repeat("0", digits-len(s)) + s
	return number + string(checkDigit(number)), true
}

// A shippable is a line of an order with what can be sent of it.
type shippable struct {
	Order       string          `db:"order_number"`
	Line        int64           `db:"line"`
	Site        string          `db:"site"`
	Product     string          `db:"product"`
	Description string          `db:"description"`
	Unit        string          `db:"unit"`
	State       string          `db:"state"`
	Quantity    decimal.Decimal `db:"quantity"`
	Left        decimal.Decimal `db:"left_over"` // neither received nor on its way
	Due         portal.Date     `db:"due"`
}

// leftOf are the lines of the orders that the caller may see, with what was neither received nor announced and not yet received.
func leftOf(ctx context.Context, tx *portal.Tx, orders []string) (list []shippable, err error) {
	err = tx.Select(ctx, &list, `
		SELECT l.order_number, l.line, coalesce(o.site, '') AS site, coalesce(l.product, '') AS product, l.description, coalesce(l.unit, '') AS unit, l.state, l.quantity,
			l.quantity - l.refused - l.received - coalesce((
				SELECT sum(d.quantity) FROM dispatch_lines d JOIN dispatches n ON n.partner_id = d.partner_id AND n.number = d.number
				WHERE d.partner_id = l.partner_id AND d.order_number = l.order_number AND d.order_line = l.line AND n.state <> 'refused'
					AND NOT EXISTS (SELECT 1 FROM receipts r WHERE r.partner_id = d.partner_id AND r.dispatch = d.number AND r.order_number = d.order_number AND r.order_line = d.order_line)), 0) AS left_over,
			coalesce(l.next_due_on, l.requested_on) AS due
		FROM purchase_order_lines l JOIN purchase_orders o ON o.partner_id = l.partner_id AND o.number = l.order_number
		WHERE l.partner_id = $1 AND o.partner_id = $1 AND l.order_number = ANY($2) AND ($3::text[] IS NULL OR o.site = ANY($3))
		ORDER BY l.order_number, l.line`, tx.By.PartnerID, orders, portal.Limit(tx.By.Sites))
	if err != nil {
		return nil, fmt.Errorf("looking up what can be sent: %w", err)
	}
	return list, nil
}

// Shippable are the lines of one order with what is left to send of each, for the form of a notice. An order that is not there is NotFound.
func Shippable(ctx context.Context, tx *portal.Tx, number string) ([]DispatchLine, error) {
	if err := tx.Need(portal.DispatchSend); err != nil {
		return nil, err
	}
	if !plain(number, 100) {
		return nil, none
	}
	left, err := leftOf(ctx, tx, []string{number})
	if err != nil {
		return nil, err
	}
	if len(left) == 0 {
		return nil, none
	}
	lines := []DispatchLine{}
	for _, l := range left {
		if l.State != Closed && l.Left.IsPositive() {
			lines = append(lines, DispatchLine{Order: number, Line: l.Line, Package: 1, Quantity: amount(l.Left), Product: l.Product, Description: l.Description, Unit: l.Unit})
		}
	}
	return lines, nil
}

// check says what is wrong with the notice, by field, and what is only beyond the host's tolerance.
func (n NewDispatch) check(left []shippable, p Policy, today portal.Date) (bad map[string]string, warnings []string) {
	bad = map[string]string{}
	for field, s := range map[string]struct {
		text string
		most int
	}{"number": {n.Number, 35}, "carrier": {n.Carrier, 80}, "tracking": {n.Tracking, 80}} {
		if !plain(s.text, s.most) {
			bad[field] = fmt.Sprintf("must be at most %d readable characters", s.most)
		}
	}
	if strings.TrimSpace(n.Number) == "" {
		bad["number"] = "say your own number of this shipment, as on the delivery note"
	}
	if !plain(words(n.Note), 500) {
		bad["note"] = "must be at most 500 readable characters"
	}
	for field, d := range map[string]portal.Date{"ships_on": n.ShipsOn, "arrives_on": n.ArrivesOn} {
		if _, err := portal.ParseDate(string(d)); err != nil || d == "" {
			bad[field] = "say the day, like 2026-03-31"
		}
	}
	if len(bad) == 0 && n.ArrivesOn < n.ShipsOn {
		bad["arrives_on"] = "must not be before the day it leaves"
	}
	if len(n.Prefix) < 7 || len(n.Prefix) > 12 || strings.ContainsFunc(n.Prefix, func(r rune) bool { return r < '0' || r > '9' }) {
		bad["gs1_prefix"] = "is your GS1 company prefix: 7 to 12 digits"
	}
	if len(n.Packages) == 0 || len(n.Packages) > 200 {
		bad["packages"] = "say from 1 to 200 packages"
	}
	for i, k := range n.Packages {
		if w, err := decimal.NewFromString(string(k.WeightKg)); k.WeightKg != "" && (err != nil || !w.IsPositive() || w.GreaterThan(decimal.New(1, 6)) || w.Exponent() < -3) {
			bad[fmt.Sprintf("weight-%d", i+1)] = "must be kilograms above 0, such as 12.5"
		}
	}
	if len(n.Lines) == 0 {
		bad["lines"] = "say what is in the shipment: at least one line"
	}
	sent, filled := map[int]decimal.Decimal{}, map[int]bool{}
	for i, l := range n.Lines {
		at := slices.IndexFunc(left, func(s shippable) bool { return s.Order == l.Order && s.Line == l.Line })
		q, err := decimal.NewFromString(string(l.Quantity))
		field := func(name string) string { return fmt.Sprintf("%s-%d", name, i+1) }
		switch {
		case at < 0:
			bad[field("line")] = fmt.Sprintf("there is no line %d in a purchase order %s", l.Line, l.Order)
			continue
		case left[at].State == Closed:
			bad[field("line")] = fmt.Sprintf("line %d of %s is closed; nothing more is expected", l.Line, l.Order)
			continue
		case err != nil || !q.IsPositive() || q.Exponent() < -3 || q.GreaterThan(decimal.New(1, 9)):
			bad[field("quantity")] = "must be a number above 0, such as 40"
			continue
		}
		if l.Package < 1 || l.Package > len(n.Packages) {
			bad[field("package")] = fmt.Sprintf("there are packages 1 to %d", len(n.Packages))
		}
		if !plain(l.Lot, 35) {
			bad[field("lot")] = "must be at most 35 readable characters"
		}
		if len(l.Serials) > 0 && !decimal.NewFromInt(int64(len(l.Serials))).Equal(q) {
			bad[field("serials")] = fmt.Sprintf("%d serial numbers for %s units; say one for each", len(l.Serials), q)
		}
		if unique := slices.Compact(slices.Sorted(slices.Values(l.Serials))); len(unique) != len(l.Serials) || slices.ContainsFunc(l.Serials, func(s string) bool { return s == "" || !plain(s, 35) }) {
			bad[field("serials")] = "must each be different, and at most 35 readable characters"
		}
		filled[l.Package] = true
		sent[at] = sent[at].Add(q)
	}
	for i := range n.Packages {
		if !filled[i+1] && len(n.Lines) > 0 && len(n.Packages) <= 200 {
			bad[fmt.Sprintf("package-of-%d", i+1)] = fmt.Sprintf("package %d is empty; put a line into it or leave it out", i+1)
		}
	}
	for at, q := range sent {
		s := left[at]
		field := fmt.Sprintf("order-%s-%d", s.Order, s.Line)
		if over := q.Sub(decimal.Max(s.Left, decimal.Zero)); over.IsPositive() {
			share := over.Shift(2).DivRound(s.Quantity, 2)
			switch {
			case share.GreaterThan(p.OverStop.Number()):
				bad[field] = fmt.Sprintf("line %d of %s: %s is %s more than is still wanted, and the host takes at most %s %% more; send %s", s.Line, s.Order, q, over, p.OverStop, decimal.Max(s.Left, decimal.Zero))
			case share.GreaterThan(p.OverWarn.Number()):
				warnings = append(warnings, portal.Say("line %d of %s: %s more than is still wanted", s.Line, s.Order, over).String())
			}
		}
		if s.Due == "" || n.ArrivesOn == "" || n.ArrivesOn >= s.Due {
			continue
		}
		switch early := int(s.Due.Time().Sub(n.ArrivesOn.Time()).Hours() / 24); {
		case early > p.EarlyStop:
			bad[field] = fmt.Sprintf("line %d of %s: arrives %d days before it is due on %s, and the host takes it at most %d days early", s.Line, s.Order, early, s.Due, p.EarlyStop)
		case early > p.EarlyWarn:
			warnings = append(warnings, portal.Say("line %d of %s: arrives %d days before it is due on %s", s.Line, s.Order, early, s.Due).String())
		}
	}
	slices.Sort(warnings)
	return bad, warnings
}

// Announce tells the host of a shipment, and gives each package its number. More than is wanted, or too early, is refused or sent with a warning,
// as the host's tolerance says. A number that was used is Invalid.
func Announce(ctx context.Context, tx *portal.Tx, n NewDispatch) (d Dispatch, err error) {
	if err := tx.Need(portal.DispatchSend); err != nil {
		return d, err
	}
	n.Number = strings.TrimSpace(n.Number)
	policy, err := PolicyNow(ctx, tx)
	if err != nil {
		return d, err
	}
	var orders []string
	for _, l := range n.Lines {
		if !slices.Contains(orders, l.Order) && plain(l.Order, 100) {
			orders = append(orders, l.Order)
		}
	}
	slices.Sort(orders)
	// Whoever sends of the same order waits: what is left is counted once.
	if _, err := tx.Exec(ctx, `SELECT 1 FROM purchase_orders WHERE partner_id = $1 AND number = ANY($2) ORDER BY number FOR UPDATE`, tx.By.PartnerID, orders); err != nil {
		return d, fmt.Errorf("locking purchase orders: %w", err)
	}
	left, err := leftOf(ctx, tx, orders)
	if err != nil {
		return d, err
	}
	if len(n.Lines) > 0 && len(left) == 0 {
		return d, none
	}
	bad, warnings := n.check(left, policy, portal.DateOf(tx.Now))
	if len(bad) > 0 {
		return d, &portal.Error{Kind: portal.Invalid, Msg: "this shipment cannot be announced; nothing of it was kept", Fields: bad}
	}
	d = Dispatch{Number: n.Number, Site: left[0].Site, Carrier: n.Carrier, Tracking: n.Tracking, ShipsOn: n.ShipsOn, ArrivesOn: n.ArrivesOn, Note: n.Note, State: "sent", Warnings: append([]string{}, warnings...), At: tx.Now, By: tx.By.Name, Receipts: []Receipt{}, Files: []files.File{}}
	if d.Packages, err = number(ctx, tx, n); err != nil {
		return d, err
	}
	for _, l := range n.Lines {
		s := left[slices.IndexFunc(left, func(s shippable) bool { return s.Order == l.Order && s.Line == l.Line })]
		l.Product, l.Description, l.Unit, l.Quantity = s.Product, s.Description, s.Unit, amount(l.Quantity.Number())
		d.Lines = append(d.Lines, l)
	}
	return d, d.keep(ctx, tx)
}

// number gives the packages the next numbers of the supplier's range.
func number(ctx context.Context, tx *portal.Tx, n NewDispatch) (list []Package, err error) {
	var next int64
	if err := tx.Get(ctx, &next, `
		INSERT INTO sscc_ranges AS s (partner_id, prefix, next) VALUES ($1, $2, $3 + 1)
		ON CONFLICT (partner_id, prefix) DO UPDATE SET next = s.next + $3 RETURNING next - $3`, tx.By.PartnerID, n.Prefix, len(n.Packages)); err != nil {
		return nil, fmt.Errorf("numbering packages: %w", err)
	}
	for i, k := range n.Packages {
		code, ok := sscc(n.Prefix, next+int64(i))
		if !ok {
			return nil, &portal.Error{Kind: portal.Invalid, Msg: "this shipment cannot be announced; nothing of it was kept", Fields: map[string]string{"gs1_prefix": "has no serial numbers left; use another prefix"}}
		}
		list = append(list, Package{i + 1, code, k.WeightKg})
	}
	return list, nil
}

func (d Dispatch) keep(ctx context.Context, tx *portal.Tx) error {
	lines, err := json.Marshal(d.carriedLines())
	if err != nil {
		return err
	}
	packages, err := json.Marshal(d.Packages)
	if err != nil {
		return err
	}
	warnings, err := json.Marshal(d.Warnings)
	if err != nil {
		return err
	}
	command, err := tx.Post(ctx, portal.Command{Name: CommandDispatch, Document: "dispatches/" + d.Number, Values: map[string]string{"dispatch": d.Number, "carrier": d.Carrier, "tracking": d.Tracking,
		"ships_on": string(d.ShipsOn), "arrives_on": string(d.ArrivesOn), "note": d.Note, "by": d.By, "lines": string(lines), "packages": string(packages)}})
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO dispatches (partner_id, number, site, carrier, tracking, ships_on, arrives_on, note, warnings, command_id, at, by_whom) VALUES ($1, $2, nullif($3, ''), $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
		tx.By.PartnerID, d.Number, d.Site, d.Carrier, d.Tracking, d.ShipsOn, d.ArrivesOn, d.Note, string(warnings), command, tx.Now, tx.By.Name)
	if portal.Broke(err, "dispatches_once_per_number") {
		return &portal.Error{Kind: portal.Invalid, Msg: "this shipment cannot be announced; nothing of it was kept", Fields: map[string]string{"number": fmt.Sprintf("%s was announced already; each shipment has its own number", d.Number)}}
	} else if err != nil {
		return fmt.Errorf("keeping a shipment notice: %w", err)
	}
	for _, k := range d.Packages {
		if _, err := tx.Exec(ctx, `INSERT INTO dispatch_packages (partner_id, number, package, sscc, weight_kg) VALUES ($1, $2, $3, $4, $5)`, tx.By.PartnerID, d.Number, k.Package, k.SSCC, k.WeightKg); err != nil {
			return fmt.Errorf("keeping a package: %w", err)
		}
	}
	for i, l := range d.Lines {
		serials, err := json.Marshal(append([]string{}, l.Serials...))
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `INSERT INTO dispatch_lines (partner_id, number, line, package, order_number, order_line, product, description, unit, quantity, lot, serials) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
			tx.By.PartnerID, d.Number, i+1, l.Package, l.Order, l.Line, l.Product, l.Description, l.Unit, l.Quantity, l.Lot, string(serials)); err != nil {
			return fmt.Errorf("keeping what is in a shipment: %w", err)
		}
	}
	tx.Changed("purchasing", tx.By.PartnerID)
	return tx.Audit(ctx, "dispatch.send", "dispatches/"+d.Number, map[string]string{"packages": strconv.Itoa(len(d.Packages)), "lines": strconv.Itoa(len(d.Lines))})
}

// carriedLines are what the core is told of the lines; serials are one text.
func (d Dispatch) carriedLines() []map[string]string {
	list := []map[string]string{}
	for _, l := range d.Lines {
		list = append(list, map[string]string{"order": l.Order, "line": strconv.FormatInt(l.Line, 10), "quantity": string(l.Quantity), "lot": l.Lot, "serials": strings.Join(l.Serials, ","),
			"sscc": d.Packages[l.Package-1].SSCC})
	}
	return list
}

// Prefix is the GS1 company prefix that the supplier used last; "" when it used none.
func Prefix(ctx context.Context, tx *portal.Tx) (prefix string, err error) {
	err = tx.Get(ctx, &prefix, `SELECT coalesce((SELECT prefix FROM sscc_ranges WHERE partner_id = $1 ORDER BY next DESC LIMIT 1), '')`, tx.By.PartnerID)
	return prefix, err
}

// DispatchTaken and DispatchRefused record what the core made of a notice. They are the worker's.
func DispatchTaken(ctx context.Context, tx *portal.Tx, partner int64, number string) error {
	return dispatchBecame(ctx, tx, partner, number, "taken", "")
}

// DispatchRefused: see DispatchTaken.
func DispatchRefused(ctx context.Context, tx *portal.Tx, partner int64, number, why string) error {
	return dispatchBecame(ctx, tx, partner, number, "refused", why)
}

func dispatchBecame(ctx context.Context, tx *portal.Tx, partner int64, number, state, why string) error {
	tx.Changed("purchasing", partner)
	_, err := tx.Exec(ctx, `UPDATE dispatches SET state = $3, why = $4 WHERE partner_id = $1 AND number = $2`, partner, number, state, why)
	if err != nil {
		return fmt.Errorf("recording what became of a shipment notice: %w", err)
	}
	return nil
}
