package web

import (
	"context"
	"net/url"
	"strconv"
	"strings"

	"extranet/portal"
	"extranet/portal/notices"
)

func (w *Web) listPartnerNotices(ctx context.Context, r request) (reply, error) {
	v := noticeList{host: true, today: portal.DateOf(w.db.Now())}
	v.filter, v.address = noticeFilter("/partner-notices", r.query, true)
	err := w.db.AcrossPartners(ctx, r.by, portal.NoticesManage, func(tx *portal.Tx) (err error) { v.page, err = notices.ListAll(ctx, tx, v.filter); return err })
	if err != nil {
		return reply{}, err
	}
	if v.fresh, err = w.fresh(ctx, "notices", "notice_items"); err == nil {
		v.fresh.Offered, err = w.offered(ctx, "notices")
	}
	r.shell.Title = "Engineering changes"
	return reply{page: NoticesPage(r.shell, v)}, err
}

func (w *Web) showPartnerNotice(ctx context.Context, r request) (reply, error) {
	return w.showHostsNotice(ctx, r, true, noticeForm{})
}

func (w *Web) addPartnerNoticeFiles(ctx context.Context, r request) (reply, error) {
	p := notices.Place{Partner: r.param("partner"), Number: r.param("notice")}
	return w.attach(ctx, r, p, "/partner-notices/"+url.PathEscape(p.Partner)+"/"+url.PathEscape(p.Number), func(f noticeForm) (reply, error) { return w.showHostsNotice(ctx, r, true, f) })
}

func (w *Web) takePartnerNoticeFile(ctx context.Context, r request) (reply, error) {
	return w.detach(ctx, r, notices.Place{Partner: r.param("partner"), Number: r.param("notice")})
}

func (w *Web) listReceived(ctx context.Context, r request) (reply, error) {
	v := noticeList{host: true, today: portal.DateOf(w.db.Now())}
	v.filter, v.address = noticeFilter("/received-notices", r.query, true)
	err := w.db.AcrossPartners(ctx, r.by, portal.NoticesManage, func(tx *portal.Tx) (err error) { v.given, err = notices.Received(ctx, tx, v.filter); return err })
	if err != nil {
		return reply{}, err
	}
	r.shell.Title = "Notices from partners"
	r.shell.stand("/partner-notices")
	return reply{page: GivenNoticesPage(r.shell, v)}, nil
}

func (w *Web) showReceived(ctx context.Context, r request) (reply, error) {
	return w.givenNotice(ctx, r, true, noticeForm{})
}

// forNotices is a transaction of the host's staff who manage notices.
func (w *Web) forNotices(ctx context.Context, r request) func(g func(tx *portal.Tx) error) error {
	return func(g func(tx *portal.Tx) error) error {
		return w.db.AcrossPartners(ctx, r.by, portal.NoticesManage, g)
	}
}

func (w *Web) answerReceived(ctx context.Context, r request) (reply, error) {
	to, err := w.onceIn(ctx, r, w.forNotices(ctx, r), func(tx *portal.Tx) (string, error) {
		_, err := notices.ReplyToGiven(ctx, tx, r.param("partner"), r.param("number"), saidIn(r.form))
		return "/received-notices/" + url.PathEscape(r.param("partner")) + "/" + url.PathEscape(r.param("number")), err
	})
	if says := portal.Says(err); err != nil && says.Kind == portal.Invalid && says.On("Idempotency-Key") == "" {
		return w.givenNotice(ctx, r, true, noticeForm{r.form, says})
	}
	return reply{to: to, flash: &Flash{Tone: Good, Title: "The partner has your answer"}}, err
}

func (w *Web) addReceivedFiles(ctx context.Context, r request) (reply, error) {
	p := notices.Place{Partner: r.param("partner"), Number: r.param("number"), Given: true}
	return w.attach(ctx, r, p, "/received-notices/"+url.PathEscape(p.Partner)+"/"+url.PathEscape(p.Number), func(f noticeForm) (reply, error) { return w.givenNotice(ctx, r, true, f) })
}

func (w *Web) takeReceivedFile(ctx context.Context, r request) (reply, error) {
	return w.detach(ctx, r, notices.Place{Partner: r.param("partner"), Number: r.param("number"), Given: true})
}

// A policyPage is what the page of the clocks agreed with a partner shows.
type policyPage struct {
	notices.Agreed
	form noticeForm
}

func (v policyPage) days(name string, agreed int) string {
	if v.form.typed != nil {
		return v.form.get(name)
	}
	return strconv.Itoa(agreed)
}

func (w *Web) showNoticePolicy(ctx context.Context, r request) (reply, error) {
	return w.noticePolicy(ctx, r, noticeForm{})
}

func (w *Web) noticePolicy(ctx context.Context, r request, form noticeForm) (reply, error) {
	v := policyPage{form: form}
	err := w.db.AcrossPartners(ctx, r.by, portal.NoticesManage, func(tx *portal.Tx) (err error) {
		v.Agreed, err = notices.PolicyWith(ctx, tx, r.param("partner"))
		return err
	})
	if err != nil {
		return reply{}, err
	}
	r.shell.Title = Said(ctx, "Clocks with %s", v.PartnerName)
	r.shell.stand("/partner-notices")
	status := 0
	if form.fault != nil {
		r.shell.Error = form.shown(ctx)
		status = r.shell.Error.Status
	}
	return reply{status: status, page: NoticePolicyPage(r.shell, v)}, nil
}

func (w *Web) setNoticePolicy(ctx context.Context, r request) (reply, error) {
	days := func(name string) int {
		n, err := strconv.Atoi(strings.TrimSpace(r.form.Get(name)))
		if err != nil {
			return -1
		}
		return n
	}
	to, err := w.onceIn(ctx, r, w.forNotices(ctx, r), func(tx *portal.Tx) (string, error) {
		return "/notice-policies/" + url.PathEscape(r.param("partner")), notices.SetPolicy(ctx, tx, r.param("partner"), notices.Policy{AcknowledgeDays: days("acknowledge_days"), NoticeDays: days("notice_days")})
	})
	if says := portal.Says(err); err != nil && says.Kind == portal.Invalid && says.On("Idempotency-Key") == "" {
		return w.noticePolicy(ctx, r, noticeForm{r.form, says})
	}
	return reply{to: to, flash: &Flash{Tone: Good, Title: "The clocks hold from now on"}}, err
}
