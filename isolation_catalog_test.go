package main

import (
	"maps"

	"extranet/portal"
)

func init() {
	maps.Copy(probes, map[string]probe{
		"GET /catalog":                                     {need: portal.CatalogRead, path: "/catalog?q=ACMEONLY", says: "T1"},
		"GET /catalog/:product":                            {need: portal.CatalogRead, path: "/catalog/T1", says: "ACMEONLY bulletin"},
		"GET /catalog/:product/documents/:document":        {need: portal.CatalogRead, path: "/catalog/T1/documents/2", says: "ACMEONLY", foreign: "/catalog/T1/documents/3", missing: "/catalog/T1/documents/9"},
		"POST /catalog/:product/watch":                     {need: portal.CatalogRead, path: "/catalog/T1/watch", form: "watch=on"},
		"GET /watched":                                     {need: portal.CatalogRead},
		"GET /lookup":                                      {need: portal.CatalogRead},
		"POST /lookup":                                     {need: portal.CatalogRead, form: "numbers=T1%2C4", says: "T1"},
		"GET /api/v1/watched":                              {need: portal.CatalogRead, path: "/api/v1/watched?person=" + placedHere, before: watcher, foreign: "/api/v1/watched?person=" + placedThere, missing: "/api/v1/watched?person=" + placedNever},
		"POST /api/v1/catalog/:product/watch":              {need: portal.CatalogRead, path: "/api/v1/catalog/T1/watch", before: watcher, form: `{"watch":true,"person":"` + placedHere + `"}`, foreign: `{"watch":true,"person":"` + placedThere + `"}`, missing: `{"watch":true,"person":"` + placedNever + `"}`},
		"GET /api/v1/catalog":                              {need: portal.CatalogRead, says: "ACMEONLY"},
		"GET /api/v1/catalog/:product":                     {need: portal.CatalogRead, path: "/api/v1/catalog/T1", says: "ACMEONLY"},
		"GET /api/v1/catalog/:product/documents/:document": {need: portal.CatalogRead, path: "/api/v1/catalog/T1/documents/2", says: "ACMEONLY", foreign: "/api/v1/catalog/T1/documents/3", missing: "/api/v1/catalog/T1/documents/9"},
		"POST /api/v1/catalog/lookup":                      {need: portal.CatalogRead, form: `{"numbers":[{"number":"T1"},{"number":"T2"}]}`, says: "ACMEONLY"},
	})
	seeds = append(seeds, `
	UPDATE partners SET category = CASE partner_id WHEN 2 THEN 'RETAIL' ELSE 'FLEET' END WHERE kind = 'dealer';
	INSERT INTO products (product, name, barcode, brand, size, unit, category, lifecycle, changed_at) VALUES ('T1', 'Touren 4 205/55 R16', '4099000000001', 'Corvex', '205/55 R16', 'PC', 'TYRE', 'active', now()), ('T2', 'Vinterra 3 195/65 R15', NULL, 'Corvex', '195/65 R15', 'PC', 'TYRE', 'active', now());
	INSERT INTO list_prices (entry, product, kind, currency, from_quantity, unit_price, changed_at) VALUES ('L1', 'T1', 'list', 'EUR', 1, 70, now()), ('L2', 'T2', 'list', 'EUR', 1, 60, now());
	INSERT INTO segment_prices (entry, segment, product, kind, currency, from_quantity, unit_price, name, changed_at) VALUES ('S1', 'RETAIL', 'T2', 'segment', 'EUR', 1, 58, 'ACMEONLY', now()), ('S2', 'FLEET', 'T2', 'segment', 'EUR', 1, 41, 'BROCKONLY', now());
	INSERT INTO prices (partner_id, entry, product, kind, currency, from_quantity, unit_price, name, changed_at) VALUES (2, 'K1', 'T1', 'contract', 'EUR', 1, 62, 'ACMEONLY', now()), (3, 'K2', 'T1', 'contract', 'EUR', 1, 49, 'BROCKONLY', now());
	INSERT INTO availability (product, warehouse, name, available, on_hand, next_on, next_quantity, changed_at) VALUES ('T1', 'W1', 'Central', 12, 20, '2026-03-09', 40, now());
	INSERT INTO documents (document, product, kind, title, version, file, segment, changed_at) VALUES ('1', 'T1', 'label', 'Tyre label', '2', 'label.txt', NULL, now()), ('2', 'T1', 'bulletin', 'ACMEONLY bulletin', '1', 'acme.txt', 'RETAIL', now()), ('3', 'T1', 'bulletin', 'BROCKONLY bulletin', '1', 'brock.txt', 'FLEET', now());
	INSERT INTO product_links (product, other, kind, changed_at) VALUES ('T1', 'T2', 'functional', now());
	INSERT INTO part_numbers (partner_id, entry, part_number, product, changed_at) VALUES (2, 'D100/1', 'ACMEONLY-77', 'T1', now()), (3, 'D200/1', 'BROCKONLY-88', 'T1', now());
	INSERT INTO feeds (entity, source, way, every_s, stale_after_s, offered, as_of) SELECT e, 'core', 'snapshot', 5, 60, true, '2026-03-02T08:59:30Z'
	FROM unnest(ARRAY['list_prices', 'segment_prices', 'prices', 'availability', 'documents', 'product_links', 'part_numbers']) e;`)
}

// watcher gives Acme and Brock a member each under ids that are known.
const watcher = `
	INSERT INTO people (person_id, name, email, created_at) VALUES ('` + placedHere + `', 'w2', 'w2@x.example', '2026-03-01Z'), ('` + placedThere + `', 'w3', 'w3@x.example', '2026-03-01Z') ON CONFLICT DO NOTHING;
	INSERT INTO memberships (partner_id, person_id, name, email, roles, origin, granted_by, granted_at)
	SELECT right(name, 1)::bigint, person_id, name, email, '{viewer}', 'operator', 'test', '2026-03-01Z' FROM people WHERE name IN ('w2', 'w3') ON CONFLICT DO NOTHING`
