package claims

import (
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"extranet/portal"
	"extranet/portal/portaltest"
)

func TestMain(m *testing.M) { os.Exit(portaltest.Main(m)) }

func must(t interface {
	Helper()
	Fatal(...any)
}, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// policies are those that a new portal begins with.
func policies(t testing.TB, p *portaltest.Portal) map[string]Policy {
	t.Helper()
	all := map[string]Policy{}
	must(t, p.Do(t.Context(), portaltest.As(portaltest.Acme), func(tx *portal.Tx) error {
		for _, kind := range Kinds {
			var err error
			if all[kind], err = InForce(t.Context(), tx, kind, portal.DateOf(portaltest.Now)); err != nil {
				return err
			}
		}
		return nil
	}))
	return all
}

// tyre is a claim that holds: bought a year ago, failed last month.
func tyre() Inputs {
	return Inputs{FiledOn: "2026-03-02", Photos: 1, Currency: "EUR", Facts: Facts{Product: "T1", Serial: "DOT 4B9Y 1226", Quantity: "1", PurchasedOn: "2025-01-10", FailedOn: "2026-02-10",
		NewTread: "8", Tread: "6.4", Condition: "sound", Cause: "separation", Price: "100"}}
}

// TestDecide walks through the published rule: free while little worn and young, then pro rata by usable tread, never after six years.
func TestDecide(t *testing.T) {
	t.Parallel()
	p := policies(t, portaltest.New(t))
	for name, c := range map[string]struct {
		change  func(*Inputs)
		outcome string
		amount  string
		code    string
	}{
		"pro rata":            {func(*Inputs) {}, "in_part", "75.00", "wear"}, // 1.6 of 6.4 mm worn
		"free while young":    {func(in *Inputs) { in.Facts.PurchasedOn = "2025-03-01" }, "approved", "100.00", ""},
		"young, but worn":     {func(in *Inputs) { in.Facts.PurchasedOn, in.Facts.Tread = "2025-03-01", "6.3" }, "in_part", "73.44", "wear"},
		"little worn, older":  {func(in *Inputs) { in.Facts.Tread = "7.9" }, "in_part", "98.44", "wear"},
		"lower list price":    {func(in *Inputs) { in.Facts.ListPrice = "80" }, "in_part", "60.00", "wear"},
		"six years":           {func(in *Inputs) { in.Facts.PurchasedOn = "2020-02-10" }, "refused", "0.00", "age"},
		"a day before":        {func(in *Inputs) { in.Facts.PurchasedOn = "2020-02-11" }, "in_part", "75.00", "wear"},
		"worn out":            {func(in *Inputs) { in.Facts.Tread = "1.6" }, "refused", "0.00", "wear"},
		"excluded":            {func(in *Inputs) { in.Facts.Condition = "run_low" }, "refused", "0.00", "run_low"},
		"late":                {func(in *Inputs) { in.FiledOn = "2026-06-02" }, "refused", "0.00", "in_time"},
		"by usage":            {func(in *Inputs) { in.Facts.Cause, in.Facts.UsageIn, in.Facts.UsageOut = "early_wear", "10000", "50000" }, "in_part", "50.00", "usage"},
		"labour, capped":      {func(in *Inputs) { in.Facts.LabourHours = "3" }, "in_part", "195.00", "wear"},
		"no photo":            {func(in *Inputs) { in.Photos = 0 }, "incomplete", "0.00", "incomplete"},
		"no serial":           {func(in *Inputs) { in.Facts.Serial = " " }, "incomplete", "0.00", "incomplete"},
		"failed before":       {func(in *Inputs) { in.Facts.FailedOn = "2024-01-01" }, "incomplete", "0.00", "incomplete"},
		"goodwill":            {func(in *Inputs) { in.Facts.Condition, in.Goodwill = "run_low", &Goodwill{"0.4", "GW-1"} }, "in_part", "40.00", "goodwill"},
		"goodwill unfounded":  {func(in *Inputs) { in.Facts.Condition, in.Goodwill = "run_low", &Goodwill{"0.4", ""} }, "refused", "0.00", "run_low"},
		"goodwill beyond":     {func(in *Inputs) { in.Facts.Condition, in.Goodwill = "run_low", &Goodwill{"0.6", "GW-1"} }, "refused", "0.00", "run_low"},
		"goodwill below rule": {func(in *Inputs) { in.Goodwill = &Goodwill{"0.4", "GW-1"} }, "in_part", "75.00", "wear"},
	} {
		in := tyre()
		c.change(&in)
		if r := Decide(p["warranty"], in); r.Outcome != c.outcome || string(r.Amount) != c.amount || r.Code != c.code {
			t.Errorf("%s: %s %s %q, want %s %s %q\n%+v", name, r.Outcome, r.Amount, r.Code, c.outcome, c.amount, c.code, r.Steps)
		}
	}
	for name, c := range map[string]struct {
		kind            string
		facts           Facts
		photos          int
		outcome, amount string
	}{
		"shortage":    {"shortage", Facts{Product: "T", Quantity: "10", Received: "7", Price: "5", DeliveredOn: "2026-02-25", Ref: Ref{Shipment: "S"}}, 0, "approved", "15.00"},
		"none short":  {"shortage", Facts{Product: "T", Quantity: "10", Received: "10", Price: "5", DeliveredOn: "2026-02-25", Ref: Ref{Shipment: "S"}}, 0, "refused", "0.00"},
		"transit":     {"transit", Facts{Product: "T", Quantity: "2", Price: "5.55", DeliveredOn: "2026-02-25", Words: "wet", Ref: Ref{Shipment: "S"}}, 1, "approved", "11.10"},
		"too late":    {"transit", Facts{Product: "T", Quantity: "2", Price: "5.55", DeliveredOn: "2026-02-20", Words: "wet", Ref: Ref{Shipment: "S"}}, 1, "refused", "0.00"},
		"price":       {"price", Facts{Product: "T", Quantity: "4", Price: "12", AgreedPrice: "10.5", InvoicedOn: "2026-02-01", Words: "offer", Ref: Ref{Invoice: "I"}}, 0, "approved", "6.00"},
		"return":      {"return", Facts{Product: "T", Quantity: "4", Price: "10", DeliveredOn: "2026-02-20", Condition: "unopened", Words: "x"}, 0, "in_part", "36.00"},
		"used return": {"return", Facts{Product: "T", Quantity: "4", Price: "10", DeliveredOn: "2026-02-20", Condition: "used", Words: "x"}, 0, "refused", "0.00"},
	} {
		if r := Decide(p[c.kind], Inputs{Facts: c.facts, FiledOn: "2026-03-02", Photos: c.photos, Currency: "EUR"}); r.Outcome != c.outcome || string(r.Amount) != c.amount {
			t.Errorf("%s: %s %s, want %s %s\n%+v", name, r.Outcome, r.Amount, c.outcome, c.amount, r.Steps)
		}
	}
}

// anyFacts is what a partner might say, sense or not.
func anyFacts(t *rapid.T) (f Facts) {
	day := func(name string) portal.Date {
		return portal.Date(time.Date(2020, 1, 1+rapid.IntRange(0, 2400).Draw(t, name), 0, 0, 0, 0, time.UTC).Format(time.DateOnly))
	}
	number := func(name string, most int) portal.Amount {
		return portal.Amount(decimal.New(int64(rapid.IntRange(-1, most*100).Draw(t, name)), -2).String())
	}
	f = Facts{Product: "T", Serial: "S", Quantity: number("quantity", 12), PurchasedOn: day("purchased"), FailedOn: day("failed"), DeliveredOn: day("delivered"), InvoicedOn: day("invoiced"),
		UsageIn: number("in", 100), UsageOut: number("out", 100000), UsageUnit: "km", NewTread: number("new", 12), Tread: number("tread", 10), Received: number("received", 12), Price: number("price", 900),
		AgreedPrice: number("agreed", 900), LabourHours: number("hours", 5), Words: "w", Ref: Ref{Shipment: "S", Invoice: "I"},
		Condition: rapid.SampledFrom([]string{"sound", "run_low", "unopened", "used", "hidden", "missing", "none"}).Draw(t, "condition"), Cause: rapid.SampledFrom([]string{"separation", "early_wear"}).Draw(t, "cause")}
	if rapid.Bool().Draw(t, "has a list price") {
		f.ListPrice = number("list", 900)
	}
	return f
}

// TestDecide_isAFunction: whatever the policy and the claim, a decision is the same when it is made again from what is stored of
// it; it pays no more than was claimed, refuses with a rule, a field and a cure, and its money follows from its outcome.
func TestDecide_isAFunction(t *testing.T) {
	t.Parallel()
	all := policies(t, portaltest.New(t))
	rapid.Check(t, func(t *rapid.T) {
		p := all[rapid.SampledFrom(Kinds).Draw(t, "kind")]
		if rapid.Bool().Draw(t, "another policy") {
			p.Rules.FreeMonths, p.Rules.MaxAgeMonths = rapid.IntRange(0, 80).Draw(t, "free"), rapid.IntRange(0, 80).Draw(t, "most")
			p.Rules.Share = portal.Amount(decimal.New(int64(rapid.IntRange(0, 100).Draw(t, "share")), -2).String())
			p.Rules.GoodwillMost = portal.Amount(decimal.New(int64(rapid.IntRange(0, 100).Draw(t, "goodwill most")), -2).String())
			p.Rules.SecondAbove = portal.Amount(decimal.NewFromInt(int64(rapid.IntRange(0, 500).Draw(t, "second"))).String())
		}
		in := Inputs{Facts: anyFacts(t), FiledOn: "2026-03-02", Photos: rapid.IntRange(0, 2).Draw(t, "photos"), Currency: "EUR"}
		if rapid.Bool().Draw(t, "goodwill") {
			in.Goodwill = &Goodwill{portal.Amount(decimal.New(int64(rapid.IntRange(-10, 120).Draw(t, "gw")), -2).String()), rapid.SampledFrom([]string{"", "GW"}).Draw(t, "code")}
		}
		first := Decide(p, in)
		stored, rules := Inputs{}, Policy{}
		must(t, json.Unmarshal([]byte(written(in)), &stored))
		must(t, json.Unmarshal([]byte(written(p)), &rules))
		for range 3 {
			if again := Decide(rules, stored); !reflect.DeepEqual(first, again) {
				t.Fatalf("decided again, it is\n%+v\nand was\n%+v", again, first)
			}
		}
		amount, claimed := first.Amount.Number(), first.Claimed.Number()
		switch {
		case amount.IsNegative() || amount.GreaterThan(claimed):
			t.Fatalf("%s of %s is paid", amount, claimed)
		case first.Outcome == "approved" && !amount.Equal(claimed), first.Outcome == "in_part" && (!amount.IsPositive() || !amount.LessThan(claimed)), (first.Outcome == "refused" || first.Outcome == "incomplete") && !amount.IsZero():
			t.Fatalf("%s pays %s of %s", first.Outcome, amount, claimed)
		}
		if first.Outcome == "refused" || first.Outcome == "incomplete" {
			failed := first.Failed()
			if len(failed) == 0 || first.Code == "" {
				t.Fatalf("%s says no rule: %+v", first.Outcome, first)
			}
			for _, s := range failed {
				if s.Rule == "" || s.Field == "" || strings.TrimSpace(s.Cure) == "" || s.Says == "" {
					t.Fatalf("a refusal without rule, field or cure: %+v", s)
				}
			}
		}
	})
}

// TestFacts_words: what a dealer writes is taken as it is written, in any language, and from systems that write quotation marks as controls.
func TestFacts_words(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ said, kept, fault string }{
		{strings.Repeat("ü", 4000), strings.Repeat("ü", 4000), ""},
		{strings.Repeat("ü", 4001), "", "must be at most 4000 readable characters"},
		{"THE DEALER\u0091S MANAGER \u0093LOOKED\u0094 AT IT\u0085", "THE DEALER‘S MANAGER “LOOKED” AT IT…", ""},
		{"bell \a", "", "must be at most 4000 readable characters"},
	} {
		f := Facts{Words: c.said}
		bad := f.settle(Facts{})
		if bad["words"] != c.fault || c.fault == "" && f.Words != c.kept {
			t.Errorf("%.40q: %q, kept %.40q", c.said, bad["words"], f.Words)
		}
	}
}
