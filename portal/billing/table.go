package billing

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"extranet/portal"
	"extranet/portal/sheet"
)

// TableHeader heads the table of what can be invoiced, which is filled in and sent.
var TableHeader = []string{"Number", "Invoiced on", "Currency", "Order", "Line", "Product", "Description", "Unit", "Quantity", "Price", "Tax rate", "Total", "Note"}

// FormOrders is how many orders the table names at most: those received last.
const FormOrders = 1000

// ToBill gives row each line of which something is received and not invoiced, and audits that they were taken away as the named format.
func ToBill(ctx context.Context, tx *portal.Tx, format string, row func(...any) error) error {
	if err := tx.Need(portal.BillingSend); err != nil {
		return err
	}
	if err := tx.Audit(ctx, "billing.export", "billing", map[string]string{"format": format, "list": "to invoice"}); err != nil {
		return err
	}
	var orders []string
	if err := tx.Select(ctx, &orders, `SELECT order_number FROM (SELECT order_number, max(day) AS day FROM receipts WHERE partner_id = $1 AND day > $2 AND ($3::text[] IS NULL OR site = ANY($3)) GROUP BY order_number) x ORDER BY day DESC, order_number LIMIT $4`,
		tx.By.PartnerID, portal.DateOf(tx.Now.AddDate(-1, 0, 0)), portal.Limit(tx.By.Sites), FormOrders); err != nil {
		return fmt.Errorf("looking for what was received: %w", err)
	}
	all, err := billables(ctx, tx, orders, "")
	if err != nil {
		return err
	}
	for _, b := range all {
		if room := b.Received.Sub(b.Before); room.IsPositive() {
			if err := row(nil, nil, b.Currency, b.Order, strconv.FormatInt(b.Line, 10), b.Product, b.Description, b.Unit, text(room), text(b.Price), nil, nil, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// Accounted says what became of every row of a table of invoices.
type Accounted struct {
	Invoices int           `json:"invoices" doc:"That were sent"`
	Lines    int           `json:"lines" doc:"On them"`
	Left     int           `json:"left" doc:"Rows without an invoice number"`
	Refused  []sheet.Fault `json:"refused" doc:"Rows that were not sent, each with the reason"`
}

// most is how many invoices a table can have.
const most = 500

// written is an invoice as it stands in the table.
type written struct {
	invoice NewInvoice
	rows    []int // of its lines
	faults  map[int]string
}

// SendTable sends the invoices of a table: rows of one number are its lines. Every row is accounted for: an invoice that cannot be sent is refused whole, with the reason, and spoils no other.
func SendTable(ctx context.Context, tx *portal.Tx, t sheet.Table) (a Accounted, err error) {
	if err := tx.Need(portal.BillingSend); err != nil {
		return a, err
	}
	a.Refused = []sheet.Fault{}
	all, err := readInvoices(t, &a)
	if err != nil {
		return a, err
	}
	for _, w := range all {
		if len(w.faults) == 0 {
			_, err := Send(ctx, tx, w.invoice)
			switch says := portal.Says(err); {
			case err == nil:
				a.Invoices++
				a.Lines += len(w.rows)
				continue
			case says.Kind == portal.Invalid:
				w.blame(says.Fields)
			case says.Kind == portal.NotFound:
				w.faults[w.rows[0]] = says.Msg
			default:
				return a, err
			}
		}
		for _, row := range w.rows {
			why := w.faults[row]
			if why == "" {
				why = "its invoice was not sent, for the fault of another row"
			}
			a.Refused = append(a.Refused, sheet.Fault{Row: row, What: w.invoice.Number, Why: why})
		}
	}
	slices.SortStableFunc(a.Refused, func(x, y sheet.Fault) int { return x.Row - y.Row })
	return a, nil
}

// blame puts each fault on the row that it is about; what is about the whole invoice, on its first.
func (w *written) blame(fields map[string]string) {
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		name, n, _ := strings.Cut(field, "-")
		row := w.rows[0]
		if i, err := strconv.Atoi(n); err == nil && i >= 1 && i <= len(w.rows) {
			row = w.rows[i-1]
		}
		why := strings.ReplaceAll(name, "_", " ") + ": " + fields[field]
		if w.faults[row] != "" {
			why = w.faults[row] + "; " + why
		}
		w.faults[row] = why
	}
}

func readInvoices(t sheet.Table, a *Accounted) (all []*written, err error) {
	number, order, line, quantity := t.Find("number", "invoice"), t.Find("order", "purchase order"), t.Find("line"), t.Find("quantity")
	on, currency, price, rate, total, note := t.Find("invoiced on", "date"), t.Find("currency"), t.Find("price"), t.Find("tax rate", "tax"), t.Find("total"), t.Find("note")
	if number < 0 || order < 0 || line < 0 || quantity < 0 || price < 0 {
		return nil, &portal.Error{Kind: portal.Invalid, Msg: "this table cannot be read", Fields: map[string]string{"table": "its first row must name the columns number, invoiced on, currency, order, line, quantity, price and tax rate; take what can be invoiced away as a file to see the form"}}
	}
	by := map[string]*written{}
	for _, r := range t.Rows {
		own := r.Cell(number)
		if own == "" {
			a.Left++
			continue
		}
		w := by[strings.ToUpper(own)]
		if w == nil {
			w = &written{invoice: NewInvoice{Number: own}, faults: map[int]string{}}
			by[strings.ToUpper(own)] = w
			if all = append(all, w); len(all) > most {
				return nil, &portal.Error{Kind: portal.Invalid, Msg: "nothing was sent", Fields: map[string]string{"table": fmt.Sprintf("there are more than %d invoices; send them in parts", most)}}
			}
		}
		w.rows = append(w.rows, r.Number)
		l := NewLine{Order: r.Cell(order), TaxRate: "0"}
		if l.Line, err = strconv.ParseInt(r.Cell(line), 10, 64); err != nil {
			w.faults[r.Number] = "say the line by its number"
		}
		for column, to := range map[int]*portal.Amount{quantity: &l.Quantity, price: &l.Price, rate: &l.TaxRate, total: &w.invoice.Total} {
			if r.Cell(column) == "" {
				continue
			}
			n, err := t.Number(r.Cell(column))
			if err != nil {
				w.faults[r.Number] = "column " + sheet.Column(column) + ": " + err.Error()
			}
			*to = portal.Amount(n.String())
		}
		w.invoice.Lines = append(w.invoice.Lines, l)
		day, err := t.Day(r.Cell(on))
		if err != nil {
			w.faults[r.Number] = err.Error()
		}
		for _, said := range []struct {
			to   *string
			cell string
		}{{(*string)(&w.invoice.InvoicedOn), string(day)}, {&w.invoice.Currency, strings.ToUpper(r.Cell(currency))}, {&w.invoice.Note, r.Cell(note)}} {
			if said.cell != "" && *said.to != "" && *said.to != said.cell {
				w.faults[r.Number] = fmt.Sprintf("says %q, and a row above says %q of the same invoice", said.cell, *said.to)
			}
			if said.cell != "" {
				*said.to = said.cell
			}
		}
	}
	return all, nil
}
