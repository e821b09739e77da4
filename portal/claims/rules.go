package claims

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"extranet/portal"
)

// A Policy is one version of the rules for a kind of claim. It never changes: what was decided by it can be decided again.
type Policy struct {
	Kind      string      `db:"kind" json:"kind"`
	Version   int         `db:"version" json:"version"`
	Name      string      `db:"name" json:"name"`
	ValidFrom portal.Date `db:"valid_from" json:"valid_from" format:"date"`
	ValidTo   portal.Date `db:"valid_to" json:"valid_to" format:"date" nullable:"true"`
	Rules     Rules       `db:"-" json:"rules"`
}

// Rules say what a claim must hold, what is covered, and what is paid. What is left out is not asked.
type Rules struct {
	Require        []string      `json:"require" doc:"Fields that must be filled"`
	Photos         int           `json:"photos,omitempty" doc:"Photos needed at least"`
	Within         *Within       `json:"within,omitempty" doc:"How soon a claim must be submitted"`
	MaxAgeMonths   int           `json:"max_age_months,omitempty" doc:"No cover when it failed later after the purchase"`
	FreeMonths     int           `json:"free_months,omitempty" doc:"Paid in full up to this age …"`
	FreeWorn       portal.Amount `json:"free_worn,omitempty" doc:"… and this share of the usable tread worn"`
	ProRata        bool          `json:"pro_rata,omitempty" doc:"Otherwise the share that is not worn is paid"`
	LegalTread     portal.Amount `json:"legal_tread,omitempty" doc:"Tread in mm at which a tyre is worn out"`
	WarrantedUsage portal.Amount `json:"warranted_usage,omitempty" doc:"For causes that go by usage: the usage that is warranted, in the line's unit"`
	Pays           string        `json:"pays,omitempty" enum:"missing,difference" doc:"missing: what did not arrive; difference: price less agreed price; else the price of the quantity"`
	Share          portal.Amount `json:"share,omitempty" doc:"Share of the price that is paid at most; 1 when left out"`
	LabourRate     portal.Amount `json:"labour_rate,omitempty" doc:"Paid per hour of labour"`
	LabourMost     portal.Amount `json:"labour_most,omitempty" doc:"Hours paid at most"`
	GoodwillMost   portal.Amount `json:"goodwill_most,omitempty" doc:"Share that goodwill may pay at most; none when left out"`
	SecondAbove    portal.Amount `json:"second_above,omitempty" doc:"Above this amount a second person approves"`
	Causes         []Code        `json:"causes,omitempty"`
	Conditions     []Code        `json:"conditions,omitempty"`
	Texts          []Text        `json:"texts,omitempty" doc:"Words the desk can use"`
	DeskMail       string        `json:"desk_mail,omitempty" doc:"Who at the host hears of what partners submit, answer and appeal"`
}

// Within is a limit in days from the day that a field names.
type Within struct {
	Field string `json:"field" enum:"failed_on,delivered_on,invoiced_on,purchased_on"`
	Days  int    `json:"days"`
}

// A Code is a finding that can be chosen.
type Code struct {
	Code     string `json:"code"`
	Says     string `json:"says"`
	Excluded bool   `json:"excluded,omitempty" doc:"Not covered, whatever else holds"`
	Cure     string `json:"cure,omitempty" doc:"What can be done about it"`
	Usage    bool   `json:"usage,omitempty" doc:"Paid by the share of the warranted usage that is missing"`
}

// A Text is words that are used often.
type Text struct {
	Title string `json:"title"`
	Words string `json:"words"`
}

// Inputs are all that a decision depends on, beside the rules.
type Inputs struct {
	Facts    Facts       `json:"facts" doc:"As the partner says"`
	Found    Found       `json:"found" doc:"As the desk found; what is empty is as the partner says"`
	FiledOn  portal.Date `json:"filed_on"`
	Photos   int         `json:"photos"`
	Currency string      `json:"currency"`
	Goodwill *Goodwill   `json:"goodwill,omitempty"`
}

// Found is what the desk found otherwise than the partner says.
type Found struct {
	Condition string        `json:"condition,omitempty"`
	Tread     portal.Amount `json:"tread,omitempty"`
	Received  portal.Amount `json:"received,omitempty"`
	Quantity  portal.Amount `json:"quantity,omitempty"`
}

// Goodwill pays where no rule does, or more than it does. It is a path of its own, and needs an authorisation.
type Goodwill struct {
	Share portal.Amount `json:"share" doc:"Of the claimed amount, from 0 to 1"`
	Code  string        `json:"code" doc:"The authorisation"`
}

// A Step is one rule and what it found.
type Step struct {
	Rule  string `json:"rule"`
	Holds bool   `json:"holds"`
	Says  string `json:"says"`
	Field string `json:"field,omitempty" doc:"What it is about"`
	Cure  string `json:"cure,omitempty" doc:"What can be done, where it does not hold"`
}

// A Result is what the rules give.
type Result struct {
	Outcome  string        `json:"outcome" enum:"incomplete,approved,in_part,refused"`
	Code     string        `json:"code" doc:"The rule that refused or limited it; goodwill; empty where it is paid in full"`
	Share    portal.Amount `json:"share" doc:"Of the price that is covered, from 0 to 1"`
	Claimed  portal.Amount `json:"claimed" doc:"What would be paid in full"`
	Amount   portal.Amount `json:"amount" doc:"What is paid, without tax"`
	Currency string        `json:"currency"`
	Second   bool          `json:"second" doc:"A second person has to approve it"`
	Steps    []Step        `json:"steps"`
}

// Failed lists the steps that do not hold.
func (r Result) Failed() (failed []Step) {
	for _, s := range r.Steps {
		if !s.Holds {
			failed = append(failed, s)
		}
	}
	return failed
}

var one = decimal.NewFromInt(1)

// Decide is the one decision there is: what a dealer is shown before submitting, and what the desk decides. It depends on nothing else
// than what it is given: the same policy and inputs give the same result at any time.
func Decide(p Policy, in Inputs) Result {
	d := decision{p: p, in: in, r: Result{Share: "0", Claimed: "0.00", Amount: "0.00", Currency: in.Currency, Steps: []Step{}}}
	if !d.complete() {
		d.r.Outcome, d.r.Code = "incomplete", "incomplete"
		return d.r
	}
	claimed, share := d.claimed(d.in.Facts), d.share()
	full := claimed.goods.Add(claimed.labour).Round(2)
	silent := decision{p: p}
	due := silent.claimed(d.found())
	paid := due.goods.Mul(share)
	if share.IsPositive() {
		paid = paid.Add(due.labour)
	}
	paid = decimal.Min(full, paid.Round(2))
	if paid.LessThan(full) && d.r.Code == "" {
		d.r.Code = "found"
	}
	paid, share = d.goodwill(full, paid, share)
	d.r.Share, d.r.Claimed, d.r.Amount = portal.Amount(share.Round(6).String()), portal.Amount(full.StringFixed(2)), portal.Amount(paid.StringFixed(2))
	switch {
	case !paid.IsPositive():
		d.r.Outcome = "refused"
		if d.r.Code == "" {
			d.r.Code = "nothing_to_pay"
			d.step("money", false, "there is nothing to pay", "quantity", "check quantity and prices")
		}
	case paid.LessThan(full):
		d.r.Outcome = "in_part"
	default:
		d.r.Outcome = "approved"
	}
	if limit := p.Rules.SecondAbove; limit != "" && paid.GreaterThan(limit.Number()) {
		d.r.Second = true
	}
	return d.r
}

type decision struct {
	p  Policy
	in Inputs
	r  Result
}

// found are the facts as the desk found them.
func (d *decision) found() Facts {
	f := d.in.Facts
	for field, n := range map[string]portal.Amount{"tread": d.in.Found.Tread, "received": d.in.Found.Received, "quantity": d.in.Found.Quantity} {
		if n != "" {
			f.Set(field, string(n))
		}
	}
	if c := d.in.Found.Condition; c != "" {
		f.Condition = c
	}
	return f
}

func (d *decision) step(rule string, holds bool, says, field, cure string) {
	if holds {
		field, cure = "", ""
	}
	d.r.Steps = append(d.r.Steps, Step{rule, holds, says, field, cure})
}

// refuse notes a rule that does not hold, and the first such as the reason.
func (d *decision) refuse(rule, says, field, cure string) {
	d.step(rule, false, says, field, cure)
	if d.r.Code == "" {
		d.r.Code = rule
	}
}

// complete says what is missing or cannot be.
func (d *decision) complete() bool {
	f, ok := d.found(), true
	fail := func(rule, says, field, cure string) {
		d.step(rule, false, says, field, cure)
		ok = false
	}
	for _, field := range d.p.Rules.Require {
		if strings.TrimSpace(f.value(field)) == "" {
			fail("complete", fmt.Sprintf("%v is missing", fieldName(field)), field, "fill it in")
		}
	}
	if n := d.p.Rules.Photos; d.in.Photos < n {
		fail("proof", fmt.Sprintf("%d of %d photos", d.in.Photos, n), "files", "add a photo")
	}
	impossible := func(bad bool, says, field string) {
		if bad {
			fail("possible", says, field, "correct it")
		}
	}
	impossible(f.Quantity != "" && !f.Quantity.Number().IsPositive(), "the quantity must be above zero", "quantity")
	impossible(f.PurchasedOn != "" && f.FailedOn != "" && f.FailedOn < f.PurchasedOn, "it cannot fail before it is bought", "failed_on")
	for field, day := range map[string]portal.Date{"failed_on": f.FailedOn, "purchased_on": f.PurchasedOn, "delivered_on": f.DeliveredOn} {
		impossible(day > d.in.FiledOn, fmt.Sprintf("%v lies in the future", fieldName(field)), field)
	}
	impossible(f.UsageIn != "" && f.UsageOut != "" && f.UsageOut.Number().LessThan(f.UsageIn.Number()), "usage cannot go down", "usage_out")
	impossible(f.NewTread != "" && f.Tread != "" && f.Tread.Number().GreaterThan(f.NewTread.Number()), "there cannot be more tread than new", "tread")
	impossible(f.NewTread != "" && d.p.Rules.LegalTread != "" && !f.NewTread.Number().GreaterThan(d.p.Rules.LegalTread.Number()), "a new tyre has more tread", "new_tread")
	impossible(f.Received != "" && f.Quantity != "" && (f.Received.Number().GreaterThan(f.Quantity.Number()) || f.Received.Number().IsNegative()), "received must be between none and what was sent", "received")
	for field, n := range map[string]portal.Amount{"price": f.Price, "agreed_price": f.AgreedPrice, "list_price": f.ListPrice, "labour_hours": f.LabourHours, "tread": f.Tread} {
		impossible(n != "" && n.Number().IsNegative(), fmt.Sprintf("%v cannot be below zero", fieldName(field)), field)
	}
	for field, codes := range map[string][]Code{"condition": d.p.Rules.Conditions, "cause": d.p.Rules.Causes} {
		impossible(f.value(field) != "" && codes != nil && find(codes, f.value(field)) == nil, fmt.Sprintf("%v is none of the codes", fieldName(field)), field)
	}
	if d.p.Rules.Within != nil {
		if day := f.value(d.p.Rules.Within.Field); day == "" {
			if field := d.p.Rules.Within.Field; field == "invoiced_on" {
				fail("complete", "the invoice is none of yours that the portal knows", "invoice", "name the number of the invoice as it stands on it, or begin the claim from its line")
			} else {
				impossible(!slices.Contains(d.p.Rules.Require, field), fmt.Sprintf("%v is missing", fieldName(field)), field)
			}
		}
	}
	if ok {
		d.step("complete", true, "all that is needed is there", "", "")
	}
	// Maps come in any order; the same inputs give the same trace.
	slices.SortStableFunc(d.r.Steps, func(a, b Step) int { return strings.Compare(a.Rule+a.Field, b.Rule+b.Field) })
	return ok
}

func find(codes []Code, code string) *Code {
	for i := range codes {
		if codes[i].Code == code {
			return &codes[i]
		}
	}
	return nil
}

type sum struct{ goods, labour decimal.Decimal }

// claimed is what would be paid in full.
func (d *decision) claimed(f Facts) sum {
	rules := d.p.Rules
	price := f.Price.Number()
	if list := f.ListPrice; list != "" && list.Number().LessThan(price) {
		price = list.Number()
		d.step("price", true, "the list price is lower than the price paid, and counts", "", "")
	}
	quantity := f.Quantity.Number()
	switch rules.Pays {
	case "missing":
		quantity = quantity.Sub(f.Received.Number())
	case "difference":
		price = price.Sub(f.AgreedPrice.Number())
	}
	s := sum{goods: quantity.Mul(price)}
	if s.goods.IsNegative() {
		s.goods = decimal.Zero
	}
	if rules.LabourRate != "" && f.LabourHours != "" {
		hours := f.LabourHours.Number()
		if most := rules.LabourMost; most != "" && hours.GreaterThan(most.Number()) {
			hours = most.Number()
			d.step("labour", true, fmt.Sprintf("%s hours of labour are paid at most", most), "", "")
		}
		s.labour = hours.Mul(rules.LabourRate.Number())
	}
	return s
}

// share is how much of the price the rules cover.
func (d *decision) share() decimal.Decimal {
	f, rules := d.found(), d.p.Rules
	covered := true
	for _, n := range [][2]string{{"Quantity", string(d.in.Found.Quantity)}, {"Received", string(d.in.Found.Received)}, {"Remaining tread", string(d.in.Found.Tread)}} {
		if n[1] != "" {
			d.step("found", true, fmt.Sprintf("%v as the desk found it: %s", n[0], n[1]), "", "")
		}
	}
	if w := rules.Within; w != nil {
		days := int(d.in.FiledOn.Time().Sub(portal.Date(f.value(w.Field)).Time()) / (24 * time.Hour))
		says := fmt.Sprintf("submitted %d days after %v; %d are allowed", days, strings.ToLower(fieldName(w.Field)), w.Days)
		if days > w.Days {
			d.refuse("in_time", says, w.Field, "correct the day if it is wrong; else ask for goodwill")
			covered = false
		} else {
			d.step("in_time", true, says, "", "")
		}
	}
	if c := find(rules.Conditions, f.Condition); c != nil {
		if c.Excluded {
			d.refuse(c.Code, fmt.Sprintf("not covered: %s", c.Says), "condition", c.Cure)
			covered = false
		} else {
			d.step("condition", true, c.Says, "", "")
		}
	}
	most := one
	if rules.Share != "" {
		most = rules.Share.Number()
	}
	age := months(f.PurchasedOn, f.FailedOn)
	if rules.MaxAgeMonths > 0 {
		says := fmt.Sprintf("%d months old; cover ends at %d", age, rules.MaxAgeMonths)
		if age >= rules.MaxAgeMonths {
			d.refuse("age", says, "purchased_on", "there is no cover at this age; goodwill may pay a part")
			covered = false
		} else {
			d.step("age", true, says, "", "")
		}
	}
	if !covered {
		return decimal.Zero
	}
	if !rules.ProRata {
		if most.LessThan(one) {
			d.r.Code = "share"
			d.step("share", true, fmt.Sprintf("%s of the price is paid", percent(most)), "", "")
		}
		return most
	}
	if c := find(rules.Causes, f.Cause); c != nil && c.Usage && rules.WarrantedUsage != "" {
		used, warranted := f.UsageOut.Number().Sub(f.UsageIn.Number()), rules.WarrantedUsage.Number()
		if f.UsageOut == "" {
			d.refuse("usage", "the usage at the failure is missing", "usage_out", "fill in the usage when it was mounted and when it failed")
			return decimal.Zero
		}
		left := clamp(one.Sub(used.DivRound(warranted, 6)))
		d.limit("usage", left, fmt.Sprintf("%s of %s %s used: %s is left", used, warranted, f.UsageUnit, percent(left)), "usage_out")
		return left
	}
	usable := f.NewTread.Number().Sub(rules.LegalTread.Number())
	worn := clamp(f.NewTread.Number().Sub(f.Tread.Number()).DivRound(usable, 6))
	if age <= rules.FreeMonths && rules.FreeWorn != "" && worn.LessThanOrEqual(rules.FreeWorn.Number()) {
		d.step("free", true, fmt.Sprintf("%s worn at %d months: replaced in full", percent(worn), age), "", "")
		return one
	}
	left := one.Sub(worn)
	d.limit("wear", left, fmt.Sprintf("%s of the usable tread is worn: %s is paid", percent(worn), percent(left)), "tread")
	return left
}

// limit notes that a rule covers a part.
func (d *decision) limit(rule string, share decimal.Decimal, says, field string) {
	if share.IsPositive() {
		if d.r.Code = ""; share.LessThan(one) {
			d.r.Code = rule
		}
		d.step(rule, true, says, "", "")
		return
	}
	d.refuse(rule, says, field, "nothing of it is left to be paid; correct the figure if it is wrong")
}

// goodwill pays a share of the whole where the rules pay less.
func (d *decision) goodwill(full, paid, share decimal.Decimal) (decimal.Decimal, decimal.Decimal) {
	g := d.in.Goodwill
	if g == nil {
		return paid, share
	}
	most := d.p.Rules.GoodwillMost
	switch {
	case most == "":
		d.step("goodwill", false, "these rules know no goodwill", "goodwill", "decide without it")
	case strings.TrimSpace(g.Code) == "":
		d.step("goodwill", false, "goodwill needs an authorisation", "goodwill_code", "name the authorisation")
	case !g.Share.Number().IsPositive() || g.Share.Number().GreaterThan(most.Number()):
		d.step("goodwill", false, fmt.Sprintf("goodwill pays at most %s", percent(most.Number())), "goodwill", "choose a smaller share")
	default:
		if more := full.Mul(g.Share.Number()).Round(2); more.GreaterThan(paid) {
			d.step("goodwill", true, fmt.Sprintf("goodwill pays %s, authorisation %s", percent(g.Share.Number()), g.Code), "", "")
			d.r.Code = "goodwill"
			return more, g.Share.Number()
		}
		d.step("goodwill", true, "the rules pay no less", "", "")
	}
	return paid, share
}

func clamp(d decimal.Decimal) decimal.Decimal {
	return decimal.Min(one, decimal.Max(decimal.Zero, d))
}

func percent(d decimal.Decimal) string { return d.Shift(2).Round(1).String() + " %" }

// months counts the whole months from one day to another.
func months(from, to portal.Date) int {
	a, b := from.Time(), to.Time()
	if a.IsZero() || b.IsZero() {
		return 0
	}
	n := (b.Year()-a.Year())*12 + int(b.Month()) - int(a.Month())
	if b.Day() < a.Day() {
		n--
	}
	return n
}
