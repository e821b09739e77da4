package claims

import (
	"cmp"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"extranet/portal"
)

// TestMakePolicy: a new version holds from its first day on for what is submitted then; what was submitted before is decided by its own.
func TestMakePolicy(t *testing.T) {
	t.Parallel()
	d, ctx := newDesk(t), t.Context()
	lead := staff(2, portal.ClaimsDecide, portal.ClaimsApprove)
	make := func(by portal.Caller, draw Draw) (p Policy, err error) {
		err = d.p.AcrossPartners(ctx, by, portal.ClaimsDecide, func(tx *portal.Tx) (err error) { p, err = MakePolicy(ctx, tx, "transit", draw); return err })
		return p, err
	}
	first := policies(t, d.p)["transit"]
	half := first.Rules
	half.Share, half.DeskMail = "0.5", "desk@host.example"
	d.begin(t, true) // under version 1
	before := d.number
	p, err := make(lead, Draw{Name: "Half", ValidFrom: "2026-03-10", Rules: half})
	must(t, err)
	if p.Version != 2 || p.Rules.Share != "0.5" {
		t.Errorf("%+v", p)
	}
	d.begin(t, false) // drafted before its first day …
	if l := d.read(t).Lines[0]; l.Version != 1 || l.Result.Amount != "4000.00" {
		t.Errorf("before its first day: version %d, %s", l.Version, l.Result.Amount)
	}
	d.p.Arrange(t, `UPDATE claim_lines SET facts = replace(facts, '2026-02-26', '2026-03-09') WHERE claim = $1`, d.number)
	d.p.Pass(8 * 24 * time.Hour)
	c := d.read(t) // … and submitted after it
	if l := c.Lines[0]; l.Version != 2 || l.Result.Amount != "2000.00" || c.Policy.Rules.DeskMail != "" || c.Policy.Rules.Texts != nil {
		t.Errorf("after its first day: version %d, %s, desk's own %+v", l.Version, l.Result.Amount, c.Policy.Rules)
	}
	must(t, d.dealer(func(tx *portal.Tx) error { return Submit(ctx, tx, d.number) }))
	var mails int
	must(t, d.p.Owner.QueryRow(`SELECT count(*) FROM mails WHERE path LIKE '/desk/claims/%/' || $1`, d.number).Scan(&mails))
	if mails != 1 {
		t.Errorf("the desk got %d mails, want 1", mails)
	}
	for number, want := range map[string]portal.Amount{before: "4000.00", d.number: "2000.00"} {
		must(t, d.host(lead, func(tx *portal.Tx) error {
			if err := DecideLine(ctx, tx, "D100", number, 1, Verdict{Words: "w"}); err != nil {
				return err
			}
			c, err := Open(ctx, tx, "D100", number)
			l := c.Lines[0]
			again, bad := Recompute(ctx, tx, "transit", l)
			if l.Amount != want || bad != nil || !reflect.DeepEqual(again, *l.Result) || !reflect.DeepEqual(*l.Preflight, *l.Result) || c.RulesOf(l).Version != l.Version {
				t.Errorf("%s: %s, decided again %+v %v; shown before %+v", number, l.Amount, again, bad, l.Preflight)
			}
			return err
		}))
	}
	for what, c := range map[string]struct {
		by    portal.Caller
		draw  Draw
		kind  portal.Kind
		field string
	}{
		"by the desk alone":      {staff(1, portal.ClaimsDecide), Draw{Name: "x", ValidFrom: "2026-04-01", Rules: half}, portal.Forbidden, ""},
		"for a day gone by":      {lead, Draw{Name: "x", ValidFrom: "2026-03-01", Rules: half}, portal.Invalid, "valid_from"},
		"ending before":          {lead, Draw{Name: "x", ValidFrom: "2026-04-01", ValidTo: "2026-03-31", Rules: half}, portal.Invalid, "valid_to"},
		"without a name":         {lead, Draw{ValidFrom: "2026-04-01", Rules: half}, portal.Invalid, "name"},
		"that reckon nothing":    {lead, Draw{Name: "x", ValidFrom: "2026-04-01", Rules: Rules{Require: []string{"words"}}}, portal.Invalid, "require"},
		"by wear without mm":     {lead, Draw{Name: "x", ValidFrom: "2026-04-01", Rules: Rules{Require: half.Require, ProRata: true}}, portal.Invalid, "legal_tread"},
		"that pay double":        {lead, Draw{Name: "x", ValidFrom: "2026-04-01", Rules: Rules{Require: half.Require, Share: "2"}}, portal.Invalid, "share"},
		"excluding with no cure": {lead, Draw{Name: "x", ValidFrom: "2026-04-01", Rules: Rules{Require: half.Require, Conditions: []Code{{Code: "wet", Says: "Wet", Excluded: true}}}}, portal.Invalid, "conditions"},
	} {
		_, err := make(c.by, c.draw)
		if says := portal.Says(err); err == nil || says.Kind != c.kind || c.field != "" && says.Fields[c.field] == "" {
			t.Errorf("rules %s: %v %+v", what, err, says.Fields)
		}
	}
	// A version never changes, whoever tries.
	for _, statement := range []string{`UPDATE claim_policies SET name = 'x'`, `DELETE FROM claim_policies`} {
		if err := d.host(lead, func(tx *portal.Tx) error { _, err := tx.Exec(ctx, statement); return err }); err == nil {
			t.Errorf("%s is carried out", statement)
		}
	}
}

// TestWithoutRules: where the host has no rules on a day, claims are still shown and decided, and a draft says why it cannot be submitted.
func TestWithoutRules(t *testing.T) {
	t.Parallel()
	d, ctx := newDesk(t), t.Context()
	d.begin(t, true)
	submitted := d.number
	d.begin(t, false)
	d.p.Arrange(t, `UPDATE claim_policies SET valid_to = '2026-02-28'`)
	if r := d.read(t).Lines[0].Result; r.Outcome != "incomplete" || r.Failed()[0].Cure == "" {
		t.Errorf("%+v", r)
	}
	if err := d.dealer(func(tx *portal.Tx) error { return Submit(ctx, tx, d.number) }); portal.Says(err).Kind != portal.Invalid {
		t.Errorf("submitted without rules: %v", err)
	}
	must(t, d.host(staff(1, portal.ClaimsDecide), func(tx *portal.Tx) error {
		return Ask(ctx, tx, "D100", submitted, 1, "Where is the package?")
	}))
}

// TestDecideAll: each picked claim is decided by itself, and the queue goes on page by page.
func TestDecideAll(t *testing.T) {
	t.Parallel()
	d, ctx := newDesk(t), t.Context()
	d.begin(t, true)
	d.p.Arrange(t, `UPDATE claim_lines SET facts = replace(facts, '"quantity":"4"', '"quantity":"1"') WHERE claim = $1`, d.number)
	small := d.number
	d.begin(t, true)
	var done []Picked
	must(t, d.host(staff(1, portal.ClaimsDecide), func(tx *portal.Tx) (err error) {
		done, err = DecideAll(ctx, tx, []Pick{{"D100", small}, {"D100", d.number}, {"D100", "C-none"}, {"D100", small}}, "")
		return err
	}))
	got := map[string]string{}
	for _, p := range done {
		got[p.Number] = fmt.Sprintf("%d %s", p.Decided, p.Why)
	}
	if len(done) != 3 || got[small] != "1 " || got[d.number] != "1 " || got["C-none"] != "0 there is no claim with this number" {
		t.Errorf("%v", got)
	}
	if s, p := d.state(t, small), d.state(t, d.number); s != "approved" || p != "proposed" {
		t.Errorf("the small one is %s, the large one %s", s, p)
	}
	// 450 claims that wait come in three pages, each once, what is due first first.
	d.p.Arrange(t, `
		INSERT INTO claims (partner_id, number, kind, site, currency, reference, contact_email, created_at, created_by, submitted_at, changed_at, state, owner, due_at)
		SELECT 2 + i % 2, 'Q' || i, 'transit', 'D100', 'EUR', '', '', now(), 'x', now(), now(), CASE i % 3 WHEN 0 THEN 'closed' ELSE 'submitted' END, CASE i % 3 WHEN 0 THEN NULL ELSE 'host' END, CASE i % 3 WHEN 0 THEN NULL ELSE timestamptz '2026-03-01Z' + i / 7 * interval '1 hour' END
		FROM generate_series(1, 675) i`)
	for state, want := range map[string]int{"": 451, "submitted": 450, "closed": 225} {
		var seen []string
		f := DeskFilter{State: state}
		for {
			var w Waiting
			must(t, d.host(staff(1, portal.ClaimsDecide), func(tx *portal.Tx) (err error) { w, err = Queue(ctx, tx, f); return err }))
			for _, q := range w.Items {
				seen = append(seen, q.Partner+q.Number)
			}
			if f.Cursor = w.Next; w.Next == "" {
				break
			}
		}
		sorted := slices.Clone(seen)
		slices.Sort(sorted)
		if len(seen) < want || len(slices.Compact(sorted)) != len(seen) {
			t.Errorf("%q: %d of at least %d, %d of them different", state, len(seen), want, len(slices.Compact(sorted)))
		}
	}
}

func (d *desk) state(t *testing.T, number string) (s string) {
	t.Helper()
	must(t, d.p.Owner.QueryRow(`SELECT state FROM claim_lines WHERE claim = $1`, number).Scan(&s))
	return s
}

// TestDecide_anyRules: whatever rules can be set, they decide whatever is said, the same when it is made again, and never more than was claimed.
func TestDecide_anyRules(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom(Kinds).Draw(t, "kind")
		amount := func(name string, most int) portal.Amount {
			if rapid.Bool().Draw(t, "no "+name) {
				return ""
			}
			return portal.Amount(decimal.New(int64(rapid.IntRange(0, most*100).Draw(t, name)), -2).String())
		}
		r := Rules{Require: rapid.SliceOfDistinct(rapid.SampledFrom(Fields[kind]), rapid.ID[string]).Draw(t, "require"), Photos: rapid.IntRange(0, 2).Draw(t, "photos"), MaxAgeMonths: rapid.IntRange(0, 90).Draw(t, "age"),
			FreeMonths: rapid.IntRange(0, 24).Draw(t, "free"), FreeWorn: amount("free worn", 1), ProRata: rapid.Bool().Draw(t, "pro rata"), LegalTread: amount("legal", 4), WarrantedUsage: amount("usage", 900),
			Pays: rapid.SampledFrom([]string{"", "missing", "difference"}).Draw(t, "pays"), Share: amount("share", 1), LabourRate: amount("rate", 90), LabourMost: amount("hours", 4), GoodwillMost: amount("goodwill", 1),
			SecondAbove: amount("second", 900), Conditions: []Code{{Code: "sound", Says: "Sound"}, {Code: "run_low", Says: "Low", Excluded: true, Cure: "Appeal"}}, Causes: []Code{{Code: "separation", Says: "S"}, {Code: "early_wear", Says: "W", Usage: true}}}
		needed := []string{"product", "quantity", "price"}
		if rapid.Bool().Draw(t, "in time") {
			r.Within = &Within{rapid.SampledFrom([]string{"failed_on", "delivered_on", "invoiced_on", "purchased_on"}).Draw(t, "within"), rapid.IntRange(1, 400).Draw(t, "days")}
			needed = append(needed, r.Within.Field)
		}
		if r.MaxAgeMonths > 0 || r.ProRata {
			needed = append(needed, "purchased_on", "failed_on")
		}
		if r.WarrantedUsage != "" && r.WarrantedUsage.Number().LessThan(decimal.NewFromInt(1)) {
			r.WarrantedUsage = "1"
		}
		if r.ProRata {
			needed = append(needed, "new_tread", "tread")
			r.LegalTread = cmp.Or(r.LegalTread, "1.6")
		}
		needed = append(needed, map[string][]string{"missing": {"received"}, "difference": {"agreed_price"}}[r.Pays]...)
		for _, f := range needed {
			if !slices.Contains(r.Require, f) && f != "invoiced_on" {
				r.Require = append(r.Require, f)
			}
		}
		if bad := r.check(kind); len(bad) > 0 && !slices.ContainsFunc(r.Require, func(f string) bool { return !slices.Contains(Fields[kind], f) }) {
			t.Fatalf("these rules should be good: %v", bad)
		}
		p := Policy{Kind: kind, Version: 1, Rules: r}
		facts := anyFacts(t)
		for _, field := range rapid.SliceOf(rapid.SampledFrom([]string{"purchased_on", "failed_on", "new_tread", "tread", "usage_out", "received", "agreed_price", "condition", "cause"})).Draw(t, "left out") {
			facts.Set(field, "")
		}
		in := Inputs{Facts: facts, FiledOn: "2026-03-02", Photos: rapid.IntRange(0, 2).Draw(t, "has photos"), Currency: "EUR"}
		first := Decide(p, in)
		stored, rules := Inputs{}, Policy{}
		must(t, json.Unmarshal([]byte(written(in)), &stored))
		must(t, json.Unmarshal([]byte(written(p)), &rules))
		if again := Decide(rules, stored); !reflect.DeepEqual(first, again) {
			t.Fatalf("decided again, it is\n%+v\nand was\n%+v", again, first)
		}
		if a := first.Amount.Number(); a.IsNegative() || a.GreaterThan(first.Claimed.Number()) {
			t.Fatalf("%s of %s is paid", a, first.Claimed)
		}
	})
}
