// Package supplies lets a supplier report what it has of what the host buys, and how much of it it can make; and the host's staff read that of every supplier.
package supplies

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"extranet/portal"
)

// A Stock is the newest count of a product at a site of the supplier.
type Stock struct {
	Partner     string        `json:"partner,omitempty" db:"partner" doc:"For the host: the supplier's account number"`
	PartnerName string        `json:"partner_name,omitempty" db:"partner_name" doc:"For the host"`
	Product     string        `json:"product" db:"product" doc:"The host's number"`
	Site        string        `json:"site" db:"site" doc:"The supplier's site; empty where it named none"`
	OnHand      portal.Amount `json:"on_hand" db:"on_hand" doc:"Finished and not promised to others, in the unit of the purchase orders"`
	InProcess   portal.Amount `json:"in_process" db:"in_process" doc:"Being made"`
	CountedOn   portal.Date   `json:"counted_on" db:"counted_on" format:"date"`
	At          time.Time     `json:"reported_at" db:"at"`
	By          string        `json:"reported_by" db:"by_whom"`
}

// A Capacity is how much of a product a site can make in a week.
type Capacity struct {
	Partner     string        `json:"partner,omitempty" db:"partner" doc:"For the host: the supplier's account number"`
	PartnerName string        `json:"partner_name,omitempty" db:"partner_name" doc:"For the host"`
	Product     string        `json:"product" db:"product" doc:"The host's number"`
	Site        string        `json:"site" db:"site" doc:"The supplier's site; empty where it named none"`
	WeekOf      portal.Date   `json:"week_of" db:"week_of" format:"date" doc:"The Monday of the week"`
	Quantity    portal.Amount `json:"quantity" db:"quantity" doc:"That can be made in the week, in the unit of the purchase orders"`
	At          time.Time     `json:"reported_at" db:"at"`
	By          string        `json:"reported_by" db:"by_whom"`
}

// A Sent report is one that was made, and what the core made of it.
type Sent struct {
	Report     int64     `json:"report" db:"report" doc:"Counts up"`
	How        string    `json:"how" db:"how" enum:"form,file,api"`
	Stocks     int       `json:"stocks" db:"stocks" doc:"Counts that were kept"`
	Capacities int       `json:"capacities" db:"capacities" doc:"Weeks that were kept"`
	Refused    int       `json:"refused" db:"refused" doc:"Lines that were not"`
	State      string    `json:"state" db:"state" enum:"sent,taken,refused" doc:"taken: the host's system has it"`
	Why        string    `json:"why" db:"why" doc:"Why the host's system does not take it"`
	At         time.Time `json:"at" db:"at"`
	By         string    `json:"by" db:"by_whom"`
}

// Filter narrows Stocks and Capacities; the zero Filter lists everything by product.
type Filter struct {
	Text    string // the beginning of a product's number, in any case
	Site    string // a site's number
	Partner string // for the host: a supplier's account number
	Product string // for the host: one product's number
	Limit   int    // 1 to 200; 0 = 50
	Cursor  string // from an earlier page
}

type cursor struct {
	Product string      `json:"p"`
	Partner int64       `json:"a,omitempty"`
	Site    string      `json:"s"`
	Week    portal.Date `json:"w,omitempty"`
}

func (c cursor) String() string {
	b, _ := json.Marshal(c)
	return base64.RawURLEncoding.EncodeToString(b)
}

func (f Filter) cursor() (c cursor, err error) {
	if f.Cursor == "" {
		return c, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(f.Cursor)
	if err != nil {
		return c, err
	}
	if err := json.Unmarshal(b, &c); err != nil {
		return c, err
	}
	if !plain(c.Product, 200) || !plain(c.Site, 200) || c.Product == "" {
		return c, errors.New("another list's cursor")
	}
	if c.Week != "" {
		_, err = portal.ParseDate(string(c.Week))
	}
	return c, err
}

// Key tells one filter from every other.
func (f Filter) Key() string {
	b, _ := json.Marshal(f) // strings and numbers: it cannot fail
	return string(b)
}

// Check returns an Invalid error naming every field that cannot be meant, and fills in the defaults.
func (f *Filter) Check() error {
	bad := map[string]string{}
	if f.Limit == 0 {
		f.Limit = 50
	}
	if f.Limit < 1 || f.Limit > 200 {
		bad["limit"] = "must be from 1 to 200"
	}
	for field, s := range map[string]string{"q": f.Text, "site": f.Site, "partner": f.Partner, "product": f.Product} {
		if !plain(s, 100) {
			bad[field] = "must be at most 100 readable characters"
		}
	}
	if _, err := f.cursor(); err != nil {
		bad["cursor"] = "is not one that this list gave; begin again without it"
	}
	if len(bad) > 0 {
		return &portal.Error{Kind: portal.Invalid, Msg: "this list cannot be made", Fields: bad}
	}
	return nil
}

// plain reports whether s is text of at most so many characters on one line.
func plain(s string, most int) bool {
	return utf8.RuneCountInString(s) <= most && portal.Readable(s) && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// own is the condition and the arguments of the supplier's own rows x.
func (f Filter) own(tx *portal.Tx) (string, []any) {
	where, args := `x.partner_id = $1`, []any{tx.By.PartnerID}
	and := func(condition string, arg any) {
		args = append(args, arg)
		where += fmt.Sprintf(condition, len(args))
	}
	if tx.By.Sites != nil {
		and(` AND x.site = ANY($%d)`, tx.By.Sites)
	}
	if f.Site != "" {
		and(` AND x.site = $%d`, f.Site)
	}
	if f.Product != "" {
		and(` AND x.product = $%d`, f.Product)
	}
	if t := strings.ToUpper(strings.TrimSpace(f.Text)); t != "" {
		and(` AND x.product_search ~>=~ $%[1]d AND x.product_search ~<~ ($%[1]d || chr(1114111))`, t)
	}
	return where, args
}

const (
	stockColumns    = `x.product, x.site, trim_scale(x.on_hand) AS on_hand, trim_scale(x.in_process) AS in_process, x.counted_on, x.at, x.by_whom`
	capacityColumns = `x.product, x.site, x.week_of, trim_scale(x.quantity) AS quantity, x.at, x.by_whom`
)

// Stocks lists what the supplier has reported to have, by product; next is the cursor of the next page, "" = this is the last. The caller sees its sites alone.
func Stocks(ctx context.Context, tx *portal.Tx, f Filter) (list []Stock, next string, err error) {
	if err := tx.Need(portal.PurchasingRead); err != nil {
		return nil, "", err
	}
	if err := f.Check(); err != nil {
		return nil, "", err
	}
	query, args := f.stocks(tx)
	list = []Stock{}
	if err := tx.Select(ctx, &list, query, args...); err != nil {
		return nil, "", fmt.Errorf("listing a supplier's stock: %w", err)
	}
	if len(list) > f.Limit {
		list = list[:f.Limit]
		last := list[f.Limit-1]
		next = cursor{Product: last.Product, Site: last.Site}.String()
	}
	return list, next, nil
}

func (f Filter) stocks(tx *portal.Tx) (string, []any) {
	where, args := f.own(tx)
	if c, _ := f.cursor(); c.Product != "" {
		args = append(args, c.Product, c.Site)
		where += fmt.Sprintf(` AND (x.product, x.site) > ($%d, $%d)`, len(args)-1, len(args))
	}
	args = append(args, f.Limit+1)
	return fmt.Sprintf(`SELECT %s FROM supply_stocks x WHERE %s ORDER BY x.product, x.site LIMIT $%d`, stockColumns, where, len(args)), args
}

// Capacities lists what the supplier has reported that it can make from this week on, by product and week; next is as for [Stocks].
func Capacities(ctx context.Context, tx *portal.Tx, f Filter) (list []Capacity, next string, err error) {
	if err := tx.Need(portal.PurchasingRead); err != nil {
		return nil, "", err
	}
	if err := f.Check(); err != nil {
		return nil, "", err
	}
	query, args := f.capacities(tx)
	list = []Capacity{}
	if err := tx.Select(ctx, &list, query, args...); err != nil {
		return nil, "", fmt.Errorf("listing a supplier's capacity: %w", err)
	}
	if len(list) > f.Limit {
		list = list[:f.Limit]
		last := list[f.Limit-1]
		next = cursor{Product: last.Product, Site: last.Site, Week: last.WeekOf}.String()
	}
	return list, next, nil
}

func (f Filter) capacities(tx *portal.Tx) (string, []any) {
	where, args := f.own(tx)
	args = append(args, monday(portal.DateOf(tx.Now)))
	where += fmt.Sprintf(` AND x.week_of >= $%d`, len(args))
	if c, _ := f.cursor(); c.Product != "" {
		args = append(args, c.Product, c.Site, c.Week)
		where += fmt.Sprintf(` AND (x.product, x.site, x.week_of) > ($%d, $%d, $%d::date)`, len(args)-2, len(args)-1, len(args))
	}
	args = append(args, f.Limit+1)
	return fmt.Sprintf(`SELECT %s FROM supply_capacities x WHERE %s ORDER BY x.product, x.site, x.week_of LIMIT $%d`, capacityColumns, where, len(args)), args
}

// monday is the first day of the day's ISO week.
func monday(d portal.Date) portal.Date {
	t := d.Time()
	return portal.DateOf(t.AddDate(0, 0, -(int(t.Weekday())+6)%7))
}

// ExportStocks gives f every count of the filter, and audits that they were taken away as the named format. Limit and Cursor do not count.
func ExportStocks(ctx context.Context, tx *portal.Tx, f Filter, format string, each func(Stock) error) error {
	if err := tx.Need(portal.PurchasingRead); err != nil {
		return err
	}
	f.Cursor, f.Limit = "", 0
	if err := f.Check(); err != nil {
		return err
	}
	if err := tx.Audit(ctx, "supplies.export", "supplies", map[string]string{"format": format, "what": "stock", "site": f.Site, "text": f.Text}); err != nil {
		return err
	}
	where, args := f.own(tx)
	return tx.Each(ctx, func(r *sqlx.Rows) error {
		var s Stock
		if err := r.StructScan(&s); err != nil {
			return err
		}
		return each(s)
	}, `SELECT `+stockColumns+` FROM supply_stocks x WHERE `+where+` ORDER BY x.product, x.site`, args...)
}

// Reports lists what was reported, the newest 50. Those limited to sites see that a report was made, as its lines may be of theirs.
func Reports(ctx context.Context, tx *portal.Tx) (list []Sent, err error) {
	if err := tx.Need(portal.PurchasingRead); err != nil {
		return nil, err
	}
	list = []Sent{}
	err = tx.Select(ctx, &list, `SELECT report, how, stocks, capacities, refused, state, coalesce(why, '') AS why, at, by_whom FROM supply_reports WHERE partner_id = $1 ORDER BY report DESC LIMIT 50`, tx.By.PartnerID)
	if err != nil {
		return nil, fmt.Errorf("listing reports: %w", err)
	}
	return list, nil
}

// OnHand is what a supplier has reported to have of the products, at all its sites. Whoever calls sees to it that the caller may see the supplier's business.
func OnHand(ctx context.Context, tx *portal.Tx, partner int64, products []string) (list []Stock, err error) {
	err = tx.Select(ctx, &list, `SELECT `+stockColumns+` FROM supply_stocks x WHERE x.partner_id = $1 AND x.product = ANY($2) AND ($3::text[] IS NULL OR x.site = ANY($3)) ORDER BY x.product, x.site`,
		partner, pq.StringArray(products), portal.Limit(tx.By.Sites))
	if err != nil {
		return nil, fmt.Errorf("reading reported stock: %w", err)
	}
	return list, nil
}

// CapacityOf is what a supplier has reported that it can make of the products from a day on, at all its sites. Whoever calls sees to it that the caller may see the supplier's business.
func CapacityOf(ctx context.Context, tx *portal.Tx, partner int64, products []string, from portal.Date) (list []Capacity, err error) {
	err = tx.Select(ctx, &list, `SELECT `+capacityColumns+` FROM supply_capacities x WHERE x.partner_id = $1 AND x.product = ANY($2) AND x.week_of >= $3 AND ($4::text[] IS NULL OR x.site = ANY($4)) ORDER BY x.product, x.site, x.week_of`,
		partner, pq.StringArray(products), from, portal.Limit(tx.By.Sites))
	if err != nil {
		return nil, fmt.Errorf("reading reported capacity: %w", err)
	}
	return list, nil
}
