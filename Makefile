# `make` lists the targets. Everything that a target needs and may install
# itself, .ci/setup installs.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

ADDR ?= 127.0.0.1:8080
DATA ?= .demo
SECONDS_EACH ?= 20

lint := $(CURDIR)/.cache/bin/golangci-lint
tools_tags := ferretdb_no_postgresql

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## run Candor with sample content (ADDR=127.0.0.1:8080 DATA=.demo)
	@.ci/setup demo
	@$(MAKE) build
	@bin/candor demo --addr $(ADDR) --data $(DATA)

.PHONY: build
build: ## build bin/candor
	@go build -o bin/candor ./cmd/candor

.PHONY: test
test: ## run everything that continuous integration runs
	@.ci/setup test
	@$(MAKE) lint test-tools test-go

.PHONY: test-go
test-go: ## run the Go tests with the race detector, against a MongoDB server too
	@go build -o .cache/bin/plainworker ./media/mediatest/plainworker
	@CANDOR_TEST_WORKER=$(CURDIR)/.cache/bin/plainworker \
		.ci/with-mongo go test -race -timeout 15m $$(go list ./... | grep -v '/media$$')
# Its photos and videos go through child processes, where the detector sees
# nothing and costs most.
	@go test -timeout 15m ./media

.PHONY: test-tools
test-tools: ## run the tests of the programs under .ci/tools
	@cd .ci/tools && go test -tags $(tools_tags) ./...

.PHONY: lint
lint: lint-go lint-openapi lint-shell ## check formatting, code, contract and scripts

.PHONY: lint-go
lint-go:
	@$(lint) run ./...
	@cd .ci/tools && $(lint) run --build-tags $(tools_tags) ./...

# Telemetry and the look for updates are off: linting needs no network.
.PHONY: lint-openapi
lint-openapi:
	@if [[ -f openapi.yaml ]]; then \
		REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true \
		.cache/bin/node .cache/npm/node_modules/@redocly/cli/bin/cli.js lint --config .ci/redocly.yaml openapi.yaml; \
	fi

.PHONY: lint-shell
lint-shell:
	@shellcheck .ci/setup .ci/run .ci/fuzz .ci/with-mongo

.PHONY: bench
bench: ## measure speed; prints lines `ratio NAME VALUE` and `figure NAME VALUE`
	@CANDOR_BENCH=1 go test -count=1 -run '^TestBench' -timeout 60m -v ./cmd/candor | grep --line-buffered -E '^(ratio|figure) |^(---|===)? ?FAIL|panic:'

.PHONY: fuzz
fuzz: ## run every fuzz target for a while (SECONDS_EACH=20)
	@.ci/fuzz $(SECONDS_EACH)

.PHONY: fmt
fmt: ## format the Go code
	@.ci/setup test
	@$(lint) fmt ./...
	@cd .ci/tools && $(lint) fmt ./...

.PHONY: clean
clean: ## remove what was built, and the demo's data
	@rm -rf bin .cache .demo
