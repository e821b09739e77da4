package catalog_test

import (
	"fmt"
	"testing"
	"time"

	"extranet/portal"
	"extranet/portal/catalog"
	"extranet/portal/portaltest"
)

// BenchmarkSearch searches 280,000 products, nothing of it cached.
func BenchmarkSearch(b *testing.B) {
	p := portaltest.New(b)
	began := time.Now()
	many(b, p, 280_000)
	b.Logf("280,000 products in %s", time.Since(began))
	for _, f := range []catalog.Filter{{}, {Text: "205/55R16"}, {Text: "2055516 touren"}, {Text: "vinterra"}, {Text: "tyre"}, {Text: "type"}, {Text: "TY0123456"}, {Text: "0123"}, {Text: "4099000123456"},
		{Text: "tuoren 205 55 16"}, {Text: "nosuchword"}, {Text: "vi"}, {Brands: []string{"Corvex"}, InStock: true}, {Text: "corvex fjell", Lifecycles: []string{"active"}}, {Text: "r16", Brands: []string{"Bremdal"}}} {
		b.Run(fmt.Sprintf("%s_%v", f.Text, f.Brands), func(b *testing.B) {
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
