package catalog_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"extranet/portal"
	"extranet/portal/catalog"
	"extranet/portal/portaltest"
)

func TestMain(m *testing.M) { os.Exit(portaltest.Main(m)) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var buyer = portal.Allow(portal.CatalogRead, portal.PricesRead)

func dealer(partner int64) portal.Caller {
	by := portaltest.As(partner)
	by.PartnerKind, by.Perms = "dealer", buyer
	return by
}

// many fills the catalogue with n products, six in ten of them tyres, with prices and stock.
func many(t testing.TB, p *portaltest.Portal, n int) {
	t.Helper()
	p.Arrange(t, `UPDATE partners SET category = 'RETAIL' WHERE partner_id = 2`)
	p.Arrange(t, `
		INSERT INTO products (product, name, barcode, brand, size, unit, pack_size, category, lifecycle, lead_time_days, changed_at)
		SELECT CASE WHEN i % 10 < 6 THEN 'TY' ELSE 'PA' END || lpad(i::text, 7, '0'),
			CASE WHEN i % 10 < 6 THEN brand || ' ' || pattern || ' ' || width || '/' || ratio || ' R' || rim || ' 91V' ELSE brand || ' ' || thing || ' type ' || i / 37 END,
			'4099' || lpad(i::text, 9, '0'), brand, CASE WHEN i % 10 < 6 THEN width || '/' || ratio || ' R' || rim END, 'PC', 1, CASE WHEN i % 10 < 6 THEN 'TYRE' ELSE upper(thing) END,
			CASE i % 20 WHEN 0 THEN 'discontinued' WHEN 1 THEN 'phase_out' ELSE 'active' END, 7, '2026-03-01Z'
		FROM generate_series(1, $1::int) i, LATERAL (SELECT
			(ARRAY['Corvex', 'Nordhav', 'Gripfell', 'Ostrea', 'Tessaro', 'Bremdal', 'Voltane', 'Halmer', 'Kolvik', 'Lumenor'])[1 + i % 10] AS brand,
			(ARRAY['Touren', 'Sportiv', 'Vinterra', 'Vanline', 'Fjell', 'Perla', 'Veloce'])[1 + i / 7 % 7] || ' ' || i / 49 % 900 AS pattern,
			(ARRAY['brake', 'filter', 'battery', 'wheel', 'bulb', 'wiper', 'oil', 'spark'])[1 + i / 10 % 8] AS thing,
			155 + 10 * (i / 3 % 19) AS width, 35 + 5 * (i / 5 % 9) AS ratio, 13 + i / 11 % 9 AS rim) x`, n)
	p.Arrange(t, `INSERT INTO list_prices (entry, product, kind, currency, from_quantity, unit_price, changed_at) SELECT product, product, 'list', 'EUR', 1, 50, now() FROM products`)
	p.Arrange(t, `INSERT INTO availability (product, warehouse, available, changed_at) SELECT product, w, length(name), now() FROM products, unnest(ARRAY['W1', 'W2']) w`)
	p.Arrange(t, `INSERT INTO product_words SELECT DISTINCT w FROM products, regexp_split_to_table(lower(name || ' ' || brand), '[^[:alnum:]]+') w WHERE length(w) >= 3`)
	p.Arrange(t, `ANALYZE products; ANALYZE list_prices; ANALYZE availability; ANALYZE product_words`)
}

const few = `
	UPDATE partners SET category = CASE partner_id WHEN 2 THEN 'RETAIL' ELSE 'FLEET' END WHERE kind = 'dealer';
	INSERT INTO products (product, name, barcode, brand, size, unit, pack_size, min_quantity, category, lifecycle, changed_at) VALUES
		('TY-1', 'Corvex Touren 4 205/55 R16 91V', '4099000000017', 'Corvex', '205/55 R16', 'PC', 1, NULL, 'TYRE', 'active', '2026-03-01Z'),
		('TY-2', 'Nordhav Fjell 195/65 R15 91T', '4099000000024', 'Nordhav', '195/65 R15', 'PC', 1, NULL, 'TYRE', 'phase_out', '2026-03-01Z'),
		('TY-3', 'Gripfell Cargo 315/80 R22.5 156L', NULL, 'Gripfell', '315/80 R22.5', 'PC', 1, NULL, 'TYRE', 'active', '2026-03-01Z'),
		('BU7', 'Lumenor bulb H7 12V', '4099000000031', 'Lumenor', 'H7 12V', 'PC', 10, 20, 'LIGHT', 'active', '2026-03-01Z'),
		('BU-7', 'Lumenor bulb H7 24V', NULL, 'Lumenor', 'H7 24V', 'PC', 10, NULL, 'LIGHT', 'active', '2026-03-01Z');
	INSERT INTO product_words VALUES ('corvex'), ('touren'), ('nordhav'), ('fjell'), ('gripfell'), ('cargo'), ('lumenor'), ('bulb');
	INSERT INTO availability (product, warehouse, name, available, next_on, next_quantity, changed_at) VALUES ('TY-1', 'W1', 'Central', 12, '2026-03-09', 40, now()), ('TY-1', 'W2', 'South', 0, '2026-03-05', 8, now()), ('TY-2', 'W1', 'Central', 0, NULL, NULL, now());
	INSERT INTO list_prices (entry, product, kind, currency, from_quantity, unit_price, valid_from, valid_to, changed_at) VALUES ('L1', 'TY-1', 'list', 'EUR', 1, 70, NULL, NULL, now()), ('L2', 'TY-1', 'list', 'GBP', 1, 60, NULL, NULL, now()),
		('L3', 'TY-2', 'list', 'EUR', 1, 55, NULL, NULL, now()), ('P1', 'TY-2', 'promotion', 'EUR', 4, 50, '2026-02-01', '2026-03-02', now()), ('P2', 'TY-2', 'promotion', 'EUR', 4, 10, '2026-02-01', '2026-03-01', now());
	INSERT INTO segment_prices (entry, segment, product, kind, currency, from_quantity, unit_price, changed_at) VALUES ('S1', 'RETAIL', 'BU7', 'segment', 'EUR', 1, 3.5, now()), ('S2', 'FLEET', 'BU7', 'segment', 'EUR', 1, 2.5, now());
	INSERT INTO prices (partner_id, entry, product, kind, currency, from_quantity, unit_price, changed_at) VALUES (2, 'K1', 'TY-1', 'contract', 'EUR', 1, 62.5, now()), (2, 'K2', 'TY-1', 'contract', 'EUR', 20, 60, now()), (3, 'K3', 'TY-1', 'contract', 'EUR', 1, 49, now());
	INSERT INTO part_numbers (partner_id, entry, part_number, product, changed_at) VALUES (2, 'a', 'VH-20011', 'TY-1', now()), (3, 'b', 'VH-20011', 'TY-2', now()), (3, 'c', 'AH 500', 'TY-3', now());
	INSERT INTO documents (document, product, kind, title, version, file, segment, changed_at) VALUES ('1', 'TY-1', 'label', 'Label', '2', 'l.pdf', NULL, now()), ('2', 'TY-1', 'bulletin', 'For fleets', '1', 'b.pdf', 'FLEET', now());
	INSERT INTO product_links (product, other, kind, changed_at) VALUES ('TY-1', 'TY-2', 'functional', now());`

func TestSearch(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	p.Arrange(t, few)
	for _, c := range []struct {
		by          int64
		f           catalog.Filter
		exact, rest string
		corrected   string
	}{
		{by: 2, f: catalog.Filter{}, rest: "BU-7 BU7 TY-1 TY-2 TY-3"},
		{by: 2, f: catalog.Filter{Text: "205/55R16"}, rest: "TY-1"},
		{by: 2, f: catalog.Filter{Text: "205 55 16"}, rest: "TY-1"},
		{by: 2, f: catalog.Filter{Text: "2055516"}, rest: "TY-1"},
		{by: 2, f: catalog.Filter{Text: "205/55 zr 16 corvex"}, rest: "TY-1"},
		{by: 2, f: catalog.Filter{Text: "315/80R22,5"}, rest: "TY-3"},
		{by: 2, f: catalog.Filter{Text: "31580225"}, rest: "TY-3"},
		{by: 2, f: catalog.Filter{Text: "ty-1"}, exact: "TY-1"},
		{by: 2, f: catalog.Filter{Text: "ty1"}, exact: "TY-1"},
		{by: 2, f: catalog.Filter{Text: "bu 7"}, exact: "BU-7 BU7"},
		{by: 2, f: catalog.Filter{Text: "4099000000024"}, exact: "TY-2"},
		{by: 2, f: catalog.Filter{Text: "vh20011"}, exact: "TY-1"},
		{by: 3, f: catalog.Filter{Text: "VH-200"}, exact: "TY-2"},
		{by: 2, f: catalog.Filter{Text: "AH500"}},
		{by: 2, f: catalog.Filter{Text: "CORV tour"}, rest: "TY-1"},
		{by: 2, f: catalog.Filter{Text: "ouren"}, rest: "TY-1"},
		{by: 2, f: catalog.Filter{Text: "tuoren"}, rest: "TY-1", corrected: "touren"},
		{by: 2, f: catalog.Filter{Text: "nordhaff 195/65 r15"}, rest: "TY-2", corrected: "nordhav 1956515"},
		{by: 2, f: catalog.Filter{Text: "xyzzyq"}},
		{by: 2, f: catalog.Filter{Text: "%"}, rest: "BU-7 BU7 TY-1 TY-2 TY-3"},
		{by: 2, f: catalog.Filter{Text: "' & ! | ( touren:* \\"}, rest: "TY-1"},
		{by: 2, f: catalog.Filter{Text: "lumenor", Lifecycles: []string{"phase_out"}}},
		{by: 2, f: catalog.Filter{Categories: []string{"LIGHT"}}, rest: "BU-7 BU7"},
		{by: 2, f: catalog.Filter{Brands: []string{"Corvex", "Nordhav"}, InStock: true}, rest: "TY-1"},
	} {
		err := p.Do(t.Context(), dealer(c.by), func(tx *portal.Tx) error {
			found, err := catalog.Search(t.Context(), tx, c.f)
			if numbers(found.Exact) != c.exact || numbers(found.Items) != c.rest || found.Corrected != c.corrected {
				t.Errorf("%+v: exact %q, items %q, corrected %q; want %+v", c.f, numbers(found.Exact), numbers(found.Items), found.Corrected, c)
			}
			return err
		})
		if err != nil {
			t.Errorf("%+v: %v", c.f, err)
		}
	}
	// Page after page brings each once, browsing and searching.
	for _, f := range []catalog.Filter{{Limit: 2}, {Limit: 2, Text: "r"}, {Limit: 1, Text: "lumenor"}, {Limit: 1, Categories: []string{"TYRE"}}} {
		var all, paged string
		must(t, p.Do(t.Context(), dealer(2), func(tx *portal.Tx) error {
			whole := f
			whole.Limit = 200
			found, err := catalog.Search(t.Context(), tx, whole)
			all = numbers(found.Items)
			for next := "-"; err == nil && next != ""; next = f.Cursor {
				found, err = catalog.Search(t.Context(), tx, f)
				paged = strings.TrimSpace(paged + " " + numbers(found.Items))
				f.Cursor = found.Next
			}
			return err
		}))
		if all != paged {
			t.Errorf("%+v: pages hold %q, the whole %q", f, paged, all)
		}
	}
}

// TestSearch_common holds that a word that very many products hold is listed in their order, page after page, each once.
func TestSearch_common(t *testing.T) {
	defer catalog.Large(1000)()
	p := portaltest.New(t)
	many(t, p, 4000)
	for _, text := range []string{"type", "corvex", "vinterra", "brake type"} {
		var all []string
		f := catalog.Filter{Text: text, Limit: 200}
		for page := 0; page < 40; page++ {
			must(t, p.Do(t.Context(), dealer(2), func(tx *portal.Tx) error {
				found, err := catalog.Search(t.Context(), tx, f)
				for _, i := range found.Items {
					all = append(all, i.Product)
				}
				f.Cursor = found.Next
				return err
			}))
			if f.Cursor == "" {
				break
			}
		}
		var want int
		must(t, p.Owner.QueryRow(`SELECT count(*) FROM products WHERE words @@ to_tsquery('simple', $1)`, strings.Join(strings.Fields(text), ":* & ")+":*").Scan(&want))
		if sorted := slices.IsSorted(all); len(all) != want || !sorted || len(slices.Compact(slices.Clone(all))) != want {
			t.Errorf("%q: %d of %d, in order: %v", text, len(all), want, sorted)
		}
	}
}

func numbers(items []catalog.Item) string {
	var all []string
	for _, i := range items {
		all = append(all, i.Product)
	}
	return strings.Join(all, " ")
}

func TestGet_prices(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	p.Arrange(t, few)
	price := func(by portal.Caller, product string) (got string) {
		must(t, p.Do(t.Context(), by, func(tx *portal.Tx) error {
			d, err := catalog.Get(t.Context(), tx, product)
			for _, o := range d.Prices {
				got += fmt.Sprintf("%s from %s: %s %s; ", o.Kind, o.FromQuantity, o.UnitPrice, o.Currency)
			}
			for _, doc := range d.Documents {
				got += doc.Title + " "
			}
			return err
		}))
		return strings.TrimSpace(got)
	}
	for _, c := range []struct {
		by            int64
		product, want string
	}{
		{2, "TY-1", "contract from 1: 62.5 EUR; contract from 20: 60 EUR; Label"},
		{3, "TY-1", "contract from 1: 49 EUR; For fleets Label"},
		{2, "TY-2", "list from 1: 55 EUR; promotion from 4: 50 EUR;"},
		{2, "BU7", "segment from 1: 3.5 EUR;"},
		{3, "BU7", "segment from 1: 2.5 EUR;"},
		{2, "TY-3", ""},
	} {
		if got := price(dealer(c.by), c.product); got != c.want {
			t.Errorf("%s for %d: %q, want %q", c.product, c.by, got, c.want)
		}
	}
	viewer := dealer(2)
	viewer.Perms = portal.Allow(portal.CatalogRead)
	if got := price(viewer, "TY-1"); got != "Label" {
		t.Errorf("somebody without the right sees prices: %q", got)
	}
	supplier := dealer(2)
	supplier.PartnerKind = "supplier"
	err := p.Do(t.Context(), supplier, func(tx *portal.Tx) error { _, err := catalog.Get(t.Context(), tx, "TY-1"); return err })
	if portal.Says(err).Kind != portal.Forbidden {
		t.Errorf("a supplier sees the catalogue: %v", err)
	}
}

// TestPriceOf holds the order of kinds, the days, the quantities and the currency.
func TestPriceOf(t *testing.T) {
	t.Parallel()
	o := func(kind, from, price, validFrom, validTo string) catalog.Offer {
		return catalog.Offer{Kind: kind, Currency: "EUR", FromQuantity: portal.Amount(from), UnitPrice: portal.Amount(price), ValidFrom: portal.Date(validFrom), ValidTo: portal.Date(validTo)}
	}
	offers := []catalog.Offer{o("list", "1", "100", "", ""), o("list", "10", "95", "", ""), o("promotion", "1", "80", "2026-03-01", "2026-03-10"), o("segment", "5", "90", "", ""),
		o("contract", "20", "85", "2026-01-01", "2026-12-31"), o("contract", "20", "84", "2026-03-05", ""), {Kind: "contract", Currency: "GBP", FromQuantity: "1", UnitPrice: "1"}}
	for _, c := range []struct{ quantity, day, want string }{
		{"1", "2026-02-28", "100"}, {"1", "2026-03-01", "80"}, {"1", "2026-03-10", "80"}, {"1", "2026-03-11", "100"}, {"5", "2026-03-05", "90"}, {"4.999", "2026-03-11", "100"},
		{"20", "2026-03-04", "85"}, {"20", "2026-03-05", "84"}, {"20", "2027-01-01", "84"}, {"20", "2025-12-31", "90"}, {"0.5", "2026-03-05", ""},
	} {
		got, ok := catalog.PriceOf(offers, portal.Amount(c.quantity).Number(), "EUR", portal.Date(c.day))
		if string(got.UnitPrice) != c.want || ok != (c.want != "") {
			t.Errorf("%s on %s costs %q, want %q", c.quantity, c.day, got.UnitPrice, c.want)
		}
	}
	if _, ok := catalog.PriceOf(offers, portal.Amount("1").Number(), "USD", "2026-03-05"); ok {
		t.Error("a price in a currency that none is in")
	}
}

func TestLookup(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	p.Arrange(t, few)
	asked := []catalog.Asked{{Number: "TY-1", Quantity: "20"}, {Number: "vh 20011"}, {Number: "4099000000024"}, {Number: "nothing"}, {Number: "bu 7"}, {Number: "BU7"}, {Number: "TY-1"}, {Number: "--"}, {Number: "AH500"}}
	var got []string
	must(t, p.Do(t.Context(), dealer(2), func(tx *portal.Tx) error {
		answers, err := catalog.Lookup(t.Context(), tx, asked)
		for _, a := range answers {
			line := a.State + " " + a.By
			if a.Item != nil {
				line += " " + a.Item.Product
			}
			if a.Price != nil {
				line += " " + string(a.Price.UnitPrice)
			}
			got = append(got, line+strings.Join(a.Could, "|"))
		}
		return err
	}))
	want := "found number TY-1 60;found part_number TY-1 62.5;found barcode TY-2 55;none ;several numberBU-7|BU7;found number BU7 3.5;found number TY-1 62.5;none ;none "
	if s := strings.Join(got, ";"); s != want {
		t.Errorf("got  %s\nwant %s", s, want)
	}
	err := p.Do(t.Context(), dealer(2), func(tx *portal.Tx) error {
		_, err := catalog.Lookup(t.Context(), tx, make([]catalog.Asked, catalog.AskedAtMost+1))
		return err
	})
	if portal.Says(err).Kind != portal.Invalid {
		t.Errorf("one number too many: %v", err)
	}
}

// TestTellWatchers shows that a watched product is told of once for each change, to those who are still members.
func TestTellWatchers(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	p.Arrange(t, few)
	person := uuid.MustParse("0198c6a0-0000-7000-8000-000000000001")
	p.Arrange(t, `INSERT INTO people (person_id, name, email, created_at) VALUES ($1, 'Dana', 'dana@acme.example', now())`, person)
	p.Arrange(t, `INSERT INTO memberships (partner_id, person_id, name, email, roles, origin, granted_by, granted_at) VALUES (2, $1, 'Dana', 'dana@acme.example', '{buyer}', 'operator', 'test', now())`, person)
	by := dealer(2)
	by.PersonID = person
	must(t, p.Do(t.Context(), by, func(tx *portal.Tx) error { return catalog.Watch(t.Context(), tx, uuid.Nil, "TY-2", true) }))
	must(t, p.Do(t.Context(), by, func(tx *portal.Tx) error { return catalog.Watch(t.Context(), tx, uuid.Nil, "TY-1", true) }))
	tell := func(prices bool) (mails int) {
		p.Arrange(t, `DELETE FROM mails`)
		must(t, p.AsWorker(t.Context(), "test", func(tx *portal.Tx) error { return catalog.TellWatchers(t.Context(), tx, prices) }))
		must(t, p.Owner.QueryRow(`SELECT count(*) FROM mails`).Scan(&mails))
		return mails
	}
	for _, c := range []struct {
		change string
		prices bool // may have moved
		mails  int
	}{
		{`SELECT 1`, true, 0},
		{`UPDATE availability SET available = 5 WHERE product = 'TY-2'`, false, 1},
		{`UPDATE availability SET available = 4 WHERE product = 'TY-2'`, true, 0},
		{`UPDATE prices SET unit_price = 61 WHERE partner_id = 2 AND product = 'TY-1'`, true, 1},
		{`UPDATE prices SET unit_price = 11 WHERE partner_id = 3 AND product = 'TY-1'`, true, 0},
		{`INSERT INTO prices (partner_id, entry, product, kind, currency, from_quantity, unit_price, valid_from, changed_at) VALUES (2, 'soon', 'TY-1', 'contract', 'EUR', 1, 5, '2099-01-01', now())`, true, 0},
		{`UPDATE prices SET valid_from = '2026-01-01' WHERE entry = 'soon'`, true, 1}, // its day has come
		{`UPDATE products SET lifecycle = 'discontinued' WHERE product = 'TY-2'; UPDATE availability SET available = 0`, false, 1},
		{`UPDATE memberships SET ended_at = now(); UPDATE availability SET available = 9`, false, 0},
	} {
		p.Arrange(t, c.change)
		if first, again := tell(c.prices), tell(true); first != c.mails || again != 0 {
			t.Errorf("%s: %d mails and then %d, want %d and none", c.change, first, again, c.mails)
		}
	}
}
