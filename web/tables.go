package web

import (
	"context"
	"errors"
	"io"

	"extranet/portal"
	"extranet/portal/billing"
	"extranet/portal/purchasing"
	"extranet/portal/sheet"
)

// A tablePage is where a table is taken away, and comes back filled in.
type tablePage struct {
	title, lead, hint, button Words
	back                      Link
	action                    string // also where the forms lie
	text                      string
	fault                     *portal.Error
	sent                      bool
	done                      string // what came of it, in words
	refused                   []sheet.Fault
	header                    []string // of the table
}

func answersTable() tablePage {
	return tablePage{header: purchasing.AnswerHeader, title: "Answer by spreadsheet", lead: "Take away what is to be answered, fill it in, and send it back. Every row is accounted for; an empty answer leaves a line as it is.", button: "Send the answers",
		hint: "Columns: order, version, line, answer (accept, change, refuse or question), day, promised quantity, rest (refuse), reason, substitute, asked price, note. Rows of one line are its parts; a day and a quantity without an answer are a change.",
		back: Link{Label: "Purchase orders", Href: "/purchasing?list=review"}, action: "/tables/purchasing"}
}

func billsTable() tablePage {
	return tablePage{header: billing.TableHeader, title: "Invoices by spreadsheet", lead: "Take away what was received and is not invoiced, add your numbers, and send it back. Every row is accounted for; a row without a number is left.", button: "Send the invoices",
		hint: "Columns: number, invoiced on, currency, order, line, quantity, price, tax rate, total, note. Rows of one number are the lines of one invoice.",
		back: Link{Label: "Invoices", Href: "/billing"}, action: "/tables/billing"}
}

func (w *Web) showTable(need portal.Permission, page func() tablePage) handler {
	return func(ctx context.Context, r request) (reply, error) {
		v := page()
		r.shell.Title = v.title
		return reply{page: TablePage(r.shell, v)}, r.by.Need(need)
	}
}

// takeTable takes a table with f, which says what came of it and which rows were refused.
func (w *Web) takeTable(need portal.Permission, page func() tablePage, f func(ctx context.Context, tx *portal.Tx, t sheet.Table) (done string, any bool, refused []sheet.Fault, err error)) handler {
	return func(ctx context.Context, r request) (reply, error) {
		if err := r.by.Need(need); err != nil {
			return reply{}, err
		}
		v := page()
		v.text = r.form.Get("table")
		r.shell.Title = v.title
		var a struct {
			Done    string
			Any     bool
			Refused []sheet.Fault
		}
		err := w.accounted(ctx, r, &a, func(tx *portal.Tx) error {
			t, err := readTable(v.text, r.form.Get("file"), purchasing.TableLimits)
			if err != nil {
				return err
			}
			a.Done, a.Any, a.Refused, err = f(ctx, tx, inEnglish(t, v.header))
			return err
		})
		if says := portal.Says(err); err != nil && says.Kind == portal.Invalid {
			v.fault = says
			r.shell.Error = &ShownError{Status: statuses[portal.Invalid], Msg: sayError(ctx, says), Fields: says.Fields}
			return reply{status: statuses[portal.Invalid], page: TablePage(r.shell, v)}, nil
		} else if err != nil {
			return reply{}, err
		}
		if len(a.Refused) == 0 {
			tone := Good
			if !a.Any {
				tone = Warn
			}
			return reply{to: v.back.Href, flash: &Flash{Tone: tone, Title: Verbatim(a.Done)}}, nil
		}
		v.sent, v.done, v.refused = a.Any, a.Done, a.Refused
		return reply{status: statuses[portal.Invalid], page: TablePage(r.shell, v)}, nil
	}
}

func takeAnswers(ctx context.Context, tx *portal.Tx, t sheet.Table) (string, bool, []sheet.Fault, error) {
	a, err := purchasing.AnswerTable(ctx, tx, t)
	done := T(ctx, "%s of %s answered, %d of them wait for the host, %s left as they were", T(ctx, "%d lines", a.Lines), T(ctx, "%d orders", a.Orders), a.Waiting, T(ctx, "%d rows", a.Left))
	return done, a.Lines > 0, a.Refused, err
}

func takeBills(ctx context.Context, tx *portal.Tx, t sheet.Table) (string, bool, []sheet.Fault, error) {
	a, err := billing.SendTable(ctx, tx, t)
	done := T(ctx, "%s sent with %s, %s left", T(ctx, "%d invoices", a.Invoices), T(ctx, "%d lines", a.Lines), T(ctx, "%d rows", a.Left))
	return done, a.Invoices > 0, a.Refused, err
}

// tableForm is the table that is filled in, with what fill gives row.
func (w *Web) tableForm(need portal.Permission, name string, title Words, kind string, header []string, fill func(ctx context.Context, tx *portal.Tx, format string, row func(...any) error) error) handler {
	return func(ctx context.Context, r request) (reply, error) {
		if err := r.by.Need(need); err != nil {
			return reply{}, err
		}
		leave, err := w.exports.take(r.by)
		if err != nil {
			return reply{}, err
		}
		defer leave()
		made, err := newFile(name+"-"+plain(r.by.PartnerNumber)+"."+kind, sheet.Kinds[kind], func(out io.Writer) error {
			book, err := sheet.NewWriter(out, kind, sheetName(T(ctx, title)), sayAll(ctx, asWords(header)))
			if err != nil {
				return err
			}
			err = w.db.Do(ctx, r.by, func(tx *portal.Tx) error { return fill(ctx, tx, kind, book.Row) })
			return errors.Join(err, book.Close())
		})
		return reply{file: made}, err
	}
}
