package forecasts

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"extranet/portal"
)

// A Standing is where a supplier's answer to its current version stands.
type Standing struct {
	Partner     string        `db:"number" json:"partner" doc:"The supplier's account number"`
	Name        string        `db:"name" json:"name"`
	Version     string        `db:"version" json:"version"`
	PublishedAt time.Time     `db:"published_at" json:"published_at"`
	Items       int           `db:"items" json:"items"`
	Answered    int           `db:"answered" json:"answered" doc:"Items of which something was committed to this version"`
	Short       int           `db:"short" json:"short" doc:"Answered items that are short beyond the tolerance"`
	Value       portal.Amount `db:"value" json:"value" doc:"What is short in money"`
	Currency    string        `db:"currency" json:"currency" doc:"Of value; empty where items are of several"`
	DueOn       portal.Date   `db:"due_on" json:"due_on" format:"date" nullable:"true"`
	Lapsed      bool          `db:"lapsed" json:"lapsed" doc:"It was not answered in full when it was due"`
}

// Standings lists suppliers with a forecast, those with the most that is short first. It is for the host's staff who plan.
func Standings(ctx context.Context, tx *portal.Tx) (list []Standing, err error) {
	if err := tx.Need(portal.PlansManage); err != nil {
		return nil, err
	}
	list = []Standing{}
	err = tx.Select(ctx, &list, `
		SELECT p.number, p.name, v.version, v.published_at, count(*) AS items, count(c.product) AS answered, count(c.product) FILTER (WHERE c.short > 0) AS short,
			coalesce(sum(c.value), 0) AS value, CASE WHEN count(DISTINCT f.currency) = 1 THEN min(f.currency) ELSE '' END AS currency,
			r.due_on, r.lapsed_at IS NOT NULL AS lapsed
		FROM partners p
		CROSS JOIN LATERAL (SELECT version, published_at FROM forecasts WHERE partner_id = p.partner_id ORDER BY published_at DESC, version DESC LIMIT 1) v
		JOIN forecasts f ON f.partner_id = p.partner_id AND f.version = v.version
		LEFT JOIN commits c ON c.partner_id = p.partner_id AND c.latest AND c.product = f.product AND c.location = f.location AND c.version = v.version
		LEFT JOIN forecast_rounds r ON r.partner_id = p.partner_id AND r.version = v.version
		WHERE p.kind = 'supplier' AND p.closed_at IS NULL
		GROUP BY p.number, p.name, v.version, v.published_at, r.due_on, r.lapsed_at
		ORDER BY coalesce(sum(c.value), 0) DESC, p.number LIMIT 2000`)
	if err != nil {
		return nil, fmt.Errorf("listing where answers stand: %w", err)
	}
	return list, nil
}

// A Supplier is one as the host's staff see it.
type Supplier struct {
	ID     int64  `db:"partner_id"`
	Number string `db:"number"`
	Name   string `db:"name"`
}

// SupplierOf finds a supplier by its account number, for the host's staff; any other partner's is NotFound.
func SupplierOf(ctx context.Context, tx *portal.Tx, number string) (s Supplier, err error) {
	if err := tx.Need(portal.PlansManage); err != nil {
		return s, err
	}
	err = tx.Get(ctx, &s, `SELECT partner_id, number, name FROM partners WHERE number = $1 AND kind = 'supplier'`, number)
	if errors.Is(err, sql.ErrNoRows) {
		return s, portal.Errorf(portal.NotFound, "there is no supplier with this number")
	}
	if err != nil {
		return s, fmt.Errorf("looking for a supplier: %w", err)
	}
	return s, nil
}

// SetTerms agrees new terms with a supplier, from now on; earlier versions keep theirs. Terms out of bounds are Invalid.
func SetTerms(ctx context.Context, tx *portal.Tx, partner int64, t Terms) error {
	if err := tx.Need(portal.PlansManage); err != nil {
		return err
	}
	bad := map[string]string{}
	for field, v := range map[string]struct{ value, most int }{"firm_days": {t.FirmDays, 730}, "tradeoff_days": {t.TradeOffDays, 730}, "commit_days": {t.CommitDays, 90}} {
		if v.value < 0 || v.value > v.most {
			bad[field] = fmt.Sprintf("must be a number of days from 0 to %d", v.most)
		}
	}
	for field, v := range map[string]portal.Amount{"tolerance": t.Tolerance, "make_share": t.MakeShare, "buy_share": t.BuyShare} {
		if d, err := Quantity(string(v)); err != nil || d.GreaterThan(decimal.NewFromInt(100)) {
			bad[field] = "must be per cent, from 0 to 100"
		}
	}
	if _, err := time.LoadLocation(t.TimeZone); err != nil || t.TimeZone == "" || t.TimeZone == "Local" {
		bad["time_zone"] = "must be an IANA name like Europe/Paris or UTC"
	}
	if t.Calendar != "iso" && t.Calendar != "4-4-5" && t.Calendar != "4-5-4" && t.Calendar != "5-4-4" {
		bad["calendar"] = "choose from iso, 4-4-5, 4-5-4, 5-4-4"
	}
	if _, err := time.Parse("2006-01-02", "2025-"+t.YearBegins); err != nil {
		bad["year_begins"] = "must be a day of every year as MM-DD, like 02-01"
	}
	if len(bad) > 0 {
		return &portal.Error{Kind: portal.Invalid, Msg: "these terms cannot hold", Fields: bad}
	}
	if _, err := tx.Exec(ctx, `INSERT INTO forecast_terms (partner_id, since, firm_days, tradeoff_days, commit_days, tolerance, make_share, buy_share, time_zone, calendar, year_begins, set_by)
		VALUES ($1, greatest($2, (SELECT max(since) + interval '1 microsecond' FROM forecast_terms WHERE partner_id = $1)), $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`, partner, tx.Now, t.FirmDays, t.TradeOffDays, t.CommitDays, t.Tolerance, t.MakeShare, t.BuyShare, t.TimeZone, t.Calendar, t.YearBegins, tx.By.Name); err != nil {
		return fmt.Errorf("setting terms: %w", err)
	}
	tx.Changed("forecasts", partner)
	return tx.AuditFor(ctx, partner, "forecasts.terms", "forecasts", map[string]string{"firm_days": fmt.Sprint(t.FirmDays), "tradeoff_days": fmt.Sprint(t.TradeOffDays),
		"commit_days": fmt.Sprint(t.CommitDays), "tolerance": string(t.Tolerance), "make_share": string(t.MakeShare), "buy_share": string(t.BuyShare), "time_zone": t.TimeZone, "calendar": t.Calendar})
}
