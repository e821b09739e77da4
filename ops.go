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

// feedFigures tells how old each feed is.
type feedFigures struct{ db *portal.DB }

var (
	feedAge    = prometheus.NewDesc("extranet_feed_age_seconds", "Age of the mirrored data, by entity.", []string{"entity"}, nil)
	feedBehind = prometheus.NewDesc("extranet_feed_behind", "1 while passes of the entity fail.", []string{"entity"}, nil)
)

func (feedFigures) Describe(out chan<- *prometheus.Desc) { out <- feedAge; out <- feedBehind }

func (f feedFigures) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	all, err := f.db.AllFreshness(ctx)
	if err != nil {
		return
	}
	for entity, fresh := range all {
		if !fresh.Offered {
			continue
		}
		if !fresh.AsOf.IsZero() {
			out <- prometheus.MustNewConstMetric(feedAge, prometheus.GaugeValue, f.db.Now().Sub(fresh.AsOf).Seconds(), entity)
		}
		behind := 0.0
		if !fresh.BehindSince.IsZero() {
			behind = 1
		}
		out <- prometheus.MustNewConstMetric(feedBehind, prometheus.GaugeValue, behind, entity)
	}
}

func newLog(level string, to io.Writer) *slog.Logger {
	var l slog.Level
	_ = l.UnmarshalText([]byte(level)) // checkLevel lets through what it reads
	return slog.New(slog.NewJSONHandler(to, &slog.HandlerOptions{Level: l}))
}
