package jobs

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/lib/pq"

	"extranet/portal"
)

// marksTable is where the core's triggers write down which rows changed. Nothing else of the core's is written by the portal's account,
// and of it only the marks that are done are deleted.
const marksTable = "extranet_marks"

// marksAtOnce bounds how many marks one round reads.
const marksAtOnce = 50_000

// marksOf lists the marks of the tables, the oldest first, and how to forget exactly these. In r it is seen what was committed when r began.
func marksOf(ctx context.Context, r *reading, tables []string) (list []touch, more bool, forget func(context.Context) error, err error) {
	if len(tables) == 0 {
		return nil, false, nil, nil
	}
	args := make([]any, len(tables))
	places := make([]string, len(tables))
	for i, t := range tables {
		args[i], places[i] = t, r.dialect.placeholder(i+1)
	}
	rows, err := r.tx.QueryContext(ctx, r.dialect.first("SELECT id, tbl, cols FROM "+marksTable+" WHERE tbl IN ("+strings.Join(places, ", ")+") ORDER BY id", marksAtOnce), args...)
	if err != nil {
		return nil, false, nil, r.noMarks(ctx, err)
	}
	defer rows.Close()
	var ids []int64
	met := map[string]bool{}
	for rows.Next() {
		var id int64
		var table string
		var cols *string
		if err := rows.Scan(&id, &table, &cols); err != nil {
			return nil, false, nil, r.noMarks(ctx, err)
		}
		ids = append(ids, id)
		t := touch{table: table}
		if cols != nil {
			if met[table+*cols] {
				continue
			}
			met[table+*cols] = true
			values := map[string]*string{}
			if err := json.Unmarshal([]byte(*cols), &values); err != nil {
				return nil, false, nil, fmt.Errorf("reading mark %d of %s: %w", id, table, err)
			}
			t.values = make(map[string]*string, len(values))
			for c, v := range values {
				t.values[strings.ToLower(c)] = v
			}
		}
		list = append(list, t)
	}
	if err := rows.Err(); err != nil {
		return nil, false, nil, r.noMarks(ctx, err)
	}
	s := r.Source
	return list, len(ids) == marksAtOnce, func(ctx context.Context) error { return s.forgetMarks(ctx, ids) }, nil
}

func (s *Source) noMarks(ctx context.Context, err error) error {
	if ctx.Err() == nil && s.dialect.spoke(err) {
		return portal.Because(portal.Invalid, err, "the marks of source %s cannot be read; let the core's administrator run what extranet mapping marks prints", s.Name)
	}
	return s.failed(ctx, marksTable, err)
}

// forgetMarks deletes exactly these, which are in order: one that was written meanwhile, or whose transaction committed late, is another. Between two
// that follow each other by number there is none. The last of a run is named by itself: a database that locks what comes after a range would wait for
// whoever is writing the next mark.
func (s *Source) forgetMarks(ctx context.Context, ids []int64) error {
	var runs []string
	for from := 0; from < len(ids); {
		to := from
		for to+1 < len(ids) && ids[to+1] == ids[to]+1 {
			to++
		}
		if from < to {
			runs = append(runs, fmt.Sprintf("id BETWEEN %d AND %d", ids[from], ids[to]-1))
		}
		runs = append(runs, fmt.Sprintf("id = %d", ids[to]))
		from = to + 1
	}
	for some := range slices.Chunk(runs, 200) {
		if _, err := s.db.ExecContext(ctx, "DELETE FROM "+marksTable+" WHERE "+strings.Join(some, " OR ")); err != nil {
			return s.noMarks(ctx, err)
		}
	}
	return nil
}

// anyMarks looks whether there is anything to do, at next to no cost.
func (s *Source) anyMarks(ctx context.Context, tables []string) (bool, error) {
	if len(tables) == 0 {
		return false, nil
	}
	args, places := make([]any, len(tables)), make([]string, len(tables))
	for i, t := range tables {
		args[i], places[i] = t, s.dialect.placeholder(i+1)
	}
	rows, err := s.db.QueryContext(ctx, s.dialect.first("SELECT id FROM "+marksTable+" WHERE tbl IN ("+strings.Join(places, ", ")+")", 1), args...)
	if err != nil {
		return false, s.noMarks(ctx, err)
	}
	defer rows.Close()
	any := rows.Next()
	return any, rows.Err()
}

// A markedTable is one of the core's tables that gets triggers.
type markedTable struct {
	name    string
	columns []string
}

// PrintMarks writes what the core's administrator reviews and runs so that the entities that go by marks, or by logical, can be followed,
// and what takes it away again. It runs nothing.
func (m *Mapping) PrintMarks(w io.Writer) error {
	printed := false
	for _, s := range m.Sources {
		for _, way := range []string{Marks, Logical} {
			feeds := m.following(s, way)
			tables, needs := leadTables(feeds)
			if len(tables) == 0 {
				continue
			}
			printed = true
			marked := make([]markedTable, len(tables))
			for i, t := range tables {
				marked[i] = markedTable{t, needs[t]}
			}
			var create, drop string
			switch {
			case way == Logical:
				create, drop = publication(marked)
			case s.dialect.marks == nil:
				return portal.Errorf(portal.Invalid, "source %s: there are no triggers for %s yet", s.Name, s.Driver)
			default:
				create, drop = s.dialect.marks(marked)
			}
			if _, err := fmt.Fprintf(w, "-- Source %s: run this as the owner of the tables.\n%s\n-- To take it away again:\n%s\n", s.Name, create, commented(drop)); err != nil {
				return err
			}
		}
	}
	if !printed {
		return portal.Errorf(portal.Invalid, "no entity of %s goes by %s or %s", m.Name, Marks, Logical)
	}
	return nil
}

func commented(text string) string {
	return "-- " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n-- ") + "\n"
}

// following lists the source's feeds of the way.
func (m *Mapping) following(s *Source, way string) (feeds []*Feed) {
	for _, f := range m.Feeds {
		if f.Source == s && f.Way == way {
			feeds = append(feeds, f)
		}
	}
	return feeds
}

func publication(tables []markedTable) (create, drop string) {
	names := make([]string, len(tables))
	identities := ""
	for i, t := range tables {
		names[i] = t.name
		identities += "-- ALTER TABLE " + t.name + " REPLICA IDENTITY FULL; -- unless its primary key holds " + strings.Join(t.columns, ", ") + ": else a changed row does not tell what it was\n"
	}
	return "-- The server needs wal_level = logical, and max_slot_wal_keep_size set to what its disk can spare.\n" +
			"-- The account that the portal reads with needs the attribute REPLICATION. It makes its own slot.\n" +
			"CREATE PUBLICATION " + publicationName + " FOR TABLE " + strings.Join(names, ", ") + ";\n" + identities,
		"DROP PUBLICATION " + publicationName + ";\nSELECT pg_drop_replication_slot(" + slotName + ");"
}

// postgresMarks are triggers for each statement, which cost one insert for each row that it touched.
func postgresMarks(tables []markedTable) (create, drop string) {
	var c, d strings.Builder
	c.WriteString(`CREATE TABLE IF NOT EXISTS extranet_marks (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, tbl text NOT NULL, cols text, at timestamptz NOT NULL DEFAULT now());
GRANT SELECT, DELETE ON extranet_marks TO extranet_reader; -- the account that the portal reads with
`)
	for _, t := range tables {
		name := "extranet_mark_" + strings.NewReplacer(".", "_", `"`, "").Replace(t.name)
		pairs := make([]string, len(t.columns))
		for i, col := range t.columns {
			pairs[i] = pq.QuoteLiteral(strings.ToLower(col)) + ", " + col + "::text"
		}
		row := "json_build_object(" + strings.Join(pairs, ", ") + ")::text"
		table := pq.QuoteLiteral(t.name)
		function := func(suffix, body string) {
			fmt.Fprintf(&c, `CREATE OR REPLACE FUNCTION %s_%s() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
  INSERT INTO extranet_marks (tbl, cols) %s;
  RETURN NULL;
END $$;
`, name, suffix, body)
		}
		function("new", "SELECT DISTINCT "+table+", "+row+" FROM new_rows")
		function("old", "SELECT DISTINCT "+table+", "+row+" FROM old_rows")
		function("both", "SELECT "+table+", "+row+" FROM new_rows UNION SELECT "+table+", "+row+" FROM old_rows")
		function("all", "VALUES ("+table+", NULL)")
		for _, trigger := range []struct{ suffix, when, tables string }{
			{"new", "INSERT", "REFERENCING NEW TABLE AS new_rows "}, {"both", "UPDATE", "REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows "},
			{"old", "DELETE", "REFERENCING OLD TABLE AS old_rows "}, {"all", "TRUNCATE", ""},
		} {
			fmt.Fprintf(&c, "CREATE OR REPLACE TRIGGER %s_%s AFTER %s ON %s %sFOR EACH STATEMENT EXECUTE FUNCTION %[1]s_%[2]s();\n", name, trigger.suffix, trigger.when, t.name, trigger.tables)
			fmt.Fprintf(&d, "DROP TRIGGER %s_%s ON %s;\nDROP FUNCTION %[1]s_%[2]s();\n", name, trigger.suffix, t.name)
		}
	}
	d.WriteString("DROP TABLE extranet_marks;\n")
	return c.String(), d.String()
}

// mysqlMarks are triggers for each row, for MySQL knows no others. TRUNCATE fires none: what it removes is found by the nightly reconcile.
func mysqlMarks(tables []markedTable) (create, drop string) {
	var c, d strings.Builder
	c.WriteString(`CREATE TABLE IF NOT EXISTS extranet_marks (id bigint NOT NULL AUTO_INCREMENT PRIMARY KEY, tbl varchar(200) NOT NULL, cols text, at timestamp NOT NULL DEFAULT current_timestamp) ENGINE = InnoDB CHARACTER SET utf8mb4;
-- GRANT SELECT, DELETE ON extranet_marks TO the account that the portal reads with
`)
	for _, t := range tables {
		name := "extranet_mark_" + strings.NewReplacer(".", "_", "`", "").Replace(t.name)
		table := "'" + strings.ReplaceAll(t.name, "'", "''") + "'"
		row := func(alias string) string {
			pairs := make([]string, len(t.columns))
			for i, col := range t.columns {
				pairs[i] = "'" + strings.ToLower(strings.Trim(col, "`")) + "', CAST(" + alias + "." + col + " AS char)"
			}
			return "INSERT INTO extranet_marks (tbl, cols) VALUES (" + table + ", JSON_OBJECT(" + strings.Join(pairs, ", ") + "))"
		}
		changed := make([]string, len(t.columns))
		for i, col := range t.columns {
			changed[i] = "NOT (OLD." + col + " <=> NEW." + col + ")"
		}
		for _, trigger := range []struct{ suffix, when, body string }{
			{"new", "INSERT", row("NEW")},
			{"both", "UPDATE", "BEGIN\n  " + row("NEW") + ";\n  IF " + strings.Join(changed, " OR ") + " THEN " + row("OLD") + "; END IF;\nEND"},
			{"old", "DELETE", row("OLD")},
		} {
			end := ";"
			if trigger.suffix == "both" {
				c.WriteString("DELIMITER //\n")
				end = "//\nDELIMITER ;"
			}
			fmt.Fprintf(&c, "CREATE TRIGGER %s_%s AFTER %s ON %s FOR EACH ROW %s%s\n", name, trigger.suffix, trigger.when, t.name, trigger.body, end)
			fmt.Fprintf(&d, "DROP TRIGGER %s_%s;\n", name, trigger.suffix)
		}
	}
	d.WriteString("DROP TABLE extranet_marks;\n")
	return c.String(), d.String()
}
