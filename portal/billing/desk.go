package billing

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/jmoiron/sqlx"

	"extranet/portal"
	"extranet/portal/purchasing"
)

// The functions of this file run in a transaction of [portal.DB.AcrossPartners]: the host's staff see every supplier's invoices.

// A DeskInvoice is an invoice with the supplier that sent it.
type DeskInvoice struct {
	Partner     string `json:"partner" doc:"The supplier's account number"`
	PartnerName string `json:"partner_name"`
	Invoice
}

// A DeskPage is one stretch of a list across suppliers; Next is a cursor, "" = this is the last.
type DeskPage struct {
	Items []DeskInvoice
	Next  string
}

// acrossQuery returns the SQL of one page across suppliers and one row more, of the one supplier if its id is not 0.
func (f *Filter) acrossQuery(supplier int64) (string, []any) {
	where, args := `true`, []any{}
	and := func(condition string, arg any) {
		args = append(args, arg)
		where += fmt.Sprintf(condition, len(args))
	}
	if supplier != 0 {
		and(` AND i.partner_id = $%d`, supplier)
	}
	if f.Status != "" {
		and(` AND i.status = $%d`, f.Status)
	}
	if t := strings.ToUpper(strings.TrimSpace(f.Text)); t != "" {
		and(` AND i.number_search ~>=~ $%[1]d AND i.number_search ~<~ ($%[1]d || chr(1114111))`, t)
	}
	if c, _ := f.cursor(); c.Day != "" {
		args = append(args, c.Day, c.Partner, c.Key)
		where += fmt.Sprintf(` AND (i.invoiced_on, i.partner_id, i.invoice) < ($%d::date, $%d, $%d)`, len(args)-2, len(args)-1, len(args))
	}
	limit := ``
	if f.Limit > 0 {
		args = append(args, f.Limit+1)
		limit = fmt.Sprintf(` LIMIT $%d`, len(args))
	}
	return fmt.Sprintf(`SELECT row_to_json(d)::text, i.partner_id, p.number, p.name FROM (SELECT i.* FROM supplier_invoices i WHERE %s ORDER BY i.invoiced_on DESC, i.partner_id DESC, i.invoice DESC%s) i
		JOIN partners p ON p.partner_id = i.partner_id CROSS JOIN LATERAL (SELECT %s) d ORDER BY i.invoiced_on DESC, i.partner_id DESC, i.invoice DESC`, where, limit, document), args
}

// Across lists the invoices of all suppliers, or of the one that f names, newest first. A filter that makes no sense is Invalid; a supplier that is not there has none.
func Across(ctx context.Context, tx *portal.Tx, f Filter) (p DeskPage, err error) {
	if err := tx.Need(portal.PurchasesRead); err != nil {
		return p, err
	}
	if err := f.Check(); err != nil {
		return p, err
	}
	p.Items = []DeskInvoice{}
	var last cursor
	err = f.acrossEach(ctx, tx, func(partner int64, i DeskInvoice) error {
		if len(p.Items) == f.Limit {
			p.Next = last.String()
			return nil
		}
		p.Items, last = append(p.Items, i), cursor{Day: i.InvoicedOn, Partner: partner, Key: i.Invoice.Invoice}
		return nil
	})
	if err != nil {
		return p, fmt.Errorf("listing suppliers' invoices: %w", err)
	}
	return p, nil
}

func (f *Filter) acrossEach(ctx context.Context, tx *portal.Tx, g func(partner int64, i DeskInvoice) error) error {
	supplier, err := purchasing.Narrowed(ctx, tx, f.Partner)
	if err != nil {
		return err
	}
	query, args := f.acrossQuery(supplier)
	return tx.Each(ctx, func(r *sqlx.Rows) error {
		var doc []byte
		var partner int64
		var i DeskInvoice
		if err := r.Scan(&doc, &partner, &i.Partner, &i.PartnerName); err != nil {
			return err
		}
		if err := json.Unmarshal(doc, &i.Invoice); err != nil {
			return err
		}
		return g(partner, i)
	}, query, args...)
}

// ExportAcross gives f every invoice of the filter, newest first, and audits that they were taken away as the named format. Limit and Cursor do not count.
func ExportAcross(ctx context.Context, tx *portal.Tx, f Filter, format string, each func(DeskInvoice) error) error {
	if err := tx.Need(portal.PurchasesRead); err != nil {
		return err
	}
	f.Cursor, f.Limit = "", 0
	if err := f.Check(); err != nil {
		return err
	}
	f.Limit = 0
	if err := tx.Audit(ctx, "billing.export", "billing", map[string]string{"format": format, "status": f.Status, "partner": f.Partner, "text": f.Text}); err != nil {
		return err
	}
	if err := f.acrossEach(ctx, tx, func(_ int64, i DeskInvoice) error { return each(i) }); err != nil {
		return fmt.Errorf("exporting suppliers' invoices: %w", err)
	}
	return nil
}

// A Case is an invoice as the host's staff see it: matched as the supplier sees it.
type Case struct {
	Partner     string `json:"partner" doc:"The supplier's account number"`
	PartnerName string `json:"partner_name"`
	Detail
}

// Open returns a supplier's invoice by the host's number. One that is not there is NotFound.
func Open(ctx context.Context, tx *portal.Tx, partner, invoice string) (c Case, err error) {
	if err := tx.Need(portal.PurchasesRead); err != nil {
		return c, err
	}
	s, err := purchasing.SupplierOf(ctx, tx, partner)
	if err != nil {
		return c, err
	}
	c.Partner, c.PartnerName = s.Number, s.Name
	c.Detail, err = get(ctx, tx, s.ID, invoice)
	return c, err
}
