package core

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"
)

// States of an order, as the core numbers them.
const (
	entered   = 10
	held      = 15
	confirmed = 20
	picking   = 30
	inPart    = 40
	shipped   = 50
	delivered = 60
	cancelled = 90
)

// A customer is a bill-to, or a branch of one that goods are shipped to.
type customer struct {
	no, billTo, name, class, currency           string
	street, street2, zip, city, region, country string
	phone                                       string
	taxBP, discountBP                           int64 // hundredths of a per cent
	contacts                                    []int64
	changed                                     time.Time
}

// An item is a product on sale.
type item struct {
	no, descr, ean, brand, size, uom, packUOM, group, vendor string
	pack, lead, weight, price                                int64 // pieces, days, grams, cents of the company's currency
	status                                                   int
	changed                                                  time.Time
}

// An order has exact amounts in cents of its currency. Its days are midnight UTC, the zero time where there is none.
type order struct {
	no, contact, rest                             int64
	billTo, shipTo, po, warehouse, currency, note string
	status                                        int
	taxBP                                         int64
	ordered, requested, promised                  time.Time
	changed                                       time.Time
	lines                                         []line

	underWay int // deliveries that have not arrived
}

// A line's quantities are whole pieces: ordered = shipped + back + cancelled + open.
type line struct {
	no                                int
	item, descr, uom                  string
	weight                            int64
	ordered, shipped, back, cancelled int64
	price                             int64
	requested, promised               time.Time
	changed                           time.Time
}

func (l *line) open() int64 { return l.ordered - l.shipped - l.back - l.cancelled }
func (l *line) net() int64  { return l.ordered * l.price }

func (l *line) tax(rateBP int64) int64 { return (l.net()*rateBP + 5000) / 10000 }

// sums are the order's net and tax: those of its lines added up.
func (o *order) sums() (net, tax int64) {
	for i := range o.lines {
		net += o.lines[i].net()
		tax += o.lines[i].tax(o.taxBP)
	}
	return net, tax
}

func (o *order) open() (n int64) {
	for i := range o.lines {
		n += o.lines[i].open()
	}
	return n
}

var rates = map[string]float64{"EUR": 1, "GBP": 0.86, "USD": 1.09}

// priceFor is what the customer pays for a piece, in cents of the customer's currency.
func priceFor(c *customer, it item) int64 {
	return int64(float64(it.price)*rates[c.currency]*float64(10000-c.discountBP)/10000 + 0.5)
}

// newOrder is an order as a dealer would place it, without a number yet.
func newOrder(rng *rand.Rand, payer, to *customer, warehouse string, now time.Time, pick func() (item, error)) (*order, error) {
	o := &order{
		billTo: payer.no, shipTo: to.no, warehouse: warehouse, currency: payer.currency, taxBP: payer.taxBP,
		status: entered, ordered: day(now), changed: now, po: poNumber(rng, payer.no, now),
	}
	if n := len(payer.contacts); n > 0 {
		o.contact = payer.contacts[rng.IntN(n)]
	}
	if rng.IntN(10) > 0 {
		o.requested = workday(o.ordered.AddDate(0, 0, 2+rng.IntN(6)))
	}
	if rng.IntN(12) == 0 {
		o.note = notes[rng.IntN(len(notes))]
	}
	lines := 1
	for lines < 9 && rng.IntN(3) > 0 {
		lines++
	}
	taken := map[string]bool{}
	for range lines {
		it, err := pick()
		if err != nil {
			return nil, err
		}
		if taken[it.no] {
			continue
		}
		taken[it.no] = true
		quantity := int64(1 + rng.IntN(6))
		if it.group == "TYRE" {
			quantity = 4 * quantity
		}
		if it.pack > 1 {
			quantity *= it.pack
		}
		o.lines = append(o.lines, line{
			no: 10 * (len(o.lines) + 1), item: it.no, descr: it.descr, uom: it.uom, weight: it.weight,
			ordered: quantity, price: priceFor(payer, it), requested: o.requested, changed: now,
		})
	}
	return o, nil
}

// confirm promises a day for every line: the one asked for, or for some a later one.
func (o *order) confirm(rng *rand.Rand, now time.Time) {
	o.status, o.changed = confirmed, now
	base := o.requested
	if base.IsZero() {
		base = workday(o.ordered.AddDate(0, 0, 2))
	}
	if base.Before(day(now)) {
		base = workday(day(now).AddDate(0, 0, 1))
	}
	late := 0
	if rng.IntN(5) == 0 {
		late = 2 + rng.IntN(10)
	}
	for i := range o.lines {
		l := &o.lines[i]
		l.promised, l.changed = workday(base.AddDate(0, 0, late)), now
		if late > 0 && rng.IntN(2) == 0 {
			l.promised = base
		}
	}
	o.latest()
}

// latest makes the order's promise that of its latest line.
func (o *order) latest() {
	o.promised = time.Time{}
	for _, l := range o.lines {
		if l.promised.After(o.promised) {
			o.promised = l.promised
		}
	}
}

// postpone moves the promise of one line that is still open, or of all.
func (o *order) postpone(rng *rand.Rand, now time.Time) bool {
	open := o.openLines()
	if len(open) == 0 || o.promised.IsZero() {
		return false
	}
	days := 1 + rng.IntN(10)
	if rng.IntN(2) == 0 {
		open = open[rng.IntN(len(open)):][:1]
	}
	for _, i := range open {
		l := &o.lines[i]
		l.promised, l.changed = workday(l.promised.AddDate(0, 0, days)), now
	}
	o.changed = now
	o.latest()
	return true
}

// openLines are the indexes of lines with something left to ship.
func (o *order) openLines() (found []int) {
	for i := range o.lines {
		if o.lines[i].open() > 0 {
			found = append(found, i)
		}
	}
	return found
}

func (o *order) cancelLine(i int, now time.Time) {
	l := &o.lines[i]
	l.cancelled, l.changed = l.cancelled+l.open(), now
	o.settle(now)
}

// settle brings the order's state in line with its lines, as far as these decide it.
func (o *order) settle(now time.Time) {
	o.changed = now
	var sent int64
	for _, l := range o.lines {
		sent += l.shipped
	}
	switch open := o.open(); {
	case open > 0 && sent > 0:
		o.status = inPart
	case open > 0:
	case sent == 0:
		o.status = cancelled
	case o.underWay == 0:
		o.status = delivered
	default:
		o.status = shipped
	}
}

// A parcel is what one delivery takes of one order line.
type parcel struct {
	order *order
	line  int // index
	qty   int64
}

// Ways to ship what is open.
const (
	inFull  = iota
	byParts // some of the lines now, the others later
	short   // what is there; a new order continues with the rest
)

// chooseWay says how an order leaves: most of them whole.
func chooseWay(rng *rand.Rand) int {
	switch n := rng.IntN(100); {
	case n < 8:
		return short
	case n < 14:
		return byParts
	}
	return inFull
}

// ship takes what is open off the order, and returns what goes into the delivery and, for an order shipped short, the order without number that
// continues it. At least one piece is always shipped.
func (o *order) ship(rng *rand.Rand, way int, now time.Time) (sent []parcel, rest *order) {
	open := o.openLines()
	if len(open) == 0 {
		return nil, nil
	}
	first := open[rng.IntN(len(open))]
	if way == byParts && len(open) == 1 {
		way = inFull
	}
	for _, i := range open {
		l := &o.lines[i]
		quantity := l.open()
		switch {
		case way == byParts && i != first && rng.IntN(2) == 0, way == byParts && len(sent) == len(open)-1:
			continue
		case way == short && i == first && quantity > 1:
			quantity = 1 + rng.Int64N(quantity-1)
		case way == short && i != first && rng.IntN(3) == 0:
			quantity = 0
		}
		l.shipped, l.changed = l.shipped+quantity, now
		if quantity > 0 {
			sent = append(sent, parcel{o, i, quantity})
		}
		if left := l.open(); way == short && left > 0 {
			if rest == nil {
				rest = &order{
					contact: o.contact, billTo: o.billTo, shipTo: o.shipTo, po: o.po, warehouse: o.warehouse, currency: o.currency, taxBP: o.taxBP,
					status: confirmed, ordered: day(now), requested: o.requested, changed: now, note: fmt.Sprintf("Rest of order %d", o.no),
				}
			}
			l.back += left
			rest.lines = append(rest.lines, line{
				no: 10 * (len(rest.lines) + 1), item: l.item, descr: l.descr, uom: l.uom, weight: l.weight, ordered: left, price: l.price,
				requested: l.requested, promised: workday(day(now).AddDate(0, 0, 7+rng.IntN(22))), changed: now,
			})
		}
	}
	if rest != nil {
		rest.latest()
	}
	o.underWay++
	o.settle(now)
	return sent, rest
}

// A delivery leaves one warehouse for one site, with lines of one order or more.
type delivery struct {
	no                                                              int64
	billTo, shipTo, warehouse, carrier, service, tracking, receiver string
	shipped, delivered, changed                                     time.Time
	parcels                                                         []parcel
	packages                                                        []pack
}

type pack struct {
	tracking, sscc string
	weight         int64 // grams
}

// newDelivery packs parcels, all for the same site.
func newDelivery(rng *rand.Rand, no int64, to *customer, parcels []parcel, now time.Time) *delivery {
	first := parcels[0].order
	d := &delivery{no: no, billTo: first.billTo, shipTo: to.no, warehouse: first.warehouse, shipped: now, changed: now, parcels: parcels}
	var weight int64
	for _, p := range parcels {
		weight += p.qty * p.order.lines[p.line].weight
	}
	c := carriers[rng.IntN(len(carriers)-1)]
	if weight > 250_000 {
		c = carriers[len(carriers)-1] // pallets
	}
	d.carrier, d.service = c.name, c.services[rng.IntN(len(c.services))]
	n := min(1+weight/c.perPackage, 8)
	for i := range n {
		d.packages = append(d.packages, pack{
			tracking: c.prefix + digits(rng, 10), weight: weight/n + 400,
			sscc: gs1(fmt.Sprintf("34099%09d%03d", no, i+1)),
		})
	}
	d.tracking = d.packages[0].tracking
	return d
}

func (d *delivery) arrive(rng *rand.Rand, now time.Time) {
	d.delivered, d.changed, d.receiver = now, now, lastNames[rng.IntN(len(lastNames))]
}

// poNumber is in the dealer's own style.
func poNumber(rng *rand.Rand, payer string, now time.Time) string {
	var sum int
	for _, r := range payer {
		sum += int(r)
	}
	_, week := now.ISOWeek()
	switch sum % 7 {
	case 0:
		return "PO-" + digits(rng, 6)
	case 1:
		return "4500" + digits(rng, 6)
	case 2:
		return fmt.Sprintf("B%s/%s", now.Format("06"), digits(rng, 4))
	case 3:
		return fmt.Sprintf("KW%02d-%s", week, digits(rng, 3))
	case 4:
		return now.Format("060102") + "-" + digits(rng, 2)
	case 5:
		return string(rune('A'+rng.IntN(6))) + "." + digits(rng, 5)
	}
	if rng.IntN(3) == 0 {
		return "" // by telephone
	}
	return "Best. " + digits(rng, 4)
}

func digits(rng *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte('0' + rng.IntN(10))
	}
	return string(b)
}

// gs1 adds the check digit of barcodes and package numbers.
func gs1(number string) string {
	sum := 0
	for i := range number {
		d := int(number[len(number)-1-i] - '0')
		if i%2 == 0 {
			d *= 3
		}
		sum += d
	}
	return number + strconv.Itoa((10-sum%10)%10)
}

func day(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }

// workday is t, or the same time on the Monday after.
func workday(t time.Time) time.Time {
	switch t.Weekday() {
	case time.Saturday:
		return t.AddDate(0, 0, 2)
	case time.Sunday:
		return t.AddDate(0, 0, 1)
	}
	return t
}
