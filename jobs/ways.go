package jobs

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
)

// A WayReport says whether the core allows a way of noticing change.
type WayReport struct {
	Way     string `json:"way"`
	Allowed bool   `json:"allowed"`
	Why     string `json:"why"`
}

// fewRows are cheap to read whole.
const fewRows = 5000

// ways says which ways the core allows, and which of them is the best for the entity.
func (c *checker) ways(ctx context.Context, r *reading) error {
	stamps := c.stamps()
	watermark := WayReport{Way: "watermark", Allowed: len(stamps) > 0, Why: "the select returns no column that tells when a row last changed"}
	if watermark.Allowed {
		watermark.Why = "by " + strings.Join(stamps, " or ") + ", where that is the stamp of every change; what is deleted is found once in full_every"
	}
	marks := WayReport{Way: "marks", Allowed: c.feed.Source.Driver == "postgres" || c.feed.Source.Driver == "mysql", Why: "when the core's owner runs the triggers that extranet mapping marks prints: seconds of delay, deletions included"}
	if !marks.Allowed {
		marks.Why = "there are no triggers here for " + c.feed.Source.Driver
	}
	logical, err := c.logical(ctx, r)
	if err != nil {
		return err
	}
	if c.feed.Way == Logical {
		tables, needs := leadTables([]*Feed{c.feed})
		if err := c.feed.Source.untold(ctx, tables, needs); err != nil {
			return err
		}
		c.feed.Source.told.Store(false) // of the other feeds' tables nothing is known yet
	}
	c.about.Ways = []WayReport{{"snapshot", true, fmt.Sprintf("reads %d rows at every pass, in about %.1f s", c.about.Rows, c.about.FullSeconds)}, watermark, marks, logical}
	switch {
	case c.about.Rows <= fewRows:
		c.about.Recommended, c.about.Because = "snapshot", fmt.Sprintf("%d rows are read in a moment, and nothing is asked of the core", c.about.Rows)
	case logical.Allowed:
		c.about.Recommended, c.about.Because = "logical", "the core keeps what changed as it is: seconds of delay, deletions included, no triggers"
	case watermark.Allowed:
		c.about.Recommended, c.about.Because = "watermark", fmt.Sprintf("%d rows are many, and %s tells which changed", c.about.Rows, stamps[0])
	case marks.Allowed:
		c.about.Recommended, c.about.Because = "marks", fmt.Sprintf("%d rows are many, and no stamp tells which changed", c.about.Rows)
	default:
		c.about.Recommended, c.about.Because = "snapshot", "nothing else tells what changed; a longer every spares the core"
	}
	return nil
}

// stamps are the select's columns that may say when a row last changed, the likeliest first.
func (c *checker) stamps() (names []string) {
	for i, kind := range c.shape.kinds {
		name := c.shape.names[i]
		if kind == noStamp || kind == dayStamp || name != strings.ToLower(c.feed.Watermark) && (slices.Contains(c.about.Columns, name) || !stamps.MatchString(name)) {
			continue
		}
		if name == strings.ToLower(c.feed.Watermark) {
			names = slices.Insert(names, 0, name)
		} else {
			names = append(names, name)
		}
	}
	return names
}

// logical asks a Postgres whether it would keep a slot for the role that reads.
func (c *checker) logical(ctx context.Context, r *reading) (WayReport, error) {
	way := WayReport{Way: "logical", Why: "only a Postgres has logical slots"}
	if c.feed.Source.Driver != "postgres" {
		return way, nil
	}
	var level, commit string
	var may bool
	var free, silent int64
	err := r.tx.QueryRowContext(ctx, `
		SELECT current_setting('wal_level'), current_setting('synchronous_commit'), coalesce((SELECT rolreplication OR rolsuper FROM pg_roles WHERE rolname = current_user), false),
			current_setting('max_replication_slots')::int - (SELECT count(*) FROM pg_replication_slots),
			(SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND n.nspname !~ '^pg_|^information_schema$'
				AND (c.relreplident = 'n' OR c.relreplident = 'd' AND NOT EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary)))`).Scan(&level, &commit, &may, &free, &silent)
	if err != nil {
		return way, r.failed(ctx, c.feed.Entity, err)
	}
	switch {
	case level != "logical":
		way.Why = "wal_level is " + level + "; it must be logical, which takes a restart of the core"
	case !may:
		way.Why = "the role that reads has no REPLICATION"
	case free <= 0:
		way.Why = "max_replication_slots are all taken"
	default:
		way.Allowed, way.Why = true, "a slot is free"
		if silent > 0 {
			way.Why = fmt.Sprintf("a slot is free; %d tables have no primary key and would need REPLICA IDENTITY FULL", silent)
		}
		if commit == "off" {
			way.Why += "; synchronous_commit is off here: a change is told once it is on the core's disk, within a second"
		}
	}
	return way, nil
}

// printWays writes what the entity allows for people.
func (e EntityReport) printWays(w io.Writer) {
	if e.Recommended == "" {
		return
	}
	var allowed, others []string
	for _, way := range e.Ways {
		if way.Allowed {
			allowed = append(allowed, way.Way)
		} else {
			others = append(others, way.Way+": "+way.Why)
		}
	}
	advice := "advised  " + e.Recommended + ": " + e.Because
	if e.Recommended == e.Way {
		advice = "as advised: " + e.Because
	}
	fmt.Fprintf(w, "  %s; allowed: %s\n", advice, strings.Join(allowed, ", "))
	if e.Recommended != e.Way {
		for _, o := range others {
			fmt.Fprintf(w, "           not %s\n", o)
		}
	}
}
