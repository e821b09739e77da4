package accounts

import (
	"context"
	"fmt"
	"strings"

	"github.com/jmoiron/sqlx"
	"github.com/shopspring/decimal"

	"extranet/portal"
)

// A Period is what a statement speaks of.
type Period struct {
	Currency string
	From, To portal.Date // both included
	Site     string      // of one site; "" = of all that the caller may see
}

// check returns an Invalid error naming every field that cannot be meant.
func (p Period) check() error {
	bad := map[string]string{}
	if len(p.Currency) != 3 || strings.ToUpper(p.Currency) != p.Currency {
		bad["currency"] = "must be three capital letters, like EUR"
	}
	for field, d := range map[string]portal.Date{"from": p.From, "to": p.To} {
		if _, err := portal.ParseDate(string(d)); err != nil {
			bad[field] = portal.Says(err).Msg
		} else if d == "" {
			bad[field] = "is needed; write it like 2026-03-31"
		}
	}
	if len(bad) == 0 && p.To < p.From {
		bad["to"] = "must not be before from"
	}
	if len(p.Site) > 100 || strings.ContainsFunc(p.Site, func(r rune) bool { return r < ' ' || r == 0xFFFD }) {
		bad["site"] = "must be at most 100 readable characters"
	}
	if len(bad) > 0 {
		return &portal.Error{Kind: portal.Invalid, Msg: "this statement cannot be made", Fields: bad}
	}
	return nil
}

// A Statement says how what is owed came about. Opening + the sum of all entries = Closing, to the cent, and the closing of a
// statement to today is what is open.
type Statement struct {
	Currency string        `json:"currency"`
	From     portal.Date   `json:"from" format:"date"`
	To       portal.Date   `json:"to" format:"date"`
	Site     string        `json:"site" doc:"The one site it is of; empty = all that you may see"`
	Opening  portal.Amount `json:"opening" doc:"What was owed before the first day"`
	Closing  portal.Amount `json:"closing" doc:"What was owed after the last day"`
	Entries  []Entry       `json:"entries" doc:"In the order of their days"`
	More     bool          `json:"more" doc:"There are further entries; take a shorter period, or the file"`
}

// An Entry is one thing that changed what is owed.
type Entry struct {
	On      portal.Date   `db:"on" json:"on" format:"date"`
	Kind    string        `db:"kind" json:"kind" enum:"invoice,credit_memo,payment,settlement" doc:"settlement: a part of a payment or credit memo that was used for, or given by, one of the sites"`
	Number  string        `db:"number" json:"number" doc:"Of the invoice, credit memo or payment"`
	About   string        `db:"about" json:"about" doc:"The partner's PO, a payment's reference, or the invoice that was settled"`
	Site    string        `db:"site" json:"site"`
	DueOn   portal.Date   `db:"due_on" json:"due_on" format:"date" nullable:"true"`
	Amount  portal.Amount `db:"amount" json:"amount" doc:"Positive: owed to the host"`
	Balance portal.Amount `db:"-" json:"balance" doc:"Owed after this entry"`
}

// What changes what is owed: for the whole partner documents and payments. For some of its sites, $4, documents of theirs, payments
// that name one of them, and what crosses their border: whatever settled a document of theirs and is not theirs, and the reverse.
const (
	ofAll = `
		SELECT invoiced_on AS "on", kind, number, coalesce(po_number, '') AS about, coalesce(site, '') AS site, due_on, total AS amount
		FROM invoices WHERE partner_id = $1 AND currency = $2 AND invoiced_on >= $3
		UNION ALL
		SELECT paid_on, 'payment', payment, coalesce(reference, ''), coalesce(site, ''), NULL, -amount
		FROM payments WHERE partner_id = $1 AND currency = $2 AND paid_on >= $3 AND $4::text[] IS NULL`
	ofSites = `
		SELECT invoiced_on AS "on", kind, number, coalesce(po_number, '') AS about, site, due_on, total AS amount
		FROM invoices WHERE partner_id = $1 AND currency = $2 AND invoiced_on >= $3 AND site = ANY($4)
		UNION ALL
		SELECT paid_on, 'payment', payment, coalesce(reference, ''), site, NULL, -amount
		FROM payments WHERE partner_id = $1 AND currency = $2 AND paid_on >= $3 AND site = ANY($4)
		UNION ALL
		SELECT s.settled_on, 'settlement', coalesce(s.payment, s.credit_memo), s.invoice, i.site, NULL, -s.amount
		FROM settlements s
		JOIN invoices i ON i.partner_id = $1 AND i.number = s.invoice
		LEFT JOIN invoices m ON m.partner_id = $1 AND m.number = s.credit_memo
		LEFT JOIN payments p ON p.partner_id = $1 AND p.payment = s.payment
		WHERE s.partner_id = $1 AND s.settled_on >= $3 AND i.currency = $2 AND i.site = ANY($4) AND coalesce(m.site, p.site, '') <> ALL($4)
		UNION ALL
		SELECT s.settled_on, 'settlement', coalesce(s.payment, s.credit_memo), s.invoice, coalesce(m.site, p.site), NULL, s.amount
		FROM settlements s
		LEFT JOIN invoices i ON i.partner_id = $1 AND i.number = s.invoice
		LEFT JOIN invoices m ON m.partner_id = $1 AND m.number = s.credit_memo
		LEFT JOIN payments p ON p.partner_id = $1 AND p.payment = s.payment
		WHERE s.partner_id = $1 AND s.settled_on >= $3 AND coalesce(m.currency, p.currency) = $2 AND coalesce(m.site, p.site) = ANY($4) AND coalesce(i.site, '') <> ALL($4)`
)

// shown is how many entries Summarise gives at most.
const shown = 500

// Summarise returns the statement of a period with its first entries. It reckons back from what is open now, so that it is right
// however far back the portal knows the core's documents. A period that cannot be meant is Invalid.
func Summarise(ctx context.Context, tx *portal.Tx, p Period) (s Statement, err error) {
	s.Entries = []Entry{}
	totals, err := walk(ctx, tx, p, func(e Entry) error {
		if len(s.Entries) < shown {
			s.Entries = append(s.Entries, e)
		} else {
			s.More = true
		}
		return nil
	})
	totals.Entries, totals.More = s.Entries, s.More
	return totals, err
}

// Take gives each every entry of the statement, and audits that it was taken away as the named format. Begin is told the statement
// without its entries before the first.
func Take(ctx context.Context, tx *portal.Tx, p Period, format string, begin func(Statement) error, each func(Entry) error) error {
	if err := tx.Need(portal.AccountExport); err != nil {
		return err
	}
	if err := p.check(); err != nil {
		return err
	}
	if err := tx.Audit(ctx, "account.statement", "account", map[string]string{"format": format, "currency": p.Currency, "from": string(p.From), "to": string(p.To), "site": p.Site}); err != nil {
		return err
	}
	s, err := totals(ctx, tx, p)
	if err != nil {
		return err
	}
	if err := begin(s); err != nil {
		return err
	}
	_, err = walk(ctx, tx, p, each)
	return err
}

func (p Period) sites(tx *portal.Tx) []string {
	switch {
	case p.Site == "":
		return tx.By.Sites
	case tx.By.MaySeeSite(p.Site):
		return []string{p.Site}
	}
	return []string{}
}

func (p Period) entries(sites []string) string {
	if sites == nil {
		return ofAll
	}
	return ofSites
}

func totals(ctx context.Context, tx *portal.Tx, p Period) (s Statement, err error) {
	if err := tx.Need(portal.AccountRead); err != nil {
		return s, err
	}
	if err := p.check(); err != nil {
		return s, err
	}
	sites := p.sites(tx)
	var sums struct {
		Open   portal.Amount `db:"open"`
		After  portal.Amount `db:"after"`
		Within portal.Amount `db:"within"`
	}
	err = tx.Get(ctx, &sums, `
		SELECT (SELECT coalesce(sum(open), 0) FROM invoices WHERE partner_id = $1 AND currency = $2 AND is_open AND ($4::text[] IS NULL OR site = ANY($4)))
			- (SELECT coalesce(sum(open), 0) FROM payments WHERE partner_id = $1 AND currency = $2 AND is_open AND ($4::text[] IS NULL OR site = ANY($4))) AS open,
			coalesce(sum(amount) FILTER (WHERE "on" > $5), 0) AS after, coalesce(sum(amount) FILTER (WHERE "on" <= $5), 0) AS within
		FROM (`+p.entries(sites)+`) e`, tx.By.PartnerID, p.Currency, p.From, portal.Limit(sites), p.To)
	if err != nil {
		return s, fmt.Errorf("reckoning a statement: %w", err)
	}
	closing := sums.Open.Number().Sub(sums.After.Number())
	return Statement{Currency: p.Currency, From: p.From, To: p.To, Site: p.Site, Closing: amount(closing), Opening: amount(closing.Sub(sums.Within.Number()))}, nil
}

// walk gives each every entry with the balance after it, and returns the statement without them.
func walk(ctx context.Context, tx *portal.Tx, p Period, each func(Entry) error) (s Statement, err error) {
	if s, err = totals(ctx, tx, p); err != nil {
		return s, err
	}
	sites, balance := p.sites(tx), s.Opening.Number()
	err = tx.Each(ctx, func(row *sqlx.Rows) error {
		var e Entry
		if err := row.StructScan(&e); err != nil {
			return err
		}
		balance = balance.Add(e.Amount.Number())
		e.Balance = amount(balance)
		return each(e)
	}, `SELECT * FROM (`+p.entries(sites)+`) e WHERE "on" <= $5 ORDER BY "on", kind, number, about`, tx.By.PartnerID, p.Currency, p.From, portal.Limit(sites), p.To)
	if err != nil {
		return s, fmt.Errorf("listing a statement: %w", err)
	}
	return s, nil
}

// amount writes d with at least two places, as the core's amounts are.
func amount(d decimal.Decimal) portal.Amount {
	if d.Exponent() > -2 {
		return portal.Amount(d.StringFixed(2))
	}
	return portal.Amount(d.String())
}
