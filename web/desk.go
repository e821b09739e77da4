package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"extranet/portal"
	"extranet/portal/claims"
)

// A deskList is what the queue of the claims desk shows.
type deskList struct {
	claims.Waiting
	filter  claims.DeskFilter
	address Address
	results []string // of what was done to several at once: each that could not be, and why
	done    int
}

func deskFilter(q url.Values) (claims.DeskFilter, Address) {
	kept := url.Values{}
	for _, name := range []string{"state", "kind", "partner", "late"} {
		if v := strings.TrimSpace(q.Get(name)); v != "" {
			kept.Set(name, v)
		}
	}
	return claims.DeskFilter{State: kept.Get("state"), Kind: kept.Get("kind"), Partner: kept.Get("partner"), Late: kept.Get("late") != "", Cursor: q.Get("cursor")}, Address{Path: "/desk/claims", Query: kept}
}

func (w *Web) listDesk(ctx context.Context, r request) (reply, error) {
	return w.deskQueue(ctx, r, deskList{}, r.query)
}

func (w *Web) deskQueue(ctx context.Context, r request, v deskList, q url.Values) (reply, error) {
	v.filter, v.address = deskFilter(q)
	err := w.db.AcrossPartners(ctx, r.by, portal.ClaimsDecide, func(tx *portal.Tx) (err error) { v.Waiting, err = claims.Queue(ctx, tx, v.filter); return err })
	if err != nil {
		return reply{}, err
	}
	r.shell.Title = "Claims desk"
	return reply{page: DeskPage(r.shell, v)}, nil
}

func (v deskList) pager() Pager {
	p := Pager{Shown: len(v.Items), Noun: "%d claims"}
	if v.filter.Cursor != "" {
		p.First = v.address.With()
	}
	if v.Next != "" {
		p.Next = v.address.With("cursor", v.Next)
	}
	return p
}

// bulkDesk decides the chosen claims as the rules give, each by itself: one that cannot be is named with the reason, and stops no other.
func (w *Web) bulkDesk(ctx context.Context, r request) (reply, error) {
	var v deskList
	if err := r.by.Need(portal.ClaimsDecide); err != nil {
		return reply{}, err
	}
	var picks []claims.Pick
	for _, pick := range r.form["pick"] {
		if partner, number, ok := strings.Cut(pick, " "); ok {
			picks = append(picks, claims.Pick{Partner: partner, Number: number})
		}
	}
	across := func(f func(tx *portal.Tx) error) error { return w.db.AcrossPartners(ctx, r.by, portal.ClaimsDecide, f) }
	said, err := w.onceIn(ctx, r, across, func(tx *portal.Tx) (string, error) {
		done, err := claims.DecideAll(ctx, tx, picks, wordsIn(r.form))
		b, _ := json.Marshal(done) // text and numbers: it cannot fail
		return string(b), err
	})
	if err != nil {
		return reply{}, err
	}
	var done []claims.Picked
	if err := json.Unmarshal([]byte(said), &done); err != nil {
		return reply{}, err
	}
	for _, p := range done {
		v.done += p.Decided
		if p.Why != "" {
			v.results = append(v.results, p.Number+": "+p.Why)
		}
	}
	if len(picks) == 0 {
		v.results = []string{"Choose claims first"}
	}
	return w.deskQueue(ctx, r, v, url.Values{})
}

func wordsIn(form url.Values) string { return strings.TrimSpace(form.Get("words")) }

// A deskView is what the page of one claim shows to the desk.
type deskView struct {
	claims.Case
	me       string // the person's name
	readers  bool   // they may ask who can see it
	approves bool
	line     int64 // what fault speaks of
	form     url.Values
	fault    *portal.Error
	result   *claims.Result // of a verdict that was only tried
}

func (v deskView) faultOn(line int64, field string) string {
	if v.fault == nil || v.line != line {
		return ""
	}
	return v.fault.On(field)
}

// typed is what was typed into the line's form.
func (v deskView) typed(line int64, field string) string {
	if v.line != line {
		return ""
	}
	return v.form.Get(field)
}

func (v deskView) path(line int64, what string) string {
	return deskPath(v.Partner, v.Number) + "/lines/" + strconv.FormatInt(line, 10) + "/" + what
}

func (v deskView) texts() []Option {
	options := []Option{{Value: "", Label: "None"}}
	for i, t := range v.Policy.Rules.Texts {
		options = append(options, Option{Value: strconv.Itoa(i + 1), Label: Verbatim(t.Title)})
	}
	return options
}

func deskPath(partner, number string) string {
	return "/desk/claims/" + url.PathEscape(partner) + "/" + url.PathEscape(number)
}

func (w *Web) deskPage(ctx context.Context, r request, v deskView) (reply, error) {
	err := w.db.AcrossPartners(ctx, r.by, portal.ClaimsDecide, func(tx *portal.Tx) (err error) {
		v.Case, err = claims.Open(ctx, tx, r.param("partner"), r.param("number"))
		return err
	})
	if err != nil {
		return reply{}, err
	}
	v.me, v.approves = r.by.Name, r.by.Perms.Has(portal.ClaimsApprove)
	r.shell.Title = Said(ctx, "Claim %s", v.Number)
	a := reply{page: DeskCasePage(r.shell, v)}
	if v.fault != nil {
		a.status = statuses[v.fault.Kind]
	}
	return a, nil
}

func (w *Web) showDesk(ctx context.Context, r request) (reply, error) {
	return w.deskPage(ctx, r, deskView{readers: r.by.Perms.Has(portal.PeopleRead)})
}

// wordsOf are the words that were typed, with the text that was chosen before them.
func wordsOf(c claims.Case, form url.Values) string {
	words := strings.TrimSpace(form.Get("words"))
	if n, err := strconv.Atoi(form.Get("text")); err == nil && n >= 1 && n <= len(c.Policy.Rules.Texts) {
		words = strings.TrimSpace(c.Policy.Rules.Texts[n-1].Words + "\n" + words)
	}
	return words
}

func verdictOf(form url.Values, line int64, words string) claims.Verdict {
	said := func(field string) string { return strings.TrimSpace(form.Get(fmt.Sprintf("l%d-%s", line, field))) }
	v := claims.Verdict{Condition: said("condition"), Tread: portal.Amount(said("tread")), Received: portal.Amount(said("received")), Quantity: portal.Amount(said("quantity")), Words: words}
	if share, code := said("goodwill"), said("goodwill_code"); share != "" || code != "" {
		v.Goodwill = &claims.Goodwill{Share: portal.Amount(share), Code: code}
	}
	return v
}

// deskDeed is what the desk does to a line.
func (w *Web) deskDeed(what string) handler {
	need := portal.ClaimsDecide
	if what == "approve" || what == "return" {
		need = portal.ClaimsApprove
	}
	flash := map[string]Words{"decide": "Decided", "ask": "The partner is asked", "review": "Under review", "approve": "The decision takes effect", "return": "Sent back", "split": "Split"}[what]
	return func(ctx context.Context, r request) (reply, error) {
		partner, number, line := r.param("partner"), r.param("number"), lineParam(r)
		v := deskView{line: line, form: r.form, readers: r.by.Perms.Has(portal.PeopleRead)}
		across := func(f func(tx *portal.Tx) error) error { return w.db.AcrossPartners(ctx, r.by, need, f) }
		if what == "decide" && r.form.Get("try") != "" { // only to see what the rules give
			err := across(func(tx *portal.Tx) error {
				result, err := claims.Preview(ctx, tx, partner, number, line, verdictOf(r.form, line, ""))
				v.result = &result
				return err
			})
			if err != nil && !errors.As(err, &v.fault) {
				return reply{}, err
			}
			if v.fault != nil {
				v.result = nil
			}
			return w.deskPage(ctx, r, v)
		}
		_, err := w.onceIn(ctx, r, across, func(tx *portal.Tx) (string, error) {
			switch what {
			case "review":
				return "", claims.Review(ctx, tx, partner, number, line)
			case "approve":
				return "", claims.Approve(ctx, tx, partner, number, line)
			case "return":
				return "", claims.SendBack(ctx, tx, partner, number, line, r.form.Get("words"))
			case "split":
				_, err := claims.Split(ctx, tx, partner, number, line, portal.Amount(strings.TrimSpace(r.form.Get("quantity"))))
				return "", err
			}
			c, err := claims.Open(ctx, tx, partner, number)
			if err != nil {
				return "", err
			}
			words := wordsOf(c, r.form)
			if what == "ask" {
				return "", claims.Ask(ctx, tx, partner, number, line, words)
			}
			return "", claims.DecideLine(ctx, tx, partner, number, line, verdictOf(r.form, line, words))
		})
		if errors.As(err, &v.fault) && (v.fault.Kind == portal.Invalid || v.fault.Kind == portal.Conflict) {
			return w.deskPage(ctx, r, v)
		} else if err != nil {
			return reply{}, err
		}
		return reply{to: deskPath(partner, number), flash: &Flash{Tone: Good, Title: flash, Text: Said(ctx, "Claim %s, line %d", number, line)}}, nil
	}
}

func (w *Web) takeDeskFile(ctx context.Context, r request) (a reply, err error) {
	err = w.db.AcrossPartners(ctx, r.by, portal.ClaimsDecide, func(tx *portal.Tx) error {
		f, content, err := claims.DeskFile(ctx, tx, w.files, r.param("partner"), r.param("number"), r.param("id"))
		if err != nil {
			return err
		}
		defer content.Close()
		a.file, err = given(f, content)
		return err
	})
	return a, err
}
