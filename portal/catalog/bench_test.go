package catalog_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"extranet/portal"
	"extranet/portal/catalog"
	"extranet/portal/portaltest"
)

// BenchmarkSearch searches 280,000 products, nothing of it cached. Where words are searched for, the bare limit stands beside: one prepared statement that
// gathers as many hits by the same index and returns the same page of them, with no prices, stock, facets, row security or rights.
func BenchmarkSearch(b *testing.B) {
	p := portaltest.New(b)
	began := time.Now()
	many(b, p, 280_000)
	b.Logf("280,000 products in %s", time.Since(began))
	for _, f := range []catalog.Filter{{}, {Text: "205/55R16"}, {Text: "2055516 touren"}, {Text: "vinterra"}, {Text: "tyre"}, {Text: "type"}, {Text: "TY0123456"}, {Text: "0123"}, {Text: "4099000123456"},
		{Text: "tuoren 205 55 16"}, {Text: "nosuchword"}, {Text: "vi"}, {Brands: []string{"Corvex"}, InStock: true}, {Text: "corvex fjell", Lifecycles: []string{"active"}}, {Text: "r16", Brands: []string{"Bremdal"}}} {
		b.Run(fmt.Sprintf("%s_%v", f.Text, f.Brands), func(b *testing.B) {
			if words := catalog.WordQuery(f.Text); words != "" && f.Brands == nil && f.Lifecycles == nil {
				bare, err := p.Owner.Prepare(`SELECT coalesce(json_agg(i), '[]') FROM (SELECT product, name, barcode, brand, size, unit, pack_size, min_quantity, category, lifecycle, lead_time_days
					FROM (SELECT * FROM products WHERE words @@ $1::tsquery LIMIT 3001) h ORDER BY product LIMIT 50) i`)
				must(b, err)
				var all []float64
				for range 15 {
					var page string
					at := time.Now()
					must(b, bare.QueryRow(words).Scan(&page))
					all = append(all, float64(time.Since(at).Microseconds())/1000)
				}
				slices.Sort(all)
				defer func() { b.ReportMetric(all[len(all)/2], "bare-ms") }()
			}
			for b.Loop() {
				err := p.Do(b.Context(), dealer(portaltest.Acme), func(tx *portal.Tx) error {
					found, err := catalog.Search(b.Context(), tx, f)
					b.ReportMetric(float64(found.Hits), "hits")
					b.ReportMetric(float64(len(found.Items)+len(found.Exact)), "shown")
					return err
				})
				must(b, err)
			}
		})
	}
}
