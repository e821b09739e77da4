package catalog

import (
	"context"
	"fmt"

	"extranet/portal"
)

// CountFacets counts how many products there are of each brand, category and state of life. tx is the worker's.
func CountFacets(ctx context.Context, tx *portal.Tx) error {
	if _, err := tx.Exec(ctx, `DELETE FROM product_facets`); err != nil {
		return fmt.Errorf("forgetting facets: %w", err)
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO product_facets (facet, value, products)
		SELECT 'brand', brand, count(*) FROM products WHERE brand IS NOT NULL GROUP BY brand UNION ALL
		SELECT 'category', category, count(*) FROM products WHERE category IS NOT NULL GROUP BY category UNION ALL
		SELECT 'lifecycle', lifecycle, count(*) FROM products WHERE lifecycle IS NOT NULL GROUP BY lifecycle`)
	if err != nil {
		return fmt.Errorf("counting facets: %w", err)
	}
	return nil
}
