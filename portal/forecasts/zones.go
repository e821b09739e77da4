package forecasts

import (
	"fmt"
	"time"

	"extranet/portal"
)

// A Zone says how binding a bucket is. Every bucket is in exactly one.
type Zone string

const (
	Past     Zone = "past"      // it is over
	Firm     Zone = "firm"      // the host takes what is made for it
	TradeOff Zone = "trade_off" // the host pays for material bought for it
	Planning Zone = "planning"  // for information
)

// Terms are what host and supplier agreed. Days are counted from the present day, in the terms' time zone.
type Terms struct {
	Since        time.Time     `db:"since" json:"since" doc:"From when they hold; the year 1 for those that hold where nothing was agreed"`
	FirmDays     int           `db:"firm_days" json:"firm_days" doc:"A bucket that begins before this many days from now is firm" minimum:"0" maximum:"730"`
	TradeOffDays int           `db:"tradeoff_days" json:"tradeoff_days" doc:"How many days follow in which material may be bought" minimum:"0" maximum:"730"`
	CommitDays   int           `db:"commit_days" json:"commit_days" doc:"Days after publication in which an answer is due" minimum:"0" maximum:"90"`
	Tolerance    portal.Amount `db:"tolerance" json:"tolerance" doc:"Per cent of the forecast by which a commitment may differ without being an exception"`
	MakeShare    portal.Amount `db:"make_share" json:"make_share" doc:"Per cent of the price that the host pays for what was authorised to be made and is no longer wanted"`
	BuyShare     portal.Amount `db:"buy_share" json:"buy_share" doc:"Per cent of the price that the host pays for material that was authorised to be bought and is no longer wanted"`
	TimeZone     string        `db:"time_zone" json:"time_zone" doc:"IANA name of the zone in which days begin" maxLength:"60"`
	Calendar     string        `db:"calendar" json:"calendar" doc:"How weeks are numbered" enum:"iso,4-4-5,4-5-4,5-4-4"`
	YearBegins   string        `db:"year_begins" json:"year_begins" doc:"For fiscal calendars: the year begins on the Monday nearest to this day, as MM-DD" pattern:"^[01][0-9]-[0-3][0-9]$"`
	SetBy        string        `db:"set_by" json:"set_by" doc:"Who at the host set them"`
}

// Usual are the terms where nothing was agreed.
var Usual = Terms{FirmDays: 28, TradeOffDays: 56, CommitDays: 3, Tolerance: "0", MakeShare: "100", BuyShare: "50", TimeZone: "UTC", Calendar: "iso", YearBegins: "01-01"}

// Today is the day it is for both sides at t.
func (t Terms) Today(at time.Time) portal.Date {
	zone, err := time.LoadLocation(t.TimeZone)
	if err != nil {
		zone = time.UTC
	}
	return portal.Date(at.In(zone).Format(time.DateOnly))
}

// plus is the day n days later. Days have no hours, so clocks that are set forward or back do not count.
func plus(d portal.Date, n int) portal.Date { return portal.DateOf(d.Time().AddDate(0, 0, n)) }

// end is the day after a bucket's last, when none follows it.
func end(start portal.Date, kind string) portal.Date {
	switch kind {
	case "day":
		return plus(start, 1)
	case "month":
		return portal.DateOf(start.Time().AddDate(0, 1, 0))
	}
	return plus(start, 7)
}

// ends are the days after each bucket's last: where the next begins, at most as long as a bucket of the kind is.
func ends(starts []portal.Date, kind string) []portal.Date {
	all := make([]portal.Date, len(starts))
	for i, s := range starts {
		all[i] = end(s, kind)
		if i+1 < len(starts) && starts[i+1] < all[i] {
			all[i] = starts[i+1]
		}
	}
	return all
}

// Fences are where the zones end that begin today: the first days of trade-off and of planning.
func (t Terms) Fences(today portal.Date) (tradeOff, planning portal.Date) {
	return plus(today, t.FirmDays), plus(today, t.FirmDays+t.TradeOffDays)
}

// zone is where a bucket lies: by its first day, and the one under way is firm when any day of it is.
func zone(start, end, today, tradeOff, planning portal.Date) Zone {
	switch {
	case end <= today:
		return Past
	case start < tradeOff:
		return Firm
	case start < planning:
		return TradeOff
	}
	return Planning
}

// Zones says for each bucket where it lies on the day.
func (t Terms) Zones(starts []portal.Date, kind string, today portal.Date) []Zone {
	tradeOff, planning := t.Fences(today)
	all := make([]Zone, len(starts))
	for i, e := range ends(starts, kind) {
		all[i] = zone(starts[i], e, today, tradeOff, planning)
	}
	return all
}

// Due is the last day on which a version published then is answered in time.
func (t Terms) Due(published time.Time) portal.Date { return plus(t.Today(published), t.CommitDays) }

// Label names a bucket as planners do: a day, a week of the ISO or the fiscal year, a month.
func (t Terms) Label(start portal.Date, kind string) string {
	at := start.Time()
	switch {
	case kind == "day":
		return at.Format("2 Jan")
	case kind == "month":
		return at.Format("Jan 2006")
	case t.Calendar == "iso" || t.Calendar == "":
		year, week := at.AddDate(0, 0, 3).ISOWeek() // weeks that begin on a Sunday have the number of their Wednesday
		return fmt.Sprintf("%d-W%02d", year, week)
	}
	f := t.Fiscal(start)
	return fmt.Sprintf("FY%02d P%02d W%d", f.Year%100, f.Period, f.Week)
}

// A FiscalWeek is a week's place in the fiscal year.
type FiscalWeek struct {
	Year   int // in which the fiscal year begins
	Period int // 1 to 12
	Week   int // of the period, from 1
	OfYear int // 1 to 53
}

// yearBegins is the Monday nearest to the day on which the fiscal year of the calendar year is to begin.
func (t Terms) yearBegins(year int) time.Time {
	day, err := time.Parse("2006-01-02", fmt.Sprintf("%04d-%s", year, t.YearBegins))
	if err != nil { // 29 February, or nothing that is a day
		day = time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	back := (int(day.Weekday()) + 6) % 7
	if back > 3 {
		return day.AddDate(0, 0, 7-back)
	}
	return day.AddDate(0, 0, -back)
}

// Fiscal says in which fiscal week a day is. A year has 52 weeks or 53; the 53rd belongs to its last period.
func (t Terms) Fiscal(day portal.Date) FiscalWeek {
	at := day.Time()
	year := at.Year() + 1
	for at.Before(t.yearBegins(year)) {
		year--
	}
	n := int(at.Sub(t.yearBegins(year)).Hours()/24) / 7
	f := FiscalWeek{Year: year, OfYear: n + 1}
	quarter := min(n/13, 3)
	week := n - 13*quarter
	for i, c := range t.Calendar { // as 4-4-5
		if i%2 == 1 {
			continue
		}
		long := int(c - '0')
		f.Period = 3*quarter + i/2 + 1
		if week < long || i == 4 {
			break
		}
		week -= long
	}
	f.Week = week + 1
	return f
}
