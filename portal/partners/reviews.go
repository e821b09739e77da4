package partners

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"extranet/portal"
)

// A Campaign reviews who has access: whoever is not answered for by its date has none any more.
type Campaign struct {
	ID         uuid.UUID      `db:"campaign_id"`
	Title      string         `db:"title"`
	Words      string         `db:"words"`     // what reviewers are told
	Reviewers  string         `db:"reviewers"` // partner: the partner's administrators; host: the host's staff alone
	Kind       string         `db:"kind"`      // whose people: dealer or supplier; "" = both
	Programme  string         `db:"programme"` // of partners of this programme; "" = all
	Roles      pq.StringArray `db:"roles"`     // people who hold any of these; nil = all
	Numbers    pq.StringArray `db:"numbers"`   // of these partners; nil = all
	RemindDays pq.Int64Array  `db:"remind_days"`
	DueAt      time.Time      `db:"due_at"`
	StartedBy  string         `db:"started_by"`
	StartedAt  time.Time      `db:"started_at"`
	ClosedAt   *time.Time     `db:"closed_at"`
	Progress
}

// Progress counts the answers.
type Progress struct {
	All     int `db:"n"`
	Kept    int `db:"kept"`
	Changed int `db:"changed"`
	Ended   int `db:"ended"`
	Lapsed  int `db:"lapsed"`
	Gone    int `db:"gone"` // whose access ended otherwise meanwhile
}

// Open is how many are not answered.
func (p Progress) Open() int { return p.All - p.Kept - p.Changed - p.Ended - p.Lapsed - p.Gone }

const progressColumns = `count(*) AS n, count(*) FILTER (WHERE verdict = 'keep') AS kept, count(*) FILTER (WHERE verdict = 'change') AS changed, count(*) FILTER (WHERE verdict = 'end') AS ended,
	count(*) FILTER (WHERE verdict = 'lapse') AS lapsed, count(*) FILTER (WHERE verdict = 'gone') AS gone`

const campaignColumns = `c.campaign_id, c.title, c.words, c.reviewers, coalesce(c.kind, '') AS kind, coalesce(c.programme, '') AS programme, c.roles, c.numbers, c.remind_days, c.due_at, c.started_by, c.started_at, c.closed_at`

// needReviews returns Forbidden unless the caller is of the host's staff who hold reviews.
func needReviews(tx *portal.Tx) error {
	if !tx.By.Host {
		return portal.Errorf(portal.Forbidden, "only the host's staff may do this")
	}
	return tx.Need(portal.ReviewsManage)
}

// A review lasts a day at least, and a year at most.
const (
	reviewAtLeast = 24 * time.Hour
	reviewAtMost  = 366 * 24 * time.Hour
)

// StartCampaign asks, of every person in its scope, whether they shall keep their access, and mails the reviewers. The host's staff do this; it needs ReviewsManage.
// What makes no sense is Invalid, as is a scope in which nobody is.
func StartCampaign(ctx context.Context, tx *portal.Tx, c Campaign) (Campaign, error) {
	if err := needReviews(tx); err != nil {
		return c, err
	}
	c.Title = strings.TrimSpace(c.Title)
	bad := map[string]string{}
	if n := len([]rune(c.Title)); n < 3 || n > 100 {
		bad["title"] = "say in 3 to 100 characters what is reviewed"
	}
	if len([]rune(c.Words)) > 2000 {
		bad["words"] = "say it in at most 2,000 characters"
	}
	if c.Reviewers != "partner" && c.Reviewers != "host" {
		bad["reviewers"] = "choose partner or host"
	}
	if c.Kind != "" && c.Kind != "dealer" && c.Kind != "supplier" {
		bad["kind"] = "choose dealer or supplier"
	}
	if d := c.DueAt.Sub(tx.Now); d < reviewAtLeast || d > reviewAtMost {
		bad["due"] = "choose a day from tomorrow on, within a year"
	}
	for _, d := range c.RemindDays {
		if d < 1 || d > 90 {
			bad["remind_days"] = "write days before the date, 1 to 90"
		}
	}
	if len(c.Numbers) > batchAtMost {
		bad["numbers"] = fmt.Sprintf("name at most %d partners", batchAtMost)
	}
	if len(bad) > 0 {
		return c, &portal.Error{Kind: portal.Invalid, Msg: "this review cannot be held", Fields: bad}
	}
	if len(c.Numbers) > 0 {
		if _, err := idsOf(ctx, tx, slices.Clone(c.Numbers)); err != nil {
			return c, err
		}
	}
	var err error
	if c.ID, err = uuid.NewV7(); err != nil {
		return c, err
	}
	if len(c.Numbers) == 0 {
		c.Numbers = nil
	}
	if len(c.Roles) == 0 {
		c.Roles = nil
	}
	slices.SortFunc(c.RemindDays, func(a, b int64) int { return int(b - a) })
	c.RemindDays = slices.Compact(c.RemindDays)
	c.StartedBy, c.StartedAt = tx.By.Actor(), tx.Now
	none := func(s string) any { return sql.NullString{String: s, Valid: s != ""} }
	_, err = tx.Exec(ctx, `
		INSERT INTO campaigns (campaign_id, title, words, reviewers, kind, programme, roles, numbers, remind_days, due_at, started_by, started_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
		c.ID, c.Title, c.Words, c.Reviewers, none(c.Kind), none(c.Programme), portal.Limit(c.Roles), portal.Limit(c.Numbers), append(pq.Int64Array{}, c.RemindDays...), c.DueAt, c.StartedBy, c.StartedAt)
	if err != nil {
		return c, fmt.Errorf("starting a campaign: %w", err)
	}
	_, err = tx.Exec(ctx, `
		INSERT INTO reviews (partner_id, campaign_id, title, words, reviewers, started_at, due_at, remind_at)
		SELECT p.partner_id, $1, $2, $3, $4, $5, $6, $7 FROM partners p
		WHERE p.kind <> 'host' AND p.closed_at IS NULL AND ($8 = '' OR p.kind = $8) AND ($9 = '' OR EXISTS (SELECT 1 FROM partner_programmes g WHERE g.partner_id = p.partner_id AND g.programme = $9))
			AND ($10::text[] IS NULL OR p.number = ANY($10)) AND EXISTS (SELECT 1 FROM memberships m WHERE m.partner_id = p.partner_id AND m.ended_at IS NULL AND ($11::text[] IS NULL OR m.roles && $11))`,
		c.ID, c.Title, c.Words, c.Reviewers, c.StartedAt, c.DueAt, nextReminder(c.DueAt, c.RemindDays, tx.Now), c.Kind, c.Programme, portal.Limit(c.Numbers), portal.Limit(c.Roles))
	if err != nil {
		return c, fmt.Errorf("asking partners: %w", err)
	}
	n, err := tx.Exec(ctx, `
		INSERT INTO review_items (partner_id, campaign_id, person_id, name, email, roles, sites, granted_by, granted_at)
		SELECT m.partner_id, r.campaign_id, m.person_id, m.name, m.email, m.roles, m.sites, m.granted_by, m.granted_at
		FROM reviews r JOIN memberships m ON m.partner_id = r.partner_id
		WHERE r.campaign_id = $1 AND m.ended_at IS NULL AND ($2::text[] IS NULL OR m.roles && $2)`, c.ID, portal.Limit(c.Roles))
	if err != nil {
		return c, fmt.Errorf("asking about people: %w", err)
	}
	if n == 0 {
		return c, &portal.Error{Kind: portal.Invalid, Msg: "nobody has access in this scope", Fields: map[string]string{"kind": "choose a scope that somebody is in"}}
	}
	c.All = int(n)
	var at []int64
	if err := tx.Select(ctx, &at, `SELECT partner_id FROM reviews WHERE campaign_id = $1`, c.ID); err != nil {
		return c, fmt.Errorf("finding whom the review asks: %w", err)
	}
	tx.Changed(peopleNoun, at...)
	if err := tellReviewers(ctx, tx, c.ID, nil, c.Title, portal.Say("A review of access has begun")); err != nil {
		return c, err
	}
	return c, tx.Audit(ctx, "review.start", c.ID.String(), map[string]string{"title": c.Title, "people": fmt.Sprint(n), "due": c.DueAt.UTC().Format(time.RFC3339), "reviewers": c.Reviewers})
}

// nextReminder is when reviewers hear next; NULL = no more.
func nextReminder(due time.Time, days []int64, now time.Time) any {
	for _, d := range days {
		if at := due.Add(-time.Duration(d) * 24 * time.Hour); at.After(now) {
			return at
		}
	}
	return nil
}

// tellReviewers mails the administrators of the partners that have something to answer in the campaign: of those named, or of all.
func tellReviewers(ctx context.Context, tx *portal.Tx, campaign uuid.UUID, at []int64, title string, subject portal.Saying) error {
	manages := []string{}
	for _, r := range portal.Roles {
		if !r.Host && r.Perms.Has(portal.PeopleManage) {
			manages = append(manages, r.Name)
		}
	}
	var list []struct {
		PartnerID int64     `db:"partner_id"`
		Name      string    `db:"name"`
		Email     string    `db:"email"`
		Due       time.Time `db:"due_at"`
		Words     string    `db:"words"`
		Open      int       `db:"open"`
	}
	err := tx.Select(ctx, &list, `
		SELECT r.partner_id, p.name, m.email, r.due_at, r.words, i.open
		FROM reviews r JOIN partners p ON p.partner_id = r.partner_id
			CROSS JOIN LATERAL (SELECT count(*) AS open FROM review_items i WHERE i.partner_id = r.partner_id AND i.campaign_id = r.campaign_id AND i.verdict IS NULL) i
			CROSS JOIN LATERAL (SELECT email FROM memberships m WHERE m.partner_id = r.partner_id AND m.ended_at IS NULL AND m.suspended_at IS NULL
				AND (m.roles && $3 OR EXISTS (SELECT 1 FROM roles d WHERE d.name = ANY(m.roles) AND 'people:manage' = ANY(d.permissions))) ORDER BY m.name, m.person_id LIMIT 10) m
		WHERE r.campaign_id = $1 AND ($2::bigint[] IS NULL OR r.partner_id = ANY($2)) AND r.reviewers = 'partner' AND i.open > 0 ORDER BY r.partner_id`, campaign, int64s(at), pq.StringArray(manages))
	if err != nil {
		return fmt.Errorf("finding reviewers: %w", err)
	}
	for _, l := range list {
		text := []portal.Saying{portal.Say("%s: the access of %d people at %s is to be kept, changed or ended by %s. Whoever is not answered for then has no access any more.", title, l.Open, l.Name, l.Due)}
		if l.Words != "" {
			text = append(text, portal.Quote(l.Words))
		}
		if err := tx.MailFor(ctx, l.PartnerID, portal.Mail{To: l.Email, Subject: portal.Say("%s: %s", subject, title), Text: text, Path: "/people/reviews/" + campaign.String()}); err != nil {
			return err
		}
	}
	return nil
}

func int64s(list []int64) any {
	if list == nil {
		return nil
	}
	return pq.Int64Array(list)
}

// Campaigns lists them, the latest first, at most 100, for the host's staff who hold reviews or read the audit.
func Campaigns(ctx context.Context, tx *portal.Tx) (list []Campaign, err error) {
	if err := mayReadReviews(tx); err != nil {
		return nil, err
	}
	err = tx.Select(ctx, &list, `
		SELECT `+campaignColumns+`, i.* FROM campaigns c CROSS JOIN LATERAL (SELECT `+progressColumns+` FROM review_items i WHERE i.campaign_id = c.campaign_id) i
		ORDER BY c.started_at DESC, c.campaign_id LIMIT 100`)
	if err != nil {
		return nil, fmt.Errorf("listing campaigns: %w", err)
	}
	return list, nil
}

func mayReadReviews(tx *portal.Tx) error {
	if !tx.By.Host {
		return portal.Errorf(portal.Forbidden, "only the host's staff may do this")
	}
	if tx.By.Perms.Has(portal.AuditRead) {
		return nil
	}
	return tx.Need(portal.ReviewsManage)
}

// CampaignOf returns the campaign, or NotFound.
func CampaignOf(ctx context.Context, tx *portal.Tx, id uuid.UUID) (c Campaign, err error) {
	if err := mayReadReviews(tx); err != nil {
		return c, err
	}
	err = tx.Get(ctx, &c, `SELECT `+campaignColumns+`, i.* FROM campaigns c CROSS JOIN LATERAL (SELECT `+progressColumns+` FROM review_items i WHERE i.campaign_id = c.campaign_id) i WHERE c.campaign_id = $1`, id)
	if errors.Is(err, sql.ErrNoRows) {
		return c, portal.Errorf(portal.NotFound, "there is no such review")
	} else if err != nil {
		return c, fmt.Errorf("reading a campaign: %w", err)
	}
	return c, nil
}

// A Review is what a campaign asks at one partner.
type Review struct {
	PartnerID int64      `db:"partner_id"`
	Number    string     `db:"number"` // of the partner
	Partner   string     `db:"partner_name"`
	Campaign  uuid.UUID  `db:"campaign_id"`
	Title     string     `db:"title"`
	Words     string     `db:"words"`
	Reviewers string     `db:"reviewers"`
	StartedAt time.Time  `db:"started_at"`
	DueAt     time.Time  `db:"due_at"`
	ClosedAt  *time.Time `db:"closed_at"`
	Progress
}

const reviewTables = `
	SELECT r.partner_id, p.number, p.name AS partner_name, r.campaign_id, r.title, r.words, r.reviewers, r.started_at, r.due_at, r.closed_at, i.*
	FROM reviews r JOIN partners p ON p.partner_id = r.partner_id
		CROSS JOIN LATERAL (SELECT ` + progressColumns + ` FROM review_items i WHERE i.partner_id = r.partner_id AND i.campaign_id = r.campaign_id) i`

// ReviewsIn lists what the campaign asks at each partner, those with most left open first, at most 500; for the host's staff.
func ReviewsIn(ctx context.Context, tx *portal.Tx, campaign uuid.UUID) (list []Review, err error) {
	if err := mayReadReviews(tx); err != nil {
		return nil, err
	}
	err = tx.Select(ctx, &list, reviewTables+` WHERE r.campaign_id = $1 ORDER BY i.n - i.kept - i.changed - i.ended - i.lapsed - i.gone DESC, p.name, r.partner_id LIMIT 500`, campaign)
	if err != nil {
		return nil, fmt.Errorf("listing reviews: %w", err)
	}
	return list, nil
}

// ReviewsOf lists what is asked at the partner, what is open first, at most 100. It needs PeopleManage.
func ReviewsOf(ctx context.Context, tx *portal.Tx, partner int64) (list []Review, err error) {
	if err := reach(tx, partner, portal.PeopleManage); err != nil {
		return nil, err
	}
	if err := tx.Select(ctx, &list, reviewTables+` WHERE r.partner_id = $1 ORDER BY r.closed_at IS NOT NULL, r.due_at DESC, r.campaign_id LIMIT 100`, partner); err != nil {
		return nil, fmt.Errorf("listing reviews: %w", err)
	}
	return list, nil
}

// ReviewAt returns what the campaign asks at the partner, or NotFound. It needs PeopleManage.
func ReviewAt(ctx context.Context, tx *portal.Tx, partner int64, campaign uuid.UUID) (r Review, err error) {
	if err := reach(tx, partner, portal.PeopleManage); err != nil {
		return r, err
	}
	err = tx.Get(ctx, &r, reviewTables+` WHERE r.partner_id = $1 AND r.campaign_id = $2`, partner, campaign)
	if errors.Is(err, sql.ErrNoRows) {
		return r, portal.Errorf(portal.NotFound, "there is no such review")
	} else if err != nil {
		return r, fmt.Errorf("reading a review: %w", err)
	}
	return r, nil
}

// A ReviewItem is one person's access under review.
type ReviewItem struct {
	Number     string         `db:"number"` // of the partner
	Partner    string         `db:"partner_name"`
	PersonID   uuid.UUID      `db:"person_id"`
	Name       string         `db:"name"`
	Email      string         `db:"email"`
	Roles      pq.StringArray `db:"roles"` // when the review began
	Sites      pq.StringArray `db:"sites"` // nil = all
	GrantedBy  string         `db:"granted_by"`
	GrantedAt  time.Time      `db:"granted_at"`
	Verdict    string         `db:"verdict"` // keep, change, end, lapse, gone; "" = not answered
	Words      string         `db:"words"`
	RolesAfter pq.StringArray `db:"roles_after"`
	SitesAfter pq.StringArray `db:"sites_after"`
	AnsweredBy string         `db:"answered_by"`
	AnsweredAt *time.Time     `db:"answered_at"`
}

const itemColumns = `p.number, p.name AS partner_name, i.person_id, i.name, i.email, i.roles, i.sites, i.granted_by, i.granted_at, coalesce(i.verdict, '') AS verdict, coalesce(i.words, '') AS words,
	i.roles_after, i.sites_after, coalesce(i.answered_by, '') AS answered_by, i.answered_at`

// ReviewItems lists whose access the campaign reviews at the partner, by name, at most 2,000. It needs PeopleManage. A caller limited to some sites sees those whose access touches them.
func ReviewItems(ctx context.Context, tx *portal.Tx, partner int64, campaign uuid.UUID) (list []ReviewItem, err error) {
	if err := reach(tx, partner, portal.PeopleManage); err != nil {
		return nil, err
	}
	err = tx.Select(ctx, &list, `
		SELECT `+itemColumns+` FROM review_items i JOIN partners p ON p.partner_id = i.partner_id
		WHERE i.partner_id = $1 AND i.campaign_id = $2 AND ($3::text[] IS NULL OR i.sites IS NULL OR i.sites && $3)
		ORDER BY i.name, i.person_id LIMIT 2000`, partner, campaign, limitAt(tx, partner))
	if err != nil {
		return nil, fmt.Errorf("listing whose access is reviewed: %w", err)
	}
	return list, nil
}

// A Verdict answers for one person.
type Verdict struct {
	Person uuid.UUID
	What   string // keep, change or end
	Words  string
	Change Change // to what, for change
}

// Answer answers for people of a review, all or none. It needs PeopleManage; where the host's staff are the reviewers, ReviewsManage. Nobody answers for themselves,
// ends the access of somebody who may do more than they, or changes it beyond what they could give: Forbidden. An answer can be another until the
// date, but an end is one: Conflict, as when the review is closed. Somebody who is not reviewed is NotFound.
func Answer(ctx context.Context, tx *portal.Tx, partner int64, campaign uuid.UUID, verdicts []Verdict) error {
	r, err := ReviewAt(ctx, tx, partner, campaign)
	if err != nil {
		return err
	}
	if r.Reviewers == "host" {
		if err := needReviews(tx); err != nil {
			return portal.Errorf(portal.Forbidden, "the host's own staff answer this review")
		}
	}
	if r.ClosedAt != nil || !tx.Now.Before(r.DueAt) {
		return portal.Errorf(portal.Conflict, "this review is closed since %s", r.DueAt.UTC().Format("2 January 2006, 15:04 UTC"))
	}
	if len(verdicts) == 0 {
		return &portal.Error{Kind: portal.Invalid, Msg: "nothing is answered", Fields: map[string]string{"verdicts": "choose keep, change or end for somebody"}}
	}
	items, err := ReviewItems(ctx, tx, partner, campaign)
	if err != nil {
		return err
	}
	tx.Changed(peopleNoun, partner)
	for _, v := range verdicts {
		i := slices.IndexFunc(items, func(i ReviewItem) bool { return i.PersonID == v.Person })
		if i < 0 {
			return portal.Errorf(portal.NotFound, "there is nobody of that id in this review")
		}
		if err := answer(ctx, tx, partner, campaign, items[i], v); err != nil {
			return err
		}
	}
	return nil
}

func answer(ctx context.Context, tx *portal.Tx, partner int64, campaign uuid.UUID, i ReviewItem, v Verdict) error {
	if v.Words != "" {
		words, err := checkWords("words", v.Words, 1)
		if err != nil {
			return err
		}
		v.Words = words
	}
	switch {
	case v.Person == tx.By.PersonID:
		return portal.Errorf(portal.Forbidden, "your own access is for another administrator to answer for, or for the host")
	case i.Verdict == "end" || i.Verdict == "gone":
		return portal.Errorf(portal.Conflict, "the access of %s is ended already; invite them to let them in again", i.Name)
	}
	roles, sites := i.Roles, i.Sites
	// The answer first: what ends access otherwise marks what is not answered.
	set := func() error {
		n, err := tx.Exec(ctx, `UPDATE review_items SET verdict = $4, words = nullif($5, ''), roles_after = $6, sites_after = $7, answered_by = $8, answered_at = $9 WHERE partner_id = $1 AND campaign_id = $2 AND person_id = $3`,
			partner, campaign, v.Person, v.What, v.Words, portal.Limit(roles), portal.Limit(sites), tx.By.Actor(), tx.Now)
		if err == nil && n == 0 {
			return portal.Errorf(portal.NotFound, "there is nobody of that id in this review")
		}
		return err
	}
	switch v.What {
	case "keep":
		if err := set(); err != nil {
			return err
		}
	case "change":
		roles, sites = v.Change.Roles, v.Change.Sites
		if err := set(); err != nil {
			return err
		}
		m, err := memberOf(ctx, tx, partner, v.Person, "")
		if err != nil {
			return err
		}
		v.Change.OrderLimit = m.OrderLimit
		if err := ChangeMember(ctx, tx, partner, v.Person, v.Change); err != nil {
			return err
		}
	case "end":
		roles, sites = []string{}, []string{}
		if err := set(); err != nil {
			return err
		}
		if err := EndMember(ctx, tx, partner, v.Person); err != nil {
			return err
		}
	default:
		return &portal.Error{Kind: portal.Invalid, Msg: "that is no answer", Fields: map[string]string{"verdict": "choose keep, change or end"}}
	}
	return tx.AuditFor(ctx, partner, "review."+v.What, v.Person.String(), map[string]string{"name": i.Name, "campaign": campaign.String(), "words": v.Words})
}

// goneFromReviews marks that a person's access ended otherwise, in reviews that have not been answered for them.
func goneFromReviews(ctx context.Context, tx *portal.Tx, partner int64, person uuid.UUID, who string) error {
	_, err := tx.Exec(ctx, `UPDATE review_items SET verdict = 'gone', answered_by = $3, answered_at = $4 WHERE partner_id = $1 AND person_id = $2 AND verdict IS NULL`, partner, person, who, tx.Now)
	if err != nil {
		return fmt.Errorf("marking reviews: %w", err)
	}
	return nil
}

// LapsedBy is who ended an access that nobody answered for, as the audit names it.
const LapsedBy = "no answer in a review"

type lapsing struct {
	PartnerID int64     `db:"partner_id"`
	PersonID  uuid.UUID `db:"person_id"`
	Name      string    `db:"name"`
}

// TendReviews reminds reviewers whose time it is, and closes campaigns whose date has come: whoever is not answered for has no access from then on, and their
// sessions and tokens end with it. tx is the worker's.
func TendReviews(ctx context.Context, tx *portal.Tx) error {
	if err := remindReviewers(ctx, tx); err != nil {
		return err
	}
	var due []Campaign
	if err := tx.Select(ctx, &due, `SELECT `+campaignColumns+` FROM campaigns c WHERE c.closed_at IS NULL AND c.due_at <= $1 ORDER BY c.due_at, c.campaign_id FOR UPDATE SKIP LOCKED`, tx.Now); err != nil {
		return fmt.Errorf("finding campaigns that are due: %w", err)
	}
	for _, c := range due {
		var open []lapsing
		err := tx.Select(ctx, &open, `
			UPDATE review_items SET verdict = 'lapse', answered_by = $2, answered_at = $3, roles_after = '{}' WHERE campaign_id = $1 AND verdict IS NULL
			RETURNING partner_id, person_id, name`, c.ID, LapsedBy, tx.Now)
		if err != nil {
			return fmt.Errorf("letting access lapse: %w", err)
		}
		slices.SortFunc(open, func(a, b lapsing) int { return cmp.Compare(a.PartnerID, b.PartnerID) })
		for _, o := range open {
			tx.Changed(peopleNoun, o.PartnerID)
			err := end(ctx, tx, o.PartnerID, o.PersonID, LapsedBy, map[string]string{"name": o.Name, "by": LapsedBy, "campaign": c.ID.String()})
			if err != nil && portal.Says(err).Kind != portal.NotFound { // who is no member any more has nothing to lapse
				return err
			}
		}
		if _, err := tx.Exec(ctx, `UPDATE reviews SET closed_at = $2, remind_at = NULL WHERE campaign_id = $1`, c.ID, tx.Now); err != nil {
			return fmt.Errorf("closing reviews: %w", err)
		}
		if _, err := tx.Exec(ctx, `UPDATE campaigns SET closed_at = $2 WHERE campaign_id = $1`, c.ID, tx.Now); err != nil {
			return fmt.Errorf("closing a campaign: %w", err)
		}
	}
	return nil
}

func remindReviewers(ctx context.Context, tx *portal.Tx) error {
	var due []struct {
		PartnerID int64         `db:"partner_id"`
		Campaign  uuid.UUID     `db:"campaign_id"`
		Title     string        `db:"title"`
		DueAt     time.Time     `db:"due_at"`
		Days      pq.Int64Array `db:"remind_days"`
	}
	err := tx.Select(ctx, &due, `
		SELECT r.partner_id, r.campaign_id, r.title, r.due_at, c.remind_days
		FROM reviews r JOIN campaigns c ON c.campaign_id = r.campaign_id
		WHERE r.closed_at IS NULL AND r.remind_at <= $1 AND r.due_at > $1 ORDER BY r.partner_id, r.campaign_id FOR UPDATE OF r SKIP LOCKED LIMIT 500`, tx.Now)
	if err != nil {
		return fmt.Errorf("finding whom to remind: %w", err)
	}
	for _, d := range due {
		if err := tellReviewers(ctx, tx, d.Campaign, []int64{d.PartnerID}, d.Title, portal.Say("A review of access waits for you")); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE reviews SET remind_at = $3 WHERE partner_id = $1 AND campaign_id = $2`, d.PartnerID, d.Campaign, nextReminder(d.DueAt, d.Days, tx.Now)); err != nil {
			return fmt.Errorf("setting the next reminder: %w", err)
		}
	}
	return nil
}

// paperAtMost is how many people fit into evidence on paper: some 700 pages. A spreadsheet holds all.
const paperAtMost = 20_000

// Evidence calls f with everybody whom a campaign asked about and what was answered, by partner and name, and audits that it was taken away. The host's staff who hold
// reviews or read the audit do this. More people than a PDF can hold are a Conflict.
func Evidence(ctx context.Context, tx *portal.Tx, campaign uuid.UUID, format string, f func(ReviewItem) error) (c Campaign, err error) {
	if c, err = CampaignOf(ctx, tx, campaign); err != nil {
		return c, err
	}
	if format == "pdf" && c.All > paperAtMost {
		return c, portal.Errorf(portal.Conflict, "this review asks about %d people, more than a PDF can hold; take the spreadsheet", c.All)
	}
	people := 0
	err = tx.Each(ctx, func(row *sqlx.Rows) error {
		var i ReviewItem
		if err := row.StructScan(&i); err != nil {
			return err
		}
		people++
		return f(i)
	}, `SELECT `+itemColumns+` FROM review_items i JOIN partners p ON p.partner_id = i.partner_id WHERE i.campaign_id = $1 ORDER BY p.name, p.partner_id, i.name, i.person_id`, campaign)
	if err != nil {
		return c, fmt.Errorf("reading the evidence: %w", err)
	}
	return c, tx.Audit(ctx, "review.export", campaign.String(), map[string]string{"title": c.Title, "format": format, "people": fmt.Sprint(people)})
}
