package web_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"

	"extranet/portal"
	"extranet/portal/portaltest"
	"extranet/web/pagetest"
)

const longCart = `
	INSERT INTO products (product, name, unit, pack_size, lifecycle, changed_at) SELECT 'T' || i, 'Tyre ' || i, 'PC', 1, 'active', now() FROM generate_series(1, 121) i;
	INSERT INTO list_prices (entry, product, kind, currency, from_quantity, unit_price, changed_at) SELECT i::text, 'T' || i, 'list', 'EUR', 1, 10, now() FROM generate_series(1, 121) i;
	INSERT INTO availability (product, warehouse, available, changed_at) SELECT 'T' || i, 'W1', 1000, now() FROM generate_series(1, 121) i;
	INSERT INTO cart_lines (partner_id, owner, line, product, quantity, site, added_at) SELECT 2, '00000000-0000-4000-8000-00000000000a', i, 'T' || i, 4, 'D100', now() FROM generate_series(1, 120) i;`

// A shopper is somebody at the cart whose browser runs no script.
type shopper struct {
	*door
	t    *testing.T
	page []byte
}

func (s *shopper) got(w *httptest.ResponseRecorder) int {
	for w.Code == http.StatusSeeOther {
		var flash []string
		for _, c := range w.Result().Cookies() {
			flash = append(flash, "Cookie", c.Name+"="+c.Value+"; as=shopper")
		}
		w = s.ask("shopper", http.MethodGet, w.Header().Get("Location"), flash...)
	}
	s.page = w.Body.Bytes()
	if faults := pagetest.Faults(s.page); len(faults) > 0 {
		s.t.Errorf("the page has faults: %v", faults)
	}
	return w.Code
}

func (s *shopper) open(path string) { s.got(s.ask("shopper", http.MethodGet, path)) }

// press presses what has the id, after writing into fields.
func (s *shopper) press(id string, typed map[string]string) int {
	s.t.Helper()
	method, to, form := pagetest.Press(s.page, id, typed)
	if method == http.MethodGet {
		return s.got(s.ask("shopper", method, to))
	}
	r := httptest.NewRequest(method, to, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.AddCookie(&http.Cookie{Name: "as", Value: "shopper"})
	w := httptest.NewRecorder()
	s.engine.ServeHTTP(w, r)
	return s.got(w)
}

// field is what stands in a field of the page.
func (s *shopper) field(name string) string {
	_, _, form := pagetest.Press(s.page, "update", nil)
	return form.Get(name)
}

// TestCart_losesNothing: whatever was typed on a page of a long cart is there after any of its buttons, and only that is changed.
func TestCart_losesNothing(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.Arrange(t, longCart)
	by := portaltest.As(portaltest.Acme, portal.OrdersRead, portal.OrdersPlace, portal.CatalogRead, portal.PricesRead)
	by.PersonID, by.Name, by.PartnerName, by.PartnerNumber, by.PartnerKind = uuid.MustParse("00000000-0000-4000-8000-00000000000a"), "Dana", "Acme Tyres", "D100", "dealer"
	d.callers["shopper"] = by
	s := &shopper{door: d, t: t}
	says := func(what string, code, want int, words ...string) {
		t.Helper()
		for _, w := range words {
			if body := text(s.page); code != want || !strings.Contains(body, w) {
				t.Fatalf("%s: %d, want %d with %q in: %.3000s", what, code, want, w, body)
			}
		}
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	stored := func(what, want string) {
		t.Helper()
		var got string
		must(d.Owner.QueryRow(`SELECT coalesce(string_agg(line || ':' || quantity || coalesce(' ' || requested_on, ''), ', ' ORDER BY line), '') FROM cart_lines WHERE quantity <> 4 OR requested_on IS NOT NULL`).Scan(&got))
		if got != want {
			t.Errorf("%s: the cart has changed lines %q, want %q", what, got, want)
		}
	}
	s.open("/cart")
	says("turned", s.press("page-next", map[string]string{"quantity-3": "12", "requested_on-4": "2026-05-04", "po_number": "P-9", "comment": "Ring", "name": "Weekly"}), 200, "Tyre 51", "up to date")
	stored("turned", "3:12, 4:4 2026-05-04")
	for name, want := range map[string]string{"po_number": "P-9", "comment": "Ring", "name": "Weekly"} {
		if got := s.field(name); got != want {
			t.Errorf("%s is %q after turning the page, want %q", name, got, want)
		}
	}
	s.press("page-first", nil)
	if s.field("quantity-3") != "12" || s.field("requested_on-4") != "2026-05-04" {
		t.Error("the first page does not have what was typed there")
	}
	// What cannot be taken comes back on its page, with all that was typed.
	wrong := map[string]string{"quantity-5": "many", "quantity-6": "7", "number": "T121", "quantity": "2", "po_number": "P-10"}
	says("no quantity", s.press("page-next", wrong), 422, "Tyre 1", `"many" is no quantity`)
	for name, typed := range wrong {
		if got := s.field(name); got != typed {
			t.Errorf("%s came back as %q, want what was typed: %q", name, got, typed)
		}
	}
	stored("no quantity", "3:12, 4:4 2026-05-04")
	// The quick order beside it is taken too.
	says("mended", s.press("page-next", map[string]string{"quantity-5": "8"}), 200, "Tyre 51", "T121 is in your cart")
	stored("mended", "3:12, 4:4 2026-05-04, 5:8, 6:7, 121:2")
	// A page that has stood open changes nothing but what was typed into it.
	s.open("/cart")
	d.Arrange(t, `UPDATE cart_lines SET quantity = 99 WHERE line = 7; DELETE FROM cart_lines WHERE line = 8`)
	says("an old page", s.press("page-next", map[string]string{"quantity-9": "5"}), 200, "Tyre 52")
	stored("an old page", "3:12, 4:4 2026-05-04, 5:8, 6:7, 7:99, 9:5, 121:2")
	// What was typed beside the button that orders costs something else: it is asked about, and ordered then.
	s.open("/cart")
	says("ordered with something typed", s.press("place", map[string]string{"quantity-1": "40"}), 200, "nothing is ordered yet")
	if s.field("po_number") != "P-10" || s.field("quantity-1") != "40" {
		t.Error("what was typed is not there when it is asked about")
	}
	says("ordered", s.press("place", nil), 200, "Your order is on its way", "P-10")
	var cart, quantity int
	must(d.Owner.QueryRow(`SELECT (SELECT count(*) FROM cart_lines) + (SELECT count(*) FROM carts), (SELECT quantity FROM placed_lines WHERE product = 'T1')`).Scan(&cart, &quantity))
	if cart != 0 || quantity != 40 {
		t.Errorf("%d lines are left in the cart and %d of T1 ordered, want 0 and 40", cart, quantity)
	}
	s.open("/cart")
	says("a number that is none", s.press("add", map[string]string{"number": "nosuch", "quantity": "3"}), 422, "there is no product")
	if _, _, form := pagetest.Press(s.page, "add", nil); form.Get("number") != "nosuch" || form.Get("quantity") != "3" {
		t.Errorf("the quick order came back as %v", url.Values(form))
	}
}
