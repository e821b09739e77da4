package portal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"
)

// A Mail tells somebody of something that happened. It holds no key and no password; the one secret that travels
// by mail is an invitation's, which is good once and for the invited address alone.
type Mail struct {
	To      string   // one mail address
	Subject Saying   // one line
	Text    []Saying // paragraphs
	Path    string   // of the page that it is about, like /orders/4711; "" = none. The address of the portal is put before it
}

// Mail queues m in the caller's transaction: it is sent once that is committed, and never for what was undone.
// An address that no mail can be sent to is remembered with that fault, and spoils nothing.
func (tx *Tx) Mail(ctx context.Context, m Mail) error { return tx.MailFor(ctx, tx.By.PartnerID, m) }

// MailFor queues mail on another partner's behalf: the host's staff, the door and jobs do this.
func (tx *Tx) MailFor(ctx context.Context, partner int64, m Mail) error {
	if m.Path != "" && (!strings.HasPrefix(m.Path, "/") || strings.HasPrefix(m.Path, "//") || strings.ContainsFunc(m.Path, unicode.IsControl)) {
		return errors.New("portal: the path of a mail must be one of the portal's own")
	}
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	said, err := json.Marshal(saidInMail{m.Subject, m.Text})
	if err != nil {
		return err
	}
	state, fault := "waiting", any(nil)
	var ended any
	if !mailable(m.To) {
		state, fault, ended = "given_up", "this is not a mail address", tx.Now
		said, m.Path = nil, ""
	}
	_, err = tx.Exec(ctx, `
		INSERT INTO mails (partner_id, mail_id, recipient, subject, content, path, posted_at, next_try_at, state, fault, ended_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8, $9, $10)`,
		partner, id, m.To, OneLine(m.Subject.String()), string(said), m.Path, tx.Now, state, fault, ended)
	if err != nil {
		return fmt.Errorf("queueing mail: %w", err)
	}
	return nil
}

// saidInMail is what a mail says, until it is sent in the language of whoever it is for.
type saidInMail struct {
	Subject Saying   `json:"subject"`
	Text    []Saying `json:"text"`
}

// mailable reports whether the text is one plain address and nothing else.
func mailable(address string) bool {
	a, err := mail.ParseAddress(address)
	return err == nil && a.Name == "" && a.Address == address && len(address) <= 254 && !strings.ContainsFunc(address, func(r rune) bool { return r <= ' ' || r >= 0x7f })
}

// OneLine is the text as a header can carry it: no line ends, and not without bound.
func OneLine(s string) string {
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }), " ")
	if runes := []rune(s); len(runes) > 200 {
		s = string(runes[:200]) + "…"
	}
	return s
}

// A Letter is a mail whose turn has come.
type Letter struct {
	PartnerID int64     `db:"partner_id"`
	ID        uuid.UUID `db:"mail_id"`
	To        string    `db:"recipient"`
	Language  string    `db:"language"` // that the receiver chose; "" = none, or not one of the portal's people
	Subject   Saying    `db:"-"`
	Text      []Saying  `db:"-"`
	Path      string    `db:"path"`
	PostedAt  time.Time `db:"posted_at"`
	Tries     int       `db:"tries"` // that failed so far
}

// Mail that cannot be sent is tried again, later each time, for three days.
const (
	mailFirstWait = 10 * time.Second
	mailMaxWait   = time.Hour
	mailGivenUp   = 72 * time.Hour
	mailKept      = 90 * 24 * time.Hour // who was sent what, without what it said
)

// ErrNotMailed is why a mail will never be taken: the receiving side refuses it for good.
var ErrNotMailed = errors.New("the receiver refuses it for good")

// SendNext hands the mail that waits longest to send, and reports whether there was one. One that fails waits longer
// each time; one that fails with ErrNotMailed is given up. What a mail said is forgotten when it is sent or given up.
// Several workers each take another. A worker that dies between sending and remembering sends again, under the same id. tx is the worker's.
func SendNext(ctx context.Context, tx *Tx, send func(Letter) error) (found bool, err error) {
	var due []struct {
		Letter
		Title string `db:"subject"`
		Said  string `db:"content"`
	}
	err = tx.Select(ctx, &due, `
		SELECT partner_id, mail_id, recipient, subject, content, path, posted_at, tries, coalesce((SELECT language FROM people WHERE lower(email) = lower(recipient)), '') AS language
		FROM mails WHERE state = 'waiting' AND next_try_at <= $1
		ORDER BY next_try_at, mail_id LIMIT 1 FOR UPDATE SKIP LOCKED`, tx.Now)
	if err != nil {
		return false, fmt.Errorf("looking for mail: %w", err)
	}
	if len(due) == 0 {
		return false, nil
	}
	l := due[0].Letter
	var said saidInMail
	if json.Unmarshal([]byte(due[0].Said), &said) != nil { // queued as text by an earlier version
		said = saidInMail{Quote(due[0].Title), []Saying{Quote(due[0].Said)}}
	}
	l.Subject, l.Text = said.Subject, said.Text
	failed := send(l)
	switch {
	case failed == nil:
		_, err = tx.Exec(ctx, `UPDATE mails SET state = 'sent', content = '', path = '', fault = NULL, ended_at = $3 WHERE partner_id = $1 AND mail_id = $2`, l.PartnerID, l.ID, tx.Now)
	case errors.Is(failed, ErrNotMailed) || tx.Now.Sub(l.PostedAt) > mailGivenUp:
		_, err = tx.Exec(ctx, `UPDATE mails SET state = 'given_up', content = '', path = '', tries = tries + 1, fault = $3, ended_at = $4 WHERE partner_id = $1 AND mail_id = $2`,
			l.PartnerID, l.ID, OneLine(failed.Error()), tx.Now)
	default:
		wait := min(mailFirstWait<<min(l.Tries, 16), mailMaxWait)
		_, err = tx.Exec(ctx, `UPDATE mails SET tries = tries + 1, fault = $3, next_try_at = $4 WHERE partner_id = $1 AND mail_id = $2`,
			l.PartnerID, l.ID, OneLine(failed.Error()), tx.Now.Add(wait))
	}
	if err != nil {
		return true, fmt.Errorf("remembering that mail was sent: %w", err)
	}
	return true, nil
}

// SweepMail forgets that mail was sent at all, after three months. tx is the worker's.
func SweepMail(ctx context.Context, tx *Tx) error {
	if _, err := tx.Exec(ctx, `DELETE FROM mails WHERE ended_at < $1`, tx.Now.Add(-mailKept)); err != nil {
		return fmt.Errorf("sweeping mail: %w", err)
	}
	return nil
}
