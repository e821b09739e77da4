package api

import (
	"context"
	"io"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"extranet/portal"
	"extranet/portal/files"
	"extranet/portal/notices"
)

func (d door) notices(h huma.API) {
	h.OpenAPI().Tags = append(h.OpenAPI().Tags, &huma.Tag{Name: "Notices", Description: "Engineering changes, in both directions: what they touch, and what was answered."})
	huma.Register(h, operation("list-notices", http.MethodGet, "/notices", "Notices", "List notices", "The host's notices to the partner, the latest first. Follow `next` until it is empty."), d.listNotices)
	huma.Register(h, operation("get-notice", http.MethodGet, "/notices/{notice}", "Notices", "Read a notice",
		"One notice with its items, what of the partner's business it touches, every answer, every revision and the files of both sides."), d.getNotice)
	huma.Register(h, deed("answer-notice", http.MethodPost, "/notices/{notice}/answers", "Notices", "Answer a notice", "Acknowledges, accepts or objects. Each answer stands beside those before it.", false), d.answerNotice)
	huma.Register(h, upload("add-notice-file", "/notices/{notice}/files", "Add a file to a notice"), d.addNoticeFile)
	huma.Register(h, fileOperation("get-notice-file", "/notices/{notice}/files/{id}", "Notices"), d.getNoticeFile)
	huma.Register(h, operation("list-given-notices", http.MethodGet, "/given-notices", "Notices", "List notices given", "What the partner gave notice of, each as its latest revision says, the latest first."), d.listGiven)
	huma.Register(h, operation("get-given-notice", http.MethodGet, "/given-notices/{number}", "Notices", "Read a notice given",
		"One of the partner's own notices with what it touches, the host's answers, every revision and the files of both sides."), d.getGiven)
	huma.Register(h, deed("give-notice", http.MethodPost, "/given-notices", "Notices", "Give notice", "Tells the host of a change to the partner's own products, or gives a notice anew as its next revision.", false), d.giveNotice)
	huma.Register(h, upload("add-given-notice-file", "/given-notices/{number}/files", "Add a file to a notice given"), d.addGivenFile)
	huma.Register(h, fileOperation("get-given-notice-file", "/given-notices/{number}/files/{id}", "Notices"), d.getGivenFile)
}

// upload describes a route that takes a file for a notice.
func upload(id, path, summary string) huma.Operation {
	op := deed(id, http.MethodPost, path, "Notices", summary, "The content is the body: "+files.Taken+". Pictures are kept without what the camera wrote beside them.", false)
	op.MaxBodyBytes, op.Errors = files.MaxBytes+1, append(op.Errors, http.StatusRequestTimeout)
	return op
}

var (
	noticeEntities = []string{"notices", "notice_items"}
	// What a notice touches is of these.
	touchedEntities = []string{"notices", "notice_items", "purchase_orders", "forecasts", "supplier_inventory"}
)

// NoticeFilter narrows a list of notices.
type NoticeFilter struct {
	Kind   string `query:"kind" enum:"pcn,ecn,eol"`
	State  string `query:"state" doc:"open: to answer, in time or not; silence: nobody answered until it was due" enum:"open,silence,acknowledged,accepted,objected"`
	Cursor string `query:"cursor" doc:"next of an earlier page" minLength:"1" maxLength:"1000"`
}

func (f NoticeFilter) of(partner string) notices.Filter {
	return notices.Filter{Kind: f.Kind, State: f.State, Cursor: f.Cursor, Partner: partner}
}

func (f NoticeFilter) key() string { return f.Kind + " " + f.State + " " + f.Cursor }

type listNoticesInput struct {
	Conditional
	NoticeFilter
}

func (d door) listNotices(ctx context.Context, in *listNoticesInput) (*answer[notices.Page], error) {
	return read[notices.Page](ctx, d, "notices", "list"+in.key(), in.Conditional, noticeEntities,
		encodedAs(func(tx *portal.Tx) (notices.Page, error) { return notices.List(ctx, tx, in.of("")) }))
}

// ofNotice answers about one notice. What it touches is of other nouns, so it is asked for anew each time.
func ofNotice[T any](ctx context.Context, d door, c Conditional, number string, load func(tx *portal.Tx) (T, error)) (*answer[T], error) {
	key := strconv.Quote(number) + strconv.FormatInt(d.db.Now().UnixNano(), 36)
	return read[T](ctx, d, "notices", key, c, touchedEntities, encodedAs(load))
}

type getNoticeInput struct {
	Conditional
	Notice string `path:"notice" doc:"The host's number of the notice" maxLength:"100"`
}

func (d door) getNotice(ctx context.Context, in *getNoticeInput) (*answer[notices.Detail], error) {
	return ofNotice(ctx, d, in.Conditional, in.Notice, func(tx *portal.Tx) (notices.Detail, error) { return notices.Get(ctx, tx, in.Notice) })
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

// addFile keeps a file with a notice, in a transaction that do opens for the caller.
func (d door) addFile(ctx context.Context, key Keyed, p notices.Place, name string, content []byte, do func(by portal.Caller, g func(tx *portal.Tx) error) error) (*done[files.File], error) {
	by := callerOf(ctx)
	if err := by.Need(p.May()); err != nil {
		return nil, refuse(ctx, d, by, err)
	}
	checked, err := files.Check(name, content)
	if err != nil {
		// Whose notice it is comes before what the file is.
		if none := do(by, func(tx *portal.Tx) error { return notices.Seen(ctx, tx, p) }); none != nil {
			return nil, refuse(ctx, d, by, none)
		}
		return nil, problemOf(err)
	}
	return commandIn(ctx, d, p.May(), key, "add-file "+strconv.Quote(p.Partner)+strconv.Quote(p.Number)+strconv.FormatBool(p.Given), []string{name, checked.Sum()}, nil, do, func(tx *portal.Tx) (files.File, error) {
		return notices.Attach(ctx, tx, d.files, p, checked)
	})
}

// ownly opens transactions of the caller's own company.
func (d door) ownly(ctx context.Context) func(by portal.Caller, g func(tx *portal.Tx) error) error {
	return func(by portal.Caller, g func(tx *portal.Tx) error) error { return d.db.Do(ctx, by, g) }
}

// giveAttached gives a notice's file away.
func (d door) giveAttached(ctx context.Context, p notices.Place, id string, do func(by portal.Caller, g func(tx *portal.Tx) error) error) (*fileAnswer, error) {
	return d.giveFile(ctx, "notices/"+p.Number+"/files", func(give func(tx *portal.Tx, f files.File, content io.ReadCloser, err error) error) error {
		return do(callerOf(ctx), func(tx *portal.Tx) error {
			f, content, err := notices.Detach(ctx, tx, d.files, p, id)
			return give(tx, f, content, err)
		})
	})
}

// FileBody is a file that is sent.
type FileBody struct {
	Name    string `query:"name" required:"true" doc:"What it is called" minLength:"1" maxLength:"200"`
	RawBody []byte `contentType:"application/octet-stream"`
}

type addNoticeFileInput struct {
	Keyed
	FileBody
	Notice string `path:"notice" doc:"The host's number of the notice" maxLength:"100"`
}

func (d door) addNoticeFile(ctx context.Context, in *addNoticeFileInput) (*done[files.File], error) {
	return d.addFile(ctx, in.Keyed, notices.Place{Number: in.Notice}, in.Name, in.RawBody, d.ownly(ctx))
}

type getNoticeFileInput struct {
	Notice string `path:"notice" doc:"The host's number of the notice" maxLength:"100"`
	ID     string `path:"id" maxLength:"60"`
}

func (d door) getNoticeFile(ctx context.Context, in *getNoticeFileInput) (*fileAnswer, error) {
	return d.giveAttached(ctx, notices.Place{Number: in.Notice}, in.ID, d.ownly(ctx))
}

func (d door) listGiven(ctx context.Context, in *listNoticesInput) (*answer[notices.GivenPage], error) {
	return read[notices.GivenPage](ctx, d, "notices", "given"+in.key(), in.Conditional, noticeEntities,
		encodedAs(func(tx *portal.Tx) (notices.GivenPage, error) { return notices.GivenBy(ctx, tx, in.of("")) }))
}

type getGivenInput struct {
	Conditional
	Number string `path:"number" maxLength:"20"`
}

func (d door) getGiven(ctx context.Context, in *getGivenInput) (*answer[notices.GivenDetail], error) {
	return ofNotice(ctx, d, in.Conditional, "given "+in.Number, func(tx *portal.Tx) (notices.GivenDetail, error) { return notices.GetGiven(ctx, tx, in.Number) })
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

type addGivenFileInput struct {
	Keyed
	FileBody
	Number string `path:"number" maxLength:"20"`
}

func (d door) addGivenFile(ctx context.Context, in *addGivenFileInput) (*done[files.File], error) {
	return d.addFile(ctx, in.Keyed, notices.Place{Number: in.Number, Given: true}, in.Name, in.RawBody, d.ownly(ctx))
}

type getGivenFileInput struct {
	Number string `path:"number" maxLength:"20"`
	ID     string `path:"id" maxLength:"60"`
}

func (d door) getGivenFile(ctx context.Context, in *getGivenFileInput) (*fileAnswer, error) {
	return d.giveAttached(ctx, notices.Place{Number: in.Number, Given: true}, in.ID, d.ownly(ctx))
}
