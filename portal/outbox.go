package portal

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// A Command is a decision of a partner's that the core has to learn of. Its name is a constant of the capability that
// posts it; the mapping says by which SQL the core takes it up, with the values as named parameters.
type Command struct {
	Name     string            // what is asked of the core, like place_order
	Document string            // what it is about, like orders/4711; commands on one document reach the core in their order
	Values   map[string]string // by parameter; a list is JSON, what is left out is NULL in the core
}

// outboxSignal tells workers and the host's pages that there is something new in the outbox.
const outboxSignal = "outbox"

// Post sends the caller's decision on its way to the core, in the transaction that records it: both happen or neither.
// It returns the command's key, by which the core takes it up once however often it is sent.
func (tx *Tx) Post(ctx context.Context, c Command) (uuid.UUID, error) {
	return tx.PostFor(ctx, tx.By.PartnerID, c)
}

// PostFor posts a decision on another partner's document: the host's staff do this.
func (tx *Tx) PostFor(ctx context.Context, partner int64, c Command) (id uuid.UUID, err error) {
	if c.Name == "" || c.Document == "" {
		return id, errors.New("portal: a command needs a name and a document")
	}
	if id, err = uuid.NewV7(); err != nil {
		return id, err
	}
	content, err := json.Marshal(c.Values)
	if err != nil {
		return id, err
	}
	// Whoever decides on the same document next waits until this is committed, and comes behind it.
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('outbox ' || $1 || ' ' || $2, 0))`, fmt.Sprint(partner), c.Document); err != nil {
		return id, fmt.Errorf("posting %s: %w", c.Name, err)
	}
	_, err = tx.Exec(ctx, `
		INSERT INTO outbox (partner_id, command_id, name, document, place, content, posted_at, posted_by, next_try_at)
		SELECT $1, $2, $3, $4, coalesce((SELECT max(place) FROM outbox WHERE partner_id = $1 AND document = $4), 0) + 1, $5, $6, $7,
			(SELECT $6::timestamptz FROM carried_commands WHERE name = $3 AND carried)`,
		partner, id, c.Name, c.Document, string(content), tx.Now, tx.By.Actor())
	if err != nil {
		return id, fmt.Errorf("posting %s: %w", c.Name, err)
	}
	tx.Signal(outboxSignal)
	return id, nil
}

// States of a command, as its document's page tells them.
const (
	CommandWaiting    = "waiting"     // for the core
	CommandNotCarried = "not carried" // the mapping does not say how; the host takes it over by hand
	CommandDelivered  = "delivered"   // the core has it
	CommandRefused    = "refused"     // the core does not take it, or the host's staff gave it up
)

// A Posted command, and what became of it.
type Posted struct {
	ID        uuid.UUID    `db:"command_id"`
	Name      string       `db:"name"`
	Document  string       `db:"document"`
	State     string       `db:"state"`
	PostedAt  time.Time    `db:"posted_at"`
	PostedBy  string       `db:"posted_by"`
	Tries     int          `db:"tries"`       // that failed so far
	NextTryAt sql.NullTime `db:"next_try_at"` // of one that waits to be delivered
	EndedAt   sql.NullTime `db:"ended_at"`    // when the core took or refused it
	Why       string       `db:"why"`         // of one that was refused, in words for the partner
}

const postedColumns = `command_id, o.name, document, CASE WHEN state = 'waiting' AND NOT coalesce(c.carried, false) THEN 'not carried' ELSE state END AS state,
	posted_at, posted_by, tries, next_try_at, ended_at, coalesce(why, '') AS why`

// Outgoing tells what became of the commands on a document of the caller's partner, in their order. Whoever may see the document may see them.
func Outgoing(ctx context.Context, tx *Tx, document string) ([]Posted, error) {
	return OutgoingOf(ctx, tx, tx.By.PartnerID, document)
}

// OutgoingOf is Outgoing for another partner's document: the host's staff do this.
func OutgoingOf(ctx context.Context, tx *Tx, partner int64, document string) (list []Posted, err error) {
	err = tx.Select(ctx, &list, `SELECT `+postedColumns+` FROM outbox o LEFT JOIN carried_commands c USING (name) WHERE partner_id = $1 AND document = $2 ORDER BY place`, partner, document)
	if err != nil {
		return nil, fmt.Errorf("looking up what is on its way to the core: %w", err)
	}
	return list, nil
}

// Carried reports whether the mapping says how the core takes up commands of this name; those of others wait for the host's staff.
func Carried(ctx context.Context, tx *Tx, name string) (carried bool, err error) {
	err = tx.Get(ctx, &carried, `SELECT coalesce((SELECT carried FROM carried_commands WHERE name = $1), false)`, name)
	return carried, err
}
