package core

import (
	"fmt"
	"slices"
	"time"
)

// A table is rows on their way into the database.
type table struct {
	name, what, columns string
	rows                [][]any
}

const (
	orderColumns    = "so_no, bill_to, ship_to, cust_po, contact_no, wh_no, status, currency, tax_rate, ordered_on, requested_on, promised_on, net, tax, gross, rest_so_no, note, changed_at"
	lineColumns     = "so_no, line_no, item_no, descr, uom, qty_ordered, qty_shipped, qty_back, qty_cancelled, qty_open, price, net, tax, requested_on, promised_on, changed_at"
	deliveryColumns = "dlv_no, bill_to, ship_to, wh_no, carrier, service, tracking, shipped_at, delivered_at, received_by, changed_at"
	parcelColumns   = "dlv_no, line_no, so_no, so_line_no, item_no, qty, changed_at"
	packageColumns  = "dlv_no, pkg_no, carrier, tracking, weight_g, sscc, changed_at"
)

// tables are the company's, each before those that refer to it.
func (c *company) tables() []table {
	founded := stamp(c.founded)
	company := table{"company", "company", "name, currency, changed_at", [][]any{{Name, "EUR", founded}}}
	stores := table{name: "warehouse", what: "warehouses", columns: "wh_no, name, city, country, changed_at"}
	for _, w := range warehouses {
		stores.rows = append(stores.rows, []any{w.no, w.name, w.city, w.country, founded})
	}
	customers := table{name: "customer", what: "dealers and branches",
		columns: "cust_no, bill_to, name, class, currency, tax_rate, discount, street, street2, zip, city, region, country, phone, changed_at"}
	for _, u := range c.customers {
		customers.rows = append(customers.rows, []any{u.no, u.billTo, u.name, u.class, u.currency, hundredths(u.taxBP), hundredths(u.discountBP), u.street, text(u.street2), u.zip, u.city, text(u.region), u.country, u.phone, stamp(u.changed)})
	}
	vendors := table{name: "vendor", what: "suppliers", columns: "vend_no, name, class, currency, street, zip, city, region, country, phone, changed_at"}
	plants := table{name: "vendor_plant", what: "plants", columns: "vend_no, plant_no, name, street, zip, city, region, country, phone, changed_at"}
	for i, v := range c.vendors {
		t := v.town
		vendors.rows = append(vendors.rows, []any{v.no, v.name, "GOODS", "EUR", v.street, t.zip, t.name, text(t.region), t.country, t.dial + " 555 010", founded})
		for n := range 1 + i%2 {
			p := towns[(i*5+6+n*3)%len(towns)]
			plants.rows = append(plants.rows, []any{v.no, n + 1, v.name + ", " + p.name, v.street, p.zip, p.name, text(p.region), p.country, p.dial + " 555 020", founded})
		}
	}
	contacts := table{name: "contact", what: "contacts", columns: "contact_no, cust_no, vend_no, full_name, email, phone, job, may_log_on, changed_at"}
	for _, p := range c.contacts {
		contacts.rows = append(contacts.rows, []any{p.no, text(p.customer), text(p.vendor), p.name, p.email, p.phone, p.job, p.logOn, founded})
	}
	items := table{name: "item", what: "products", columns: "item_no, descr, ean, brand, size_code, uom, pack_qty, pack_uom, min_qty, item_group, status, lead_days, weight_g, list_price, vend_no, changed_at"}
	for _, i := range c.items {
		items.rows = append(items.rows, []any{i.no, i.descr, i.ean, i.brand, i.size, i.uom, i.pack, i.packUOM, number(i.least()), i.group, i.status, i.lead, i.weight, hundredths(i.price), i.vendor, stamp(i.changed)})
	}
	orders := table{name: "so_header", what: "orders", columns: orderColumns}
	lines := table{name: "so_line", what: "order lines", columns: lineColumns}
	for _, o := range c.orders {
		orders.rows = append(orders.rows, o.row())
		for i := range o.lines {
			lines.rows = append(lines.rows, o.lineRow(i))
		}
	}
	deliveries := table{name: "delivery", what: "shipments", columns: deliveryColumns}
	parcels := table{name: "delivery_line", what: "shipment lines", columns: parcelColumns}
	packages := table{name: "delivery_package", what: "packages", columns: packageColumns}
	for _, d := range c.deliveries {
		deliveries.rows = append(deliveries.rows, d.row())
		parcels.rows = append(parcels.rows, d.parcelRows()...)
		packages.rows = append(packages.rows, d.packageRows()...)
	}
	return slices.Concat([]table{company, stores, customers, vendors, plants, contacts, items, orders, lines, deliveries, parcels, packages}, c.catalogTables(), c.ledgerTables(), c.planTables())
}

func (o *order) row() []any {
	net, tax := o.sums()
	return []any{o.no, o.billTo, o.shipTo, text(o.po), number(o.contact), o.warehouse, o.status, o.currency, hundredths(o.taxBP), date(o.ordered), date(o.requested), date(o.promised),
		hundredths(net), hundredths(tax), hundredths(net + tax), number(o.rest), text(o.note), stamp(o.changed)}
}

func (o *order) lineRow(i int) []any {
	l := &o.lines[i]
	return []any{o.no, l.no, l.item, l.descr, l.uom, l.ordered, l.shipped, l.back, l.cancelled, l.open(), hundredths(l.price), hundredths(l.net()), hundredths(l.tax(o.taxBP)),
		date(l.requested), date(l.promised), stamp(l.changed)}
}

func (d *delivery) row() []any {
	return []any{d.no, d.billTo, d.shipTo, d.warehouse, d.carrier, d.service, d.tracking, stamp(d.shipped), stamp(d.delivered), text(d.receiver), stamp(d.changed)}
}

func (d *delivery) parcelRows() (rows [][]any) {
	for i, p := range d.parcels {
		l := p.order.lines[p.line]
		rows = append(rows, []any{d.no, i + 1, p.order.no, l.no, l.item, p.qty, stamp(d.shipped)})
	}
	return rows
}

func (d *delivery) packageRows() (rows [][]any) {
	for i, p := range d.packages {
		rows = append(rows, []any{d.no, i + 1, d.carrier, p.tracking, p.weight, p.sscc, stamp(d.shipped)})
	}
	return rows
}

// What Go leaves empty is NULL in the database.

func text(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func number(n int64) any {
	if n == 0 {
		return nil
	}
	return n
}

func date(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.Format(time.DateOnly)
}

func stamp(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format("2006-01-02 15:04:05.000000")
}

// hundredths writes cents and hundredths of a per cent as the decimal they are.
func hundredths(n int64) string {
	sign := ""
	if n < 0 {
		sign, n = "-", -n
	}
	return fmt.Sprintf("%s%d.%02d", sign, n/100, n%100)
}
