package catalog_test

import (
	"fmt"
	"testing"

	"extranet/portal"
	"extranet/portal/catalog"
	"extranet/portal/portaltest"
)

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
