package core

import "maps"

// What the company buys is held to the same tests as what it sells.
var (
	purchaseTables = []string{"po_header", "po_line", "po_schedule", "goods_receipt", "vendor_invoice", "vendor_payment"}
	purchaseKinds  = []string{"is sent", "another day", "more", "brings", "invoice"}
	purchaseStamps = `(SELECT max(changed_at) FROM erp.po_header), (SELECT max(changed_at) FROM erp.po_line), (SELECT max(changed_at) FROM erp.po_schedule), (SELECT max(changed_at) FROM erp.vendor_invoice)`

	purchaseExpectations = map[string]string{}
)

func init() {
	maps.Copy(rules, map[string]string{
		"a purchase line is asked for in its schedule": `SELECT count(*) FROM erp.po_line l WHERE qty <> (SELECT sum(qty) FROM erp.po_schedule s WHERE (s.po_no, s.line_no) = (l.po_no, l.line_no))`,
		"what came in was received":                    `SELECT count(*) FROM erp.po_line l WHERE qty_in <> (SELECT coalesce(sum(qty - qty_rejected), 0) FROM erp.goods_receipt g WHERE (g.po_no, g.line_no) = (l.po_no, l.line_no))`,
		"purchases close when all is in":               `SELECT count(*) FROM erp.po_header h WHERE (status = 80) <> NOT EXISTS (SELECT FROM erp.po_line l WHERE l.po_no = h.po_no AND l.status = 10)`,
		"purchase lines close when all is in":          `SELECT count(*) FROM erp.po_line WHERE (status = 80) <> (qty_in >= qty)`,
		"vendors' invoices are their lines'":           `SELECT count(*) FROM erp.vendor_invoice i WHERE net <> (SELECT sum(qty * price) FROM erp.vendor_invoice_line l WHERE l.inv_no = i.inv_no)`,
		"what is paid is in a payment": `SELECT count(*) FROM erp.vendor_invoice i WHERE paid <> (SELECT coalesce(sum(amount + discount), 0) FROM erp.vendor_payment_item p WHERE p.inv_no = i.inv_no)
			OR (status = 60) <> (paid = net + tax)`,
	})
	maps.Copy(purchaseExpectations, map[string]string{
		"purchases":       `SELECT count(*) > 20 FROM erp.po_header`,
		"unanswered":      `SELECT count(*) > 3 FROM erp.po_header h WHERE status = 10 AND NOT EXISTS (SELECT FROM erp.po_schedule s WHERE s.po_no = h.po_no AND confirmed_on IS NOT NULL)`,
		"rejects":         `SELECT count(*) > 2 FROM erp.goods_receipt WHERE qty_rejected > 0`,
		"vendors' states": `SELECT count(DISTINCT status) >= 3 FROM erp.vendor_invoice`,
	})
	maps.Copy(columns, map[string]string{
		"purchase_orders":        "partner* number*+ site status* currency* ordered_on* buyer ship_to terms net* comment",
		"purchase_order_lines":   "partner* order_number*+ line*+ product supplier_product description* unit quantity* received* price* net* requested_on status*",
		"schedule_lines":         "partner* order_number*+ line*+ schedule*+ requested_on* quantity* confirmed_on confirmed_quantity",
		"receipts":               "partner* receipt*+ kind site order_number* order_line product received_at* quantity* rejected reason dispatch",
		"supplier_invoices":      "partner* invoice*+ number* site order_number status* why currency* invoiced_on* due_on net* tax* total* open*",
		"supplier_invoice_lines": "partner* invoice*+ line*+ order_number order_line product quantity* price* net*",
		"supplier_payments":      "partner* payment*+ paid_on* currency* amount* method reference",
		"purchase_decisions":     "partner* order_number*+ answer*+ line*+ accepted* why decided_at*",
		"remittance_lines":       "partner* payment*+ invoice*+ amount* discount",
	})
}
