package portal

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
)

// Audit records what the caller did to its own partner's affairs, in the same transaction.
// detail may be nil; it is kept as JSON and must hold no secrets.
func (tx *Tx) Audit(ctx context.Context, action, target string, detail map[string]string) error {
	return tx.AuditFor(ctx, tx.By.PartnerID, action, target, detail)
}

// AuditFor records it with another partner: the host's staff and the door do this.
func (tx *Tx) AuditFor(ctx context.Context, partner int64, action, target string, detail map[string]string) error {
	text, err := json.Marshal(detail)
	if err != nil {
		return err
	}
	// The head's row lock orders the partner's acts: two at once make one chain.
	var head struct {
		Seq  int64  `db:"seq"`
		Hash []byte `db:"hash"`
	}
	if _, err := tx.Exec(ctx, `INSERT INTO audit_heads (partner_id, seq, hash) VALUES ($1, 0, ''::bytea) ON CONFLICT (partner_id) DO NOTHING`, partner); err != nil {
		return fmt.Errorf("opening the audit chain: %w", err)
	}
	if err := tx.Get(ctx, &head, `SELECT seq, hash FROM audit_heads WHERE partner_id = $1 FOR UPDATE`, partner); err != nil {
		return fmt.Errorf("reading the audit chain: %w", err)
	}
	r := auditRow{PartnerID: partner, Seq: head.Seq + 1, At: tx.Now, Actor: tx.By.Actor(), Action: action, Target: target, Detail: string(text), PrevHash: head.Hash}
	if _, err := tx.Exec(ctx, `
		INSERT INTO audit (partner_id, seq, at, actor, action, target, detail, prev_hash, hash)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		r.PartnerID, r.Seq, r.At, r.Actor, r.Action, r.Target, r.Detail, r.PrevHash, r.sum()); err != nil {
		return fmt.Errorf("writing audit: %w", err)
	}
	if _, err := tx.Exec(ctx, `UPDATE audit_heads SET seq = $2, hash = $3 WHERE partner_id = $1`, partner, r.Seq, r.sum()); err != nil {
		return fmt.Errorf("moving the audit chain: %w", err)
	}
	return tx.did(ctx, partner, action)
}

// AuditDenial records that the caller lacked the right to what a door calls target. What was refused was undone, so it
// has a transaction of its own.
func (db *DB) AuditDenial(ctx context.Context, by Caller, target string, refusal error) error {
	err := db.Do(ctx, by, func(tx *Tx) error {
		return tx.Audit(ctx, "denied", target, map[string]string{"why": Says(refusal).Msg})
	})
	if err != nil {
		return fmt.Errorf("auditing a denial: %w", err)
	}
	return nil
}

type auditRow struct {
	PartnerID int64     `db:"partner_id"`
	Seq       int64     `db:"seq"`
	At        time.Time `db:"at"`
	Actor     string    `db:"actor"`
	Action    string    `db:"action"`
	Target    string    `db:"target"`
	Detail    string    `db:"detail"`
	PrevHash  []byte    `db:"prev_hash"`
	Hash      []byte    `db:"hash"`
}

// sum is SHA-256 over the row before's hash and every field, each with its length in front.
func (r auditRow) sum() []byte {
	h := sha256.New()
	field := func(b []byte) {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(b))))
		h.Write(b)
	}
	field(r.PrevHash)
	field(binary.BigEndian.AppendUint64(nil, uint64(r.PartnerID)))
	field(binary.BigEndian.AppendUint64(nil, uint64(r.Seq)))
	field(binary.BigEndian.AppendUint64(nil, uint64(r.At.UnixMicro())))
	for _, s := range []string{r.Actor, r.Action, r.Target, r.Detail} {
		field([]byte(s))
	}
	return h.Sum(nil)
}

// VerifyAudit walks the partner's chain and returns the number of rows it holds,
// or a Conflict that names the first row that was altered, is missing, or was added past the chain's end.
// tx must be allowed to read the partner's audit.
func VerifyAudit(ctx context.Context, tx *Tx, partner int64) (rows int64, err error) {
	var prev []byte
	var next int64 = 1
	err = tx.Each(ctx, func(row *sqlx.Rows) error {
		var r auditRow
		if err := row.StructScan(&r); err != nil {
			return err
		}
		if r.Seq != next {
			return Errorf(Conflict, "audit row %d is missing", next)
		}
		if string(r.PrevHash) != string(prev) || string(r.Hash) != string(r.sum()) {
			return Errorf(Conflict, "audit row %d was altered", r.Seq)
		}
		prev, next = r.Hash, next+1
		return nil
	}, `SELECT partner_id, seq, at, actor, action, target, detail, prev_hash, hash FROM audit WHERE partner_id = $1 ORDER BY seq`, partner)
	if err != nil {
		return next - 1, err
	}
	var head auditRow
	err = tx.Get(ctx, &head, `SELECT seq, hash FROM audit_heads WHERE partner_id = $1`, partner)
	if errors.Is(err, sql.ErrNoRows) && next == 1 {
		return 0, nil
	} else if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return next - 1, fmt.Errorf("reading the audit chain: %w", err)
	}
	if head.Seq != next-1 || string(head.Hash) != string(prev) {
		return next - 1, Errorf(Conflict, "audit row %d is missing", min(head.Seq, next-1)+1)
	}
	return next - 1, nil
}
