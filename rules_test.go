package main

import (
	"encoding/json"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"extranet/api"
	"extranet/portal"
	"extranet/portal/portaltest"
)

// arrows say which of our packages each may import. The rooms of the house follow the way of a request.
var arrows = map[string][]string{
	"migrations":             {},
	"portal":                 {},
	"portal/sheet":           {"portal"},
	"portal/paper":           {},
	"portal/files":           {"portal"},
	"portal/partners":        {"portal"},
	"portal/host":            {"portal", "portal/files"},
	"portal/catalog":         {"portal", "portal/sheet", "portal/files", "portal/partners"},
	"portal/accounts":        {"portal", "portal/partners"},
	"portal/orders":          {"portal", "portal/sheet", "portal/partners", "portal/catalog", "portal/accounts"},
	"portal/shipments":       {"portal", "portal/orders"},
	"portal/invoices":        {"portal", "portal/accounts", "portal/orders", "portal/shipments"},
	"portal/claims":          {"portal", "portal/files", "portal/partners", "portal/catalog", "portal/accounts", "portal/orders", "portal/shipments", "portal/invoices"},
	"portal/purchasing":      {"portal", "portal/sheet", "portal/files", "portal/partners", "portal/catalog"},
	"portal/billing":         {"portal", "portal/sheet", "portal/files", "portal/purchasing"},
	"portal/supplies":        {"portal", "portal/sheet", "portal/purchasing"},
	"portal/forecasts":       {"portal", "portal/sheet", "portal/partners", "portal/catalog", "portal/purchasing", "portal/supplies"},
	"portal/notices":         {"portal", "portal/files", "portal/partners", "portal/catalog", "portal/purchasing", "portal/supplies", "portal/forecasts"},
	"portal/scorecard":       {"portal", "portal/purchasing", "portal/forecasts"},
	"portal/analytics":       {"portal"},
	"portal/tasks":           {"portal", "portal/partners", "portal/accounts", "portal/orders", "portal/invoices", "portal/claims", "portal/purchasing", "portal/billing", "portal/forecasts", "portal/notices"},
	"portal/search":          {"portal", "portal/partners", "portal/catalog", "portal/orders", "portal/invoices", "portal/claims", "portal/purchasing", "portal/billing", "portal/notices"},
	"portal/portaltest":      {"portal", "migrations", "sandbox/postgres"},
	"auth":                   {"portal", "portal/partners"},
	"api":                    append([]string{"portal"}, capabilities...),
	"web":                    append([]string{"portal", "web/assets", "web/words"}, capabilities...),
	"web/assets":             {},
	"web/words":              {},
	"web/bundle":             {},
	"web/pagetest":           {"web/assets"},
	"web/preview":            {"web", "web/assets", "web/pagetest"},
	"jobs":                   append([]string{"portal", "migrations"}, capabilities...),
	"sandbox/postgres":       {"sandbox/internal/child"},
	"sandbox/mariadb":        {"sandbox/internal/child"},
	"sandbox/redis":          {"sandbox/internal/child"},
	"sandbox/internal/child": {},
	"sandbox/issuer":         {},
	"sandbox/core":           {},
	"sandbox/httptext":       {},
	"sandbox/mutants":        {},
}

// capabilities are what the doors may show, and what serves several of them.
var capabilities = []string{"portal/sheet", "portal/paper", "portal/files", "portal/partners", "portal/host", "portal/catalog", "portal/accounts", "portal/orders", "portal/shipments", "portal/invoices",
	"portal/claims", "portal/purchasing", "portal/billing", "portal/supplies", "portal/forecasts", "portal/notices", "portal/scorecard", "portal/tasks", "portal/search", "portal/analytics"}

// Who may hold gin and SQL.
var (
	mayGin = []string{"api", "web", "auth"}
	mayPQ  = []string{"portal", "portal/partners", "migrations", "jobs", "portal/portaltest", "sandbox/postgres", "sandbox/core"}
)

func TestArrows(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...").Output()
	must(t, err)
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		pkg, ok := strings.CutPrefix(f[0], "extranet/")
		if !ok {
			for _, imp := range f[1:] {
				if strings.HasPrefix(imp, "extranet/sandbox") {
					t.Errorf("the portal as it is deployed holds %s", imp)
				}
			}
			continue // main may import everything else
		}
		allowed, known := arrows[pkg]
		if !known {
			t.Errorf("%s has no arrows: say in rules_test.go what it may import", pkg)
		}
		for _, imp := range f[1:] {
			if to, ours := strings.CutPrefix(imp, "extranet/"); ours && !slices.Contains(allowed, to) {
				t.Errorf("%s must not import %s", pkg, to)
			}
			if imp == "github.com/gin-gonic/gin" && !slices.Contains(mayGin, pkg) {
				t.Errorf("%s must not know gin", pkg)
			}
			if (imp == "github.com/lib/pq" || imp == "github.com/jmoiron/sqlx") && !slices.Contains(mayPQ, pkg) && !strings.HasPrefix(pkg, "portal/") {
				t.Errorf("%s must not hold SQL", pkg)
			}
		}
	}
}

// TestOpenAPI_isTheRoutes: what is described is there, and what is there is described.
func TestOpenAPI_isTheRoutes(t *testing.T) {
	t.Parallel()
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	document := api.Routes(e, api.Options{DB: portaltest.New(t).DB, Caller: func(*gin.Context) (portal.Caller, error) { return portal.Caller{}, nil }})
	var d struct {
		Paths map[string]map[string]any `json:"paths"`
	}
	must(t, json.Unmarshal(document(), &d))
	var described, there []string
	for path, methods := range d.Paths {
		for m := range methods {
			described = append(described, strings.ToUpper(m)+" "+api.Prefix+path)
		}
	}
	param := regexp.MustCompile(`:(\w+)`)
	for _, r := range e.Routes() {
		if r.Path != api.Prefix+"/openapi.json" && !strings.HasPrefix(r.Path, api.ScimPrefix) { // described by its own /Schemas
			there = append(there, r.Method+" "+param.ReplaceAllString(r.Path, "{$1}"))
		}
	}
	slices.Sort(described)
	slices.Sort(there)
	if !slices.Equal(described, there) {
		t.Errorf("described %v\nthere     %v", described, there)
	}
}
