package accounts

import (
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"extranet/portal"
)

// A Payment is money that came from the partner.
type Payment struct {
	Payment   string        `db:"payment" json:"number" doc:"The host's number"`
	PaidOn    portal.Date   `db:"paid_on" json:"paid_on" format:"date"`
	Method    string        `db:"method" json:"method"`
	Reference string        `db:"reference" json:"reference" doc:"What the bank said it was for"`
	Site      string        `db:"site" json:"site" doc:"The site that paid; empty where it is the whole partner's"`
	Currency  string        `db:"currency" json:"currency"`
	Amount    portal.Amount `db:"amount" json:"amount" doc:"Exact decimal; negative when it was paid back"`
	Open      portal.Amount `db:"open" json:"open" doc:"Not used yet"`
}

// A Settlement is a part of a payment, or of a credit memo, that settled a part of an invoice.
type Settlement struct {
	Payment    string        `db:"payment" json:"payment" doc:"Empty when a credit memo settled it"`
	CreditMemo string        `db:"credit_memo" json:"credit_memo" doc:"Empty when a payment settled it"`
	Invoice    string        `db:"invoice" json:"invoice"`
	Currency   string        `db:"currency" json:"currency"`
	Amount     portal.Amount `db:"amount" json:"amount"`
	SettledOn  portal.Date   `db:"settled_on" json:"settled_on" format:"date"`
}

// A PaymentDetail is a payment with what it settled.
type PaymentDetail struct {
	Payment
	Settled []Settlement `json:"settled" doc:"By invoice; with open, they add up to the amount"`
}

// A PaymentPage is one stretch of the list, newest first. Next and Prev are cursors; "" = there is no more that way.
type PaymentPage struct {
	Items      []Payment `json:"items"`
	Next, Prev string    `json:"-"`
}

const (
	paymentColumns    = `payment, paid_on, coalesce(method, '') AS method, coalesce(reference, '') AS reference, coalesce(site, '') AS site, currency, amount, open`
	settlementColumns = `coalesce(s.payment, '') AS payment, coalesce(s.credit_memo, '') AS credit_memo, s.invoice, i.currency, s.amount, s.settled_on`
)

type paymentCursor struct {
	Back bool        `json:"b,omitempty"`
	Day  portal.Date `json:"d"`
	No   string      `json:"n"`
}

func (c paymentCursor) String() string {
	b, _ := json.Marshal(c)
	return base64.RawURLEncoding.EncodeToString(b)
}

// Paid lists the partner's payments, newest first, 1 to 200 at a time. A payment that names no site is the whole partner's:
// a caller limited to sites does not see it.
func Paid(ctx context.Context, tx *portal.Tx, cursor string, limit int) (p PaymentPage, err error) {
	if err := tx.Need(portal.AccountRead); err != nil {
		return p, err
	}
	c := paymentCursor{Day: "9999-12-31"}
	if cursor != "" {
		b, err := base64.RawURLEncoding.DecodeString(cursor)
		if err == nil {
			err = json.Unmarshal(b, &c)
		}
		if err == nil {
			_, err = portal.ParseDate(string(c.Day))
		}
		if err != nil || c.Day == "" || strings.ContainsRune(c.No, 0) {
			return p, &portal.Error{Kind: portal.Invalid, Msg: "this list cannot be made", Fields: map[string]string{"cursor": "is not one that this list gave; begin again without it"}}
		}
	}
	if limit < 1 || limit > 200 {
		return p, &portal.Error{Kind: portal.Invalid, Msg: "this list cannot be made", Fields: map[string]string{"limit": "must be from 1 to 200"}}
	}
	query := `SELECT ` + paymentColumns + ` FROM payments WHERE partner_id = $1 AND ($2::text[] IS NULL OR site = ANY($2)) AND (paid_on, payment) < ($3::date, $4) ORDER BY paid_on DESC, payment DESC LIMIT $5`
	if c.Back {
		query = `SELECT ` + paymentColumns + ` FROM payments WHERE partner_id = $1 AND ($2::text[] IS NULL OR site = ANY($2)) AND (paid_on, payment) > ($3::date, $4) ORDER BY paid_on, payment LIMIT $5`
	}
	p.Items = []Payment{}
	if err := tx.Select(ctx, &p.Items, query, tx.By.PartnerID, portal.Limit(tx.By.Sites), c.Day, c.No, limit+1); err != nil {
		return p, fmt.Errorf("listing payments: %w", err)
	}
	more := len(p.Items) > limit
	if more {
		p.Items = p.Items[:limit]
	}
	if c.Back {
		slices.Reverse(p.Items)
	}
	if n := len(p.Items); n > 0 {
		if more || c.Back {
			p.Next = paymentCursor{false, p.Items[n-1].PaidOn, p.Items[n-1].Payment}.String()
		}
		if cursor != "" && (more || !c.Back) {
			p.Prev = paymentCursor{true, p.Items[0].PaidOn, p.Items[0].Payment}.String()
		}
	}
	return p, nil
}

// Unused lists payments that were not used yet in whole, the latest first, at most 10.
func Unused(ctx context.Context, tx *portal.Tx) (list []Payment, err error) {
	if err := tx.Need(portal.AccountRead); err != nil {
		return nil, err
	}
	list = []Payment{}
	err = tx.Select(ctx, &list, `SELECT `+paymentColumns+` FROM payments WHERE partner_id = $1 AND is_open AND ($2::text[] IS NULL OR site = ANY($2)) ORDER BY paid_on DESC, payment DESC LIMIT 10`, tx.By.PartnerID, portal.Limit(tx.By.Sites))
	if err != nil {
		return nil, fmt.Errorf("listing payments that are not used: %w", err)
	}
	return list, nil
}

// GetPayment returns one payment with what it settled. One that is not there, is another partner's, or beyond the caller's sites is NotFound.
func GetPayment(ctx context.Context, tx *portal.Tx, number string) (d PaymentDetail, err error) {
	if err := tx.Need(portal.AccountRead); err != nil {
		return d, err
	}
	none := portal.Errorf(portal.NotFound, "there is no payment with this number")
	if !portal.Readable(number) {
		return d, none
	}
	err = tx.Get(ctx, &d.Payment, `SELECT `+paymentColumns+` FROM payments WHERE partner_id = $1 AND payment = $2 AND ($3::text[] IS NULL OR site = ANY($3))`, tx.By.PartnerID, number, portal.Limit(tx.By.Sites))
	if errors.Is(err, sql.ErrNoRows) {
		return d, none
	} else if err != nil {
		return d, fmt.Errorf("reading payment: %w", err)
	}
	d.Settled = []Settlement{}
	err = tx.Select(ctx, &d.Settled, `SELECT `+settlementColumns+`
		FROM settlements s JOIN invoices i ON i.partner_id = $1 AND i.number = s.invoice
		WHERE s.partner_id = $1 AND s.payment = $2 AND ($3::text[] IS NULL OR i.site = ANY($3))
		ORDER BY s.settled_on, s.invoice`, tx.By.PartnerID, number, portal.Limit(tx.By.Sites))
	if err != nil {
		return d, fmt.Errorf("reading what a payment settled: %w", err)
	}
	return d, nil
}

// SettledBy lists what settled the invoice, or what the credit memo settled, in the order of its days. The caller may see the document.
func SettledBy(ctx context.Context, tx *portal.Tx, document string) (list []Settlement, err error) {
	list = []Settlement{}
	err = tx.Select(ctx, &list, `
		SELECT `+settlementColumns+`
		FROM settlements s JOIN invoices i ON i.partner_id = $1 AND i.number = $2
		WHERE s.partner_id = $1 AND (s.invoice = $2 OR s.credit_memo = $2)
		ORDER BY s.settled_on, s.settlement`, tx.By.PartnerID, document)
	if err != nil {
		return nil, fmt.Errorf("reading settlements: %w", err)
	}
	return list, nil
}
