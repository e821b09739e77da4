package orders

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"extranet/portal"
	"extranet/portal/sheet"
)

// An Upload is a list that was sent, and what became of each of its rows.
type Upload struct {
	ID        uuid.UUID `json:"id"`
	At        time.Time `json:"at"`
	Taken     int       `json:"taken" doc:"Rows that are in the cart as they were written"`
	Corrected int       `json:"corrected" doc:"Rows that are in the cart with what is sold"`
	Refused   int       `json:"refused" doc:"Rows that are not in the cart"`
	Rows      []Taken   `json:"rows" doc:"Every row of the list, in its order"`
}

func (u *Upload) count() {
	u.Taken, u.Corrected, u.Refused = 0, 0, 0
	for _, t := range u.Rows {
		switch t.State {
		case "taken":
			u.Taken++
		case "corrected":
			u.Corrected++
		default:
			u.Refused++
		}
	}
}

// ListLimits bound a list that is ordered from.
var ListLimits = sheet.Limits{Rows: linesAtMost, Columns: 40}

// TakeList takes the lines of a list into the caller's cart: of columns headed number, quantity and, if it has them, site and requested on; or, without
// a heading, of these in this order. Every row is taken, corrected, or refused with its place in the list and the reason.
func TakeList(ctx context.Context, tx *portal.Tx, t sheet.Table) (u Upload, err error) {
	number, quantity := t.Find("number", "product", "article", "part number", "part", "sku"), t.Find("quantity", "qty", "pieces")
	site, day := t.Find("site", "ship to", "branch"), t.Find("requested on", "requested", "date", "wanted on")
	if number < 0 {
		t, number, quantity, site, day = t.Headed("number", "quantity", "site", "requested on"), 0, 1, 2, 3
	}
	type fault struct{ column, why string }
	lines, faults := make([]New, len(t.Rows)), make([]fault, len(t.Rows))
	for i, row := range t.Rows {
		l := New{Number: row.Cell(number), Site: row.Cell(site)}
		if d, err := t.Day(row.Cell(day)); err == nil {
			l.RequestedOn = d
		} else {
			faults[i] = fault{"requested_on", err.Error()}
		}
		if n, err := t.Number(row.Cell(quantity)); err == nil {
			l.Quantity = portal.Amount(n.String())
		} else {
			faults[i] = fault{"quantity", err.Error()}
		}
		if faults[i].why != "" {
			l.Quantity = "?" // which is refused with the rest, in its turn
		}
		lines[i] = l
	}
	if u.Rows, err = AddToCart(ctx, tx, lines); err != nil {
		return u, err
	}
	for i := range u.Rows {
		r := &u.Rows[i]
		if r.Row = t.Rows[i].Number; faults[i].why == "" {
			continue
		}
		if r.Column != "number" {
			r.Column, r.Reason = faults[i].column, faults[i].why
		}
		r.Asked.Quantity, r.Typed = "", &Typed{t.Rows[i].Cell(quantity), t.Rows[i].Cell(day)}
	}
	u.ID, err = KeepUpload(ctx, tx, u.Rows)
	u.At = tx.Now
	u.count()
	return u, err
}

// KeepUpload keeps what became of a list for the caller, for two days and the last twenty.
func KeepUpload(ctx context.Context, tx *portal.Tx, rows []Taken) (id uuid.UUID, err error) {
	if id, err = uuid.NewV7(); err != nil {
		return id, err
	}
	text, err := json.Marshal(rows)
	if err != nil {
		return id, err
	}
	if _, err := tx.Exec(ctx, `DELETE FROM cart_uploads WHERE partner_id = $1 AND owner = $2 AND (at < $3 OR upload_id IN (SELECT upload_id FROM cart_uploads WHERE partner_id = $1 AND owner = $2 ORDER BY upload_id DESC OFFSET 19))`,
		tx.By.PartnerID, ownerOf(tx.By), tx.Now.Add(-48*time.Hour)); err != nil {
		return id, fmt.Errorf("forgetting uploads: %w", err)
	}
	_, err = tx.Exec(ctx, `INSERT INTO cart_uploads (partner_id, owner, upload_id, at, rows) VALUES ($1, $2, $3, $4, $5)`, tx.By.PartnerID, ownerOf(tx.By), id, tx.Now, string(text))
	return id, err
}

// GetUpload returns the caller's upload; NotFound when it is not there, or somebody else's.
func GetUpload(ctx context.Context, tx *portal.Tx, id string) (u Upload, err error) {
	if err := mayOrder(tx); err != nil {
		return u, err
	}
	none := portal.Errorf(portal.NotFound, "there is no such upload any more; they are kept for two days")
	if u.ID, err = uuid.Parse(id); err != nil {
		return u, none
	}
	var kept []struct {
		At   time.Time `db:"at"`
		Rows string    `db:"rows"`
	}
	if err := tx.Select(ctx, &kept, `SELECT at, rows FROM cart_uploads WHERE partner_id = $1 AND owner = $2 AND upload_id = $3`, tx.By.PartnerID, ownerOf(tx.By), u.ID); err != nil {
		return u, fmt.Errorf("reading an upload: %w", err)
	}
	if len(kept) == 0 {
		return u, none
	}
	u.At = kept[0].At
	if err := json.Unmarshal([]byte(kept[0].Rows), &u.Rows); err != nil {
		return u, fmt.Errorf("reading an upload: %w", err)
	}
	u.count()
	return u, nil
}

// RefusedHeader names the columns of the file of what was refused, which can be mended and sent again as it is.
var RefusedHeader = []string{"Number", "Quantity", "Site", "Requested on", "Row", "Column", "Reason"}

// EachRefused gives row the cells of each refused row, as they were written, and audits that they were taken away.
func (u Upload) EachRefused(ctx context.Context, tx *portal.Tx, format string, row func(...any) error) error {
	for _, t := range u.Rows {
		if t.State != "refused" {
			continue
		}
		quantity, day := any(t.Asked.Quantity), any(t.Asked.RequestedOn)
		if t.Typed != nil {
			quantity, day = t.Typed.Quantity, t.Typed.RequestedOn
		}
		if err := row(t.Asked.Number, quantity, t.Asked.Site, day, t.Row, t.Column, t.Reason); err != nil {
			return err
		}
	}
	return tx.Audit(ctx, "orders.refused", "cart", map[string]string{"format": format})
}
