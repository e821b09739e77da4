package forecasts

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lib/pq"

	"extranet/portal"
)

// byRule is who commits when a supplier's rule does.
const byRule = "the rule for new versions"

// Tend does what the portal does by itself about each supplier's current version, each once: commits by the supplier's rule, reminds those who
// commit a day before the answer is due, and writes down when it was due and not whole. It is the worker's.
func Tend(ctx context.Context, tx *portal.Tx) error {
	var suppliers []int64
	err := tx.Select(ctx, &suppliers, `
		WITH current AS (
			SELECT p.partner_id, v.version, v.published_at FROM partners p
			CROSS JOIN LATERAL (SELECT version, published_at FROM forecasts f WHERE f.partner_id = p.partner_id ORDER BY published_at DESC, version DESC LIMIT 1) v
			WHERE p.kind = 'supplier' AND p.closed_at IS NULL)
		SELECT c.partner_id FROM current c LEFT JOIN forecast_rounds r ON r.partner_id = c.partner_id AND r.version = c.version
		WHERE r.version IS NULL OR r.ruled_at IS NULL OR r.reminded_at IS NULL AND r.due_on <= $1::date + 2 OR r.lapsed_at IS NULL AND r.due_on <= $1::date + 1
		ORDER BY c.partner_id`, portal.DateOf(tx.Now))
	if err != nil {
		return fmt.Errorf("looking for versions to tend: %w", err)
	}
	for _, s := range suppliers {
		if err := tend(ctx, tx, s); err != nil {
			return err
		}
	}
	return nil
}

func tend(ctx context.Context, tx *portal.Tx, partner int64) error {
	terms, err := TermsOf(ctx, tx, partner, tx.Now)
	if err != nil {
		return err
	}
	versions, err := Versions(ctx, tx, partner, 1)
	if err != nil || len(versions) == 0 {
		return err
	}
	v := versions[0]
	if _, err := tx.Exec(ctx, `INSERT INTO forecast_rounds (partner_id, version, published_at, due_on) VALUES ($1, $2, $3, $4) ON CONFLICT (partner_id, version) DO NOTHING`,
		partner, v.Version, v.PublishedAt, terms.Due(v.PublishedAt)); err != nil {
		return fmt.Errorf("noting a version: %w", err)
	}
	var r struct {
		DueOn    portal.Date `db:"due_on"`
		Ruled    *time.Time  `db:"ruled_at"`
		Reminded *time.Time  `db:"reminded_at"`
		Lapsed   *time.Time  `db:"lapsed_at"`
	}
	// Whoever tends the same version meanwhile waits here, and finds it done.
	if err := tx.Get(ctx, &r, `SELECT due_on, ruled_at, reminded_at, lapsed_at FROM forecast_rounds WHERE partner_id = $1 AND version = $2 FOR UPDATE`, partner, v.Version); err != nil {
		return fmt.Errorf("reading a version's round: %w", err)
	}
	if r.Ruled == nil {
		if err := follow(ctx, tx, partner, v.Version); err != nil {
			return err
		}
	}
	today := terms.Today(tx.Now)
	if r.Reminded != nil && (r.Lapsed != nil || today <= r.DueOn) || today < plus(r.DueOn, -1) {
		return nil
	}
	g, err := all(ctx, tx, partner)
	if err != nil {
		return err
	}
	open := Find(g, nil).Unanswered
	if r.Reminded == nil {
		if open > 0 && today <= r.DueOn {
			if err := remind(ctx, tx, partner, v, r.DueOn, open); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, `UPDATE forecast_rounds SET reminded_at = $3 WHERE partner_id = $1 AND version = $2`, partner, v.Version, tx.Now); err != nil {
			return fmt.Errorf("noting a reminder: %w", err)
		}
	}
	if r.Lapsed == nil && today > r.DueOn && open > 0 {
		if _, err := tx.Exec(ctx, `UPDATE forecast_rounds SET lapsed_at = $3, unanswered = $4 WHERE partner_id = $1 AND version = $2`, partner, v.Version, tx.Now, open); err != nil {
			return fmt.Errorf("noting that an answer lapsed: %w", err)
		}
		tx.Changed("forecasts", partner)
		return tx.AuditFor(ctx, partner, "forecasts.lapse", "forecasts/"+v.Version, map[string]string{"unanswered": fmt.Sprint(open)})
	}
	return nil
}

// follow commits by the supplier's rule.
func follow(ctx context.Context, tx *portal.Tx, partner int64, version string) error {
	rule, err := RuleOf(ctx, tx, partner)
	if err != nil {
		return err
	}
	if rule != "none" {
		g, err := all(ctx, tx, partner)
		if err != nil {
			return err
		}
		tolerance := g.Terms.Tolerance.Number()
		var cells []Cell
		for _, o := range g.Items {
			if o.Answered || o.Dropped {
				continue
			}
			for i, s := range o.StartsOn {
				c, forecast, committed := Cell{Product: o.Product, Location: o.Location, StartsOn: s, Quantity: o.Forecast[i]}, o.Forecast[i].Number(), o.Committed[i].Number()
				switch {
				case rule == "all":
				case o.Committed[i] == "":
					continue
				case rule == "unchanged" && !committed.Equal(forecast):
					continue
				case rule == "tolerance" && (isShort(committed, forecast, tolerance) || isOver(committed, forecast, tolerance)):
					continue
				default:
					c.Quantity = o.Committed[i]
				}
				cells = append(cells, c)
			}
		}
		by := tx.By
		tx.By.Name = byRule
		_, err = commit(ctx, tx, partner, Commitment{Version: version, Cells: cells, How: "rule"})
		tx.By = by
		if err != nil {
			return err
		}
	}
	if _, err := tx.Exec(ctx, `UPDATE forecast_rounds SET ruled_at = $3 WHERE partner_id = $1 AND version = $2`, partner, version, tx.Now); err != nil {
		return fmt.Errorf("noting that the rule was followed: %w", err)
	}
	return nil
}

// remind writes to those who may commit for all of the partner's sites.
func remind(ctx context.Context, tx *portal.Tx, partner int64, v Version, due portal.Date, open int) error {
	var people []struct {
		Email string         `db:"email"`
		Roles pq.StringArray `db:"roles"`
	}
	if err := tx.Select(ctx, &people, `SELECT email, roles FROM memberships WHERE partner_id = $1 AND ended_at IS NULL AND suspended_at IS NULL AND sites IS NULL ORDER BY email`, partner); err != nil {
		return fmt.Errorf("looking for whom to remind: %w", err)
	}
	var errs []error
	for _, p := range people {
		if slices.Contains(p.Roles, "planner") {
			errs = append(errs, tx.MailFor(ctx, partner, portal.Mail{To: p.Email, Subject: portal.Say("Forecast %s: your answer is due on %s", v.Version, due),
				Text: []portal.Saying{portal.Say("%d items of forecast %s are not answered yet. Your answer is due on %s.", open, v.Version, due)}, Path: "/forecasts"}))
		}
	}
	return errors.Join(errs...)
}
