# What a developer types. CI does the same, with .ci/run.
.DEFAULT_GOAL := help
SHELL := /bin/bash
target := $(or $(CARGO_TARGET_DIR),./target)
# Typesetting is built for CI and for what is shipped, and left out of a developer's builds: `make paper` tests it.
features := $(if $(CI),--features api/pdf)

.PHONY: help
help: ## Show these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build:
	@scripts/setup build
	cargo build --locked -p api --bin qinglan

.PHONY: run
run: build ## Build the server and start it
	"$(target)/debug/qinglan" serve

.PHONY: demo
demo: build ## Fill ./data with a demonstration
	"$(target)/debug/qinglan" demo

.PHONY: test
test: ## Run every test, PostgreSQL's too (scripts/test takes arguments)
	@scripts/test

.PHONY: paper
paper: ## Run the tests of PDF documents, which build typst
	@scripts/setup paper
	scripts/with-postgres cargo nextest run --locked -p pdf -p api --features api/pdf -E 'package(pdf) | test(/^export::paper/)'

.PHONY: check
check: format-check lint deny schema-check ## Everything that CI checks besides the tests

.PHONY: format
format: ## Format the code
	cargo fmt --all

.PHONY: format-check
format-check:
	@scripts/setup check
	cargo fmt --all --check

.PHONY: lint
lint:
	@scripts/setup check
	cargo clippy --locked --workspace --all-targets $(features) -- -D warnings

.PHONY: deny
deny:
	@scripts/setup check
	cargo deny check --hide-inclusion-graph bans licenses sources

# All targets, although the binary would do: the tests' dependencies switch features on in crates that the server uses,
# and with other features those are built once more. So the tests use what this builds, and the other way round.
.PHONY: dev-build
dev-build:
	@scripts/setup build
	cargo build --locked --workspace --all-targets $(features)

.PHONY: schema-check
schema-check: dev-build
	@"$(target)/debug/qinglan" schema | diff -u --label schema.graphql --label "qinglan schema" schema.graphql - \
		|| { echo "schema.graphql is not what the code says: make schema" >&2; exit 1; }

.PHONY: schema
schema: dev-build ## Write schema.graphql anew from the code
	"$(target)/debug/qinglan" schema > schema.graphql.new
	mv schema.graphql.new schema.graphql

.PHONY: bench
bench: ## Measure (bench/run)
	@[ -x bench/run ] || { echo "bench/run is not there" >&2; exit 1; }
	@bench/run
