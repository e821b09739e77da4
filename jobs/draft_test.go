package jobs_test

import (
	"strings"
	"testing"

	"extranet/jobs"
)

// begun is the mapping that extranet mapping new writes for the core.
func (c core) begun(t testing.TB, driver string) string {
	t.Helper()
	var b strings.Builder
	must(t, jobs.NewMapping(t.Context(), &b, driver, c.url))
	t.Logf("\n%s", &b)
	return b.String()
}

// checked runs the mapping as it is, and returns the entities whose selects run.
func checked(t testing.TB, c core, text string) (fine []string) {
	t.Helper()
	r, err := jobs.Check(t.Context(), c.mapping(t, text))
	must(t, err)
	for _, e := range r.Entities {
		if e.Mapped && len(e.Faults) == 0 {
			fine = append(fine, e.Entity)
		}
		for _, f := range e.Faults {
			t.Errorf("%s: %s", e.Entity, f)
		}
	}
	return fine
}

func TestNewMapping_postgres(t *testing.T) {
	t.Parallel()
	c := wideWorldImporters(t)
	text := c.begun(t, "postgres")
	fine := strings.Join(checked(t, c, text), " ")
	for _, want := range []string{"partners", "contacts", "products", "orders", "order_lines", "invoices"} {
		if !strings.Contains(fine, want) {
			t.Errorf("no %s among %s", want, fine)
		}
	}
	for _, want := range []string{"FROM sales.orders\n", "FROM sales.order_lines\n", "FROM purchasing.purchase_order_lines\n", "order_id AS number", "last_edited_when AS changed_at", "expected_delivery_date AS promised_on"} {
		if !strings.Contains(text, want) {
			t.Errorf("the file lacks %q", want)
		}
	}
}

func TestNewMapping_mariadb(t *testing.T) {
	t.Parallel()
	c := newMariaDB(t, worksTables...)
	text := c.begun(t, "mysql")
	if fine := strings.Join(checked(t, c, text), " "); !strings.Contains(fine, "partners") || !strings.Contains(fine, "orders order_lines") {
		t.Errorf("only %s", fine)
	}
	for _, want := range []string{"kundenNr AS partner", "FROM auftragPosition\n", "artikelText AS description", "preis AS price"} {
		if !strings.Contains(text, want) {
			t.Errorf("the file lacks %q", want)
		}
	}
}

func TestNewMapping_nothing(t *testing.T) {
	t.Parallel()
	c := newCore(t, "")
	c.mapping(t, c.begun(t, "postgres"))
	if err := jobs.NewMapping(t.Context(), &strings.Builder{}, "foxpro", c.url); err == nil || err.Error() != `the driver "foxpro" is not known; allowed: mysql, oracle, postgres, sqlserver` {
		t.Error(err)
	}
}
