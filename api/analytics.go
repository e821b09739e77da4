package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"extranet/portal"
	"extranet/portal/analytics"
)

func (d door) analytics(h huma.API) {
	huma.Register(h, operation("read-analytics", http.MethodGet, "/analytics", "Directory", "Read who uses what",
		"For the host's staff: use by area, adoption by segment, retention by cohort, partners that went quiet, where the volume comes from, and how fast each desk answers. Days and months are in UTC."), d.readAnalytics)
}

type readAnalyticsInput struct {
	From string `query:"from" doc:"The first day; 29 days before the last where it is left out" format:"date" maxLength:"10"`
	To   string `query:"to" doc:"The last day; today where it is left out" format:"date" maxLength:"10"`
}

func (d door) readAnalytics(ctx context.Context, in *readAnalyticsInput) (*told[analytics.Report], error) {
	return ofAll(ctx, d, portal.FiguresRead, func(tx *portal.Tx) (analytics.Report, error) {
		return analytics.Read(ctx, tx, portal.Period{From: portal.Date(in.From), To: portal.Date(in.To)})
	})
}
