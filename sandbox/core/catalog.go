package core

import (
	"fmt"
	"math/rand/v2"
)

// least is the least that is sold of an item at a time; 0 = any quantity.
func (i item) least() int64 {
	switch i.group {
	case "LIGHT", "WIPER":
		return i.pack
	}
	return 0
}

// Discounts by class on everything but tyres, in per cent; fleets buy no wheels, and get nothing off them.
var classDiscounts = []struct {
	class   string
	percent int64
}{{"RETAIL", 5}, {"FLEET", 9}, {"WORKSHOP", 7}}

// catalogTables are what is known of items beside themselves. Each item has its own luck, so that more items leave the others as they are.
func (c *company) catalogTables() []table {
	founded := stamp(c.founded)
	currencies := table{name: "currency", what: "currencies", columns: "currency, rate, changed_at"}
	for _, code := range []string{"EUR", "GBP", "USD"} {
		currencies.rows = append(currencies.rows, []any{code, fmt.Sprint(rates[code]), founded})
	}
	prices := table{name: "price", what: "prices", columns: "price_no, kind, cust_no, class, item_no, qty_from, price, valid_from, valid_to, descr, changed_at"}
	stock := table{name: "stock", what: "stock", columns: "item_no, wh_no, on_hand, reserved, next_on, next_qty, changed_at"}
	links := table{name: "item_alternate", what: "alternates", columns: "item_no, other_no, kind, note, changed_at"}
	papers := table{name: "item_document", what: "documents", columns: "doc_no, item_no, kind, title, version, lang, issued_on, file, class, changed_at"}
	numbers := table{name: "customer_item", what: "own part numbers", columns: "cust_no, cust_part, item_no, changed_at"}
	price := func(kind string, customer, class any, item string, from, cents int64, validFrom, validTo, descr any) {
		prices.rows = append(prices.rows, []any{len(prices.rows) + 1, kind, customer, class, item, from, hundredths(cents), validFrom, validTo, descr, founded})
	}
	paper := func(item, kind, title, version, file string, class any) {
		papers.rows = append(papers.rows, []any{len(papers.rows) + 1, item, kind, title, version, "en", date(c.founded), file, class, founded})
	}
	bySize, big := map[string][]item{}, c.customers[0].no
	for n, it := range c.items {
		luck := rand.New(rand.NewPCG(7, uint64(n)))
		if it.group == "TYRE" {
			bySize[it.size] = append(bySize[it.size], it)
			if luck.IntN(6) == 0 { // the big dealer pays less for whole pallets
				price("K", big, nil, it.no, 24, it.price*80/100, nil, nil, "Pallet")
			}
			paper(it.no, "label", "EU tyre label "+it.brand+" "+it.size, "1", "labels/"+it.no+".pdf", nil)
			paper(it.no, "data sheet", "Fitting data "+it.descr, fmt.Sprint(2+n%3), "sheets/"+it.no+".pdf", nil)
			if n%9 == 0 {
				paper(it.no, "bulletin", "Workshop bulletin: bead seating of "+it.size, "1", "bulletins/"+it.no+".pdf", "WORKSHOP")
			}
		} else {
			for _, d := range classDiscounts {
				price("S", nil, d.class, it.no, 1, it.price*(100-d.percent)/100, nil, nil, nil)
				price("S", nil, d.class, it.no, 10*it.pack, it.price*(97-d.percent)/100, nil, nil, nil)
			}
			if n%4 == 0 {
				paper(it.no, "data sheet", "Data sheet "+it.descr, "1", "sheets/"+it.no+".pdf", nil)
			}
		}
		if it.group == "WHEEL" || luck.IntN(25) == 0 {
			price("P", nil, nil, it.no, 1, it.price*88/100, date(day(c.now).AddDate(0, 0, -10)), date(day(c.now).AddDate(0, 0, 20+luck.IntN(20))), "Season opener")
		}
		for w := range warehouses {
			onHand, reserved := int64(luck.IntN(160)), int64(luck.IntN(20))
			if luck.IntN(7) == 0 {
				onHand = 0
			}
			row := []any{it.no, warehouses[w].no, onHand, min(reserved, onHand), nil, nil, founded}
			if it.status != 90 && (onHand < 40 || luck.IntN(3) == 0) {
				row[4], row[5] = date(workday(day(c.now).AddDate(0, 0, 2+luck.IntN(int(it.lead)+10)))), 20*(1+luck.IntN(8))
			}
			stock.rows = append(stock.rows, row)
		}
		if n%5 == 0 {
			numbers.rows = append(numbers.rows, []any{big, fmt.Sprintf("VH-%05d", 20011+7*n), it.no, founded})
		}
		if n%17 == 0 {
			numbers.rows = append(numbers.rows, []any{c.neighbour(), fmt.Sprintf("AH%04d", 1000+n), it.no, founded})
		}
	}
	link := func(from, to item, kind string, note any) {
		links.rows = append(links.rows, []any{from.no, to.no, kind, note, founded})
	}
	for _, it := range c.items {
		same := bySize[it.size]
		for k, other := range same {
			if it.group != "TYRE" || other.no == it.no || len(same) < 2 || k > 2 {
				continue
			}
			switch {
			case other.brand == it.brand:
				link(it, other, "F", "Another pattern of the same size")
			case other.price > it.price:
				link(it, other, "U", nil)
			default:
				link(it, other, "D", nil)
			}
		}
	}
	return []table{currencies, prices, stock, links, papers, numbers}
}

// neighbour is the second dealer, or the only one.
func (c *company) neighbour() string {
	for _, u := range c.customers {
		if u.billTo != c.customers[0].no {
			return u.no
		}
	}
	return c.customers[0].no
}

// count is news of the stock: something was received, or is missing.
func (a actor) count() (string, error) {
	var item, warehouse string
	err := a.tx.QueryRowContext(a.ctx, `
		UPDATE erp.stock s SET on_hand = greatest(reserved, on_hand + $2), next_on = CASE WHEN $2 > 0 THEN NULL ELSE next_on END, next_qty = CASE WHEN $2 > 0 THEN NULL ELSE next_qty END, changed_at = $3
		FROM (SELECT item_no, wh_no FROM erp.stock ORDER BY md5(item_no || wh_no || $1::text) LIMIT 1) x
		WHERE x.item_no = s.item_no AND x.wh_no = s.wh_no RETURNING rtrim(s.item_no), rtrim(s.wh_no)`, a.rng.Int64(), int64(a.rng.IntN(80)-20), stamp(a.now)).Scan(&item, &warehouse)
	return fmt.Sprintf("the stock of %s in %s is counted", item, warehouse), err
}
