package orders

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"extranet/portal"
)

// Notes are what is typed beside the lines of a cart before it is ordered. They are kept with it, and go with it.
type Notes struct {
	PONumber string `db:"po_number"`
	Comment  string `db:"comment"`
	Template string `db:"template"` // the name under which it is to be kept as a template
}

// wrong says what of them cannot be ordered or kept as it is, by field.
func (n Notes) wrong() map[string]string {
	bad := map[string]string{}
	if unreadable(n.PONumber, 30) {
		bad["po_number"] = "Your PO number: at most 30 readable characters"
	}
	if unreadable(strings.NewReplacer("\r", " ", "\n", " ", "\t", " ").Replace(n.Comment), 200) {
		bad["comment"] = "Comment: at most 200 readable characters"
	}
	if unreadable(n.Template, 60) {
		bad["name"] = "Name: 1 to 60 readable characters"
	}
	return bad
}

func unreadable(text string, atMost int) bool {
	return utf8.RuneCountInString(text) > atMost || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == utf8.RuneError })
}

// NotesOf returns what stands beside the caller's cart.
func NotesOf(ctx context.Context, tx *portal.Tx) (n Notes, err error) {
	if err := mayOrder(tx); err != nil {
		return n, err
	}
	var kept []Notes
	if err := tx.Select(ctx, &kept, `SELECT po_number, comment, template FROM carts WHERE partner_id = $1 AND owner = $2`, tx.By.PartnerID, ownerOf(tx.By)); err != nil {
		return n, fmt.Errorf("reading what is beside the cart: %w", err)
	}
	if len(kept) > 0 {
		n = kept[0]
	}
	return n, nil
}

// KeepNotes keeps what stands beside the caller's cart. What could not be ordered so is Invalid.
func KeepNotes(ctx context.Context, tx *portal.Tx, n Notes) error {
	if err := mayOrder(tx); err != nil {
		return err
	}
	if bad := n.wrong(); len(bad) > 0 {
		return &portal.Error{Kind: portal.Invalid, Msg: "this cannot be ordered as it is", Fields: bad}
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO carts AS c (partner_id, owner, po_number, comment, template) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (partner_id, owner) DO UPDATE SET po_number = $3, comment = $4, template = $5 WHERE (c.po_number, c.comment, c.template) <> ($3, $4, $5)`,
		tx.By.PartnerID, ownerOf(tx.By), n.PONumber, n.Comment, n.Template)
	if err != nil {
		return fmt.Errorf("keeping what is beside the cart: %w", err)
	}
	return nil
}
