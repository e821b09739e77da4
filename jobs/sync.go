package jobs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"extranet/portal"
)

// Sync offers the mapped entities and mirrors each once, those first that others refer to. The failure of one does not stop the
// others; the error joins all failures. The results of the passes that were made come back in any case.
func Sync(ctx context.Context, db *portal.DB, m *Mapping, o Options) ([]Result, error) {
	if err := offer(ctx, db, m); err != nil {
		return nil, err
	}
	if o.Tell != nil {
		if err := tellRereads(ctx, db, o.Tell); err != nil {
			return nil, err
		}
	}
	var results []Result
	var errs []error
	for _, f := range m.Feeds {
		r, err := Pass(ctx, db, m, f.Entity, o)
		if ctx.Err() != nil {
			return results, errors.Join(append(errs, ctx.Err())...)
		}
		results = append(results, r)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", f.Entity, err))
		}
	}
	return results, errors.Join(errs...)
}

// tellRereads says which feeds are read anew, and why.
func tellRereads(ctx context.Context, db *portal.DB, tell func(string)) error {
	return db.AsWorker(ctx, "sync", func(tx *portal.Tx) error {
		all, err := portal.Feeds(ctx, tx)
		for _, f := range all {
			if f.Offered && f.Reread != "" {
				tell(fmt.Sprintf("%s: %s; everything is read anew, where %s rows stand", f.Entity, f.Reread, thousands(f.RereadRows)))
			}
		}
		return err
	})
}

// offer writes down what the mapping offers.
func offer(ctx context.Context, db *portal.DB, m *Mapping) error {
	err := db.AsWorker(ctx, "sync", func(tx *portal.Tx) error { return portal.OfferFeeds(ctx, tx, m.offers()) })
	if err != nil {
		return fmt.Errorf("offering the feeds: %w", err)
	}
	return nil
}

// PrintResults writes the results as a table for people.
func PrintResults(w io.Writer, results []Result) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "entity\tread\trows\tnew\tchanged\tgone\tquarantined\tseconds\trows/s\t")
	var sum Result
	for _, r := range results {
		way := r.Way
		if r.Error != "" {
			way = "failed"
		}
		fmt.Fprintf(t, "%s\t%s\t%d\t%d\t%d\t%d\t%d\t%.2f\t%.0f\t\n", r.Entity, way, r.Rows, r.Inserted, r.Updated, r.Deleted, r.Quarantined, r.Seconds, r.RowsPerS)
		sum.Rows, sum.Inserted, sum.Updated, sum.Deleted = sum.Rows+r.Rows, sum.Inserted+r.Inserted, sum.Updated+r.Updated, sum.Deleted+r.Deleted
		sum.Quarantined, sum.Seconds = sum.Quarantined+r.Quarantined, sum.Seconds+r.Seconds
	}
	took := time.Duration(sum.Seconds * float64(time.Second))
	fmt.Fprintf(t, "total\t\t%d\t%d\t%d\t%d\t%d\t%.2f\t%.0f\t\n", sum.Rows, sum.Inserted, sum.Updated, sum.Deleted, sum.Quarantined, sum.Seconds, rate(sum.Rows, took))
	if err := t.Flush(); err != nil {
		return err
	}
	for _, r := range results {
		if r.Error != "" {
			if _, err := fmt.Fprintf(w, "%s: %s\n", r.Entity, r.Error); err != nil {
				return err
			}
		}
	}
	return nil
}

// Bar shows progress on w: on a terminal a line that is drawn over and over, elsewhere one line for each entity that is done.
func Bar(w io.Writer, isTerminal bool) func(Progress) {
	const width = 24
	return func(p Progress) {
		if p.Phase == Done {
			start, how := "", "done"
			if isTerminal {
				start = "\r\x1b[K"
			}
			if p.Result.Error != "" {
				how = "failed: " + p.Result.Error
			}
			fmt.Fprintf(w, "%s%-22s %9d rows  %8.0f rows/s  %6.1fs  %s\n", start, p.Entity, p.Rows, p.Rate(), p.Took.Seconds(), how)
			return
		}
		if !isTerminal {
			return
		}
		share := 0.0
		if p.Of > 0 {
			share = min(0.99, float64(p.Rows)/float64(p.Of))
		}
		line := fmt.Sprintf("\r\x1b[K%-22s %9d rows  %8.0f rows/s", p.Entity, p.Rows, p.Rate())
		switch {
		case p.Phase == Merging:
			line += "  writing …"
		case p.Phase != Reading:
			line += fmt.Sprintf("  %s (%d of %d) …", p.Phase, p.Step+1, p.Steps)
		case p.Of > 0:
			full := int(share * width)
			line += fmt.Sprintf("  [%s%s] %2.0f%%  %s left", strings.Repeat("#", full), strings.Repeat(".", width-full), share*100, p.Left().Round(time.Second))
		}
		fmt.Fprint(w, line)
	}
}
