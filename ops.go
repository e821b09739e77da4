package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"extranet/portal"
)

// observe writes one log line and one metric per request. It names routes, never paths, for a path may hold a secret.
func observe(log *slog.Logger, registry prometheus.Registerer) gin.HandlerFunc {
	took := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "extranet_request_seconds", Help: "How long requests took, by route, method and status.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}}, []string{"route", "method", "status"})
	registry.MustRegister(took)
	return func(c *gin.Context) {
		began := time.Now()
		id := rand.Text()
		c.Set("request", id)
		c.Writer.Header()["X-Request-Id"] = []string{id}
		c.Next()
		route, status, d := c.FullPath(), c.Writer.Status(), time.Since(began)
		if route == "" {
			route = "none"
		}
		method := c.Request.Method
		if !knownMethods[method] {
			method = "other"
		}
		took.WithLabelValues(route, method, statusText(status)).Observe(d.Seconds())
		attrs := []slog.Attr{slog.String("id", id), slog.String("method", method), slog.String("route", route), slog.Int("status", status),
			slog.Float64("ms", float64(d.Microseconds())/1000), slog.Int("bytes", c.Writer.Size())}
		if partner := c.GetInt64("partner"); partner != 0 {
			attrs = append(attrs, slog.Int64("partner", partner))
		}
		level := slog.LevelInfo
		if len(c.Errors) > 0 {
			err := c.Errors.Last().Err
			attrs = append(attrs, slog.String("err", err.Error()))
			if k := portal.Says(err).Kind; k == portal.Internal || k == portal.Unavailable {
				level = slog.LevelError
			}
		}
		log.LogAttrs(c.Request.Context(), level, "request", attrs...)
	}
}

var knownMethods = map[string]bool{"GET": true, "HEAD": true, "POST": true, "PUT": true, "PATCH": true, "DELETE": true, "OPTIONS": true}

func statusText(code int) string {
	return string([]byte{byte('0' + code/100%10), byte('0' + code/10%10), byte('0' + code%10)})
}

// opsHandler answers the host's own machines: alive, ready, figures.
func opsHandler(db *portal.DB, registry *prometheus.Registry) http.Handler {
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), collectors.NewDBStatsCollector(db.Pool(), "portal"), feedFigures{db})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
		defer cancel()
		if err := db.Ping(ctx); err != nil {
			http.Error(w, "the portal's database does not answer", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ready")
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	return mux
}

// feedFigures tell how far the mirror is, and what is on its way to the core: no names of partners, no amounts.
type feedFigures struct{ db *portal.DB }

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("extranet_"+name, help, labels, nil)
}

var (
	feedAge         = describe("feed_age_seconds", "Age of the mirrored data, by entity.", "entity")
	feedBehind      = describe("feed_behind", "1 while passes of the entity fail.", "entity")
	feedState       = describe("feed_state", "1 for the state that the feed is in.", "entity", "state")
	feedRows        = describe("feed_pass_rows", "Rows of the last pass, by what became of them.", "entity", "kind")
	feedSeconds     = describe("feed_pass_seconds", "How long the last pass took.", "entity")
	feedQuarantined = describe("feed_quarantined_rows", "Rows in quarantine.", "entity")
	feedSlot        = describe("feed_slot_bytes", "Bytes of the core's log that the feed's logical slot keeps from being recycled.", "entity")
	feedRepaired    = describe("feed_repaired_rows", "Rows that the last comparison with the whole of the core found other than they should have been; 0, as a rule.", "entity")
	outboxCommands  = describe("outbox_commands", "Commands in the outbox: waiting, failing (of those), not_carried; delivered and refused since midnight UTC.", "state")
	outboxOldest    = describe("outbox_oldest_seconds", "Age of the oldest command that waits to be delivered; 0 when none does.")
)

func (feedFigures) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{feedAge, feedBehind, feedState, feedRows, feedSeconds, feedQuarantined, feedRepaired, feedSlot, outboxCommands, outboxOldest} {
		out <- d
	}
}

func (f feedFigures) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	var feeds []portal.Feed
	var outbox portal.OutboxFigures
	now := f.db.Now()
	err := f.db.AsWorker(ctx, "figures", func(tx *portal.Tx) (err error) {
		if feeds, err = portal.Feeds(ctx, tx); err != nil {
			return err
		}
		outbox, err = portal.OutboxStands(ctx, tx)
		return err
	})
	if err != nil {
		return
	}
	tell := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	for _, feed := range feeds {
		if !feed.Offered {
			continue
		}
		if feed.AsOf.Valid {
			tell(feedAge, now.Sub(feed.AsOf.Time).Seconds(), feed.Entity)
		}
		behind := 0.0
		if feed.BehindSince.Valid {
			behind = 1
		}
		tell(feedBehind, behind, feed.Entity)
		tell(feedState, 1, feed.Entity, feed.State(now))
		for kind, rows := range map[string]int64{"read": feed.RowsRead, "changed": feed.RowsChanged, "deleted": feed.RowsDeleted} {
			tell(feedRows, float64(rows), feed.Entity, kind)
		}
		tell(feedSeconds, float64(feed.PassTookMS)/1000, feed.Entity)
		tell(feedQuarantined, float64(feed.Quarantined), feed.Entity)
		if feed.Way == "logical" {
			tell(feedSlot, float64(feed.SlotBytes), feed.Entity)
		}
		if feed.RepairedAt.Valid {
			tell(feedRepaired, float64(feed.RowsRepaired), feed.Entity)
		}
	}
	for state, n := range map[string]int64{"waiting": outbox.Waiting, "failing": outbox.Failing, "not_carried": outbox.NotCarried, "delivered_today": outbox.DeliveredToday, "refused_today": outbox.RefusedToday} {
		tell(outboxCommands, float64(n), state)
	}
	oldest := 0.0
	if outbox.OldestWaiting != nil {
		oldest = now.Sub(*outbox.OldestWaiting).Seconds()
	}
	tell(outboxOldest, oldest)
}

func newLog(level string, to io.Writer) *slog.Logger {
	var l slog.Level
	_ = l.UnmarshalText([]byte(level)) // checkLevel lets through what it reads
	return slog.New(slog.NewJSONHandler(to, &slog.HandlerOptions{Level: l}))
}
