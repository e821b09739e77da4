package api

import (
	"context"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"extranet/portal"
	"extranet/portal/notices"
)

func (d door) notices(h huma.API) {
	h.OpenAPI().Tags = append(h.OpenAPI().Tags, &huma.Tag{Name: "Notices", Description: "Engineering changes, in both directions: what they touch, and what was answered."})
	huma.Register(h, operation("list-notices", http.MethodGet, "/notices", "Notices", "List notices", "The host's notices to the partner, the latest first. Follow `next` until it is empty."), d.listNotices)
	huma.Register(h, operation("get-notice", http.MethodGet, "/notices/{notice}", "Notices", "Read a notice",
		"One notice with its items, what of the partner's business it touches, every answer and every change of it."), d.getNotice)
	huma.Register(h, deed("answer-notice", http.MethodPost, "/notices/{notice}/answers", "Notices", "Answer a notice", "Acknowledges, accepts or objects. Each answer stands beside those before it.", false), d.answerNotice)
	huma.Register(h, operation("list-given-notices", http.MethodGet, "/given-notices", "Notices", "List notices given", "What the partner gave notice of, every revision, the latest first."), d.listGiven)
	huma.Register(h, deed("give-notice", http.MethodPost, "/given-notices", "Notices", "Give notice", "Tells the host of a change to the partner's own products, or gives a notice anew as its next revision.", false), d.giveNotice)
}

var noticeEntities = []string{"notices", "notice_items"}

type listNoticesInput struct {
	Conditional
	Cursor string `query:"cursor" doc:"next of an earlier page" minLength:"1" maxLength:"1000"`
}

func (d door) listNotices(ctx context.Context, in *listNoticesInput) (*answer[notices.Page], error) {
	return read[notices.Page](ctx, d, "notices", "list"+in.Cursor, in.Conditional, noticeEntities,
		encodedAs(func(tx *portal.Tx) (notices.Page, error) { return notices.List(ctx, tx, in.Cursor) }))
}

type getNoticeInput struct {
	Conditional
	Notice string `path:"notice" doc:"The host's number of the notice" maxLength:"100"`
}

func (d door) getNotice(ctx context.Context, in *getNoticeInput) (*answer[notices.Detail], error) {
	// What it touches is of other nouns, and is asked for anew each time.
	key := strconv.Quote(in.Notice) + strconv.FormatInt(d.db.Now().UnixNano(), 36)
	return read[notices.Detail](ctx, d, "notices", key, in.Conditional, noticeEntities,
		encodedAs(func(tx *portal.Tx) (notices.Detail, error) { return notices.Get(ctx, tx, in.Notice) }))
}

type answerNoticeInput struct {
	Keyed
	Notice string `path:"notice" doc:"The host's number of the notice" maxLength:"100"`
	Body   notices.Said
}

func (d door) answerNotice(ctx context.Context, in *answerNoticeInput) (*done[notices.Answer], error) {
	return command(ctx, d, portal.NoticesAnswer, in.Keyed, "answer-notice "+in.Notice, in.Body, nil, func(tx *portal.Tx) (notices.Answer, error) {
		return notices.Reply(ctx, tx, in.Notice, in.Body)
	})
}

type givenNotices struct {
	Items []notices.Given `json:"items" doc:"At most 200"`
}

func (d door) listGiven(ctx context.Context, in *Conditional) (*answer[givenNotices], error) {
	return read[givenNotices](ctx, d, "notices", "given", *in, noticeEntities, encodedAs(func(tx *portal.Tx) (g givenNotices, err error) {
		g.Items, err = notices.GivenBy(ctx, tx)
		return g, err
	}))
}

type giveNoticeInput struct {
	Keyed
	Body notices.Notice
}

func (d door) giveNotice(ctx context.Context, in *giveNoticeInput) (*done[notices.Given], error) {
	return command(ctx, d, portal.NoticesAnswer, in.Keyed, "give-notice", in.Body, nil, func(tx *portal.Tx) (notices.Given, error) {
		return notices.Give(ctx, tx, in.Body)
	})
}
