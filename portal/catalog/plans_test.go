package catalog_test

import (
	"fmt"
	"testing"

	"github.com/google/uuid"

	"extranet/portal"
	"extranet/portal/catalog"
	"extranet/portal/portaltest"
)

// TestWatches_reads shows that a list of watches reads that person's and their products, and what is told of when stock or prices move the watches
// and what they are of: neither goes through the catalogue, its prices or its stock.
func TestWatches_reads(t *testing.T) {
	const all, watched, people = 20_000, 40, 5
	p := portaltest.New(t)
	many(t, p, all)
	p.Arrange(t, `INSERT INTO people (person_id, name, email, created_at) SELECT ('00000000-0000-4000-8000-' || lpad(i::text, 12, '0'))::uuid, 'P' || i, 'p' || i || '@acme.example', now() FROM generate_series(1, $1::int) i`, people)
	p.Arrange(t, `INSERT INTO memberships (partner_id, person_id, name, email, roles, origin, granted_by, granted_at) SELECT 2, person_id, name, email, '{buyer}', 'operator', 'test', now() FROM people WHERE name LIKE 'P%'`)
	p.Arrange(t, `
		INSERT INTO watches (partner_id, person_id, product, since, in_stock, unit_price, lifecycle)
		SELECT 2, m.person_id, w.product, now(), true, 50, w.lifecycle FROM memberships m, LATERAL (SELECT product, lifecycle FROM products ORDER BY product OFFSET 10 LIMIT $1) w WHERE m.partner_id = 2 AND m.name LIKE 'P%'`, watched)
	p.Arrange(t, `ANALYZE watches; ANALYZE people; ANALYZE memberships`)
	p.Arrange(t, `VACUUM ANALYZE products`)
	by := dealer(portaltest.Acme)
	by.PersonID = uuid.MustParse("00000000-0000-4000-8000-000000000003")
	for table, most := range map[string]int{"watches": people * watched, "products": 2 * watched, "list_prices": watched, "availability": 2 * watched} {
		must(t, p.Do(t.Context(), by, func(tx *portal.Tx) error {
			rows, whole := portaltest.Reads(t, tx, table, func() {
				list, err := catalog.Watched(t.Context(), tx, uuid.Nil)
				if must(t, err); len(list) != watched {
					t.Errorf("%d products are watched, want %d", len(list), watched)
				}
			})
			if rows > most {
				t.Errorf("the list of watches reads %d rows of %s, all of it: %v; at most %d are needed", rows, table, whole, most)
			}
			return nil
		}))
	}
	// Many watch the same: each product is read for each watch at most, and prices once for the partner, where they may have moved.
	for _, prices := range []bool{true, false} {
		asked := map[bool]int{true: watched}[prices]
		for table, most := range map[string]int{"watches": people * watched, "products": people * watched, "list_prices": asked, "availability": 2 * people * watched} {
			must(t, p.AsWorker(t.Context(), "test", func(tx *portal.Tx) error {
				rows, whole := portaltest.Reads(t, tx, table, func() { must(t, catalog.TellWatchers(t.Context(), tx, prices)) })
				if rows > most || whole && table != "watches" {
					t.Errorf("telling watchers reads %d rows of %s, all of it: %v; at most %d are needed", rows, table, whole, most)
				}
				return nil
			}))
		}
	}
}

// TestSearch_reads shows that no search goes through the catalogue, and how much of it each reads at most: what is shown, what is gathered to be
// counted, or a stretch of it where nearly everything would be found.
func TestSearch_reads(t *testing.T) {
	const all, stretch = 60_000, 3000
	p := portaltest.New(t)
	many(t, p, all)
	p.Arrange(t, `INSERT INTO part_numbers (partner_id, entry, part_number, product, changed_at) SELECT 2 + i % 3, product, 'OWN-' || i, product, now() FROM (SELECT product, row_number() OVER (ORDER BY product DESC) AS i FROM products) x`)
	p.Arrange(t, `ANALYZE part_numbers`)
	p.Arrange(t, `VACUUM ANALYZE products`) // as it is in service
	for name, c := range map[string]struct {
		f        catalog.Filter
		products int
	}{
		"everything":        {catalog.Filter{}, 200},
		"deep in it":        {catalog.Filter{Cursor: "VFkwMDMwMDAx"}, 200}, // TY0030001
		"a number":          {catalog.Filter{Text: "TY0012345"}, 20},
		"a barcode":         {catalog.Filter{Text: "4099000012345"}, 20},
		"an own number":     {catalog.Filter{Text: "OWN-12345"}, 20},
		"a size":            {catalog.Filter{Text: "205/55R16"}, stretch + 200},
		"a size and a word": {catalog.Filter{Text: "205 55 16 corvex"}, stretch + 200},
		"a common word":     {catalog.Filter{Text: "type"}, stretch + 400},
		"two words":         {catalog.Filter{Text: "corvex fjell"}, 2*stretch + 200},
		"a piece of a word": {catalog.Filter{Text: "interr"}, 2*stretch + 400},
		"mistyped":          {catalog.Filter{Text: "tuoren 205 55 16"}, 2*stretch + 400},
		"no word":           {catalog.Filter{Text: "nosuchword"}, stretch + 100},
		"a brand":           {catalog.Filter{Brands: []string{"Corvex"}}, 200},
		"a lifecycle":       {catalog.Filter{Lifecycles: []string{"discontinued"}}, 200},
		"a brand in stock":  {catalog.Filter{Brands: []string{"Corvex"}, InStock: true}, 400},
	} {
		must(t, p.Do(t.Context(), dealer(portaltest.Acme), func(tx *portal.Tx) error {
			var found catalog.Found
			rows, whole := portaltest.Reads(t, tx, "products", func() {
				var err error
				found, err = catalog.Search(t.Context(), tx, c.f)
				must(t, err)
			})
			if len(found.Items)+len(found.Exact) == 0 && name != "no word" {
				t.Errorf("%s finds nothing", name)
			}
			if whole || rows > c.products {
				t.Errorf("%s: reads %d products, whole catalogue %v; at most %d are needed", name, rows, whole, c.products)
			}
			return nil
		}))
	}
	// A thousand numbers cost what they are; the products themselves are read through where that is less than a thousand entries of the index.
	for _, table := range []string{"list_prices", "availability"} {
		asked := make([]catalog.Asked, 1000)
		for i := range asked {
			asked[i].Number = fmt.Sprintf("TY%07d", 1+i*10)
		}
		must(t, p.Do(t.Context(), dealer(portaltest.Acme), func(tx *portal.Tx) error {
			rows, whole := portaltest.Reads(t, tx, table, func() {
				_, err := catalog.Lookup(t.Context(), tx, asked)
				must(t, err)
			})
			if whole || rows > 4500 {
				t.Errorf("looking up 1,000 numbers reads %d rows of %s, all of it: %v", rows, table, whole)
			}
			return nil
		}))
	}
}
