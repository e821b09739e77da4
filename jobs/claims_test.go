package jobs_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"extranet/jobs"
	"extranet/portal"
	"extranet/portal/claims"
	"extranet/portal/portaltest"
	sample "extranet/sandbox/core"
)

// TestClaims carries a claim through the sample company: what is submitted and decided reaches its core, once, and the credit memo
// that it makes of the decision lies in the account and ends the claim.
func TestClaims(t *testing.T) {
	t.Parallel()
	c, p := newCore(t, ""), newPortal(t)
	must(t, sample.Create(t.Context(), c.DB, sample.Small, time.Now().UTC(), nil))
	m := c.mapping(t, sample.Mapping)
	_, err := jobs.Sync(t.Context(), p.DB, m, jobs.Options{})
	must(t, err)
	dealer := portaltest.As(one[int64](t, p.Owner, `SELECT partner_id FROM partners WHERE number = 'D10001'`), portal.ClaimsRead, portal.ClaimsFile)
	var line struct {
		invoice string
		line    int64
	}
	must(t, p.Owner.QueryRow(`SELECT l.invoice, l.line FROM invoice_lines l JOIN invoices i ON i.partner_id = l.partner_id AND i.number = l.invoice
		WHERE l.partner_id = $1 AND i.kind = 'invoice' AND l.price > 2 AND l.quantity < 100 AND i.invoiced_on > now() - interval '40 days' ORDER BY i.number LIMIT 1`, dealer.PartnerID).Scan(&line.invoice, &line.line))
	var number string
	must(t, p.Do(t.Context(), dealer, func(tx *portal.Tx) (err error) {
		ctx := t.Context()
		if number, err = claims.Draft(ctx, tx, claims.New{Kind: "price", Ref: claims.Ref{Invoice: line.invoice, InvoiceLine: line.line}}); err != nil {
			return err
		}
		d, err := claims.Get(ctx, tx, number)
		if err != nil {
			return err
		}
		f := d.Lines[0].Facts
		f.AgreedPrice, f.Words = portal.Amount(f.Price.Number().Sub(decimal.NewFromInt(1)).String()), "The offer says one less"
		if err := claims.Save(ctx, tx, number, 1, f); err != nil {
			return err
		}
		return claims.Submit(ctx, tx, number)
	}))
	startWorker(t, p, m)
	within(t, 20*time.Second, "the claim is in the core", func() bool {
		return one[int](t, c.DB, `SELECT count(*) FROM erp.claim WHERE claim_no = '`+number+`' AND bill_to = 'D10001'`) == 1
	})
	by := portaltest.As(portaltest.Host, portal.ClaimsDecide)
	by.Host, by.PersonID = true, uuid.UUID{7}
	must(t, p.AcrossPartners(t.Context(), by, portal.ClaimsDecide, func(tx *portal.Tx) error {
		return claims.DecideLine(t.Context(), tx, "D10001", number, 1, claims.Verdict{Words: "Agreed"})
	}))
	within(t, 20*time.Second, "the claim is credited", func() bool {
		return one[int](t, p.Owner, `SELECT count(*) FROM claim_lines l JOIN invoices i ON i.partner_id = l.partner_id AND i.number = l.credit_memo AND i.claim = l.claim || '/1' AND i.net = -l.amount
			WHERE l.claim = '`+number+`' AND l.state = 'credited' AND EXISTS (SELECT 1 FROM claims c WHERE c.number = l.claim AND c.state = 'closed')`) == 1
	})
	if n := one[int](t, c.DB, `SELECT count(*) FROM erp.ar_doc WHERE claim_no = '`+number+`/1' AND open = gross AND gross = net + tax`); n != 1 {
		t.Errorf("%d credit memos in the core, want 1", n)
	}
}
