package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"extranet/portal"
	"extranet/portal/tasks"
)

func (d door) tasks(h huma.API) {
	huma.Register(h, operation("list-tasks", http.MethodGet, "/tasks", "Access", "List what waits for me",
		"Counts of what somebody with your rights has to act on: orders to approve, claims to answer, invoices to pay, purchase orders to answer, forecasts to commit to, notices to acknowledge. "+
			"Kinds of which nothing waits are left out. They are counted from what the feeds have brought."), d.listTasks)
}

type taskList struct {
	Items []portal.Task `json:"items"`
}

func (d door) listTasks(ctx context.Context, in *struct{ Conditional }) (*plain[taskList], error) {
	by := callerOf(ctx)
	list, err := tasks.For(ctx, d.db, by)
	if err != nil {
		return nil, refuse(ctx, d, by, err)
	}
	return now(in.Conditional, taskList{list})
}
