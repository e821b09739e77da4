package web

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"extranet/portal"
	"extranet/portal/purchasing"
)

// A decisionList is what the page of answers to be decided shows: what waits, or what becomes of what was picked.
type decisionList struct {
	address Address
	filter  purchasing.AnswerFilter
	items   []purchasing.WaitingAnswer
	next    string
	fresh   Freshness
	may     bool // decide
	fault   *portal.Error
	form    url.Values           // what was picked
	decided []purchasing.Decided // each that was picked
	preview bool                 // nothing of it is done yet
}

func (v decisionList) active(ctx context.Context) (links []Link) {
	if p := v.filter.Partner; p != "" {
		links = append(links, Link{Label: Said(ctx, "Supplier %s", p), Href: v.address.With("partner", "")})
	}
	for _, o := range offerOptions()[1:] {
		if o.Value == v.filter.Verdict {
			links = append(links, Link{Label: o.Label, Href: v.address.With("verdict", "")})
		}
	}
	return links
}

func (v decisionList) bar(ctx context.Context) Filter {
	return Filter{Address: v.address, Clear: v.address.With("partner", "", "verdict", ""), Active: v.active(ctx)}
}

// offerOptions are what suppliers answer other than they were asked.
func offerOptions() []Option {
	return []Option{{Value: "", Label: "Any answer"}, {Value: purchasing.Change, Label: "Other days or quantities"}, {Value: purchasing.Refuse, Label: "Refused"}, {Value: purchasing.Question, Label: "Another price"}}
}

// pickOf names an answer in a form.
func pickOf(partner, order string, answer int, line int64) string {
	return strings.Join([]string{url.PathEscape(partner), url.PathEscape(order), strconv.Itoa(answer), strconv.FormatInt(line, 10)}, "/")
}

func (v decisionList) picked(pick string) bool {
	return slices.Contains(v.form["pick"], pick)
}

// picks are the decisions that a form asks for. What names no answer is left out.
func picks(form url.Values) (list []purchasing.Decision) {
	accepted, why := form.Get("decision") == "accept", strings.TrimSpace(form.Get("why"))
	for _, pick := range form["pick"] {
		parts := strings.Split(pick, "/")
		if len(parts) != 4 {
			continue
		}
		partner, err1 := url.PathUnescape(parts[0])
		order, err2 := url.PathUnescape(parts[1])
		answer, err3 := strconv.Atoi(parts[2])
		line, err4 := strconv.ParseInt(parts[3], 10, 64)
		if err1 != nil || err2 != nil || err3 != nil || err4 != nil {
			continue
		}
		list = append(list, purchasing.Decision{Partner: partner, Order: order, Ruling: purchasing.Ruling{Answer: answer, Line: line, Accepted: accepted, Why: why}})
	}
	return list
}

func (v decisionList) count(faulty bool) (n int) {
	for _, d := range v.decided {
		if (d.Fault != "") == faulty {
			n++
		}
	}
	return n
}

func (w *Web) listDecisions(ctx context.Context, r request) (reply, error) {
	return w.decisionPage(ctx, r, decisionList{}, r.query)
}

func (w *Web) decisionPage(ctx context.Context, r request, v decisionList, q url.Values) (reply, error) {
	kept := url.Values{}
	for _, name := range []string{"partner", "verdict"} {
		if s := strings.TrimSpace(q.Get(name)); s != "" {
			kept.Set(name, s)
		}
	}
	v.address, v.filter = Address{Path: "/buying/answers", Query: kept}, purchasing.AnswerFilter{Partner: kept.Get("partner"), Verdict: kept.Get("verdict"), Cursor: q.Get("cursor")}
	v.may = r.by.Perms.Has(portal.PurchasesManage)
	r.shell.Title = "Answers to decide"
	err := w.db.AcrossPartners(ctx, r.by, portal.PurchasesRead, func(tx *portal.Tx) (err error) {
		v.items, v.next, err = purchasing.WaitingAnswers(ctx, tx, v.filter)
		return err
	})
	a := reply{}
	if says := portal.Says(err); err != nil && says.Kind == portal.Invalid {
		v.fault = says
	} else if err != nil {
		return reply{}, err
	}
	if v.fault != nil {
		r.shell.Error = &ShownError{Status: statuses[portal.Invalid], Msg: sayError(ctx, v.fault), Fields: v.fault.Fields}
		a.status = statuses[portal.Invalid]
	}
	if v.fresh, err = w.fresh(ctx, purchasing.Mirror.Entity, purchasing.Lines.Entity); err != nil {
		return reply{}, err
	}
	a.page = DecisionsPage(r.shell, v)
	return a, nil
}

// decideAnswers decides about the answers that were picked, once the buyer has seen what becomes of each.
func (w *Web) decideAnswers(ctx context.Context, r request) (reply, error) {
	if err := r.by.Need(portal.PurchasesManage); err != nil {
		return reply{}, err
	}
	v := decisionList{form: r.form, preview: r.form.Get("sure") == ""}
	bad := map[string]string{}
	list := picks(r.form)
	if len(list) == 0 {
		bad["pick"] = T(ctx, "pick the answers to decide about")
	}
	if what := r.form.Get("decision"); what != "accept" && what != "refuse" {
		bad["decision"] = T(ctx, "choose whether they are accepted")
	} else if what == "refuse" && strings.TrimSpace(r.form.Get("why")) == "" {
		bad["why"] = T(ctx, "say why, in words that the supplier reads")
	}
	if len(bad) > 0 {
		v.fault = &portal.Error{Kind: portal.Invalid, Msg: "nothing was decided", Fields: bad}
		return w.decisionPage(ctx, r, v, url.Values{})
	}
	r.shell.Title = "Answers to decide"
	if v.preview {
		err := w.db.AcrossPartners(ctx, r.by, portal.PurchasesManage, func(tx *portal.Tx) (err error) {
			v.decided, err = purchasing.DecideAll(ctx, tx, list, true)
			return err
		})
		return reply{page: DecidedPage(r.shell, v)}, err
	}
	said, err := w.acrossOnce(ctx, r, portal.PurchasesManage, func(tx *portal.Tx) (string, error) {
		done, err := purchasing.DecideAll(ctx, tx, list, false)
		b, _ := json.Marshal(done) // text and numbers: it cannot fail
		return string(b), err
	})
	if err != nil {
		return reply{}, err
	}
	if err := json.Unmarshal([]byte(said), &v.decided); err != nil {
		return reply{}, err
	}
	if v.count(true) == 0 {
		return reply{to: "/buying/answers", flash: &Flash{Tone: Good, Title: Said(ctx, "%d answers are decided", len(v.decided)), Text: "The suppliers see it now."}}, nil
	}
	return reply{page: DecidedPage(r.shell, v)}, nil
}
