package core

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/lib/pq"
	"go.yaml.in/yaml/v3"

	"extranet/sandbox/postgres"
)

var now = time.Date(2026, 3, 4, 13, 0, 0, 0, time.UTC)

var server = sync.OnceValues(func() (*postgres.Server, error) {
	return postgres.Start(context.Background(), postgres.Options{Throwaway: true})
})

func TestMain(m *testing.M) {
	code := m.Run()
	if s, err := server(); err == nil {
		s.Stop()
	}
	os.Exit(code)
}

func open(t *testing.T, name string) *sql.DB {
	t.Helper()
	s, err := server()
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("postgres", s.URL("postgres", name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// database makes an empty one.
func database(t *testing.T) *sql.DB {
	t.Helper()
	name := "core_" + digits(rand.New(rand.NewPCG(rand.Uint64(), 0)), 12)
	if _, err := open(t, "postgres").Exec(`CREATE DATABASE ` + name); err != nil {
		t.Fatal(err)
	}
	return open(t, name)
}

// smallCompany is a database with one.
func smallCompany(t *testing.T) *sql.DB {
	t.Helper()
	db := database(t)
	if err := Create(t.Context(), db, Small, now, nil); err != nil {
		t.Fatal(err)
	}
	return db
}

func scalar[T any](t *testing.T, db *sql.DB, query string, args ...any) (v T) {
	t.Helper()
	if err := db.QueryRow(query, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return v
}

// fingerprint is equal for equal contents.
func fingerprint(t *testing.T, db *sql.DB) string {
	t.Helper()
	rows, err := db.Query(`SELECT table_name FROM information_schema.tables WHERE table_schema = 'erp' ORDER BY 1`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		all = append(all, name+" "+scalar[string](t, db, `SELECT count(*) || ' ' || coalesce(md5(string_agg(r::text, E'\n' ORDER BY r::text)), '') FROM erp.`+name+` r`))
	}
	if len(all) < 10 {
		t.Fatalf("only the tables %v", all)
	}
	return strings.Join(all, "\n")
}

// rules are what must hold in the core whenever one looks: each counts what breaks it.
var rules = map[string]string{
	"ordered = shipped + back-ordered + cancelled + open": `SELECT count(*) FROM erp.so_line WHERE qty_ordered <> qty_shipped + qty_back + qty_cancelled + qty_open OR least(qty_shipped, qty_back, qty_cancelled, qty_open) < 0`,
	"a line's net and tax":                                `SELECT count(*) FROM erp.so_line l JOIN erp.so_header h USING (so_no) WHERE l.net <> qty_ordered * price OR l.tax <> round(l.net * tax_rate / 100, 2)`,
	"an order's sums are its lines'": `SELECT count(*) FROM erp.so_header h JOIN (SELECT so_no, sum(net) n, sum(tax) t FROM erp.so_line GROUP BY 1) l USING (so_no)
		WHERE (h.net, h.tax, h.gross) IS DISTINCT FROM (l.n, l.t, l.n + l.t)`,
	"every order has lines":      `SELECT count(*) FROM erp.so_header h WHERE NOT EXISTS (SELECT FROM erp.so_line l WHERE l.so_no = h.so_no)`,
	"one currency per dealer":    `SELECT count(*) FROM erp.so_header h JOIN erp.customer u ON u.cust_no = h.bill_to WHERE h.currency <> u.currency`,
	"ship-tos are the bill-to's": `SELECT count(*) FROM erp.so_header h JOIN erp.customer u ON u.cust_no = h.ship_to WHERE u.bill_to <> h.bill_to`,
	"what is shipped was delivered in lines": `SELECT count(*) FROM erp.so_line l WHERE qty_shipped <>
		(SELECT coalesce(sum(qty), 0) FROM erp.delivery_line d WHERE (d.so_no, d.so_line_no) = (l.so_no, l.line_no))`,
	"back orders have an order that continues them": `SELECT count(*) FROM erp.so_header h WHERE (rest_so_no IS NOT NULL) <> EXISTS (SELECT FROM erp.so_line l WHERE l.so_no = h.so_no AND qty_back > 0)`,
	"that order holds what was left": `SELECT count(*) FROM erp.so_header h JOIN erp.so_line l USING (so_no) WHERE qty_back > 0 AND qty_back <>
		(SELECT coalesce(sum(qty_ordered), 0) FROM erp.so_line r WHERE r.so_no = h.rest_so_no AND r.item_no = l.item_no)`,
	"states follow from quantities": `SELECT count(*) FROM erp.so_header h JOIN (SELECT so_no, sum(qty_open) o, sum(qty_shipped) s FROM erp.so_line GROUP BY 1) l USING (so_no) WHERE status <> CASE
		WHEN o > 0 AND s > 0 THEN 40 WHEN o > 0 AND status IN (10, 15, 20, 30) THEN status WHEN o > 0 THEN -1 WHEN s = 0 THEN 90
		WHEN EXISTS (SELECT FROM erp.delivery d JOIN erp.delivery_line x USING (dlv_no) WHERE x.so_no = h.so_no AND delivered_at IS NULL) THEN 50 ELSE 60 END`,
	"promises are made and kept on": `SELECT count(*) FROM erp.so_header h WHERE promised_on IS DISTINCT FROM (SELECT max(promised_on) FROM erp.so_line l WHERE l.so_no = h.so_no)
		OR status IN (20, 30, 40, 50, 60) AND promised_on IS NULL`,
	"deliveries hold lines and packages":  `SELECT count(*) FROM erp.delivery d WHERE NOT EXISTS (SELECT FROM erp.delivery_line l WHERE l.dlv_no = d.dlv_no) OR NOT EXISTS (SELECT FROM erp.delivery_package p WHERE p.dlv_no = d.dlv_no)`,
	"deliveries go to their orders' site": `SELECT count(*) FROM erp.delivery d JOIN erp.delivery_line l USING (dlv_no) JOIN erp.so_header h USING (so_no) WHERE (h.bill_to, h.ship_to) IS DISTINCT FROM (d.bill_to, d.ship_to)`,
	"what is shipped is billed, once":     `SELECT count(*) FROM (SELECT dlv_no FROM erp.delivery d LEFT JOIN erp.ar_doc b USING (dlv_no) WHERE b.kind IS DISTINCT FROM 'CM' GROUP BY 1 HAVING count(b.doc_no) <> 1) x`,
	"a document's sums are its lines'":    `SELECT count(*) FROM erp.ar_doc b WHERE (net, tax) IS DISTINCT FROM (SELECT (sum(l.net), sum(l.tax)) FROM erp.ar_line l WHERE l.doc_no = b.doc_no)`,
	"open is what was not cleared": `SELECT count(*) FROM erp.ar_doc b WHERE open <> gross - coalesce((SELECT sum(amount) FROM erp.clearing k WHERE k.doc_no = b.doc_no), 0)
		+ coalesce((SELECT sum(amount) FROM erp.clearing k WHERE k.memo_no = b.doc_no), 0)`,
	"money went where it is said to have": `SELECT count(*) FROM erp.receipt r WHERE open <> amount - coalesce((SELECT sum(amount) FROM erp.clearing k WHERE k.rcpt_no = r.rcpt_no), 0)`,
	"nothing arrives before it leaves":    `SELECT count(*) FROM erp.delivery WHERE delivered_at < shipped_at`,
}

func hold(t *testing.T, db *sql.DB, until time.Time) {
	t.Helper()
	for rule, query := range rules {
		if n := scalar[int](t, db, query); n > 0 {
			t.Errorf("%s: broken %d times", rule, n)
		}
	}
	for _, table := range append([]string{"customer", "item", "contact", "so_header", "so_line", "delivery", "delivery_line", "delivery_package", "ar_doc", "receipt", "clearing"}, purchaseTables...) {
		if n := scalar[int](t, db, `SELECT count(*) FROM erp.`+table+` WHERE changed_at > $1`, stamp(until)); n > 0 {
			t.Errorf("%d rows of %s are from the future", n, table)
		}
	}
}

func TestCreate(t *testing.T) {
	one, two := database(t), database(t)
	if there, err := Exists(t.Context(), one); err != nil || there {
		t.Fatalf("an empty database holds a company: %v %v", there, err)
	}
	heard := map[string]int{}
	if err := Create(t.Context(), one, Small, now, func(what string, done, total int) { heard[what] = total - done }); err != nil {
		t.Fatal(err)
	}
	if left, ok := heard["order lines"]; !ok || left != 0 {
		t.Errorf("progress said %v", heard)
	}
	if err := Create(t.Context(), two, Small, now, nil); err != nil {
		t.Fatal(err)
	}
	first := fingerprint(t, one)
	if second := fingerprint(t, two); first != second {
		t.Errorf("two companies of one size and time differ:\n%s\n\n%s", first, second)
	}
	if there, err := Exists(t.Context(), one); err != nil || !there {
		t.Fatalf("the company is not found: %v %v", there, err)
	}
	if err := Create(t.Context(), one, Demo, now.AddDate(0, 1, 0), nil); err != nil {
		t.Fatal(err)
	}
	if again := fingerprint(t, one); again != first {
		t.Error("the company that was there has changed")
	}
	hold(t, one, now)
	for what, query := range purchaseExpectations {
		if !scalar[bool](t, one, query) {
			t.Errorf("%s: not as expected", what)
		}
	}
	for what, query := range map[string]string{
		"dealers":          `SELECT count(*) = 12 FROM erp.customer WHERE cust_no = bill_to`,
		"branches":         `SELECT count(*) = 6 FROM erp.customer WHERE bill_to = 'D10001' AND cust_no <> bill_to`,
		"suppliers":        `SELECT count(*) = 4 FROM erp.vendor`,
		"items":            `SELECT count(*) = 80 FROM erp.item`,
		"orders":           `SELECT count(*) BETWEEN 280 AND 320 FROM erp.so_header`,
		"big dealer":       `SELECT count(*) >= 40 FROM erp.so_header WHERE bill_to = 'D10001'`,
		"states":           `SELECT count(DISTINCT status) = 8 FROM erp.so_header`,
		"currencies":       `SELECT count(DISTINCT currency) = 3 FROM erp.customer`,
		"late promises":    `SELECT count(*) > 10 FROM erp.so_header WHERE promised_on > requested_on`,
		"back orders":      `SELECT count(*) > 5 FROM erp.so_header WHERE rest_so_no IS NOT NULL`,
		"open back orders": `SELECT count(*) > 0 FROM erp.so_header h JOIN erp.so_header r ON r.so_no = h.rest_so_no WHERE r.status = 20`,
		"consolidated":     `SELECT count(*) > 0 FROM (SELECT dlv_no FROM erp.delivery_line GROUP BY 1 HAVING count(DISTINCT so_no) > 1) x`,
		"cancelled lines":  `SELECT count(*) > 2 FROM erp.so_line WHERE qty_cancelled > 0`,
		"several packages": `SELECT count(*) > 20 FROM erp.delivery_package WHERE pkg_no > 1`,
		"open items":       `SELECT count(*) > 30 FROM erp.ar_doc WHERE open > 0`,
		"overdue":          `SELECT count(*) > 0 FROM erp.ar_doc WHERE open > 0 AND due_on < '2026-03-04'`,
		"credit memos":     `SELECT count(*) > 0 FROM erp.ar_doc WHERE kind = 'CM'`,
		"paid in part":     `SELECT count(*) = 1 FROM erp.ar_doc WHERE bill_to = 'D10001' AND open > 0 AND open < gross AND note LIKE 'Paid in part%' AND due_on < '2026-03-04'`,
		"a credit unused":  `SELECT count(*) = 1 FROM erp.ar_doc WHERE bill_to = 'D10001' AND kind = 'CM' AND open = gross`,
		"a hold":           `SELECT count(*) = 1 FROM erp.credit WHERE hold`,
		"current":          `SELECT max(ordered_on) = '2026-03-04' FROM erp.so_header`,
	} {
		if !scalar[bool](t, one, query) {
			t.Errorf("%s: not as expected", what)
		}
	}
}

func TestCreateDemo(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	db, began := database(t), time.Now()
	if err := Create(t.Context(), db, Demo, now, nil); err != nil {
		t.Fatal(err)
	}
	t.Logf("created in %s", time.Since(began))
	hold(t, db, now)
	orders, lines := scalar[int](t, db, `SELECT count(*) FROM erp.so_header`), scalar[int](t, db, `SELECT count(*) FROM erp.so_line`)
	if orders < 3800 || orders > 4200 || lines < 10000 || lines > 14000 {
		t.Errorf("%d orders with %d lines", orders, lines)
	}
	// The big dealer's account shows all that one can: something overdue of each age, a dispute, a part payment, credit and money that nothing used yet.
	for what, query := range map[string]string{
		"1 to 30 days":     `SELECT count(*) > 0 FROM erp.ar_doc WHERE bill_to = 'D10001' AND open > 0 AND date '2026-03-04' - due_on BETWEEN 1 AND 30`,
		"31 to 60 days":    `SELECT count(*) > 0 FROM erp.ar_doc WHERE bill_to = 'D10001' AND open > 0 AND date '2026-03-04' - due_on BETWEEN 31 AND 60`,
		"61 to 90 days":    `SELECT count(*) > 0 FROM erp.ar_doc WHERE bill_to = 'D10001' AND open > 0 AND date '2026-03-04' - due_on BETWEEN 61 AND 90`,
		"over 90 days":     `SELECT count(*) > 0 FROM erp.ar_doc WHERE bill_to = 'D10001' AND open > 0 AND date '2026-03-04' - due_on > 90`,
		"a dispute":        `SELECT count(*) = 1 FROM erp.ar_doc WHERE bill_to = 'D10001' AND open = gross AND note LIKE 'In dispute%'`,
		"paid in part":     `SELECT count(*) = 1 FROM erp.ar_doc WHERE bill_to = 'D10001' AND open > 0 AND open < gross AND note LIKE 'Paid in part%'`,
		"a credit unused":  `SELECT count(*) = 1 FROM erp.ar_doc WHERE bill_to = 'D10001' AND kind = 'CM' AND open = gross`,
		"money on account": `SELECT count(*) > 0 FROM erp.receipt WHERE bill_to = 'D10001' AND open > 0`,
	} {
		if !scalar[bool](t, db, query) {
			t.Errorf("the big dealer's account shows no %s", what)
		}
	}
	if got := fmt.Sprint(scalar[int](t, db, `SELECT count(*) FROM erp.customer WHERE cust_no = bill_to`), scalar[int](t, db, `SELECT count(*) FROM erp.vendor`), scalar[int](t, db, `SELECT count(*) FROM erp.item`)); got != "40 12 600" {
		t.Errorf("dealers, suppliers and items: %s", got)
	}
}

func TestActs(t *testing.T) {
	db, rng, clock := smallCompany(t), rand.New(rand.NewPCG(1, 2)), now
	seen := map[string]int{}
	for range 500 {
		clock = clock.Add(time.Minute)
		what, err := Act(t.Context(), db, rng, clock)
		if err != nil {
			t.Fatalf("%v, after %v", err, seen)
		}
		what = strings.Map(func(r rune) rune {
			if r >= '0' && r <= '9' {
				return -1
			}
			return r
		}, what)
		for _, kind := range append([]string{"orders", "promised", "picked", "continues", "together", "shipped", "arrives", "put off", "cancelled", "costs", "held", "released", "number", "counted", "paid", "plan"}, purchaseKinds...) {
			if strings.Contains(what, kind) {
				seen[kind]++
			}
		}
		latest := scalar[string](t, db, `SELECT greatest(`+purchaseStamps+`, (SELECT max(changed_at) FROM erp.so_header), (SELECT max(changed_at) FROM erp.delivery), (SELECT max(changed_at) FROM erp.contact), (SELECT max(changed_at) FROM erp.stock), (SELECT max(changed_at) FROM erp.receipt), (SELECT max(made_at) FROM erp.plan_run))::text`)
		if latest != clock.Format(time.DateTime) {
			t.Fatalf("%q at %s leaves %s as the latest change", what, clock.Format(time.DateTime), latest)
		}
	}
	if len(seen) != 16+len(purchaseKinds) {
		t.Errorf("not everything happens: %v", seen)
	}
	hold(t, db, clock)
	if n := scalar[int](t, db, `SELECT count(*) FROM erp.so_header WHERE status < 50`); n > 250 {
		t.Errorf("%d orders pile up", n)
	}
}

func TestSimulate(t *testing.T) {
	db := smallCompany(t)
	before := fingerprint(t, db)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- Simulate(ctx, db, 2*time.Millisecond, func() time.Time { return now }) }()
	for began := time.Now(); fingerprint(t, db) == before; time.Sleep(10 * time.Millisecond) {
		if time.Since(began) > 20*time.Second {
			t.Fatal("nothing happens")
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	hold(t, db, now)
}

// columns are what the portal reads of each entity: those marked * must have a value, those marked + are its key.
var columns = map[string]string{
	"partners":       "partner*+ kind* name* category currency street city postal_code region country phone",
	"sites":          "partner* site*+ name* street street2 postal_code city region country phone",
	"contacts":       "partner* contact*+ site name* email phone role may_log_on*",
	"staff":          "partner*+ staff*+ duty*+ name* title email phone",
	"products":       "product*+ name* barcode brand size unit pack_size pack_unit min_quantity category lifecycle lead_time_days weight_kg",
	"list_prices":    "entry*+ product* kind* currency* from_quantity* unit_price* valid_from valid_to name",
	"segment_prices": "entry*+ segment* product* kind* currency* from_quantity* unit_price* valid_from valid_to name",
	"prices":         "partner* entry*+ product* kind* currency* from_quantity* unit_price* valid_from valid_to name",
	"availability":   "product*+ warehouse*+ name available* on_hand next_on next_quantity",
	"documents":      "document*+ product* kind* title* version language issued_on file* segment",
	"product_links":  "product*+ other*+ kind*+ note",
	"part_numbers":   "partner* entry*+ part_number* product*",
	"orders":         "partner* number*+ site po_number contact status* currency* ordered_on* requested_on promised_on net* tax* total* continued_by comment",
	"order_lines":    "partner* order_number*+ line*+ product description* unit ordered* shipped* backordered* cancelled* price* net* requested_on promised_on",
	"shipments":      "partner* shipment*+ site carrier service tracking shipped_on* delivered_at received_by",
	"shipment_lines": "partner* shipment*+ line*+ order_number* order_line product quantity*",
	"packages":       "partner* shipment*+ package*+ carrier tracking weight_kg sscc",
	"invoices":       "partner* number*+ kind* site order_number shipment po_number currency* invoiced_on* due_on* net* tax* total* open* credits claim comment",
	"invoice_lines":  "partner* invoice*+ line*+ order_number order_line product description* unit quantity* price* net* tax*",
	"payments":       "partner* payment*+ paid_on* method reference currency* amount* open*",
	"settlements":    "partner* settlement*+ payment credit_memo invoice* amount* settled_on*",
	"account_status": "partner* account*+ currency* credit_limit balance* on_hold* hold_reason terms",
}

var types = map[string]string{
	"may_log_on": "BOOL", "pack_size": "NUMERIC", "weight_kg": "NUMERIC", "ordered_on": "DATE", "requested_on": "DATE", "promised_on": "DATE", "shipped_on": "DATE",
	"delivered_at": "TIMESTAMP", "net": "NUMERIC", "tax": "NUMERIC", "total": "NUMERIC", "price": "NUMERIC", "ordered": "NUMERIC", "shipped": "NUMERIC",
	"min_quantity": "NUMERIC", "from_quantity": "NUMERIC", "unit_price": "NUMERIC", "available": "NUMERIC", "on_hand": "NUMERIC", "next_quantity": "NUMERIC",
	"valid_from": "DATE", "valid_to": "DATE", "issued_on": "DATE", "next_on": "DATE", "backordered": "NUMERIC", "cancelled": "NUMERIC", "quantity": "NUMERIC", "line": "INT4", "order_line": "INT4", "lead_time_days": "INT", "changed_at": "TIMESTAMP",
	"invoiced_on": "DATE", "due_on": "DATE", "paid_on": "DATE", "settled_on": "DATE", "open": "NUMERIC", "amount": "NUMERIC", "balance": "NUMERIC", "credit_limit": "NUMERIC", "on_hold": "BOOL",
}

func TestMapping(t *testing.T) {
	var m struct {
		Sources  map[string]struct{ Driver, URL, TimeZone string }
		Entities map[string]struct {
			Source, Way, Watermark, Select string
			Every, Overlap                 time.Duration
			StaleAfter                     time.Duration `yaml:"stale_after"`
		}
	}
	if err := yaml.Unmarshal([]byte(Mapping), &m); err != nil {
		t.Fatal(err)
	}
	if m.Sources["core"].URL != "${EXTRANET_CORE_URL}" || len(m.Entities) != len(columns) {
		t.Fatalf("the mapping holds %+v", m)
	}
	db := smallCompany(t)
	rng := rand.New(rand.NewPCG(7, 7))
	for i := range 200 {
		if _, err := Act(t.Context(), db, rng, now.Add(time.Duration(i)*time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	partners := map[string]bool{}
	for _, name := range slices.Sorted(func(yield func(string) bool) { // partners first
		for k := range columns {
			if !yield(strings.Replace(k, "partners", "!partners", 1)) {
				return
			}
		}
	}) {
		name = strings.TrimPrefix(name, "!")
		e, ok := m.Entities[name]
		if !ok {
			t.Errorf("%s are not mapped", name)
			continue
		}
		if _, ok := m.Sources[e.Source]; !ok || e.Every == 0 || e.StaleAfter <= e.Every || (e.Way != "snapshot" && (e.Way != "watermark" || e.Watermark == "" || e.Overlap == 0)) {
			t.Errorf("%s: %+v", name, e)
		}
		required, keys, allowed := map[string]bool{}, map[string]bool{}, map[string]bool{e.Watermark: true}
		for _, c := range strings.Fields(columns[name]) {
			plain := strings.TrimRight(c, "*+")
			allowed[plain], required[plain], keys[plain] = true, strings.Contains(c, "*"), strings.Contains(c, "+")
		}
		rows, err := db.Query(e.Select)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		returned, _ := rows.ColumnTypes()
		cells, at := make([]any, len(returned)), make([]any, len(returned))
		for i, c := range returned {
			at[i] = &cells[i]
			if !allowed[c.Name()] {
				t.Errorf("%s: the column %s is not one the portal reads", name, c.Name())
			}
			if want, ok := types[c.Name()]; ok && !strings.HasPrefix(c.DatabaseTypeName(), want) {
				t.Errorf("%s: %s is %s", name, c.Name(), c.DatabaseTypeName())
			}
			delete(allowed, c.Name())
		}
		for left := range allowed {
			if left != "" {
				t.Errorf("%s: no column %s", name, left)
			}
		}
		seen, n := map[string]bool{}, 0
		for rows.Next() {
			if err := rows.Scan(at...); err != nil {
				t.Fatal(err)
			}
			n++
			key := ""
			for i, c := range returned {
				value := cells[i]
				if b, ok := value.([]byte); ok {
					value = string(b)
				}
				if value == nil && (required[c.Name()] || c.Name() == e.Watermark) {
					t.Fatalf("%s: %s is empty in %v", name, c.Name(), cells)
				}
				if keys[c.Name()] {
					key += fmt.Sprintf("%v|", value)
				}
				if c.Name() == "partner" {
					if name == "partners" {
						partners[value.(string)] = true
					} else if !partners[value.(string)] {
						t.Fatalf("%s: there is no partner %v", name, value)
					}
				}
			}
			if seen[key] {
				t.Fatalf("%s: %s comes twice", name, key)
			}
			seen[key] = true
		}
		if err := rows.Err(); err != nil || n == 0 {
			t.Errorf("%s: %d rows, %v", name, n, err)
		}
		rows.Close()
	}
	states := scalar[int](t, db, `SELECT count(*) FROM (`+m.Entities["orders"].Select+`) o WHERE status NOT IN ('open', 'held', 'picking', 'part_shipped', 'shipped', 'delivered', 'cancelled') OR total <> net + tax`)
	if states > 0 {
		t.Errorf("%d orders with another status or sum", states)
	}
}

func TestPeople(t *testing.T) {
	db := smallCompany(t)
	roles := map[string][]string{
		"dealer": {"viewer", "buyer", "approver", "claims", "finance", "partner-admin"}, "supplier": {"viewer", "planner", "seller", "finance", "partner-admin"},
		"host": {"claims-desk", "claims-lead", "planning-desk", "buying-desk", "partner-manager", "auditor", "administrator"},
	}
	ids := map[string]bool{}
	for _, p := range People() {
		if ids[p.ID] || ids[p.Email] || p.Password == "" || !strings.HasSuffix(p.Email, ".example") {
			t.Errorf("%+v", p)
		}
		ids[p.ID], ids[p.Email] = true, true
		for _, m := range p.Memberships {
			for _, r := range m.Roles {
				if !slices.Contains(roles[m.Kind], r) {
					t.Errorf("%s: a %s has no role %s", p.Name, m.Kind, r)
				}
			}
			if m.Kind == "host" {
				continue
			}
			found := scalar[int](t, db, `SELECT count(*) FROM erp.contact p LEFT JOIN erp.customer u USING (cust_no) WHERE coalesce(u.bill_to, p.vend_no) = $1 AND full_name = $2 AND email = $3 AND may_log_on`, m.Account, p.Name, p.Email)
			if found != 1 {
				t.Errorf("%s is %d contacts of %s", p.Name, found, m.Account)
			}
			for _, s := range m.Sites {
				if scalar[int](t, db, `SELECT count(*) FROM erp.customer WHERE cust_no = $1 AND bill_to = $2`, s, m.Account) != 1 {
					t.Errorf("%s: %s has no site %s", p.Name, m.Account, s)
				}
			}
		}
	}
}

// TestTakeOrder shows that the company takes an order, a change and its own words of refusal.
func TestTakeOrder(t *testing.T) {
	db := smallCompany(t)
	take := func(site, item string) (no string, err error) {
		err = db.QueryRow(`SELECT erp.take_order($1, $2, 'PO-1', NULL, 'Dana Veldhorst', 'EUR', NULL, $3)::text`, dealerNo(0), site, `[{"line":"10","product":"`+item+`","quantity":"4","price":"12.50"}]`).Scan(&no)
		return no, err
	}
	item := scalar[string](t, db, `SELECT rtrim(min(item_no)) FROM erp.item WHERE status = 10`)
	no, err := take(branchNo(dealerNo(0), 2), item)
	if err != nil {
		t.Fatal(err)
	}
	if got := scalar[string](t, db, `SELECT status || ' ' || net || ' ' || (gross > net)::text FROM erp.so_header WHERE so_no = `+no); got != "10 50.00 true" {
		t.Errorf("the order is %s", got)
	}
	if _, err := db.Exec(`SELECT erp.change_line($1, 10::smallint, 3, NULL)`, no); err != nil {
		t.Fatal(err)
	}
	if got := scalar[string](t, db, `SELECT net::text FROM erp.so_header WHERE so_no = `+no); got != "37.50" {
		t.Errorf("changed, it costs %s", got)
	}
	if _, err := take(dealerNo(1), item); err == nil || !strings.Contains(err.Error(), "do not ship") {
		t.Errorf("to another's site: %v", err)
	}
	if _, err := take(dealerNo(0), "NONE"); err == nil || !strings.Contains(err.Error(), "no longer sold") {
		t.Errorf("an item that is none: %v", err)
	}
}
