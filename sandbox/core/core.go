// Package core makes up a company for the demo and the tests: a tyre and parts distributor with its own core database, an ERP that knows nothing of the
// portal, and what happens in it from day to day.
package core

import (
	"context"
	"database/sql"
	_ "embed"
	"fmt"
	"time"
)

// Name is the company's.
const Name = "Tarnmoor Tyre & Parts"

// Remittance says how its dealers pay.
const Remittance = "By transfer to Tarnmoor Tyre & Parts, IBAN NL00 TARN 0123 4567 89, BIC TARNNL2X.\nName your account number and the numbers of the invoices that you pay.\nQuestions: receivables@tarnmoor.example, +31 55 555 0142."

// Mapping tells the portal how to read the company's database: YAML, with the database's address as ${EXTRANET_CORE_URL}.
//
//go:embed mapping.yaml
var Mapping string

//go:embed schema.sql
var schema string

//go:embed purchases.sql
var purchasesSchema string

//go:embed ledger.sql
var ledgerSchema string

// A Size says how much there is, at most 12 suppliers and 600 items. Orders is roughly their number, with those that continue another, and Days how far
// back they reach.
type Size struct{ Dealers, Suppliers, Items, Orders, Days int }

var (
	Small = Size{Dealers: 12, Suppliers: 4, Items: 80, Orders: 300, Days: 45}
	Demo  = Size{Dealers: 40, Suppliers: 12, Items: 600, Orders: 4000, Days: 180}
)

// Exists reports whether the database holds the company.
func Exists(ctx context.Context, db *sql.DB) (bool, error) { return exists(ctx, db) }

type queryer interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func exists(ctx context.Context, q queryer) (yes bool, err error) {
	err = q.QueryRowContext(ctx, `SELECT to_regclass('erp.company') IS NOT NULL`).Scan(&yes)
	return yes, err
}

// Create fills the database with the company and its business up to now, all of it or nothing. The same size and time give the same
// company; one that is there already is kept as it is. progress may be nil; it hears what is written and how many rows of it.
func Create(ctx context.Context, db *sql.DB, size Size, now time.Time, progress func(what string, done, total int)) error {
	if progress == nil {
		progress = func(string, int, int) {}
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("creating the sample company: %w", err)
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock(hashtext('erp'))`); err != nil {
		return fmt.Errorf("creating the sample company: %w", err)
	}
	if there, err := exists(ctx, tx); err != nil || there {
		return err
	}
	if _, err := tx.ExecContext(ctx, schema+purchasesSchema+ledgerSchema); err != nil {
		return fmt.Errorf("creating the sample company: %w", err)
	}
	c, err := invent(size, now.UTC().Truncate(time.Microsecond))
	if err != nil {
		return fmt.Errorf("creating the sample company: %w", err)
	}
	bought := c.buy(size.Days)
	for _, t := range append(c.tables(), bought.tables()...) {
		if err := load(ctx, tx, t, progress); err != nil {
			return fmt.Errorf("creating the sample company: %s: %w", t.name, err)
		}
	}
	if _, err := tx.ExecContext(ctx, `SELECT setval('erp.so_numbers', $1), setval('erp.dlv_numbers', $2), setval('erp.ar_numbers', $3), setval('erp.rcpt_numbers', $4), setval('erp.clr_numbers', $5)`,
		c.lastOrder, c.lastDelivery, firstDocument+len(c.ledger.documents), firstReceipt+len(c.ledger.receipts), len(c.ledger.clearings)+1); err != nil {
		return fmt.Errorf("creating the sample company: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `SELECT setval('erp.po_numbers', $1), setval('erp.gr_numbers', $2), setval('erp.inv_numbers', $3), setval('erp.pay_numbers', $4)`,
		bought.order, bought.receipt, bought.bill, bought.payment); err != nil {
		return fmt.Errorf("creating the sample company: %w", err)
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("creating the sample company: %w", err)
	}
	_, err = db.ExecContext(ctx, `ANALYZE`)
	return err
}

// load copies a table's rows.
func load(ctx context.Context, tx *sql.Tx, t table, progress func(string, int, int)) error {
	in, err := tx.PrepareContext(ctx, "COPY erp."+t.name+" ("+t.columns+") FROM STDIN")
	if err != nil {
		return err
	}
	defer in.Close()
	for i, row := range t.rows {
		if _, err := in.ExecContext(ctx, row...); err != nil {
			return err
		}
		if i%1000 == 999 {
			progress(t.what, i+1, len(t.rows))
		}
	}
	if _, err := in.ExecContext(ctx); err != nil {
		return err
	}
	progress(t.what, len(t.rows), len(t.rows))
	return nil
}
