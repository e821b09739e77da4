package purchasing

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lib/pq"

	"extranet/portal"
)

// Someone who answers a supplier's purchase orders.
type someone struct {
	Email string         `db:"email"`
	Roles pq.StringArray `db:"roles"`
	Sites pq.StringArray `db:"sites"` // nil = all
}

// answering are those who may answer the partner's purchase orders.
func answering(ctx context.Context, tx *portal.Tx, partner int64) (people []someone, err error) {
	if err := tx.Select(ctx, &people, `SELECT email, roles, sites FROM memberships WHERE partner_id = $1 AND ended_at IS NULL AND suspended_at IS NULL ORDER BY email`, partner); err != nil {
		return nil, fmt.Errorf("looking for whom to write to: %w", err)
	}
	return slices.DeleteFunc(people, func(p someone) bool { return !portal.PermissionsOf(p.Roles, false).Has(portal.PurchasingAnswer) }), nil
}

// A due order waits for its answer.
type due struct {
	PartnerID int64       `db:"partner_id"`
	Number    string      `db:"number"`
	Site      string      `db:"site"`
	AnswerBy  portal.Date `db:"answer_by"`
	ToAnswer  int         `db:"to_answer"`
}

// remindAtOnce is how many orders one look takes up.
const remindAtOnce = 2000

// Remind writes to those who answer for a supplier about orders whose answer is due soon, and once more when the day is over: one mail for
// all of a person's orders. It is the worker's; any number of workers look, and each order is taken up by one.
func Remind(ctx context.Context, tx *portal.Tx) error {
	policy, err := PolicyNow(ctx, tx)
	if err != nil {
		return err
	}
	today := portal.DateOf(tx.Now)
	var orders []due
	err = tx.Select(ctx, &orders, `
		UPDATE purchase_orders o SET reminded_at = $2 FROM (
			SELECT partner_id, number FROM purchase_orders
			WHERE state = 'review' AND to_answer > 0 AND answer_by <= $1::date + $3::int AND (reminded_at IS NULL OR answer_by < $1 AND (reminded_at AT TIME ZONE 'UTC')::date <= answer_by)
			ORDER BY answer_by LIMIT $4 FOR UPDATE SKIP LOCKED) d
		WHERE o.partner_id = d.partner_id AND o.number = d.number
		RETURNING o.partner_id, o.number, coalesce(o.site, '') AS site, o.answer_by, o.to_answer`, today, tx.Now, policy.RemindDays, remindAtOnce)
	if err != nil {
		return fmt.Errorf("looking for answers that are due: %w", err)
	}
	slices.SortFunc(orders, func(a, b due) int {
		if a.PartnerID != b.PartnerID {
			return int(a.PartnerID - b.PartnerID)
		}
		return strings.Compare(string(a.AnswerBy)+a.Number, string(b.AnswerBy)+b.Number)
	})
	var errs []error
	for len(orders) > 0 {
		n := slices.IndexFunc(orders, func(o due) bool { return o.PartnerID != orders[0].PartnerID })
		if n < 0 {
			n = len(orders)
		}
		errs = append(errs, remind(ctx, tx, orders[:n], today))
		orders = orders[n:]
	}
	return errors.Join(errs...)
}

// namedInMail is how many orders a mail names one by one.
const namedInMail = 20

func remind(ctx context.Context, tx *portal.Tx, orders []due, today portal.Date) error {
	people, err := answering(ctx, tx, orders[0].PartnerID)
	if err != nil {
		return err
	}
	var errs []error
	for _, p := range people {
		var words []portal.Saying
		overdue := 0
		for _, o := range orders {
			if p.Sites != nil && !slices.Contains(p.Sites, o.Site) {
				continue
			}
			when := portal.Say("is due on %s", o.AnswerBy)
			if o.AnswerBy < today {
				when, overdue = portal.Say("was due on %s", o.AnswerBy), overdue+1
			}
			words = append(words, portal.Say("%s: %d to answer, %s", o.Number, o.ToAnswer, when))
		}
		if len(words) == 0 {
			continue
		}
		m := portal.Mail{To: p.Email, Path: "/purchasing?list=review", Subject: portal.Say("Purchase orders wait for your answer: %d", len(words))}
		if overdue > 0 {
			m.Subject = portal.Say("Purchase orders wait for your answer: %d, of which %d are overdue", len(words), overdue)
		}
		if more := len(words) - namedInMail; more > 0 {
			words = append(words[:namedInMail], portal.Say("and %d more", more))
		}
		m.Text = []portal.Saying{portal.Say("These purchase orders are not answered yet:"), portal.Lines(words...)}
		errs = append(errs, tx.MailFor(ctx, orders[0].PartnerID, m))
	}
	return errors.Join(errs...)
}
