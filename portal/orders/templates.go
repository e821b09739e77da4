package orders

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"extranet/portal"
)

// A Template is a list that the partner orders again and again; all its buyers see it.
type Template struct {
	ID     uuid.UUID `json:"id" db:"template_id"`
	Name   string    `json:"name" db:"name"`
	Kept   string    `json:"-" db:"lines"`
	MadeBy string    `json:"made_by" db:"made_by"`
	MadeAt time.Time `json:"made_at" db:"made_at"`
	Lines  []New     `json:"lines" db:"-"`
}

const templatesAtMost = 200

// Templates lists the partner's order templates by name.
func Templates(ctx context.Context, tx *portal.Tx) ([]Template, error) {
	return templates(ctx, tx, `SELECT template_id, name, lines, made_by, made_at FROM order_templates WHERE partner_id = $1 ORDER BY lower(name)`, tx.By.PartnerID)
}

func templates(ctx context.Context, tx *portal.Tx, query string, args ...any) (list []Template, err error) {
	if err := mayOrder(tx); err != nil {
		return nil, err
	}
	list = []Template{}
	if err := tx.Select(ctx, &list, query, args...); err != nil {
		return nil, fmt.Errorf("listing templates: %w", err)
	}
	for i := range list {
		if err := json.Unmarshal([]byte(list[i].Kept), &list[i].Lines); err != nil {
			return nil, fmt.Errorf("reading template %s: %w", list[i].ID, err)
		}
	}
	return list, nil
}

// KeepTemplate keeps what is in the caller's cart under a name. A name that is taken is Invalid.
func KeepTemplate(ctx context.Context, tx *portal.Tx, name string) (t Template, err error) {
	name = strings.TrimSpace(name)
	c, err := cartOf(ctx, tx)
	if err != nil {
		return t, err
	}
	if len(c.Lines) == 0 {
		return t, portal.Errorf(portal.Conflict, "your cart is empty; a template keeps what is in it")
	}
	if name == "" || unreadable(name, 60) {
		return t, &portal.Error{Kind: portal.Invalid, Msg: "the template needs a name", Fields: map[string]string{"name": "Name: 1 to 60 readable characters"}}
	}
	var lines []New
	for _, l := range c.Lines {
		lines = append(lines, New{Number: l.Product, Quantity: l.Quantity, Site: l.Site})
	}
	text, err := json.Marshal(lines)
	if err != nil {
		return t, err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return t, err
	}
	var many int
	if err := tx.Get(ctx, &many, `SELECT count(*) FROM order_templates WHERE partner_id = $1`, tx.By.PartnerID); err != nil {
		return t, err
	}
	if many >= templatesAtMost {
		return t, portal.Errorf(portal.Conflict, "there are %d templates; delete one first", many)
	}
	n, err := tx.Exec(ctx, `INSERT INTO order_templates (partner_id, template_id, name, lines, made_by, made_at) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (partner_id, lower(name)) DO NOTHING`,
		tx.By.PartnerID, id, name, string(text), tx.By.Name, tx.Now)
	if err != nil {
		return t, fmt.Errorf("keeping a template: %w", err)
	}
	if n == 0 {
		return t, &portal.Error{Kind: portal.Invalid, Msg: "this name is taken", Fields: map[string]string{"name": "Name: there is a template " + name + " already"}}
	}
	return Template{ID: id, Name: name, MadeBy: tx.By.Name, MadeAt: tx.Now, Lines: lines}, tx.Audit(ctx, "orders.template_keep", "templates/"+id.String(), map[string]string{"name": name, "lines": fmt.Sprint(len(lines))})
}

// UseTemplate puts the template's lines into the caller's cart; each is taken, corrected or refused as products are today. Lines for a site that the
// caller may not order for go to the usual one. One that is not there is NotFound.
func UseTemplate(ctx context.Context, tx *portal.Tx, id string) ([]Taken, error) {
	if err := mayOrder(tx); err != nil {
		return nil, err
	}
	none := portal.Errorf(portal.NotFound, "there is no such template")
	key, err := uuid.Parse(id)
	if err != nil {
		return nil, none
	}
	found, err := templates(ctx, tx, `SELECT template_id, name, lines, made_by, made_at FROM order_templates WHERE partner_id = $1 AND template_id = $2`, tx.By.PartnerID, key)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, none
	}
	lines := found[0].Lines
	for i := range lines {
		if !tx.By.MaySeeSite(lines[i].Site) {
			lines[i].Site = ""
		}
	}
	return AddToCart(ctx, tx, lines)
}

// DropTemplate deletes a template; NotFound when it is not there.
func DropTemplate(ctx context.Context, tx *portal.Tx, id string) error {
	if err := mayOrder(tx); err != nil {
		return err
	}
	none := portal.Errorf(portal.NotFound, "there is no such template")
	key, err := uuid.Parse(id)
	if err != nil {
		return none
	}
	n, err := tx.Exec(ctx, `DELETE FROM order_templates WHERE partner_id = $1 AND template_id = $2`, tx.By.PartnerID, key)
	if err != nil {
		return fmt.Errorf("deleting a template: %w", err)
	}
	if n == 0 {
		return none
	}
	return tx.Audit(ctx, "orders.template_drop", "templates/"+key.String(), nil)
}
