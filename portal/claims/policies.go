package claims

import (
	"context"
	"fmt"
	"maps"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/shopspring/decimal"

	"extranet/portal"
)

// A Version is one version of the rules of a kind, as the list of them shows it.
type Version struct {
	Kind      string      `db:"kind" json:"kind"`
	Version   int         `db:"version" json:"version"`
	Name      string      `db:"name" json:"name"`
	ValidFrom portal.Date `db:"valid_from" json:"valid_from" format:"date"`
	ValidTo   portal.Date `db:"valid_to" json:"valid_to" format:"date" nullable:"true"`
	MadeAt    time.Time   `db:"made_at" json:"made_at"`
	MadeBy    string      `db:"made_by" json:"made_by"`
	InForce   bool        `db:"in_force" json:"in_force" doc:"Claims that are submitted today are decided by it"`
}

// Versions lists every version of the rules, by kind, the latest first. It needs the right to decide claims.
func Versions(ctx context.Context, tx *portal.Tx) (list []Version, err error) {
	if err := tx.Need(portal.ClaimsDecide); err != nil {
		return nil, err
	}
	list = []Version{}
	err = tx.Select(ctx, &list, `
		SELECT kind, version, name, valid_from, valid_to, made_at, made_by,
			version = (SELECT max(o.version) FROM claim_policies o WHERE o.kind = p.kind AND o.valid_from <= $1::date AND (o.valid_to IS NULL OR o.valid_to >= $1::date)) IS TRUE AS in_force
		FROM claim_policies p ORDER BY array_position($2::text[], kind), version DESC`, portal.DateOf(tx.Now), Kinds)
	if err != nil {
		return nil, fmt.Errorf("listing rules: %w", err)
	}
	return list, nil
}

// ReadPolicy returns one version to the desk. One that is not there is NotFound.
func ReadPolicy(ctx context.Context, tx *portal.Tx, kind string, version int) (Policy, error) {
	if err := tx.Need(portal.ClaimsDecide); err != nil {
		return Policy{}, err
	}
	p, err := PolicyOf(ctx, tx, kind, version)
	if portal.Says(err).Kind == portal.Conflict {
		return p, portal.Errorf(portal.NotFound, "there is no such version of the rules")
	}
	return p, err
}

// A Draw is what a new version of the rules is to be.
type Draw struct {
	Name      string      `json:"name" minLength:"1" maxLength:"100"`
	ValidFrom portal.Date `json:"valid_from" doc:"The first day: today or later" format:"date" maxLength:"10"`
	ValidTo   portal.Date `json:"valid_to,omitempty" doc:"The last day; left out, until another version follows" format:"date" maxLength:"10"`
	Rules     Rules       `json:"rules"`
}

// MakePolicy sets a new version of the rules for a kind, from today or a later day on: the latest version that holds on a day is that day's. What was
// submitted stays under the version it was submitted by. Versions never change. It needs the right to approve above the desk's limit; rules that could
// not decide are Invalid, field by field.
func MakePolicy(ctx context.Context, tx *portal.Tx, kind string, d Draw) (p Policy, err error) {
	if err := tx.Need(portal.ClaimsApprove); err != nil {
		return p, err
	}
	if !slices.Contains(Kinds, kind) {
		return p, portal.Errorf(portal.NotFound, "there is no such kind of claim")
	}
	bad := d.Rules.check(kind)
	if d.Name = strings.TrimSpace(d.Name); d.Name == "" || len(d.Name) > 100 || !portal.Readable(d.Name) {
		bad["name"] = "Name: 1 to 100 readable characters"
	}
	if _, err := portal.ParseDate(string(d.ValidFrom)); err != nil || d.ValidFrom < portal.DateOf(tx.Now) {
		bad["valid_from"] = "Valid from: today or a day to come, for what was shown to partners stays as it was"
	}
	if _, err := portal.ParseDate(string(d.ValidTo)); err != nil || d.ValidTo != "" && d.ValidTo < d.ValidFrom {
		bad["valid_to"] = "Valid to: a day after the first, or none"
	}
	if len(bad) > 0 {
		return p, &portal.Error{Kind: portal.Invalid, Msg: "these rules cannot be set", Fields: bad}
	}
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('claim rules ' || $1, 0))`, kind); err != nil {
		return p, fmt.Errorf("setting rules: %w", err)
	}
	err = tx.Get(ctx, &p.Version, `INSERT INTO claim_policies (kind, version, name, valid_from, valid_to, rules, made_at, made_by)
		SELECT $1, coalesce(max(version), 0) + 1, $2, $3::date, $4::date, $5, $6, $7 FROM claim_policies WHERE kind = $1 RETURNING version`, kind, d.Name, d.ValidFrom, d.ValidTo, written(d.Rules), tx.Now, tx.By.Name)
	if err != nil {
		return p, fmt.Errorf("setting rules: %w", err)
	}
	if err := tx.Audit(ctx, "claims.rules", "claim-rules/"+kind, map[string]string{"version": fmt.Sprint(p.Version), "name": d.Name, "valid_from": string(d.ValidFrom), "valid_to": string(d.ValidTo)}); err != nil {
		return p, err
	}
	return PolicyOf(ctx, tx, kind, p.Version)
}

var codeName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)

// check returns what of the rules cannot be meant, or could not decide, by field.
func (r Rules) check(kind string) map[string]string {
	bad := map[string]string{}
	number := func(field string, n portal.Amount, least, most string) {
		if n == "" {
			return
		}
		d, err := decimal.NewFromString(string(n))
		if err != nil || len(n) > 20 || d.Exponent() < -6 || d.LessThan(decimal.RequireFromString(least)) || d.GreaterThan(decimal.RequireFromString(most)) {
			bad[field] = fmt.Sprintf("%v: a number from %s to %s", RuleNames[field], least, most)
		}
	}
	whole := func(field string, n, least, most int) {
		if n < least || n > most {
			bad[field] = fmt.Sprintf("%v: from %d to %d", RuleNames[field], least, most)
		}
	}
	for _, f := range r.Require {
		if !slices.Contains(Fields[kind], f) {
			bad["require"] = fmt.Sprintf("%v: %q is no field of this kind; choose from %s", RuleNames["require"], f, strings.Join(Fields[kind], ", "))
		}
	}
	for _, f := range []string{"product", "quantity", "price"} {
		if !slices.Contains(r.Require, f) {
			bad["require"] = fmt.Sprintf("%v: %s is needed, for money is reckoned by it", RuleNames["require"], f)
		}
	}
	whole("photos", r.Photos, 0, 20)
	whole("max_age_months", r.MaxAgeMonths, 0, 1200)
	whole("free_months", r.FreeMonths, 0, 1200)
	if w := r.Within; w != nil {
		whole("within_days", w.Days, 1, 3650)
		if !slices.Contains([]string{"failed_on", "delivered_on", "invoiced_on", "purchased_on"}, w.Field) {
			bad["within_field"] = fmt.Sprintf("%v: choose failed_on, delivered_on, invoiced_on or purchased_on", RuleNames["within_field"])
		} else if w.Field != "invoiced_on" && !slices.Contains(r.Require, w.Field) {
			bad["within_field"] = fmt.Sprintf("%v: %s has to be among the needed fields", RuleNames["within_field"], w.Field)
		}
	}
	for field, n := range map[string]portal.Amount{"free_worn": r.FreeWorn, "share": r.Share, "goodwill_most": r.GoodwillMost} {
		number(field, n, "0", "1")
	}
	number("legal_tread", r.LegalTread, "0", "30")
	number("warranted_usage", r.WarrantedUsage, "1", "10000000")
	number("labour_rate", r.LabourRate, "0", "10000")
	number("labour_most", r.LabourMost, "0", "1000")
	number("second_above", r.SecondAbove, "0", "1000000000")
	needs := func(field string, on bool, fields ...string) {
		for _, f := range fields {
			if on && !slices.Contains(r.Require, f) {
				bad[field] = fmt.Sprintf("%v: %s has to be among the needed fields", RuleNames[field], f)
			}
		}
	}
	needs("max_age_months", r.MaxAgeMonths > 0, "purchased_on", "failed_on")
	needs("pro_rata", r.ProRata, "new_tread", "tread", "purchased_on", "failed_on")
	if r.ProRata && r.LegalTread == "" {
		bad["legal_tread"] = fmt.Sprintf("%v: is needed to pay by wear", RuleNames["legal_tread"])
	}
	if !slices.Contains([]string{"", "missing", "difference"}, r.Pays) {
		bad["pays"] = fmt.Sprintf("%v: choose missing, difference or nothing", RuleNames["pays"])
	}
	needs("pays", r.Pays == "missing", "received")
	needs("pays", r.Pays == "difference", "agreed_price")
	for field, codes := range map[string][]Code{"causes": r.Causes, "conditions": r.Conditions} {
		seen := map[string]bool{}
		for _, c := range codes {
			switch {
			case !codeName.MatchString(c.Code):
				bad[field] = fmt.Sprintf("%v: %q is no code; use small letters, digits and _", RuleNames[field], c.Code)
			case seen[c.Code]:
				bad[field] = fmt.Sprintf("%v: %s is there twice", RuleNames[field], c.Code)
			case c.Says == "" || utf8.RuneCountInString(c.Says) > 200 || utf8.RuneCountInString(c.Cure) > 400 || !legible(c.Says) || !legible(c.Cure):
				bad[field] = fmt.Sprintf("%v: %s needs words, at most 200 characters, and a cure of at most 400", RuleNames[field], c.Code)
			case c.Excluded && c.Cure == "":
				bad[field] = fmt.Sprintf("%v: %s is excluded, so say what can be done about it", RuleNames[field], c.Code)
			}
			seen[c.Code] = true
		}
		if len(codes) > 100 {
			bad[field] = fmt.Sprintf("%v: at most 100", RuleNames[field])
		}
	}
	for _, t := range r.Texts {
		if t.Title == "" || len(t.Title) > 100 || t.Words == "" || len(t.Words) > 2000 || !legible(t.Title) || !legible(t.Words) {
			bad["texts"] = fmt.Sprintf("%v: each needs a title of at most 100 characters, and words of at most 2,000", RuleNames["texts"])
		}
	}
	if len(r.Texts) > 100 {
		bad["texts"] = fmt.Sprintf("%v: at most 100", RuleNames["texts"])
	}
	if r.DeskMail != "" {
		if a, err := mail.ParseAddress(r.DeskMail); err != nil || a.Address != r.DeskMail || len(r.DeskMail) > 200 {
			bad["desk_mail"] = fmt.Sprintf("%v: is no mail address", RuleNames["desk_mail"])
		}
	}
	return bad
}

// legible reports whether people can read it: no control characters but lines and tabs.
func legible(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' && r != '\n' && r != '\r' && r != '\t' || r == 0xFFFD })
}

// RuleNames are what people call the rules.
var RuleNames = map[string]string{"require": "Needed fields", "photos": "Photos at least", "within_field": "Submitted within days of", "within_days": "Days", "max_age_months": "No cover from this age, months",
	"free_months": "Paid in full up to this age, months", "free_worn": "… and this share worn", "pro_rata": "Paid by what is not worn", "legal_tread": "Worn out at, mm", "warranted_usage": "Warranted usage",
	"pays": "Pays", "share": "Share paid at most", "labour_rate": "Paid per hour of labour", "labour_most": "Hours paid at most", "goodwill_most": "Goodwill, share at most", "second_above": "A second person above",
	"causes": "Causes", "conditions": "Conditions", "texts": "Texts of the desk", "desk_mail": "Mail of the desk"}

// forPartners are the rules without what is the desk's own.
func (p Policy) forPartners() Policy {
	p.Rules.Texts, p.Rules.GoodwillMost, p.Rules.DeskMail = nil, "", ""
	return p
}

// RulesOf returns the rules that a line is decided by: those it was submitted under, or those of today.
func (d Detail) RulesOf(l Line) Policy {
	if p, ok := d.versions[l.Version]; ok {
		return p
	}
	return d.Policy
}

// gather reads the versions of the rules that a claim's lines were submitted under.
func (d *Detail) gather(ctx context.Context, tx *portal.Tx) error {
	d.versions = map[int]Policy{}
	for _, l := range d.Lines {
		if _, ok := d.versions[l.Version]; ok || l.Version == 0 {
			continue
		}
		p, err := PolicyOf(ctx, tx, d.Kind, l.Version)
		if err != nil {
			return err
		}
		d.versions[l.Version] = p
	}
	return nil
}

// rules brings the rules of the day to a claim. A day on which the host has none is no dead end: the claim is shown by the latest there were, and what is
// not submitted says that it cannot be.
func (d *Detail) rules(ctx context.Context, tx *portal.Tx) (none bool, err error) {
	d.Policy, err = InForce(ctx, tx, d.Kind, portal.DateOf(tx.Now))
	if portal.Says(err).Kind != portal.Conflict {
		return false, err
	}
	d.Policy, err = policy(ctx, tx, `SELECT kind, version, name, valid_from, valid_to, rules FROM claim_policies WHERE kind = $1 ORDER BY version DESC LIMIT 1`, d.Kind)
	return true, err
}

// without is the result of what cannot be decided because the host has no rules for it today.
func without(currency string) Result {
	return Result{Outcome: "incomplete", Code: "rules", Share: "0", Claimed: "0.00", Amount: "0.00", Currency: currency,
		Steps: []Step{{"rules", false, "the host has no rules in force for this kind today", "kind", "ask your contact at the host"}}}
}

// A Pick is one claim of a partner's.
type Pick struct {
	Partner string `json:"partner" doc:"Its account number" minLength:"1" maxLength:"100"`
	Number  string `json:"number" minLength:"1" maxLength:"100"`
}

// A Picked claim says what became of it when several were decided at once.
type Picked struct {
	Pick
	Decided int    `json:"decided" doc:"Lines that were decided"`
	Why     string `json:"why" doc:"Why there are lines that were not; empty where there are none"`
}

// DecideAll decides the picked claims as the rules give, each by itself: one that cannot be is named with the reason, and stops no other.
func DecideAll(ctx context.Context, tx *portal.Tx, picks []Pick, words string) ([]Picked, error) {
	if err := tx.Need(portal.ClaimsDecide); err != nil {
		return nil, err
	}
	if len(picks) > queueShows {
		return nil, portal.Errorf(portal.Invalid, "at most %d claims at once", queueShows)
	}
	// In one order, so that two desks at once do not wait for each other.
	picks = slices.SortedFunc(slices.Values(picks), func(a, b Pick) int {
		return strings.Compare(a.Partner+"\x00"+a.Number, b.Partner+"\x00"+b.Number)
	})
	all := []Picked{}
	for _, p := range slices.Compact(picks) {
		done := Picked{Pick: p}
		c, err := Open(ctx, tx, p.Partner, p.Number)
		some := false
		for _, l := range c.Lines {
			if err != nil || !slices.Contains(reviewable, l.State) {
				continue
			}
			some = true
			if err = DecideLine(ctx, tx, p.Partner, p.Number, l.Line, Verdict{Words: words}); err == nil {
				done.Decided++
			}
		}
		switch said := portal.Says(err); {
		case err != nil && said.Kind == portal.Internal:
			return nil, err
		case err != nil: // such an error comes before anything is written
			done.Why = said.Msg
			for _, name := range slices.Sorted(maps.Keys(said.Fields)) {
				done.Why += "; " + name + ": " + said.Fields[name]
			}
		case !some:
			done.Why = "there is nothing to decide in it"
		}
		all = append(all, done)
	}
	return all, nil
}
