package portal

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/jmoiron/sqlx"
)

// An Act is one row of a partner's audit.
type Act struct {
	Seq    int64             `db:"seq"`
	At     time.Time         `db:"at"` // UTC
	Actor  string            `db:"actor"`
	Action string            `db:"action"` // like membership.grant, orders.export, login, denied
	Target string            `db:"target"`
	Detail map[string]string `db:"-"`

	Text string `db:"detail"`
}

// An AuditFilter says which acts are looked for. What is empty is not asked for.
type AuditFilter struct {
	Actor  string // as the audit names them, or the name alone
	Action string
	Target string
	From   time.Time
	To     time.Time // not included
	Before string    // Next of the page before
	Limit  int       // 0 = 100
}

// AuditPage is a part of a partner's audit, the latest first.
type AuditPage struct {
	Items []Act
	Next  string // "" = this is the last
}

const auditColumns = `seq, at, actor, action, target, detail`

const auditWhere = ` FROM audit
	WHERE partner_id = $1 AND ($2 = '' OR actor = $2 OR (actor >= $2 || ' <' AND actor < $2 || ' =')) AND ($3 = '' OR action = $3) AND ($4 = '' OR target = $4)
		AND ($5::timestamptz IS NULL OR at >= $5) AND ($6::timestamptz IS NULL OR at < $6) AND ($7::bigint = 0 OR seq < $7)
	ORDER BY seq DESC`

func (f AuditFilter) args(partner, before int64) []any {
	at := func(t time.Time) any {
		if t.IsZero() {
			return nil
		}
		return t
	}
	return []any{partner, f.Actor, f.Action, f.Target, at(f.From), at(f.To), before}
}

// mayAudit returns Forbidden unless the caller may read the partner's audit: their own partner's, or any for the host's staff. It needs AuditRead.
func mayAudit(tx *Tx, partner int64) error {
	if partner != tx.By.PartnerID && !tx.By.Host {
		return Errorf(Forbidden, "only the host's staff may do this")
	}
	if tx.By.Sites != nil && partner == tx.By.PartnerID {
		return Errorf(Forbidden, "the log speaks of all sites, and your access is limited to some")
	}
	return tx.Need(AuditRead)
}

// Audits lists what happened at the partner, the latest first. It needs AuditRead.
func Audits(ctx context.Context, tx *Tx, partner int64, f AuditFilter) (page AuditPage, err error) {
	if err := mayAudit(tx, partner); err != nil {
		return page, err
	}
	var before int64
	if f.Before != "" {
		if before, err = strconv.ParseInt(f.Before, 10, 64); err != nil || before < 1 {
			return page, &Error{Kind: Invalid, Msg: "this page cannot be found", Fields: map[string]string{"cursor": "begin again without it"}}
		}
	}
	if f.Limit == 0 {
		f.Limit = 100
	}
	err = tx.Select(ctx, &page.Items, `SELECT `+auditColumns+auditWhere+` LIMIT $8`, append(f.args(partner, before), f.Limit+1)...)
	if err != nil {
		return page, fmt.Errorf("reading the audit: %w", err)
	}
	if len(page.Items) > f.Limit {
		page.Items = page.Items[:f.Limit]
		page.Next = strconv.FormatInt(page.Items[f.Limit-1].Seq, 10)
	}
	for i := range page.Items {
		page.Items[i].read()
	}
	return page, nil
}

// read takes the detail apart; an old one of another form is shown as it is.
func (a *Act) read() {
	if json.Unmarshal([]byte(a.Text), &a.Detail) != nil {
		a.Detail = map[string]string{"detail": a.Text}
	}
}

// EachAudit calls f with every act that the filter finds, the latest first, and audits that it was taken away. It needs AuditRead.
func EachAudit(ctx context.Context, tx *Tx, partner int64, filter AuditFilter, format string, f func(Act) error) error {
	if err := mayAudit(tx, partner); err != nil {
		return err
	}
	if err := tx.AuditFor(ctx, partner, "audit.export", "audit", map[string]string{"format": format, "actor": filter.Actor, "action": filter.Action, "target": filter.Target}); err != nil {
		return err
	}
	return tx.Each(ctx, func(row *sqlx.Rows) error {
		var a Act
		if err := row.StructScan(&a); err != nil {
			return err
		}
		a.read()
		return f(a)
	}, `SELECT `+auditColumns+auditWhere, filter.args(partner, 0)...)
}

// AuditActions lists what has happened at the partner at all, by name. It needs AuditRead.
func AuditActions(ctx context.Context, tx *Tx, partner int64) (names []string, err error) {
	if err := mayAudit(tx, partner); err != nil {
		return nil, err
	}
	// One step of the index for each name, however many rows there are.
	err = tx.Select(ctx, &names, `
		WITH RECURSIVE n AS (
			(SELECT action FROM audit WHERE partner_id = $1 ORDER BY action LIMIT 1)
			UNION ALL
			SELECT (SELECT a.action FROM audit a WHERE a.partner_id = $1 AND a.action > n.action ORDER BY a.action LIMIT 1) FROM n WHERE n.action IS NOT NULL)
		SELECT action FROM n WHERE action IS NOT NULL`, partner)
	if err != nil {
		return nil, fmt.Errorf("reading the audit: %w", err)
	}
	return names, nil
}

// CheckAudit is VerifyAudit for a caller: it needs AuditRead, and is audited itself.
func CheckAudit(ctx context.Context, tx *Tx, partner int64) (rows int64, err error) {
	if err := mayAudit(tx, partner); err != nil {
		return 0, err
	}
	if rows, err = VerifyAudit(ctx, tx, partner); err != nil {
		return rows, err
	}
	return rows, tx.AuditFor(ctx, partner, "audit.verify", "audit", map[string]string{"rows": strconv.FormatInt(rows, 10)})
}

// A Chain is a partner that has an audit.
type Chain struct {
	PartnerID int64  `db:"partner_id"`
	Number    string `db:"number"`
}

// Chains lists every partner that has an audit. tx is the host's; it needs AuditRead.
func Chains(ctx context.Context, tx *Tx) (list []Chain, err error) {
	if err := tx.Need(AuditRead); err != nil {
		return nil, err
	}
	if err := tx.Select(ctx, &list, `SELECT p.partner_id, p.number FROM partners p JOIN (SELECT partner_id FROM audit_heads UNION SELECT DISTINCT partner_id FROM audit) a USING (partner_id) ORDER BY p.partner_id`); err != nil {
		return nil, fmt.Errorf("listing audit chains: %w", err)
	}
	return list, nil
}
