package supplies

import (
	"context"
	"fmt"
	"strings"

	"github.com/jmoiron/sqlx"

	"extranet/portal"
)

// The functions of this file run in a transaction of [portal.DB.AcrossPartners]: the host's staff see every supplier's reports.

// across is the condition and the arguments of rows x of every supplier.
func (f Filter) across() (string, []any) {
	where, args := `true`, []any{}
	and := func(condition string, arg any) {
		args = append(args, arg)
		where += fmt.Sprintf(condition, len(args))
	}
	if f.Partner != "" {
		and(` AND x.partner_id = (SELECT partner_id FROM partners WHERE number = $%d AND kind = 'supplier')`, f.Partner)
	}
	if f.Product != "" {
		and(` AND x.product = $%d`, f.Product)
	}
	if t := strings.ToUpper(strings.TrimSpace(f.Text)); t != "" {
		and(` AND x.product_search ~>=~ $%[1]d AND x.product_search ~<~ ($%[1]d || chr(1114111))`, t)
	}
	return where, args
}

// StocksAcross lists what suppliers have reported to have, by product: who has how much of one is read together. next is as for [Stocks].
func StocksAcross(ctx context.Context, tx *portal.Tx, f Filter) (list []Stock, next string, err error) {
	if err := tx.Need(portal.PurchasesRead); err != nil {
		return nil, "", err
	}
	if err := f.Check(); err != nil {
		return nil, "", err
	}
	where, args := f.across()
	if c, _ := f.cursor(); c.Product != "" {
		args = append(args, c.Product, c.Partner, c.Site)
		where += fmt.Sprintf(` AND (x.product, x.partner_id, x.site) > ($%d, $%d, $%d)`, len(args)-2, len(args)-1, len(args))
	}
	args = append(args, f.Limit+1)
	var rows []struct {
		PartnerID int64 `db:"partner_id"`
		Stock
	}
	err = tx.Select(ctx, &rows, fmt.Sprintf(`SELECT x.partner_id, p.number AS partner, p.name AS partner_name, %s FROM (SELECT * FROM supply_stocks x WHERE %s ORDER BY x.product, x.partner_id, x.site LIMIT $%d) x
		JOIN partners p USING (partner_id) ORDER BY x.product, x.partner_id, x.site`, stockColumns, where, len(args)), args...)
	if err != nil {
		return nil, "", fmt.Errorf("listing suppliers' stock: %w", err)
	}
	list = []Stock{}
	for i, r := range rows {
		if i == f.Limit {
			last := rows[i-1]
			return list, cursor{Product: last.Product, Partner: last.PartnerID, Site: last.Site}.String(), nil
		}
		list = append(list, r.Stock)
	}
	return list, "", nil
}

// CapacitiesAcross lists what suppliers have reported that they can make from this week on, by product and supplier. next is as for [Stocks].
func CapacitiesAcross(ctx context.Context, tx *portal.Tx, f Filter) (list []Capacity, next string, err error) {
	if err := tx.Need(portal.PurchasesRead); err != nil {
		return nil, "", err
	}
	if err := f.Check(); err != nil {
		return nil, "", err
	}
	where, args := f.across()
	args = append(args, monday(portal.DateOf(tx.Now)))
	where += fmt.Sprintf(` AND x.week_of >= $%d`, len(args))
	if c, _ := f.cursor(); c.Product != "" && c.Week != "" {
		args = append(args, c.Product, c.Partner, c.Site, c.Week)
		where += fmt.Sprintf(` AND (x.product, x.partner_id, x.site, x.week_of) > ($%d, $%d, $%d, $%d::date)`, len(args)-3, len(args)-2, len(args)-1, len(args))
	}
	args = append(args, f.Limit+1)
	var rows []struct {
		PartnerID int64 `db:"partner_id"`
		Capacity
	}
	err = tx.Select(ctx, &rows, fmt.Sprintf(`SELECT x.partner_id, p.number AS partner, p.name AS partner_name, %s FROM (SELECT * FROM supply_capacities x WHERE %s ORDER BY x.product, x.partner_id, x.site, x.week_of LIMIT $%d) x
		JOIN partners p USING (partner_id) ORDER BY x.product, x.partner_id, x.site, x.week_of`, capacityColumns, where, len(args)), args...)
	if err != nil {
		return nil, "", fmt.Errorf("listing suppliers' capacity: %w", err)
	}
	list = []Capacity{}
	for i, r := range rows {
		if i == f.Limit {
			last := rows[i-1]
			return list, cursor{Product: last.Product, Partner: last.PartnerID, Site: last.Site, Week: last.WeekOf}.String(), nil
		}
		list = append(list, r.Capacity)
	}
	return list, "", nil
}

// ExportAcross gives f every count of the filter of every supplier, and audits that they were taken away as the named format.
func ExportAcross(ctx context.Context, tx *portal.Tx, f Filter, format string, each func(Stock) error) error {
	if err := tx.Need(portal.PurchasesRead); err != nil {
		return err
	}
	f.Cursor, f.Limit = "", 0
	if err := f.Check(); err != nil {
		return err
	}
	if err := tx.Audit(ctx, "supplies.export", "supplies", map[string]string{"format": format, "what": "stock", "partner": f.Partner, "text": f.Text}); err != nil {
		return err
	}
	where, args := f.across()
	return tx.Each(ctx, func(r *sqlx.Rows) error {
		var s Stock
		if err := r.StructScan(&s); err != nil {
			return err
		}
		return each(s)
	}, `SELECT p.number AS partner, p.name AS partner_name, `+stockColumns+` FROM supply_stocks x JOIN partners p USING (partner_id) WHERE `+where+` ORDER BY x.product, x.partner_id, x.site`, args...)
}
