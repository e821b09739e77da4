package jobs

import (
	"context"
	"slices"

	"extranet/portal"
)

// Offer writes down what the mapping offers.
var Offer = offer

// Widened is where a list may stand in a select that finds keys.
var Widened = widened

// AfterDone is called when the core has a command of the tests and the portal does not know yet; it may be the end of the process.
var AfterDone = func() {}

// Commands of the tests. What became of one is written among the changes of its document.
func init() {
	note := func(ctx context.Context, tx *portal.Tx, c portal.Sent, field, became string) error {
		_, err := tx.Exec(ctx, `INSERT INTO changes (partner_id, noun, key, at, field, was, became) VALUES ($1, 'test', $2, $3, $4, $5, $6)`, c.PartnerID, c.Document, tx.Now, field, c.ID.String(), became)
		return err
	}
	for _, name := range []string{"place_test_order", "cancel_test_order"} {
		commandHandlers = append(commandHandlers, commandHandler{
			name: name, values: []string{"n", "po", "note", "lines"}, lists: map[string][]string{"lines": {"product", "quantity"}}, returns: []string{"order_number"},
			done: func(ctx context.Context, tx *portal.Tx, c portal.Sent, returned map[string]string) error {
				AfterDone()
				return note(ctx, tx, c, "done "+c.ID.String(), returned["order_number"])
			},
			refused: func(ctx context.Context, tx *portal.Tx, c portal.Sent, why string) error {
				return note(ctx, tx, c, "refused "+c.ID.String(), why)
			},
		})
	}
}

// Break takes a step out of the engine, or changes the order of two, until undo is called. The faults are no-deletes, mark-forgotten-first,
// no-overlap and insert-without-key; the last two are of the feeds of m.
func Break(fault string, m *Mapping) (undo func()) {
	broken.noDeletes, broken.forgetFirst = broken.noDeletes || fault == "no-deletes", broken.forgetFirst || fault == "mark-forgotten-first"
	for _, f := range m.Feeds {
		switch {
		case fault == "no-overlap":
			f.Overlap = 0
		case fault == "insert-without-key" && f.Entity == "supplier_invoice_lines": // what is not there just as it is read is inserted
			f.entity.mirror.Key = append(slices.Clone(f.entity.mirror.Key), "net")
		}
	}
	return func() { broken.noDeletes, broken.forgetFirst = false, false }
}
