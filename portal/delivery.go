package portal

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
)

// A Sent command is under delivery to the core.
type Sent struct {
	PartnerID     int64     `db:"partner_id"`
	PartnerNumber string    `db:"partner_number"`
	ID            uuid.UUID `db:"command_id"` // its idempotency key
	Name          string    `db:"name"`
	Document      string    `db:"document"`
	PostedAt      time.Time `db:"posted_at"`
	PostedBy      string    `db:"posted_by"`
	Tries         int       `db:"tries"` // that failed before this one
	Asked         string    `db:"asked"` // AskedToGiveUp, AskedToSettle, or "" when nobody of the host's staff intervened
	AskedWhy      string    `db:"asked_why"`
	AskedBy       string    `db:"asked_by"`
	Values        map[string]string

	Place   int64  `db:"place"`
	Content string `db:"content"`
}

// What the host's staff may ask of the worker about a command that waits.
const (
	AskedToGiveUp = "give up" // it is refused, for their reason
	AskedToSettle = "settle"  // they took it over by hand
)

const sentColumns = `o.partner_id, coalesce((SELECT number FROM partners p WHERE p.partner_id = o.partner_id), '') AS partner_number, command_id, name, document, posted_at, posted_by, tries,
	coalesce(asked, '') AS asked, coalesce(asked_why, '') AS asked_why, coalesce(asked_by, '') AS asked_by, place, content`

// Carry writes down which commands the mapping says how to deliver, each with its source. Those that waited for that are due now.
func Carry(ctx context.Context, tx *Tx, sources map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(sources)) {
		_, err := tx.Exec(ctx, `INSERT INTO carried_commands (name, source, carried) VALUES ($1, $2, true) ON CONFLICT (name) DO UPDATE SET source = $2, carried = true`, name, sources[name])
		if err != nil {
			return fmt.Errorf("carrying %s: %w", name, err)
		}
	}
	names := slices.Sorted(maps.Keys(sources))
	if _, err := tx.Exec(ctx, `UPDATE carried_commands SET carried = false WHERE name <> ALL($1)`, names); err != nil {
		return fmt.Errorf("carrying commands no more: %w", err)
	}
	if _, err := tx.Exec(ctx, `UPDATE outbox SET next_try_at = NULL WHERE state = 'waiting' AND next_try_at IS NOT NULL AND asked IS NULL AND name <> ALL($1)`, names); err != nil {
		return fmt.Errorf("carrying commands no more: %w", err)
	}
	return DueNow(ctx, tx, names)
}

// DueNow makes those commands due that were posted when the mapping did not carry their name yet.
func DueNow(ctx context.Context, tx *Tx, names []string) error {
	n, err := tx.Exec(ctx, `UPDATE outbox SET next_try_at = $2 WHERE state = 'waiting' AND next_try_at IS NULL AND name = ANY($1)`, names, tx.Now)
	if err != nil {
		return fmt.Errorf("making commands due: %w", err)
	}
	if n > 0 {
		tx.Signal(outboxSignal)
	}
	return nil
}

// leaseOf a command under delivery. A worker that is not heard of for so long has lost it; one that dies loses it at once.
const leaseOf = "2min"

// TakeCommand returns the command that is due for longest, of those with these names and those that the host's staff intervened in,
// and holds it until the transaction ends; ok is false when there is none. What is behind another of its document is not due, nor what
// another worker holds.
func TakeCommand(ctx context.Context, tx *Tx, names []string) (c Sent, ok bool, err error) {
	if _, err := tx.Exec(ctx, `SET LOCAL idle_in_transaction_session_timeout = '`+leaseOf+`'`); err != nil {
		return c, false, err
	}
	err = tx.Get(ctx, &c, `
		SELECT `+sentColumns+` FROM outbox o
		WHERE state = 'waiting' AND next_try_at <= $1 AND (name = ANY($2) OR asked IS NOT NULL)
			AND NOT EXISTS (SELECT 1 FROM outbox e WHERE e.partner_id = o.partner_id AND e.document = o.document AND e.state = 'waiting' AND e.place < o.place)
		ORDER BY next_try_at, command_id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED`, tx.Now, names)
	if errors.Is(err, sql.ErrNoRows) {
		return c, false, nil
	}
	if err != nil {
		return c, false, fmt.Errorf("taking a command: %w", err)
	}
	if err := json.Unmarshal([]byte(c.Content), &c.Values); err != nil {
		return c, false, fmt.Errorf("reading command %s: %w", c.ID, err)
	}
	return c, true, nil
}

// CommandArrived records that the core has the command, and what it gave back.
func CommandArrived(ctx context.Context, tx *Tx, c Sent, returned map[string]string) error {
	text, err := json.Marshal(returned)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `UPDATE outbox SET state = 'delivered', ended_at = $3, fault = NULL, returned = $4 WHERE partner_id = $1 AND command_id = $2`, c.PartnerID, c.ID, tx.Now, string(text)); err != nil {
		return fmt.Errorf("recording that %s arrived: %w", c.Name, err)
	}
	tx.Signal(outboxSignal)
	return nil
}

// CommandCameBack records that the core will not take the command: why in words for the partner, fault in the core's own for the host.
// What waits behind it was decided in the belief that it would be taken: it comes back with it, and is returned.
func CommandCameBack(ctx context.Context, tx *Tx, c Sent, why, fault string) (behind []Sent, err error) {
	_, err = tx.Exec(ctx, `UPDATE outbox SET state = 'refused', ended_at = $3, why = $4, fault = nullif($5, ''), tries = tries + 1 WHERE partner_id = $1 AND command_id = $2`,
		c.PartnerID, c.ID, tx.Now, why, fault)
	if err != nil {
		return nil, fmt.Errorf("recording that %s came back: %w", c.Name, err)
	}
	err = tx.Select(ctx, &behind, `
		UPDATE outbox o SET state = 'refused', ended_at = $4, why = $5, refused_with = $2
		WHERE partner_id = $1 AND document = $3 AND state = 'waiting' AND place > $6 RETURNING `+sentColumns,
		c.PartnerID, c.ID, c.Document, tx.Now, WhyBehind(why), c.Place)
	if err != nil {
		return nil, fmt.Errorf("recording what came back behind %s: %w", c.Name, err)
	}
	slices.SortFunc(behind, func(a, b Sent) int { return cmp.Compare(a.Place, b.Place) })
	for i := range behind {
		if err := json.Unmarshal([]byte(behind[i].Content), &behind[i].Values); err != nil {
			return nil, fmt.Errorf("reading command %s: %w", behind[i].ID, err)
		}
	}
	tx.Signal(outboxSignal)
	return behind, nil
}

// WhyBehind says why a command comes back that waited behind one that was refused for why.
func WhyBehind(why string) string { return "What was decided before was not accepted: " + why }

// CommandFailed records that a delivery failed for now, in words for the host, and when it is tried next.
func CommandFailed(ctx context.Context, tx *Tx, c Sent, fault string, next time.Time) error {
	_, err := tx.Exec(ctx, `UPDATE outbox SET tries = tries + 1, fault = $3, next_try_at = $4 WHERE partner_id = $1 AND command_id = $2 AND state = 'waiting'`, c.PartnerID, c.ID, fault, next)
	if err != nil {
		return fmt.Errorf("recording that %s was not delivered: %w", c.Name, err)
	}
	tx.Signal(outboxSignal + ":failed")
	return nil
}

// ForgetCommands deletes commands that ended before t, a thousand at a time; it returns how many.
func ForgetCommands(ctx context.Context, tx *Tx, t time.Time) (int64, error) {
	n, err := tx.Exec(ctx, `DELETE FROM outbox WHERE (partner_id, command_id) IN (SELECT partner_id, command_id FROM outbox WHERE ended_at < $1 ORDER BY ended_at LIMIT 1000)`, t)
	if err != nil {
		return 0, fmt.Errorf("forgetting old commands: %w", err)
	}
	return n, nil
}
