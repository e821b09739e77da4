package notices

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"

	"extranet/portal"
)

// A Policy is how long each side may take, in days.
type Policy struct {
	AcknowledgeDays int `db:"acknowledge_days" json:"acknowledge_days" doc:"From issue until receipt is acknowledged" minimum:"0" maximum:"366"`
	NoticeDays      int `db:"notice_days" json:"notice_days" doc:"From issue until the first changed shipment" minimum:"0" maximum:"731"`
}

// usual is what J-STD-046 asks for.
var usual = Policy{30, 90}

func policyOf(ctx context.Context, tx *portal.Tx, partner int64) (p Policy, err error) {
	err = tx.Get(ctx, &p, `SELECT acknowledge_days, notice_days FROM notice_policies WHERE partner_id = $1`, partner)
	if errors.Is(err, sql.ErrNoRows) {
		return usual, nil
	}
	return p, err
}

// SetPolicy agrees the clocks with a partner, by its account number; it is for the host's staff. A partner that is not there is NotFound.
func SetPolicy(ctx context.Context, tx *portal.Tx, number string, p Policy) error {
	if err := tx.Need(portal.NoticesManage); err != nil {
		return err
	}
	bad := map[string]string{}
	if p.AcknowledgeDays < 0 || p.AcknowledgeDays > 366 {
		bad["acknowledge_days"] = "must be a number of days from 0 to 366"
	}
	if p.NoticeDays < 0 || p.NoticeDays > 731 {
		bad["notice_days"] = "must be a number of days from 0 to 731"
	}
	if len(bad) > 0 {
		return &portal.Error{Kind: portal.Invalid, Msg: "these clocks cannot hold", Fields: bad}
	}
	partner, err := numbered(ctx, tx, number)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `INSERT INTO notice_policies (partner_id, acknowledge_days, notice_days, set_at, set_by) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (partner_id) DO UPDATE SET acknowledge_days = excluded.acknowledge_days, notice_days = excluded.notice_days, set_at = excluded.set_at, set_by = excluded.set_by`,
		partner, p.AcknowledgeDays, p.NoticeDays, tx.Now, tx.By.Name); err != nil {
		return fmt.Errorf("setting clocks: %w", err)
	}
	tx.Changed("notices", partner)
	return tx.AuditFor(ctx, partner, "notices.policy", "notices", map[string]string{"acknowledge_days": strconv.Itoa(p.AcknowledgeDays), "notice_days": strconv.Itoa(p.NoticeDays)})
}

// An Agreed policy is one with a partner, and who agreed it.
type Agreed struct {
	Policy
	Partner     string `json:"partner" doc:"The partner's account number"`
	PartnerName string `json:"partner_name"`
	SetBy       string `json:"set_by" doc:"Empty where nothing was agreed: then J-STD-046's 30 and 90 days hold"`
}

// PolicyWith is the policy agreed with a partner, by its account number; it is for the host's staff.
func PolicyWith(ctx context.Context, tx *portal.Tx, number string) (a Agreed, err error) {
	if err := tx.Need(portal.NoticesManage); err != nil {
		return a, err
	}
	partner, err := numbered(ctx, tx, number)
	if err != nil {
		return a, err
	}
	var row struct {
		Name            string `db:"name"`
		AcknowledgeDays int    `db:"acknowledge_days"`
		NoticeDays      int    `db:"notice_days"`
		SetBy           string `db:"set_by"`
	}
	err = tx.Get(ctx, &row, `SELECT r.name, coalesce(acknowledge_days, $2) AS acknowledge_days, coalesce(notice_days, $3) AS notice_days, coalesce(set_by, '') AS set_by
		FROM partners r LEFT JOIN notice_policies p USING (partner_id) WHERE r.partner_id = $1`, partner, usual.AcknowledgeDays, usual.NoticeDays)
	if err != nil {
		return a, fmt.Errorf("reading clocks: %w", err)
	}
	return Agreed{Policy{row.AcknowledgeDays, row.NoticeDays}, number, row.Name, row.SetBy}, nil
}

// Silence writes down, for every partner and in both directions, which notices nobody answered until it was due; it is the worker's. It returns
// how many. Of each revision it is written once.
func Silence(ctx context.Context, tx *portal.Tx) (n int, err error) {
	type silent struct {
		Partner int64  `db:"partner_id"`
		Notice  string `db:"notice"`
	}
	var theirs, ours []silent
	err = tx.Select(ctx, &theirs, `
		INSERT INTO notice_answers (partner_id, notice, answer, revision, verdict, answered_at, answered_by)
		SELECT n.partner_id, n.notice, coalesce((SELECT max(answer) FROM notice_answers a WHERE a.partner_id = n.partner_id AND a.notice = n.notice), 0) + 1, n.revision, 'silence', $1, 'nobody'
		FROM notices n LEFT JOIN notice_policies p USING (partner_id)
		LEFT JOIN LATERAL (SELECT number, at FROM notice_revisions v WHERE v.partner_id = n.partner_id AND v.notice = n.notice AND v.revision = n.revision ORDER BY v.number LIMIT 1) v ON true
		WHERE NOT n.withdrawn AND `+revised+` + coalesce(p.acknowledge_days, $2) < $3::date
			AND NOT EXISTS (SELECT 1 FROM notice_answers a WHERE a.partner_id = n.partner_id AND a.notice = n.notice AND a.revision = n.revision)
		ON CONFLICT (partner_id, notice, answer) DO NOTHING RETURNING partner_id, notice`, tx.Now, usual.AcknowledgeDays, portal.DateOf(tx.Now))
	if err != nil {
		return 0, fmt.Errorf("noting silence of partners: %w", err)
	}
	err = tx.Select(ctx, &ours, `
		INSERT INTO given_answers (partner_id, number, answer, revision, verdict, answered_at, answered_by)
		SELECT g.partner_id, g.number, coalesce((SELECT max(answer) FROM given_answers a WHERE a.partner_id = g.partner_id AND a.number = g.number), 0) + 1, g.revision::text, 'silence', $1, 'nobody'
		FROM notices_given g LEFT JOIN notice_policies p USING (partner_id)
		WHERE NOT g.withdrawn AND (g.given_at AT TIME ZONE 'UTC')::date + coalesce(p.acknowledge_days, $2) < $3::date
			AND NOT EXISTS (SELECT 1 FROM notices_given l WHERE l.partner_id = g.partner_id AND l.number = g.number AND l.revision > g.revision)
			AND NOT EXISTS (SELECT 1 FROM given_answers a WHERE a.partner_id = g.partner_id AND a.number = g.number AND a.revision = g.revision::text)
		ON CONFLICT (partner_id, number, answer) DO NOTHING RETURNING partner_id, 'given/' || number AS notice`, tx.Now, usual.AcknowledgeDays, portal.DateOf(tx.Now))
	if err != nil {
		return 0, fmt.Errorf("noting silence of the host: %w", err)
	}
	all := append(theirs, ours...)
	for _, s := range all {
		tx.Changed("notices", s.Partner)
		if err := tx.AuditFor(ctx, s.Partner, "notices.silence", "notices/"+s.Notice, nil); err != nil {
			return 0, err
		}
	}
	return len(all), nil
}
