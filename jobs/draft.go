package jobs

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"extranet/portal"
)

// A coreCatalog says in which statements a database tells of its own tables.
type coreCatalog struct {
	columns string // schema, table, column, type; in the order of the table
	keys    string // schema, table, column of every primary key, in its order
	foreign string // schema, table, column, table that it refers to
	rows    string // schema, table, about how many rows
}

var catalogs = map[string]coreCatalog{
	"postgres": {
		columns: `SELECT n.nspname, c.relname, a.attname, t.typname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_type t ON t.oid = a.atttypid
			WHERE c.relkind IN ('r', 'v', 'm', 'p') AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped AND n.nspname !~ '^pg_|^information_schema$' AND has_table_privilege(c.oid, 'SELECT') ORDER BY 1, 2, a.attnum`,
		keys: `SELECT n.nspname, c.relname, a.attname FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
			CROSS JOIN unnest(k.conkey) WITH ORDINALITY u(attnum, place) JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = u.attnum WHERE k.contype = 'p' ORDER BY 1, 2, u.place`,
		foreign: `SELECT n.nspname, c.relname, a.attname, r.relname FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class r ON r.oid = k.confrelid JOIN pg_namespace n ON n.oid = c.relnamespace
			JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.conkey[1] WHERE k.contype = 'f' AND cardinality(k.conkey) = 1 ORDER BY 1, 2, 3`,
		rows: `SELECT n.nspname, c.relname, greatest(c.reltuples, 0)::bigint FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'm')`,
	},
	"mysql": {
		columns: `SELECT table_schema, table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = database() ORDER BY table_name, ordinal_position`,
		keys:    `SELECT table_schema, table_name, column_name FROM information_schema.key_column_usage WHERE table_schema = database() AND constraint_name = 'PRIMARY' ORDER BY table_name, ordinal_position`,
		foreign: `SELECT table_schema, table_name, column_name, referenced_table_name FROM information_schema.key_column_usage WHERE table_schema = database() AND referenced_table_name IS NOT NULL ORDER BY 2, 3`,
		rows:    `SELECT table_schema, table_name, coalesce(table_rows, 0) FROM information_schema.tables WHERE table_schema = database()`,
	},
	"sqlserver": {
		columns: `SELECT TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME, DATA_TYPE FROM INFORMATION_SCHEMA.COLUMNS ORDER BY TABLE_SCHEMA, TABLE_NAME, ORDINAL_POSITION`,
		keys: `SELECT k.TABLE_SCHEMA, k.TABLE_NAME, k.COLUMN_NAME FROM INFORMATION_SCHEMA.TABLE_CONSTRAINTS c JOIN INFORMATION_SCHEMA.KEY_COLUMN_USAGE k ON k.CONSTRAINT_SCHEMA = c.CONSTRAINT_SCHEMA AND k.CONSTRAINT_NAME = c.CONSTRAINT_NAME
			WHERE c.CONSTRAINT_TYPE = 'PRIMARY KEY' ORDER BY k.TABLE_SCHEMA, k.TABLE_NAME, k.ORDINAL_POSITION`,
		foreign: `SELECT SCHEMA_NAME(t.schema_id), t.name, c.name, OBJECT_NAME(f.referenced_object_id) FROM sys.foreign_key_columns f JOIN sys.tables t ON t.object_id = f.parent_object_id
			JOIN sys.columns c ON c.object_id = f.parent_object_id AND c.column_id = f.parent_column_id ORDER BY 1, 2, 3`,
		rows: `SELECT SCHEMA_NAME(t.schema_id), t.name, SUM(p.rows) FROM sys.tables t JOIN sys.partitions p ON p.object_id = t.object_id AND p.index_id IN (0, 1) GROUP BY t.schema_id, t.name`,
	},
	"oracle": {
		columns: `SELECT owner, table_name, column_name, data_type FROM all_tab_columns WHERE owner = sys_context('USERENV', 'CURRENT_SCHEMA') ORDER BY table_name, column_id`,
		keys: `SELECT c.owner, c.table_name, k.column_name FROM all_constraints c JOIN all_cons_columns k ON k.owner = c.owner AND k.constraint_name = c.constraint_name
			WHERE c.constraint_type = 'P' AND c.owner = sys_context('USERENV', 'CURRENT_SCHEMA') ORDER BY c.table_name, k.position`,
		foreign: `SELECT c.owner, c.table_name, k.column_name, r.table_name FROM all_constraints c JOIN all_cons_columns k ON k.owner = c.owner AND k.constraint_name = c.constraint_name
			JOIN all_constraints r ON r.owner = c.r_owner AND r.constraint_name = c.r_constraint_name WHERE c.constraint_type = 'R' AND c.owner = sys_context('USERENV', 'CURRENT_SCHEMA') ORDER BY 2, 3`,
		rows: `SELECT owner, table_name, nvl(num_rows, 0) FROM all_tables WHERE owner = sys_context('USERENV', 'CURRENT_SCHEMA')`,
	},
}

type coreTable struct {
	schema, name string
	columns      []coreColumn
	key          []string
	rows         int64
}

type coreColumn struct{ name, kind, refers string }

// NewMapping writes a mapping to begin with: what the database at url looks to hold, as selects to be edited.
func NewMapping(ctx context.Context, w io.Writer, driver, url string) error {
	d, ok := dialects[driver]
	if !ok {
		return portal.Errorf(portal.Invalid, "the driver %q is not known; allowed: %s", driver, strings.Join(driverNames(), ", "))
	}
	s := newSource("core", driver)
	if err := s.open(d, url); err != nil {
		return portal.Errorf(portal.Invalid, "the URL cannot be read as the address of a %s database; write it like %s", driver, d.example)
	}
	defer s.close()
	r, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer r.end()
	tables, err := readCatalog(ctx, r.tx, catalogs[driver])
	if err != nil {
		return s.failed(ctx, "the catalog", err)
	}
	_, err = io.WriteString(w, drafted(s, tables))
	return err
}

func readCatalog(ctx context.Context, tx *sql.Tx, c coreCatalog) ([]*coreTable, error) {
	by := map[string]*coreTable{}
	var tables []*coreTable
	each := func(query string, width int, f func(t *coreTable, v []string)) error {
		rows, err := tx.QueryContext(ctx, query)
		if err != nil {
			return err
		}
		defer rows.Close()
		values, targets := make([]sql.NullString, width), make([]any, width)
		for i := range values {
			targets[i] = &values[i]
		}
		for rows.Next() {
			if err := rows.Scan(targets...); err != nil {
				return err
			}
			v := make([]string, width)
			for i := range values {
				v[i] = values[i].String
			}
			name := v[0] + "." + v[1]
			if by[name] == nil {
				by[name] = &coreTable{schema: v[0], name: v[1]}
				tables = append(tables, by[name])
			}
			f(by[name], v)
		}
		return rows.Err()
	}
	if err := each(c.columns, 4, func(t *coreTable, v []string) {
		t.columns = append(t.columns, coreColumn{name: v[2], kind: strings.ToUpper(v[3])})
	}); err != nil {
		return nil, err
	}
	if err := each(c.keys, 3, func(t *coreTable, v []string) { t.key = append(t.key, v[2]) }); err != nil {
		return nil, err
	}
	err := each(c.foreign, 4, func(t *coreTable, v []string) {
		for i := range t.columns {
			if t.columns[i].name == v[2] {
				t.columns[i].refers = v[3]
			}
		}
	})
	if err != nil {
		return nil, err
	}
	err = each(c.rows, 3, func(t *coreTable, v []string) { fmt.Sscan(v[2], &t.rows) })
	return slices.DeleteFunc(tables, func(t *coreTable) bool { return len(t.columns) == 0 }), err
}

// likely are words for the tables of an entity, the first the most.
var likely = map[string][]string{
	"partners": {"customer", "partner", "client", "debtor", "account", "supplier", "vendor", "kunde"}, "sites": {"site", "branch", "ship to", "delivery address", "address", "location"},
	"contacts": {"contact", "person", "people"}, "staff": {"account manager", "sales representative", "sales rep"}, "products": {"product", "stock item", "item", "article", "material", "part"},
	"list_prices": {"price list", "list price", "price"}, "segment_prices": {"segment price", "class price"}, "prices": {"special deal", "customer price", "agreement", "contract price"},
	"availability": {"stock item holding", "stock", "inventory", "on hand"}, "documents": {"document"}, "product_links": {"alternate", "supersession", "cross reference"}, "part_numbers": {"part number", "customer item"},
	"orders": {"sale order", "customer order", "order", "auftrag"}, "order_lines": {"sale order line", "order line", "order item", "order detail", "order position", "auftrag position"},
	"shipments": {"shipment", "delivery", "dispatch", "despatch", "consignment"}, "shipment_lines": {"shipment line", "delivery line", "shipment item", "delivery item"}, "packages": {"package", "parcel", "carton"},
	"invoices": {"invoice"}, "invoice_lines": {"invoice line", "invoice item", "invoice detail"}, "account_status": {"credit limit", "account status"}, "payments": {"payment", "customer transaction"}, "settlements": {"settlement", "allocation"},
	"forecasts": {"forecast"}, "demand_history": {"demand history", "usage"}, "purchase_orders": {"purchase order"}, "purchase_order_lines": {"purchase order line", "purchase line"}, "schedule_lines": {"schedule line"},
	"receipts": {"receipt", "good receipt"}, "supplier_invoices": {"supplier invoice"}, "supplier_payments": {"supplier payment", "supplier transaction"},
	"supplier_invoice_lines": {"supplier invoice line"}, "supplier_inventory": {"supplier inventory", "consignment stock"}, "notices": {"change notice", "engineering change"}, "notice_items": {"change notice item", "change item"},
}

// alike are words for a column of the portal's beside its own name.
var alike = map[string][]string{
	"partner": {"bill to customer", "customer", "partner", "client", "supplier", "vendor", "account", "kunde", "kunden"}, "number": {"order", "invoice", "number", "no", "auftrag"}, "order_number": {"order", "auftrag"},
	"site": {"ship to", "site", "branch", "customer"}, "contact": {"contact", "person"}, "name": {"name", "full name", "title", "description", "firmen name", "stock item name", "customer name", "supplier name", "product name"},
	"product": {"stock item", "product", "item", "sku", "article", "part"}, "line": {"line", "order line", "position", "pos", "invoice line"}, "description": {"description", "name", "text", "artikel text"},
	"ordered_on": {"order date", "ordered", "date", "created", "bestellt"}, "promised_on": {"expected delivery date", "promised", "due date", "zugesagt"}, "requested_on": {"requested", "wanted"}, "shipped_on": {"ship date", "shipped", "dispatch date"},
	"invoiced_on": {"invoice date", "date"}, "due_on": {"due date"}, "ordered": {"quantity", "qty", "ordered quantity", "menge"}, "shipped": {"picked quantity", "shipped quantity", "delivered"}, "quantity": {"quantity", "qty", "menge"},
	"price": {"unit price", "price", "preis"}, "unit_price": {"unit price", "price"}, "net": {"net amount", "amount excluding tax", "net", "subtotal"}, "tax": {"tax amount", "tax", "vat"}, "total": {"total", "amount", "transaction amount"},
	"currency": {"currency", "currency code", "waehrung"}, "status": {"status", "state", "status code"}, "po_number": {"customer purchase order number", "purchase order number", "po"}, "email": {"email address", "email", "mail"}, "phone": {"phone number", "phone", "telephone"},
	"postal_code": {"postal code", "zip", "zip code", "postcode"}, "street": {"street", "address line 1", "delivery address line 1", "address"}, "city": {"city", "town"}, "country": {"country", "country code", "land code"}, "comment": {"comment", "remark", "note", "bemerkung"},
	"may_log_on": {"is permitted to logon", "may log on", "can login"}, "unit": {"unit", "uom"}, "category": {"category", "class"}, "barcode": {"barcode", "ean", "gtin"},
	"tracking": {"tracking number", "tracking"}, "carrier": {"carrier", "shipper"},
}

var (
	humps  = regexp.MustCompile(`([a-z0-9])([A-Z])`)
	stamps = regexp.MustCompile(`(?i)(updated|modified|changed|last_?edit|edited|mtime|geaendert|change_?date|last_?change|last_?update|valid_?from)`)
)

// words are those of a name, small and in the singular: salesOrderLines → sale order line.
func words(name string) []string {
	all := strings.FieldsFunc(strings.ToLower(humps.ReplaceAllString(name, "${1}_${2}")), func(r rune) bool { return r == '_' || r == ' ' || r == '.' || r == '-' })
	for i, w := range all {
		switch {
		case w == "ids" || w == "nr" || w == "num" || w == "nbr" || w == "id" || w == "no" || w == "code":
			all[i] = ""
		case strings.HasSuffix(w, "ies"):
			all[i] = w[:len(w)-3] + "y"
		case len(w) > 3 && strings.HasSuffix(w, "s") && !strings.HasSuffix(w, "ss") && !strings.HasSuffix(w, "us"):
			all[i] = w[:len(w)-1]
		}
	}
	if kept := slices.DeleteFunc(slices.Clone(all), func(w string) bool { return w == "" }); len(kept) > 0 {
		return kept
	}
	return all
}

// resembles is how near a name comes to one of the words for something: 1 = it is the first of them.
func resembles(name string, for_ []string) (best float64) {
	have := words(name)
	for i, w := range for_ {
		want := words(w)
		common := 0
		for _, h := range have {
			if slices.Contains(want, h) {
				common++
			}
		}
		near := float64(2*common) / float64(len(have)+len(want)) * (1 - 0.02*float64(i))
		if have[len(have)-1] != want[len(want)-1] { // the last word says what it is
			near *= 0.6
		}
		best = max(best, near)
	}
	return best
}

// A draft is how an entity may lie in the core.
type draft struct {
	table   *coreTable
	columns map[string]string // the core's column of the portal's
	stamp   string
	score   float64
}

// called are the words for the entity's tables.
func (e entity) called() []string {
	if names := likely[e.mirror.Entity]; names != nil {
		return names
	}
	return []string{strings.ReplaceAll(e.mirror.Entity, "_", " ")}
}

// anothers reports that a table's name says another entity by far more than this one.
func (e entity) anothers(table string, near float64) bool {
	return slices.ContainsFunc(entities, func(o entity) bool { return resembles(table, o.called()) > near+0.15 })
}

func (e entity) drafts(tables []*coreTable, s *Source) (found []draft) {
	names := e.called()
	for _, t := range tables {
		d := draft{table: t, columns: map[string]string{}}
		name := resembles(t.name, names)
		if name < 0.55 || e.anothers(t.name, name) {
			continue
		}
		required, have := 0, 0
		for _, c := range e.selected() {
			at := t.column(e, c)
			if at != "" {
				d.columns[c.Name] = at
			}
			if c.Required {
				required++
				if at != "" {
					have++
				}
			}
		}
		for _, c := range t.columns {
			if d.stamp == "" && stamps.MatchString(c.name) && s.catalogStamp(c.kind) {
				d.stamp = c.name
			}
		}
		if d.score = 2*name + float64(have)/float64(max(required, 1)); have > 0 {
			found = append(found, d)
		}
	}
	slices.SortStableFunc(found, func(a, b draft) int {
		switch {
		case a.score > b.score:
			return -1
		case a.score < b.score:
			return 1
		}
		return 0
	})
	return found
}

// catalogStamp reports whether a type of the catalog tells a point in time.
func (s *Source) catalogStamp(kind string) bool {
	kind, _, _ = strings.Cut(kind, "(")
	k := s.dialect.stampKind(strings.TrimSpace(kind))
	return k != noStamp && k != dayStamp
}

// selected are the columns that the select of an entity returns, the partner first.
func (e entity) selected() []portal.Column {
	var all []portal.Column
	if e.mirror.Owned && !e.hasPartner() {
		all = append(all, portal.Column{Name: partnerColumn, Required: true})
	}
	for _, c := range e.mirror.Columns {
		c.Name = e.column(c.Name)
		all = append(all, c)
	}
	return all
}

// hasPartner reports whether the mirror's own columns name the partner.
func (e entity) hasPartner() bool {
	return slices.ContainsFunc(e.mirror.Columns, func(c portal.Column) bool { return e.column(c.Name) == partnerColumn })
}

// column is the table's column that looks like c of the entity; "" = none does.
func (t *coreTable) column(e entity, c portal.Column) string {
	if c.OneOf != nil && c.Name != "status" {
		return ""
	}
	if e.mirror.Table == "partners" && c.Name == partnerColumn && len(t.key) == 1 {
		return t.key[0]
	}
	wanted := append([]string{strings.ReplaceAll(c.Name, "_", " ")}, alike[c.Name]...)
	best, at := 0.72, ""
	for _, col := range t.columns {
		near := resembles(col.name, wanted)
		if col.refers != "" && c.Name == partnerColumn {
			near = max(near, resembles(col.refers, alike[partnerColumn]))
		}
		if slices.Contains(t.key, col.name) && slices.Contains(e.keyColumns(), c.Name) {
			near += 0.1
		}
		if near > best {
			best, at = near, col.name
		}
	}
	return at
}

var (
	plainName = regexp.MustCompile(`^[a-z_][a-z0-9_]*$`)
	// Words of SQL that tables and columns of a core are called by; a name that is one is quoted.
	sqlWords = strings.Fields("all and any as asc between by case check column current date default desc distinct end exists fetch for foreign from full grant group having in index inner into is join key left level like limit not null number of offset on or order outer primary range read references release reverse right rows schema select set size start system table then to top transaction union unique update user usage using values view when where with")
)

func (s *Source) named(name string) string {
	simple := plainName.MatchString(name)
	if s.Driver != "postgres" {
		simple = identifier.MatchString(name)
	}
	simple = simple && !slices.Contains(sqlWords, strings.ToLower(name))
	if simple && s.Driver != "oracle" {
		return name
	}
	return s.dialect.quote(name)
}

func drafted(s *Source, tables []*coreTable) string {
	var b strings.Builder
	fmt.Fprintf(&b, `# yaml-language-server: $schema=mapping.schema.json
# A mapping to begin with, from the catalog of %s: %d tables and views were looked at.
# It is a guess by names: read each select, mend what says EDIT, join what lies elsewhere, and try it before anything is written:
#
#   EXTRANET_CORE_URL=… extranet check --mapping THIS_FILE
#
# "extranet mapping schema > mapping.schema.json" beside it lets an editor complete the keys. docs/mapping.md explains them.

sources:
  core:
    driver: %s
    url: ${EXTRANET_CORE_URL}
    time_zone: UTC        # whose wall clock stamps without a zone show
    empty_as_null: true   # '' is no value

entities:
`, s.Where, len(tables), s.Driver)
	var without []string
	mapped := 0
	for _, e := range entities {
		found := e.drafts(tables, s)
		if len(found) == 0 {
			without = append(without, e.mirror.Entity)
			continue
		}
		mapped++
		e.draft(&b, s, found)
	}
	if mapped == 0 {
		b.WriteString("  # No table's name looks like one of the portal's entities. Take out the # below and say what to read.\n")
		b.WriteString("  partners:\n    select: SELECT NULL AS partner, NULL AS kind, NULL AS name -- EDIT\n")
	}
	for _, name := range without {
		e, _ := entityNamed(name)
		fmt.Fprintf(&b, "\n  # No table looks like %s. Its columns (* = required):\n", name)
		fmt.Fprintf(&b, "  #   %s\n  # %s:\n  #   select: SELECT …\n", e.columnsText(), name)
	}
	return b.String()
}

// draft writes the entity's best draft, and names the others.
func (e entity) draft(b *strings.Builder, s *Source, found []draft) {
	d := found[0]
	fmt.Fprintf(b, "\n  # %s.%s: about %d rows", d.table.schema, d.table.name, d.table.rows)
	if len(d.table.key) > 0 {
		fmt.Fprintf(b, ", key %s", strings.Join(d.table.key, ", "))
	}
	b.WriteString("\n")
	if len(found) > 1 {
		var names []string
		for _, f := range found[1:min(len(found), 4)] {
			names = append(names, f.table.schema+"."+f.table.name)
		}
		fmt.Fprintf(b, "  # or, or beside it by UNION ALL: %s\n", strings.Join(names, ", "))
	}
	for _, c := range d.table.columns {
		if c.refers != "" {
			fmt.Fprintf(b, "  # %s refers to %s\n", c.name, c.refers)
		}
	}
	fmt.Fprintf(b, "  %s:\n", e.mirror.Entity)
	watermark := d.stamp != "" && d.table.rows >= 1000
	switch {
	case watermark:
		fmt.Fprintf(b, "    # %s looks like the stamp of the last change; were another table joined, take the greatest of both.\n    way: watermark\n    watermark: changed_at\n    overlap: 1m\n    full_every: 24h   # finds what is gone\n", d.stamp)
	case d.stamp != "":
		fmt.Fprintf(b, "    # Small: read whole and compared. %s looks like the stamp of the last change.\n", d.stamp)
	default:
		b.WriteString("    # No column looks like the stamp of a last change: read whole and compared.\n")
	}
	b.WriteString("    every: 1m\n    select: |\n      SELECT ")
	columns := e.selected()
	var lines, left []string
	for _, c := range columns {
		alias := c.Name
		if s.Driver == "oracle" {
			alias = s.dialect.quote(alias)
		}
		at, ok := d.columns[c.Name]
		switch {
		case ok && c.OneOf != nil:
			lines = append(lines, fmt.Sprintf("%s AS %s, -- EDIT: %s; translate: turns codes into these", s.named(at), alias, strings.Join(c.OneOf, ", ")))
		case ok:
			lines = append(lines, fmt.Sprintf("%s AS %s,", s.named(at), alias))
		case c.Required && c.Name == "kind" && e.mirror.Table == "partners":
			kind := "dealer"
			if resembles(d.table.name, []string{"supplier", "vendor"}) > 0.5 {
				kind = "supplier"
			}
			lines = append(lines, fmt.Sprintf("'%s' AS %s, -- EDIT: dealer, supplier", kind, alias))
		case c.Required:
			what := c.Type.String()
			if c.OneOf != nil {
				what = strings.Join(c.OneOf, ", ")
			}
			lines = append(lines, fmt.Sprintf("NULL AS %s, -- EDIT: required, %s", alias, what))
		default:
			left = append(left, c.Name)
		}
	}
	if watermark {
		alias := "changed_at"
		if s.Driver == "oracle" {
			alias = s.dialect.quote(alias)
		}
		lines = append(lines, s.named(d.stamp)+" AS "+alias+",")
	}
	last := lines[len(lines)-1]
	comma := strings.Index(last, ", --")
	if comma < 0 {
		comma = len(last) - 1
	}
	lines[len(lines)-1] = last[:comma] + last[comma+1:]
	b.WriteString(strings.Join(lines, "\n             "))
	from := s.named(d.table.name)
	if s.Driver != "mysql" && s.Driver != "oracle" {
		from = s.named(d.table.schema) + "." + from
	}
	fmt.Fprintf(b, "\n      FROM %s\n", from)
	if len(left) > 0 {
		fmt.Fprintf(b, "    # not found, and empty in the portal: %s\n", strings.Join(left, ", "))
	}
	var unused []string
	for _, c := range d.table.columns {
		used := c.name == d.stamp
		for _, at := range d.columns {
			used = used || at == c.name
		}
		if !used {
			unused = append(unused, c.name)
		}
	}
	if len(unused) > 0 {
		fmt.Fprintf(b, "    # not used: %s\n", strings.Join(unused, ", "))
	}
}
