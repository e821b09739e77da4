package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"extranet/portal"
	"extranet/portal/partners"
)

func (d door) reviews(h huma.API) {
	const tag = "Reviews"
	huma.Register(h, operation("list-campaigns", http.MethodGet, "/reviews", tag, "List reviews of access", "For the host's staff who hold reviews, the latest first, with how far each is."), d.listCampaigns)
	huma.Register(h, deed("start-campaign", http.MethodPost, "/reviews", tag, "Begin a review of access",
		"For the host's staff. Everybody in its scope who has access now is asked about; whoever is not answered for by its date has none any more, and their sessions and tokens end.", true), d.startCampaign)
	evidence := paperOperation("take-evidence", "/reviews/{id}/evidence/{format}", tag, "Take the evidence of a review", "For the host's staff who hold reviews or read the audit: everybody who was asked about, with what was answered, by whom and when. A PDF of more than 20,000 people is a Conflict.", "pdf", "xlsx", "csv")
	evidence.Errors = append(evidence.Errors, http.StatusConflict)
	huma.Register(h, evidence, d.takeEvidence)
	huma.Register(h, operation("list-reviews", http.MethodGet, "/people/reviews", tag, "List what is asked at a partner", "What is open first."), d.listReviews)
	huma.Register(h, operation("get-review", http.MethodGet, "/people/reviews/{id}", tag, "Look at a review at a partner", "Person by person, with what was answered."), d.getReview)
	huma.Register(h, deed("answer-review", http.MethodPost, "/people/reviews/{id}/answer", tag, "Answer a review", "Keep, change or end, for some or all of its people: all of these answers are taken or none.", false), d.answerReview)
}

type progress struct {
	People  int `json:"people"`
	Kept    int `json:"kept"`
	Changed int `json:"changed"`
	Ended   int `json:"ended"`
	Lapsed  int `json:"lapsed" doc:"Nobody answered by the date"`
	Gone    int `json:"gone" doc:"Whose access ended otherwise meanwhile"`
	Open    int `json:"open" doc:"Not answered"`
}

func progressOf(p partners.Progress) progress {
	return progress{p.All, p.Kept, p.Changed, p.Ended, p.Lapsed, p.Gone, p.Open()}
}

type campaign struct {
	ID        uuid.UUID  `json:"id"`
	Title     string     `json:"title"`
	Words     string     `json:"words" doc:"What reviewers are told"`
	Reviewers string     `json:"reviewers" enum:"partner,host"`
	Kind      string     `json:"kind" enum:",dealer,supplier" doc:"Whose people; empty = of all partners"`
	Programme string     `json:"programme" doc:"empty = any"`
	Roles     []string   `json:"roles" doc:"People who hold any of these; empty = whatever they hold"`
	Partners  []string   `json:"partners" doc:"Account numbers; empty = all"`
	DueAt     time.Time  `json:"due_at"`
	StartedBy string     `json:"started_by"`
	StartedAt time.Time  `json:"started_at"`
	ClosedAt  *time.Time `json:"closed_at" doc:"null = under way"`
	Progress  progress   `json:"progress"`
}

func campaignOf(c partners.Campaign) campaign {
	return campaign{c.ID, c.Title, c.Words, c.Reviewers, c.Kind, c.Programme, orEmpty(c.Roles), orEmpty(c.Numbers), c.DueAt, c.StartedBy, c.StartedAt, c.ClosedAt, progressOf(c.Progress)}
}

type campaignList struct {
	Items []campaign `json:"items"`
}

func (d door) listCampaigns(ctx context.Context, in *struct{ Conditional }) (*plain[campaignList], error) {
	need := portal.ReviewsManage
	if by := callerOf(ctx); by.Perms.Has(portal.AuditRead) && !by.Perms.Has(need) {
		need = portal.AuditRead
	}
	return forHost(ctx, d, need, in.Conditional, func(tx *portal.Tx) (campaignList, error) {
		list, err := partners.Campaigns(ctx, tx)
		out := campaignList{Items: []campaign{}}
		for _, c := range list {
			out.Items = append(out.Items, campaignOf(c))
		}
		return out, err
	})
}

type startCampaignInput struct {
	Keyed
	Body struct {
		Title      string    `json:"title" minLength:"3" maxLength:"100"`
		Words      string    `json:"words,omitempty" maxLength:"2000" doc:"What reviewers are told"`
		Reviewers  string    `json:"reviewers" enum:"partner,host" doc:"partner: each partner's administrators, and the host's staff beside them; host: the host's staff alone"`
		Kind       string    `json:"kind,omitempty" enum:"dealer,supplier" doc:"Whose people; of all partners when left out"`
		Programme  string    `json:"programme,omitempty" maxLength:"60"`
		Roles      []string  `json:"roles,omitempty" maxItems:"50" doc:"People who hold any of these; whatever they hold when left out"`
		Partners   []string  `json:"partners,omitempty" maxItems:"500" doc:"Account numbers; all when left out"`
		RemindDays []int64   `json:"remind_days,omitempty" maxItems:"10" doc:"Reviewers are reminded so many days before the date"`
		DueAt      time.Time `json:"due_at" doc:"From a day on, within a year"`
	}
}

func (d door) startCampaign(ctx context.Context, in *startCampaignInput) (*done[campaign], error) {
	return acrossPartners(ctx, d, portal.ReviewsManage, in.Keyed, "start campaign", in.Body, func(campaign) string { return "reviews" }, func(tx *portal.Tx) (campaign, error) {
		b := in.Body
		c, err := partners.StartCampaign(ctx, tx, partners.Campaign{Title: b.Title, Words: b.Words, Reviewers: b.Reviewers, Kind: b.Kind, Programme: b.Programme, Roles: b.Roles, Numbers: b.Partners, RemindDays: b.RemindDays, DueAt: b.DueAt})
		return campaignOf(c), err
	})
}

func (d door) takeEvidence(ctx context.Context, in *struct {
	ID
	Format string `path:"format" enum:"pdf,xlsx,csv"`
}) (*huma.StreamResponse, error) {
	f, err := d.papers.Evidence(ctx, callerOf(ctx), in.id(), in.Format)
	return d.givePaper(ctx, f, err)
}

// Review is what a campaign asks at one partner.
type Review struct {
	ID        uuid.UUID  `json:"id"`
	Partner   string     `json:"partner" doc:"Account number"`
	Title     string     `json:"title"`
	Words     string     `json:"words"`
	Reviewers string     `json:"reviewers" enum:"partner,host"`
	DueAt     time.Time  `json:"due_at"`
	ClosedAt  *time.Time `json:"closed_at" doc:"null = under way"`
	Progress  progress   `json:"progress"`
}

func reviewOf(r partners.Review) Review {
	return Review{r.Campaign, r.Number, r.Title, r.Words, r.Reviewers, r.DueAt, r.ClosedAt, progressOf(r.Progress)}
}

type reviewList struct {
	Items []Review `json:"items"`
}

func (d door) listReviews(ctx context.Context, in *whoseInput) (*plain[reviewList], error) {
	return look(ctx, d, portal.PeopleManage, in.Whose, in.Conditional, func(tx *portal.Tx, p partners.Partner) (reviewList, error) {
		list, err := partners.ReviewsOf(ctx, tx, p.ID)
		out := reviewList{Items: []Review{}}
		for _, r := range list {
			out.Items = append(out.Items, reviewOf(r))
		}
		return out, err
	})
}

type reviewItem struct {
	Person     uuid.UUID  `json:"person"`
	Name       string     `json:"name"`
	Email      string     `json:"email"`
	Roles      []string   `json:"roles" doc:"When the review began"`
	Sites      []string   `json:"sites" nullable:"true" doc:"null = all"`
	GrantedBy  string     `json:"granted_by"`
	GrantedAt  time.Time  `json:"granted_at"`
	Verdict    string     `json:"verdict" enum:",keep,change,end,lapse,gone" doc:"empty = not answered; lapse: nobody answered by the date; gone: ended otherwise meanwhile"`
	Words      string     `json:"words"`
	AnsweredBy string     `json:"answered_by"`
	AnsweredAt *time.Time `json:"answered_at"`
}

type reviewDetail struct {
	Review
	People []reviewItem `json:"people"`
}

type reviewInput struct {
	Conditional
	Whose
	ID
}

func reviewDetailOf(ctx context.Context, tx *portal.Tx, partner int64, id uuid.UUID) (reviewDetail, error) {
	r, err := partners.ReviewAt(ctx, tx, partner, id)
	if err != nil {
		return reviewDetail{}, err
	}
	out := reviewDetail{Review: reviewOf(r), People: []reviewItem{}}
	items, err := partners.ReviewItems(ctx, tx, partner, id)
	for _, i := range items {
		out.People = append(out.People, reviewItem{i.PersonID, i.Name, i.Email, orEmpty(i.Roles), i.Sites, i.GrantedBy, i.GrantedAt, i.Verdict, i.Words, i.AnsweredBy, i.AnsweredAt})
	}
	return out, err
}

func (d door) getReview(ctx context.Context, in *reviewInput) (*plain[reviewDetail], error) {
	return look(ctx, d, portal.PeopleManage, in.Whose, in.Conditional, func(tx *portal.Tx, p partners.Partner) (reviewDetail, error) {
		return reviewDetailOf(ctx, tx, p.ID, in.id())
	})
}

// Verdict answers for one person.
type Verdict struct {
	Person string   `json:"person" format:"uuid" minLength:"36" maxLength:"36"`
	What   string   `json:"verdict" enum:"keep,change,end"`
	Words  string   `json:"words,omitempty" maxLength:"500"`
	Roles  []string `json:"roles,omitempty" maxItems:"20" doc:"For change: what they shall be"`
	Sites  []string `json:"sites,omitempty" maxItems:"1000" doc:"For change: the sites they shall be limited to; all when left out"`
}

type answerReviewInput struct {
	Keyed
	Whose
	ID
	Body struct {
		Verdicts []Verdict `json:"verdicts" minItems:"1" maxItems:"500"`
	}
}

func (d door) answerReview(ctx context.Context, in *answerReviewInput) (*done[reviewDetail], error) {
	return atPartner(ctx, d, portal.PeopleManage, in.Keyed, in.Whose, "answer review "+in.id().String(), in.Body, nil, func(tx *portal.Tx, p partners.Partner) (reviewDetail, error) {
		var verdicts []partners.Verdict
		for _, v := range in.Body.Verdicts {
			person, _ := uuid.Parse(v.Person)
			verdicts = append(verdicts, partners.Verdict{Person: person, What: v.What, Words: v.Words, Change: partners.Change{Roles: v.Roles, Sites: v.Sites}})
		}
		if err := partners.Answer(ctx, tx, p.ID, in.id(), verdicts); err != nil {
			return reviewDetail{}, err
		}
		return reviewDetailOf(ctx, tx, p.ID, in.id())
	})
}
