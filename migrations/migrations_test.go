package migrations_test

import (
	"context"
	"database/sql"
	"os"
	"strings"
	"testing"

	"extranet/migrations"
	"extranet/portal/portaltest"
)

func TestMain(m *testing.M) { os.Exit(portaltest.Main(m)) }

func open(t *testing.T, user, database string) *sql.DB {
	t.Helper()
	db, err := sql.Open("postgres", portaltest.Server(t).URL(user, database))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// TestUp_byAnOwnerWhoIsNoSuperuser is how it runs at most hosts.
func TestUp_byAnOwnerWhoIsNoSuperuser(t *testing.T) {
	s := portaltest.Server(t)
	if _, err := open(t, "postgres", "postgres").Exec(`CREATE ROLE plain_owner LOGIN CREATEROLE`); err != nil {
		t.Fatal(err)
	}
	name := portaltest.Database(t, "OWNER plain_owner")
	if _, err := open(t, "postgres", name).Exec(`ALTER SCHEMA public OWNER TO plain_owner`); err != nil {
		t.Fatal(err)
	}
	owner := open(t, "plain_owner", name)
	applied, err := migrations.Up(context.Background(), owner, s.URL("plain_login", name))
	if err != nil || len(applied) == 0 {
		t.Fatalf("Up = %v, %v", applied, err)
	}
	if applied, err = migrations.Up(context.Background(), owner, s.URL("plain_login", name)); err != nil || len(applied) != 0 {
		t.Errorf("a second Up = %v, %v; want nothing to do", applied, err)
	}
	var n int
	err = open(t, "plain_login", name).QueryRow(`SELECT count(*) FROM partners`).Scan(&n)
	if err == nil || !strings.Contains(err.Error(), "permission denied") {
		t.Errorf("the login role reads partners: %v, want permission denied", err)
	}
	for _, login := range []string{"plain_owner", "postgres"} {
		if _, err := migrations.Up(context.Background(), owner, s.URL(login, name)); err == nil || !strings.Contains(err.Error(), "row-level security does not hold") {
			t.Errorf("letting %s in: %v, want a refusal", login, err)
		}
	}
}

// global tables hold nothing of one partner's, and why.
var global = map[string]string{
	"goose_db_version":  "the schema's version",
	"purchasing_policy": "the host's rules, the same for every supplier",
	"feeds":             "how fresh the mirror is, the same for everybody",
	"roles":             "what roles of the host's own mean, the same for everybody",
	"programmes":        "what programmes open, the same for everybody",
	"campaigns":         "reviews that the host holds; the host's staff alone read them",
	"announcements":     "what the host tells; the door picks what is for the caller",
	"terms":             "the host's, the same for everybody they are for",
	"branding":          "how the portal looks, the same for everybody",
	"claim_policies":    "the host's rules, the same for everybody",
	"carried_commands":  "what the mapping can deliver, the same for everybody",
	"passes":            "how the mirror went, the same for everybody; the host's staff alone read it",
	"running_passes":    "how the mirror goes, the same for everybody; the host's staff alone read it",
	"quarantine":        "rows that belong to nobody yet; the host's staff alone read it",
	"products":          "the host's catalogue",
	"product_facets":    "counts over the host's catalogue",
	"product_words":     "the words of the host's catalogue",
	"product_links":     "the host's catalogue",
	"availability":      "the host's stock, the same for every dealer",
	"list_prices":       "what everybody may see",
	"segment_prices":    "a segment's; fenced by app.segment",
	"documents":         "the host's; fenced by app.segment where they are a segment's",
	"people":            "a person may be a member of several partners; the door alone reads it",
	"identities":        "a person's; the door alone reads it",
	"logins":            "nobody's yet; the door alone reads it",
	"sessions":          "a person's; the door alone reads it",
	"logout_tokens":     "an issuer's; the door alone reads it",
}

// TestSchema holds the rules that keep partners apart and let the schema be distributed by partner:
// partner_id first in every key, row security forced, no triggers.
func TestSchema(t *testing.T) {
	db := portaltest.New(t).Owner
	rows := func(query string) (out []string) {
		t.Helper()
		r, err := db.Query(query)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		for r.Next() {
			var s string
			if err := r.Scan(&s); err != nil {
				t.Fatal(err)
			}
			out = append(out, s)
		}
		return out
	}
	for _, table := range rows(`SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
		AND NOT EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'partner_id' AND a.attnum = 1)`) {
		if global[table] == "" {
			t.Errorf("%s does not begin with partner_id, and nothing says why", table)
		}
	}
	for _, s := range rows(`SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'partner_id' AND a.attnum = 1
		WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND NOT (c.relrowsecurity AND c.relforcerowsecurity)`) {
		t.Errorf("%s lacks forced row-level security", s)
	}
	for _, s := range rows(`SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'partner_id' AND a.attnum = 1
		WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND NOT EXISTS (SELECT 1 FROM pg_policies p WHERE p.tablename = c.relname AND p.policyname = 'own'
			AND p.roles = '{extranet_partner}' AND p.qual LIKE '%partner_id = (current_setting(''app.partner''::text))::bigint%')`) {
		t.Errorf("%s lacks the policy that shows a partner its own rows alone", s)
	}
	for _, s := range rows(`SELECT conrelid::regclass || '.' || conname FROM pg_constraint k JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attname = 'partner_id' AND a.attnum = 1
		WHERE contype IN ('p', 'u') AND conkey[1] <> 1 AND conname <> 'partners_once_per_number'`) {
		t.Errorf("%s does not begin with partner_id", s)
	}
	for _, s := range rows(`SELECT tgrelid::regclass || '.' || tgname FROM pg_trigger JOIN pg_class c ON c.oid = tgrelid WHERE NOT tgisinternal AND c.relnamespace = 'public'::regnamespace`) {
		t.Errorf("%s is a trigger", s)
	}
	for _, s := range rows(`SELECT rolname FROM pg_roles WHERE rolname LIKE 'extranet%' AND (rolsuper OR rolbypassrls OR rolcanlogin OR rolinherit)`) {
		t.Errorf("%s can do more than it is for", s)
	}
	for _, s := range rows(`SELECT table_name || ' by ' || grantee || ': ' || privilege_type FROM information_schema.role_table_grants
		WHERE grantee LIKE 'extranet%' AND table_name = 'audit' AND privilege_type NOT IN ('SELECT', 'INSERT')`) {
		t.Errorf("the audit can be changed: %s", s)
	}
}
