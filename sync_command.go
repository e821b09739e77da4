package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"text/tabwriter"
	"time"

	"extranet/portal"
)

// syncActs are what sync can be asked instead of a pass: to tell how the mirror stands, and to say something to the worker that runs.
type syncActs struct {
	Status    bool   `help:"Tell how every feed and the outbox stand, instead of making a pass."`
	Pause     string `placeholder:"ENTITY|all" help:"Have the worker make no more passes of it by itself."`
	Resume    string `placeholder:"ENTITY|all" help:"End a pause."`
	AllowLoss string `name:"allow-loss" placeholder:"ENTITY" help:"Let the next pass of a feed that stopped delete what the core no longer has, once."`
	Retry     string `placeholder:"ENTITY" help:"Have the worker try all its rows in quarantine again at once."`
}

// asked lists what is asked for, each with its entity.
func (a syncActs) asked() (acts [][2]string) {
	for _, act := range [][2]string{{portal.Pause, a.Pause}, {portal.Resume, a.Resume}, {portal.Retry, a.Retry}, {portal.AllowTheLoss, a.AllowLoss}} {
		if act[1] != "" {
			acts = append(acts, act)
		}
	}
	return acts
}

// run does what is asked through the database, where the workers that run hear of it.
func (a syncActs) run(ctx context.Context, databaseURL string, asJSON bool) error {
	db, err := portal.Open(ctx, portal.Options{URL: databaseURL})
	if err != nil {
		return err
	}
	defer db.Close()
	by, err := operator(ctx, db)
	if err != nil {
		return err
	}
	var s syncStatus
	err = db.AcrossPartners(ctx, by, portal.FeedsManage, func(tx *portal.Tx) (err error) {
		for _, act := range a.asked() {
			if err := portal.ActOnFeed(ctx, tx, act[1], act[0], ""); err != nil {
				return err
			}
		}
		s, err = statusOf(ctx, tx)
		return err
	})
	if err != nil {
		return err
	}
	for _, act := range a.asked() {
		fmt.Fprintf(os.Stderr, "%s: %s\n", act[1], act[0])
	}
	switch {
	case !a.Status:
		return nil
	case asJSON:
		return json.NewEncoder(os.Stdout).Encode(s)
	}
	return s.print(os.Stdout)
}

// A syncStatus is how the mirror stands.
type syncStatus struct {
	At     time.Time            `json:"at"`
	Feeds  []feedStatus         `json:"feeds"`
	Outbox portal.OutboxFigures `json:"outbox"`
}

type feedStatus struct {
	Entity      string     `json:"entity"`
	State       string     `json:"state"`
	Way         string     `json:"way"`
	AsOf        *time.Time `json:"as_of"`
	LagS        *int64     `json:"lag_s"`
	RowsRead    int64      `json:"rows_read"`
	RowsChanged int64      `json:"rows_changed"`
	RowsDeleted int64      `json:"rows_deleted"`
	Quarantined int64      `json:"quarantined"`
	RowsPerS    int64      `json:"rows_per_s"`
	PassMS      int64      `json:"pass_ms"`
	NextAt      *time.Time `json:"next_at"`
	Error       string     `json:"error,omitempty"`

	Reread       string     `json:"reread,omitempty"` // why the next pass reads everything anew
	RereadRows   int64      `json:"reread_rows,omitempty"`
	ComparedAt   *time.Time `json:"compared_at"` // with the whole of the core
	Compared     int64      `json:"partners_compared"`
	RowsRepaired int64      `json:"rows_repaired"`
}

func statusOf(ctx context.Context, tx *portal.Tx) (s syncStatus, err error) {
	s = syncStatus{At: tx.Now, Feeds: []feedStatus{}}
	all, err := portal.Feeds(ctx, tx)
	if err != nil {
		return s, err
	}
	running, err := portal.RunningPasses(ctx, tx)
	if err != nil {
		return s, err
	}
	for _, f := range all {
		v := feedStatus{Entity: f.Entity, State: f.State(tx.Now), Way: f.Way, RowsRead: f.RowsRead, RowsChanged: f.RowsChanged, RowsDeleted: f.RowsDeleted, Quarantined: f.Quarantined,
			RowsPerS: f.Rate(), PassMS: f.PassTookMS, Error: f.Error, Reread: f.Reread, RereadRows: f.RereadRows, Compared: f.PartnersCompared, RowsRepaired: f.RowsRepaired}
		if f.RepairedAt.Valid {
			v.ComparedAt = &f.RepairedAt.Time
		}
		if f.AsOf.Valid {
			lag := max(0, int64(tx.Now.Sub(f.AsOf.Time).Seconds()))
			v.AsOf, v.LagS = &f.AsOf.Time, &lag
		}
		if at := f.Next(tx.Now); !at.IsZero() {
			v.NextAt = &at
		}
		for _, r := range running {
			if r.Entity == f.Entity {
				v.State += fmt.Sprintf(", %s %d rows", r.Phase, r.Rows)
			}
		}
		s.Feeds = append(s.Feeds, v)
	}
	s.Outbox, err = portal.OutboxStands(ctx, tx)
	return s, err
}

func (s syncStatus) print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "feed\tstate\tway\tlag\tread\tchanged\tdeleted\trefused\trows/s\trepaired\tnext\t")
	for _, f := range s.Feeds {
		lag, next, repaired := "–", "–", "–"
		if f.ComparedAt != nil {
			repaired = strconv.FormatInt(f.RowsRepaired, 10)
		}
		if f.LagS != nil {
			lag = (time.Duration(*f.LagS) * time.Second).String()
		}
		if f.NextAt != nil {
			next = f.NextAt.Format(time.TimeOnly)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\t%d\t%d\t%d\t%d\t%s\t%s\t\n", f.Entity, f.State, f.Way, lag, f.RowsRead, f.RowsChanged, f.RowsDeleted, f.Quarantined, f.RowsPerS, repaired, next)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, f := range s.Feeds {
		if f.Error != "" {
			fmt.Fprintf(w, "%s: %s\n", f.Entity, f.Error)
		}
		if f.Reread != "" {
			fmt.Fprintf(w, "%s: %s; the next pass reads everything anew, where %d rows stand\n", f.Entity, f.Reread, f.RereadRows)
		}
		if f.RowsRepaired > 0 {
			fmt.Fprintf(w, "%s: the comparison with the core of %s found %d rows other than they should have been, and made them right\n", f.Entity, f.ComparedAt.UTC().Format(time.RFC3339), f.RowsRepaired)
		}
	}
	oldest := ""
	if s.Outbox.OldestWaiting != nil {
		oldest = ", the oldest since " + s.Outbox.OldestWaiting.UTC().Format(time.RFC3339)
	}
	_, err := fmt.Fprintf(w, "outbox: %d waiting%s, %d failing, %d to take over by hand; today %d delivered, %d refused\n", s.Outbox.Waiting, oldest, s.Outbox.Failing, s.Outbox.NotCarried, s.Outbox.DeliveredToday, s.Outbox.RefusedToday)
	return err
}
