package portal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
)

// OutboxStates are what the host's list of commands can be narrowed to.
var OutboxStates = []string{CommandWaiting, CommandNotCarried, CommandRefused, CommandDelivered}

// A Sending is a command as the host's staff see it.
type Sending struct {
	ID            uuid.UUID  `json:"id" db:"command_id" doc:"The command's key, by which the core takes it up once"`
	PartnerID     int64      `json:"-" db:"partner_id"`
	PartnerNumber string     `json:"partner" db:"partner_number" doc:"Whose decision it is, by account number"`
	PartnerName   string     `json:"partner_name" db:"partner_name"`
	Name          string     `json:"command" db:"name" doc:"What is asked of the core"`
	Document      string     `json:"document" db:"document" doc:"What it is about"`
	State         string     `json:"state" db:"state" enum:"waiting,not carried,delivered,refused" doc:"not carried = the mapping does not say how; take it over by hand"`
	PostedAt      time.Time  `json:"posted_at" db:"posted_at"`
	PostedBy      string     `json:"posted_by" db:"posted_by"`
	Tries         int        `json:"tries" db:"tries" doc:"That failed"`
	NextTryAt     *time.Time `json:"next_try_at" db:"next_try_at" doc:"Of one that waits; null = it is not delivered"`
	EndedAt       *time.Time `json:"ended_at" db:"ended_at" doc:"When it was delivered or refused"`
	Fault         string     `json:"fault" db:"fault" doc:"What the core said to the last try"`
	Why           string     `json:"why" db:"why" doc:"Why it was refused, in the words that the partner reads"`
	Behind        bool       `json:"behind" db:"behind" doc:"It waits for an earlier one of its document"`
	Asked         string     `json:"asked" db:"asked" enum:",give up,settle" doc:"What a person of the host's staff asked for and the worker has not done yet"`
}

const sendingColumns = `command_id, partner_id, p.number AS partner_number, p.name AS partner_name, o.name, document, posted_at, posted_by, tries, next_try_at, ended_at, coalesce(fault, '') AS fault, coalesce(why, '') AS why,
	CASE WHEN state = 'waiting' AND NOT coalesce(c.carried, false) THEN 'not carried' ELSE state END AS state, coalesce(asked, '') AS asked,
	state = 'waiting' AND EXISTS (SELECT 1 FROM outbox e WHERE e.partner_id = o.partner_id AND e.document = o.document AND e.state = 'waiting' AND e.place < o.place) AS behind`

const sendingTables = ` FROM outbox o JOIN partners p USING (partner_id) LEFT JOIN carried_commands c ON c.name = o.name `

const sendingsQuery = `SELECT ` + sendingColumns + sendingTables + `WHERE state = $1 AND command_id < $2 AND ($3::boolean IS NULL OR coalesce(c.carried, false) = $3) ORDER BY command_id DESC LIMIT $4`

// sendingsAtOnce is how many commands one page holds.
const sendingsAtOnce = 50

// A SendingsPage is one stretch of the outbox; After is where the next begins, "" = there is no more.
type SendingsPage struct {
	Items []Sending `json:"items"`
	After string    `json:"after" doc:"Send it as after to get the next page; empty = this is the last"`
}

// Sendings lists commands of all partners in a state of OutboxStates, the latest first. after is what the page before gave. The host's staff read it.
func Sendings(ctx context.Context, tx *Tx, state, after string) (p SendingsPage, err error) {
	kept, carried := state, sql.NullBool{}
	if state == CommandWaiting || state == CommandNotCarried {
		kept, carried = CommandWaiting, sql.NullBool{Bool: state == CommandWaiting, Valid: true}
	}
	key := uuid.Max
	if after != "" {
		if key, err = uuid.Parse(after); err != nil {
			return p, &Error{Kind: Invalid, Msg: "this list cannot be made", Fields: map[string]string{"after": "is not what this list gave; begin again without it"}}
		}
	}
	p.Items = []Sending{}
	err = tx.Select(ctx, &p.Items, sendingsQuery, kept, key, carried, sendingsAtOnce+1)
	if err != nil {
		return p, fmt.Errorf("listing the outbox: %w", err)
	}
	if len(p.Items) > sendingsAtOnce {
		p.Items = p.Items[:sendingsAtOnce]
		p.After = p.Items[sendingsAtOnce-1].ID.String()
	}
	return p, nil
}

// OutboxFigures say how the outbox stands, over all partners.
type OutboxFigures struct {
	Waiting        int64      `json:"waiting" db:"waiting" doc:"To be delivered"`
	NotCarried     int64      `json:"not_carried" db:"not_carried" doc:"To be taken over by hand: the mapping does not say how to deliver them"`
	OldestWaiting  *time.Time `json:"oldest_waiting" db:"oldest_waiting" doc:"When the oldest of those waiting was posted; null = none waits"`
	DeliveredToday int64      `json:"delivered_today" db:"delivered_today" doc:"Since midnight UTC"`
	RefusedToday   int64      `json:"refused_today" db:"refused_today" doc:"Since midnight UTC"`
	Failing        int64      `json:"failing" db:"failing" doc:"Of those waiting, how many failed at least once"`
}

// OutboxStands returns the figures. The host's staff read them, and the worker.
func OutboxStands(ctx context.Context, tx *Tx) (f OutboxFigures, err error) {
	err = tx.Get(ctx, &f, `
		SELECT count(*) FILTER (WHERE carried) AS waiting, count(*) FILTER (WHERE NOT carried) AS not_carried, min(posted_at) FILTER (WHERE carried) AS oldest_waiting, count(*) FILTER (WHERE carried AND tries > 0) AS failing,
			(SELECT count(*) FROM outbox WHERE ended_at >= $1 AND state = 'delivered') AS delivered_today, (SELECT count(*) FROM outbox WHERE ended_at >= $1 AND state = 'refused') AS refused_today
		FROM (SELECT posted_at, tries, coalesce(c.carried, false) AS carried FROM outbox o LEFT JOIN carried_commands c ON c.name = o.name WHERE state = 'waiting') w`,
		tx.Now.UTC().Truncate(24*time.Hour))
	if err != nil {
		return f, fmt.Errorf("counting the outbox: %w", err)
	}
	return f, nil
}

// sending returns the command and holds it; NotFound when there is none.
func sending(ctx context.Context, tx *Tx, id uuid.UUID) (s Sending, err error) {
	err = tx.Get(ctx, &s, `SELECT `+sendingColumns+sendingTables+`WHERE command_id = $1 FOR NO KEY UPDATE OF o`, id)
	if errors.Is(err, sql.ErrNoRows) {
		return s, Errorf(NotFound, "there is no such command in the outbox")
	}
	return s, err
}

// RetryCommand has a command tried at once: one that waits, or one that the core refused, with those that came back with it. A Conflict when
// it was delivered, or when a later decision on its document was.
func RetryCommand(ctx context.Context, tx *Tx, id uuid.UUID) error {
	s, err := sending(ctx, tx, id)
	if err != nil {
		return err
	}
	switch s.State {
	case CommandDelivered:
		return Errorf(Conflict, "the core has this already")
	case CommandNotCarried:
		return Errorf(Conflict, "the mapping does not say how to deliver this; take it over by hand, or have the mapping say how")
	case CommandRefused:
		var overtaken bool
		if err := tx.Get(ctx, &overtaken, `
			SELECT EXISTS (SELECT 1 FROM outbox o JOIN outbox l USING (partner_id, document) WHERE o.partner_id = $1 AND o.command_id = $2 AND l.place > o.place AND l.state <> 'refused')`, s.PartnerID, id); err != nil {
			return fmt.Errorf("looking for later decisions: %w", err)
		}
		if overtaken {
			return Errorf(Conflict, "the partner has decided anew since; this can no longer be sent before that")
		}
	}
	_, err = tx.Exec(ctx, `
		UPDATE outbox SET state = 'waiting', next_try_at = $3, ended_at = NULL, why = NULL, refused_with = NULL, asked = NULL, asked_why = NULL, asked_by = NULL
		WHERE partner_id = $1 AND state <> 'delivered' AND (command_id = $2 OR refused_with = $2)`, s.PartnerID, id, tx.Now)
	if err != nil {
		return fmt.Errorf("sending a command again: %w", err)
	}
	tx.Signal(outboxSignal)
	return tx.Audit(ctx, "command.retry", s.target(), map[string]string{"id": id.String(), "partner": s.PartnerNumber})
}

func (s Sending) target() string { return s.Name + " " + s.Document }

// GiveUpCommand has a command that waits come back to its partner as refused, for the reason, which the partner reads. Those behind it come back with it.
func GiveUpCommand(ctx context.Context, tx *Tx, id uuid.UUID, why string) error {
	why = strings.TrimSpace(why)
	if why == "" || len(why) > 500 {
		return &Error{Kind: Invalid, Msg: "the partner is to read why", Fields: map[string]string{"why": "say in at most 500 characters why this is not done; the partner reads it"}}
	}
	return askOf(ctx, tx, id, AskedToGiveUp, why, "command.give_up")
}

// SettleCommand says that the host's staff took a command over by hand: it counts as delivered.
func SettleCommand(ctx context.Context, tx *Tx, id uuid.UUID) error {
	return askOf(ctx, tx, id, AskedToSettle, "", "command.settle")
}

// askOf tells the worker, which brings the command to its end when its turn comes on its document.
func askOf(ctx context.Context, tx *Tx, id uuid.UUID, asked, why, action string) error {
	s, err := sending(ctx, tx, id)
	if err != nil {
		return err
	}
	switch {
	case s.State == CommandDelivered:
		return Errorf(Conflict, "the core has this already")
	case s.State == CommandRefused:
		return Errorf(Conflict, "this has come back to the partner already")
	case s.Behind:
		return Errorf(Conflict, "this waits for an earlier decision on the same document; decide on that one first")
	case s.Asked != "":
		return Errorf(Conflict, "somebody has decided on this already; the worker is about to carry it out")
	}
	_, err = tx.Exec(ctx, `UPDATE outbox SET asked = $3, asked_why = nullif($4, ''), asked_by = $5, next_try_at = $6 WHERE partner_id = $1 AND command_id = $2`, s.PartnerID, id, asked, why, tx.By.Name, tx.Now)
	if err != nil {
		return fmt.Errorf("deciding on a command: %w", err)
	}
	tx.Signal(outboxSignal)
	detail := map[string]string{"id": id.String(), "partner": s.PartnerNumber}
	if why != "" {
		detail["why"] = why
	}
	return tx.Audit(ctx, action, s.target(), detail)
}

// What the host's staff may do about a command, beside Retry.
const (
	GiveUp = "give-up"
	Settle = "settle"
)

// ActOnCommand does what a door calls what; why is for GiveUp.
func ActOnCommand(ctx context.Context, tx *Tx, id uuid.UUID, what, why string) error {
	if err := tx.Need(FeedsManage); err != nil {
		return err
	}
	switch what {
	case Retry:
		return RetryCommand(ctx, tx, id)
	case GiveUp:
		return GiveUpCommand(ctx, tx, id, why)
	case Settle:
		return SettleCommand(ctx, tx, id)
	}
	return Errorf(NotFound, "a command cannot be asked to %q", what)
}
