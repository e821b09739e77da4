package web

import (
	"context"
	"slices"
	"strings"
	"time"

	"extranet/portal"
	"extranet/portal/host"
	"extranet/portal/partners"
)

// toldTo lists what the host tells the caller now.
func (w *Web) toldTo(ctx context.Context, by portal.Caller) (list []host.Told, err error) {
	err = w.db.Do(ctx, by, func(tx *portal.Tx) (err error) { list, err = w.board.Told(ctx, tx); return err })
	return list, err
}

// unread are those that the person has yet to read.
func unread(list []host.Told) []host.Told {
	return slices.DeleteFunc(slices.Clone(list), func(a host.Told) bool { return a.ReadAt != nil })
}

func (w *Web) listAnnouncements(ctx context.Context, r request) (reply, error) {
	list, err := w.toldTo(ctx, r.by)
	if err != nil {
		return reply{}, err
	}
	r.shell.Title = "Announcements"
	return reply{page: AnnouncementsPage(r.shell, list, !r.by.Viewing && !r.by.Host)}, nil
}

func (w *Web) readAnnouncement(ctx context.Context, r request) (reply, error) {
	to, err := w.once(ctx, r, func(tx *portal.Tx) (string, error) {
		return "/announcements", w.board.Read(ctx, tx, idOf(r.param("id")))
	})
	return reply{to: to}, err
}

// mayLook is the right by which the caller sees what was announced: announcing, or reading the log.
func mayLook(by portal.Caller) portal.Permission {
	if by.Perms.Has(portal.AuditRead) && !by.Perms.Has(portal.NewsManage) {
		return portal.AuditRead
	}
	return portal.NewsManage
}

func (w *Web) listAnnounced(ctx context.Context, r request) (reply, error) {
	var list []host.Made
	err := w.db.AcrossPartners(ctx, r.by, mayLook(r.by), func(tx *portal.Tx) (err error) {
		list, err = host.AllAnnounced(ctx, tx)
		return err
	})
	if err != nil {
		return reply{}, err
	}
	r.shell.Title = "Announcements"
	return reply{page: AnnouncedPage(r.shell, list, r.by.Perms.Has(portal.NewsManage), w.db.Now())}, nil
}

// An announcementForm is an announcement as it was typed.
type announcementForm struct {
	host.Announcement
	from, to string
	choices  []partners.Programme
	fault    *portal.Error
}

// minute is how browsers write a moment in a form.
const minute = "2006-01-02T15:04"

func (w *Web) newAnnouncement(ctx context.Context, r request) (reply, error) {
	now := w.db.Now().UTC()
	return w.announcementForm(ctx, r, announcementForm{Announcement: host.Announcement{Kind: "news"}, from: now.Format(minute), to: now.AddDate(0, 0, 14).Format(minute)})
}

func (w *Web) announcementForm(ctx context.Context, r request, f announcementForm) (reply, error) {
	err := w.db.AcrossPartners(ctx, r.by, portal.NewsManage, func(tx *portal.Tx) (err error) {
		if r.by.Perms.Has(portal.PartnersRead) {
			f.choices, err = partners.Programmes(ctx, tx)
		}
		return err
	})
	if err != nil {
		return reply{}, err
	}
	r.shell.Title, r.shell.Error = "New announcement", faulty(ctx, f.fault)
	a := reply{page: AnnouncementFormPage(r.shell, f)}
	if f.fault != nil {
		a.status = statuses[f.fault.Kind]
	}
	return a, nil
}

// typedMoment reads a moment of a form, UTC; what cannot be read is Invalid.
func typedMoment(field, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{minute, time.DateOnly, "2006-01-02T15:04:05"} {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UTC(), nil
		}
	}
	return time.Time{}, &portal.Error{Kind: portal.Invalid, Msg: "that is not a time", Fields: map[string]string{field: "write it like 2026-03-31T18:00"}}
}

func (w *Web) announce(ctx context.Context, r request) (reply, error) {
	f := announcementForm{from: r.form.Get("from"), to: r.form.Get("to"), Announcement: host.Announcement{Kind: r.form.Get("kind"), Title: r.form.Get("title"), Words: r.form.Get("words"), Side: r.form.Get("side"), Programmes: r.form["programmes"]}}
	to, err := w.onceIn(ctx, r, w.acrossFor(ctx, r, portal.NewsManage), func(tx *portal.Tx) (_ string, err error) {
		if f.From, err = typedMoment("from", f.from); err != nil {
			return "", err
		}
		if f.To, err = typedMoment("to", f.to); err != nil {
			return "", err
		}
		a, err := host.Announce(ctx, tx, f.Announcement)
		return announcedPath(a), err
	})
	if err != nil && mendable(err, &f.fault) {
		return w.announcementForm(ctx, r, f)
	}
	return reply{to: to, flash: &Flash{Good, "Announced", "Those it is for see it from its time on."}}, err
}

func announcedPath(a host.Announcement) string { return "/announced/" + a.ID.String() }

// A knownTo is who read an announcement, or accepted terms, page by page.
type knownTo struct {
	list []host.Reader
	next string
}

// An announcedView is one announcement as the host sees it.
type announcedView struct {
	host.Made
	knownTo
	may bool
	now time.Time
}

func (w *Web) showAnnounced(ctx context.Context, r request) (reply, error) {
	v := announcedView{may: r.by.Perms.Has(portal.NewsManage), now: w.db.Now()}
	err := w.db.AcrossPartners(ctx, r.by, mayLook(r.by), func(tx *portal.Tx) (err error) {
		if v.Made, err = host.Announced(ctx, tx, idOf(r.param("id"))); err != nil {
			return err
		}
		v.list, v.next, err = host.Readers(ctx, tx, v.ID, r.query.Get("cursor"))
		return err
	})
	if err != nil {
		return reply{}, err
	}
	r.shell.Title = Verbatim(v.Title)
	return reply{page: AnnouncedOnePage(r.shell, v)}, nil
}

func (w *Web) withdrawAnnouncement(ctx context.Context, r request) (reply, error) {
	to, err := w.onceIn(ctx, r, w.acrossFor(ctx, r, portal.NewsManage), func(tx *portal.Tx) (string, error) {
		id := idOf(r.param("id"))
		return "/announced/" + id.String(), host.Withdraw(ctx, tx, id)
	})
	return reply{to: to, flash: &Flash{Good, "Withdrawn", "Nobody is shown it any more."}}, err
}

// segmentText says for whom something is.
func segmentText(ctx context.Context, side string, programmes []string) string {
	text := T(ctx, map[string]Words{"": "All partners", "dealer": "Dealers", "supplier": "Suppliers"}[side])
	if len(programmes) > 0 {
		text += " · " + strings.Join(programmes, ", ")
	}
	return text
}

func announcementState(a host.Announcement, now time.Time) (Tone, Icon, Words) {
	switch {
	case a.WithdrawnAt != nil:
		return Neutral, IconCancelled, "Withdrawn"
	case a.On(now):
		return Good, IconOK, "Shown"
	case now.Before(a.From):
		return Info, IconWaiting, "To come"
	}
	return Neutral, IconTick, "Over"
}

// brandSheet is the style by which the host's colour is everywhere; the portal's own where it has none.
func (w *Web) brandSheet(ctx context.Context) (string, error) {
	h, err := w.board.All(ctx)
	if err != nil || h.Branding.Colour == "" {
		return "", err
	}
	b := h.Branding
	return ":root{--tblr-primary:" + b.Colour + ";--tblr-link-color:light-dark(" + b.Colour + "," + b.OnDark() + ");--tblr-link-hover-color:light-dark(" + b.Pressed() + "," + b.OnDark() + ");--focus:light-dark(" + b.Colour + "," + b.OnDark() + ")}\n" +
		".btn-primary,.btn-primary:hover{background:" + b.Colour + ";border-color:" + b.Colour + "}\n.btn-primary:hover,.btn-primary:focus-visible{background:" + b.Pressed() + "}\n", nil
}

const keptForLong = "public, max-age=31536000, immutable" // the address changes with what is there
