package jobs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"extranet/portal"
)

// A Report tells, before anything is written, what a mapping would do.
type Report struct {
	Mapping  string          `json:"mapping"`
	Sources  []SourceReport  `json:"sources"`
	Entities []EntityReport  `json:"entities"` // all that there are, mapped or not
	Commands []CommandReport `json:"commands"` // likewise
}

// A CommandReport says whether the core can take up what partners decide.
type CommandReport struct {
	Command string   `json:"command"`
	Carried bool     `json:"carried"` // one that is not waits for the host's staff
	Source  string   `json:"source,omitempty"`
	Faults  []string `json:"faults,omitempty"`
}

// A SourceReport says whether a source answers.
type SourceReport struct {
	Name     string    `json:"name"`
	Driver   string    `json:"driver"`
	Where    string    `json:"where"` // without the password
	TimeZone string    `json:"time_zone"`
	Clock    time.Time `json:"clock,omitzero"` // the source's, UTC
	Fault    string    `json:"fault,omitempty"`
}

// An EntityReport says what a feed would read, and what that costs. Faults keep the feed from running; warnings do not.
type EntityReport struct {
	Entity   string   `json:"entity"`
	Mapped   bool     `json:"mapped"` // one that is not is not offered
	Source   string   `json:"source,omitempty"`
	Way      string   `json:"way,omitempty"`
	EveryS   int      `json:"every_s,omitempty"` // seconds between passes
	Rows     int64    `json:"rows"`
	Columns  []string `json:"columns,omitempty"`  // found
	Absent   []string `json:"absent,omitempty"`   // not returned: empty in the portal
	Ignored  []string `json:"ignored,omitempty"`  // returned and not used
	Sampled  int64    `json:"sampled"`            // rows read for this report
	Refused  int64    `json:"refused"`            // of them
	Examples []string `json:"examples,omitempty"` // why rows were refused

	FullSeconds    float64     `json:"full_seconds"`       // of reading everything; an estimate
	IncrementalMS  float64     `json:"incremental_ms"`     // of looking for changes when there are none
	QuietRows      int64       `json:"quiet_rows"`         // that an incremental pass reads when there are no changes
	RowsPerHour    float64     `json:"rows_per_hour"`      // read, when there are no changes
	GreatestStamp  string      `json:"greatest,omitempty"` // of the watermark column, UTC
	UnknownPartner int64       `json:"unknown_partner"`    // rows whose partner the select of partners does not return
	Ways           []WayReport `json:"ways,omitempty"`     // of noticing change
	Recommended    string      `json:"recommended,omitempty"`
	Because        string      `json:"because,omitempty"`

	Faults   []string `json:"faults,omitempty"`
	Warnings []string `json:"warnings,omitempty"`

	Reread *RereadReport `json:"reread,omitempty"` // nil = the rows that stand were read by this mapping, or none stand

	keys [][]string // of the first rows
}

// A RereadReport says what a change of the mapping has read anew.
type RereadReport struct {
	Changed []string `json:"changed"`                // what of the mapping is other
	Stand   int64    `json:"stand"`                  // rows of the portal's, read by the other mapping
	New     []string `json:"new_columns,omitempty"`  // that the select did not return before
	Gone    []string `json:"gone_columns,omitempty"` // that it did
	Known   int64    `json:"known_keys"`             // of the keys that were looked for, those under which rows stand
	Looked  int64    `json:"looked_keys"`
}

// keysLooked bounds how many keys are looked for.
const keysLooked = 1000

// Against compares the mapping with the one by which the portal's rows were read, and says what it has read anew. It writes nothing.
func (r *Report) Against(ctx context.Context, db *portal.DB, m *Mapping) error {
	return db.AsWorker(ctx, "check", func(tx *portal.Tx) error {
		for i := range r.Entities {
			e := &r.Entities[i]
			f := m.Feed(e.Entity)
			if f == nil {
				continue
			}
			change, err := portal.ChangeOf(ctx, tx, f.offer())
			if err != nil {
				return err
			}
			if len(change.Parts) == 0 {
				continue
			}
			e.Reread = &RereadReport{Changed: change.Parts, Stand: change.Rows, Looked: int64(len(e.keys))}
			if change.Columns != nil {
				e.Reread.New, e.Reread.Gone = without(e.Columns, change.Columns), without(change.Columns, e.Columns)
			}
			if e.Reread.Known, err = portal.Known(ctx, tx, f.entity.mirror, e.keys); err != nil {
				return err
			}
		}
		return nil
	})
}

// without are those of list that are not in other.
func without(list, other []string) (rest []string) {
	for _, s := range list {
		if !slices.Contains(other, s) {
			rest = append(rest, s)
		}
	}
	return rest
}

// words say it to people.
func (r RereadReport) words(rows int64) string {
	says := fmt.Sprintf("the mapping changed: %s; at the next start %s rows are read anew, where %s stand", strings.Join(r.Changed, ", "), thousands(rows), thousands(r.Stand))
	if len(r.New) > 0 {
		says += "; new: " + strings.Join(r.New, ", ")
	}
	if len(r.Gone) > 0 {
		says += "; no longer: " + strings.Join(r.Gone, ", ")
	}
	if r.Looked > 0 && r.Known == 0 && r.Stand > 0 {
		says += fmt.Sprintf("; none of the first %s keys is one that stands: the key is another, rows come under new keys and the old go", thousands(r.Looked))
	}
	return says
}

// OK reports that every mapped feed can run.
func (r *Report) OK() bool {
	for _, s := range r.Sources {
		if s.Fault != "" {
			return false
		}
	}
	for _, e := range r.Entities {
		if len(e.Faults) > 0 {
			return false
		}
	}
	for _, c := range r.Commands {
		if len(c.Faults) > 0 {
			return false
		}
	}
	return true
}

// sampleRows is how many rows of each entity a check reads and converts.
const sampleRows = 10_000

// Check reads through the mapping and writes nothing. It needs no database of the portal's. An error is ctx's alone:
// what is wrong with the mapping or the core stands in the report.
func Check(ctx context.Context, m *Mapping) (*Report, error) {
	r := &Report{Mapping: m.Name}
	down := map[*Source]bool{}
	for _, s := range m.Sources {
		about := SourceReport{Name: s.Name, Driver: s.Driver, Where: s.Where, TimeZone: s.zone.String()}
		reading, err := s.begin(ctx)
		if err != nil {
			about.Fault, down[s] = err.Error(), true
		} else {
			about.Clock = reading.asOf
			reading.end()
		}
		r.Sources = append(r.Sources, about)
	}
	for _, e := range entities {
		f := m.Feed(e.mirror.Entity)
		about := EntityReport{Entity: e.mirror.Entity, Mapped: f != nil}
		if f != nil {
			about.Source, about.Way, about.EveryS = f.Source.Name, f.Way, int(f.Every.Seconds())
			if e.with != "" && m.Feed(e.with) == nil {
				about.Warnings = append(about.Warnings, fmt.Sprintf("%s is not mapped; without it %s are not shown", e.with, e.mirror.Entity))
			}
			if e.mirror.Owned && m.Feed("partners") == nil {
				about.Warnings = append(about.Warnings, "partners is not mapped; rows are taken only for partners that the portal already knows")
			}
			if down[f.Source] {
				about.Faults = append(about.Faults, "source "+f.Source.Name+" does not answer")
			} else {
				c := &checker{mapping: m, feed: f, about: &about}
				c.run(ctx)
			}
		}
		r.Entities = append(r.Entities, about)
		if ctx.Err() != nil {
			return r, ctx.Err()
		}
	}
	for _, h := range commandHandlers {
		about := CommandReport{Command: h.name}
		if c := m.Command(h.name); c != nil {
			about.Carried, about.Source = true, c.Source.Name
			if down[c.Source] {
				about.Faults = append(about.Faults, "source "+c.Source.Name+" does not answer")
			} else {
				about.Faults = c.check(ctx)
			}
		}
		r.Commands = append(r.Commands, about)
	}
	return r, ctx.Err()
}

// check has the core read every statement, and carry out none.
func (c *Command) check(ctx context.Context) (faults []string) {
	prepare := func(query string) error {
		s, err := c.Source.db.PrepareContext(ctx, query)
		if err != nil {
			return err
		}
		return s.Close()
	}
	all := c.steps
	if c.doneWhen != nil {
		all = append(slices.Clone(all), *c.doneWhen)
	}
	for _, s := range all {
		if err := prepare(s.bound(c.Source.dialect.placeholder)); err != nil {
			faults = append(faults, fmt.Sprintf("the statement of line %d cannot be prepared: %v", s.line, err))
		}
	}
	if c.byTable {
		if err := prepare(`SELECT command_id, name, document, delivered_at, returned FROM ` + deliveredTable); err != nil {
			faults = append(faults, fmt.Sprintf("the core lacks the table %s, which keeps commands from being carried out twice; extranet mapping outbox prints what to run, or see once: statement (%v)", deliveredTable, err))
		}
	}
	return faults
}

type checker struct {
	mapping *Mapping
	feed    *Feed
	about   *EntityReport
	shape   shape
	clock   time.Time
}

func (c *checker) warnf(format string, a ...any) {
	c.about.Warnings = append(c.about.Warnings, fmt.Sprintf(format, a...))
}

// run goes on until a step finds that the rest cannot be known.
func (c *checker) run(ctx context.Context) {
	for _, step := range []func(context.Context, *reading) error{c.sample, c.count, c.watermark, c.partners, c.sites, c.ways} {
		err := func() error {
			r, err := c.feed.Source.begin(ctx) // one that failed in a step is of no use to the next
			if err != nil {
				return err
			}
			defer r.end()
			c.clock = r.asOf
			return step(ctx, r)
		}()
		if errors.Is(err, errUnusable) {
			return
		}
		if err != nil {
			c.about.Faults = append(c.about.Faults, err.Error())
			return
		}
	}
	passes := 3600 / c.feed.Every.Seconds()
	if c.feed.Way == Snapshot {
		c.about.RowsPerHour = float64(c.about.Rows) * passes
	} else {
		c.about.RowsPerHour = float64(c.about.QuietRows)*passes + float64(c.about.Rows)/c.feed.FullEvery.Hours()
	}
}

// errUnusable ends a check whose faults have been told.
var errUnusable = errors.New("the select cannot be used as it is")

// sample reads and converts the first rows.
func (c *checker) sample(ctx context.Context, r *reading) error {
	began := time.Now()
	rows, err := r.tx.QueryContext(ctx, r.dialect.first(c.feed.query("*", ""), sampleRows))
	if err != nil {
		return r.failed(ctx, c.feed.Entity, err)
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err != nil {
		return r.failed(ctx, c.feed.Entity, err)
	}
	c.shape = c.feed.shape(columnsOf(types))
	c.about.Absent, c.about.Ignored = c.shape.absent, c.shape.ignored
	for i, col := range c.feed.entity.mirror.Columns {
		if at := c.shape.columns[i]; at >= 0 {
			c.about.Columns = append(c.about.Columns, c.shape.names[at])
			if o := c.feed.options[c.feed.entity.column(col.Name)]; !o.rounds && o.translate == nil {
				c.fits(c.shape.names[at], col.Type, c.shape.types[at])
			}
		}
	}
	c.about.Ignored = slices.DeleteFunc(c.about.Ignored, c.feed.filtersBy)
	if len(c.about.Ignored) > 0 {
		c.warnf("the select returns columns that the portal does not know, and does not show: %s", strings.Join(c.about.Ignored, ", "))
	}
	c.about.Faults = append(c.about.Faults, c.shape.faults(c.feed)...)
	if len(c.about.Faults) > 0 {
		return errUnusable
	}
	c.feed.learn(c.shape, columnsOf(types))
	convert := newConverter(c.feed, c.shape)
	for rows.Next() {
		if err := rows.Scan(convert.targets...); err != nil {
			return r.failed(ctx, c.feed.Entity, err)
		}
		row, _ := convert.row()
		c.about.Sampled++
		if row.Refusal != "" {
			c.about.Refused++
			if len(c.about.Examples) < 3 {
				c.about.Examples = append(c.about.Examples, convert.key(row)+" "+row.Refusal)
			}
		} else if len(c.about.keys) < keysLooked {
			c.about.keys = append(c.about.keys, c.feed.keyParts(row))
		}
	}
	if err := rows.Err(); err != nil {
		return r.failed(ctx, c.feed.Entity, err)
	}
	c.about.FullSeconds = time.Since(began).Seconds()
	if c.about.Refused > 0 {
		c.warnf("%d of the first %d rows would be refused, and lie in quarantine", c.about.Refused, c.about.Sampled)
	}
	return nil
}

// fits warns of a column whose type needs luck.
func (c *checker) fits(name string, want portal.Type, have string) {
	if list, ok := c.feed.Source.dialect.suits[want]; ok && !slices.Contains(list, have) {
		c.warnf("%s is of type %s, and a %s is wanted; rows in which it is none are refused", name, strings.ToLower(have), want)
	}
}

// count counts the rows, and looks for keys that are missing or double.
func (c *checker) count(ctx context.Context, r *reading) error {
	columns := c.feed.entity.rowColumns()
	keys := make([]string, len(columns))
	for i, k := range columns {
		keys[i] = c.feed.at(k)
	}
	var missing int64
	err := r.tx.QueryRowContext(ctx, c.feed.query("count(*), count(*) - count(CASE WHEN "+strings.Join(keys, " IS NOT NULL AND ")+" IS NOT NULL THEN 1 END)", "")).Scan(&c.about.Rows, &missing)
	if err != nil {
		return r.failed(ctx, c.feed.Entity, err)
	}
	if c.about.Sampled > 0 {
		c.about.FullSeconds *= float64(max(c.about.Rows, c.about.Sampled)) / float64(c.about.Sampled)
	}
	var double, rows int64
	err = r.tx.QueryRowContext(ctx, "SELECT count(*), coalesce(sum(d.n), 0) FROM ("+c.feed.query("count(*) AS n", strings.Join(keys, " IS NOT NULL AND ")+" IS NOT NULL")+
		" GROUP BY "+strings.Join(keys, ", ")+" HAVING count(*) > 1) d").Scan(&double, &rows)
	if err != nil {
		return r.failed(ctx, c.feed.Entity, err)
	}
	key := strings.Join(columns, ", ")
	if missing > 0 {
		c.warnf("%d rows have no key (%s); they would be refused", missing, key)
	}
	if double > 0 {
		c.warnf("the key (%s) is not unique: %d keys occur more than once, in %d rows that would be refused", key, double, rows)
	}
	return nil
}

// watermark looks at the stamps, and at what an incremental pass costs.
func (c *checker) watermark(ctx context.Context, r *reading) error {
	if c.feed.Way != Watermark {
		return nil
	}
	var without int64
	var greatest any
	column := c.feed.at(c.feed.Watermark)
	if err := r.tx.QueryRowContext(ctx, c.feed.query("count(*) - count("+column+"), max("+column+")", "")).Scan(&without, &greatest); err != nil {
		return r.failed(ctx, c.feed.Entity, err)
	}
	if without > 0 {
		c.warnf("%d rows have no %s; they are read only by full passes, every %s", without, c.feed.Watermark, c.feed.FullEvery)
	}
	convert := &converter{feed: c.feed, shape: c.shape}
	stamp := convert.pointInTime(c.shape.watermark, greatest)
	if stamp.IsZero() {
		return nil
	}
	kind := c.shape.kinds[c.shape.watermark]
	c.about.GreatestStamp = stamp.UTC().Format(time.RFC3339Nano)
	if ahead := stamp.Sub(r.asOf); ahead > 5*time.Minute && kind != dayStamp {
		c.warnf("the greatest %s is %s ahead of the core's clock; is the time zone %s right?", c.feed.Watermark, ahead.Round(time.Minute), c.feed.Source.zone)
	}
	mark := stamp
	if mark.After(r.asOf) {
		mark = r.asOf
	}
	began := time.Now()
	err := r.tx.QueryRowContext(ctx, c.feed.query("count(*)", column+" >= "+r.stampAt(1, kind)), r.since(mark.Add(-c.feed.Overlap), r.asOf, kind)).Scan(&c.about.QuietRows)
	if err != nil {
		return r.failed(ctx, c.feed.Entity, err)
	}
	took := time.Since(began)
	c.about.IncrementalMS = float64(took.Microseconds()) / 1000
	if took > c.feed.Every/4 {
		c.warnf("looking for changes takes the core %s, every %s; a longer every, or an index on %s, spares it", took.Round(time.Millisecond), c.feed.Every, c.feed.Watermark)
	}
	return nil
}

// partners counts rows of partners that the select of partners does not return.
func (c *checker) partners(ctx context.Context, r *reading) error {
	partners := c.mapping.Feed("partners")
	if !c.feed.entity.mirror.Owned || partners == nil || partners.Source != c.feed.Source {
		return nil
	}
	n, err := c.lacking(ctx, r, partnerColumn, partners, partnerColumn)
	if err != nil {
		return err
	}
	if c.about.UnknownPartner = n; n > 0 {
		c.warnf("%d rows are of partners that the select of partners does not return; they would be refused", n)
	}
	return nil
}

// sites counts rows that name a site which the select of sites does not return.
func (c *checker) sites(ctx context.Context, r *reading) error {
	sites := c.mapping.Feed("sites")
	if c.feed.Entity == "sites" || sites == nil || sites.Source != c.feed.Source || !slices.Contains(c.about.Columns, "site") {
		return nil
	}
	n, err := c.lacking(ctx, r, "site", sites, "site")
	if err == nil && n > 0 {
		c.warnf("%d rows name a site that the select of sites does not return; they are taken, and the site is shown by its number alone", n)
	}
	return err
}

// lacking counts the feed's rows whose column names no row of other. An other that itself fails is told where it belongs.
func (c *checker) lacking(ctx context.Context, r *reading, column string, other *Feed, theirs string) (n int64, err error) {
	if d, err := other.describe(ctx, r); d == nil && err != nil {
		return 0, ctx.Err()
	}
	theirs = "o." + other.name(theirs)
	query := c.feed.query("count(*)", c.feed.at(column)+" IS NOT NULL AND "+r.dialect.asText(c.feed.at(column))+" NOT IN ("+
		r.within(other.Select, "SELECT "+r.dialect.asText(theirs)+" FROM ", " o WHERE "+theirs+" IS NOT NULL")+")")
	err = r.tx.QueryRowContext(ctx, query).Scan(&n)
	if err != nil && ctx.Err() == nil && r.dialect.spoke(err) {
		return 0, nil
	}
	if err != nil {
		return 0, r.failed(ctx, c.feed.Entity, err)
	}
	return n, nil
}

// Print writes the report for people.
func (r *Report) Print(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "mapping %s\n", r.Mapping)
	for _, s := range r.Sources {
		fmt.Fprintf(&b, "source  %s: %s at %s, stamps without a zone are %s\n", s.Name, s.Driver, s.Where, s.TimeZone)
		if s.Fault != "" {
			fmt.Fprintf(&b, "  FAULT    %s\n", s.Fault)
		}
	}
	fmt.Fprintf(&b, "\n%-22s %10s  %-10s %7s %9s %12s %13s\n", "entity", "rows", "way", "every", "full read", "quiet pass", "rows/hour")
	for _, e := range r.Entities {
		if !e.Mapped {
			fmt.Fprintf(&b, "%-22s %10s  not mapped: not offered\n", e.Entity, "–")
			continue
		}
		quiet := "–"
		if e.Way == Watermark {
			quiet = fmt.Sprintf("%.1fms", e.IncrementalMS)
		}
		fmt.Fprintf(&b, "%-22s %10d  %-10s %7s %8.2fs %12s %13.0f\n", e.Entity, e.Rows, e.Way, time.Duration(e.EveryS)*time.Second, e.FullSeconds, quiet, e.RowsPerHour)
		for _, f := range e.Faults {
			fmt.Fprintf(&b, "  FAULT    %s\n", f)
		}
		for _, f := range e.Warnings {
			fmt.Fprintf(&b, "  warning  %s\n", f)
		}
		for _, f := range e.Examples {
			fmt.Fprintf(&b, "           e.g. %s\n", f)
		}
		if e.Reread != nil {
			fmt.Fprintf(&b, "  anew     %s\n", e.Reread.words(e.Rows))
		}
		e.printWays(&b)
		if len(e.Absent) > 0 {
			fmt.Fprintf(&b, "  left out %s\n", strings.Join(e.Absent, ", "))
		}
	}
	if len(r.Commands) > 0 {
		b.WriteString("\ncommand\n")
	}
	for _, c := range r.Commands {
		how := "not carried: the host takes it over by hand"
		if c.Carried {
			how = "carried to " + c.Source
		}
		fmt.Fprintf(&b, "%-25s %s\n", c.Command, how)
		for _, f := range c.Faults {
			fmt.Fprintf(&b, "  FAULT    %s\n", f)
		}
	}
	if r.OK() {
		b.WriteString("\nEvery mapped feed can run.\n")
	} else {
		b.WriteString("\nThere are faults; a feed or command that has one cannot run.\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}
