package web

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"

	"extranet/portal"
	"extranet/portal/files"
	"extranet/portal/notices"
)

var noticeKinds = map[string]statusWord{
	"pcn": {"Product change", Info, IconChanges}, "ecn": {"Drawing change", Info, IconEdit}, "eol": {"End of life", Warn, IconCancelled},
}

var verdictWords = map[string]statusWord{
	"": {"To answer", Warn, IconClock}, "acknowledged": {"Acknowledged", Info, IconTick}, "accepted": {"Accepted", Good, IconOK}, "objected": {"Objected", Bad, IconRefused}, "silence": {"Silence", Neutral, IconOverdue},
}

var stateWords = map[string]Words{"open": "To answer", "silence": "Silence", "acknowledged": "Acknowledged", "accepted": "Accepted", "objected": "Objected"}

var touchWords = map[string]Words{"order": "Open purchase orders", "firm": "Firm forecast", "trade_off": "Trade-off forecast", "on_hand": "On hand at the host", "in_transit": "In transit to the host",
	"at_supplier": "Finished at the supplier", "in_process": "Being made at the supplier"}

var dispositionWords = map[string]Words{"use_up": "Use up stock of the old revision", "rework": "Rework it", "return": "Return it", "scrap": "Scrap it", "none": "There is none"}

var noticeFieldWords = map[string]Words{
	"kind": "Kind", "title": "Title", "description": "Description", "reason": "Reason", "effective_on": "Effective from", "first_ship_on": "First changed shipment", "last_buy_on": "Last day to buy", "last_ship_on": "Last day to ship",
	"withdrawn": "Withdrawn", "product": "Product", "revision_from": "Old revision", "revision_to": "New revision", "effective_lot": "From lot", "effective_serial": "From serial", "replacement": "Replacement",
}

// A noticeList is what a page that lists notices shows: those of the host, or those that partners gave; to a partner, or to the host's staff across partners.
type noticeList struct {
	page    notices.Page
	given   notices.GivenPage
	filter  notices.Filter
	address Address
	host    bool
	fresh   Freshness
	today   portal.Date
	may     bool
}

// noticeFilter reads what a list is narrowed to.
func noticeFilter(path string, q url.Values, host bool) (notices.Filter, Address) {
	kept := url.Values{}
	names := []string{"kind", "state"}
	if host {
		names = append(names, "partner")
	}
	for _, name := range names {
		if v := strings.TrimSpace(q.Get(name)); v != "" {
			kept.Set(name, v)
		}
	}
	return notices.Filter{Kind: kept.Get("kind"), State: kept.Get("state"), Partner: kept.Get("partner"), Cursor: q.Get("cursor")}, Address{Path: path, Query: kept}
}

func (v noticeList) bar(ctx context.Context) Filter {
	var active []Link
	if v.filter.Kind != "" {
		active = append(active, Link{Label: noticeKinds[v.filter.Kind].text, Href: v.address.With("kind", "")})
	}
	if v.filter.State != "" {
		active = append(active, Link{Label: stateWords[v.filter.State], Href: v.address.With("state", "")})
	}
	if v.filter.Partner != "" {
		active = append(active, Link{Label: Said(ctx, "Partner: %s", v.filter.Partner), Href: v.address.With("partner", "")})
	}
	return Filter{Address: v.address, Clear: v.address.Path, Active: active}
}

func (v noticeList) pager(shown int, next string) Pager {
	p := Pager{Shown: shown, Noun: "%d notices"}
	if v.filter.Cursor != "" {
		p.First = v.address.With()
	}
	if next != "" {
		p.Next = v.address.With("cursor", next)
	}
	return p
}

// stand marks where in the navigation a page belongs that lies beside its list.
func (s *Shell) stand(href string) {
	for i := range s.Nav {
		s.Nav[i].Current = s.Nav[i].Href == href
	}
}

func (w *Web) showNotices(ctx context.Context, r request) (reply, error) {
	v := noticeList{today: portal.DateOf(w.db.Now())}
	v.filter, v.address = noticeFilter("/notices", r.query, false)
	var err error
	v.page, err = read(ctx, w, r.by, "notices", "list"+v.address.With("cursor", v.filter.Cursor), func(ctx context.Context, tx *portal.Tx) (notices.Page, error) {
		return notices.List(ctx, tx, v.filter)
	})
	if err != nil {
		return reply{}, err
	}
	if v.fresh, err = w.fresh(ctx, "notices", "notice_items"); err == nil {
		v.fresh.Offered, err = w.offered(ctx, "notices")
	}
	r.shell.Title = "Engineering changes"
	return reply{page: NoticesPage(r.shell, v)}, err
}

func noticePath(notice string) string { return "/notices/" + url.PathEscape(notice) }

// A noticePage is what the page of one notice shows; answer is the form with what was typed.
type noticePage struct {
	notices.Detail
	fresh Freshness
	may   bool
	host  bool
	taken bool // the host takes files
	today portal.Date
	path  string
	trail []Link
	form  noticeForm
}

// A noticeForm is what was typed into a form of a notice's page, and what is wrong with it.
type noticeForm struct {
	typed url.Values
	fault *portal.Error
}

func (f noticeForm) get(name string) string { return f.typed.Get(name) }

// shown is the fault as a page's summary tells it.
func (f noticeForm) shown(ctx context.Context) *ShownError {
	return &ShownError{Status: statuses[f.fault.Kind], Msg: sayError(ctx, f.fault), Fields: f.fault.Fields}
}

// hostsNotice is what the page of a notice of the host's shows, to its partner or to the host's staff.
func (w *Web) hostsNotice(ctx context.Context, r request, host bool) (v noticePage, err error) {
	v = noticePage{today: portal.DateOf(w.db.Now()), host: host, taken: w.files != nil, may: r.by.Perms.Has(portal.NoticesAnswer), path: noticePath(r.param("notice")), trail: []Link{{Label: "Engineering changes", Href: "/notices"}}}
	if host {
		v.may, v.path = true, "/partner-notices/"+url.PathEscape(r.param("partner"))+"/"+url.PathEscape(r.param("notice"))
		v.trail = []Link{{Label: "Engineering changes", Href: "/partner-notices"}}
		err = w.db.AcrossPartners(ctx, r.by, portal.NoticesManage, func(tx *portal.Tx) (err error) {
			v.Detail, err = notices.GetOf(ctx, tx, r.param("partner"), r.param("notice"))
			return err
		})
	} else {
		err = w.db.Do(ctx, r.by, func(tx *portal.Tx) (err error) { v.Detail, err = notices.Get(ctx, tx, r.param("notice")); return err })
	}
	if err != nil {
		return v, err
	}
	v.fresh, err = w.fresh(ctx, "notices", "notice_items", "forecasts", "purchase_orders", "supplier_inventory")
	return v, err
}

// showHostsNotice answers with the page of a notice of the host's; a form with a fault comes back as it was typed.
func (w *Web) showHostsNotice(ctx context.Context, r request, host bool, form noticeForm) (reply, error) {
	v, err := w.hostsNotice(ctx, r, host)
	if err != nil {
		if form.fault != nil {
			err = errors.Join(err, form.fault)
		}
		return reply{}, err
	}
	v.form = form
	r.shell.Title = Said(ctx, "Notice %s", v.Notice)
	status := 0
	if form.fault != nil {
		r.shell.Error = form.shown(ctx)
		status = r.shell.Error.Status
	}
	return reply{status: status, page: NoticePage(r.shell, v)}, nil
}

func (w *Web) showNotice(ctx context.Context, r request) (reply, error) {
	return w.showHostsNotice(ctx, r, false, noticeForm{})
}

// saidIn reads an answer out of a form.
func saidIn(form url.Values) notices.Said {
	f := func(name string) string { return strings.TrimSpace(form.Get(name)) }
	return notices.Said{Verdict: f("verdict"), Disposition: f("disposition"), Cost: portal.Amount(f("cost")), Currency: strings.ToUpper(f("currency")), LeadTimeDays: f("lead_time_days"), Samples: portal.Amount(f("samples")), Note: f("note")}
}

func (w *Web) answerNotice(ctx context.Context, r request) (reply, error) {
	if err := r.by.Need(portal.NoticesAnswer); err != nil {
		return reply{}, err
	}
	to, err := w.once(ctx, r, func(tx *portal.Tx) (string, error) {
		_, err := notices.Reply(ctx, tx, r.param("notice"), saidIn(r.form))
		return noticePath(r.param("notice")), err
	})
	if says := portal.Says(err); err != nil && says.Kind == portal.Invalid {
		return w.showHostsNotice(ctx, r, false, noticeForm{r.form, says})
	}
	return reply{to: to, flash: &Flash{Tone: Good, Title: "Your answer is with the host"}}, err
}

// within opens transactions for those who may see a notice at the place.
func (w *Web) within(ctx context.Context, r request, p notices.Place) func(f func(tx *portal.Tx) error) error {
	if p.Partner != "" {
		return w.forNotices(ctx, r)
	}
	return func(f func(tx *portal.Tx) error) error { return w.db.Do(ctx, r.by, f) }
}

// attach adds what was chosen to a notice; again shows its page with what is wrong.
func (w *Web) attach(ctx context.Context, r request, p notices.Place, path string, again func(noticeForm) (reply, error)) (reply, error) {
	do := w.within(ctx, r, p)
	if err := do(func(tx *portal.Tx) error {
		if err := tx.Need(p.May()); err != nil {
			return err
		}
		return notices.Seen(ctx, tx, p)
	}); err != nil {
		return reply{}, err
	}
	fault, err := takeFiles(r, func(f files.Checked) error {
		return do(func(tx *portal.Tx) error { _, err := notices.Attach(ctx, tx, w.files, p, f); return err })
	})
	if err != nil {
		return reply{}, err
	}
	if fault != nil {
		return again(noticeForm{fault: fault})
	}
	return reply{to: path, flash: &Flash{Tone: Good, Title: "Added"}}, nil
}

// detach gives a file of a notice away.
func (w *Web) detach(ctx context.Context, r request, p notices.Place) (a reply, err error) {
	err = w.within(ctx, r, p)(func(tx *portal.Tx) error {
		f, content, err := notices.Detach(ctx, tx, w.files, p, r.param("id"))
		if err != nil {
			return err
		}
		defer content.Close()
		a.file, err = given(f, content)
		return err
	})
	return a, err
}

func (w *Web) addNoticeFiles(ctx context.Context, r request) (reply, error) {
	return w.attach(ctx, r, notices.Place{Number: r.param("notice")}, noticePath(r.param("notice")), func(f noticeForm) (reply, error) { return w.showHostsNotice(ctx, r, false, f) })
}

func (w *Web) takeNoticeFile(ctx context.Context, r request) (reply, error) {
	return w.detach(ctx, r, notices.Place{Number: r.param("notice")})
}

// noticeVerdicts are what may be answered.
func noticeVerdicts() []Option {
	return []Option{{Value: "acknowledged", Label: "Received, under examination"}, {Value: "accepted", Label: "Accepted"}, {Value: "objected", Label: "Objection"}}
}

func stateOptions() []Option {
	options := []Option{{Value: "", Label: "Any"}}
	for _, s := range notices.States {
		options = append(options, Option{Value: s, Label: stateWords[s]})
	}
	return options
}

func kindOptions(first ...Option) []Option {
	return slices.Concat(first, []Option{{Value: "pcn", Label: "Product change"}, {Value: "ecn", Label: "Drawing change"}, {Value: "eol", Label: "End of life"}})
}
