package web

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"extranet/portal"
	"extranet/portal/claims"
	"extranet/portal/files"
	"extranet/portal/partners"
)

// How kinds and states of claims are said.
var (
	claimKinds = map[string]Words{"warranty": "Warranty", "transit": "Transit damage", "shortage": "Shortage or wrong goods", "price": "Price difference", "return": "Return"}
	claimHints = map[string]Words{"warranty": "A fault of material or work", "transit": "It arrived damaged", "shortage": "Less arrived, or something else", "price": "Billed at another price than agreed", "return": "Unused goods to send back"}

	claimStates = map[string]statusWord{
		"draft": {"Draft", Neutral, IconDraft}, "submitted": {"Submitted", Info, IconSend}, "in_review": {"In review", Info, IconView}, "asked": {"Answer needed", Warn, IconHelp},
		"proposed": {"Second person", Info, IconPeople}, "appealed": {"Appealed", Info, IconMessages}, "approved": {"Approved", Good, IconOK}, "in_part": {"Approved in part", Good, IconOK},
		"refused": {"Refused", Bad, IconRefused}, "credited": {"Credited", Good, IconReceipts}, "withdrawn": {"Withdrawn", Neutral, IconCancelled}, "closed": {"Closed", Neutral, IconTick}, "incomplete": {"Not complete", Warn, IconWarning},
	}
)

func claimState(state string) statusWord {
	if w, ok := claimStates[state]; ok {
		return w
	}
	return statusWord{Verbatim(state), Neutral, IconInfo}
}

func claimPath(number string) string { return "/claims/" + url.PathEscape(number) }

func linePath(claim string, line int64, more string) string {
	return claimPath(claim) + "/lines/" + strconv.FormatInt(line, 10) + more
}

// A claimList is what the page of the list shows.
type claimList struct {
	page    claims.Page
	filter  claims.Filter
	address Address
	sites   sites
	places  []partners.Site
	may     bool // the caller may begin one
}

func claimFilter(q url.Values) (claims.Filter, Address) {
	kept := url.Values{}
	for _, name := range []string{"state", "kind", "site"} {
		if v := strings.TrimSpace(q.Get(name)); v != "" {
			kept.Set(name, v)
		}
	}
	return claims.Filter{State: kept.Get("state"), Kind: kept.Get("kind"), Site: kept.Get("site"), Cursor: q.Get("cursor")}, Address{Path: "/claims", Query: kept}
}

func (w *Web) listClaims(ctx context.Context, r request) (reply, error) {
	v := claimList{may: r.by.Perms.Has(portal.ClaimsFile)}
	v.filter, v.address = claimFilter(r.query)
	v.filter.Limit = r.rows
	var err error
	if v.page, err = read(ctx, w, r.by, claims.Noun, "list"+v.filter.Key(), func(ctx context.Context, tx *portal.Tx) (claims.Page, error) { return claims.List(ctx, tx, v.filter) }); err != nil {
		return reply{}, err
	}
	if v.sites, v.places, err = w.sites(ctx, r.by); err != nil {
		return reply{}, err
	}
	r.shell.Title = "Claims"
	return reply{page: ClaimsPage(r.shell, v)}, nil
}

func (v claimList) pager() Pager {
	p := Pager{Shown: len(v.page.Items), Noun: "%d claims"}
	if v.filter.Cursor != "" {
		p.First = v.address.With()
	}
	if v.page.Next != "" {
		p.Next = v.address.With("cursor", v.page.Next)
	}
	return p
}

func (v claimList) file(kind string) string {
	return Address{Path: "/exports/claims." + kind, Query: v.address.Query}.With()
}

var claimHeader = []Words{"Claim", "Kind", "Your number", "Site", "Site name", "State", "Whose turn", "Due", "Begun", "Begun by", "Submitted", "Currency"}

func (w *Web) exportClaims(format string) handler {
	return func(ctx context.Context, r request) (reply, error) {
		filter, _ := claimFilter(r.query)
		if err := filter.Check(); err != nil {
			return reply{}, err
		}
		places, _, err := w.sites(ctx, r.by)
		if err != nil {
			return reply{}, err
		}
		about := []fact{{"State", filter.State}, {"Kind", filter.Kind}, {"Site", filter.Site}}
		f := sheetFile{name: "claims", title: "Claims", kind: format, header: claimHeader, fresh: Freshness{AsOf: w.db.Now()}, about: about}
		return w.sheet(ctx, r, f, func(tx *portal.Tx, row func(...any) error) error {
			return claims.Export(ctx, tx, filter, format, func(c claims.Claim) error {
				return row(c.Number, T(ctx, claimKinds[c.Kind]), c.Reference, c.Site, places[c.Site].Name, T(ctx, claimState(c.State).text), T(ctx, turnOf(c.Owner, "Yours", "The host's")), dayOf(c.DueAt), portal.DateOf(c.CreatedAt), c.CreatedBy, dayOf(c.SubmittedAt), c.Currency)
			})
		})
	}
}

func lineTitle(ctx context.Context, l claims.Line) Words {
	if l.Facts.Description == "" {
		return Said(ctx, "Line %d", l.Line)
	}
	return Said(ctx, "Line %d: %s", l.Line, l.Facts.Description)
}

// nextWords says whose turn it is, what they have to do, and by when.
func nextWords(ctx context.Context, l claims.Line, dealer, host Words) string {
	words := T(ctx, turnOf(l.Owner, dealer, host)) + ": " + T(ctx, Words(l.NextAction))
	if l.Due != nil {
		words = T(ctx, "%s, by %s", words, DayText(ctx, *l.Due))
	}
	return words
}

func dayOf(t sql.NullTime) portal.Date {
	if !t.Valid {
		return ""
	}
	return portal.DateOf(t.Time)
}

// A claimStart is what the page that begins a claim shows, as it was filled in.
type claimStart struct {
	form   url.Values
	sites  sites
	places []partners.Site
	fault  *portal.Error
}

// about says which line it is about, where one was chosen.
func (v claimStart) about(ctx context.Context) Words {
	switch {
	case v.form.Get("invoice_line") != "":
		return Said(ctx, "Line %s of invoice %s", v.form.Get("invoice_line"), v.form.Get("invoice"))
	case v.form.Get("order_line") != "":
		return Verbatim(join(", ", T(ctx, "Line %s of order %s", v.form.Get("order_line"), v.form.Get("order")), T(ctx, shipmentWords(ctx, v.form.Get("shipment")))))
	}
	return ""
}

func shipmentWords(ctx context.Context, number string) Words {
	if number == "" {
		return ""
	}
	return Said(ctx, "shipment %s", number)
}

// claimRefs are the fields that name a line of the core's.
var claimRefs = []string{"order", "order_line", "shipment", "invoice", "invoice_line"}

func refOf(q url.Values) (r claims.Ref) {
	number := func(name string) int64 { n, _ := strconv.ParseInt(q.Get(name), 10, 64); return max(n, 0) }
	return claims.Ref{OrderNumber: q.Get("order"), OrderLine: number("order_line"), Shipment: q.Get("shipment"), Invoice: q.Get("invoice"), InvoiceLine: number("invoice_line")}
}

func (w *Web) newClaim(ctx context.Context, r request) (_ reply, err error) {
	if err := r.by.Need(portal.ClaimsFile); err != nil {
		return reply{}, err
	}
	return w.claimForm(ctx, r, claimStart{form: r.query})
}

func (w *Web) claimForm(ctx context.Context, r request, v claimStart) (_ reply, err error) {
	if v.sites, v.places, err = w.sites(ctx, r.by); err != nil {
		return reply{}, err
	}
	r.shell.Title = "New claim"
	a := reply{page: NewClaimPage(r.shell, v)}
	if v.fault != nil {
		a.status = statuses[v.fault.Kind]
	}
	return a, nil
}

func (w *Web) beginClaim(ctx context.Context, r request) (reply, error) {
	to, err := w.once(ctx, r, func(tx *portal.Tx) (string, error) {
		number, err := claims.Draft(ctx, tx, claims.New{Kind: r.form.Get("kind"), Site: r.form.Get("site"), Reference: r.form.Get("reference"), ContactEmail: r.shell.Mail, Ref: refOf(r.form)})
		return claimPath(number), err
	})
	var fault *portal.Error
	if errors.As(err, &fault) && fault.Kind == portal.Invalid {
		return w.claimForm(ctx, r, claimStart{form: r.form, fault: fault})
	}
	return reply{to: to}, err
}

// A claimView is what the page of one claim shows.
type claimView struct {
	claims.Detail
	sites    sites
	may      bool // the caller may change it
	outgoing []portal.Posted
	line     int64         // what fault speaks of; 0 = the whole claim
	typed    *claims.Facts // of that line, as it was typed
	words    string        // as they were typed
	fault    *portal.Error
	taken    bool // files are taken here
}

func (v claimView) faultOn(line int64, field string) string {
	if v.fault == nil || v.line != line {
		return ""
	}
	return v.fault.On(field)
}

// facts of the line, as they were typed where they could not be kept.
func (v claimView) facts(l claims.Line) claims.Facts {
	if v.typed != nil && v.line == l.Line {
		f := *v.typed
		f.Ref, f.Description, f.Unit = l.Facts.Ref, l.Facts.Description, l.Facts.Unit
		return f
	}
	return l.Facts
}

// drafts reports whether something can be submitted.
func (v claimView) drafts() bool {
	return slices.ContainsFunc(v.Lines, func(l claims.Line) bool { return l.State == "draft" })
}

func (v claimView) editable() bool {
	return slices.ContainsFunc(v.Lines, func(l claims.Line) bool { return l.Editable() })
}

func (v claimView) moments(ctx context.Context) (all []Event) {
	for _, e := range v.Events {
		title := upperFirst(T(ctx, Words(e.What)))
		if e.Line > 0 {
			title = T(ctx, "%s, line %d", title, int(e.Line))
		}
		by := e.ByName
		if e.Side == claims.Host {
			by = T(ctx, "the host's desk")
		}
		tone, icon := Neutral, IconTick
		switch {
		case strings.Contains(e.What, "asked"):
			tone, icon = Warn, IconHelp
		case strings.Contains(e.What, "refused"):
			tone, icon = Bad, IconRefused
		case strings.Contains(e.What, "approved"), strings.Contains(e.What, "credited"):
			tone, icon = Good, IconOK
		case e.Side == claims.Host:
			tone, icon = Info, IconMessages
		}
		event := Event{At: e.At, Title: Verbatim(title), By: by, Icon: icon, Tone: tone}
		if e.Words != "" {
			event.Detail = asWritten(e.Words)
		}
		all = append(all, event)
	}
	slices.Reverse(all)
	return all
}

func (w *Web) claimPage(ctx context.Context, r request, v claimView) (_ reply, err error) {
	number := r.param("number")
	err = w.db.Do(ctx, r.by, func(tx *portal.Tx) (err error) {
		if v.Detail, err = claims.Get(ctx, tx, number); err != nil {
			return err
		}
		v.outgoing, err = portal.Outgoing(ctx, tx, claims.Document(number))
		return err
	})
	if err != nil {
		return reply{}, err
	}
	if v.sites, _, err = w.sites(ctx, r.by); err != nil {
		return reply{}, err
	}
	v.may, v.taken = r.by.Perms.Has(portal.ClaimsFile), w.files != nil
	r.shell.Title = Said(ctx, "Claim %s", v.Number)
	a := reply{page: ClaimPage(r.shell, v)}
	if v.fault != nil {
		a.status = statuses[v.fault.Kind]
		a.page = ClaimPage(r.shell, v)
	}
	return a, nil
}

func (w *Web) showClaim(ctx context.Context, r request) (reply, error) {
	return w.claimPage(ctx, r, claimView{})
}

// claimAnswer goes back to the claim, or shows it with what cannot be meant and what was typed.
func (w *Web) claimAnswer(ctx context.Context, r request, v claimView, flash Words, err error) (reply, error) {
	if errors.As(err, &v.fault) && (v.fault.Kind == portal.Invalid || v.fault.Kind == portal.Conflict) {
		return w.claimPage(ctx, r, v)
	}
	a := reply{to: claimPath(r.param("number"))}
	if flash != "" && err == nil {
		a.flash = &Flash{Tone: Good, Title: flash}
	}
	return a, err
}

func lineParam(r request) int64 {
	n, err := strconv.ParseInt(r.param("line"), 10, 32)
	if err != nil || n < 1 {
		return -1 // there is no such line
	}
	return n
}

func (w *Web) addClaimLine(ctx context.Context, r request) (reply, error) {
	number := r.param("number")
	_, err := w.once(ctx, r, func(tx *portal.Tx) (string, error) {
		_, err := claims.AddLine(ctx, tx, number, refOf(r.form))
		return "", err
	})
	return w.claimAnswer(ctx, r, claimView{}, "A line was added", err)
}

// saveClaimLine keeps a line, by its button or by itself while it is filled in. It can be done any number of times.
func (w *Web) saveClaimLine(ctx context.Context, r request) (reply, error) {
	number, line := r.param("number"), lineParam(r)
	var facts claims.Facts
	prefix := fmt.Sprintf("l%d-", line)
	for name, values := range r.form {
		if field, ok := strings.CutPrefix(name, prefix); ok && len(values) > 0 {
			facts.Set(field, values[0])
		}
	}
	err := w.db.Do(ctx, r.by, func(tx *portal.Tx) error { return claims.Save(ctx, tx, number, line, facts) })
	flash := ""
	if r.form.Get("save") != "" {
		flash = "Saved"
	}
	return w.claimAnswer(ctx, r, claimView{line: line, typed: &facts}, Verbatim(flash), err)
}

func (w *Web) submitClaim(ctx context.Context, r request) (reply, error) {
	number := r.param("number")
	_, err := w.once(ctx, r, func(tx *portal.Tx) (string, error) { return "", claims.Submit(ctx, tx, number) })
	return w.claimAnswer(ctx, r, claimView{}, "The claim is submitted", err)
}

// claimDeed is what a partner does to a line with words.
func (w *Web) claimDeed(what string) handler {
	do := map[string]func(ctx context.Context, tx *portal.Tx, number string, line int64, words string) error{"answer": claims.Answer, "appeal": claims.Appeal, "withdraw": claims.Withdraw}[what]
	flash := map[string]Words{"answer": "Your answer is with the desk", "appeal": "Your appeal is with the desk", "withdraw": "The line is withdrawn"}[what]
	return func(ctx context.Context, r request) (reply, error) {
		number, line, words := r.param("number"), lineParam(r), r.form.Get("words")
		_, err := w.once(ctx, r, func(tx *portal.Tx) (string, error) { return "", do(ctx, tx, number, line, words) })
		return w.claimAnswer(ctx, r, claimView{line: line, words: words}, flash, err)
	}
}

// addClaimFiles adds what was chosen, or photographed. Each file that is not taken is named with the reason; the others are kept.
func (w *Web) addClaimFiles(ctx context.Context, r request) (reply, error) {
	number := r.param("number")
	if err := r.by.Need(portal.ClaimsFile); err != nil {
		return reply{}, err
	}
	if err := w.db.Do(ctx, r.by, func(tx *portal.Tx) error { _, err := claims.Get(ctx, tx, number); return err }); err != nil {
		return reply{}, err
	}
	fault, err := takeFiles(r, func(f files.Checked) error {
		return w.db.Do(ctx, r.by, func(tx *portal.Tx) error { _, err := claims.AddFile(ctx, tx, w.files, number, f); return err })
	})
	if err != nil {
		return reply{}, err
	}
	if fault != nil {
		return w.claimPage(ctx, r, claimView{fault: fault})
	}
	return reply{to: claimPath(number), flash: &Flash{Tone: Good, Title: "Added"}}, nil
}

func (w *Web) takeClaimFile(ctx context.Context, r request) (a reply, err error) {
	err = w.db.Do(ctx, r.by, func(tx *portal.Tx) error {
		f, content, err := claims.TakeFile(ctx, tx, w.files, r.param("number"), r.param("id"))
		if err != nil {
			return err
		}
		defer content.Close()
		a.file, err = given(f, content)
		return err
	})
	return a, err
}

// cut splits "2.serial" into the line and its field.
func cut(field string) (line, name string, ok bool) {
	line, name, ok = strings.Cut(field, ".")
	if _, err := strconv.Atoi(line); err != nil {
		return "", "", false
	}
	return line, name, ok
}

func claimFieldName(field string) Words {
	if n, ok := claims.FieldNames[field]; ok {
		return Words(n)
	}
	return Verbatim(upperFirst(field))
}

// claimFieldHint explains what is not plain.
func claimFieldHint(field string) Words {
	return (map[string]Words{"serial": "On the side wall: DOT and what follows, or the serial number", "tread": "mm, at the shallowest main groove", "new_tread": "mm", "usage_in": "Odometer or hours", "usage_out": "Odometer or hours",
		"price": "For one unit, without tax", "agreed_price": "For one unit, without tax", "labour_hours": "Hours", "received": "What arrived of the quantity"}[field])
}

// lockedField reports whether only the core says it.
func lockedField(l claims.Line, field string) bool {
	found := l.Facts.OrderLine != 0 || l.Facts.InvoiceLine != 0
	return found && (field == "product" || field == "price" || field == "invoice" && l.Facts.Invoice != "" || field == "shipment" && l.Facts.Shipment != "")
}

// typed gives a field the kind of its value.
func typed(f Field, field string) Field {
	switch field {
	case "purchased_on", "failed_on", "delivered_on":
		f.Type = "date"
		if portal.Date(f.Value).Time().IsZero() {
			f.Value = ""
		}
	case "quantity", "received", "usage_in", "usage_out", "new_tread", "tread", "price", "agreed_price", "labour_hours":
		f.InputMode, f.Narrow = "decimal", true
		f.More = templ.Attributes{"maxlength": "20"}
	default:
		f.More = templ.Attributes{"maxlength": "100"}
	}
	return f
}

func codesOf(p claims.Policy, field string) (options []Option) {
	codes := p.Rules.Conditions
	switch field {
	case "condition":
	case "cause":
		codes = p.Rules.Causes
	default:
		return nil
	}
	if len(codes) == 0 {
		return nil
	}
	options = []Option{{Value: "", Label: "Choose"}}
	for _, c := range codes {
		options = append(options, Option{Value: c.Code, Label: Verbatim(c.Says)})
	}
	return options
}

// factText says a fact as people read it.
func factText(ctx context.Context, d claims.Detail, l claims.Line, field string) string {
	f, value := l.Facts, l.Facts.Value(field)
	switch field {
	case "price", "agreed_price", "list_price":
		return Amount(ctx, portal.Amount(value).Number(), d.Currency)
	case "quantity", "received":
		return Quantity(ctx, portal.Amount(value).Number(), f.Unit)
	case "tread", "new_tread":
		return Quantity(ctx, portal.Amount(value).Number(), "mm")
	case "purchased_on", "failed_on", "delivered_on":
		return dayOr(ctx, portal.Date(value), value)
	case "condition", "cause":
		for _, o := range codesOf(d.RulesOf(l), field) {
			if o.Value == value {
				return T(ctx, o.Label)
			}
		}
	}
	return value
}
