package forecasts

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"extranet/portal"
)

// someBuckets draws a horizon: buckets of one kind, one after the other.
func someBuckets(t *rapid.T) (starts []portal.Date, kind string) {
	kind = rapid.SampledFrom(Kinds).Draw(t, "kind")
	at := portal.DateOf(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, rapid.IntRange(0, 1500).Draw(t, "first")))
	if kind == "month" {
		at = at[:8] + "01"
	}
	for range rapid.IntRange(1, 80).Draw(t, "buckets") {
		starts = append(starts, at)
		at = end(at, kind)
	}
	return starts, kind
}

// TestZones shows that the zones partition every horizon: each bucket is in one, in their order, and they meet at the fences.
func TestZones(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		starts, kind := someBuckets(t)
		terms := Usual
		terms.FirmDays, terms.TradeOffDays = rapid.IntRange(0, 200).Draw(t, "firm"), rapid.IntRange(0, 200).Draw(t, "trade-off")
		today := plus(starts[0], rapid.IntRange(-30, 600).Draw(t, "today"))
		order := map[Zone]int{Past: 0, Firm: 1, TradeOff: 2, Planning: 3}
		before, count := 0, 0
		for i, z := range terms.Zones(starts, kind, today) {
			n, known := order[z]
			if !known || n < before {
				t.Fatalf("bucket %s is %q after zone %d", starts[i], z, before)
			}
			before, count = n, count+1
			// The definition once more, in days counted one by one.
			days := int(starts[i].Time().Sub(today.Time()).Hours() / 24)
			last := int(end(starts[i], kind).Time().Sub(today.Time()).Hours() / 24)
			want := Planning
			switch {
			case last <= 0:
				want = Past
			case days < terms.FirmDays:
				want = Firm
			case days < terms.FirmDays+terms.TradeOffDays:
				want = TradeOff
			}
			if z != want {
				t.Fatalf("bucket %s on %s is %s, want %s", starts[i], today, z, want)
			}
		}
		if count != len(starts) {
			t.Fatalf("%d of %d buckets", count, len(starts))
		}
		// A day later nothing has become less binding.
		for i, z := range terms.Zones(starts, kind, plus(today, 1)) {
			if was := terms.Zones(starts, kind, today)[i]; order[z] > order[was] {
				t.Fatalf("bucket %s goes from %s to %s overnight", starts[i], was, z)
			}
		}
	})
}

// TestToday shows that midnight is the host's, also where clocks are set forward and back.
func TestToday(t *testing.T) {
	t.Parallel()
	berlin := Usual
	berlin.TimeZone = "Europe/Berlin"
	for at, want := range map[string]portal.Date{
		"2026-03-28T22:59:59Z": "2026-03-28", "2026-03-28T23:00:00Z": "2026-03-29", "2026-03-29T21:59:59Z": "2026-03-29", "2026-03-29T22:00:00Z": "2026-03-30", // 23 hours
		"2026-10-24T21:59:59Z": "2026-10-24", "2026-10-24T22:00:00Z": "2026-10-25", "2026-10-25T22:59:59Z": "2026-10-25", "2026-10-25T23:00:00Z": "2026-10-26", // 25 hours
		"2026-12-31T23:00:00Z": "2027-01-01",
	} {
		moment, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		if got := berlin.Today(moment); got != want {
			t.Errorf("%s is %s, want %s", at, got, want)
		}
	}
	// Firm days are days, not times 24 hours: the fence moves by one a day over both.
	for day := portal.Date("2026-03-27"); day < "2026-04-02"; day = plus(day, 1) {
		if fence, _ := berlin.Fences(day); fence != plus(day, 28) {
			t.Errorf("on %s the fence is at %s", day, fence)
		}
	}
}

func TestLabel(t *testing.T) {
	t.Parallel()
	fiscal := Usual
	fiscal.Calendar, fiscal.YearBegins = "4-4-5", "02-01"
	for _, c := range []struct {
		terms Terms
		start portal.Date
		kind  string
		want  string
	}{
		{Usual, "2026-12-28", "week", "2026-W53"}, {Usual, "2027-01-04", "week", "2027-W01"}, {Usual, "2024-12-30", "week", "2025-W01"}, {Usual, "2020-12-27", "week", "2020-W53"},
		{Usual, "2026-02-01", "month", "Feb 2026"}, {Usual, "2026-02-01", "day", "1 Feb"},
		{fiscal, "2026-02-02", "week", "FY26 P01 W1"}, {fiscal, "2026-01-26", "week", "FY25 P12 W5"}, {fiscal, "2026-03-02", "week", "FY26 P02 W1"}, {fiscal, "2026-04-27", "week", "FY26 P03 W5"},
		{fiscal, "2029-01-29", "week", "FY29 P01 W1"}, {fiscal, "2024-01-29", "week", "FY24 P01 W1"}, {fiscal, "2025-01-27", "week", "FY24 P12 W6"}, // the 53rd week
	} {
		if got := c.terms.Label(c.start, c.kind); got != c.want {
			t.Errorf("%s %s is %s, want %s", c.start, c.kind, got, c.want)
		}
	}
}

// TestFiscal shows that in every calendar each week has one place, each year 52 weeks or 53, and periods follow each other.
func TestFiscal(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		terms := Usual
		terms.Calendar = rapid.SampledFrom([]string{"4-4-5", "4-5-4", "5-4-4"}).Draw(t, "calendar")
		terms.YearBegins = fmt.Sprintf("%02d-%02d", rapid.IntRange(1, 12).Draw(t, "month"), rapid.IntRange(1, 28).Draw(t, "day"))
		at := portal.DateOf(terms.yearBegins(rapid.IntRange(1990, 2060).Draw(t, "year")))
		weeks := 0
		for f := terms.Fiscal(at); ; {
			weeks++
			if sunday := terms.Fiscal(plus(at, 6)); sunday != f {
				t.Fatalf("Monday %s is in %+v and its Sunday in %+v", at, f, sunday)
			}
			at = plus(at, 7)
			next := terms.Fiscal(at)
			if next.Year != f.Year {
				if f.OfYear != weeks || weeks != 52 && weeks != 53 || f.Period != 12 || next != (FiscalWeek{f.Year + 1, 1, 1, 1}) {
					t.Fatalf("year %d ends after %d weeks with %+v, and %+v follows", f.Year, weeks, f, next)
				}
				return
			}
			follows := next.Period == f.Period && next.Week == f.Week+1 || next.Period == f.Period+1 && next.Week == 1
			if !follows || next.OfYear != f.OfYear+1 {
				t.Fatalf("%+v follows %+v", next, f)
			}
			f = next
		}
	})
}
