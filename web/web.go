package web

import (
	"cmp"
	"context"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"extranet/portal"
	"extranet/portal/billing"
	"extranet/portal/catalog"
	"extranet/portal/files"
	"extranet/portal/host"
	"extranet/portal/orders"
	"extranet/portal/partners"
	"extranet/portal/purchasing"
	"extranet/portal/search"
	"extranet/web/assets"
)

// Auth says who is asking. Its errors are portal errors; nobody is Unauthenticated.
type Auth interface {
	Caller(*gin.Context) (portal.Caller, error)
	Peek(*gin.Context) (portal.Caller, error) // as Caller, for what a page asks by itself: it does not keep the session alive
	Person(context.Context, portal.Caller) (partners.Person, error)
	Partners(context.Context, portal.Caller) ([]partners.Membership, error) // those the person may act for
	Sessions(context.Context, portal.Caller) ([]partners.Session, error)
	SessionsOf(ctx context.Context, by portal.Caller, partner int64, person uuid.UUID) ([]partners.Session, error) // a member's, as an administrator sees them
	EndSessionsOf(ctx context.Context, by portal.Caller, person uuid.UUID) (int, error)
	SignedIn(ctx context.Context, by portal.Caller, f partners.SessionFilter) ([]partners.LiveSession, error) // where people are signed in, as administrators see them
	EndSignedIn(ctx context.Context, by portal.Caller, f partners.SessionFilter) (int, error)
	ViewAs(ctx context.Context, by portal.Caller, number, reason string, acts bool) error // the host's staff look as a partner
	StopViewing(ctx context.Context, by portal.Caller) error
}

// Options hand the door what it needs of other rooms.
type Options struct {
	DB       *portal.DB
	Auth     Auth
	HostName string // of the company whose portal this is
	Version  string
	Entities []string        // all that a core can be mirrored of, those first that others refer to
	Library  catalog.Library // the host's documents
	BaseURL  string          // of the portal as browsers know it, without a path
	Language string          // spoken with those who ask for none that the portal speaks; empty: English

	Files      files.Store // where added files are kept; nil = none are taken
	Remittance string      // how partners pay, as the host words it; several lines
}

// Web is the people's door. It serves any number of requests at once.
type Web struct {
	db         *portal.DB
	auth       Auth
	hostName   string
	version    string
	base       string
	language   string // spoken with those who ask for none that the portal speaks
	entities   []string
	origin     *http.CrossOriginProtection
	remittance string
	files      files.Store
	streams    seats // live pages, by person
	exports    seats // files being made, by person
	docs       func() apiDocument
	library    catalog.Library
	board      *host.Board
}

// New returns the door; Routes opens it.
func New(o Options) *Web {
	w := &Web{db: o.DB, auth: o.Auth, hostName: cmp.Or(o.HostName, "Extranet"), remittance: strings.TrimSpace(o.Remittance), version: o.Version, language: o.Language, entities: o.Entities, library: o.Library, board: host.NewBoard(o.DB), files: o.Files, base: strings.TrimSuffix(o.BaseURL, "/"),
		origin: http.NewCrossOriginProtection(), streams: seats{most: 8}, exports: seats{most: 2}}
	// A proxy may hide the host that browsers know. A base URL that is none trusts nobody more.
	_ = w.origin.AddTrustedOrigin(w.base)
	return w
}

// ClosingKey is where a request's context may hold a <-chan struct{} that is closed when the
// server is about to stop: streams end then.
type ClosingKey struct{}

// Routes opens the door on e. openapi describes the machines' door, as JSON, for the page that shows it: it is asked once, when somebody looks.
// What sign-in needs (/login, /logout, /partner, /account/sessions/…) is not among them.
func (w *Web) Routes(e *gin.Engine, openapi func() []byte) {
	w.docs = sync.OnceValue(func() apiDocument { return readAPI(openapi()) })
	for _, r := range []struct {
		method, path string
		answer       gin.HandlerFunc
	}{
		{"GET", "/", w.page(w.home)},
		{"GET", "/search", w.page(w.find)},
		{"GET", "/billing", w.page(w.listBills)},
		{"POST", "/billing", w.page(w.sendBill)},
		{"GET", "/exports/billing.csv", w.page(w.exportBills("csv"))},
		{"GET", "/exports/billing.xlsx", w.page(w.exportBills("xlsx"))},
		{"GET", "/billing/new", w.page(w.newBill)},
		{"GET", "/billing/payments", w.page(w.listRemittances)},
		{"GET", "/billing/payments/:payment", w.page(w.showRemittance)},
		{"GET", "/billing/sent/:number", w.page(w.showSentBill)},
		{"GET", "/billing/:invoice", w.page(w.showBill)},
		{"GET", "/dispatches", w.page(w.listDispatches)},
		{"POST", "/dispatches", w.page(w.sendDispatch)},
		{"GET", "/dispatches/new", w.page(w.newDispatch)},
		{"GET", "/dispatches/:number", w.page(w.showDispatch)},
		{"GET", "/dispatches/:number/labels.pdf", w.page(w.labels)},
		{"GET", "/receipts", w.page(w.listReceipts)},
		{"GET", "/supplies", w.page(w.listSupplies)},
		{"POST", "/supplies", w.page(w.reportSupplies)},
		{"GET", "/supplies/report", w.page(w.newSupplies)},
		{"GET", "/supplies/form.csv", w.page(w.takeSupplyForm("csv"))},
		{"GET", "/supplies/form.xlsx", w.page(w.takeSupplyForm("xlsx"))},
		{"GET", "/supplies/export.csv", w.page(w.exportSupplies("csv"))},
		{"GET", "/supplies/export.xlsx", w.page(w.exportSupplies("xlsx"))},
		{"GET", "/receipts/export.csv", w.page(w.exportReceipts("csv"))},
		{"GET", "/receipts/export.xlsx", w.page(w.exportReceipts("xlsx"))},
		{"POST", "/receipts/:receipt/object", w.page(w.objectReceipt)},
		{"GET", "/exports/dispatches.csv", w.page(w.exportDispatches("csv"))},
		{"GET", "/exports/dispatches.xlsx", w.page(w.exportDispatches("xlsx"))},
		{"GET", "/buying", w.page(w.listBuying)},
		{"GET", "/buying/export.csv", w.page(w.exportBuying("csv"))},
		{"GET", "/buying/export.xlsx", w.page(w.exportBuying("xlsx"))},
		{"GET", "/buying/dispatches/export.csv", w.page(w.exportBuyingDispatches("csv"))},
		{"GET", "/buying/dispatches/export.xlsx", w.page(w.exportBuyingDispatches("xlsx"))},
		{"GET", "/buying/receipts/export.csv", w.page(w.exportBuyingReceipts("csv"))},
		{"GET", "/buying/receipts/export.xlsx", w.page(w.exportBuyingReceipts("xlsx"))},
		{"GET", "/buying/invoices/export.csv", w.page(w.exportBuyingInvoices("csv"))},
		{"GET", "/buying/invoices/export.xlsx", w.page(w.exportBuyingInvoices("xlsx"))},
		{"GET", "/buying/orders/:partner/:number", w.page(w.showBuyingOrder)},
		{"POST", "/buying/orders/:partner/:number/decide", w.page(w.decideBuying)},
		{"GET", "/buying/dispatches", w.page(w.listBuyingDispatches)},
		{"GET", "/buying/dispatches/:partner/:number", w.page(w.showBuyingDispatch)},
		{"GET", "/buying/receipts", w.page(w.listBuyingReceipts)},
		{"POST", "/buying/receipts/:partner/:receipt/settle", w.page(w.settleReceipt)},
		{"GET", "/buying/invoices", w.page(w.listBuyingInvoices)},
		{"GET", "/buying/invoices/:partner/:invoice", w.page(w.showBuyingInvoice)},
		{"GET", "/scorecard", w.page(w.showScorecard)},
		{"GET", "/scorecard/:figure", w.page(w.openScorecard)},
		{"GET", "/scorecard/:figure/export.csv", w.page(w.exportScorecard("csv"))},
		{"GET", "/scorecard/:figure/export.xlsx", w.page(w.exportScorecard("xlsx"))},
		{"GET", "/buying/scorecards", w.page(w.listScorecards)},
		{"GET", "/exports/scorecards.csv", w.page(w.exportScorecards("csv"))},
		{"GET", "/exports/scorecards.xlsx", w.page(w.exportScorecards("xlsx"))},
		{"GET", "/buying/scorecards/:partner", w.page(w.showScorecardOf)},
		{"GET", "/buying/scorecards/:partner/:figure", w.page(w.openScorecardOf)},
		{"GET", "/buying/policy", w.page(w.showPolicy)},
		{"POST", "/buying/policy", w.page(w.setPolicy)},
		{"GET", "/buying/supplies", w.page(w.listSuppliesAcross)},
		{"GET", "/buying/supplies/export.csv", w.page(w.exportSuppliesAcross("csv"))},
		{"GET", "/buying/supplies/export.xlsx", w.page(w.exportSuppliesAcross("xlsx"))},
		{"GET", "/purchasing", w.page(w.listPurchases)},
		{"GET", "/exports/purchasing.csv", w.page(w.exportPurchases("csv"))},
		{"GET", "/exports/purchasing.xlsx", w.page(w.exportPurchases("xlsx"))},
		{"POST", "/purchasing/accept", w.page(w.acceptPurchases)},
		{"GET", "/purchasing/answers", w.page(w.showTable(portal.PurchasingAnswer, answersTable))},
		{"POST", "/purchasing/answers", w.page(w.takeTable(portal.PurchasingAnswer, answersTable, takeAnswers))},
		{"GET", "/purchasing/answers/form.csv", w.page(w.tableForm(portal.PurchasingAnswer, "to-answer", "csv", purchasing.AnswerHeader, purchasing.ToAnswer))},
		{"GET", "/purchasing/answers/form.xlsx", w.page(w.tableForm(portal.PurchasingAnswer, "to-answer", "xlsx", purchasing.AnswerHeader, purchasing.ToAnswer))},
		{"GET", "/billing/upload", w.page(w.showTable(portal.BillingSend, billsTable))},
		{"POST", "/billing/upload", w.page(w.takeTable(portal.BillingSend, billsTable, takeBills))},
		{"GET", "/billing/upload/form.csv", w.page(w.tableForm(portal.BillingSend, "to-invoice", "csv", billing.TableHeader, billing.ToBill))},
		{"GET", "/billing/upload/form.xlsx", w.page(w.tableForm(portal.BillingSend, "to-invoice", "xlsx", billing.TableHeader, billing.ToBill))},
		{"POST", "/dispatches/:number/files", w.page(w.addPapers)},
		{"GET", "/dispatches/:number/files/:id", w.page(w.takePaper)},
		{"GET", "/buying/dispatches/:partner/:number/files/:id", w.page(w.takePaperOf)},
		{"GET", "/purchasing/:number", w.page(w.showPurchase)},
		{"POST", "/purchasing/:number/answer", w.page(w.answerPurchase)},
		{"GET", "/orders", w.page(w.listOrders)},
		{"GET", "/orders/:number", w.page(w.showOrder)},
		{"GET", "/exports/orders.csv", w.page(w.exportCSV)},
		{"GET", "/exports/orders.xlsx", w.page(w.exportXLSX)},
		{"GET", "/catalog", w.page(w.searchCatalog)},
		{"GET", "/catalog/:product", w.page(w.showProduct)},
		{"GET", "/catalog/:product/documents/:document", w.page(w.takeDocument)},
		{"POST", "/catalog/:product/watch", w.page(w.watchProduct)},
		{"GET", "/watched", w.page(w.showWatched)},
		{"GET", "/lookup", w.page(w.showLookup)},
		{"POST", "/lookup", w.page(w.showLookup)},
		{"GET", "/cart", w.page(w.showCart)},
		{"POST", "/cart/add", w.page(w.addToCart)},
		{"POST", "/cart/lines", w.page(w.changeCart)},
		{"POST", "/cart/place", w.page(w.placeCart)},
		{"POST", "/cart/template", w.page(w.keepTemplate)},
		{"GET", "/cart/upload", w.page(w.showUpload)},
		{"POST", "/cart/upload", w.page(w.takeUpload)},
		{"GET", "/cart/uploads/:id", w.page(w.showUploaded)},
		{"GET", "/cart/uploads/:id/refused.csv", w.page(w.takeRefused("csv"))},
		{"GET", "/cart/uploads/:id/refused.xlsx", w.page(w.takeRefused("xlsx"))},
		{"GET", "/templates", w.page(w.showTemplates)},
		{"POST", "/templates/:id/use", w.page(w.fillCart(func(ctx context.Context, tx *portal.Tx, r request) ([]orders.Taken, error) {
			return orders.UseTemplate(ctx, tx, r.param("id"))
		}))},
		{"POST", "/templates/:id/delete", w.page(w.dropTemplate)},
		{"POST", "/orders/:number/reorder", w.page(w.fillCart(w.reorder))},
		{"POST", "/orders/:number/cancel", w.page(w.cancelOrder)},
		{"POST", "/orders/:number/lines/:line", w.page(w.changeOrder)},
		{"GET", "/placed/:id", w.page(w.showPlaced)},
		{"POST", "/placed/:id/:what", w.page(w.decidePlaced)},
		{"GET", "/approvals", w.page(w.showApprovals)},
		{"GET", "/ordering", w.page(w.showOrdering)},
		{"POST", "/ordering", w.page(w.setOrdering)},
		{"GET", "/finance", w.page(w.showFinance)},
		{"GET", "/finance/invoices", w.page(w.listInvoices)},
		{"GET", "/exports/invoices.csv", w.page(w.exportInvoices("csv"))},
		{"GET", "/exports/invoices.xlsx", w.page(w.exportInvoices("xlsx"))},
		{"GET", "/finance/invoices/:number", w.page(w.showInvoice)},
		{"GET", "/finance/invoices/:number/file.pdf", w.page(w.takeInvoice)},
		{"GET", "/finance/payments", w.page(w.listPayments)},
		{"GET", "/finance/payments/:number", w.page(w.showPayment)},
		{"GET", "/finance/statement", w.page(w.showStatement)},
		{"GET", "/finance/statement/file.pdf", w.page(w.takeStatement("pdf"))},
		{"GET", "/finance/statement/file.xlsx", w.page(w.takeStatement("xlsx"))},
		{"GET", "/finance/statement/file.csv", w.page(w.takeStatement("csv"))},
		{"GET", "/forecasts", w.page(w.showForecasts)},
		{"POST", "/forecasts", w.page(w.commitGrid)},
		{"POST", "/forecasts/as-is", w.page(w.commitAsIs)},
		{"POST", "/forecasts/rule", w.page(w.setRule)},
		{"GET", "/forecasts/exceptions", w.page(w.showExceptions)},
		{"GET", "/forecasts/ledger", w.page(w.showLedger)},
		{"GET", "/forecasts/item", w.page(w.showForecastItem)},
		{"GET", "/forecasts/paste", w.page(w.showPaste)},
		{"POST", "/forecasts/paste", w.page(w.commitTable)},
		{"GET", "/forecasts/export.csv", w.page(w.takeForecast("csv"))},
		{"GET", "/forecasts/export.xlsx", w.page(w.takeForecast("xlsx"))},
		{"GET", "/notices", w.page(w.showNotices)},
		{"GET", "/notices/:notice", w.page(w.showNotice)},
		{"POST", "/notices/:notice/answers", w.page(w.answerNotice)},
		{"POST", "/notices/:notice/files", w.page(w.addNoticeFiles)},
		{"GET", "/notices/:notice/files/:id", w.page(w.takeNoticeFile)},
		{"GET", "/given-notices", w.page(w.listGiven)},
		{"POST", "/given-notices", w.page(w.giveNotice)},
		{"GET", "/given-notices/new", w.page(w.newNotice)},
		{"GET", "/given-notices/:number", w.page(w.showGiven)},
		{"POST", "/given-notices/:number", w.page(w.giveAnew)},
		{"POST", "/given-notices/:number/files", w.page(w.addGivenFiles)},
		{"GET", "/given-notices/:number/files/:id", w.page(w.takeGivenFile)},
		{"GET", "/partner-notices", w.page(w.listPartnerNotices)},
		{"GET", "/partner-notices/:partner/:notice", w.page(w.showPartnerNotice)},
		{"POST", "/partner-notices/:partner/:notice/files", w.page(w.addPartnerNoticeFiles)},
		{"GET", "/partner-notices/:partner/:notice/files/:id", w.page(w.takePartnerNoticeFile)},
		{"GET", "/received-notices", w.page(w.listReceived)},
		{"GET", "/received-notices/:partner/:number", w.page(w.showReceived)},
		{"POST", "/received-notices/:partner/:number/answers", w.page(w.answerReceived)},
		{"POST", "/received-notices/:partner/:number/files", w.page(w.addReceivedFiles)},
		{"GET", "/received-notices/:partner/:number/files/:id", w.page(w.takeReceivedFile)},
		{"GET", "/notice-policies/:partner", w.page(w.showNoticePolicy)},
		{"POST", "/notice-policies/:partner", w.page(w.setNoticePolicy)},
		{"GET", "/analytics", w.page(w.showAnalytics)},
		{"GET", "/analytics/:figure/export.csv", w.page(w.exportAnalytics("csv"))},
		{"GET", "/analytics/:figure/export.xlsx", w.page(w.exportAnalytics("xlsx"))},
		{"GET", "/plans", w.page(w.listPlans)},
		{"GET", "/plans/:partner", w.page(w.showPlan)},
		{"GET", "/plans/:partner/item", w.page(w.showPlanItem)},
		{"POST", "/plans/:partner/terms", w.page(w.setTerms)},
		{"GET", "/claims", w.page(w.listClaims)},
		{"GET", "/exports/claims.csv", w.page(w.exportClaims("csv"))},
		{"GET", "/exports/claims.xlsx", w.page(w.exportClaims("xlsx"))},
		{"GET", "/claims/new", w.page(w.newClaim)},
		{"POST", "/claims/new", w.page(w.beginClaim)},
		{"GET", "/claims/:number", w.page(w.showClaim)},
		{"POST", "/claims/:number/lines", w.page(w.addClaimLine)},
		{"POST", "/claims/:number/lines/:line", w.page(w.saveClaimLine)},
		{"POST", "/claims/:number/submit", w.page(w.submitClaim)},
		{"POST", "/claims/:number/lines/:line/answer", w.page(w.claimDeed("answer"))},
		{"POST", "/claims/:number/lines/:line/appeal", w.page(w.claimDeed("appeal"))},
		{"POST", "/claims/:number/lines/:line/withdraw", w.page(w.claimDeed("withdraw"))},
		{"POST", "/claims/:number/files", w.page(w.addClaimFiles)},
		{"GET", "/claims/:number/files/:id", w.page(w.takeClaimFile)},
		{"GET", "/desk/claims", w.page(w.listDesk)},
		{"POST", "/desk/claims", w.page(w.bulkDesk)},
		{"GET", "/desk/rules", w.page(w.listRules)},
		{"GET", "/desk/rules/:kind/new", w.page(w.newRules)},
		{"GET", "/desk/rules/:kind/version/:version", w.page(w.showRules)},
		{"POST", "/desk/rules/:kind", w.page(w.setRules)},
		{"GET", "/desk/claims/:partner/:number", w.page(w.showDesk)},
		{"POST", "/desk/claims/:partner/:number/lines/:line/decide", w.page(w.deskDeed("decide"))},
		{"POST", "/desk/claims/:partner/:number/lines/:line/ask", w.page(w.deskDeed("ask"))},
		{"POST", "/desk/claims/:partner/:number/lines/:line/review", w.page(w.deskDeed("review"))},
		{"POST", "/desk/claims/:partner/:number/lines/:line/approve", w.page(w.deskDeed("approve"))},
		{"POST", "/desk/claims/:partner/:number/lines/:line/return", w.page(w.deskDeed("return"))},
		{"POST", "/desk/claims/:partner/:number/lines/:line/split", w.page(w.deskDeed("split"))},
		{"GET", "/desk/claims/:partner/:number/files/:id", w.page(w.takeDeskFile)},
		{"GET", "/company", w.page(w.showCompany)},
		{"GET", "/sync", w.page(w.showSync)},
		{"GET", "/sync/feeds/:entity", w.page(w.showFeed)},
		{"POST", "/sync/feeds/:entity", w.page(w.actOnFeed)},
		{"GET", "/sync/outbox", w.page(w.showOutbox)},
		{"POST", "/sync/outbox/:id", w.page(w.actOnCommand)},
		{"GET", "/people", w.page(w.listPeople)},
		{"GET", "/access", w.page(w.showAccess)},
		{"POST", "/access", w.page(w.askAccess)},
		{"POST", "/access/:id/withdraw", w.page(w.withdrawRequest)},
		{"GET", "/people/requests", w.page(w.listRequests)},
		{"POST", "/people/requests/:id/decide", w.page(w.decideRequest)},
		{"GET", "/people/invite", w.page(w.showInvite)},
		{"GET", "/people/reviews", w.page(w.listReviews)},
		{"GET", "/people/reviews/:id", w.page(w.showReview)},
		{"POST", "/people/reviews/:id", w.page(w.answerReview)},
		{"GET", "/reviews", w.page(w.listCampaigns)},
		{"POST", "/reviews", w.page(w.startCampaign)},
		{"GET", "/reviews/new", w.page(w.newCampaign)},
		{"GET", "/reviews/:id", w.page(w.showCampaign)},
		{"GET", "/reviews/:id/evidence.pdf", w.page(w.takeEvidence("pdf"))},
		{"GET", "/reviews/:id/evidence.xlsx", w.page(w.takeEvidence("xlsx"))},
		{"GET", "/announcements", w.page(w.listAnnouncements)},
		{"POST", "/announcements/:id/read", w.page(w.readAnnouncement)},
		{"GET", "/announced", w.page(w.listAnnounced)},
		{"POST", "/announced", w.page(w.announce)},
		{"GET", "/announced/new", w.page(w.newAnnouncement)},
		{"GET", "/announced/:id", w.page(w.showAnnounced)},
		{"POST", "/announced/:id/withdraw", w.page(w.withdrawAnnouncement)},
		{"GET", "/terms", w.page(w.showTerms)},
		{"POST", "/terms/:version/accept", w.page(w.acceptTerms)},
		{"GET", "/published-terms", w.page(w.listPublished)},
		{"POST", "/published-terms", w.page(w.publishTerms)},
		{"GET", "/published-terms/new", w.page(w.newPublished)},
		{"GET", "/published-terms/:version", w.page(w.showPublished)},
		{"GET", "/branding", w.page(w.showBranding)},
		{"POST", "/branding", w.page(w.setBranding)},
		{"POST", "/branding/files", w.page(w.setLogo)},
		{"GET", "/brand/sheet.css", w.showBrandSheet},
		{"GET", "/brand/logo", w.showLogo},
		{"GET", "/sessions", w.page(w.listSignedIn)},
		{"POST", "/sessions/end", w.page(w.endSignedIn)},
		{"GET", "/tokens/unused", w.page(w.listUnusedTokens)},
		{"POST", "/partners/:number/sponsors", w.page(w.setSponsors)},
		{"POST", "/people/invite", w.page(w.invite)},
		{"POST", "/people/invitations/:id/resend", w.page(w.resendInvitation)},
		{"POST", "/people/invitations/:id/revoke", w.page(w.revokeInvitation)},
		{"GET", "/people/:person", w.page(w.showMember)},
		{"GET", "/people/:person/explain", w.page(w.explainMember)},
		{"POST", "/people/:person/change", w.page(w.changeMember)},
		{"POST", "/people/:person/suspend", w.page(w.toMember(partners.SuspendMember, "/people/PERSON", Flash{Good, "Suspended", "They are let in nowhere here until somebody lets them in again."}))},
		{"POST", "/people/:person/resume", w.page(w.toMember(partners.ResumeMember, "/people/PERSON", Flash{Good, "Let in again", "They may do what they could before."}))},
		{"POST", "/people/:person/end", w.page(w.toMember(partners.EndMember, "/people", Flash{Good, "Access ended", "Their sessions and tokens here have stopped."}))},
		{"POST", "/people/:person/end-sessions", w.page(w.endSessions)},
		{"GET", "/audit", w.page(w.showAudit)},
		{"GET", "/audit/export.csv", w.page(w.exportAudit("csv"))},
		{"GET", "/audit/export.xlsx", w.page(w.exportAudit("xlsx"))},
		{"GET", "/audit/who", w.page(w.showWho)},
		{"POST", "/audit/verify", w.page(w.verifyAudit)},
		{"GET", "/partners", w.page(w.listPartners)},
		{"POST", "/partners/bulk", w.page(w.decideMany)},
		{"GET", "/who", w.page(w.showReaders)},
		{"GET", "/roles", w.page(w.listRoles)},
		{"POST", "/roles", w.page(w.defineRole)},
		{"GET", "/roles/new", w.page(w.newRole)},
		{"GET", "/roles/:name", w.page(w.showRole)},
		{"POST", "/roles/:name", w.page(w.changeRole)},
		{"POST", "/roles/:name/end", w.page(w.endRole)},
		{"POST", "/programmes", w.page(w.defineProgramme)},
		{"GET", "/programmes/new", w.page(w.newProgramme)},
		{"GET", "/programmes/:name", w.page(w.showProgramme)},
		{"POST", "/programmes/:name", w.page(w.changeProgramme)},
		{"POST", "/programmes/:name/end", w.page(w.endProgramme)},
		{"GET", "/partners/:number", w.page(w.showPartner)},
		{"POST", "/partners/:number/decide", w.page(w.decidePartner)},
		{"GET", "/partners/:number/entry", w.page(w.showEntry)},
		{"POST", "/partners/:number/entry", w.page(w.decideEntry)},
		{"POST", "/partners/:number/view", w.page(w.viewAs)},
		{"POST", stopViewing, w.page(w.stopViewing)},
		{"GET", "/tokens", w.page(w.listTokens)},
		{"GET", "/tokens/new", w.page(w.showNewToken)},
		{"POST", "/tokens/new", w.page(w.makeToken)},
		{"POST", "/tokens/:id/rotate", w.page(w.rotateToken)},
		{"POST", "/tokens/:id/revoke", w.page(w.revokeToken)},
		{"GET", "/account", w.page(w.showAccount)},
		{"GET", "/events", w.events},
		{"POST", "/theme", w.chooseTheme},
		{"POST", "/language", w.chooseLanguage},
		{"GET", "/api/docs", w.public(w.showDocs)},
		{"GET", assets.Prefix + "*file", gin.WrapH(assets.Handler())},
		{"HEAD", assets.Prefix + "*file", gin.WrapH(assets.Handler())},
	} {
		e.Handle(r.method, r.path, w.sameOrigin, r.answer)
	}
}

// sameOrigin refuses what would change something and comes from another site's page.
func (w *Web) sameOrigin(c *gin.Context) {
	if err := w.origin.Check(c.Request); err != nil {
		w.Fail(c, portal.Because(portal.Forbidden, err, "this came from another site's page; open the portal's own page and do it there"))
	}
}

// A request is what a page is asked for, by a caller who is known.
type request struct {
	by    portal.Caller
	shell Shell
	query url.Values
	form  url.Values      // what was posted; nil for a GET
	files *multipart.Form // the files that were posted with it; nil for none
	param func(string) string
	rows  int // of a list on one page
}

// rowsFor is how many rows a list shows on one page: each is a card on a phone, and fifty of them are a long way to its end.
func rowsFor(userAgent string) int {
	if strings.Contains(userAgent, "Mobi") {
		return 20
	}
	return 50
}

// A reply is a page, a place to go instead, or a file.
type reply struct {
	status int // 0 = 200
	page   templ.Component
	to     string
	flash  *Flash // said on the next page
	file   *file
}

type handler = func(context.Context, request) (reply, error)

// page answers a caller who is signed in, and sends everybody else to sign in.
func (w *Web) page(h handler) gin.HandlerFunc {
	return func(c *gin.Context) {
		who := w.auth.Caller
		if c.GetHeader("Live") != "" { // the page asks by itself
			who = w.auth.Peek
		}
		by, err := who(c)
		if err == nil {
			err = someone(by)
		}
		if err == nil {
			if err = w.held(c.Request.Context(), by, c.FullPath()); err != nil && portal.Says(err).Kind == portal.Forbidden {
				if c.Request.Method == http.MethodGet && c.GetHeader("Live") == "" { // the terms alone, then what was asked for
					c.Redirect(http.StatusSeeOther, "/terms?"+url.Values{"next": {c.Request.URL.RequestURI()}}.Encode())
					return
				}
				w.noteDenied(c, by, err)
			}
		}
		if err != nil {
			w.Fail(c, err)
			return
		}
		w.answer(c, by, h)
	}
}

// public answers anybody.
func (w *Web) public(h handler) gin.HandlerFunc {
	return func(c *gin.Context) { w.answer(c, w.caller(c), h) }
}

func (w *Web) answer(c *gin.Context, by portal.Caller, h handler) {
	w.speak(c, by)
	ctx := c.Request.Context()
	if by.PartnerID != 0 {
		c.Set("partner", by.PartnerID)
	}
	query, err := url.ParseQuery(c.Request.URL.RawQuery)
	if err != nil {
		w.Fail(c, portal.Because(portal.Malformed, err, "this address cannot be read"))
		return
	}
	form, err := postedForm(c)
	if err != nil {
		w.Fail(c, err)
		return
	}
	if by.ReadOnly && c.Request.Method == http.MethodPost && c.FullPath() != stopViewing {
		w.noteDenied(c, by, portal.Viewing)
		w.Fail(c, portal.Viewing)
		return
	}
	r, err := h(ctx, request{by: by, shell: w.shell(c, by), query: query, form: form, files: c.Request.MultipartForm, param: c.Param, rows: rowsFor(c.Request.UserAgent())})
	if err == nil && c.GetHeader("Live") == "" {
		w.db.Used(by, c.FullPath())
	}
	if r.flash != nil {
		w.keepFlash(c, *r.flash)
	}
	switch {
	case err != nil:
		if portal.Says(err).Kind == portal.Forbidden {
			w.noteDenied(c, by, err)
		}
		w.Fail(c, err)
	case r.to != "":
		c.Redirect(http.StatusSeeOther, r.to)
	case r.file != nil:
		r.file.send(c)
	default:
		w.write(c, cmp.Or(r.status, http.StatusOK), r.page)
	}
}

// caller is who asks, or nobody.
func (w *Web) caller(c *gin.Context) portal.Caller {
	by, err := w.auth.Peek(c)
	if err != nil {
		return portal.Caller{}
	}
	return by
}

func someone(by portal.Caller) error {
	if by.PartnerID == 0 {
		return portal.Errorf(portal.Unauthenticated, "sign in first")
	}
	return nil
}

// noteDenied audits that a right was missing.
func (w *Web) noteDenied(c *gin.Context, by portal.Caller, err error) {
	ctx := c.Request.Context()
	if err := someone(by); err != nil {
		return
	}
	if auditErr := w.db.AuditDenial(ctx, by, "web "+c.FullPath(), err); auditErr != nil {
		_ = c.Error(auditErr) // for the request's log line
	}
}

// shell is what surrounds the page for the caller, who may be nobody. What cannot be found out is left out.
func (w *Web) shell(c *gin.Context, by portal.Caller) Shell {
	w.speak(c, by)
	ctx := c.Request.Context()
	s := Shell{HostName: w.hostName, Version: w.version, Path: c.Request.URL.RequestURI()}
	if cookie, err := c.Request.Cookie(themeCookie); err == nil {
		s.Theme = ParseTheme(cookie.Value)
	}
	if h, err := w.board.All(ctx); err == nil {
		s.Brand, s.HostName, s.Maintenance = h.Branding, cmp.Or(h.Branding.Name, s.HostName), h.Maintenance(by, w.db.Now())
	}
	if by.PartnerID == 0 {
		return s
	}
	s.Flash = w.takeFlash(c)
	s.Person, s.Search, s.SearchHint = by.Name, search.May(by), searchHint(by)
	s.Partner = PartnerChoice{ID: strconv.FormatInt(by.PartnerID, 10), Name: by.PartnerName, Number: by.PartnerNumber}
	if by.PersonID != uuid.Nil {
		if p, err := w.auth.Person(ctx, by); err == nil {
			s.Mail = p.Email
		}
		if all, err := w.auth.Partners(ctx, by); err == nil {
			for _, m := range all {
				s.Partners = append(s.Partners, PartnerChoice{ID: strconv.FormatInt(m.PartnerID, 10), Name: m.PartnerName, Number: m.PartnerNumber})
			}
		}
	}
	if by.Viewing {
		s.Banner = ViewAs(by.PartnerName, stopViewing, by.ReadOnly)
	}
	at := func(group Words, href string, icon Icon, label Words, shown bool) {
		if shown {
			path := c.Request.URL.Path
			s.Nav = append(s.Nav, NavItem{Group: group, Label: label, Href: href, Icon: icon, Current: path == href || href != "/" && strings.HasPrefix(path, href+"/")})
		}
	}
	dealer, supplier := by.PartnerKind == "dealer", by.PartnerKind == "supplier"
	may := by.Perms.Has
	at("", "/", IconHome, "Home", true)
	at("", "/announcements", IconFeedback, "Announcements", !by.Host)
	at("Buying", "/catalog", IconProducts, "Catalog", may(portal.CatalogRead) && !supplier)
	at("Buying", "/cart", IconPurchases, "Cart", may(portal.OrdersPlace) && may(portal.CatalogRead) && !supplier)
	at("Buying", "/orders", IconOrders, "Orders", may(portal.OrdersRead) && !supplier)
	at("Buying", "/approvals", IconChecklist, "Approvals", may(portal.OrdersApprove) && !supplier)
	at("Buying", "/claims", IconClaims, "Claims", may(portal.ClaimsRead) && dealer)
	at("Buying", "/finance", IconAccount, "Account", may(portal.AccountRead) && !supplier)
	at("Supplying", "/forecasts", IconForecasts, "Forecasts", may(portal.ForecastsRead) && supplier)
	at("Supplying", "/purchasing", IconPurchases, "Purchase orders", may(portal.PurchasingRead) && supplier)
	at("Supplying", "/dispatches", IconShipments, "Shipment notices", may(portal.PurchasingRead) && supplier)
	at("Supplying", "/receipts", IconReceipts, "Receipts", may(portal.PurchasingRead) && supplier)
	at("Supplying", "/billing", IconInvoices, "Invoices", may(portal.BillingRead) && supplier)
	at("Supplying", "/supplies", IconProducts, "Stock and capacity", may(portal.PurchasingRead) && supplier)
	at("Supplying", "/scorecard", IconChecklist, "Scorecard", may(portal.PurchasingRead) && supplier)
	at("Supplying", "/notices", IconChanges, "Changes", may(portal.NoticesRead) && supplier)
	at("Partners", "/desk/claims", IconClaims, "Claims desk", by.Host && may(portal.ClaimsDecide))
	at("Partners", "/buying", IconPurchases, "Buying desk", by.Host && may(portal.PurchasesRead))
	at("Partners", "/plans", IconForecasts, "Plans", by.Host && may(portal.PlansManage))
	at("Partners", "/partner-notices", IconChanges, "Changes", by.Host && may(portal.NoticesManage))
	at("Partners", "/partners", IconPartners, "Partners", by.Host && may(portal.PartnersRead))
	at("Partners", "/announced", IconFeedback, "Announcements", by.Host && (may(portal.NewsManage) || may(portal.AuditRead)))
	at("Partners", "/reviews", IconChecklist, "Reviews", by.Host && (may(portal.ReviewsManage) || may(portal.AuditRead)))
	at("Partners", "/sessions", IconPeople, "Signed in", by.Host && may(portal.PeopleManage))
	at("Partners", "/roles", IconKey, "Roles", by.Host && may(portal.PartnersRead))
	at("Partners", "/analytics", IconChecklist, "Analytics", by.Host && may(portal.FiguresRead))
	at("Partners", "/sync", IconRefresh, "Sync", by.Host && may(portal.FeedsRead))
	at("Own company", "/company", IconCompany, "Company", may(portal.CompanyRead))
	at("Own company", "/access", IconLock, "My access", by.PersonID != uuid.Nil && !by.Viewing)
	at("Own company", "/people", IconPeople, "People", may(portal.PeopleRead))
	at("Own company", "/ordering", IconSettings, "Ordering rules", may(portal.PeopleManage) && dealer)
	at("Own company", "/audit", IconAudit, "Log", may(portal.AuditRead) && by.Sites == nil)
	return s
}

// ShowSignIn answers with the sign-in page.
func (w *Web) ShowSignIn(c *gin.Context, status int, p SignIn) {
	w.write(c, status, SignInPage(w.shell(c, portal.Caller{}), p))
}

// ShowSignedOut answers with the page that follows signing out.
func (w *Web) ShowSignedOut(c *gin.Context) {
	w.write(c, http.StatusOK, SignedOutPage(w.shell(c, portal.Caller{}), Issuer{}))
}

// read returns what load reads in the caller's transaction, from the cache where it is known. The value is shared: never change it.
func read[T any](ctx context.Context, w *Web, by portal.Caller, noun, key string, load func(context.Context, *portal.Tx) (T, error)) (T, error) {
	return portal.Cached(ctx, w.db, by, noun, "web:"+key, func(ctx context.Context) (v T, err error) {
		err = w.db.Do(ctx, by, func(tx *portal.Tx) (err error) {
			v, err = load(ctx, tx)
			return err
		})
		return v, err
	})
}

// fresh says how old what is shown is, made of these entities: as old as the oldest, behind since the first that is.
func (w *Web) fresh(ctx context.Context, entities ...string) (f Freshness, err error) {
	all := make([]portal.Freshness, len(entities))
	for i, e := range entities {
		if all[i], err = w.db.Freshness(ctx, e); err != nil {
			return f, err
		}
	}
	now := w.db.Now()
	oldest := portal.Oldest(all...)
	f = Freshness{AsOf: oldest.AsOf, Offered: oldest.Offered, Now: now}
	for _, a := range all {
		if !a.Offered {
			continue
		}
		f.Stale = f.Stale || a.Stale(now)
		if since := a.BehindSince; !since.IsZero() && (f.BehindSince.IsZero() || since.Before(f.BehindSince)) {
			f.BehindSince = since
		}
	}
	return f, nil
}

// seats limits how many of something a person has at once, in this process.
type seats struct {
	most  int
	mu    sync.Mutex
	taken map[string]int
}

// take returns the function that gives the seat back, or TooMany.
func (s *seats) take(by portal.Caller, what string) (leave func(), err error) {
	who := by.PersonID.String() + " " + by.Name
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken[who] >= s.most {
		return nil, portal.Errorf(portal.TooMany, "you have %d %s already; wait until one ends", s.most, what)
	}
	if s.taken == nil {
		s.taken = map[string]int{}
	}
	s.taken[who]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.taken[who]--; s.taken[who] == 0 {
			delete(s.taken, who)
		}
	}, nil
}
