package partners

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"
	"github.com/lib/pq"

	"extranet/portal"
)

// viewLasts is how long the host's staff may look as a partner before they must say again why.
const viewLasts = 30 * time.Minute

// seen are what somebody who looks as a partner may do; actable what somebody who acts for it may beside. Neither lets anybody in.
var (
	seen = portal.Allow(portal.OrdersRead, portal.CatalogRead, portal.PricesRead, portal.AccountRead, portal.ClaimsRead, portal.ForecastsRead, portal.PurchasingRead, portal.BillingRead,
		portal.NoticesRead, portal.CompanyRead, portal.PeopleRead, portal.AuditRead)
	actable = seen | portal.Allow(portal.OrdersExport, portal.OrdersPlace, portal.OrdersApprove, portal.AccountExport, portal.ClaimsFile, portal.ForecastsCommit, portal.PurchasingAnswer,
		portal.DispatchSend, portal.BillingSend, portal.StockReport, portal.NoticesAnswer)
)

// BeginView lets the caller's session look at the portal as the partner with the number sees it, for half an hour. It needs ViewAs; to act for
// the partner as well it needs ActFor, and what is done then bears the name of who did it. The reason is in the partner's own audit. Anybody
// but the host's staff is Forbidden, a partner that is not there NotFound, a reason that says nothing Invalid.
func (s *Sessions) BeginView(ctx context.Context, by portal.Caller, number, reason string, acts bool) error {
	if !by.Host {
		return portal.Errorf(portal.Forbidden, "only the host's staff may do this")
	}
	if err := by.Need(portal.ViewAs); err != nil {
		return err
	}
	if acts {
		if err := by.Need(portal.ActFor); err != nil {
			return err
		}
	}
	reason = strings.TrimSpace(reason)
	if n := len([]rune(reason)); n < 5 || n > 300 || strings.ContainsFunc(reason, unicode.IsControl) {
		return &portal.Error{Kind: portal.Invalid, Msg: "a reason is needed", Fields: map[string]string{"reason": "say in 5 to 300 characters why; the partner reads it"}}
	}
	if by.SessionID == uuid.Nil {
		return noSession
	}
	return s.db.AtTheDoor(ctx, func(tx *portal.Tx) error {
		tx.By = by
		p, err := ByNumber(ctx, tx, number)
		if err != nil {
			return err
		}
		if p.Kind == "host" {
			return portal.Errorf(portal.NotFound, "there is no partner %q", number)
		}
		until := tx.Now.Add(viewLasts)
		n, err := tx.Exec(ctx, `UPDATE sessions SET viewing = $3, viewing_until = $4, viewing_acts = $5 WHERE session_id = $1 AND person_id = $2 AND partner_id = $6 AND ended_at IS NULL`,
			by.SessionID, by.PersonID, p.ID, until, acts, by.PartnerID)
		if err != nil {
			return fmt.Errorf("beginning to view: %w", err)
		}
		if n == 0 {
			return sessionEnded
		}
		tx.AccessChanged(by.PersonID)
		detail := map[string]string{"reason": reason, "until": until.Format(time.RFC3339), "may": "look"}
		if acts {
			detail["may"] = "look and act"
		}
		if err := tx.AuditFor(ctx, min(p.ID, by.PartnerID), "view.begin", p.Number, detail); err != nil {
			return err
		}
		return tx.AuditFor(ctx, max(p.ID, by.PartnerID), "view.begin", p.Number, detail)
	})
}

// EndView ends it, if the session looks as a partner at all.
func (s *Sessions) EndView(ctx context.Context, by portal.Caller) error {
	return s.db.AtTheDoor(ctx, func(tx *portal.Tx) error {
		tx.By = by
		var at []int64
		err := tx.Select(ctx, &at, `
			UPDATE sessions s SET viewing = NULL, viewing_until = NULL, viewing_acts = false
			FROM sessions was
			WHERE s.session_id = $1 AND s.person_id = $2 AND s.viewing IS NOT NULL AND was.session_id = s.session_id
			RETURNING was.viewing`, by.SessionID, by.PersonID)
		if err != nil {
			return fmt.Errorf("ending a view: %w", err)
		}
		if len(at) == 0 {
			return nil
		}
		tx.AccessChanged(by.PersonID)
		return tx.AuditFor(ctx, at[0], "view.end", "", nil)
	})
}

// view makes the access of the host's staff that of somebody who looks as the partner. A partner that is closed is not looked at.
func view(ctx context.Context, tx *portal.Tx, a *access, partner int64, until time.Time, acts bool) error {
	var all pq.StringArray
	for _, r := range portal.Roles {
		if !r.Host {
			all = append(all, r.Name)
		}
	}
	var r struct {
		Number string `db:"number"`
		Name   string `db:"name"`
		Kind   string `db:"kind"`
		rights
	}
	err := tx.Get(ctx, &r, `SELECT p.number, p.name, p.kind, `+rightsColumns+` FROM partners p CROSS JOIN (SELECT $2::text[] AS roles) m WHERE p.partner_id = $1 AND p.closed_at IS NULL`, partner, all)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	} else if err != nil {
		return fmt.Errorf("reading whom somebody views: %w", err)
	}
	acts = acts && a.Caller.Perms.Has(portal.ActFor)
	perms := r.allow(all, r.Kind) & seen
	if acts {
		perms = r.allow(all, r.Kind) & actable
	}
	host := a.Caller
	a.Until = until
	a.Caller = portal.Caller{PartnerID: partner, PartnerNumber: r.Number, PartnerName: r.Name, PartnerKind: r.Kind, PersonID: host.PersonID, Name: host.Name + " of " + host.PartnerName,
		Perms: perms, Programmes: r.Programmes, Categories: r.Categories, DocumentKinds: r.Kinds, SessionID: host.SessionID, Viewing: true, ReadOnly: !acts}
	return nil
}
