package claims

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"extranet/portal"
	"extranet/portal/files"
	"extranet/portal/portaltest"
)

const goods = `
	INSERT INTO orders (partner_id, number, site, status, currency, ordered_on, net, tax, total, changed_at) VALUES
		(2, 'O1', 'D100', 'delivered', 'EUR', '2026-01-05', 400, 80, 480, now()), (2, 'O2', 'D101', 'delivered', 'EUR', '2026-01-05', 1, 0, 1, now()), (3, 'O3', 'D200', 'delivered', 'EUR', '2026-01-05', 1, 0, 1, now());
	INSERT INTO order_lines (partner_id, order_number, line, product, description, ordered, shipped, backordered, cancelled, price, net, changed_at) VALUES
		(2, 'O1', 1, 'T1', 'Tyre', 4, 4, 0, 0, 1000, 4000, now()), (2, 'O2', 1, 'T1', 'Tyre', 4, 4, 0, 0, 100, 400, now()), (3, 'O3', 1, 'T1', 'Foreign', 4, 4, 0, 0, 100, 400, now());
	INSERT INTO shipments (partner_id, shipment, site, shipped_on, delivered_at, changed_at) VALUES (2, 'S1', 'D100', '2026-02-25', '2026-02-26Z', now());
	INSERT INTO shipment_lines (partner_id, shipment, line, order_number, order_line, product, quantity, changed_at) VALUES (2, 'S1', 1, 'O1', 1, 'T1', 4, now())`

func dealer() portal.Caller {
	return portaltest.As(portaltest.Acme, portal.ClaimsRead, portal.ClaimsFile)
}

// staff are of the host, each a person of their own.
func staff(n byte, perms ...portal.Permission) portal.Caller {
	by := portaltest.As(portaltest.Host, perms...)
	by.Host, by.PersonID, by.Name = true, uuid.UUID{n}, fmt.Sprintf("staff %d", n)
	return by
}

// A desk is a portal with goods to complain about.
type desk struct {
	p      *portaltest.Portal
	number string
}

func newDesk(t testing.TB) *desk {
	d := &desk{p: portaltest.New(t)}
	d.p.Arrange(t, goods)
	return d
}

func (d *desk) dealer(f func(tx *portal.Tx) error) error {
	return d.p.Do(context.Background(), dealer(), f)
}

func (d *desk) host(by portal.Caller, f func(tx *portal.Tx) error) error {
	return d.p.AcrossPartners(context.Background(), by, portal.ClaimsDecide, f)
}

func (d *desk) read(t interface {
	Helper()
	Fatal(...any)
}) (c Detail) {
	t.Helper()
	must(t, d.dealer(func(tx *portal.Tx) (err error) { c, err = Get(context.Background(), tx, d.number); return err }))
	return c
}

// begin drafts a complete transit claim about the tyres of O1 and submits it.
func (d *desk) begin(t interface {
	Helper()
	Fatal(...any)
}, submit bool) {
	t.Helper()
	ctx := context.Background()
	must(t, d.dealer(func(tx *portal.Tx) (err error) {
		if d.number, err = Draft(ctx, tx, New{Kind: "transit", ContactEmail: "dana@acme.example", Ref: Ref{OrderNumber: "O1", OrderLine: 1}}); err != nil {
			return err
		}
		c, err := Get(ctx, tx, d.number)
		if err != nil {
			return err
		}
		f := c.Lines[0].Facts
		f.Words, f.Price = "Side walls cut", "999999" // the price is the core's, whatever is said
		if err := Save(ctx, tx, d.number, 1, f); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO files (partner_id, file_id, document, name, kind, size, sha256, uploaded_at, uploaded_by) VALUES (2, $1, $2, 'a.jpg', 'image/jpeg', 1, '', now(), 'x')`, uuid.New(), Document(d.number))
		if err != nil || !submit {
			return err
		}
		return Submit(ctx, tx, d.number)
	}))
}

func TestDraft_fromALine(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.begin(t, false)
	c := d.read(t)
	f := c.Lines[0].Facts
	if f.Product != "T1" || f.Price != "1000" || f.Quantity != "4" || f.Shipment != "S1" || f.DeliveredOn != "2026-02-26" || c.Site != "D100" || c.Currency != "EUR" {
		t.Errorf("%+v of %+v", f, c.Claim)
	}
	if r := c.Lines[0].Result; r.Outcome != "approved" || r.Amount != "4000.00" || !r.Second {
		t.Errorf("preview %+v", r)
	}
	north := dealer()
	north.Sites = []string{"D101"}
	for what, c := range map[string]struct {
		by  portal.Caller
		ref Ref
	}{
		"another partner's": {dealer(), Ref{OrderNumber: "O3", OrderLine: 1}},
		"none":              {dealer(), Ref{OrderNumber: "O9", OrderLine: 1}},
		"beyond the sites":  {north, Ref{OrderNumber: "O1", OrderLine: 1}},
	} {
		err := d.p.Do(t.Context(), c.by, func(tx *portal.Tx) error {
			_, err := Draft(t.Context(), tx, New{Kind: "transit", Ref: c.ref})
			return err
		})
		if portal.Says(err).Kind != portal.NotFound {
			t.Errorf("%s: %v", what, err)
		}
	}
	for who, by := range map[string]portal.Caller{"north": north, "brock": portaltest.As(portaltest.Brock, portal.ClaimsRead, portal.ClaimsFile)} {
		for what, f := range map[string]func(tx *portal.Tx) error{
			"get":      func(tx *portal.Tx) error { _, err := Get(t.Context(), tx, d.number); return err },
			"save":     func(tx *portal.Tx) error { return Save(t.Context(), tx, d.number, 1, Facts{}) },
			"submit":   func(tx *portal.Tx) error { return Submit(t.Context(), tx, d.number) },
			"withdraw": func(tx *portal.Tx) error { return Withdraw(t.Context(), tx, d.number, 1, "x") },
			"answer":   func(tx *portal.Tx) error { return Answer(t.Context(), tx, d.number, 1, "x") },
			"appeal":   func(tx *portal.Tx) error { return Appeal(t.Context(), tx, d.number, 1, "x") },
			"add line": func(tx *portal.Tx) error { _, err := AddLine(t.Context(), tx, d.number, Ref{}); return err },
			"add file": func(tx *portal.Tx) error {
				_, err := AddFile(t.Context(), tx, files.Folder(t.TempDir()), d.number, files.Checked{})
				return err
			},
		} {
			if err := d.p.Do(t.Context(), by, f); portal.Says(err).Kind != portal.NotFound {
				t.Errorf("%s may %s: %v", who, what, err)
			}
		}
	}
}

// TestStory: a damaged tyre from draft to credit, with a question and a second person.
func TestStory(t *testing.T) {
	t.Parallel()
	d, ctx := newDesk(t), t.Context()
	d.begin(t, true)
	claus, lead, other := staff(1, portal.ClaimsDecide), staff(2, portal.ClaimsDecide, portal.ClaimsApprove), staff(3, portal.ClaimsDecide, portal.ClaimsApprove)
	ask := func(by portal.Caller, f func(tx *portal.Tx) error) { t.Helper(); must(t, d.host(by, f)) }
	var queue []Queued
	ask(claus, func(tx *portal.Tx) error {
		w, err := Queue(ctx, tx, DeskFilter{})
		queue = w.Items
		return err
	})
	if len(queue) != 1 || queue[0].Number != d.number || queue[0].Partner != "D100" || queue[0].Claimed != "4000.00" {
		t.Fatalf("queue %+v", queue)
	}
	ask(claus, func(tx *portal.Tx) error { return Ask(ctx, tx, "D100", d.number, 1, "Where is the package?") })
	if c := d.read(t); c.State != "asked" || c.Owner != Dealer {
		t.Fatalf("asked: %+v", c.Claim)
	}
	must(t, d.dealer(func(tx *portal.Tx) error { return Answer(ctx, tx, d.number, 1, "In the yard.") }))
	ask(claus, func(tx *portal.Tx) error { return DecideLine(ctx, tx, "D100", d.number, 1, Verdict{Words: "Agreed."}) })
	if l := d.read(t).Lines[0]; l.State != "proposed" || l.Amount != "4000.00" {
		t.Fatalf("proposed: %+v", l)
	}
	if err := d.host(claus, func(tx *portal.Tx) error { return Approve(ctx, tx, "D100", d.number, 1) }); portal.Says(err).Kind != portal.Forbidden {
		t.Errorf("approved without the right: %v", err)
	}
	ask(lead, func(tx *portal.Tx) error { return SendBack(ctx, tx, "D100", d.number, 1, "Count again.") })
	ask(lead, func(tx *portal.Tx) error { return DecideLine(ctx, tx, "D100", d.number, 1, Verdict{}) })
	if err := d.host(lead, func(tx *portal.Tx) error { return Approve(ctx, tx, "D100", d.number, 1) }); portal.Says(err).Kind != portal.Forbidden {
		t.Errorf("approved by the one who proposed: %v", err)
	}
	ask(other, func(tx *portal.Tx) error { return Approve(ctx, tx, "D100", d.number, 1) })
	d.p.Arrange(t, `INSERT INTO invoices (partner_id, number, kind, site, currency, invoiced_on, due_on, net, tax, total, open, claim, changed_at) VALUES (2, 'M1', 'credit_memo', 'D100', 'EUR', '2026-03-02', '2026-03-02', -4000, 0, -4000, -4000, '`+d.number+`/1', now()), (3, 'M2', 'credit_memo', 'D200', 'EUR', '2026-03-02', '2026-03-02', -1, 0, -1, -1, '`+d.number+`/1', now())`)
	for range 2 {
		must(t, d.p.AsWorker(ctx, "sync", func(tx *portal.Tx) error { return Follow(ctx, tx) }))
	}
	c := d.read(t)
	if l := c.Lines[0]; l.State != "credited" || l.CreditMemo != "M1" || l.ApprovedBy != "staff 3" || c.State != "closed" || c.Owner != "" {
		t.Errorf("credited: %+v of %+v", l, c.Claim)
	}
	var told []string
	rows, err := d.p.Owner.Query(`SELECT what FROM claim_events ORDER BY seq`)
	must(t, err)
	for rows.Next() {
		var s string
		must(t, rows.Scan(&s))
		told = append(told, s)
	}
	want := []string{"began", "submitted", "asked", "answered", "proposed", "sent back", "proposed", "confirmed: approved", "credited"}
	if !slices.Equal(told, want) {
		t.Errorf("told %q\nwant %q", told, want)
	}
	var posted, mails, keys int
	must(t, d.p.Owner.QueryRow(`SELECT (SELECT count(*) FROM outbox WHERE partner_id = 2 AND name IN ('file_claim', 'decide_claim')), (SELECT count(*) FROM mails WHERE partner_id = 2 AND path = '/claims/' || $1), (SELECT count(*) FROM mails WHERE path LIKE '%?%' OR content LIKE '%=%')`, d.number).Scan(&posted, &mails, &keys))
	if posted != 2 || mails != 3 || keys != 0 {
		t.Errorf("%d commands, %d mails, %d with keys; want 2, 3, 0", posted, mails, keys)
	}
}

// violators are claims and lines that are open and nobody's, or nobody's turn until never, or whose claim says otherwise than they do.
const violators = `
	SELECT count(*) FROM claims c LEFT JOIN claim_lines l ON l.partner_id = c.partner_id AND l.claim = c.number
	WHERE l.line IS NULL
		OR l.state NOT IN ('refused', 'credited', 'withdrawn') AND (l.owner IS NULL OR l.due_at IS NULL OR coalesce(l.next_action, '') = '' OR c.state = 'closed' OR c.owner IS NULL OR c.due_at IS NULL)
		OR l.state IN ('refused', 'credited', 'withdrawn') AND l.owner IS NOT NULL
		OR c.state = 'closed' AND EXISTS (SELECT 1 FROM claim_lines o WHERE o.partner_id = c.partner_id AND o.claim = c.number AND o.owner IS NOT NULL)
		OR l.state = 'refused' AND (l.result IS NULL OR (SELECT count(*) FROM json_array_elements(l.result::json -> 'steps') s WHERE s ->> 'holds' = 'false' AND coalesce(s ->> 'cure', '') <> '' AND coalesce(s ->> 'field', '') <> '') = 0)`

// TestWalk does anything at any time, as either side: what is open is never at a dead end, every decision that is stored is decided
// again exactly, and what the dealer was shown is what was decided where the desk found nothing else.
func TestWalk(t *testing.T) {
	t.Parallel()
	d, ctx := newDesk(t), context.Background()
	people := []portal.Caller{staff(1, portal.ClaimsDecide), staff(2, portal.ClaimsDecide, portal.ClaimsApprove), staff(3, portal.ClaimsDecide, portal.ClaimsApprove)}
	done := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		d.begin(t, rapid.Bool().Draw(t, "submitted"))
		for range rapid.IntRange(4, 14).Draw(t, "steps") {
			c := d.read(t)
			line := rapid.SampledFrom(c.Lines).Draw(t, "line")
			by := rapid.SampledFrom(people).Draw(t, "who")
			v := Verdict{Words: "w"}
			if rapid.IntRange(0, 3).Draw(t, "finds less") == 0 {
				v.Quantity = portal.Amount(rapid.SampledFrom([]string{"0.5", "1", "2"}).Draw(t, "found"))
			}
			if rapid.IntRange(0, 5).Draw(t, "says nothing") == 0 {
				v.Words = ""
			}
			acts := map[string]func() error{
				"submit": func() error { return d.dealer(func(tx *portal.Tx) error { return Submit(ctx, tx, d.number) }) },
				"late": func() error {
					return d.dealer(func(tx *portal.Tx) error {
						f := line.Facts
						f.DeliveredOn = "2026-01-01"
						return Save(ctx, tx, d.number, line.Line, f)
					})
				},
				"answer": func() error {
					return d.dealer(func(tx *portal.Tx) error { return Answer(ctx, tx, d.number, line.Line, "w") })
				},
				"appeal": func() error {
					return d.dealer(func(tx *portal.Tx) error { return Appeal(ctx, tx, d.number, line.Line, "w") })
				},
				"withdraw": func() error {
					return d.dealer(func(tx *portal.Tx) error { return Withdraw(ctx, tx, d.number, line.Line, "") })
				},
				"ask": func() error {
					return d.host(by, func(tx *portal.Tx) error { return Ask(ctx, tx, "D100", d.number, line.Line, "w") })
				},
				"review": func() error {
					return d.host(by, func(tx *portal.Tx) error { return Review(ctx, tx, "D100", d.number, line.Line) })
				},
				"decide": func() error {
					return d.host(by, func(tx *portal.Tx) error { return DecideLine(ctx, tx, "D100", d.number, line.Line, v) })
				},
				"approve": func() error {
					return d.host(by, func(tx *portal.Tx) error { return Approve(ctx, tx, "D100", d.number, line.Line) })
				},
				"return": func() error {
					return d.host(by, func(tx *portal.Tx) error { return SendBack(ctx, tx, "D100", d.number, line.Line, "w") })
				},
				"split": func() error {
					return d.host(by, func(tx *portal.Tx) error { _, err := Split(ctx, tx, "D100", d.number, line.Line, "0.5"); return err })
				},
				"credit": func() error {
					_, err := d.p.Owner.Exec(`INSERT INTO invoices (partner_id, number, kind, site, currency, invoiced_on, due_on, net, tax, total, open, claim, changed_at) VALUES (2, $1, 'credit_memo', 'D100', 'EUR', '2026-03-02', '2026-03-02', -1, 0, -1, -1, $2, now()) ON CONFLICT DO NOTHING`,
						"M"+d.number+fmt.Sprint(line.Line), fmt.Sprintf("%s/%d", d.number, line.Line))
					if err != nil {
						return err
					}
					return d.p.AsWorker(ctx, "sync", func(tx *portal.Tx) error { return Follow(ctx, tx) })
				},
			}
			name := rapid.SampledFrom(map[string][]string{"draft": {"submit", "late"}, "asked": {"answer"}, "proposed": {"approve", "return"}, "in_part": {"appeal", "credit"}, "refused": {"appeal"}, "approved": {"credit"}, "credited": {"credit"},
				"withdrawn": {"ask"}, "submitted": {"decide", "ask", "review", "split"}, "in_review": {"decide", "ask"}, "appealed": {"decide"}}[line.State]).Draw(t, "what fits")
			if rapid.IntRange(0, 2).Draw(t, "anything") == 0 {
				name = rapid.SampledFrom([]string{"submit", "late", "answer", "appeal", "withdraw", "ask", "review", "decide", "decide", "decide", "approve", "return", "split", "credit"}).Draw(t, "act")
			}
			err := acts[name]()
			if err == nil {
				done[name]++
			} else if k := portal.Says(err).Kind; k == portal.Internal || k == portal.Unavailable {
				t.Fatalf("%s: %v", name, err)
			}
			var n int
			must(t, d.p.Owner.QueryRow(violators).Scan(&n))
			if n != 0 {
				t.Fatalf("after %s (%v): %d at a dead end", name, err, n)
			}
			c = d.read(t)
			for _, l := range c.Lines {
				if !l.DecidedAt.Valid {
					continue
				}
				must(t, d.dealer(func(tx *portal.Tx) error {
					again, err := Recompute(ctx, tx, c.Kind, l)
					if err == nil && !reflect.DeepEqual(again, *l.Result) && !l.Editable() {
						t.Fatalf("line %d was decided %+v, and is decided again %+v", l.Line, *l.Result, again)
					}
					return err
				}))
				if name == "decide" && err == nil && l.Line == line.Line && v.Quantity == "" && l.Preflight != nil && reflect.DeepEqual(l.Inputs.Facts, line.Facts) && line.State == "submitted" && !reflect.DeepEqual(*l.Preflight, *l.Result) {
					t.Fatalf("shown %+v, decided %+v", *l.Preflight, *l.Result)
				}
			}
		}
	})
	for _, name := range []string{"submit", "late", "answer", "appeal", "withdraw", "ask", "review", "decide", "approve", "return", "split", "credit"} {
		if done[name] == 0 {
			t.Errorf("%s never happened: %v", name, done)
		}
	}
}

// TestPolicies_arePast: a claim is decided by the rules that it was submitted under, whatever came after.
func TestPolicies_arePast(t *testing.T) {
	t.Parallel()
	d, ctx := newDesk(t), t.Context()
	d.begin(t, true)
	d.p.Arrange(t, `INSERT INTO claim_policies (kind, version, name, valid_from, rules, made_at, made_by) VALUES ('transit', 2, 'Less', '2026-01-01', '{"require": ["product"], "share": "0.1"}', now(), 'x')`)
	must(t, d.host(staff(1, portal.ClaimsDecide), func(tx *portal.Tx) error {
		return DecideLine(ctx, tx, "D100", d.number, 1, Verdict{Quantity: "1", Words: "one"})
	}))
	l := d.read(t).Lines[0]
	if l.Version != 1 || l.Amount != "1000.00" {
		t.Errorf("decided by version %d: %s", l.Version, l.Amount)
	}
	d.begin(t, false)
	if l := d.read(t).Lines[0]; l.Version != 2 || l.Result.Amount != "400.00" {
		t.Errorf("a new claim is shown version %d: %+v", l.Version, l.Result)
	}
}

func TestAppeal_hasAnEnd(t *testing.T) {
	t.Parallel()
	d, ctx := newDesk(t), t.Context()
	d.begin(t, true)
	must(t, d.host(staff(1, portal.ClaimsDecide), func(tx *portal.Tx) error {
		return DecideLine(ctx, tx, "D100", d.number, 1, Verdict{Quantity: "1", Words: "one"})
	}))
	d.p.Pass(appealFor + time.Hour)
	if err := d.dealer(func(tx *portal.Tx) error { return Appeal(ctx, tx, d.number, 1, "w") }); portal.Says(err).Kind != portal.Conflict {
		t.Errorf("%v", err)
	}
}
