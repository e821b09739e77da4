package portal

import (
	"context"
	"fmt"
)

// A Task is what waits for the caller: documents of one kind that somebody with their rights has to act on.
type Task struct {
	Kind    string `db:"-" json:"kind"`
	Count   int    `db:"count" json:"count" doc:"How many; 100 = that many or more"`
	Overdue int    `db:"overdue" json:"overdue" doc:"Of those, past the day they were due by"`
	DueOn   Date   `db:"due_on" json:"due_on" format:"date" nullable:"true" doc:"The first day by which one is due; null where none has such a day"`
}

// TasksCounted is where counting ends.
const TasksCounted = 100

// Task counts what a query returns, a row a document: the day it is due by, or NULL, what is due first first.
func (tx *Tx) Task(ctx context.Context, kind, query string, args ...any) (Task, error) {
	t := Task{Kind: kind}
	args = append(args, DateOf(tx.Now), TasksCounted)
	err := tx.Get(ctx, &t, fmt.Sprintf(`SELECT count(*) AS count, count(*) FILTER (WHERE due < $%d::date) AS overdue, min(due) AS due_on FROM (%s LIMIT $%d) w (due)`, len(args)-1, query, len(args)), args...)
	if err != nil {
		return t, fmt.Errorf("counting %s: %w", kind, err)
	}
	return t, nil
}
