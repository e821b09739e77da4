package purchasing

import (
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"extranet/portal"
)

// Commands about what was rejected: that the supplier objects (receipt, order, line, words, by), and what the host answers (receipt, accepted, words, by).
const (
	CommandObject = "object_to_receipt"
	CommandSettle = "settle_objection"
)

// A Receipt is what arrived at the host at one time, or went back.
type Receipt struct {
	Receipt     string        `json:"receipt" db:"receipt"`
	Kind        string        `json:"kind" db:"kind" enum:"receipt,return"`
	OrderNumber string        `json:"order" db:"order_number"`
	OrderLine   int64         `json:"line" db:"order_line" doc:"0 where the core does not say"`
	Product     string        `json:"product" db:"product"`
	ReceivedAt  time.Time     `json:"received_at" db:"received_at"`
	Quantity    portal.Amount `json:"quantity" db:"quantity"`
	Rejected    portal.Amount `json:"rejected" db:"rejected" doc:"Of it, what the host did not take"`
	Reason      string        `json:"reason" db:"reason" doc:"Why it was rejected or sent back"`
	Dispatch    string        `json:"dispatch" db:"dispatch" doc:"The shipment notice that it came with"`
	AnswerBy    portal.Date   `json:"answer_by" db:"answer_by" format:"date" nullable:"true" doc:"Until when the supplier may object to what was rejected; null where nothing was"`
	Objection   string        `json:"objection" db:"objection" enum:"none,waiting,accepted,upheld,not_taken" doc:"waiting for the host; accepted: the rejection is taken back; upheld: it stands; not_taken by the host's system"`
	Objected    string        `json:"objected" db:"objected" doc:"What the supplier objects, in words"`
	Answered    string        `json:"answered" db:"answered" doc:"What the host answers to that"`
}

// receiptColumns of a receipt r with its objection b.
const receiptColumns = `r.receipt, coalesce(r.kind, 'receipt') AS kind, r.order_number, coalesce(r.order_line, 0) AS order_line, coalesce(r.product, '') AS product, r.received_at, trim_scale(r.quantity) AS quantity,
	trim_scale(coalesce(r.rejected, 0)) AS rejected, coalesce(r.reason, '') AS reason, coalesce(r.dispatch, '') AS dispatch, CASE WHEN r.defects THEN r.day + (SELECT claim_days FROM purchasing_policy) END AS answer_by,
	coalesce(b.state, 'none') AS objection, coalesce(b.words, '') AS objected, coalesce(b.answer, '') AS answered`

// receiptsFrom are the receipts r with their objections b.
const receiptsFrom = `receipts r LEFT JOIN receipt_objections b ON b.partner_id = r.partner_id AND b.receipt = r.receipt`

// Objectable reports whether the supplier may still object.
func (r Receipt) Objectable(today portal.Date) bool {
	return r.AnswerBy != "" && r.AnswerBy >= today && r.Objection == "none"
}

// ReceiptFilter narrows Receipts; the zero filter lists everything, newest first.
type ReceiptFilter struct {
	Show    string // "" = all; defects: rejected or sent back; objected: what waits for the host's answer to an objection
	Text    string // the beginning of a purchase order's number, as it is written
	Partner string // for the host: a supplier's account number
	Limit   int    // 1 to 200; 0 = 50
	Cursor  string // from an earlier page
}

type dayCursor struct {
	Day     portal.Date `json:"d"`
	Partner int64       `json:"p,omitempty"`
	Key     string      `json:"k"`
}

func (c dayCursor) String() string {
	b, _ := json.Marshal(c)
	return base64.RawURLEncoding.EncodeToString(b)
}

func readDayCursor(text string) (c dayCursor, err error) {
	if text == "" {
		return c, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return c, err
	}
	if err := json.Unmarshal(b, &c); err != nil {
		return c, err
	}
	if c.Day == "" || c.Key == "" || !plain(c.Key, 200) {
		return c, errors.New("another list's cursor")
	}
	return c, nil
}

// Key tells one filter from every other.
func (f ReceiptFilter) Key() string {
	b, _ := json.Marshal(f) // strings and numbers: it cannot fail
	return string(b)
}

// Check returns an Invalid error naming every field that cannot be meant, and fills in the defaults.
func (f *ReceiptFilter) Check() error {
	bad := map[string]string{}
	if !slices.Contains([]string{"", "defects", "objected"}, f.Show) {
		bad["show"] = "choose from defects, objected"
	}
	checkList(bad, &f.Limit, f.Cursor, map[string]string{"q": f.Text, "partner": f.Partner})
	return unmade(bad)
}

func checkList(bad map[string]string, limit *int, cursor string, texts map[string]string) {
	if *limit == 0 {
		*limit = 50
	}
	if *limit < 1 || *limit > 200 {
		bad["limit"] = "must be from 1 to 200"
	}
	for field, s := range texts {
		if !plain(s, 100) {
			bad[field] = "must be at most 100 readable characters"
		}
	}
	if _, err := readDayCursor(cursor); err != nil {
		bad["cursor"] = "is not one that this list gave; begin again without it"
	}
}

func unmade(bad map[string]string) error {
	if len(bad) > 0 {
		return &portal.Error{Kind: portal.Invalid, Msg: "this list cannot be made", Fields: bad}
	}
	return nil
}

// A DeskReceipt is a receipt with the supplier that it is of.
type DeskReceipt struct {
	Partner     string `json:"partner" db:"partner" doc:"The supplier's account number"`
	PartnerName string `json:"partner_name" db:"partner_name"`
	Receipt
}

// receiptQuery returns the SQL of one page of receipts and one row more: of the partner, or across all where it is 0. $2 are the caller's sites.
func receiptQuery(tx *portal.Tx, f ReceiptFilter, partner int64) (string, []any) {
	where, args := `($2::text[] IS NULL OR r.site = ANY($2))`, []any{partner, portal.Limit(tx.By.Sites)}
	if partner != 0 {
		where = `r.partner_id = $1 AND ` + where
	} else {
		where = `$1::bigint = 0 AND ` + where
	}
	switch f.Show {
	case "defects":
		where += ` AND r.defects`
	case "objected":
		where += ` AND EXISTS (SELECT 1 FROM receipt_objections w WHERE w.partner_id = r.partner_id AND w.receipt = r.receipt AND w.state = 'waiting')`
	}
	if f.Text != "" {
		args = append(args, f.Text)
		where += fmt.Sprintf(` AND r.order_number ~>=~ $%[1]d AND r.order_number ~<~ ($%[1]d || chr(1114111))`, len(args))
	}
	by := `r.day DESC, r.partner_id DESC, r.receipt DESC`
	if partner != 0 {
		by = `r.day DESC, r.receipt DESC`
	}
	if c, _ := readDayCursor(f.Cursor); c.Day != "" && partner != 0 {
		args = append(args, c.Day, c.Key)
		where += fmt.Sprintf(` AND (r.day, r.receipt) < ($%d::date, $%d)`, len(args)-1, len(args))
	} else if c.Day != "" {
		args = append(args, c.Day, c.Partner, c.Key)
		where += fmt.Sprintf(` AND (r.day, r.partner_id, r.receipt) < ($%d::date, $%d, $%d)`, len(args)-2, len(args)-1, len(args))
	}
	limit := ``
	if f.Limit > 0 {
		args = append(args, f.Limit+1)
		limit = fmt.Sprintf(` LIMIT $%d`, len(args))
	}
	return `SELECT r.partner_id, r.day, p.number AS partner, p.name AS partner_name, ` + receiptColumns + ` FROM (SELECT r.* FROM receipts r WHERE ` + where + ` ORDER BY ` + by + limit + `) r
		JOIN partners p ON p.partner_id = r.partner_id LEFT JOIN receipt_objections b ON b.partner_id = r.partner_id AND b.receipt = r.receipt ORDER BY ` + by, args
}

type receiptRow struct {
	PartnerID int64       `db:"partner_id"`
	Day       portal.Date `db:"day"`
	DeskReceipt
}

func pageOfReceipts(ctx context.Context, tx *portal.Tx, f ReceiptFilter, partner int64) (list []DeskReceipt, next string, err error) {
	query, args := receiptQuery(tx, f, partner)
	var rows []receiptRow
	if err := tx.Select(ctx, &rows, query, args...); err != nil {
		return nil, "", fmt.Errorf("listing receipts: %w", err)
	}
	list = []DeskReceipt{}
	for i, r := range rows {
		if i == f.Limit {
			last := rows[i-1]
			return list, dayCursor{last.Day, last.PartnerID, last.Receipt.Receipt}.String(), nil
		}
		list = append(list, r.DeskReceipt)
	}
	return list, "", nil
}

// Receipts lists what the host received of the supplier's, newest first; next is the cursor of the next page, "" = this is the last. A filter that makes no sense is Invalid.
func Receipts(ctx context.Context, tx *portal.Tx, f ReceiptFilter) (list []Receipt, next string, err error) {
	if err := tx.Need(portal.PurchasingRead); err != nil {
		return nil, "", err
	}
	if err := f.Check(); err != nil {
		return nil, "", err
	}
	all, next, err := pageOfReceipts(ctx, tx, f, tx.By.PartnerID)
	list = []Receipt{}
	for _, r := range all {
		list = append(list, r.Receipt)
	}
	return list, next, err
}

// ReceiptsAcross lists what was received of every supplier, or of the one that f names, for the host's buyers.
func ReceiptsAcross(ctx context.Context, tx *portal.Tx, f ReceiptFilter) (list []DeskReceipt, next string, err error) {
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
	return pageOfReceipts(ctx, tx, f, partner)
}

// ExportReceipts gives f every receipt of the filter, and audits that they were taken away as the named format. Limit and Cursor do not count.
func ExportReceipts(ctx context.Context, tx *portal.Tx, f ReceiptFilter, format string, each func(Receipt) error) error {
	if err := tx.Need(portal.PurchasingRead); err != nil {
		return err
	}
	f.Cursor, f.Limit = "", 0
	if err := f.Check(); err != nil {
		return err
	}
	f.Limit = 0
	if err := tx.Audit(ctx, "receipts.export", "receipts", map[string]string{"format": format, "show": f.Show, "text": f.Text}); err != nil {
		return err
	}
	return eachReceipt(ctx, tx, f, tx.By.PartnerID, func(r DeskReceipt) error { return each(r.Receipt) })
}

// ExportReceiptsAcross gives f every receipt of the filter, of all suppliers or the one that it names, and audits that they were taken away as the named format. Limit and Cursor do not count.
func ExportReceiptsAcross(ctx context.Context, tx *portal.Tx, f ReceiptFilter, format string, each func(DeskReceipt) error) error {
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
	if err := tx.Audit(ctx, "receipts.export", "receipts", map[string]string{"format": format, "show": f.Show, "partner": f.Partner, "text": f.Text}); err != nil {
		return err
	}
	return eachReceipt(ctx, tx, f, partner, each)
}

func eachReceipt(ctx context.Context, tx *portal.Tx, f ReceiptFilter, partner int64, each func(DeskReceipt) error) error {
	query, args := receiptQuery(tx, f, partner)
	return tx.Each(ctx, func(r *sqlx.Rows) error {
		var row receiptRow
		if err := r.StructScan(&row); err != nil {
			return err
		}
		return each(row.DeskReceipt)
	}, query, args...)
}

// NoReceipt is said of a receipt that is not there.
const NoReceipt = "there is no receipt with this number"

func receiptOf(ctx context.Context, tx *portal.Tx, partner int64, receipt string) (r Receipt, site string, err error) {
	gone := portal.Errorf(portal.NotFound, NoReceipt)
	if !plain(receipt, 100) {
		return r, "", gone
	}
	var row struct {
		Site string `db:"site"`
		Receipt
	}
	err = tx.Get(ctx, &row, `SELECT coalesce(r.site, '') AS site, `+receiptColumns+` FROM `+receiptsFrom+` WHERE r.partner_id = $1 AND r.receipt = $2 AND ($3::text[] IS NULL OR r.site = ANY($3))`,
		partner, receipt, portal.Limit(tx.By.Sites))
	if errors.Is(err, sql.ErrNoRows) {
		return r, "", gone
	} else if err != nil {
		return r, "", fmt.Errorf("reading a receipt: %w", err)
	}
	return row.Receipt, row.Site, nil
}

// words are text as one line, to be measured.
func words(s string) string {
	return strings.NewReplacer("\n", " ", "\r", " ", "\t", " ").Replace(s)
}

// Object objects to what was rejected of a receipt, in words, for the host to answer; once, and within the days that the policy gives. The core learns of it.
// Nothing rejected, or days that are over, is a Conflict; no words are Invalid; a receipt that is not there is NotFound.
func Object(ctx context.Context, tx *portal.Tx, receipt, said string) (r Receipt, err error) {
	if err := tx.Need(portal.PurchasingAnswer); err != nil {
		return r, err
	}
	said = strings.TrimSpace(said)
	r, _, err = receiptOf(ctx, tx, tx.By.PartnerID, receipt)
	if err != nil {
		return r, err
	}
	if said == "" || !plain(words(said), 2000) {
		return r, &portal.Error{Kind: portal.Invalid, Msg: "nothing was sent", Fields: map[string]string{"words": "say what you object, in at most 2,000 readable characters"}}
	}
	switch {
	case r.AnswerBy == "":
		return r, portal.Errorf(portal.Conflict, "nothing of this receipt was rejected or sent back")
	case r.Objection != "none":
		return r, portal.Errorf(portal.Conflict, "you have objected to this already")
	case r.AnswerBy < portal.DateOf(tx.Now):
		return r, portal.Errorf(portal.Conflict, "the time to object was over on %s; write to the buyer named on the order", r.AnswerBy)
	}
	command, err := tx.Post(ctx, portal.Command{Name: CommandObject, Document: "receipts/" + receipt, Values: map[string]string{"receipt": receipt, "order": r.OrderNumber, "line": strconv.FormatInt(r.OrderLine, 10), "words": said, "by": tx.By.Name}})
	if err != nil {
		return r, err
	}
	_, err = tx.Exec(ctx, `INSERT INTO receipt_objections (partner_id, receipt, words, command_id, at, by_whom) VALUES ($1, $2, $3, $4, $5, $6)`, tx.By.PartnerID, receipt, said, command, tx.Now, tx.By.Name)
	if portal.Broke(err, "receipt_objections_once_per_receipt") {
		return r, portal.Errorf(portal.Conflict, "you have objected to this already")
	} else if err != nil {
		return r, fmt.Errorf("keeping an objection: %w", err)
	}
	r.Objection, r.Objected = "waiting", said
	tx.Changed("purchasing", tx.By.PartnerID)
	return r, tx.Audit(ctx, "receipts.object", "receipts/"+receipt, map[string]string{"words": said})
}

// Settle answers an objection for the host: the rejection is taken back, or stands. The supplier is written to, and the core learns of it. An answer without words is Invalid;
// an objection that no longer waits is a Conflict.
func Settle(ctx context.Context, tx *portal.Tx, partner, receipt string, accepted bool, said string) (r DeskReceipt, err error) {
	if err := tx.Need(portal.PurchasesManage); err != nil {
		return r, err
	}
	s, err := supplierOf(ctx, tx, partner)
	if err != nil {
		return r, err
	}
	r.Partner, r.PartnerName = s.Number, s.Name
	said = strings.TrimSpace(said)
	var site string
	if r.Receipt, site, err = receiptOf(ctx, tx, s.ID, receipt); err != nil {
		return r, err
	}
	if said == "" || !plain(words(said), 2000) {
		return r, &portal.Error{Kind: portal.Invalid, Msg: "nothing was answered", Fields: map[string]string{"words": "answer in words that the supplier reads, at most 2,000 characters"}}
	}
	state, what := "upheld", portal.Say("the rejection stands")
	if accepted {
		state, what = "accepted", portal.Say("the rejection is taken back")
	}
	n, err := tx.Exec(ctx, `UPDATE receipt_objections SET state = $3, answer = $4, answered_at = $5, answered_by = $6 WHERE partner_id = $1 AND receipt = $2 AND state = 'waiting'`, s.ID, receipt, state, said, tx.Now, tx.By.Name)
	if err != nil {
		return r, fmt.Errorf("answering an objection: %w", err)
	}
	if n == 0 {
		return r, portal.Errorf(portal.Conflict, "no objection to this receipt waits for an answer; look again")
	}
	r.Objection, r.Answered = state, said
	if _, err := tx.PostFor(ctx, s.ID, portal.Command{Name: CommandSettle, Document: "receipts/" + receipt, Values: map[string]string{"receipt": receipt, "accepted": strconv.FormatBool(accepted), "words": said, "by": tx.By.Name}}); err != nil {
		return r, err
	}
	if err := tell(ctx, tx, s.ID, site, portal.Mail{Subject: portal.Say("Receipt %s: %s", receipt, what), Path: "/receipts?show=defects",
		Text: []portal.Saying{portal.Say("You objected to what was rejected of receipt %s. The answer: %s.", receipt, what), portal.Quote(said)}}); err != nil {
		return r, err
	}
	tx.Changed("purchasing", s.ID)
	return r, tx.AuditFor(ctx, s.ID, "receipts.settle", "receipts/"+receipt, map[string]string{"accepted": strconv.FormatBool(accepted), "words": said})
}

// ObjectionRefused follows an objection that the core did not take. It is the worker's.
func ObjectionRefused(ctx context.Context, tx *portal.Tx, partner int64, receipt, why string) error {
	tx.Changed("purchasing", partner)
	if _, err := tx.Exec(ctx, `UPDATE receipt_objections SET state = 'not_taken', answer = $3, answered_at = $4 WHERE partner_id = $1 AND receipt = $2 AND state = 'waiting'`, partner, receipt, why, tx.Now); err != nil {
		return fmt.Errorf("recording what became of an objection: %w", err)
	}
	return nil
}
