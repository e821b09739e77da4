package web

import (
	"context"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"

	"extranet/portal"
	"extranet/portal/partners"
	"extranet/portal/sheet"
)

// An auditView is the page of what happened at a partner.
type auditView struct {
	whose
	filter  portal.AuditFilter
	address Address
	from    string
	to      string
	page    portal.AuditPage
	actions []string
}

var auditParams = []string{"actor", "action", "target", "from", "to", "partner"}

// auditFilter reads the filter as the address has it; days are UTC, the last one included.
func auditFilter(q url.Values) (f portal.AuditFilter, kept url.Values, err error) {
	kept = url.Values{}
	for _, name := range auditParams {
		if v := strings.TrimSpace(q.Get(name)); v != "" {
			kept.Set(name, v)
		}
	}
	f = portal.AuditFilter{Actor: kept.Get("actor"), Action: kept.Get("action"), Target: kept.Get("target"), Before: q.Get("cursor")}
	for _, d := range []struct {
		name string
		to   *time.Time
		add  int
	}{{"from", &f.From, 0}, {"to", &f.To, 1}} {
		if text := kept.Get(d.name); text != "" {
			t, err := time.Parse(time.DateOnly, text)
			if err != nil {
				return f, kept, &portal.Error{Kind: portal.Invalid, Msg: "that is not a day", Fields: map[string]string{d.name: "write it like 2026-03-31"}}
			}
			*d.to = t.AddDate(0, 0, d.add)
		}
	}
	return f, kept, nil
}

func (w *Web) showAudit(ctx context.Context, r request) (reply, error) {
	f, kept, err := auditFilter(r.query)
	if err != nil {
		return reply{}, err
	}
	v := auditView{filter: f, address: Address{Path: "/audit", Query: kept}, from: kept.Get("from"), to: kept.Get("to")}
	err = w.at(ctx, r, portal.AuditRead, func(tx *portal.Tx, o whose) (err error) {
		v.whose = o
		if v.page, err = portal.Audits(ctx, tx, o.ID, f); err != nil {
			return err
		}
		if v.actions, err = portal.AuditActions(ctx, tx, o.ID); err != nil {
			return err
		}
		return partners.Looked(ctx, tx, o.ID, "audit")
	})
	if err != nil {
		return reply{}, err
	}
	r.shell.Title = "Log"
	return reply{page: AuditPage(r.shell, v)}, nil
}

func (v auditView) pager() Pager {
	p := Pager{Shown: len(v.page.Items), Noun: "%d entries"}
	if v.filter.Before != "" {
		p.First = v.address.With()
	}
	if v.page.Next != "" {
		p.Next = v.address.With("cursor", v.page.Next)
	}
	return p
}

func (v auditView) file(kind string) string {
	return Address{Path: "/audit/export." + kind, Query: v.address.Query}.With()
}

func (v auditView) actionOptions() []Option {
	options := []Option{{Value: "", Label: "Anything"}}
	for _, a := range v.actions {
		options = append(options, Option{Value: a, Label: Verbatim(a)})
	}
	if a := v.filter.Action; a != "" && !slices.Contains(v.actions, a) {
		options = append(options, Option{Value: a, Label: Verbatim(a)})
	}
	return options
}

// detailText says the detail of an act in one line.
func detailText(a portal.Act) string {
	var said []string
	for k, v := range a.Detail {
		if v != "" {
			said = append(said, strings.ReplaceAll(k, "_", " ")+": "+v)
		}
	}
	slices.Sort(said)
	return strings.Join(said, "; ")
}

func (w *Web) exportAudit(kind string) handler {
	return func(ctx context.Context, r request) (reply, error) {
		leave, err := w.exports.take(r.by)
		if err != nil {
			return reply{}, err
		}
		defer leave()
		f, _, err := auditFilter(r.query)
		if err != nil {
			return reply{}, err
		}
		made, err := newFile("log-"+plain(r.by.PartnerNumber)+w.db.Now().UTC().Format("-20060102-1504")+"."+kind, sheet.Kinds[kind], func(out io.Writer) error {
			return w.at(ctx, r, portal.AuditRead, func(tx *portal.Tx, o whose) error {
				lines, err := sheet.NewWriter(out, kind, sheetName(T(ctx, "Log")), sayAll(ctx, []Words{"Number", "At (UTC)", "Who", "What", "On", "Detail"}))
				if err != nil {
					return err
				}
				n := 0
				err = portal.EachAudit(ctx, tx, o.ID, f, kind, func(a portal.Act) error {
					n++
					return lines.Row(int(a.Seq), a.At.UTC().Format("2006-01-02 15:04:05"), a.Actor, a.Action, a.Target, detailText(a))
				})
				if err != nil {
					return err
				}
				if err := lines.About(aboutName(ctx), spell(ctx, []fact{{"List", T(ctx, "Log of %s (%s)", o.Name, o.Number)}, {"Entries", Count(ctx, n)}, {"Who", f.Actor}, {"What", f.Action}, {"On", f.Target},
					{"Exported by", r.by.Name}, {"Exported at", TimeText(ctx, w.db.Now())}})); err != nil {
					return err
				}
				return lines.Close()
			})
		})
		return reply{file: made}, err
	}
}

func (w *Web) verifyAudit(ctx context.Context, r request) (reply, error) {
	var rows int64
	var broken error
	to, err := w.onceAt(ctx, r, portal.AuditRead, func(tx *portal.Tx, o whose) (_ string, err error) {
		rows, err = portal.CheckAudit(ctx, tx, o.ID)
		if portal.Says(err).Kind == portal.Conflict {
			broken, err = err, nil
		}
		return o.path("/audit"), err
	})
	said := Flash{Good, "The log is whole", Said(ctx, "All of its %d entries are as they were written, none missing.", int(rows))}
	if broken != nil {
		said = Flash{Bad, "The log is not whole", Said(ctx, "%s. Tell the host's operator; nothing before that entry is in doubt.", upperFirst(portal.Says(broken).Msg))}
	}
	return reply{to: to, flash: &said}, err
}

// A whoView is the page of who could see a document, and who did.
type whoView struct {
	whose
	document string
	day      string
	time     string
	fault    *portal.Error
	access   *partners.Access
	sites    sites
}

func (w *Web) showWho(ctx context.Context, r request) (reply, error) {
	v := whoView{document: strings.TrimSpace(r.query.Get("document")), day: r.query.Get("day"), time: r.query.Get("time")}
	status := 0
	err := w.at(ctx, r, portal.AuditRead, func(tx *portal.Tx, o whose) (err error) {
		v.whose = o
		if v.sites, err = sitesAt(ctx, tx, o.ID); err != nil {
			return err
		}
		if v.document == "" && v.day == "" {
			v.day, v.time = tx.Now.Format(time.DateOnly), "12:00"
			return nil
		}
		at, err := time.Parse("2006-01-02 15:04", v.day+" "+orWord(v.time, "12:00"))
		if err != nil {
			v.fault = &portal.Error{Kind: portal.Invalid, Msg: "that is not a day and a time", Fields: map[string]string{"day": "write it like 2026-03-31"}}
			return nil
		}
		document := v.document
		if !strings.Contains(document, "/") {
			document = "orders/" + document
		}
		a, err := partners.CouldSee(ctx, tx, o.ID, document, at)
		if says := portal.Says(err); err != nil && (says.Kind == portal.NotFound || says.Kind == portal.Invalid) {
			v.fault = &portal.Error{Kind: says.Kind, Msg: says.Msg, Fields: map[string]string{"document": orWord(says.On("document"), says.Msg)}}
			return nil
		} else if err != nil {
			return err
		}
		v.access = &a
		return partners.Looked(ctx, tx, o.ID, "audit")
	})
	if err != nil {
		return reply{}, err
	}
	if v.fault != nil {
		status = statuses[v.fault.Kind]
	}
	r.shell.Title = "Who could see it"
	return reply{status: status, page: WhoPage(r.shell, v)}, nil
}
