package claims

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/shopspring/decimal"

	"extranet/portal"
)

// Kinds of claims.
var Kinds = []string{"warranty", "transit", "shortage", "price", "return"}

// Facts are what a line of a claim says. Which of them are needed the policy of its kind says.
type Facts struct {
	Product     string        `json:"product" doc:"Article number" maxLength:"100"`
	Description string        `json:"description" maxLength:"300"`
	Unit        string        `json:"unit" maxLength:"40"`
	Serial      string        `json:"serial" doc:"Serial number, or DOT of a tyre" maxLength:"60"`
	Quantity    portal.Amount `json:"quantity" doc:"Exact decimal" maxLength:"30"`
	PurchasedOn portal.Date   `json:"purchased_on" format:"date" nullable:"true" doc:"By the end customer" maxLength:"10"`
	FailedOn    portal.Date   `json:"failed_on" format:"date" nullable:"true" maxLength:"10"`
	DeliveredOn portal.Date   `json:"delivered_on" format:"date" nullable:"true" maxLength:"10"`
	UsageIn     portal.Amount `json:"usage_in" doc:"Odometer or hours when it was mounted" maxLength:"30"`
	UsageOut    portal.Amount `json:"usage_out" doc:"Odometer or hours when it failed" maxLength:"30"`
	UsageUnit   string        `json:"usage_unit" doc:"km, mi or h" maxLength:"10"`
	NewTread    portal.Amount `json:"new_tread" doc:"Tread when new, mm" maxLength:"30"`
	Tread       portal.Amount `json:"tread" doc:"Remaining tread, mm" maxLength:"30"`
	Condition   string        `json:"condition" doc:"A code of the policy" maxLength:"40"`
	Cause       string        `json:"cause" doc:"A code of the policy" maxLength:"40"`
	CausalPart  string        `json:"causal_part" maxLength:"100"`
	LabourCode  string        `json:"labour_code" doc:"Of the operation" maxLength:"40"`
	LabourHours portal.Amount `json:"labour_hours" maxLength:"30"`
	Replacement string        `json:"replacement" doc:"Article that took its place" maxLength:"100"`
	Received    portal.Amount `json:"received" doc:"What arrived of the quantity" maxLength:"30"`
	Price       portal.Amount `json:"price" doc:"Paid for a unit, without tax; the core's where the line was found there" maxLength:"30"`
	AgreedPrice portal.Amount `json:"agreed_price" doc:"What a unit should have cost" maxLength:"30"`
	Words       string        `json:"words" doc:"What happened" maxLength:"4000"`

	Ref
	Most       portal.Amount `json:"most" doc:"The quantity of the line in the core; set by the portal"`
	ListPrice  portal.Amount `json:"list_price" doc:"Set by the portal where the core says it"`
	InvoicedOn portal.Date   `json:"invoiced_on" format:"date" nullable:"true" doc:"Set by the portal"`
}

// Ref is where the goods stand in the core: one line of an order, a shipment or an invoice.
type Ref struct {
	OrderNumber string `json:"order" maxLength:"100"`
	OrderLine   int64  `json:"order_line"`
	Shipment    string `json:"shipment" maxLength:"100"`
	Invoice     string `json:"invoice" maxLength:"100"`
	InvoiceLine int64  `json:"invoice_line"`
}

// FieldNames are what people call the fields.
var FieldNames = map[string]string{
	"product": "Article", "description": "Description", "serial": "Serial or DOT", "quantity": "Quantity", "purchased_on": "Purchase date", "failed_on": "Failure date", "delivered_on": "Delivery date",
	"usage_in": "Usage when mounted", "usage_out": "Usage at failure", "usage_unit": "Unit of usage", "new_tread": "Tread when new", "tread": "Remaining tread", "condition": "Condition", "cause": "Cause",
	"causal_part": "Causal part", "labour_code": "Labour operation", "labour_hours": "Labour hours", "replacement": "Replacement article", "received": "Received", "price": "Price", "agreed_price": "Agreed price",
	"words": "What happened", "shipment": "Shipment", "invoice": "Invoice", "invoiced_on": "Invoice date", "list_price": "List price", "files": "Photos and files",
}

func fieldName(field string) string {
	if n, ok := FieldNames[field]; ok {
		return n
	}
	return field
}

// Fields lists, in their order, what a line of a kind can say.
var Fields = map[string][]string{
	"warranty": {"product", "serial", "quantity", "purchased_on", "failed_on", "usage_in", "usage_out", "usage_unit", "new_tread", "tread", "condition", "cause", "causal_part", "labour_code", "labour_hours", "replacement", "price", "words"},
	"transit":  {"product", "quantity", "shipment", "delivered_on", "condition", "price", "words"},
	"shortage": {"product", "quantity", "received", "shipment", "delivered_on", "condition", "price", "words"},
	"price":    {"product", "quantity", "invoice", "price", "agreed_price", "words"},
	"return":   {"product", "quantity", "delivered_on", "condition", "price", "words"},
}

// fields of Facts by their name in JSON.
var fields = func() map[string]int {
	all, t := map[string]int{}, reflect.TypeFor[Facts]()
	for i := range t.NumField() {
		if name := t.Field(i).Tag.Get("json"); name != "" {
			all[name] = i
		}
	}
	return all
}()

func (f Facts) value(field string) string {
	switch field {
	case "shipment":
		return f.Shipment
	case "invoice":
		return f.Invoice
	case "order":
		return f.OrderNumber
	}
	i, ok := fields[field]
	if !ok {
		return ""
	}
	return reflect.ValueOf(f).Field(i).String()
}

// Value is what the field says, as text.
func (f Facts) Value(field string) string { return f.value(field) }

// Set gives the field a text, as a form does; what is not a field of its own is left alone.
func (f *Facts) Set(field, text string) {
	switch field {
	case "shipment":
		f.Shipment = text
	case "invoice":
		f.Invoice = text
	default:
		if i, ok := fields[field]; ok {
			reflect.ValueOf(f).Elem().Field(i).SetString(text)
		}
	}
}

// found reports whether the goods were found in the core.
func (r Ref) found() bool { return r.OrderLine != 0 || r.InvoiceLine != 0 }

// settle takes what only the portal may say from was, and tidies the rest. It returns what cannot be meant, by field.
func (f *Facts) settle(was Facts) map[string]string {
	bad := map[string]string{}
	keep := was.Ref
	if !keep.found() { // nothing was found in the core: numbers may be typed
		keep.Shipment, keep.Invoice, keep.OrderNumber = f.Shipment, f.Invoice, f.OrderNumber
	} else if keep.Shipment == "" {
		keep.Shipment = f.Shipment
	}
	f.Ref, f.Most, f.ListPrice, f.InvoicedOn = keep, was.Most, was.ListPrice, was.InvoicedOn
	if was.found() {
		f.Product, f.Description, f.Unit, f.Price = was.Product, was.Description, was.Unit, was.Price
	}
	v := reflect.ValueOf(f).Elem()
	for name, i := range fields {
		text := strings.TrimSpace(plain(v.Field(i).String()))
		most := 100
		if name == "words" {
			most = 4000
		} else if name == "description" {
			most = 300
		}
		if utf8.RuneCountInString(text) > most || strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t' || r == 0xFFFD }) {
			bad[name] = fmt.Sprintf("must be at most %d readable characters", most)
			continue
		}
		switch v.Field(i).Interface().(type) {
		case portal.Amount:
			text = strings.ReplaceAll(text, " ", "")
			if text != "" {
				n, err := decimal.NewFromString(text)
				if err != nil || len(text) > 20 || n.Exponent() < -6 || n.Abs().GreaterThan(decimal.New(1, 12)) {
					bad[name] = "must be a number, like 12.5"
					continue
				}
				text = n.String()
			}
		case portal.Date:
			if _, err := portal.ParseDate(text); err != nil {
				bad[name] = portal.Says(err).Msg
				continue
			}
		}
		v.Field(i).SetString(text)
	}
	if f.Most != "" && f.Quantity != "" && f.Quantity.Number().GreaterThan(f.Most.Number()) {
		bad["quantity"] = fmt.Sprintf("the line holds %v; a claim cannot be about more", f.Most)
	}
	return bad
}

// windows are the signs that Windows has where Unicode has controls, from U+0080.
var windows = []rune("€ ‚ƒ„…†‡ˆ‰Š‹Œ Ž  ‘’“”•–—˜™š›œ žŸ")

// plain gives a text the quotation marks and dashes that older systems write as controls: it is somebody's words, and is not refused for them.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= 0x80 && r < 0x80+rune(len(windows)) {
			return windows[r-0x80]
		}
		return r
	}, text)
}

func parse[T any](text string) (v T, err error) {
	if text == "" {
		return v, nil
	}
	return v, json.Unmarshal([]byte(text), &v)
}

func written(v any) string {
	b, _ := json.Marshal(v) // text and numbers: it cannot fail
	return string(b)
}
