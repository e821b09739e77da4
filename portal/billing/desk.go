package billing

import (
	"context"
	"encoding/base64"
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
	args = append(args, f.Limit+1)
	return fmt.Sprintf(`SELECT row_to_json(d)::text, i.partner_id, p.number, p.name FROM (SELECT i.* FROM supplier_invoices i WHERE %s ORDER BY i.invoiced_on DESC, i.partner_id DESC, i.invoice DESC LIMIT $%d) i
		JOIN partners p ON p.partner_id = i.partner_id CROSS JOIN LATERAL (SELECT %s) d ORDER BY i.invoiced_on DESC, i.partner_id DESC, i.invoice DESC`, where, len(args), document), args
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
	var supplier int64
	if f.Partner != "" {
		s, err := purchasing.SupplierOf(ctx, tx, f.Partner)
		if err != nil {
			if portal.Says(err).Kind == portal.NotFound {
				return p, nil
			}
			return p, err
		}
		supplier = s.ID
	}
	query, args := f.acrossQuery(supplier)
	var last cursor
	err = tx.Each(ctx, func(r *sqlx.Rows) error {
		var doc []byte
		var c cursor
		var i DeskInvoice
		if err := r.Scan(&doc, &c.Partner, &i.Partner, &i.PartnerName); err != nil {
			return err
		}
		if len(p.Items) == f.Limit {
			b, err := json.Marshal(last)
			p.Next = base64.RawURLEncoding.EncodeToString(b)
			return err
		}
		if err := json.Unmarshal(doc, &i.Invoice); err != nil {
			return err
		}
		c.Day, c.Key = i.InvoicedOn, i.Invoice.Invoice
		last = c
		p.Items = append(p.Items, i)
		return nil
	}, query, args...)
	if err != nil {
		return p, fmt.Errorf("listing suppliers' invoices: %w", err)
	}
	return p, nil
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
