package web

import (
	"context"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"extranet/portal"
	"extranet/portal/paper"
	"extranet/portal/partners"
	"extranet/portal/sheet"
)

// A campaignForm is a review as it was typed.
type campaignForm struct {
	partners.Campaign
	due, days, numbers string
	programmes         []partners.Programme
	roles              []partners.RoleChoice
	fault              *portal.Error
}

// A campaignsView lists the host's reviews.
type campaignsView struct {
	list []partners.Campaign
	may  bool
}

// mayReview is the right by which the caller reads reviews: holding them, or reading the log.
func mayReview(by portal.Caller) portal.Permission {
	if by.Perms.Has(portal.AuditRead) && !by.Perms.Has(portal.ReviewsManage) {
		return portal.AuditRead
	}
	return portal.ReviewsManage
}

func (w *Web) listCampaigns(ctx context.Context, r request) (reply, error) {
	v := campaignsView{may: r.by.Perms.Has(portal.ReviewsManage)}
	err := w.db.AcrossPartners(ctx, r.by, mayReview(r.by), func(tx *portal.Tx) (err error) {
		v.list, err = partners.Campaigns(ctx, tx)
		return err
	})
	if err != nil {
		return reply{}, err
	}
	r.shell.Title = "Reviews of access"
	return reply{page: CampaignsPage(r.shell, v)}, nil
}

func (w *Web) newCampaign(ctx context.Context, r request) (reply, error) {
	return w.campaignForm(ctx, r, campaignForm{Campaign: partners.Campaign{Reviewers: "partner"}, due: w.db.Now().UTC().AddDate(0, 0, 21).Format(time.DateOnly), days: "7, 1"})
}

func (w *Web) campaignForm(ctx context.Context, r request, f campaignForm) (reply, error) {
	err := w.db.AcrossPartners(ctx, r.by, portal.ReviewsManage, func(tx *portal.Tx) (err error) {
		if f.programmes, err = partners.Programmes(ctx, tx); err != nil {
			return err
		}
		f.roles, err = partners.PartnerRoles(ctx, tx)
		return err
	})
	if err != nil {
		return reply{}, err
	}
	r.shell.Title, r.shell.Error = "New review", faulty(ctx, f.fault)
	a := reply{page: CampaignFormPage(r.shell, f)}
	if f.fault != nil {
		a.status = statuses[f.fault.Kind]
	}
	return a, nil
}

func listed(text string) []string {
	return strings.FieldsFunc(text, func(c rune) bool { return c == ',' || c == ';' || c == ' ' || c == '\n' || c == '\r' || c == '\t' })
}

func (f *campaignForm) read(form url.Values) error {
	f.due, f.days, f.numbers = form.Get("due"), form.Get("remind_days"), form.Get("numbers")
	f.Campaign = partners.Campaign{Title: form.Get("title"), Words: strings.TrimSpace(form.Get("words")), Reviewers: form.Get("reviewers"), Kind: form.Get("kind"), Programme: form.Get("programme"), Roles: form["roles"], Numbers: listed(f.numbers)}
	day, err := time.Parse(time.DateOnly, f.due)
	if err != nil {
		return &portal.Error{Kind: portal.Invalid, Msg: "that is not a day", Fields: map[string]string{"due": "write it like 2026-03-31"}}
	}
	f.DueAt = day.UTC().Add(24 * time.Hour) // at the end of that day
	for _, d := range listed(f.days) {
		n, err := strconv.Atoi(d)
		if err != nil {
			return &portal.Error{Kind: portal.Invalid, Msg: "those are no days", Fields: map[string]string{"remind_days": "write days before the date, like 7, 1"}}
		}
		f.RemindDays = append(f.RemindDays, int64(n))
	}
	return nil
}

func (w *Web) startCampaign(ctx context.Context, r request) (reply, error) {
	var f campaignForm
	to, err := w.onceIn(ctx, r, w.acrossFor(ctx, r, portal.ReviewsManage), func(tx *portal.Tx) (string, error) {
		if err := f.read(r.form); err != nil {
			return "", err
		}
		c, err := partners.StartCampaign(ctx, tx, f.Campaign)
		return campaignPath(c.ID), err
	})
	if err != nil && mendable(err, &f.fault) {
		return w.campaignForm(ctx, r, f)
	}
	return reply{to: to, flash: &Flash{Good, "The review has begun", "Its reviewers are told. Whoever is not answered for by its date has no access any more."}}, err
}

func campaignPath(id uuid.UUID) string { return "/reviews/" + id.String() }

// A campaignView is one of the host's reviews, partner by partner.
type campaignView struct {
	partners.Campaign
	reviews []partners.Review
	by      portal.Caller
}

func (w *Web) showCampaign(ctx context.Context, r request) (reply, error) {
	v := campaignView{by: r.by}
	err := w.db.AcrossPartners(ctx, r.by, mayReview(r.by), func(tx *portal.Tx) (err error) {
		if v.Campaign, err = partners.CampaignOf(ctx, tx, idOf(r.param("id"))); err != nil {
			return err
		}
		v.reviews, err = partners.ReviewsIn(ctx, tx, v.ID)
		return err
	})
	if err != nil {
		return reply{}, err
	}
	r.shell.Title = Verbatim(v.Title)
	return reply{page: CampaignPage(r.shell, v)}, nil
}

var (
	evidenceHeader = []Words{"Partner", "Partner name", "Person", "Mail address", "Roles", "Sites", "Given by", "Given at (UTC)", "Answer", "Roles after", "Sites after", "By", "At (UTC)", "In words"}
	answerWords    = map[string]Words{"": "not answered", "keep": "keep", "change": "change", "end": "end", "lapse": "lapsed: nobody answered", "gone": "ended otherwise meanwhile"}
)

func sitesText(list []string) string {
	if list == nil {
		return "all"
	}
	return strings.Join(list, " ")
}

func stamp(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05")
}

// takeEvidence gives away what a review asked and what was answered.
func (w *Web) takeEvidence(kind string) handler {
	return func(ctx context.Context, r request) (reply, error) {
		f, err := w.evidenceFile(ctx, r.by, idOf(r.param("id")), kind)
		return reply{file: f}, err
	}
}

// Evidence makes the same file for the machines' door: pdf, xlsx or csv.
func (w *Web) Evidence(ctx context.Context, by portal.Caller, campaign uuid.UUID, format string) (paper.File, error) {
	f, err := w.evidenceFile(ctx, by, campaign, format)
	return f.paper(err)
}

func (w *Web) evidenceFile(ctx context.Context, by portal.Caller, campaign uuid.UUID, kind string) (*file, error) {
	leave, err := w.exports.take(by)
	if err != nil {
		return nil, err
	}
	defer leave()
	media := sheet.Kinds[kind]
	if kind == "pdf" {
		media = "application/pdf"
	}
	return newFile("review-"+w.db.Now().UTC().Format("20060102-1504")+"."+kind, media, func(out io.Writer) error {
		return w.db.AcrossPartners(ctx, by, mayReview(by), func(tx *portal.Tx) error {
			if kind == "pdf" {
				return w.evidencePaper(ctx, out, tx, by, campaign)
			}
			lines, err := sheet.NewWriter(out, kind, sheetName(T(ctx, "Review")), sayAll(ctx, evidenceHeader))
			if err != nil {
				return err
			}
			c, err := partners.Evidence(ctx, tx, campaign, kind, func(i partners.ReviewItem) error {
				after := ""
				if i.Verdict == "change" || i.Verdict == "keep" {
					after = sitesText(i.SitesAfter)
				}
				return lines.Row(i.Number, i.Partner, i.Name, i.Email, strings.Join(i.Roles, " "), sitesText(i.Sites), i.GrantedBy, stamp(&i.GrantedAt), T(ctx, answerWords[i.Verdict]), strings.Join(i.RolesAfter, " "), after, i.AnsweredBy, stamp(i.AnsweredAt), i.Words)
			})
			if err != nil {
				return err
			}
			if err := lines.About(aboutName(ctx), spell(ctx, append(campaignFacts(ctx, c), fact{"Exported by", by.Name}, fact{"Exported at", TimeText(ctx, w.db.Now())}))); err != nil {
				return err
			}
			return lines.Close()
		})
	})
}

func campaignFacts(ctx context.Context, c partners.Campaign) []fact {
	closed := T(ctx, "no")
	if c.ClosedAt != nil {
		closed = TimeText(ctx, *c.ClosedAt)
	}
	return []fact{{"Review", c.Title}, {"Scope", T(ctx, scopeText(ctx, c))}, {"Answered by", T(ctx, reviewerWords[c.Reviewers])}, {"Begun", T(ctx, "%s by %s", c.StartedAt, actorName(c.StartedBy))}, {"Due", TimeText(ctx, c.DueAt)}, {"Closed", closed},
		{"People", Count(ctx, c.All)}, {"Kept", Count(ctx, c.Kept)}, {"Changed", Count(ctx, c.Changed)}, {"Ended", Count(ctx, c.Ended)}, {"Lapsed", Count(ctx, c.Lapsed)}, {"Ended otherwise", Count(ctx, c.Gone)}, {"Not answered", Count(ctx, c.Open())}}
}

var reviewerWords = map[string]Words{"partner": "Each partner's administrators", "host": "The host's staff"}

func scopeText(ctx context.Context, c partners.Campaign) Words {
	kind := map[string]Words{"": "People of all partners", "dealer": "People of dealers", "supplier": "People of suppliers"}[c.Kind]
	programme, roles, numbers := "", "", ""
	if c.Programme != "" {
		programme = T(ctx, "of the programme %s", c.Programme)
	}
	if len(c.Roles) > 0 {
		roles = T(ctx, "who are %s", strings.Join(c.Roles, " / "))
	}
	if len(c.Numbers) > 0 {
		numbers = T(ctx, "at %s", strings.Join(c.Numbers, ", "))
	}
	return Verbatim(join(", ", T(ctx, kind), programme, roles, numbers))
}

func (w *Web) evidencePaper(ctx context.Context, out io.Writer, tx *portal.Tx, by portal.Caller, campaign uuid.UUID) error {
	doc := paper.A4(paper.Head{Title: T(ctx, "Review of access"), Language: localeOf(ctx).Code, From: w.host(ctx), At: tx.Now, Footer: T(ctx, "%s · taken away by %s", w.host(ctx), by.Name)})
	c, err := partners.CampaignOf(ctx, tx, campaign)
	if err != nil {
		return err
	}
	doc.Facts(spell(ctx, campaignFacts(ctx, c))...)
	doc.Gap(4)
	columns := []paper.Column{{Title: T(ctx, "Partner"), Width: 3}, {Title: T(ctx, "Person"), Width: 4}, {Title: T(ctx, "Roles and sites"), Width: 4}, {Title: T(ctx, "Answer"), Width: 3}, {Title: T(ctx, "By, at (UTC)"), Width: 3.4}, {Title: T(ctx, "In words"), Width: 3}}
	err = doc.Table(columns, func(add func(...string)) error {
		_, err := partners.Evidence(ctx, tx, c.ID, "pdf", func(i partners.ReviewItem) error {
			verdict := T(ctx, answerWords[i.Verdict])
			if i.Verdict == "change" {
				verdict = T(ctx, "%s to %s; %s", verdict, strings.Join(i.RolesAfter, ", "), sitesText(i.SitesAfter))
			}
			add(i.Partner+" ("+i.Number+")", i.Name+", "+i.Email, roleNames(ctx, i.Roles)+"; "+sitesText(i.Sites), verdict, join(", ", actorName(i.AnsweredBy), stamp(i.AnsweredAt)), i.Words)
			return nil
		})
		return err
	})
	if err != nil {
		return err
	}
	return doc.Write(out)
}

// A reviewView is what a review asks at one partner.
type reviewView struct {
	whose
	partners.Review
	items   []partners.ReviewItem
	sites   sites
	choices []partners.RoleChoice
	by      portal.Caller
	typed   url.Values
	fault   *portal.Error
	now     time.Time
}

// answers reports whether the caller may answer here at all.
func (v reviewView) answers() bool {
	return v.ClosedAt == nil && v.now.Before(v.DueAt) && (v.Reviewers == "partner" || v.by.Host && v.by.Perms.Has(portal.ReviewsManage))
}

func (v reviewView) answersFor(i partners.ReviewItem) bool {
	return v.answers() && i.PersonID != v.by.PersonID && i.Verdict != "end" && i.Verdict != "gone"
}

// chosen is what is chosen for somebody: as typed, else as answered.
func (v reviewView) chosen(i partners.ReviewItem) string {
	if v.typed != nil {
		return v.typed.Get("verdict-" + i.PersonID.String())
	}
	return i.Verdict
}

func (v reviewView) words(i partners.ReviewItem) string {
	if v.typed != nil {
		return v.typed.Get("words-" + i.PersonID.String())
	}
	return i.Words
}

func (v reviewView) rolesOf(i partners.ReviewItem) []string {
	if v.typed != nil {
		return v.typed["roles-"+i.PersonID.String()]
	}
	if i.Verdict == "change" {
		return i.RolesAfter
	}
	return i.Roles
}

func (v reviewView) reviewPath() string { return "/people/reviews/" + v.Campaign.String() }

func (w *Web) listReviews(ctx context.Context, r request) (reply, error) {
	var list []partners.Review
	var at whose
	err := w.at(ctx, r, portal.PeopleManage, func(tx *portal.Tx, o whose) (err error) {
		at = o
		if list, err = partners.ReviewsOf(ctx, tx, o.ID); err != nil {
			return err
		}
		return partners.Looked(ctx, tx, o.ID, "reviews of access")
	})
	if err != nil {
		return reply{}, err
	}
	r.shell.Title = "Reviews of access"
	return reply{page: ReviewsPage(r.shell, at, list)}, nil
}

func (w *Web) showReview(ctx context.Context, r request) (reply, error) {
	return w.reviewPage(ctx, r, reviewView{})
}

func (w *Web) reviewPage(ctx context.Context, r request, v reviewView) (reply, error) {
	v.by, v.now = r.by, w.db.Now()
	err := w.at(ctx, r, portal.PeopleManage, func(tx *portal.Tx, o whose) (err error) {
		v.whose = o
		if v.Review, err = partners.ReviewAt(ctx, tx, o.ID, idOf(r.param("id"))); err != nil {
			return err
		}
		if v.items, err = partners.ReviewItems(ctx, tx, o.ID, v.Campaign); err != nil {
			return err
		}
		if v.sites, err = sitesAt(ctx, tx, o.ID); err != nil {
			return err
		}
		if v.choices, err = partners.RoleChoices(ctx, tx, o.ID); err != nil {
			return err
		}
		return partners.Looked(ctx, tx, o.ID, "reviews of access")
	})
	if err != nil {
		return reply{}, err
	}
	r.shell.Title, r.shell.Error = Verbatim(v.Title), faulty(ctx, v.fault)
	a := reply{page: ReviewPage(r.shell, v)}
	if v.fault != nil {
		a.status = statuses[v.fault.Kind]
	}
	return a, nil
}

func (w *Web) answerReview(ctx context.Context, r request) (reply, error) {
	id := idOf(r.param("id"))
	said := 0
	to, err := w.onceAt(ctx, r, portal.PeopleManage, func(tx *portal.Tx, o whose) (string, error) {
		items, err := partners.ReviewItems(ctx, tx, o.ID, id)
		if err != nil {
			return "", err
		}
		var verdicts []partners.Verdict
		for name, values := range r.form {
			person, ok := strings.CutPrefix(name, "verdict-")
			if !ok || values[0] == "" {
				continue
			}
			v := partners.Verdict{Person: idOf(person), What: values[0], Words: strings.TrimSpace(r.form.Get("words-" + person)), Change: partners.Change{Roles: r.form["roles-"+person]}}
			i := slices.IndexFunc(items, func(i partners.ReviewItem) bool { return i.PersonID == v.Person })
			if i >= 0 && items[i].Verdict == v.What && items[i].Words == v.Words && v.What != "change" { // as it was
				continue
			}
			if i >= 0 {
				v.Change.Sites = items[i].Sites
			}
			verdicts = append(verdicts, v)
		}
		slices.SortFunc(verdicts, func(a, b partners.Verdict) int { return strings.Compare(a.Person.String(), b.Person.String()) })
		said = len(verdicts)
		return o.path("/people/reviews/" + id.String()), partners.Answer(ctx, tx, o.ID, id, verdicts)
	})
	v := reviewView{typed: r.form}
	if err != nil && r.by.Perms.Has(portal.PeopleManage) && (mendable(err, &v.fault) || portal.Says(err).Kind == portal.Forbidden && r.form.Get("once") != "") {
		if v.fault == nil {
			v.fault = &portal.Error{Kind: portal.Forbidden, Msg: portal.Says(err).Msg}
		}
		return w.reviewPage(ctx, r, v)
	}
	return reply{to: to, flash: &Flash{Good, "Answered", Said(ctx, "For %d people.", said)}}, err
}
