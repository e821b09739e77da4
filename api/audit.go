package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"extranet/portal"
	"extranet/portal/partners"
)

func (d door) audit(h huma.API) {
	const tag = "Audit"
	huma.Register(h, operation("list-audit", http.MethodGet, "/audit", tag, "Read the log", "What happened at the partner, the latest first, with what the host's staff looked at. Follow `next` until it is empty."), d.listAudit)
	huma.Register(h, operation("who-could-see", http.MethodGet, "/audit/who", tag, "Who could see a document, and who did",
		"By what was granted at that time, whatever is granted now; and who opened the document on that day."), d.whoCouldSee)
	huma.Register(h, deed("verify-audit", http.MethodPost, "/audit/verify", tag, "Verify the log", "Walks the whole chain: each row carries the hash of the one before. 409 names the first row that was altered or is missing.", false), d.verifyAudit)
}

type act struct {
	Seq    int64             `json:"seq" doc:"Its place in the partner's chain, from 1"`
	At     time.Time         `json:"at"`
	Actor  string            `json:"actor" doc:"Who did it: a name and what the person always is, a token, or the core"`
	Action string            `json:"action"`
	Target string            `json:"target"`
	Detail map[string]string `json:"detail"`
}

type actList struct {
	Items []act  `json:"items"`
	Next  string `json:"next" doc:"Cursor of the next page; empty = this is the last"`
}

type listAuditInput struct {
	Conditional
	Whose
	Actor  string    `query:"actor" doc:"A name, or exactly as the log has it" minLength:"1" maxLength:"300"`
	Action string    `query:"action" doc:"Like membership.grant, orders.export, login, denied" minLength:"1" maxLength:"100"`
	Target string    `query:"target" doc:"Exactly as the log has it" minLength:"1" maxLength:"300"`
	From   time.Time `query:"from" doc:"At this time or later"`
	To     time.Time `query:"to" doc:"Before this time"`
	Limit  int       `query:"limit" minimum:"1" maximum:"500" default:"100"`
	Cursor string    `query:"cursor" doc:"next of an earlier page" minLength:"1" maxLength:"20" pattern:"^[0-9]+$"`
}

func (d door) listAudit(ctx context.Context, in *listAuditInput) (*plain[actList], error) {
	return look(ctx, d, portal.AuditRead, in.Whose, in.Conditional, func(tx *portal.Tx, p partners.Partner) (actList, error) {
		out := actList{Items: []act{}}
		page, err := portal.Audits(ctx, tx, p.ID, portal.AuditFilter{Actor: in.Actor, Action: in.Action, Target: in.Target, From: in.From, To: in.To, Before: in.Cursor, Limit: in.Limit})
		if err != nil {
			return out, err
		}
		out.Next = page.Next
		for _, a := range page.Items {
			detail := a.Detail
			if detail == nil {
				detail = map[string]string{}
			}
			out.Items = append(out.Items, act{a.Seq, a.At, a.Actor, a.Action, a.Target, detail})
		}
		return out, nil
	})
}

type couldSee struct {
	Name        string   `json:"name" doc:"Of the person or the token"`
	Kind        string   `json:"kind" enum:"person,token"`
	Roles       []string `json:"roles" doc:"What they were then; empty for a token"`
	Sites       []string `json:"sites" nullable:"true" doc:"null = all"`
	Since       string   `json:"since" format:"date-time" doc:"Since when they could"`
	GrantedBy   string   `json:"granted_by"`
	Permissions []string `json:"permissions" doc:"What that allowed then"`
}

type opened struct {
	Who   string    `json:"who"`
	First time.Time `json:"first"`
	Last  time.Time `json:"last"`
	Times int       `json:"times"`
}

type whoSaw struct {
	Document string     `json:"document"`
	At       time.Time  `json:"at"`
	Could    []couldSee `json:"could" doc:"Who could see it at that time"`
	Opened   []opened   `json:"opened" doc:"Who opened it on that day, UTC"`
}

type whoInput struct {
	Conditional
	Whose
	Document string    `query:"document" required:"true" doc:"Like orders/4711" minLength:"3" maxLength:"200" pattern:"^[a-z]+/.+$"`
	At       time.Time `query:"at" required:"true" doc:"The moment asked about"`
}

func (d door) whoCouldSee(ctx context.Context, in *whoInput) (*plain[whoSaw], error) {
	return look(ctx, d, portal.AuditRead, in.Whose, in.Conditional, func(tx *portal.Tx, p partners.Partner) (whoSaw, error) {
		out := whoSaw{Document: in.Document, At: in.At, Could: []couldSee{}, Opened: []opened{}}
		a, err := partners.CouldSee(ctx, tx, p.ID, in.Document, in.At)
		if err != nil {
			return out, err
		}
		for _, g := range a.Could {
			out.Could = append(out.Could, couldSee{g.Name, g.Kind, orEmpty(g.Roles), g.Sites, g.At.UTC().Format(time.RFC3339), g.ChangedBy, orEmpty(g.Permissions)})
		}
		for _, o := range a.Opened {
			out.Opened = append(out.Opened, opened{o.Subject, o.FirstAt, o.LastAt, o.Times})
		}
		return out, nil
	})
}

type verified struct {
	Rows int64 `json:"rows" doc:"How many rows the chain holds; all are as they were written"`
}

type verifyInput struct {
	Keyed
	Whose
}

func (d door) verifyAudit(ctx context.Context, in *verifyInput) (*done[verified], error) {
	return atPartner(ctx, d, portal.AuditRead, in.Keyed, in.Whose, "verify audit", nil, nil, func(tx *portal.Tx, p partners.Partner) (verified, error) {
		n, err := portal.CheckAudit(ctx, tx, p.ID)
		return verified{n}, err
	})
}
