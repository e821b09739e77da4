package purchasing

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/jmoiron/sqlx"

	"extranet/portal"
	"extranet/portal/files"
)

// DispatchStates are what became of a notice.
var DispatchStates = []string{"sent", "taken", "refused"}

const dispatchDocument = `d.number, coalesce(d.site, '') AS site, d.carrier, d.tracking, d.ships_on, d.arrives_on, d.note, d.state, coalesce(d.why, '') AS why, d.warnings::json AS warnings, d.at, d.by_whom AS by,
	(SELECT coalesce(json_agg(json_build_object('package', k.package, 'sscc', k.sscc, 'weight_kg', coalesce(trim_scale(k.weight_kg)::text, '')) ORDER BY k.package), '[]') FROM dispatch_packages k WHERE k.partner_id = d.partner_id AND k.number = d.number) AS packages,
	(SELECT coalesce(json_agg(json_build_object('order', l.order_number, 'line', l.order_line, 'package', l.package, 'quantity', trim_scale(l.quantity)::text, 'lot', l.lot, 'serials', l.serials::json, 'product', l.product,
		'description', l.description, 'unit', l.unit) ORDER BY l.line), '[]') FROM dispatch_lines l WHERE l.partner_id = d.partner_id AND l.number = d.number) AS lines`

// DispatchFilter narrows Dispatches; the zero filter lists everything, what leaves last first.
type DispatchFilter struct {
	State   string // one of DispatchStates; "" = any
	Text    string // the beginning of a notice's number, as it is written
	Partner string // for the host: a supplier's account number
	Limit   int    // 1 to 200; 0 = 50
	Cursor  string // from an earlier page
}

// Key tells one filter from every other.
func (f DispatchFilter) Key() string {
	b, _ := json.Marshal(f) // strings and numbers: it cannot fail
	return string(b)
}

// Check returns an Invalid error naming every field that cannot be meant, and fills in the defaults.
func (f *DispatchFilter) Check() error {
	bad := map[string]string{}
	if f.State != "" && !slices.Contains(DispatchStates, f.State) {
		bad["state"] = "choose from sent, taken, refused"
	}
	checkList(bad, &f.Limit, f.Cursor, map[string]string{"q": f.Text, "partner": f.Partner})
	return unmade(bad)
}

// A DeskDispatch is a notice with the supplier that it is of.
type DeskDispatch struct {
	Partner     string `json:"partner" doc:"The supplier's account number"`
	PartnerName string `json:"partner_name"`
	Dispatch
}

// query returns the SQL of one page of notices and one row more: of the partner, or across all where it is 0.
func (f *DispatchFilter) query(tx *portal.Tx, partner int64) (string, []any) {
	where, by, args := `true`, `d.ships_on DESC, d.partner_id DESC, d.number DESC`, []any{}
	and := func(condition string, arg any) {
		args = append(args, arg)
		where += fmt.Sprintf(condition, len(args))
	}
	if partner != 0 {
		and(` AND d.partner_id = $%d`, partner)
		by = `d.ships_on DESC, d.number DESC`
	}
	if tx.By.Sites != nil {
		and(` AND d.site = ANY($%d)`, tx.By.Sites)
	}
	if f.State != "" {
		and(` AND d.state = $%d`, f.State)
	}
	if f.Text != "" {
		and(` AND d.number ~>=~ $%[1]d AND d.number ~<~ ($%[1]d || chr(1114111))`, f.Text)
	}
	if c, _ := readDayCursor(f.Cursor); c.Day != "" && partner != 0 {
		args = append(args, c.Day, c.Key)
		where += fmt.Sprintf(` AND (d.ships_on, d.number) < ($%d::date, $%d)`, len(args)-1, len(args))
	} else if c.Day != "" {
		args = append(args, c.Day, c.Partner, c.Key)
		where += fmt.Sprintf(` AND (d.ships_on, d.partner_id, d.number) < ($%d::date, $%d, $%d)`, len(args)-2, len(args)-1, len(args))
	}
	limit := ``
	if f.Limit > 0 {
		args = append(args, f.Limit+1)
		limit = fmt.Sprintf(` LIMIT $%d`, len(args))
	}
	return `SELECT row_to_json(x)::text, d.partner_id, p.number, p.name FROM (SELECT * FROM dispatches d WHERE ` + where + ` ORDER BY ` + by + limit + `) d
		JOIN partners p ON p.partner_id = d.partner_id CROSS JOIN LATERAL (SELECT ` + dispatchDocument + `) x ORDER BY ` + by, args
}

func (f *DispatchFilter) each(ctx context.Context, tx *portal.Tx, partner int64, g func(partner int64, d DeskDispatch) error) error {
	query, args := f.query(tx, partner)
	return tx.Each(ctx, func(r *sqlx.Rows) error {
		var doc string
		var id int64
		d := DeskDispatch{Dispatch: Dispatch{Receipts: []Receipt{}, Files: []files.File{}}}
		if err := r.Scan(&doc, &id, &d.Partner, &d.PartnerName); err != nil {
			return err
		}
		if err := unmarshal(&d.Dispatch, doc); err != nil {
			return err
		}
		return g(id, d)
	}, query, args...)
}

func (f *DispatchFilter) page(ctx context.Context, tx *portal.Tx, partner int64) (list []DeskDispatch, next string, err error) {
	list = []DeskDispatch{}
	var last dayCursor
	err = f.each(ctx, tx, partner, func(id int64, d DeskDispatch) error {
		if len(list) == f.Limit {
			next = last.String()
			return nil
		}
		list, last = append(list, d), dayCursor{d.ShipsOn, id, d.Number}
		return nil
	})
	if err != nil {
		return nil, "", fmt.Errorf("listing shipment notices: %w", err)
	}
	return list, next, nil
}

// Dispatches lists what the supplier announced, what leaves last first; next is the cursor of the next page, "" = this is the last. A filter that makes no sense is Invalid.
func Dispatches(ctx context.Context, tx *portal.Tx, f DispatchFilter) (list []Dispatch, next string, err error) {
	if err := tx.Need(portal.PurchasingRead); err != nil {
		return nil, "", err
	}
	if err := f.Check(); err != nil {
		return nil, "", err
	}
	all, next, err := f.page(ctx, tx, tx.By.PartnerID)
	list = []Dispatch{}
	for _, d := range all {
		list = append(list, d.Dispatch)
	}
	return list, next, err
}

// DispatchesAcross lists what all suppliers announced, or the one that f names, for the host's buyers.
func DispatchesAcross(ctx context.Context, tx *portal.Tx, f DispatchFilter) (list []DeskDispatch, next string, err error) {
	if err := tx.Need(portal.PurchasesRead); err != nil {
		return nil, "", err
	}
	if err := f.Check(); err != nil {
		return nil, "", err
	}
	partner, err := Narrowed(ctx, tx, f.Partner)
	if err != nil {
		return nil, "", err
	}
	return f.page(ctx, tx, partner)
}

// ExportDispatches gives f every notice of the filter, and audits that they were taken away as the named format. Limit and Cursor do not count.
func ExportDispatches(ctx context.Context, tx *portal.Tx, f DispatchFilter, format string, each func(Dispatch) error) error {
	if err := tx.Need(portal.PurchasingRead); err != nil {
		return err
	}
	f.Cursor, f.Limit = "", 0
	if err := f.Check(); err != nil {
		return err
	}
	f.Limit = 0
	if err := tx.Audit(ctx, "dispatch.export", "dispatches", map[string]string{"format": format, "state": f.State, "text": f.Text}); err != nil {
		return err
	}
	return f.each(ctx, tx, tx.By.PartnerID, func(_ int64, d DeskDispatch) error { return each(d.Dispatch) })
}

// ExportDispatchesAcross gives f every notice of the filter, of all suppliers or the one that it names, and audits that they were taken away as the named format. Limit and Cursor do not count.
func ExportDispatchesAcross(ctx context.Context, tx *portal.Tx, f DispatchFilter, format string, each func(DeskDispatch) error) error {
	if err := tx.Need(portal.PurchasesRead); err != nil {
		return err
	}
	f.Cursor, f.Limit = "", 0
	if err := f.Check(); err != nil {
		return err
	}
	f.Limit = 0
	partner, err := Narrowed(ctx, tx, f.Partner)
	if err != nil {
		return err
	}
	if err := tx.Audit(ctx, "dispatch.export", "dispatches", map[string]string{"format": format, "state": f.State, "partner": f.Partner, "text": f.Text}); err != nil {
		return err
	}
	return f.each(ctx, tx, partner, func(_ int64, d DeskDispatch) error { return each(d) })
}

// GetDispatch returns one notice with what the host received of it. One that is not there, or another partner's, is NotFound.
func GetDispatch(ctx context.Context, tx *portal.Tx, number string) (d Dispatch, err error) {
	if err := tx.Need(portal.PurchasingRead); err != nil {
		return d, err
	}
	return dispatchOf(ctx, tx, tx.By.PartnerID, number)
}

// OpenDispatch returns a supplier's notice to the host's buyers. One that is not there is NotFound.
func OpenDispatch(ctx context.Context, tx *portal.Tx, partner, number string) (d DeskDispatch, err error) {
	if err := tx.Need(portal.PurchasesRead); err != nil {
		return d, err
	}
	s, err := supplierOf(ctx, tx, partner)
	if err != nil {
		return d, err
	}
	d.Partner, d.PartnerName = s.Number, s.Name
	d.Dispatch, err = dispatchOf(ctx, tx, s.ID, number)
	return d, err
}

func dispatchOf(ctx context.Context, tx *portal.Tx, partner int64, number string) (d Dispatch, err error) {
	gone := portal.Errorf(portal.NotFound, "there is no shipment notice with this number")
	if !plain(number, 100) {
		return d, gone
	}
	var doc string
	err = tx.Get(ctx, &doc, `SELECT row_to_json(x)::text FROM (SELECT `+dispatchDocument+` FROM dispatches d WHERE d.partner_id = $1 AND d.number = $2 AND ($3::text[] IS NULL OR d.site = ANY($3))) x`,
		partner, number, portal.Limit(tx.By.Sites))
	if errors.Is(err, sql.ErrNoRows) {
		return d, gone
	} else if err != nil {
		return d, fmt.Errorf("reading a shipment notice: %w", err)
	}
	if err := unmarshal(&d, doc); err != nil {
		return d, err
	}
	d.Receipts = []Receipt{}
	if err := tx.Select(ctx, &d.Receipts, `SELECT `+receiptColumns+` FROM `+receiptsFrom+` WHERE r.partner_id = $1 AND r.dispatch = $2 ORDER BY r.received_at, r.receipt`, partner, number); err != nil {
		return d, fmt.Errorf("reading receipts: %w", err)
	}
	d.Files, err = files.Of(ctx, tx, partner, papersOf(number))
	return d, err
}
