package catalog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"extranet/portal"
)

// A Place is where some of a product lies, and what comes there next.
type Place struct {
	Warehouse    string        `json:"warehouse" db:"warehouse"`
	Name         string        `json:"name" db:"name"`
	Available    portal.Amount `json:"available" db:"available" doc:"What may still be sold"`
	NextOn       portal.Date   `json:"next_on" db:"next_on" doc:"Day of the next receipt; null where none is known" format:"date" nullable:"true"`
	NextQuantity portal.Amount `json:"next_quantity" db:"next_quantity" doc:"What comes that day; empty where none is known"`
}

// An Alternate is another product that can stand in.
type Alternate struct {
	Kind string `json:"kind" db:"kind" enum:"drop_in,functional,upgrade" doc:"drop_in: the same form, fit and function; functional: the same function; upgrade: the better one"`
	Note string `json:"note" db:"note"`
	Item
}

// A Document belongs to one product, in one version.
type Document struct {
	ID       string      `json:"document" db:"document"`
	Kind     string      `json:"kind" db:"kind"`
	Title    string      `json:"title" db:"title"`
	Version  string      `json:"version" db:"version"`
	Language string      `json:"language" db:"language"`
	IssuedOn portal.Date `json:"issued_on" db:"issued_on" format:"date" nullable:"true"`
	File     string      `json:"-" db:"file"` // within the host's folder
}

const documentColumns = `document, kind, title, coalesce(version, '') AS version, coalesce(language, '') AS language, issued_on, file`

// A Detail is a product with all that belongs to it.
type Detail struct {
	Item
	WeightKg    portal.Amount `json:"weight_kg" db:"weight_kg"`
	Prices      []Offer       `json:"prices" doc:"What each quantity costs this partner apiece today, from the least up; empty where the price is to be asked for"`
	List        *Offer        `json:"list_price,omitempty" doc:"What the list says for the least quantity; left out where it has none"`
	Stock       []Place       `json:"stock"`
	Alternates  []Alternate   `json:"alternates"`
	Documents   []Document    `json:"documents"`
	PartNumbers []string      `json:"part_numbers" doc:"The partner's own numbers for it"`
	Watched     bool          `json:"watched" doc:"The person asking hears of changes"`
}

var noProduct = portal.Errorf(portal.NotFound, "there is no product with this number")

// Get returns a product with its stock, the caller's prices, what can stand in, and the documents that the caller's segment may see.
func Get(ctx context.Context, tx *portal.Tx, product string) (d Detail, err error) {
	if err := may(tx); err != nil {
		return d, err
	}
	if !readable(product) {
		return d, noProduct
	}
	err = tx.Get(ctx, &d, `SELECT `+itemColumns+`, p.weight_kg FROM products p WHERE p.product = $1 AND ($2::text[] IS NULL OR p.category = ANY($2))`, product, assortment(tx))
	if errors.Is(err, sql.ErrNoRows) {
		return d, noProduct
	} else if err != nil {
		return d, fmt.Errorf("reading product: %w", err)
	}
	d.Stock, d.Alternates, d.Prices, d.PartNumbers = []Place{}, []Alternate{}, []Offer{}, []string{}
	if err := tx.Select(ctx, &d.Stock, `SELECT warehouse, coalesce(name, warehouse) AS name, available, next_on, next_quantity FROM availability WHERE product = $1 ORDER BY warehouse`, product); err != nil {
		return d, fmt.Errorf("reading stock: %w", err)
	}
	if err := tx.Select(ctx, &d.Alternates, `SELECT l.kind, coalesce(l.note, '') AS note, `+itemColumns+` FROM product_links l JOIN products p ON p.product = l.other
		WHERE l.product = $1 AND ($2::text[] IS NULL OR p.category = ANY($2)) ORDER BY array_position('{drop_in,functional,upgrade}'::text[], l.kind), p.product LIMIT 50`, product, assortment(tx)); err != nil {
		return d, fmt.Errorf("reading alternates: %w", err)
	}
	if err := tx.Select(ctx, &d.PartNumbers, `SELECT part_number FROM part_numbers WHERE partner_id = $1 AND product = $2 ORDER BY part_number`, tx.By.PartnerID, product); err != nil {
		return d, fmt.Errorf("reading own numbers: %w", err)
	}
	if d.Documents, err = documentsOf(ctx, tx, product); err != nil {
		return d, err
	}
	if err := tx.Get(ctx, &d.Watched, `SELECT EXISTS (SELECT 1 FROM watches WHERE partner_id = $1 AND person_id = $2 AND product = $3)`, tx.By.PartnerID, tx.By.PersonID, product); err != nil {
		return d, fmt.Errorf("reading watches: %w", err)
	}
	items := []*Item{&d.Item}
	for i := range d.Alternates {
		items = append(items, &d.Alternates[i].Item)
	}
	if err := complete(ctx, tx, items); err != nil || !tx.By.Perms.Has(portal.PricesRead) {
		return d, err
	}
	offers, terms, err := Offers(ctx, tx, []string{product})
	if err != nil {
		return d, err
	}
	today := portal.DateOf(tx.Now)
	d.Prices = append(d.Prices, Ladder(offers[product], terms.Currency, today)...)
	var list []Offer
	for _, o := range offers[product] {
		if o.Kind == "list" {
			list = append(list, o)
		}
	}
	if o, ok := PriceOf(list, d.Least(), terms.Currency, today); ok {
		d.List = &o
	}
	return d, nil
}

func documentsOf(ctx context.Context, tx *portal.Tx, product string) (list []Document, err error) {
	t, err := TermsOf(ctx, tx)
	if err != nil {
		return nil, err
	}
	list = []Document{}
	err = tx.Select(ctx, &list, `SELECT `+documentColumns+` FROM documents d
		WHERE product = $1 AND (segment IS NULL OR segment = $2) AND ($3::text[] IS NULL OR kind = ANY($3))
			AND ($4::text[] IS NULL OR EXISTS (SELECT 1 FROM products p WHERE p.product = d.product AND p.category = ANY($4)))
		ORDER BY kind, title, version DESC`, product, t.Segment, portal.Limit(tx.By.DocumentKinds), assortment(tx))
	if err != nil {
		return nil, fmt.Errorf("reading documents: %w", err)
	}
	return list, nil
}

// TakeDocument returns a document of the product and audits that the caller takes it away. One that is not there, or is for another segment, is NotFound.
func TakeDocument(ctx context.Context, tx *portal.Tx, product, document string) (Document, error) {
	if err := may(tx); err != nil {
		return Document{}, err
	}
	none := portal.Errorf(portal.NotFound, "there is no such document")
	if !readable(product) || !readable(document) {
		return Document{}, none
	}
	list, err := documentsOf(ctx, tx, product)
	if err != nil {
		return Document{}, err
	}
	for _, d := range list {
		if d.ID == document {
			return d, tx.Audit(ctx, "documents.download", "products/"+product, map[string]string{"document": d.ID, "title": d.Title, "version": d.Version})
		}
	}
	return Document{}, none
}

// watcher is the member who hears of what is watched: who asks, or whom a machine names.
func watcher(ctx context.Context, tx *portal.Tx, person uuid.UUID) (uuid.UUID, error) {
	if tx.By.PersonID != uuid.Nil {
		if person != uuid.Nil && person != tx.By.PersonID {
			return person, portal.Errorf(portal.Forbidden, "everybody watches for themselves")
		}
		return tx.By.PersonID, nil
	}
	if person == uuid.Nil {
		return person, &portal.Error{Kind: portal.Invalid, Msg: "a machine has no mail", Fields: map[string]string{"person": "name the member who hears of it"}}
	}
	var member bool
	if err := tx.Get(ctx, &member, `SELECT EXISTS (SELECT 1 FROM memberships WHERE partner_id = $1 AND person_id = $2 AND ended_at IS NULL)`, tx.By.PartnerID, person); err != nil {
		return person, fmt.Errorf("looking for a member: %w", err)
	}
	if !member {
		return person, portal.Errorf(portal.NotFound, "there is no such member")
	}
	return person, nil
}

// Watch has a person hear when the product comes into stock or is sold out, when its price changes, and when its life does; or no more. It is who asks:
// a machine names a member. A product or member that is not there is NotFound.
func Watch(ctx context.Context, tx *portal.Tx, person uuid.UUID, product string, on bool) error {
	if err := may(tx); err != nil {
		return err
	}
	person, err := watcher(ctx, tx, person)
	if err != nil {
		return err
	}
	if !on {
		_, err := tx.Exec(ctx, `DELETE FROM watches WHERE partner_id = $1 AND person_id = $2 AND product = $3`, tx.By.PartnerID, person, product)
		return err
	}
	d, err := Get(ctx, tx, product)
	if err != nil {
		return err
	}
	var many int
	if err := tx.Get(ctx, &many, `SELECT count(*) FROM watches WHERE partner_id = $1 AND person_id = $2`, tx.By.PartnerID, person); err != nil {
		return err
	}
	if many >= watchedAtMost {
		return portal.Errorf(portal.Conflict, "%d products are watched; stop watching one first", many)
	}
	var price portal.Amount
	if d.Price != nil {
		price = d.Price.UnitPrice
	}
	_, err = tx.Exec(ctx, `INSERT INTO watches (partner_id, person_id, product, since, in_stock, unit_price, lifecycle) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (partner_id, person_id, product) DO NOTHING`,
		tx.By.PartnerID, person, d.Product, tx.Now, d.Available.Number().IsPositive(), price, d.Lifecycle)
	if err != nil {
		return fmt.Errorf("watching: %w", err)
	}
	return nil
}

const watchedAtMost = 200

// Watched lists what a person watches: who asks, or whom a machine names.
func Watched(ctx context.Context, tx *portal.Tx, person uuid.UUID) (items []Item, err error) {
	if err := may(tx); err != nil {
		return nil, err
	}
	if person, err = watcher(ctx, tx, person); err != nil {
		return nil, err
	}
	items = []Item{}
	err = tx.Select(ctx, &items, `SELECT `+itemColumns+` FROM watches w JOIN products p USING (product) WHERE w.partner_id = $1 AND w.person_id = $2 AND ($3::text[] IS NULL OR p.category = ANY($3)) ORDER BY p.product`, tx.By.PartnerID, person, assortment(tx))
	if err != nil {
		return nil, fmt.Errorf("listing what is watched: %w", err)
	}
	return items, complete(ctx, tx, pointers(items))
}
