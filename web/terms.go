package web

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"extranet/portal"
	"extranet/portal/host"
)

// held returns Forbidden while the caller has yet to accept terms; the terms themselves are let through.
func (w *Web) held(ctx context.Context, by portal.Caller, path string) error {
	if path == "/terms" || strings.HasPrefix(path, "/terms/") {
		return nil
	}
	return w.board.Held(ctx, by)
}

// A termsView is what somebody is to accept, and where they wanted to go.
type termsView struct {
	list   []host.Mine
	next   string
	person bool
	send   string     // where what was typed goes once they accept; "" = nothing was posted
	typed  url.Values // that
	lost   bool       // a file was posted that cannot be kept
}

func (w *Web) showTerms(ctx context.Context, r request) (reply, error) {
	return w.termsPage(ctx, r, termsView{next: localPath(r.query.Get("next"))})
}

// keptAtMost is how many bytes of what was typed a page holds until the terms are accepted.
const keptAtMost = 1 << 20

// hold shows the terms in place of doing what was posted, and keeps what was typed: accepting them sends it on. A file cannot be kept; they are told.
func (w *Web) hold(ctx context.Context, r request) (reply, error) {
	v := termsView{send: localPath(r.shell.Path), typed: r.form, lost: r.files != nil && len(r.files.File) > 0}
	size := 0
	for _, values := range r.form {
		for _, value := range values {
			size += len(value)
			v.lost = v.lost || !utf8.ValidString(value)
		}
	}
	if v.lost = v.lost || size > keptAtMost; v.lost {
		v.send, v.typed, v.next = "", nil, r.back
	}
	a, err := w.termsPage(ctx, r, v)
	a.status = http.StatusForbidden
	return a, err
}

func (w *Web) termsPage(ctx context.Context, r request, v termsView) (reply, error) {
	v.person = r.by.PersonID != uuid.Nil
	var err error
	if v.list, err = w.board.Mine(ctx, r.by); err != nil {
		return reply{}, err
	}
	open, err := w.board.Open(ctx, r.by)
	if err != nil {
		return reply{}, err
	}
	r.shell.Title = "Terms (of use)"
	if open != nil { // the terms alone
		r.shell.Nav, r.shell.Search = nil, false
	}
	return reply{page: TermsPage(r.shell, v)}, nil
}

func version(text string) int64 { n, _ := strconv.ParseInt(text, 10, 64); return n }

func (w *Web) acceptTerms(ctx context.Context, r request) (reply, error) {
	if send := r.query.Get("send"); send != "" { // the form is another page's, with its own key, and goes there now
		err := w.db.Do(ctx, r.by, func(tx *portal.Tx) error { return w.board.Accept(ctx, tx, version(r.param("version"))) })
		return reply{status: http.StatusTemporaryRedirect, to: localPath(send)}, err
	}
	to, err := w.once(ctx, r, func(tx *portal.Tx) (string, error) {
		return localPath(r.form.Get("next")), w.board.Accept(ctx, tx, version(r.param("version")))
	})
	return reply{to: to, flash: &Flash{Good, "Accepted", ""}}, err
}

// A publishedView lists the versions of terms.
type publishedView struct {
	list []host.Terms
	may  bool
}

func (w *Web) listPublished(ctx context.Context, r request) (reply, error) {
	v := publishedView{may: r.by.Perms.Has(portal.NewsManage)}
	err := w.db.AcrossPartners(ctx, r.by, mayLook(r.by), func(tx *portal.Tx) (err error) { v.list, err = host.Published(ctx, tx); return err })
	if err != nil {
		return reply{}, err
	}
	r.shell.Title = "Terms (of use)"
	return reply{page: PublishedPage(r.shell, v)}, nil
}

// A publishForm is a version of terms as it was typed.
type publishForm struct {
	host.Terms
	day   string
	fault *portal.Error
}

func (w *Web) newPublished(ctx context.Context, r request) (reply, error) {
	return w.publishForm(ctx, r, publishForm{day: w.db.Now().UTC().AddDate(0, 0, 14).Format(minute)})
}

func (w *Web) publishForm(ctx context.Context, r request, f publishForm) (reply, error) {
	if err := w.db.AcrossPartners(ctx, r.by, portal.NewsManage, func(*portal.Tx) error { return nil }); err != nil {
		return reply{}, err
	}
	r.shell.Title, r.shell.Error = "New terms", faulty(ctx, f.fault)
	a := reply{page: PublishFormPage(r.shell, f)}
	if f.fault != nil {
		a.status = statuses[f.fault.Kind]
	}
	return a, nil
}

func (w *Web) publishTerms(ctx context.Context, r request) (reply, error) {
	f := publishForm{day: r.form.Get("in_force"), Terms: host.Terms{Title: r.form.Get("title"), Words: r.form.Get("words"), Side: r.form.Get("side")}}
	to, err := w.onceIn(ctx, r, w.acrossFor(ctx, r, portal.NewsManage), func(tx *portal.Tx) (_ string, err error) {
		if f.InForce, err = typedMoment("in_force", f.day); err != nil {
			return "", err
		}
		_, err = host.Publish(ctx, tx, f.Terms)
		return "/published-terms", err
	})
	if err != nil && mendable(err, &f.fault) {
		return w.publishForm(ctx, r, f)
	}
	return reply{to: to, flash: &Flash{Good, "Published", "From their time on, those they are for are let on only once they have accepted them."}}, err
}

// A publishedOne is a version of terms with who has accepted it.
type publishedOne struct {
	host.Terms
	knownTo
}

func (w *Web) showPublished(ctx context.Context, r request) (reply, error) {
	var v publishedOne
	err := w.db.AcrossPartners(ctx, r.by, mayLook(r.by), func(tx *portal.Tx) (err error) {
		if v.Terms, err = host.PublishedVersion(ctx, tx, version(r.param("version"))); err != nil {
			return err
		}
		v.list, v.next, err = host.Acceptances(ctx, tx, v.Version, r.query.Get("cursor"))
		return err
	})
	if err != nil {
		return reply{}, err
	}
	r.shell.Title = Verbatim(v.Title)
	return reply{page: PublishedOnePage(r.shell, v)}, nil
}

func publishedPath(version int64) string {
	return "/published-terms/" + strconv.FormatInt(version, 10)
}
