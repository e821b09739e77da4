package portal

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/lib/pq"
)

// An intake takes rows in batches. One goroutine reads and encodes them, this one writes: so the two databases work at once,
// the connection is never in the middle of copying when something else is to be said on it, and memory does not grow with the rows.
type intake struct {
	tx  *Tx
	m   Mirror
	how Merging

	partners map[string]int // number → place in ids; the reader's
	numbers  []string       // the writer's
	ids      []int64        // 0 = there is no such partner; the writer's

	stage *stage
	load  *load
	lines []byte
}

// A batch ends with this many rows or bytes, whichever comes first. One that is full and the first of an empty table is the start of a load.
const (
	batchRows  = 8192
	batchBytes = 1 << 20
)

// A batch is rows in COPY's text form, without the end of each line.
type batch struct {
	text     []byte
	ends     []int // of each line in text
	partners []int // of each line; a place in intake.ids, -1 = none
	fresh    []string
	special  map[int]special
	full     bool
	err      error // why there are no more
	last     bool
}

// special is what most lines are not.
type special struct {
	gone                 bool
	partner, reason, raw string
}

func newIntake(tx *Tx, m Mirror, how Merging) *intake {
	return &intake{tx: tx, m: m, how: how, partners: map[string]int{}}
}

func (b *batch) reset() {
	b.text, b.ends, b.partners, b.fresh, b.special = b.text[:0], b.ends[:0], b.partners[:0], b.fresh[:0], nil
	b.full, b.last, b.err = false, false, nil
}

// errStopped tells the reader that nobody takes its rows any more.
var errStopped = errors.New("the writer has stopped")

// run takes every row that rows yields.
func (in *intake) run(ctx context.Context, rows func(yield func(Row) error) error) (read int64, err error) {
	full, empty, stop := make(chan *batch, 1), make(chan *batch, 3), make(chan struct{})
	for range cap(empty) {
		empty <- &batch{}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		b := <-empty
		send := func() error {
			select {
			case full <- b:
			case <-stop:
				return errStopped
			}
			return nil
		}
		b.err = rows(func(r Row) error {
			read++
			in.encode(b, r)
			if len(b.ends) < batchRows && len(b.text) < batchBytes {
				return nil
			}
			b.full = true
			if err := send(); err != nil {
				return err
			}
			select {
			case b = <-empty:
				b.reset()
			case <-stop:
				return errStopped
			}
			return nil
		})
		b.last = true
		send() //nolint:errcheck // then nobody waits for it
	}()
	for {
		b := <-full
		if len(b.ends) > 0 && b.err == nil {
			err = in.take(ctx, b)
		}
		if err == nil {
			err = b.err
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil || b.last {
			break
		}
		empty <- b
	}
	close(stop)
	<-done
	return read, err
}

// encode appends the row to the batch.
func (in *intake) encode(b *batch, r Row) {
	for i, v := range r.Values {
		if i > 0 {
			b.text = append(b.text, '\t')
		}
		switch {
		case v == nil:
			b.text = append(b.text, '\\', 'N')
		case r.Plain:
			b.text = append(b.text, v...)
		default:
			b.text = appendEscaped(b.text, v)
		}
	}
	at := -1
	if in.m.Owned && !r.Gone {
		var known bool
		if at, known = in.partners[string(r.Partner)]; !known {
			number := string(r.Partner)
			at = len(in.partners)
			in.partners[number] = at
			b.fresh = append(b.fresh, number)
		}
	}
	if r.Gone || r.Refusal != "" {
		if b.special == nil {
			b.special = map[int]special{}
		}
		b.special[len(b.ends)] = special{r.Gone, string(r.Partner), r.Refusal, r.Raw}
	}
	b.ends = append(b.ends, len(b.text))
	b.partners = append(b.partners, at)
}

// escapes are what stands after the backslash for bytes that COPY's text form does not hold as they are.
var escapes = [256]byte{'\b': 'b', '\f': 'f', '\n': 'n', '\r': 'r', '\t': 't', '\v': 'v', '\\': '\\'}

func appendEscaped[T []byte | string](to []byte, v T) []byte {
	for i := range len(v) {
		if e := escapes[v[i]]; e != 0 {
			to = append(to, '\\', e)
		} else {
			to = append(to, v[i])
		}
	}
	return to
}

// take writes a batch to where this intake's rows go.
func (in *intake) take(ctx context.Context, b *batch) error {
	if err := in.meet(ctx, b.fresh); err != nil {
		return err
	}
	if in.stage == nil && in.load == nil {
		if in.how.Complete && b.full {
			var err error
			if in.load, err = openLoad(ctx, in.tx, in.m); err != nil {
				return err
			}
		}
		if in.load == nil {
			in.stage = &stage{tx: in.tx, m: in.m, how: in.how}
			if err := in.stage.open(ctx); err != nil {
				return err
			}
		}
	}
	if in.load != nil {
		return in.load.take(ctx, in, b)
	}
	return in.copy(ctx, `COPY stage (`+strings.Join(in.m.names(), ", ")+`, partner_id, partner, refusal, raw, gone) FROM STDIN`, b, func(i int, line []byte) bool {
		at := b.partners[i]
		s, odd := b.special[i]
		known := at < 0 || in.ids[at] != 0
		in.stage.rows++
		in.lines = append(in.lines, line...)
		in.lines = append(in.lines, '\t')
		if at >= 0 && known {
			in.lines = strconv.AppendInt(in.lines, in.ids[at], 10)
		} else {
			in.lines = append(in.lines, '\\', 'N')
		}
		if !odd && known {
			in.lines = append(in.lines, "\t\\N\t\\N\t\\N\tf\n"...)
			return true
		}
		if !odd {
			number := in.numbers[at]
			s = special{partner: number, reason: noPartner(number)}
		}
		in.lines = appendEscaped(append(in.lines, '\t'), s.partner)
		for _, v := range []string{s.reason, s.raw} {
			in.lines = append(in.lines, '\t')
			if v == "" {
				in.lines = append(in.lines, '\\', 'N')
			} else {
				in.lines = appendEscaped(in.lines, v)
			}
		}
		if s.gone {
			in.stage.leaving++
			in.lines = append(in.lines, "\tt\n"...)
		} else {
			in.stage.refused++
			in.lines = append(in.lines, "\tf\n"...)
		}
		return true
	})
}

func noPartner(number string) string { return `there is no partner "` + number + `"` }

// meet looks up partners that were not named before.
func (in *intake) meet(ctx context.Context, numbers []string) error {
	if len(numbers) == 0 {
		return nil
	}
	var found []struct {
		Number    string `db:"number"`
		PartnerID int64  `db:"partner_id"`
	}
	if err := in.tx.Select(ctx, &found, `SELECT number, partner_id FROM partners WHERE number = ANY($1)`, numbers); err != nil {
		return fmt.Errorf("looking for partners: %w", err)
	}
	ids := make(map[string]int64, len(found))
	for _, f := range found {
		ids[f.Number] = f.PartnerID
	}
	for _, n := range numbers {
		in.numbers, in.ids = append(in.numbers, n), append(in.ids, ids[n])
	}
	return nil
}

// copied is how much of a batch is sent at once.
const copied = 256 << 10

// copy runs a COPY statement over the batch. line appends each line with its end to in.lines; false = it is left out.
func (in *intake) copy(ctx context.Context, statement string, b *batch, line func(i int, line []byte) bool) error {
	stmt, err := in.tx.tx.PrepareContext(ctx, statement)
	if err != nil {
		return fmt.Errorf("copying %s: %w", in.m.Entity, err)
	}
	send := func() error {
		if len(in.lines) == 0 {
			return nil
		}
		_, err := stmt.Exec(string(in.lines[:len(in.lines)-1]))
		in.lines = in.lines[:0]
		return err
	}
	at := 0
	in.lines = in.lines[:0]
	for i, end := range b.ends {
		line(i, b.text[at:end])
		at = end
		if len(in.lines) > copied {
			if err = send(); err != nil {
				break
			}
		}
	}
	if err == nil {
		err = send()
	}
	if err == nil {
		_, err = stmt.Exec()
	}
	if closed := stmt.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return fmt.Errorf("copying %s: %w", in.m.Entity, err)
	}
	return nil
}

// load fills a table that stands empty, beside it: see 0007_sync.sql.
type load struct {
	tx      *Tx
	m       Mirror
	indexes []string
	rows    int64
	tail    []byte // of each line
	refused refusals
	seen    []bool // by place in intake.ids
}

// refusals wait to be written into quarantine together.
type refusals struct{ keys, reasons, raws []string }

// openLoad begins a load; nil when the table is not empty or cannot be loaded so.
func openLoad(ctx context.Context, tx *Tx, m Mirror) (*load, error) {
	var empty bool
	if m.Retire != "" || len(m.Series) > 0 {
		return nil, nil
	}
	if err := tx.Get(ctx, &empty, `SELECT NOT EXISTS (SELECT 1 FROM `+m.Table+`)`); err != nil || !empty {
		return nil, err
	}
	l := &load{tx: tx, m: m}
	if err := tx.Select(ctx, &l.indexes, `SELECT load_begin($1)`, m.Table); err != nil || len(l.indexes) == 0 {
		return nil, err
	}
	l.tail = append(tx.Now.AppendFormat([]byte{'\t'}, "2006-01-02 15:04:05.999999Z"), '\n')
	return l, nil
}

func (l *load) take(ctx context.Context, in *intake, b *batch) error {
	owner := ""
	if l.m.Owned {
		owner = ", partner_id"
	}
	for len(l.seen) < len(in.ids) {
		l.seen = append(l.seen, false)
	}
	err := in.copy(ctx, `COPY loading_`+l.m.Table+` (`+strings.Join(l.m.names(), ", ")+owner+`, changed_at) FROM STDIN (FREEZE)`, b, func(i int, line []byte) bool {
		at := b.partners[i]
		s, odd := b.special[i]
		if !odd && at >= 0 && in.ids[at] == 0 {
			number := in.numbers[at]
			s, odd = special{partner: number, reason: noPartner(number)}, true
		}
		if odd {
			l.refuse(line, s)
			return false
		}
		l.rows++
		in.lines = append(in.lines, line...)
		if at >= 0 {
			l.seen[at] = true
			in.lines = append(in.lines, '\t')
			in.lines = strconv.AppendInt(in.lines, in.ids[at], 10)
		}
		in.lines = append(in.lines, l.tail...)
		return true
	})
	if err == nil && len(l.refused.keys) > batchRows {
		err = l.quarantine(ctx)
	}
	return err
}

// refuse keeps a line that was not taken.
func (l *load) refuse(line []byte, s special) {
	fields := bytes.Split(line, []byte{'\t'})
	values := map[string]*string{}
	for i, f := range fields {
		values[l.m.Columns[i].Name] = unescaped(f)
	}
	if s.raw == "" {
		if l.m.Owned {
			values["partner"] = &s.partner
		}
		b, _ := json.Marshal(values)
		s.raw = string(b)
	}
	key := make([]*string, len(l.m.Key))
	for i, k := range l.m.Key {
		key[i] = values[k]
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.Encode(key) //nolint:errcheck // texts
	l.refused.keys = append(l.refused.keys, strings.TrimSpace(b.String()))
	l.refused.reasons = append(l.refused.reasons, s.reason)
	l.refused.raws = append(l.refused.raws, s.raw)
}

// unescaped reads a field of COPY's text form; nil = null.
func unescaped(f []byte) *string {
	if string(f) == `\N` {
		return nil
	}
	out := make([]byte, 0, len(f))
	for i := 0; i < len(f); i++ {
		if f[i] != '\\' || i+1 == len(f) {
			out = append(out, f[i])
			continue
		}
		i++
		if plain := bytes.IndexByte(escapes[:], f[i]); plain >= 0 {
			out = append(out, byte(plain))
		}
	}
	s := string(out)
	return &s
}

// quarantine writes down what was not taken.
func (l *load) quarantine(ctx context.Context) error {
	r := l.refused
	l.refused = refusals{}
	_, err := l.tx.Exec(ctx, refuse+` SELECT DISTINCT ON (key) $1, key, reason, raw, $2, $2, 1 FROM unnest($3::text[], $4::text[], $5::text[]) AS r (key, reason, raw) ORDER BY key `+again,
		l.m.Entity, l.tx.Now, pq.StringArray(r.keys), pq.StringArray(r.reasons), pq.StringArray(r.raws))
	return err
}

// finish builds the indexes and puts the table in place.
func (l *load) finish(ctx context.Context, in *intake, done *Merged) error {
	if err := l.quarantine(ctx); err != nil {
		return fmt.Errorf("filling quarantine: %w", err)
	}
	steps := len(l.indexes) + 1
	step := func(what string, n int) {
		if in.how.Step != nil {
			in.how.Step(what, n, steps)
		}
	}
	checked := false
	for i, index := range l.indexes {
		if !checked && index != l.m.Table+"_by_key" {
			checked = true
			if err := l.removeDoubles(ctx); err != nil {
				return fmt.Errorf("looking for double keys: %w", err)
			}
		}
		step("building "+index, i)
		if _, err := l.tx.Exec(ctx, `SELECT load_index($1, $2)`, l.m.Table, index); err != nil {
			return fmt.Errorf("building %s: %w", index, err)
		}
	}
	if !checked {
		if err := l.removeDoubles(ctx); err != nil {
			return fmt.Errorf("looking for double keys: %w", err)
		}
	}
	step("putting it in place", steps-1)
	if _, err := l.tx.Exec(ctx, `SELECT load_end($1)`, l.m.Table); err != nil {
		return fmt.Errorf("putting it in place: %w", err)
	}
	if err := forgiveRest(ctx, l.tx, l.m.Entity); err != nil {
		return err
	}
	if err := l.tx.Get(ctx, &done.Quarantined, `SELECT count(*) FROM quarantine WHERE entity = $1 AND last_seen = $2`, l.m.Entity, l.tx.Now); err != nil {
		return err
	}
	done.Inserted, done.Loaded = l.rows, true
	if l.m.Owned {
		var partners []int64
		for at, seen := range l.seen {
			if seen {
				partners = append(partners, in.ids[at])
			}
		}
		slices.Sort(partners)
		for _, noun := range l.m.Nouns {
			l.tx.Changed(noun, partners...)
		}
	}
	return nil
}

// removeDoubles puts rows whose key others have too into quarantine.
func (l *load) removeDoubles(ctx context.Context) error {
	keys, table := strings.Join(l.m.Key, ", "), "loading_"+l.m.Table
	var any bool
	err := l.tx.Get(ctx, &any, `SELECT true FROM `+table+` GROUP BY `+keys+` HAVING count(*) > 1 LIMIT 1`)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	owner := ""
	if l.m.Owned {
		owner = `|| jsonb_build_object('partner', (SELECT p.number FROM partners p WHERE p.partner_id = t.partner_id))`
	}
	var removed int64
	err = l.tx.Get(ctx, &removed, `
		WITH doubles AS (SELECT `+keys+`, count(*) AS n FROM `+table+` GROUP BY `+keys+` HAVING count(*) > 1),
		gone AS (DELETE FROM `+table+` t USING doubles d WHERE `+each(l.m.Key, " AND ", same("t", "d"))+`
			RETURNING `+l.m.keyText("t")+` AS key, 'the select returns this key ' || d.n || ' times' AS refusal,
				((SELECT jsonb_object_agg(k, v) FROM jsonb_each(to_jsonb(t)) AS j (k, v) WHERE k IN (`+each(l.m.names(), ", ", func(c string) string { return "'" + c + "'" })+`)) `+owner+`)::text AS raw),
		refused AS (`+refuse+` SELECT DISTINCT ON (key) $1, key, refusal, raw, $2, $2, 1 FROM gone ORDER BY key `+again+`)
		SELECT count(*) FROM gone`, l.m.Entity, l.tx.Now)
	l.rows -= removed
	return err
}
