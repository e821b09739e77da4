package web

import (
	"cmp"
	"context"
	"io"
	"strings"

	"extranet/portal"
	"extranet/portal/forecasts"
	"extranet/portal/sheet"
)

// pastePage is what the page that takes tables shows.
type pastePage struct {
	version string
	text    string
	written forecasts.Written
	report  *forecasts.Report
	fault   *ShownError
}

func (w *Web) showPaste(ctx context.Context, r request) (reply, error) {
	v, err := w.pastePage(ctx, r)
	r.shell.Title = "Commit from a spreadsheet"
	return reply{page: PastePage(r.shell, v)}, err
}

func (w *Web) pastePage(ctx context.Context, r request) (v pastePage, err error) {
	if err := r.by.Need(portal.ForecastsCommit); err != nil {
		return v, err
	}
	err = w.db.Do(ctx, r.by, func(tx *portal.Tx) error {
		versions, err := forecasts.Versions(ctx, tx, r.by.PartnerID, 1)
		if len(versions) > 0 {
			v.version = versions[0].Version
		}
		return err
	})
	return v, err
}

// tableLimits bound a table of commitments.
var tableLimits = sheet.Limits{Bytes: 6 << 20, Rows: 100_000, Columns: 200}

func (w *Web) commitTable(ctx context.Context, r request) (reply, error) {
	v, err := w.pastePage(ctx, r)
	if err != nil {
		return reply{}, err
	}
	r.shell.Title = "Commit from a spreadsheet"
	v.text = r.form.Get("table")
	_, err = w.once(ctx, r, func(tx *portal.Tx) (string, error) {
		table, err := sheet.Read(strings.NewReader(r.form.Get("file")), tableLimits)
		if r.form.Get("file") == "" {
			table, err = sheet.Text(v.text, tableLimits)
		}
		if err != nil {
			return "", err
		}
		if v.written, err = forecasts.ReadTable(inEnglish(table, forecasts.TableHeader), r.form.Get("version")); err != nil {
			return "", err
		}
		report, err := forecasts.Commit(ctx, tx, forecasts.Commitment{Version: v.written.Version, Cells: v.written.Cells, How: "file", Reason: r.form.Get("reason"), Note: strings.TrimSpace(r.form.Get("note"))})
		report = v.written.Account(report)
		v.report = &report
		return "/forecasts", err
	})
	switch says := portal.Says(err); {
	case err == nil && v.report == nil: // it was sent before
		return reply{to: "/forecasts", flash: &Flash{Tone: Info, Title: "This table was taken before"}}, nil
	case err == nil && len(v.report.Refused) == 0:
		title, text := said(ctx, *v.report)
		return reply{to: "/forecasts", flash: &Flash{Tone: Good, Title: title, Text: text}}, nil
	case err == nil:
		return reply{status: statuses[portal.Invalid], page: PastePage(r.shell, v)}, nil
	case says.Kind == portal.Invalid:
		v.fault = &ShownError{Status: statuses[portal.Invalid], Msg: sayError(ctx, says), Fields: map[string]string{"table": cmp.Or(says.On("table"), says.On("version"), says.On("file"), says.Msg)}}
		r.shell.Error = v.fault
		return reply{status: statuses[portal.Invalid], page: PastePage(r.shell, v)}, nil
	}
	return reply{}, err
}

// takeForecast makes a file of the whole forecast, to be filled in and sent back.
func (w *Web) takeForecast(kind string) handler {
	return func(ctx context.Context, r request) (reply, error) {
		if err := r.by.Need(portal.ForecastsRead); err != nil {
			return reply{}, err
		}
		leave, err := w.exports.take(r.by)
		if err != nil {
			return reply{}, err
		}
		defer leave()
		name := "forecast-" + plain(r.by.PartnerNumber) + w.db.Now().UTC().Format("-20060102-1504") + "." + kind
		made, err := newFile(name, sheet.Kinds[kind], func(out io.Writer) error {
			return w.db.Do(ctx, r.by, func(tx *portal.Tx) error {
				g, err := forecasts.Take(ctx, tx, kind)
				if err != nil {
					return err
				}
				var to sheet.Writer
				err = forecasts.WriteTable(g, func(head []string) (err error) {
					head = append(sayAll(ctx, asWords(head[:len(forecasts.TableHeader)])), head[len(forecasts.TableHeader):]...)
					to, err = sheet.NewWriter(out, kind, sheetName(T(ctx, "Forecast")), head)
					return err
				}, func(cells ...any) error { return to.Row(cells...) })
				if err != nil {
					return err
				}
				if err := to.About(aboutName(ctx), spell(ctx, []fact{{"Forecast of", r.by.PartnerName}, {"Version", g.Current().Version}, {"Answer due on", dayOr(ctx, g.Current().DueOn, "–")}, {"Zones as of", dayOr(ctx, g.Today, "–")},
					{"To commit", T(ctx, "change the rows Committed, and send the file back under Commit from a spreadsheet")}})); err != nil {
					return err
				}
				return to.Close()
			})
		})
		return reply{file: made}, err
	}
}
