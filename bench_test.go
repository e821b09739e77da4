package main

import (
	"bufio"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"extranet/auth"
	"extranet/portal"
	"extranet/portal/partners"
	"extranet/portal/portaltest"
)

// The figures are ratios to pq: a bare net/http handler over lib/pq with one prepared statement, no sign-in and
// no tenancy, that returns the same JSON of the same rows, from the same database, in the same run.
//
// EXTRANET_BENCH_ORDERS says how many orders there are, over 2,000 partners by Zipf's law: 1,000,000, each with three lines.

const (
	connections = 32
	rounds      = 3 // of each, taking turns
	roundTime   = 2 * time.Second
)

// BenchmarkOrders measures requests a second of one partner with an eighth of all orders.
func BenchmarkOrders(b *testing.B) {
	p := benchPortal(b)
	ours, token := benchServer(b, p)
	bare := benchBare(b, p)
	forget := func() { // what earlier rounds left in memory
		if err := p.AsWorker(b.Context(), "bench", func(tx *portal.Tx) error { tx.Changed("orders", 1001); return nil }); err != nil {
			b.Fatal(err)
		}
	}
	var numbers, days, prefixes []string
	column := func(list *[]string, query string) {
		rows, err := p.Owner.Query(query)
		if err != nil {
			b.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var s string
			if err := rows.Scan(&s); err != nil {
				b.Fatal(err)
			}
			*list = append(*list, s)
		}
	}
	column(&numbers, `SELECT number FROM orders WHERE partner_id = 1001 ORDER BY md5(number) LIMIT 100000`)
	column(&prefixes, `SELECT left(po_number, 6) FROM orders WHERE partner_id = 1001 GROUP BY 1 ORDER BY 1`)
	var searches []string // a thousand prefixes of about a hundred orders each, told apart by limits around 50
	for limit := 35; limit < 65; limit++ {
		for _, p := range prefixes {
			searches = append(searches, p+"&limit="+strconv.Itoa(limit))
		}
	}
	column(&days, `SELECT (date '2040-01-01' + i)::text FROM generate_series(1, 100000) i`)
	for _, c := range []struct {
		name  string
		path  string
		vary  []string // so that nothing is in any cache
		again string   // asked over and over
	}{
		{"list", "/orders?limit=50&ordered_to=", days, days[0]},
		{"detail", "/orders/", numbers, numbers[0]},
		{"search", "/orders?q=", searches, searches[15*len(prefixes)]},
	} {
		b.Run(c.name, func(b *testing.B) {
			var pq, uncached, cached []float64
			n := 0 // where in vary
			for range rounds {
				pq = append(pq, load(b, bare, c.path, c.vary, &n, ""))
				forget()
				uncached = append(uncached, load(b, ours, "/api/v1"+c.path, c.vary, &n, token))
				cached = append(cached, load(b, ours, "/api/v1"+c.path, []string{c.again}, new(int), token))
			}
			var ru, rc []float64
			for i := range pq {
				ru, rc = append(ru, uncached[i]/pq[i]), append(rc, cached[i]/pq[i])
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(median(pq), "pq-req/s")
			b.ReportMetric(median(uncached), "uncached-req/s")
			b.ReportMetric(median(cached), "cached-req/s")
			b.ReportMetric(median(ru), "uncached/pq")
			b.ReportMetric(median(rc), "cached/pq")
		})
	}
}

func median(all []float64) float64 {
	s := slices.Sorted(slices.Values(all))
	return s[len(s)/2]
}

func benchPortal(b *testing.B) *portaltest.Portal {
	b.Helper()
	total := 1_000_000
	if s := os.Getenv("EXTRANET_BENCH_ORDERS"); s != "" {
		var err error
		if total, err = strconv.Atoi(s); err != nil {
			b.Fatalf("EXTRANET_BENCH_ORDERS: %v", err)
		}
	}
	p := portaltest.NewWith(b, portal.Options{})
	p.Now = time.Now
	for _, s := range []string{
		`INSERT INTO partners (partner_id, number, kind, name, changed_at) SELECT 1000 + i, 'Z' || i, 'dealer', 'Dealer ' || i, now() FROM generate_series(1, 2000) i`,
		`INSERT INTO feeds (entity, source, way, every_s, stale_after_s, offered, as_of) SELECT e, 'core', 'snapshot', 5, 86400, true, now() FROM unnest(ARRAY['orders', 'order_lines', 'shipments', 'shipment_lines', 'packages']) e`,
		fmt.Sprintf(`
			INSERT INTO orders (partner_id, number, site, po_number, contact, status, currency, ordered_on, requested_on, promised_on, net, tax, total, changed_at)
			SELECT 1000 + r, 'Z' || r || '-' || i, 'S' || i %% 5, 'PO-' || lpad((i * 7919 %% 1000000)::text, 6, '0'), 'Dana Keller', (ARRAY['open', 'picking', 'shipped', 'delivered', 'delivered'])[1 + i %% 5], 'EUR',
				date '2024-01-01' + i %% 800, date '2024-01-08' + i %% 800, date '2024-01-10' + i %% 800, i %% 10000 + 0.5, 1.9, i %% 10000 + 2.4, now()
			FROM generate_series(1, 2000) r, generate_series(1, (%d / 8.178 / r)::int) i`, total),
		`INSERT INTO order_lines (partner_id, order_number, line, product, description, unit, ordered, shipped, backordered, cancelled, price, net, requested_on, promised_on, changed_at)
			SELECT partner_id, number, l, 'T' || l, 'Tyre 205/55 R16 91V', 'PC', 4 * l, l, 0, 0, 83.25, 333 * l, requested_on, promised_on, now() FROM orders, generate_series(1, 3) l WHERE partner_id > 1000`,
		`VACUUM ANALYZE orders`, `VACUUM ANALYZE order_lines`,
	} {
		p.Arrange(b, s)
	}
	return p
}

// benchServer is the portal as it is served, with its log going to a file, and a token of the biggest partner.
func benchServer(b *testing.B, p *portaltest.Portal) (address, token string) {
	b.Helper()
	log, err := os.Create(b.TempDir() + "/log")
	if err != nil {
		b.Fatal(err)
	}
	c := serveConfig{Listen: "127.0.0.1:0", BaseURL: "http://localhost", HostName: "Bench", SessionIdle: duration{Duration: time.Hour}, SessionAbsolute: duration{Duration: time.Hour}, RateLimit: number{value: 0}}
	c.issuers = []auth.Issuer{{Name: "host", URL: "http://localhost:1", ClientID: "x"}}
	h, err := newHouse(c, p.DB, slog.New(slog.NewJSONHandler(log, nil)), prometheus.NewRegistry())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(h.close)
	s := httptest.NewServer(h.engine)
	b.Cleanup(s.Close)
	by, err := operator(b.Context(), p.DB)
	if err != nil {
		b.Fatal(err)
	}
	err = p.AtTheDoor(b.Context(), func(tx *portal.Tx) (err error) {
		tx.By = by
		token, _, err = partners.CreateTokenFor(b.Context(), tx, 1001, partners.NewToken{Name: "bench", Permissions: []string{"orders:read"}, ExpiresIn: time.Hour})
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return s.Listener.Addr().String(), token
}

// benchBare is the yardstick. It fetches what the portal answers, with its SQL, and no more.
func benchBare(b *testing.B, p *portaltest.Portal) (address string) {
	b.Helper()
	db, err := sql.Open("postgres", portaltest.Server(b).URL("postgres", databaseName(p)))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	db.SetMaxOpenConns(16)
	db.SetMaxIdleConns(16)
	prepare := func(q string) *sql.Stmt {
		s, err := db.Prepare(q)
		if err != nil {
			b.Fatal(err)
		}
		return s
	}
	const columns = `o.number, coalesce(po_number, ''), coalesce(site, ''), coalesce(contact, ''), status, currency, ordered_on, o.requested_on, o.promised_on, o.net, tax, total, coalesce(continued_by, ''), o.changed_at`
	list := prepare(`SELECT ` + columns + ` FROM orders o WHERE partner_id = $1 AND ordered_on <= $2 ORDER BY ordered_on DESC, number DESC LIMIT 51`)
	search := prepare(`SELECT ` + columns + ` FROM orders o WHERE partner_id = $1 AND (number_search ~>=~ $2 AND number_search ~<~ ($2 || chr(1114111)) OR po_search ~>=~ $2 AND po_search ~<~ ($2 || chr(1114111))) ORDER BY ordered_on DESC, number DESC LIMIT 51`)
	detail := prepare(`SELECT ` + columns + `, l.line, coalesce(product, ''), description, coalesce(unit, ''), ordered, shipped, backordered, cancelled, rest, price, l.net, l.requested_on, l.promised_on
		FROM orders o JOIN order_lines l ON l.partner_id = o.partner_id AND l.order_number = o.number WHERE o.partner_id = $1 AND o.number = $2 ORDER BY l.line`)
	type order struct {
		Number      string     `json:"number"`
		PONumber    string     `json:"po_number"`
		Site        string     `json:"site"`
		Contact     string     `json:"contact"`
		Status      string     `json:"status"`
		Currency    string     `json:"currency"`
		OrderedOn   time.Time  `json:"ordered_on"`
		RequestedOn *time.Time `json:"requested_on"`
		PromisedOn  *time.Time `json:"promised_on"`
		Net         string     `json:"net"`
		Tax         string     `json:"tax"`
		Total       string     `json:"total"`
		ContinuedBy string     `json:"continued_by"`
		ChangedAt   time.Time  `json:"changed_at"`
	}
	type line struct {
		Line        int64      `json:"line"`
		Product     string     `json:"product"`
		Description string     `json:"description"`
		Unit        string     `json:"unit"`
		Ordered     string     `json:"ordered"`
		Shipped     string     `json:"shipped"`
		Backordered string     `json:"backordered"`
		Cancelled   string     `json:"cancelled"`
		Open        string     `json:"open"`
		Price       string     `json:"price"`
		Net         string     `json:"net"`
		RequestedOn *time.Time `json:"requested_on"`
		PromisedOn  *time.Time `json:"promised_on"`
	}
	into := func(o *order) []any {
		return []any{&o.Number, &o.PONumber, &o.Site, &o.Contact, &o.Status, &o.Currency, &o.OrderedOn, &o.RequestedOn, &o.PromisedOn, &o.Net, &o.Tax, &o.Total, &o.ContinuedBy, &o.ChangedAt}
	}
	answer := func(w http.ResponseWriter, v any, err error) {
		if err != nil {
			http.Error(w, err.Error(), 500)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		body, _ := json.Marshal(v)
		w.Write(body)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /orders", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		stmt, arg := list, q.Get("ordered_to")
		if text := q.Get("q"); text != "" {
			stmt, arg = search, text
		}
		rows, err := stmt.QueryContext(r.Context(), 1001, arg)
		if err != nil {
			answer(w, nil, err)
			return
		}
		defer rows.Close()
		var page struct {
			Items []order `json:"items"`
		}
		for rows.Next() {
			var o order
			if err = rows.Scan(into(&o)...); err != nil {
				break
			}
			page.Items = append(page.Items, o)
		}
		answer(w, page, err)
	})
	mux.HandleFunc("GET /orders/{number}", func(w http.ResponseWriter, r *http.Request) {
		rows, err := detail.QueryContext(r.Context(), 1001, r.PathValue("number"))
		if err != nil {
			answer(w, nil, err)
			return
		}
		defer rows.Close()
		var d struct {
			order
			Lines []line `json:"lines"`
		}
		for rows.Next() {
			var l line
			if err = rows.Scan(append(into(&d.order), &l.Line, &l.Product, &l.Description, &l.Unit, &l.Ordered, &l.Shipped, &l.Backordered, &l.Cancelled, &l.Open, &l.Price, &l.Net, &l.RequestedOn, &l.PromisedOn)...); err != nil {
				break
			}
			d.Lines = append(d.Lines, l)
		}
		answer(w, d, err)
	})
	s := httptest.NewServer(mux)
	b.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

func databaseName(p *portaltest.Portal) string {
	u, _ := url.Parse(p.URL)
	return u.Path[1:]
}

// load asks for path with the next of vary after it, over and over on every connection for roundTime, and returns answers a second.
func load(b *testing.B, address, path string, vary []string, next *int, token string) float64 {
	b.Helper()
	header := " HTTP/1.1\r\nHost: localhost\r\n"
	if token != "" {
		header += "Authorization: Bearer " + token + "\r\n"
	}
	header += "\r\n"
	var n, done atomic.Int64
	n.Store(int64(*next))
	var failed atomic.Value
	var all sync.WaitGroup
	run := func(d time.Duration) float64 {
		began, from := time.Now(), done.Load()
		for range connections {
			all.Go(func() {
				c, err := net.Dial("tcp", address)
				if err != nil {
					failed.Store(err.Error())
					return
				}
				defer c.Close()
				in := bufio.NewReaderSize(c, 64<<10)
				for time.Since(began) < d {
					if _, err := io.WriteString(c, "GET "+path+url.PathEscape(vary[int(n.Add(1))%len(vary)])+header); err != nil {
						failed.Store(err.Error())
						return
					}
					if err := readAnswer(in); err != nil {
						failed.Store(err.Error())
						return
					}
					done.Add(1)
				}
			})
		}
		all.Wait()
		return float64(done.Load()-from) / time.Since(began).Seconds()
	}
	run(roundTime / 4)
	perSecond := run(roundTime)
	if f := failed.Load(); f != nil {
		b.Fatal(f)
	}
	*next = int(n.Load())
	return perSecond
}

// readAnswer reads one answer and keeps nothing of it: the one who asks must cost little.
func readAnswer(in *bufio.Reader) error {
	length, first := -1, true
	for {
		l, err := in.ReadSlice('\n')
		if err != nil {
			return err
		}
		if first {
			if string(l[9:12]) != "200" {
				return fmt.Errorf("answered %s", l)
			}
			first = false
		}
		if len(l) == 2 {
			break
		}
		if len(l) > 16 && (l[0] == 'C' || l[0] == 'c') && string(l[8:15]) == "Length:" {
			length, _ = strconv.Atoi(string(l[16 : len(l)-2]))
		}
	}
	if length >= 0 {
		_, err := in.Discard(length)
		return err
	}
	for {
		l, err := in.ReadSlice('\n')
		if err != nil {
			return err
		}
		size, err := strconv.ParseInt(string(l[:len(l)-2]), 16, 64)
		if err != nil {
			return err
		}
		if _, err := in.Discard(int(size) + 2); err != nil || size == 0 {
			return err
		}
	}
}
