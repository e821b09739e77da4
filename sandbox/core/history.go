package core

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

const (
	firstOrder    = 4_100_000
	firstDelivery = 81_000_000
)

// A company is the whole core database in memory.
type company struct {
	rng                     *rand.Rand
	now, founded            time.Time
	customers               []*customer // a bill-to before its branches
	branches                map[string][]*customer
	vendors                 []vendor
	items                   []item
	contacts                []contact
	orders                  []*order
	deliveries              []*delivery
	lastOrder, lastDelivery int64
	ledger                  ledger

	queue events
	dock  map[string][]*order // being picked, by site
}

type vendor struct {
	no, name, street string
	town             town
}

type contact struct {
	no                                        int64
	customer, vendor, name, email, phone, job string
	logOn                                     bool
}

var warehouses = []struct{ no, name, city, country string }{
	{"W1", "Central warehouse", "Apeldoorn", "NL"}, {"W2", "Regional warehouse south", "Würzburg", "DE"},
}

// An event is something that happens to the business at its time.
type event struct {
	at  time.Time
	seq int
	do  func(at time.Time) error
}

type events struct {
	list []event
	seq  int
}

func (e *events) Len() int { return len(e.list) }
func (e *events) Less(i, j int) bool {
	if a, b := e.list[i], e.list[j]; !a.at.Equal(b.at) {
		return a.at.Before(b.at)
	} else {
		return a.seq < b.seq
	}
}
func (e *events) Swap(i, j int) { e.list[i], e.list[j] = e.list[j], e.list[i] }
func (e *events) Push(x any)    { e.list = append(e.list, x.(event)) }
func (e *events) Pop() any {
	last := e.list[len(e.list)-1]
	e.list = e.list[:len(e.list)-1]
	return last
}

func (c *company) at(t time.Time, do func(at time.Time) error) {
	c.queue.seq++
	heap.Push(&c.queue, event{t.Truncate(time.Microsecond), c.queue.seq, do})
}

// invent makes up the company and lets it do business until now.
func invent(size Size, now time.Time) (*company, error) {
	c := &company{
		rng: rand.New(rand.NewPCG(20, 26)), now: now, founded: now.AddDate(0, 0, -size.Days-30), branches: map[string][]*customer{}, dock: map[string][]*order{},
		lastOrder: firstOrder, lastDelivery: firstDelivery, ledger: ledger{rng: rand.New(rand.NewPCG(20, 27))},
	}
	c.inventItems(size.Items)
	for i := range min(size.Suppliers, len(supplierNames)) {
		c.inventSupplier(i)
	}
	for i := range size.Dealers {
		c.inventDealer(i)
	}
	c.person("signe", contact{vendor: vendorNo(1), job: "Key account manager", phone: "+47 22 555 014"}, town{})
	slices.SortFunc(c.items, func(a, b item) int { return strings.Compare(a.no, b.no) })
	used := map[string]bool{}
	for _, v := range c.vendors {
		used[v.no] = true
	}
	for i := range c.items { // a small company buys everything from the few suppliers it has
		if !used[c.items[i].vendor] {
			c.items[i].vendor = c.vendors[i%len(c.vendors)].no
		}
	}
	for range size.Orders * 93 / 100 {
		ago := float64(size.Days) * 24 * float64(time.Hour) * nearer(c.rng.Float64())
		t := workday(now.Add(-time.Duration(ago)))
		t = day(t).Add(6*time.Hour + time.Duration(c.rng.Int64N(int64(10*time.Hour))))
		if t.After(now) {
			t = now.Add(-time.Duration(c.rng.Int64N(int64(3 * time.Hour))))
		}
		c.at(t, c.place)
	}
	for c.queue.Len() > 0 {
		e := heap.Pop(&c.queue).(event)
		if e.at.After(now) {
			break
		}
		if err := e.do(e.at); err != nil {
			return nil, err
		}
	}
	return c, c.showEveryState()
}

// showEveryState sees to it that there is an order in each state, whatever the hour.
func (c *company) showEveryState() error {
	count := map[int]int{}
	var waiting []*order
	for _, o := range c.orders {
		count[o.status]++
		if o.status == confirmed && len(o.openLines()) > 1 && o.note == "" {
			waiting = append(waiting, o)
		}
	}
	if count[entered] == 0 {
		if err := c.place(c.now); err != nil {
			return err
		}
	}
	for _, state := range []int{held, picking, inPart} {
		if count[state] > 0 || len(waiting) == 0 {
			continue
		}
		o := waiting[0]
		waiting = waiting[1:]
		o.status = state
		if state == inPart {
			if err := c.send(o, byParts, c.now); err != nil {
				return err
			}
		}
	}
	return nil
}

// nearer bends an even spread from 0 to 1 so that there is more towards 0.
func nearer(u float64) float64 { return u * (0.6 + 0.4*u) }

func (c *company) inventItems(n int) {
	tyres, other := catalogue()
	c.rng.Shuffle(len(tyres), func(i, j int) { tyres[i], tyres[j] = tyres[j], tyres[i] })
	c.rng.Shuffle(len(other), func(i, j int) { other[i], other[j] = other[j], other[i] })
	t := min(n*6/10, len(tyres))
	c.items = append(tyres[:t:t], other[:min(n-t, len(other))]...)
	for i := range c.items {
		c.items[i].changed = c.founded
		switch c.rng.IntN(40) {
		case 0:
			c.items[i].status = 90
		case 1, 2:
			c.items[i].status = 20
		}
	}
}

func (c *company) address(t town) (street, phone string) {
	s := streets[t.country]
	return fmt.Sprintf("%s %d", s[c.rng.IntN(len(s))], 1+c.rng.IntN(180)), t.dial + " " + digits(c.rng, 7)
}

func (c *company) inventSupplier(i int) {
	t := towns[(i*5+6)%len(towns)]
	v := vendor{no: vendorNo(i), name: supplierNames[i], town: t}
	v.street, _ = c.address(t)
	c.vendors = append(c.vendors, v)
	if i == 0 {
		c.person("sofia", contact{vendor: v.no, job: "Demand planner"}, t)
	}
	for range 1 + c.rng.IntN(2) {
		c.addContact(contact{vendor: v.no, job: "Sales", logOn: c.rng.IntN(2) == 0}, v.name, t)
	}
}

func (c *company) inventDealer(i int) {
	rng, d := c.rng, dealers[i%len(dealers)]
	if i >= len(dealers) {
		d.name = fmt.Sprintf("%s %d", d.name, 1+i/len(dealers))
	}
	near := townsOf(d.country)
	home := i % len(near)
	b := &customer{
		no: dealerNo(i), billTo: dealerNo(i), name: d.name, class: []string{"RETAIL", "FLEET", "WORKSHOP"}[i%3], currency: "EUR",
		taxBP: taxes[d.country], discountBP: int64(500 + 100*rng.IntN(18)), changed: c.founded,
	}
	switch d.country {
	case "GB":
		b.currency = "GBP"
	case "US":
		b.currency = "USD"
	}
	c.settleIn(b, near[home])
	branches := rng.IntN(4)
	if i == 0 {
		branches = 6
	}
	for n := 1; n <= branches; n++ {
		s := *b
		s.no = branchNo(b.no, n)
		c.settleIn(&s, near[(home+n)%len(near)])
		s.name = b.name + ", " + s.city
		if n >= len(near) {
			s.name += fmt.Sprintf(" %d", 1+n/len(near))
		}
		if rng.IntN(3) == 0 {
			s.street2 = []string{"Gate 2", "Dock C", "Rear entrance"}[rng.IntN(3)]
		}
	}
	switch i {
	case 0:
		b.contacts = append(b.contacts, c.person("dana", contact{customer: b.no, job: "Head of purchasing"}, near[home]))
		c.person("femi", contact{customer: branchNo(b.no, 2), job: "Parts counter"}, near[home])
		c.person("bo", contact{customer: b.no, job: "Workshop partner"}, near[home])
	case 1:
		b.contacts = append(b.contacts, c.person("bo", contact{customer: b.no, job: "Owner"}, near[home]))
	}
	for k := range 1 + rng.IntN(3) {
		at := c.branches[b.no][k%len(c.branches[b.no])].no
		b.contacts = append(b.contacts, c.addContact(contact{customer: at, job: jobs[rng.IntN(len(jobs))], logOn: rng.IntN(5) < 2}, b.name, near[home]))
	}
}

// settleIn gives a customer an address in the town and adds it to the company's.
func (c *company) settleIn(u *customer, t town) {
	u.zip, u.city, u.region, u.country = t.zip, t.name, t.region, t.country
	u.street, u.phone = c.address(t)
	c.customers = append(c.customers, u)
	c.branches[u.billTo] = append(c.branches[u.billTo], u)
}

func branchNo(billTo string, n int) string { return fmt.Sprintf("%s-%02d", billTo, n) }

// person adds one of the demo's people as a contact.
func (c *company) person(id string, at contact, in town) int64 {
	for _, p := range People() {
		if p.ID == id {
			at.name, at.email, at.logOn = p.Name, p.Email, true
		}
	}
	return c.addContact(at, "", in)
}

func (c *company) addContact(at contact, of string, in town) int64 {
	rng := c.rng
	at.no = int64(700_001 + len(c.contacts))
	if at.phone == "" {
		at.phone = in.dial + " " + digits(rng, 7)
	}
	if at.name == "" {
		first, last := firstNames[rng.IntN(len(firstNames))], lastNames[rng.IntN(len(lastNames))]
		at.name = first + " " + last
		at.email = plain(first[:1]+"."+last) + fmt.Sprint(at.no%100) + "@" + plain(strings.Fields(of)[0]) + ".example"
	}
	c.contacts = append(c.contacts, at)
	return at.no
}

// plain is a word as it looks in a mail address.
func plain(s string) string {
	s = strings.NewReplacer("ö", "oe", "ü", "ue", "ä", "ae", "ć", "c", "é", "e", "á", "a", "ı", "i", "C", "c", "É", "e", " ", "").Replace(s)
	return strings.Map(func(r rune) rune {
		if r > 127 {
			return -1
		}
		return r
	}, strings.ToLower(s))
}

// sell picks an item on sale.
func (c *company) sell() (item, error) {
	for {
		if it := c.items[c.rng.IntN(len(c.items))]; it.status != 90 {
			return it, nil
		}
	}
}

func (c *company) add(o *order) {
	c.lastOrder++
	o.no = c.lastOrder
	c.orders = append(c.orders, o)
}

func (c *company) place(at time.Time) error {
	rng := c.rng
	payer := c.customers[0]
	if rng.IntN(100) >= 15 { // the rest is the big dealer's share
		payer = c.customers[rng.IntN(len(c.customers))]
		payer = c.branches[payer.billTo][0]
	}
	sites := c.branches[payer.no]
	o, err := newOrder(rng, payer, sites[rng.IntN(len(sites))], warehouseFor(payer.country), at, c.sell)
	if err != nil {
		return err
	}
	c.add(o)
	soon := at.Add(time.Duration(20+rng.IntN(280)) * time.Minute)
	switch n := rng.IntN(200); {
	case n < 6:
		c.at(soon, func(at time.Time) error {
			o.status, o.changed = held, at
			c.at(at.Add(time.Duration(12+rng.IntN(200))*time.Hour), func(at time.Time) error { return c.confirm(o, at) })
			return nil
		})
	case n < 8:
		c.at(soon, func(at time.Time) error {
			for _, i := range o.openLines() {
				o.cancelLine(i, at)
			}
			return nil
		})
	default:
		c.at(soon, func(at time.Time) error { return c.confirm(o, at) })
	}
	return nil
}

func (c *company) confirm(o *order, at time.Time) error {
	rng := c.rng
	o.confirm(rng, at)
	switch n := rng.IntN(100); {
	case n < 3:
		c.at(at.Add(time.Duration(1+rng.IntN(20))*time.Hour), func(at time.Time) error {
			if o.status == confirmed {
				o.postpone(rng, at)
			}
			return nil
		})
	case n < 6:
		c.at(at.Add(time.Hour), func(at time.Time) error {
			if open := o.openLines(); o.status == confirmed && len(open) > 1 {
				o.cancelLine(open[rng.IntN(len(open))], at)
			}
			return nil
		})
	}
	c.pickLater(o, at)
	return nil
}

// pickLater has the order picked on the morning of the working day before its promise.
func (c *company) pickLater(o *order, at time.Time) {
	t := o.promised.AddDate(0, 0, -1)
	for workday(t) != t {
		t = t.AddDate(0, 0, -1)
	}
	t = t.Add(5*time.Hour + time.Duration(c.rng.IntN(240))*time.Minute)
	if early := at.Add(time.Duration(60+c.rng.IntN(120)) * time.Minute); t.Before(early) {
		t = early
	}
	c.at(t, func(at time.Time) error {
		if o.status != confirmed {
			return nil
		}
		if o.promised.After(at.AddDate(0, 0, 4)) { // postponed meanwhile
			c.pickLater(o, at)
			return nil
		}
		o.status, o.changed = picking, at
		c.dock[o.shipTo] = append(c.dock[o.shipTo], o)
		c.at(at.Add(time.Duration(150+c.rng.IntN(300))*time.Minute), func(at time.Time) error { return c.send(o, chooseWay(c.rng), at) })
		return nil
	})
}

func (c *company) send(o *order, way int, at time.Time) error {
	if o.status != picking && o.status != inPart {
		return nil // gone with another delivery
	}
	rng := c.rng
	c.undock(o)
	parcels, rest := o.ship(rng, way, at)
	if rest != nil {
		c.add(rest)
		o.rest = rest.no
		c.pickLater(rest, at)
	}
	if o.status == inPart {
		c.at(at.Add(time.Duration(48+rng.IntN(144))*time.Hour), func(at time.Time) error { return c.send(o, chooseWay(rng), at) })
	}
	if waiting := c.dock[o.shipTo]; len(waiting) > 0 && rng.IntN(3) > 0 {
		other := waiting[0]
		c.undock(other)
		more, _ := other.ship(rng, inFull, at)
		parcels = append(parcels, more...)
	}
	var to *customer
	for _, s := range c.branches[o.billTo] {
		if s.no == o.shipTo {
			to = s
		}
	}
	c.lastDelivery++
	d := newDelivery(rng, c.lastDelivery, to, parcels, at)
	c.deliveries = append(c.deliveries, d)
	c.invoice(d, at)

	days := 1 + rng.IntN(2)
	if rng.IntN(40) == 0 {
		days += 3 // somewhere on the way
	}
	if to.country == "US" || to.country == "GB" {
		days += 4
	}
	c.at(workday(day(at).AddDate(0, 0, days)).Add(7*time.Hour+time.Duration(rng.IntN(480))*time.Minute), func(at time.Time) error {
		d.arrive(rng, at)
		for _, o := range ordersIn(d.parcels) {
			o.underWay--
			if o.status == shipped {
				o.settle(at)
			}
		}
		return nil
	})
	return nil
}

func (c *company) undock(o *order) {
	c.dock[o.shipTo] = slices.DeleteFunc(c.dock[o.shipTo], func(x *order) bool { return x == o })
}

// ordersIn lists each order once.
func ordersIn(parcels []parcel) (found []*order) {
	for _, p := range parcels {
		if !slices.Contains(found, p.order) {
			found = append(found, p.order)
		}
	}
	return found
}

func warehouseFor(country string) string {
	switch country {
	case "AT", "IT", "DE":
		return warehouses[1].no
	}
	return warehouses[0].no
}
