package jobs

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	gosync "sync"
	"time"

	"extranet/portal"
)

// The outbox carries what partners decide to the core. A deliverer takes one command and holds its row while the core carries it
// out, with the command's key, in one transaction of the core's; then it records the outcome and lets go. One that dies in between
// leaves the command waiting, and the key in the core says to the next that it is done.

const (
	deliveriesAtOnce = 4                // of one worker; commands of one document wait for each other
	deliveryLimit    = time.Minute      // for the core to carry out one command; well within the lease on it
	pollEvery        = time.Second      // when no news says that there is something to deliver
	leastPause       = time.Second      // after the first failure; it doubles
	longestPause     = 5 * time.Minute  // after many
	longestSilence   = 15 * time.Second // before a source that does not answer is asked again
	keepCommands     = 90 * 24 * time.Hour
)

type out struct {
	db      *portal.DB
	mapping *Mapping
	log     *slog.Logger
	wake    chan struct{}

	mu   gosync.Mutex
	down map[*Source]*silence // sources that did not answer
}

// silence is how long a source has not answered.
type silence struct {
	tries int
	until time.Time // then one deliverer asks again
}

func newOut(db *portal.DB, m *Mapping, log *slog.Logger) *out {
	return &out{db: db, mapping: m, log: log, wake: make(chan struct{}, 1), down: map[*Source]*silence{}}
}

// carry writes down which commands are delivered.
func (o *out) carry(ctx context.Context) error {
	err := o.db.AsWorker(ctx, "deliver", func(tx *portal.Tx) error { return portal.Carry(ctx, tx, o.mapping.carries()) })
	if err != nil {
		return fmt.Errorf("offering to carry commands: %w", err)
	}
	return nil
}

// run delivers until ctx ends, and finishes what is under way. hard calls that off.
func (o *out) run(ctx, hard context.Context) {
	var all gosync.WaitGroup
	for range deliveriesAtOnce {
		all.Go(func() { o.deliver(ctx, hard) })
	}
	news := o.db.SubscribeSignals(0)
	defer news.Close()
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	tend := time.NewTicker(time.Minute)
	defer tend.Stop()
	for ctx.Err() == nil {
		o.wakeOne()
		select {
		case <-ctx.Done():
		case <-news.C:
			news.Nouns()
		case <-poll.C:
		case <-tend.C:
			o.tend(ctx)
		}
	}
	all.Wait()
}

func (o *out) wakeOne() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// tend takes up commands that were posted as the mapping began to carry them, and forgets old ones.
func (o *out) tend(ctx context.Context) {
	err := o.db.AsWorker(ctx, "deliver", func(tx *portal.Tx) error {
		if err := portal.DueNow(ctx, tx, o.names(nil)); err != nil {
			return err
		}
		_, err := portal.ForgetCommands(ctx, tx, tx.Now.Add(-keepCommands))
		return err
	})
	if err != nil && ctx.Err() == nil {
		o.log.ErrorContext(ctx, "the outbox cannot be tended", "err", err)
	}
}

// names of the commands that are carried, without those whose source is in leave.
func (o *out) names(leave map[*Source]bool) []string {
	names := []string{}
	for _, c := range o.mapping.Commands {
		if !leave[c.Source] {
			names = append(names, c.Name)
		}
	}
	return names
}

// deliver takes command after command while there are any, then waits to be woken.
func (o *out) deliver(ctx, hard context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-o.wake:
		}
		for ctx.Err() == nil {
			took, err := o.one(hard)
			if err != nil && ctx.Err() == nil {
				o.log.ErrorContext(ctx, "a command cannot be delivered", "err", err)
			}
			if !took || err != nil {
				break
			}
		}
	}
}

// reachable returns which commands may be taken: not those of a source that is silent. A source whose silence has lasted is asked by
// one deliverer.
func (o *out) reachable() (names []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	leave := map[*Source]bool{}
	now := time.Now()
	for s, silent := range o.down {
		if leave[s] = now.Before(silent.until); !leave[s] {
			silent.until = now.Add(answerLimit)
		}
	}
	return o.names(leave)
}

func (o *out) answers(ctx context.Context, s *Source) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.down[s] != nil {
		o.log.InfoContext(ctx, "the core takes up commands again", "source", s.Name)
	}
	delete(o.down, s)
}

func (o *out) isSilent(ctx context.Context, s *Source, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.down[s] == nil {
		o.log.ErrorContext(ctx, "the core takes up no commands", "source", s.Name, "err", err)
		o.down[s] = &silence{}
	}
	silent := o.down[s]
	silent.until = time.Now().Add(pause(silent.tries, leastPause/4, longestSilence))
	silent.tries++
}

// one delivers the command that is due for longest; took is false when there is none.
func (o *out) one(ctx context.Context) (took bool, err error) {
	names := o.reachable()
	var taken portal.Sent
	err = o.db.AsWorker(context.WithoutCancel(ctx), "deliver", func(tx *portal.Tx) error {
		c, ok, err := portal.TakeCommand(ctx, tx, names)
		if err != nil || !ok {
			return err
		}
		took, taken = true, c
		o.wakeOne() // there may be more
		return o.settle(ctx, tx, c)
	})
	if err == nil || !took || ctx.Err() != nil {
		return took, err
	}
	// The outcome could not be recorded, and what the core said of the key holds. The command waits.
	noted := o.db.AsWorker(ctx, "deliver", func(tx *portal.Tx) error {
		return portal.CommandFailed(ctx, tx, taken, "the outcome could not be recorded: "+err.Error(), tx.Now.Add(pause(taken.Tries, leastPause, longestPause)))
	})
	return took, errors.Join(err, noted)
}

// settle brings the command to its end, or to its next try.
func (o *out) settle(ctx context.Context, tx *portal.Tx, c portal.Sent) error {
	handler, _ := commandNamed(c.Name)
	switch c.Asked {
	case portal.AskedToGiveUp:
		return o.cameBack(ctx, tx, c, c.AskedWhy, "given up by "+c.AskedBy)
	case portal.AskedToSettle:
		return o.arrived(ctx, tx, handler, c, map[string]string{})
	}
	carried := o.mapping.Command(c.Name)
	returned, err := carried.send(ctx, c)
	r, refused := errors.AsType[*refusal](err)
	switch {
	case refused:
		o.answers(ctx, carried.Source)
		return o.cameBack(ctx, tx, c, r.why, r.fault)
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil && portal.Says(err).Kind == portal.Unavailable:
		o.isSilent(ctx, carried.Source, err)
		return portal.CommandFailed(ctx, tx, c, err.Error(), tx.Now) // the source's silence is waited for, and no longer
	case err != nil:
		o.answers(ctx, carried.Source)
		next := pause(c.Tries, leastPause, longestPause)
		o.log.ErrorContext(ctx, "a command fails in the core", "command", c.Name, "id", c.ID, "tries", c.Tries+1, "next_s", int(next.Seconds()), "err", err)
		return portal.CommandFailed(ctx, tx, c, err.Error(), tx.Now.Add(next))
	}
	o.answers(ctx, carried.Source)
	return o.arrived(ctx, tx, handler, c, returned)
}

func (o *out) arrived(ctx context.Context, tx *portal.Tx, h commandHandler, c portal.Sent, returned map[string]string) error {
	if err := portal.CommandArrived(ctx, tx, c, returned); err != nil {
		return err
	}
	if h.done != nil {
		if err := h.done(ctx, tx, c, returned); err != nil {
			return fmt.Errorf("following %s: %w", c.Name, err)
		}
	}
	o.log.InfoContext(ctx, "command delivered", "command", c.Name, "id", c.ID, "partner", c.PartnerID, "tries", c.Tries, "after_ms", tx.Now.Sub(c.PostedAt).Milliseconds())
	return nil
}

// cameBack brings a refused command back to its partner, and those that wait behind it.
func (o *out) cameBack(ctx context.Context, tx *portal.Tx, c portal.Sent, why, fault string) error {
	behind, err := portal.CommandCameBack(ctx, tx, c, why, fault)
	if err != nil {
		return err
	}
	for i, c := range append([]portal.Sent{c}, behind...) {
		said := why
		if i > 0 {
			said = portal.WhyBehind(why)
		}
		if h, ok := commandNamed(c.Name); ok && h.refused != nil {
			if err := h.refused(ctx, tx, c, said); err != nil {
				return fmt.Errorf("following the refusal of %s: %w", c.Name, err)
			}
		}
		o.log.InfoContext(ctx, "command refused", "command", c.Name, "id", c.ID, "partner", c.PartnerID, "tries", c.Tries+1)
	}
	return nil
}

// pause is how long to wait after so many failures: about twice as long each time, and never in step with others.
func pause(failures int, least, most time.Duration) time.Duration {
	d := most
	if failures < 20 {
		d = min(most, least<<failures)
	}
	return d/2 + rand.N(d)/2
}

// A refusal is the core's last word on a command.
type refusal struct {
	why   string // in words for the partner
	fault string // in the core's own
}

func (r *refusal) Error() string { return r.fault }

// send carries the command out in the core, once, and returns what the core gives back. A refusal is final; a core that does not answer
// is Unavailable; every other error may pass.
func (c *Command) send(ctx context.Context, s portal.Sent) (returned map[string]string, err error) {
	ctx, cancel := context.WithTimeout(ctx, deliveryLimit)
	defer cancel()
	conn, err := c.Source.reach(ctx)
	if err != nil {
		return nil, c.Source.silent(err)
	}
	defer conn.Close()
	returned, err = c.once(ctx, conn, s)
	if r, refused := errors.AsType[*refusal](err); refused && c.doneWhen != nil {
		// The core may refuse it for having it: from a worker that died a moment ago, whose last words the core was still hearing.
		has := false
		if returned, has, err = c.asked(ctx, conn, s); !has && err == nil {
			return nil, r
		}
	}
	return returned, err
}

// once carries the command out in one transaction of the core's, unless the core has it.
func (c *Command) once(ctx context.Context, conn *sql.Conn, s portal.Sent) (returned map[string]string, err error) {
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return nil, c.Source.silent(err)
	}
	defer tx.Rollback()
	d := delivery{c, tx, s}
	if returned, has, err := d.before(ctx); has || err != nil {
		return returned, c.told(err)
	}
	if returned, err = d.carryOut(ctx); err != nil {
		return nil, c.told(err)
	}
	if err := tx.Commit(); err != nil {
		return nil, c.told(err) // it may have been carried out; then the key says so at the next try
	}
	return returned, nil
}

// asked asks the core whether it has the command.
func (c *Command) asked(ctx context.Context, conn *sql.Conn, s portal.Sent) (returned map[string]string, has bool, err error) {
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return nil, false, c.Source.silent(err)
	}
	defer tx.Rollback()
	returned, has, err = delivery{c, tx, s}.before(ctx)
	return returned, has, c.told(err)
}

// delivery is one command in one transaction of the core's.
type delivery struct {
	*Command
	tx   *sql.Tx
	sent portal.Sent
}

func (d delivery) placed(query string) string {
	return template{pieces: strings.Split(query, "?"), names: nil}.bound(d.Source.dialect.placeholder)
}

// before returns what the core gave back when it already has the command. When it does not, the key is written.
func (d delivery) before(ctx context.Context) (returned map[string]string, has bool, err error) {
	if d.doneWhen != nil {
		returned, n, err := d.run(ctx, *d.doneWhen, nil, true)
		return returned, n > 0, err
	}
	if !d.byTable {
		return nil, false, nil
	}
	var text sql.NullString
	err = d.tx.QueryRowContext(ctx, d.placed(`SELECT returned FROM `+deliveredTable+` WHERE command_id = ?`), d.sent.ID.String()).Scan(&text)
	if err == nil {
		returned = map[string]string{}
		if text.String != "" {
			err = json.Unmarshal([]byte(text.String), &returned)
		}
		return returned, true, err
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return nil, false, err
	}
	// Another worker that is at the same command holds this key until it ends; then this insert fails, and the next try finds it done.
	_, err = d.tx.ExecContext(ctx, d.placed(`INSERT INTO `+deliveredTable+` (command_id, name, document) VALUES (?, ?, ?)`), d.sent.ID.String(), d.sent.Name, d.sent.Document)
	if err != nil {
		err = fmt.Errorf("writing the key of the command: %w", notRefused{err})
	}
	return nil, false, err
}

// notRefused is an error of our own statements: it is no word of the core's on the command.
type notRefused struct{ error }

func (e notRefused) Unwrap() error { return e.error }

func (d delivery) carryOut(ctx context.Context) (returned map[string]string, err error) {
	var rows int64
	for i, s := range d.steps {
		items := []map[string]any{nil}
		if s.each != "" {
			if items, err = list(d.sent.Values[s.each]); err != nil {
				return nil, fmt.Errorf("reading the list %s: %w", s.each, err)
			}
		}
		last := i == len(d.steps)-1
		for _, item := range items {
			if returned, rows, err = d.run(ctx, s, item, last && len(d.returns) > 0); err != nil {
				return nil, err
			}
		}
	}
	if rows == 0 && d.noRow != "" {
		return nil, &refusal{why: d.noRow, fault: "the last statement touched no row"}
	}
	if d.byTable && len(returned) > 0 {
		text, err := json.Marshal(returned)
		if err != nil {
			return nil, err
		}
		if _, err := d.tx.ExecContext(ctx, d.placed(`UPDATE `+deliveredTable+` SET returned = ? WHERE command_id = ?`), string(text), d.sent.ID.String()); err != nil {
			return nil, fmt.Errorf("writing what the core gave back: %w", notRefused{err})
		}
	}
	return returned, nil
}

// run runs one statement. One that asks returns what the first row holds of the command's returns; rows is how many rows it touched, or returned.
func (d delivery) run(ctx context.Context, s step, item map[string]any, asks bool) (returned map[string]string, rows int64, err error) {
	query, args := s.bound(d.Source.dialect.placeholder), d.args(s, item)
	if !asks {
		r, err := d.tx.ExecContext(ctx, query, args...)
		if err != nil {
			return nil, 0, err
		}
		rows, err = r.RowsAffected()
		return map[string]string{}, rows, err
	}
	result, err := d.tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, 0, err
	}
	defer result.Close()
	names, err := result.Columns()
	if err != nil {
		return nil, 0, err
	}
	values, targets := make([]sql.NullString, len(names)), make([]any, len(names))
	for i := range values {
		targets[i] = &values[i]
	}
	returned = map[string]string{}
	for ; result.Next(); rows++ {
		if rows > 0 {
			continue
		}
		if err := result.Scan(targets...); err != nil {
			return nil, 0, err
		}
		for i, name := range names {
			if name := strings.ToLower(name); values[i].Valid && slices.Contains(d.returns, name) {
				returned[name] = strings.TrimRight(values[i].String, " ")
			}
		}
	}
	return returned, rows, result.Err()
}

// args are the statement's parameters in their order.
func (d delivery) args(s step, item map[string]any) []any {
	args := make([]any, len(s.names))
	for i, name := range s.names {
		if v, ok := item[name]; ok {
			args[i] = plain(v)
			continue
		}
		switch name {
		case keyParameter:
			args[i] = d.sent.ID.String()
		case partnerParameter:
			args[i] = d.sent.PartnerNumber
		case documentParameter:
			args[i] = d.sent.Document
		case timeParameter:
			args[i] = d.sent.PostedAt.In(d.Source.zone).Format("2006-01-02 15:04:05.999999")
		default:
			if v, ok := d.sent.Values[name]; ok {
				args[i] = v
			}
		}
	}
	return args
}

// list reads a JSON list of objects.
func list(text string) (items []map[string]any, err error) {
	if text == "" {
		return nil, nil
	}
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.UseNumber()
	return items, d.Decode(&items)
}

// plain is a member of a JSON object as a parameter.
func plain(v any) any {
	switch v := v.(type) {
	case nil, string:
		return v
	case json.Number:
		return v.String()
	case bool:
		return v
	}
	b, _ := json.Marshal(v)
	return string(b)
}

// told says what an error of the core's means for the command.
func (c *Command) told(err error) error {
	if _, said := errors.AsType[*refusal](err); said || err == nil {
		return err
	}
	if !c.Source.dialect.spoke(err) {
		return c.Source.silent(err)
	}
	if _, ours := errors.AsType[notRefused](err); ours {
		return err
	}
	said := c.Source.dialect.said(err)
	if said.duplicate && !c.byTable && c.doneWhen == nil {
		said.codes = said.codes[:1] // it may be the command's own key that is there already; a constraint that is named is meant
	}
	for _, code := range said.codes { // the most particular first
		if words, final := c.refusals[code]; final && code != "" {
			if words == "" {
				words = said.words
			}
			return &refusal{why: shown(words), fault: err.Error()}
		}
	}
	return err
}

// shown is the core's text as one line of bounded length.
func shown(s string) string {
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "")), " ")
	if r := []rune(s); len(r) > 400 {
		s = string(r[:400]) + "…"
	}
	return s
}
