package web

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"extranet/portal"
	"extranet/portal/notices"
)

var noticeKinds = map[string]statusWord{
	"pcn": {"Product change", Info, IconChanges}, "ecn": {"Drawing change", Info, IconEdit}, "eol": {"End of life", Warn, IconCancelled},
}

var verdictWords = map[string]statusWord{
	"": {"To answer", Warn, IconClock}, "acknowledged": {"Acknowledged", Info, IconTick}, "accepted": {"Accepted", Good, IconOK}, "objected": {"Objected", Bad, IconRefused}, "silence": {"Silence", Neutral, IconOverdue},
}

var touchWords = map[string]string{"order": "Open purchase orders", "firm": "Firm forecast", "trade_off": "Trade-off forecast", "on_hand": "On hand", "in_transit": "In transit"}

var dispositionWords = map[string]string{"use_up": "Use up stock of the old revision", "rework": "Rework it", "return": "Return it", "scrap": "Scrap it", "none": "There is none"}

// A noticeList is what the page of notices shows.
type noticeList struct {
	page  notices.Page
	given []notices.Given
	fresh Freshness
	today portal.Date
	may   bool
	after string
	typed url.Values
	fault *portal.Error
}

func (w *Web) showNotices(ctx context.Context, r request) (reply, error) {
	v, err := w.noticeList(ctx, r)
	if err != nil {
		return reply{}, err
	}
	r.shell.Title = "Engineering changes"
	return reply{page: NoticesPage(r.shell, v)}, nil
}

func (w *Web) noticeList(ctx context.Context, r request) (v noticeList, err error) {
	v = noticeList{today: portal.DateOf(w.db.Now()), may: r.by.Perms.Has(portal.NoticesAnswer), after: r.query.Get("cursor")}
	v.page, err = read(ctx, w, r.by, "notices", "list"+v.after, func(ctx context.Context, tx *portal.Tx) (notices.Page, error) { return notices.List(ctx, tx, v.after) })
	if err != nil {
		return v, err
	}
	if v.given, err = read(ctx, w, r.by, "notices", "given", func(ctx context.Context, tx *portal.Tx) ([]notices.Given, error) { return notices.GivenBy(ctx, tx) }); err != nil {
		return v, err
	}
	v.fresh, err = w.fresh(ctx, "notices", "notice_items")
	if err == nil {
		v.fresh.Offered, err = w.offered(ctx, "notices")
	}
	return v, err
}

func noticePath(notice string) string { return "/notices/" + url.PathEscape(notice) }

// A noticePage is what the page of one notice shows.
type noticePage struct {
	notices.Detail
	fresh Freshness
	may   bool
	host  bool
	today portal.Date
	typed url.Values
	fault *portal.Error
}

func (w *Web) showNotice(ctx context.Context, r request) (reply, error) {
	v, err := w.noticePage(ctx, r)
	if err != nil {
		return reply{}, err
	}
	r.shell.Title = "Notice " + v.Notice
	return reply{page: NoticePage(r.shell, v)}, nil
}

func (w *Web) noticePage(ctx context.Context, r request) (v noticePage, err error) {
	v = noticePage{today: portal.DateOf(w.db.Now()), may: r.by.Perms.Has(portal.NoticesAnswer)}
	if err = w.db.Do(ctx, r.by, func(tx *portal.Tx) (err error) { v.Detail, err = notices.Get(ctx, tx, r.param("notice")); return err }); err != nil {
		return v, err
	}
	v.fresh, err = w.fresh(ctx, "notices", "notice_items", "forecasts", "purchase_orders")
	return v, err
}

func (w *Web) answerNotice(ctx context.Context, r request) (reply, error) {
	if err := r.by.Need(portal.NoticesAnswer); err != nil {
		return reply{}, err
	}
	f := func(name string) string { return strings.TrimSpace(r.form.Get(name)) }
	said := notices.Said{Verdict: f("verdict"), Disposition: f("disposition"), Cost: portal.Amount(f("cost")), Currency: f("currency"), LeadTimeDays: f("lead_time_days"), Samples: portal.Amount(f("samples")), Note: f("note")}
	to, err := w.once(ctx, r, func(tx *portal.Tx) (string, error) {
		_, err := notices.Reply(ctx, tx, r.param("notice"), said)
		return noticePath(r.param("notice")), err
	})
	if says := portal.Says(err); err != nil && says.Kind == portal.Invalid {
		v, err2 := w.noticePage(ctx, r)
		if err2 != nil {
			return reply{}, errors.Join(err2, err)
		}
		v.typed, v.fault = r.form, says
		r.shell.Title, r.shell.Error = "Notice "+v.Notice, &ShownError{Status: statuses[portal.Invalid], Msg: upperFirst(says.Msg), Fields: says.Fields}
		return reply{status: statuses[portal.Invalid], page: NoticePage(r.shell, v)}, nil
	}
	return reply{to: to, flash: &Flash{Tone: Good, Title: "Your answer is with the host"}}, err
}

func (w *Web) giveNotice(ctx context.Context, r request) (reply, error) {
	if err := r.by.Need(portal.NoticesAnswer); err != nil {
		return reply{}, err
	}
	f := func(name string) string { return strings.TrimSpace(r.form.Get(name)) }
	n := notices.Notice{Kind: f("kind"), Title: f("title"), Description: f("description"), EffectiveOn: portal.Date(f("effective_on")), LastBuyOn: portal.Date(f("last_buy_on")), LastShipOn: portal.Date(f("last_ship_on"))}
	for line := range strings.Lines(r.form.Get("items")) {
		if parts := strings.FieldsFunc(strings.TrimSpace(line), func(c rune) bool { return c == ';' || c == '\t' }); len(parts) > 0 {
			parts = append(parts, "", "", "")
			n.Items = append(n.Items, notices.GivenItem{Product: strings.TrimSpace(parts[0]), RevisionFrom: strings.TrimSpace(parts[1]), RevisionTo: strings.TrimSpace(parts[2]), Lot: strings.TrimSpace(parts[3])})
		}
	}
	to, err := w.once(ctx, r, func(tx *portal.Tx) (string, error) { _, err := notices.Give(ctx, tx, n); return "/notices", err })
	if says := portal.Says(err); err != nil && says.Kind == portal.Invalid {
		v, err2 := w.noticeList(ctx, r)
		if err2 != nil {
			return reply{}, errors.Join(err2, err)
		}
		v.typed, v.fault = r.form, says
		r.shell.Title, r.shell.Error = "Engineering changes", &ShownError{Status: statuses[portal.Invalid], Msg: upperFirst(says.Msg), Fields: says.Fields}
		return reply{status: statuses[portal.Invalid], page: NoticesPage(r.shell, v)}, nil
	}
	return reply{to: to, flash: &Flash{Tone: Good, Title: "The host has your notice"}}, err
}

func (w *Web) listPartnerNotices(ctx context.Context, r request) (reply, error) {
	var list []notices.Head
	err := w.db.AcrossPartners(ctx, r.by, portal.NoticesManage, func(tx *portal.Tx) (err error) { list, err = notices.ListAll(ctx, tx); return err })
	if err != nil {
		return reply{}, err
	}
	fresh, err := w.fresh(ctx, "notices")
	r.shell.Title = "Engineering changes"
	return reply{page: PartnerNoticesPage(r.shell, list, fresh)}, err
}

func (w *Web) showPartnerNotice(ctx context.Context, r request) (reply, error) {
	v := noticePage{today: portal.DateOf(w.db.Now()), host: true}
	err := w.db.AcrossPartners(ctx, r.by, portal.NoticesManage, func(tx *portal.Tx) (err error) {
		v.Detail, err = notices.GetOf(ctx, tx, r.param("partner"), r.param("notice"))
		return err
	})
	if err != nil {
		return reply{}, err
	}
	v.fresh, err = w.fresh(ctx, "notices", "notice_items", "forecasts", "purchase_orders")
	r.shell.Title = "Notice " + v.Notice
	return reply{page: NoticePage(r.shell, v)}, err
}
