package jobs_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"extranet/jobs"
	"extranet/portal"
)

func TestParseMapping_faults(t *testing.T) {
	t.Parallel()
	all := strings.Join(jobs.EntityNames(), ", ")
	env := func(name string) (string, bool) {
		switch name {
		case "CORE":
			return "postgres://reader:secret@db/core", true
		case "BROKEN":
			return "postgres://reader:secret@db:port/core", true
		}
		return "", false
	}
	const source = "sources:\n  core:\n    driver: postgres\n    url: ${CORE}\n"
	for name, c := range map[string]struct{ text, want string }{
		"empty":               {"", "m.yaml:1: the file is empty; sources and entities are needed"},
		"no YAML":             {"sources: [\n", "m.yaml:1: this is not YAML: sequence end token ']' not found"},
		"twice":               {source + "entities:\n  orders:\n    select: SELECT 1\n    select: SELECT 2\n", `m.yaml:8: this is not YAML: mapping key "select" already defined at [7:5]`},
		"a list":              {"- x\n", "m.yaml:1: the file must hold keys with values\nm.yaml:1: sources is missing; it says where the core's databases are\nm.yaml:1: entities is missing; it says how each entity is read: " + all},
		"unknown keys":        {"source:\n  a: 1\n" + source + "entities:\n  orders:\n    evry: 5s\n    select: SELECT 1\n", "m.yaml:1: the file has no key \"source\"; is it sources? allowed: sources, entities, commands\nm.yaml:9: entity orders has no key \"evry\"; is it every? allowed: source, way, watermark, overlap, tables, every, reconcile, full_every, stale_after, select, where, defaults, translate, round"},
		"entity":              {source + "entities:\n  order:\n    select: SELECT 1\n  gadgets_and_gizmos:\n    select: SELECT 1\n", "m.yaml:6: there is no entity \"order\"; is it orders? allowed: " + all + "\nm.yaml:8: there is no entity \"gadgets_and_gizmos\"; allowed: " + all},
		"no select":           {source + "entities:\n  orders:\n    every: 5s\n  sites:\n", "m.yaml:6: entity orders has no select\nm.yaml:8: entity sites is empty; it wants a select"},
		"statements":          {source + "entities:\n  orders:\n    select: SELECT 1; DROP TABLE x\n  sites:\n    select: DELETE FROM x\n", "m.yaml:7: select of orders must be one statement that begins with SELECT or WITH\nm.yaml:9: select of sites must be one statement that begins with SELECT or WITH"},
		"durations":           {source + "entities:\n  orders:\n    every: 5\n    stale_after: 1500ms\n    select: SELECT 1\n  sites:\n    every: 0s\n    select: SELECT 1\n", "m.yaml:7: every: \"5\" is not a duration; write it like 30s, 5m or 24h\nm.yaml:8: stale_after: 1500ms is too short; 1m0s is the least\nm.yaml:11: every: 0s is too short; 1s is the least"},
		"way":                 {source + "entities:\n  orders:\n    way: mraks\n    select: SELECT 1\n", `m.yaml:7: way: "mraks" is not known; allowed: snapshot, watermark, marks, logical`},
		"watermark":           {source + "entities:\n  orders:\n    way: watermark\n    select: SELECT 1\n  sites:\n    watermark: x\n    select: SELECT 1\n  products:\n    way: watermark\n    watermark: x y\n    select: SELECT 1\n", "m.yaml:6: entity orders goes by watermark and names no column of its select: write watermark: COLUMN\nm.yaml:10: watermark is for way: watermark; sites is read whole at each pass\nm.yaml:14: watermark: \"x y\" is not the name of a column; letters, digits and _ are allowed"},
		"driver":              {"sources:\n  core:\n    driver: foxpro\n    url: ${CORE}\n  other:\n    url: ${CORE}\nentities:\n  orders:\n    source: core\n    select: SELECT 1\n", "m.yaml:3: driver: \"foxpro\" is not known; allowed: mysql, oracle, postgres, sqlserver\nm.yaml:5: source other says no driver; allowed: mysql, oracle, postgres, sqlserver"},
		"url":                 {"sources:\n  a:\n    driver: postgres\n  b:\n    driver: postgres\n    url: ${NOWHERE}\n  c:\n    driver: postgres\n    url: ${BROKEN}\nentities:\n  orders:\n    source: a\n    select: SELECT 1\n", "m.yaml:2: source a says no url; write url: ${NAME} to take it from the environment, or url_file: PATH\nm.yaml:6: the environment variable NOWHERE is not set\nm.yaml:9: url cannot be read as the address of a postgres database; write it like postgres://USER:PASSWORD@HOST:5432/DATABASE?sslmode=require"},
		"leads":               {source + "entities:\n  order_lines:\n    way: marks\n    reconcile: at night\n    tables: {a: {order_number: x}, b: DELETE, c: SELECT 1}\n    select: SELECT 1\n", "m.yaml:8: reconcile: \"at night\" is not a time of day; write it like 02:00, in the source's time zone\nm.yaml:9: table a says no column for line, which is part of the key of order_lines\nm.yaml:9: table b wants either the columns of the key, like {order_number: COLUMN}, or a SELECT that returns keys\nm.yaml:9: the select of table c names no column of the changed row; write it like :order_no"},
		"zone and trim":       {"sources:\n  core:\n    driver: postgres\n    url: ${CORE}\n    time_zone: Mars\n    trim: maybe\nentities:\n  orders:\n    select: SELECT 1\n", "m.yaml:5: time_zone: \"Mars\" is not known; write an IANA name like Europe/Paris or UTC\nm.yaml:6: trim: \"maybe\" is not allowed; allowed: true, false"},
		"which source":        {source + "  b:\n    driver: postgres\n    url: ${CORE}\nentities:\n  orders:\n    select: SELECT 1\n  sites:\n    source: c\n    select: SELECT 1\n", "m.yaml:9: entity orders says no source; allowed: core, b\nm.yaml:12: there is no source \"c\"; allowed: core, b"},
		"options of a source": {"sources:\n  core:\n    driver: postgres\n    url: ${CORE}\n    session_time_zone: Mars\n    zero_dates: never\n    empty_as_null: 1\nentities:\n  orders:\n    select: SELECT 1\n", "m.yaml:5: session_time_zone: \"Mars\" is not known; write an IANA name like Europe/Paris or UTC\nm.yaml:5: session_time_zone is for driver: mysql\nm.yaml:6: zero_dates: \"never\" is not allowed; allowed: null, refuse\nm.yaml:6: zero_dates is for driver: mysql\nm.yaml:7: empty_as_null: \"1\" is not allowed; allowed: false, true"},
		"options of columns":  {source + "entities:\n  sites:\n    defaults: {countri: FR, site: x}\n    translate: {city: }\n    round: {city: 2}\n    where: a) OR (b\n    select: SELECT 1\n", "m.yaml:7: defaults: sites has no column \"countri\"; is it country? allowed: city, country, name, phone, postal_code, region, site, street, street2\nm.yaml:7: defaults: site is part of the key and cannot have one value for all\nm.yaml:8: translate: city is empty; it wants the core's codes with the portal's values\nm.yaml:9: round: city is a text; only decimal numbers are rounded\nm.yaml:10: where must be one condition on the select's columns, with as many brackets opened as closed, and neither ; nor --"},
		"values":              {source + "entities:\n  orders:\n    defaults: {ordered_on: today, net: cheap}\n    translate: {status: {10: opne}}\n    round: {net: 12}\n    select: SELECT 1\n", "m.yaml:7: defaults: \"today\" is not a day; write it like 2026-01-31\nm.yaml:7: defaults: \"cheap\" is not a decimal number\nm.yaml:8: translate: status: \"opne\" is none of open, held, picking, part_shipped, shipped, delivered, cancelled\nm.yaml:9: round: net: decimal places are a whole number from 0 to 9"},
		"not a text":          {source + "entities:\n  orders:\n    every: [5s]\n    select:\n", "m.yaml:7: every must be a plain text\nm.yaml:8: select has no value"},
	} {
		m, err := jobs.ParseMapping("m.yaml", []byte(c.text), env)
		if err == nil {
			m.Close()
			t.Errorf("%s: taken", name)
			continue
		}
		if err.Error() != c.want {
			t.Errorf("%s:\n got %s\nwant %s", name, err, c.want)
		}
		if portal.Says(err).Kind != portal.Invalid {
			t.Errorf("%s: kind %v, want Invalid", name, portal.Says(err).Kind)
		}
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the password is shown", name)
		}
	}
}

func TestParseMapping(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "url")
	must(t, os.WriteFile(file, []byte("postgres://reader:secret@db/core\n"), 0o600))
	text := "sources:\n  core:\n    driver: postgres\n    url_file: " + file + `
entities:
  orders:
    way: watermark
    watermark: changed_at
    every: 30s
    select: |
      -- what; is this?
      SELECT ';' AS a, $$;$$ AS b, 'it''s' AS c /* ; */
      FROM x;
      -- the end
  partners:
    select: WITH a AS (SELECT 1) SELECT * FROM a
`
	m, err := jobs.ParseMapping("m.yaml", []byte(text), nil)
	must(t, err)
	defer m.Close()
	if len(m.Feeds) != 2 || m.Feeds[0].Entity != "partners" || m.Feeds[1].Entity != "orders" {
		t.Fatalf("feeds %v, want partners, then orders", m.Feeds)
	}
	f := m.Feeds[1]
	if want := "-- what; is this?\nSELECT ';' AS a, $$;$$ AS b, 'it''s' AS c /* ; */\nFROM x"; f.Select != want {
		t.Errorf("select %q, want %q", f.Select, want)
	}
	if f.Every.String() != "30s" || f.Overlap.String() != "1m0s" || f.FullEvery.String() != "24h0m0s" || f.StaleAfter.String() != "1m30s" {
		t.Errorf("every %s, overlap %s, full_every %s, stale_after %s", f.Every, f.Overlap, f.FullEvery, f.StaleAfter)
	}
	if strings.Contains(f.Source.Where, "secret") || f.Source.Where != "db:5432/core" {
		t.Errorf("where %q", f.Source.Where)
	}
	other, err := jobs.ParseMapping("m.yaml", []byte(strings.Replace(text, "every: 30s", "every: 60s", 1)), nil)
	must(t, err)
	defer other.Close()
	if other.Feeds[1].Hash != f.Hash {
		t.Error("another interval reads the same rows, and the hash is another")
	}
	other, err = jobs.ParseMapping("m.yaml", []byte(strings.Replace(text, "FROM x", "FROM y", 1)), nil)
	must(t, err)
	defer other.Close()
	if other.Feeds[1].Hash == f.Hash {
		t.Error("another select has the same hash")
	}
}
