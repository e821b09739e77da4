package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"extranet/portal"
	"extranet/portal/files"
	"extranet/portal/notices"
)

// partnerNotices are the host's side of engineering changes.
func (d door) partnerNotices(h huma.API) {
	huma.Register(h, operation("list-partner-notices", http.MethodGet, "/partner-notices", "Notices", "List notices to all partners", "For the host's staff: what was announced to whom, and what they answered, the latest first."), d.listPartnerNotices)
	huma.Register(h, operation("get-partner-notice", http.MethodGet, "/partner-notices/{partner}/{notice}", "Notices", "Read a notice to a partner", "For the host's staff: as the partner sees it."), d.getPartnerNotice)
	huma.Register(h, upload("add-partner-notice-file", "/partner-notices/{partner}/{notice}/files", "Add a file to a notice to a partner"), d.addPartnerNoticeFile)
	huma.Register(h, fileOperation("get-partner-notice-file", "/partner-notices/{partner}/{notice}/files/{id}", "Notices"), d.getPartnerNoticeFile)
	huma.Register(h, operation("list-received-notices", http.MethodGet, "/received-notices", "Notices", "List notices of partners", "For the host's staff: what partners gave notice of, each as its latest revision says, the latest first."), d.listReceived)
	huma.Register(h, operation("get-received-notice", http.MethodGet, "/received-notices/{partner}/{number}", "Notices", "Read a partner's notice", "For the host's staff, with what of the partner's business it touches."), d.getReceived)
	huma.Register(h, deed("answer-received-notice", http.MethodPost, "/received-notices/{partner}/{number}/answers", "Notices", "Answer a partner's notice",
		"For the host's staff: acknowledges, accepts or objects. Each answer stands beside those before it, and the partner sees it at once.", false), d.answerReceived)
	huma.Register(h, upload("add-received-notice-file", "/received-notices/{partner}/{number}/files", "Add a file to a partner's notice"), d.addReceivedFile)
	huma.Register(h, fileOperation("get-received-notice-file", "/received-notices/{partner}/{number}/files/{id}", "Notices"), d.getReceivedFile)
	huma.Register(h, operation("get-notice-policy", http.MethodGet, "/notice-policies/{partner}", "Notices", "See the clocks agreed with a partner", "For the host's staff: how long each side may take. Where nothing was agreed, J-STD-046's 30 and 90 days."), d.getNoticePolicy)
	huma.Register(h, deed("set-notice-policy", http.MethodPut, "/notice-policies/{partner}", "Notices", "Agree the clocks with a partner", "For the host's staff. They hold at once, for notices in both directions that are not answered yet.", false), d.setNoticePolicy)
}

// forNotices opens transactions of the host's staff who manage notices.
func (d door) forNotices(ctx context.Context) func(by portal.Caller, g func(tx *portal.Tx) error) error {
	return func(by portal.Caller, g func(tx *portal.Tx) error) error {
		return d.db.AcrossPartners(ctx, by, portal.NoticesManage, g)
	}
}

type listPartnerNoticesInput struct {
	Conditional
	NoticeFilter
	Partner string `query:"partner" doc:"An account number" minLength:"1" maxLength:"100"`
}

func (d door) listPartnerNotices(ctx context.Context, in *listPartnerNoticesInput) (*answer[notices.Page], error) {
	return ofPartners(ctx, d, portal.NoticesManage, in.Conditional, noticeEntities, func(tx *portal.Tx) (notices.Page, error) { return notices.ListAll(ctx, tx, in.of(in.Partner)) })
}

// PartnerNotice names a notice to a partner.
type PartnerNotice struct {
	Partner string `path:"partner" doc:"The partner's account number" maxLength:"100"`
	Notice  string `path:"notice" doc:"The host's number of the notice" maxLength:"100"`
}

func (n PartnerNotice) place() notices.Place {
	return notices.Place{Partner: n.Partner, Number: n.Notice}
}

type getPartnerNoticeInput struct {
	Conditional
	PartnerNotice
}

func (d door) getPartnerNotice(ctx context.Context, in *getPartnerNoticeInput) (*answer[notices.Detail], error) {
	return ofPartners(ctx, d, portal.NoticesManage, in.Conditional, touchedEntities, func(tx *portal.Tx) (notices.Detail, error) {
		return notices.GetOf(ctx, tx, in.Partner, in.Notice)
	})
}

type addPartnerNoticeFileInput struct {
	Keyed
	FileBody
	PartnerNotice
}

func (d door) addPartnerNoticeFile(ctx context.Context, in *addPartnerNoticeFileInput) (*done[files.File], error) {
	return d.addFile(ctx, in.Keyed, in.place(), in.Name, in.RawBody, d.forNotices(ctx))
}

type getPartnerNoticeFileInput struct {
	PartnerNotice
	ID string `path:"id" maxLength:"60"`
}

func (d door) getPartnerNoticeFile(ctx context.Context, in *getPartnerNoticeFileInput) (*fileAnswer, error) {
	return d.giveAttached(ctx, in.place(), in.ID, d.forNotices(ctx))
}

func (d door) listReceived(ctx context.Context, in *listPartnerNoticesInput) (*plain[notices.GivenPage], error) {
	return forHost(ctx, d, portal.NoticesManage, in.Conditional, func(tx *portal.Tx) (notices.GivenPage, error) { return notices.Received(ctx, tx, in.of(in.Partner)) })
}

// ReceivedNotice names a notice that a partner gave.
type ReceivedNotice struct {
	Partner string `path:"partner" doc:"The partner's account number" maxLength:"100"`
	Number  string `path:"number" doc:"The partner's number of the notice" maxLength:"20"`
}

func (n ReceivedNotice) place() notices.Place {
	return notices.Place{Partner: n.Partner, Number: n.Number, Given: true}
}

type getReceivedInput struct {
	Conditional
	ReceivedNotice
}

func (d door) getReceived(ctx context.Context, in *getReceivedInput) (*answer[notices.GivenDetail], error) {
	return ofPartners(ctx, d, portal.NoticesManage, in.Conditional, touchedEntities, func(tx *portal.Tx) (notices.GivenDetail, error) {
		return notices.GetReceived(ctx, tx, in.Partner, in.Number)
	})
}

type answerReceivedInput struct {
	Keyed
	ReceivedNotice
	Body notices.Said
}

func (d door) answerReceived(ctx context.Context, in *answerReceivedInput) (*done[notices.Answer], error) {
	return commandIn(ctx, d, portal.NoticesManage, in.Keyed, "answer-received-notice "+in.Partner+" "+in.Number, in.Body, nil, d.forNotices(ctx), func(tx *portal.Tx) (notices.Answer, error) {
		return notices.ReplyToGiven(ctx, tx, in.Partner, in.Number, in.Body)
	})
}

type addReceivedFileInput struct {
	Keyed
	FileBody
	ReceivedNotice
}

func (d door) addReceivedFile(ctx context.Context, in *addReceivedFileInput) (*done[files.File], error) {
	return d.addFile(ctx, in.Keyed, in.place(), in.Name, in.RawBody, d.forNotices(ctx))
}

type getReceivedFileInput struct {
	ReceivedNotice
	ID string `path:"id" maxLength:"60"`
}

func (d door) getReceivedFile(ctx context.Context, in *getReceivedFileInput) (*fileAnswer, error) {
	return d.giveAttached(ctx, in.place(), in.ID, d.forNotices(ctx))
}

type noticePolicyInput struct {
	Conditional
	Partner string `path:"partner" doc:"The partner's account number" maxLength:"100"`
}

func (d door) getNoticePolicy(ctx context.Context, in *noticePolicyInput) (*plain[notices.Agreed], error) {
	return forHost(ctx, d, portal.NoticesManage, in.Conditional, func(tx *portal.Tx) (notices.Agreed, error) { return notices.PolicyWith(ctx, tx, in.Partner) })
}

type setNoticePolicyInput struct {
	Keyed
	Partner string `path:"partner" doc:"The partner's account number" maxLength:"100"`
	Body    notices.Policy
}

func (d door) setNoticePolicy(ctx context.Context, in *setNoticePolicyInput) (*done[notices.Agreed], error) {
	return commandIn(ctx, d, portal.NoticesManage, in.Keyed, "set-notice-policy "+in.Partner, in.Body, nil, d.forNotices(ctx), func(tx *portal.Tx) (notices.Agreed, error) {
		if err := notices.SetPolicy(ctx, tx, in.Partner, in.Body); err != nil {
			return notices.Agreed{}, err
		}
		return notices.PolicyWith(ctx, tx, in.Partner)
	})
}
