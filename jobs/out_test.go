package jobs_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"extranet/jobs"
	"extranet/portal"
	"extranet/portal/portaltest"
)

// taken is a core that takes up orders: it numbers them, and refuses some.
const taken = `
	CREATE TABLE sales (number bigserial PRIMARY KEY, key text, customer text NOT NULL, po text, n integer NOT NULL CONSTRAINT sales_are_small CHECK (n < 1000), decided timestamp, note text);
	CREATE TABLE sales_lines (number bigint NOT NULL REFERENCES sales, product text NOT NULL, quantity numeric NOT NULL);
	CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.po = 'BLOCKED' THEN RAISE EXCEPTION 'Your account is blocked; call 0123'; END IF; RETURN NEW; END $$;
	CREATE TRIGGER refuse BEFORE INSERT ON sales FOR EACH ROW EXECUTE FUNCTION refuse();`

const outMapping = `
sources:
  core: {driver: postgres, url: "${EXTRANET_CORE_URL}", time_zone: Europe/Paris}
entities:
  partners: {select: "SELECT 'D100' AS partner, 'dealer' AS kind, 'Acme Tyres' AS name", every: 1h}
commands:
  place_test_order:
    statements:
      - INSERT INTO sales (key, customer, po, n, decided, note) VALUES (:idempotency_key, :partner, :po, CAST(:n AS integer), :at, ':po ' || :note)
      - each: lines
        statement: INSERT INTO sales_lines SELECT max(number), :product, CAST(:quantity AS numeric) FROM sales WHERE key = :idempotency_key
      - SELECT number::text AS order_number FROM sales WHERE key = :idempotency_key
    returns: [order_number]
    refusals:
      sales_are_small: That is too much at once.
`

func newTaker(t testing.TB) (core, *portaltest.Portal) {
	c, p := newCore(t, ""), newPortal(t)
	var ddl strings.Builder
	must(t, c.mapping(t, outMapping).PrintOutbox(&ddl))
	c.exec(t, taken+ddl.String())
	return c, p
}

// post posts a command of Acme's.
func post(t testing.TB, p *portaltest.Portal, name, document string, values map[string]string) (id uuid.UUID) {
	t.Helper()
	must(t, p.Do(t.Context(), portaltest.As(portaltest.Acme), func(tx *portal.Tx) (err error) {
		id, err = tx.Post(t.Context(), portal.Command{Name: name, Document: document, Values: values})
		return err
	}))
	return id
}

func outgoing(t testing.TB, p *portaltest.Portal, document string) (list []portal.Posted) {
	t.Helper()
	must(t, p.Do(t.Context(), portaltest.As(portaltest.Acme), func(tx *portal.Tx) (err error) {
		list, err = portal.Outgoing(t.Context(), tx, document)
		return err
	}))
	return list
}

// became lists what became of the commands on a document, as they stand.
func became(t testing.TB, p *portaltest.Portal, document string) string {
	t.Helper()
	var all []string
	for _, c := range outgoing(t, p, document) {
		all = append(all, strings.TrimSpace(c.State+" "+c.Why))
	}
	return strings.Join(all, "; ")
}

func TestOut(t *testing.T) {
	t.Parallel()
	c, p := newTaker(t)
	id := post(t, p, "place_test_order", "orders/1", map[string]string{"n": "1", "po": "'); DROP TABLE sales; --", "note": "é", "lines": `[{"product":"T1","quantity":2.50},{"product":"T2","quantity":"1"}]`})
	post(t, p, "cancel_test_order", "orders/1", nil)
	if got := became(t, p, "orders/1"); got != "not carried; not carried" {
		t.Errorf("before there is a mapping: %s", got)
	}
	_, _, log := startWorker(t, p, c.mapping(t, outMapping))
	within(t, 10*time.Second, "the command is delivered", func() bool { return became(t, p, "orders/1") == "delivered; not carried" })
	if got := table(t, c.DB, `SELECT key, customer, po, n, decided = (SELECT delivered_at AT TIME ZONE 'UTC' AT TIME ZONE 'Europe/Paris' FROM extranet_delivered), note FROM sales`); len(got) != 1 || !strings.HasPrefix(got[0], id.String()+"|D100|'); DROP TABLE sales; --|1|") || !strings.HasSuffix(got[0], "|:po é") {
		t.Errorf("the core has %v", got)
	}
	if got := table(t, c.DB, `SELECT * FROM sales_lines ORDER BY product`); fmt.Sprint(got) != "[1|T1|2.50 1|T2|1]" {
		t.Errorf("the core has the lines %v", got)
	}
	if d := one[float64](t, c.DB, `SELECT abs(extract(epoch FROM now() AT TIME ZONE 'Europe/Paris' - decided)) FROM sales`); d > 60 {
		t.Errorf("the core has the decision %v s off", d)
	}
	if got := table(t, p.Owner, `SELECT key, field, became FROM changes`); fmt.Sprint(got) != "[orders/1|done "+id.String()+"|1]" {
		t.Errorf("the portal knows %v", got)
	}
	// From the commit here to the commit there.
	began := time.Now()
	post(t, p, "place_test_order", "orders/2", map[string]string{"n": "2"})
	within(t, 5*time.Second, "the command is delivered", func() bool { return became(t, p, "orders/2") == "delivered" })
	t.Logf("delivered and seen in %v", time.Since(began).Round(time.Millisecond))
	if took := one[float64](t, p.Owner, `SELECT extract(epoch FROM ended_at - posted_at) FROM outbox WHERE document = 'orders/2'`); took > 0.8*time.Second.Seconds() {
		t.Errorf("the worker took it up after %.3f s: the news does not wake it", took)
	}

	// What the core refuses comes back in its words, or the mapping's; and with it what was decided in the belief that it would be taken.
	post(t, p, "place_test_order", "orders/3", map[string]string{"n": "3", "po": "BLOCKED"})
	post(t, p, "place_test_order", "orders/4", map[string]string{"n": "1000"})
	post(t, p, "place_test_order", "orders/5", map[string]string{"n": "many"})
	within(t, 5*time.Second, "refused", func() bool {
		return strings.HasPrefix(became(t, p, "orders/3")+became(t, p, "orders/4")+became(t, p, "orders/5"), "refused Your account is blocked; call 0123refused That is too much at once.refused The host's system does not accept these values.")
	})
	// The partner may decide anew.
	post(t, p, "place_test_order", "orders/3", map[string]string{"n": "3"})
	within(t, 5*time.Second, "the next is delivered", func() bool { return strings.HasSuffix(became(t, p, "orders/3"), "; delivered") })
	if n := one[int](t, p.Owner, `SELECT count(*) FROM changes WHERE field LIKE 'refused %' AND key IN ('orders/3', 'orders/4', 'orders/5')`); n != 3 {
		t.Errorf("%d refusals reached their documents, want 3", n)
	}
	if strings.Contains(log.String(), "level=ERROR") {
		t.Errorf("the log complains:\n%s", log)
	}
}

// TestOut_down: while the core is down commands wait, in their order; a failure that may pass holds back its own document alone.
func TestOut_down(t *testing.T) {
	t.Parallel()
	c, p := newTaker(t)
	_, _, log := startWorker(t, p, c.mapping(t, outMapping))
	c.exec(t, `ALTER TABLE sales_lines RENAME TO away`)
	post(t, p, "place_test_order", "orders/1", map[string]string{"n": "1", "lines": `[{"product":"T1","quantity":"1"}]`})
	for i := range 3 {
		post(t, p, "place_test_order", "orders/1", map[string]string{"n": fmt.Sprint(i + 2)})
	}
	post(t, p, "place_test_order", "orders/2", map[string]string{"n": "9"})
	within(t, 10*time.Second, "another document is delivered", func() bool { return became(t, p, "orders/2") == "delivered" })
	within(t, 10*time.Second, "it is tried again", func() bool { return outgoing(t, p, "orders/1")[0].Tries > 1 })
	if got := became(t, p, "orders/1"); got != "waiting; waiting; waiting; waiting" {
		t.Errorf("behind one that fails: %s", got)
	}
	open := c.shut(t)
	post(t, p, "place_test_order", "orders/3", map[string]string{"n": "10"})
	within(t, 15*time.Second, "the silence is told", func() bool { return strings.Contains(log.String(), "the core takes up no commands") })
	open()
	c.exec(t, `ALTER TABLE away RENAME TO sales_lines`)
	within(t, 30*time.Second, "all is delivered", func() bool {
		return became(t, p, "orders/1")+became(t, p, "orders/3") == "delivered; delivered; delivered; delivereddelivered"
	})
	if got := table(t, c.DB, `SELECT n FROM sales WHERE n < 9 ORDER BY number`); fmt.Sprint(got) != "[1 2 3 4]" {
		t.Errorf("the core has them in the order %v", got)
	}
}

// TestOut_killed: workers are killed between the core's commit and the portal's, over and over. Every command is in the core exactly
// once, in the order of its document.
func TestOut_killed(t *testing.T) {
	t.Parallel()
	for name, take := range map[string]string{
		"by table":     outMapping,
		"by statement": onceMapping(`INSERT INTO sales (key, customer, n) VALUES (:idempotency_key, :partner, CAST(:n AS integer)) ON CONFLICT (key) DO UPDATE SET key = excluded.key RETURNING number AS order_number`, ""),
		"by asking":    onceMapping(`INSERT INTO sales (key, customer, n) VALUES (:idempotency_key, :partner, CAST(:n AS integer)) RETURNING number AS order_number`, "SELECT number AS order_number FROM sales WHERE key = :idempotency_key"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, p := newTaker(t)
			if name != "by table" {
				c.exec(t, `ALTER TABLE sales ADD UNIQUE (key); DROP TABLE extranet_delivered`)
			}
			kills := deliverUnderFire(t, c, p, take)
			if kills < 5 {
				t.Errorf("only %d workers were killed: the test shows nothing", kills)
			}
			if got := table(t, c.DB, `SELECT key, count(*) FROM sales GROUP BY key HAVING count(*) > 1`); len(got) > 0 {
				t.Errorf("doubled in the core: %v", got)
			}
			if n := one[int](t, c.DB, `SELECT count(*) FROM sales`); n != documents*commandsEach {
				t.Errorf("%d commands in the core, want %d", n, documents*commandsEach)
			}
			for i := range documents {
				want := table(t, p.Owner, `SELECT command_id FROM outbox WHERE document = $1 ORDER BY place`, fmt.Sprintf("orders/%d", i))
				got := table(t, c.DB, `SELECT key FROM sales WHERE n = $1 ORDER BY number`, i)
				if fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("orders/%d reached the core as\n%v, want\n%v", i, got, want)
				}
			}
			// What the core gave back arrived, even where the first to hear it died.
			if n := one[int](t, p.Owner, `SELECT count(*) FROM changes WHERE field LIKE 'done %' AND became <> ''`); n != documents*commandsEach {
				t.Errorf("%d numbers came back, want %d", n, documents*commandsEach)
			}
		})
	}
	// The same with a statement that only claims to take up a key once: it must be seen.
	t.Run("without a key", func(t *testing.T) {
		t.Parallel()
		c, p := newTaker(t)
		deliverUnderFire(t, c, p, onceMapping(`INSERT INTO sales (key, customer, n) VALUES (:idempotency_key, :partner, CAST(:n AS integer))`, ""))
		if n := one[int](t, c.DB, `SELECT count(*) FROM sales`); n <= documents*commandsEach {
			t.Errorf("nothing was doubled in %d commands: the test cannot fail", n)
		}
	})
}

func onceMapping(statement, doneWhen string) string {
	head, _, _ := strings.Cut(outMapping, "commands:")
	m := head + "commands:\n  place_test_order:\n    once: statement\n    statement: " + statement + "\n"
	if doneWhen != "" {
		m += "    done_when: " + doneWhen + "\n"
	}
	if strings.Contains(statement+doneWhen, "order_number") {
		m += "    returns: [order_number]\n"
	}
	return m
}

func TestParseMapping_commands(t *testing.T) {
	t.Parallel()
	head, _, _ := strings.Cut(outMapping, "commands:")
	n := strings.Count(head, "\n")
	env := func(string) (string, bool) { return "postgres://reader:secret@db/core", true }
	for text, want := range map[string]string{
		"place_test_ordr: {statement: SELECT 1}":                                                         `there is no command "place_test_ordr"; is it place_test_order? allowed: `,
		"place_test_order:":                                                                              `command place_test_order is empty; it wants a statement`,
		"place_test_order: {source: core}":                                                               `command place_test_order has no statement`,
		"place_test_order: {statement: SELECT 1, statements: [SELECT 2]}":                                `command place_test_order has both statement and statements; one is allowed`,
		"place_test_order: {statement: 'SELECT 1; SELECT 2'}":                                            `command place_test_order: what is written here must be one SQL statement; several go under statements, as a list`,
		"place_test_order: {statement: 'SELECT :pp'}":                                                    `command place_test_order has no parameter :pp; is it po? allowed: :n, :po, :note, :lines, :idempotency_key, :partner, :document, :at`,
		"place_test_order: {statements: [{each: line, statement: 'SELECT :product'}]}":                   `command place_test_order has no list "line"; is it lines? allowed: lines`,
		"place_test_order: {statements: [{each: lines, statement: 'SELECT :price'}]}":                    `command place_test_order has no parameter :price; allowed: :n, :po, :note, :lines, :idempotency_key, :partner, :document, :at, :product, :quantity`,
		"place_test_order: {statement: SELECT 1, returns: [order_no]}":                                   `command place_test_order returns no "order_no"; allowed: order_number`,
		"place_test_order: {statement: SELECT 1, once: statement}":                                       `command place_test_order is to be taken up once by its own statement, and none holds :idempotency_key: write the key into a unique column`,
		"place_test_order: {statement: SELECT 1, once: never}":                                           `once: "never" is not known; allowed: table, statement`,
		"place_test_order: {statement: SELECT 1, done_when: 'SELECT 1 WHERE 1 = :idempotency_key'}":      `done_when is for once: statement; else the table extranet_delivered says what the core already has`,
		"place_test_order: {statement: 'SELECT :idempotency_key', once: statement, done_when: SELECT 1}": `done_when of place_test_order must look for :idempotency_key`,
		"place_test_order: {statement: SELECT 1, refusals: {'P 1': x}}":                                  `refusals: "P 1" is no SQLSTATE, class, error number or name of a constraint`,
	} {
		_, err := jobs.ParseMapping("m.yaml", []byte(head+"commands:\n  "+text+"\n"), env)
		if err == nil || !strings.HasPrefix(err.Error(), fmt.Sprintf("m.yaml:%d: ", n+2)+want) {
			t.Errorf("%s:\n got %v\nwant %s", text, err, want)
		}
	}
}

// TestCheck_commands: every statement is read by the core before there is anything to deliver.
func TestCheck_commands(t *testing.T) {
	t.Parallel()
	c, _ := newTaker(t)
	faults := func() (all []string) {
		r, err := jobs.Check(t.Context(), c.mapping(t, outMapping))
		must(t, err)
		for _, c := range r.Commands {
			if c.Carried != (c.Command == "place_test_order") {
				t.Errorf("%s carried: %t", c.Command, c.Carried)
			}
			all = append(all, c.Faults...)
		}
		if r.OK() != (len(all) == 0) {
			t.Errorf("OK() = %t with the faults %v", r.OK(), all)
		}
		return all
	}
	if got := faults(); len(got) > 0 {
		t.Errorf("faults of a core that has everything: %v", got)
	}
	c.exec(t, `DROP TABLE extranet_delivered; DROP TABLE sales_lines`)
	got := fmt.Sprint(faults())
	for _, want := range []string{`the statement of line 11 cannot be prepared: pq: relation "sales_lines" does not exist`, "the core lacks the table extranet_delivered"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in %s", want, got)
		}
	}
}

const documents, commandsEach = 8, 5

// deliverUnderFire posts commands and runs two workers at a time that die as they deliver, until all is delivered; it counts the dead.
func deliverUnderFire(t *testing.T, c core, p *portaltest.Portal, mapping string) (kills int) {
	for n := range commandsEach {
		for i := range documents {
			post(t, p, "place_test_order", fmt.Sprintf("orders/%d", i), map[string]string{"n": fmt.Sprint(i), "note": fmt.Sprint(n)})
		}
	}
	ended := make(chan error)
	begin := func() {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), "EXTRANET_TEST_DELIVER="+mapping, "EXTRANET_TEST_PORTAL="+p.URL, "EXTRANET_CORE_URL="+c.url)
		cmd.Stderr = os.Stderr
		go func() { ended <- cmd.Run() }()
	}
	begin()
	begin()
	for running, limit := 2, time.Now().Add(2*time.Minute); running > 0; {
		err := <-ended
		running--
		if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL {
			kills++
		} else if err != nil {
			t.Fatalf("a worker ended by itself: %v", err)
		}
		if one[bool](t, p.Owner, `SELECT EXISTS (SELECT 1 FROM outbox WHERE state = 'waiting')`) {
			if time.Now().After(limit) {
				t.Fatalf("not all was delivered: %v", table(t, p.Owner, `SELECT state, count(*), max(fault) FROM outbox GROUP BY 1`))
			}
			begin()
			running++
		}
	}
	return kills
}

// deliverAndDie is a worker of deliverUnderFire, in a process of its own.
func deliverAndDie(mapping string) error {
	ctx := context.Background()
	jobs.AfterDone = func() {
		if rand.IntN(3) == 0 {
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
		}
	}
	m, err := jobs.ParseMapping("mapping.yaml", []byte(mapping), os.LookupEnv)
	if err != nil {
		return err
	}
	db, err := portal.Open(ctx, portal.Options{URL: os.Getenv("EXTRANET_TEST_PORTAL")})
	if err != nil {
		return err
	}
	queue, err := sql.Open("postgres", os.Getenv("EXTRANET_TEST_PORTAL"))
	if err != nil {
		return err
	}
	w, err := jobs.NewWorker(db, queue, m, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	if err := w.Start(ctx); err != nil {
		return err
	}
	for waiting := true; waiting; time.Sleep(20 * time.Millisecond) {
		if err := db.AsWorker(ctx, "test", func(tx *portal.Tx) error {
			return tx.Get(ctx, &waiting, `SELECT EXISTS (SELECT 1 FROM outbox WHERE state = 'waiting')`)
		}); err != nil {
			return err
		}
	}
	return w.Stop(ctx)
}

// TestOut_staff: what the host's staff decide on a command reaches its partner through the worker.
func TestOut_staff(t *testing.T) {
	t.Parallel()
	c, p := newTaker(t)
	staff := func(f func(tx *portal.Tx) error) error {
		return p.AcrossPartners(t.Context(), portaltest.As(portaltest.Host, portal.FeedsManage), portal.FeedsManage, f)
	}
	figures := func() (f portal.OutboxFigures) {
		must(t, staff(func(tx *portal.Tx) (err error) { f, err = portal.OutboxStands(t.Context(), tx); return err }))
		return f
	}
	listed := func(state string) (all []string) {
		must(t, staff(func(tx *portal.Tx) error {
			page, err := portal.Sendings(t.Context(), tx, state, "")
			for _, s := range page.Items {
				all = append(all, s.PartnerNumber+" "+s.Document+" "+s.Why)
			}
			return err
		}))
		return all
	}
	refused := post(t, p, "place_test_order", "orders/1", map[string]string{"n": "1000"})
	post(t, p, "place_test_order", "orders/1", map[string]string{"n": "2"})
	byHand := post(t, p, "cancel_test_order", "orders/2", nil)
	givenUp := post(t, p, "cancel_test_order", "orders/3", nil)
	startWorker(t, p, c.mapping(t, outMapping))
	within(t, 10*time.Second, "refused", func() bool {
		return became(t, p, "orders/1") == "refused That is too much at once.; refused What was decided before was not accepted: That is too much at once."
	})
	if f := figures(); f.Waiting != 0 || f.NotCarried != 2 || f.RefusedToday != 2 || f.OldestWaiting != nil {
		t.Errorf("the outbox stands at %+v", f)
	}
	if got := strings.Join(listed("not carried"), "; "); got != "D100 orders/3 ; D100 orders/2 " {
		t.Errorf("not carried: %s", got)
	}
	err := staff(func(tx *portal.Tx) error { return portal.GiveUpCommand(t.Context(), tx, givenUp, "  ") })
	if portal.Says(err).On("why") == "" {
		t.Errorf("given up without a reason: %v", err)
	}
	must(t, staff(func(tx *portal.Tx) error {
		return portal.GiveUpCommand(t.Context(), tx, givenUp, "It has left the house.")
	}))
	must(t, staff(func(tx *portal.Tx) error { return portal.SettleCommand(t.Context(), tx, byHand) }))
	within(t, 5*time.Second, "settled", func() bool {
		return became(t, p, "orders/2")+"; "+became(t, p, "orders/3") == "delivered; refused It has left the house."
	})
	for what, f := range map[string]func(tx *portal.Tx) error{
		"settling twice":             func(tx *portal.Tx) error { return portal.SettleCommand(t.Context(), tx, byHand) },
		"giving up what came back":   func(tx *portal.Tx) error { return portal.GiveUpCommand(t.Context(), tx, givenUp, "x") },
		"retrying what is delivered": func(tx *portal.Tx) error { return portal.RetryCommand(t.Context(), tx, byHand) },
	} {
		if err := staff(f); portal.Says(err).Kind != portal.Conflict {
			t.Errorf("%s: %v, want a Conflict", what, err)
		}
	}
	// The core has changed its mind: what it refused goes again, and what came back with it, behind it.
	c.exec(t, `ALTER TABLE sales DROP CONSTRAINT sales_are_small`)
	must(t, staff(func(tx *portal.Tx) error { return portal.RetryCommand(t.Context(), tx, refused) }))
	within(t, 5*time.Second, "delivered", func() bool { return became(t, p, "orders/1") == "delivered; delivered" })
	if got := strings.Join(table(t, c.DB, `SELECT n FROM sales ORDER BY number`), " "); got != "1000 2" {
		t.Errorf("the core has %s", got)
	}
	if got := strings.Join(listed("delivered"), "; "); !strings.Contains(got, "orders/2") || figures().DeliveredToday != 3 {
		t.Errorf("delivered: %s; %+v", got, figures())
	}
	if got := strings.Join(table(t, p.Owner, `SELECT action, target FROM audit WHERE partner_id = 1 ORDER BY seq`), "; "); got != "command.give_up|cancel_test_order orders/3; command.settle|cancel_test_order orders/2; command.retry|place_test_order orders/1" {
		t.Errorf("the audit has %s", got)
	}
}
