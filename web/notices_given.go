package web

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"strings"

	"extranet/portal"
	"extranet/portal/notices"
)

func givenPath(number int64) string { return "/given-notices/" + strconv.FormatInt(number, 10) }

func (w *Web) listGiven(ctx context.Context, r request) (reply, error) {
	v := noticeList{today: portal.DateOf(w.db.Now()), may: r.by.Perms.Has(portal.NoticesAnswer)}
	v.filter, v.address = noticeFilter("/given-notices", r.query, false)
	if err := w.db.Do(ctx, r.by, func(tx *portal.Tx) (err error) { v.given, err = notices.GivenBy(ctx, tx, v.filter); return err }); err != nil {
		return reply{}, err
	}
	r.shell.Title = "Notices given"
	r.shell.stand("/notices")
	return reply{page: GivenNoticesPage(r.shell, v)}, nil
}

func (w *Web) newNotice(ctx context.Context, r request) (reply, error) {
	return w.noticeToGive(ctx, r, noticeForm{typed: r.query})
}

// noticeToGive answers with the form of a new notice, as it was typed.
func (w *Web) noticeToGive(ctx context.Context, r request, form noticeForm) (reply, error) {
	if err := r.by.Need(portal.NoticesAnswer); err != nil {
		return reply{}, err
	}
	r.shell.Title = "Give notice"
	r.shell.stand("/notices")
	status := 0
	if form.fault != nil {
		r.shell.Error = form.shown(ctx)
		status = r.shell.Error.Status
	}
	return reply{status: status, page: NewNoticePage(r.shell, form)}, nil
}

// A givenPage is what the page of a notice that a partner gave shows, to the partner or to the host's staff.
type givenPage struct {
	notices.GivenDetail
	fresh  Freshness
	may    bool // give it anew, or for the host's staff answer it
	host   bool
	taken  bool
	today  portal.Date
	path   string
	trail  []Link
	form   noticeForm // as it was typed
	anew   url.Values // the notice as a form
	posted []portal.Posted
}

func (w *Web) givenNotice(ctx context.Context, r request, host bool, form noticeForm) (reply, error) {
	v := givenPage{today: portal.DateOf(w.db.Now()), host: host, taken: w.files != nil, may: r.by.Perms.Has(portal.NoticesAnswer), form: form,
		path: "/given-notices/" + url.PathEscape(r.param("number")), trail: []Link{{Label: "Engineering changes", Href: "/notices"}, {Label: "Given by us", Href: "/given-notices"}}}
	var err error
	if host {
		v.may, v.path = true, "/received-notices/"+url.PathEscape(r.param("partner"))+"/"+url.PathEscape(r.param("number"))
		v.trail = []Link{{Label: "Engineering changes", Href: "/partner-notices"}, {Label: "From partners", Href: "/received-notices"}}
		err = w.db.AcrossPartners(ctx, r.by, portal.NoticesManage, func(tx *portal.Tx) (err error) {
			v.GivenDetail, err = notices.GetReceived(ctx, tx, r.param("partner"), r.param("number"))
			return err
		})
	} else {
		err = w.db.Do(ctx, r.by, func(tx *portal.Tx) (err error) {
			if v.GivenDetail, err = notices.GetGiven(ctx, tx, r.param("number")); err != nil {
				return err
			}
			v.posted, err = portal.Outgoing(ctx, tx, "given-notices/"+strconv.FormatInt(v.Number, 10))
			return err
		})
	}
	if err != nil {
		if form.fault != nil {
			err = errors.Join(err, form.fault)
		}
		return reply{}, err
	}
	if v.fresh, err = w.fresh(ctx, "forecasts", "purchase_orders", "supplier_inventory"); err != nil {
		return reply{}, err
	}
	if v.anew = form.typed; v.anew == nil {
		v.anew = noticeValues(v.Given)
	}
	r.shell.Title, r.shell.Error = Said(ctx, "Notice %s", strconv.FormatInt(v.Number, 10)), nil
	if host {
		r.shell.stand("/partner-notices")
	} else {
		r.shell.stand("/notices")
	}
	status := 0
	if form.fault != nil {
		r.shell.Error = form.shown(ctx)
		status = r.shell.Error.Status
	}
	return reply{status: status, page: GivenNoticePage(r.shell, v)}, nil
}

func (w *Web) showGiven(ctx context.Context, r request) (reply, error) {
	return w.givenNotice(ctx, r, false, noticeForm{})
}

// itemColumns are what a line of the form's list of products holds, one after the other.
const itemColumns = "number; old revision; new revision; from day; first lot; first serial; replacement"

// itemsIn reads the list of products of a form: a line each, as it is typed with semicolons or pasted from a spreadsheet.
func itemsIn(text string) (items []notices.GivenItem) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		by := ";"
		if strings.Contains(line, "\t") {
			by = "\t"
		}
		parts := append(strings.Split(line, by), make([]string, 7)...)
		for i := range parts {
			parts[i] = strings.TrimSpace(parts[i])
		}
		items = append(items, notices.GivenItem{Product: parts[0], RevisionFrom: parts[1], RevisionTo: parts[2], EffectiveOn: portal.Date(parts[3]), Lot: parts[4], Serial: parts[5], Replacement: parts[6]})
	}
	return items
}

// noticeValues is a notice as its form shows it.
func noticeValues(g notices.Given) url.Values {
	var lines []string
	for _, i := range g.Items {
		day := string(i.EffectiveOn)
		if i.EffectiveOn == g.EffectiveOn {
			day = ""
		}
		lines = append(lines, strings.TrimRight(strings.Join([]string{i.Product, i.RevisionFrom, i.RevisionTo, day, i.EffectiveLot, i.EffectiveSerial, i.Replacement}, "; "), "; "))
	}
	return url.Values{"kind": {g.Kind}, "title": {g.Title}, "description": {g.Description}, "effective_on": {string(g.EffectiveOn)}, "first_ship_on": {string(g.FirstShipOn)},
		"last_buy_on": {string(g.LastBuyOn)}, "last_ship_on": {string(g.LastShipOn)}, "items": {strings.Join(lines, "\n")}}
}

// noticeIn reads a notice out of a form.
func noticeIn(form url.Values) notices.Notice {
	f := func(name string) string { return strings.TrimSpace(form.Get(name)) }
	return notices.Notice{Kind: f("kind"), Title: f("title"), Description: f("description"), EffectiveOn: portal.Date(f("effective_on")), FirstShipOn: portal.Date(f("first_ship_on")),
		LastBuyOn: portal.Date(f("last_buy_on")), LastShipOn: portal.Date(f("last_ship_on")), Withdrawn: f("withdrawn") != "", Items: itemsIn(form.Get("items"))}
}

func (w *Web) giveNotice(ctx context.Context, r request) (reply, error) {
	if err := r.by.Need(portal.NoticesAnswer); err != nil {
		return reply{}, err
	}
	to, err := w.once(ctx, r, func(tx *portal.Tx) (string, error) {
		g, err := notices.Give(ctx, tx, noticeIn(r.form))
		return givenPath(g.Number), err
	})
	if says := portal.Says(err); err != nil && says.Kind == portal.Invalid {
		return w.noticeToGive(ctx, r, noticeForm{r.form, says})
	}
	return reply{to: to, flash: &Flash{Tone: Good, Title: "The host has your notice"}}, err
}

func (w *Web) giveAnew(ctx context.Context, r request) (reply, error) {
	if err := r.by.Need(portal.NoticesAnswer); err != nil {
		return reply{}, err
	}
	to, err := w.once(ctx, r, func(tx *portal.Tx) (string, error) {
		d, err := notices.GetGiven(ctx, tx, r.param("number"))
		if err != nil {
			return "", err
		}
		n := noticeIn(r.form)
		if n.Number = d.Number; n.Withdrawn { // as it stands
			n = noticeIn(noticeValues(d.Given))
			n.Number, n.Withdrawn = d.Number, true
		}
		_, err = notices.Give(ctx, tx, n)
		return givenPath(d.Number), err
	})
	if says := portal.Says(err); err != nil && says.Kind == portal.Invalid {
		return w.givenNotice(ctx, r, false, noticeForm{r.form, says})
	}
	return reply{to: to, flash: &Flash{Tone: Good, Title: "The host has the new revision"}}, err
}

func (w *Web) addGivenFiles(ctx context.Context, r request) (reply, error) {
	return w.attach(ctx, r, notices.Place{Number: r.param("number"), Given: true}, "/given-notices/"+url.PathEscape(r.param("number")), func(f noticeForm) (reply, error) { return w.givenNotice(ctx, r, false, f) })
}

func (w *Web) takeGivenFile(ctx context.Context, r request) (reply, error) {
	return w.detach(ctx, r, notices.Place{Number: r.param("number"), Given: true})
}
