# Two commands are enough: `make demo` and `make test`. Each sets itself up with python3 (3.11 or later) and pip.

PYTHON ?= python3
# `make test NEWEST=1` takes the newest of everything instead of what is locked, in a place of its own.
VENV := $(if $(NEWEST),.venv-newest,.venv)
BIN := $(VENV)/bin
LOWEST := .venv-lowest
INSTALL = -m pip install --quiet --disable-pip-version-check
OURSELVES = --no-deps --no-build-isolation --editable .
# More than the two cores: some tests wait most of the time.
JOBS ?= 3
# Python keeps what it has compiled, whatever the environment says: hundreds of processes start here.
unexport PYTHONDONTWRITEBYTECODE
# Suites of very many small runs and of real processes: what they walk is covered by the others, and counting lines would make them twice as long.
# Those whose tests take longest are first, so that no worker is left alone with one.
ATTACKS := tests/load tests/processes tests/museum tests/test_readme.py tests/contract tests/disk tests/hostile tests/random tests/workflows \
  tests/engine/test_children.py tests/engine/test_crashes.py tests/engine/test_crashes_of_constructs.py tests/explorer/test_explore.py \
  tests/explorer/test_hash_seeds.py tests/engine/test_keys_in_turn.py tests/engine/test_one_stands.py tests/engine/test_signals.py \
  tests/engine/test_faults.py tests/engine/test_full_disk.py tests/engine/test_orders_and_lives.py \
  tests/cli/test_odd_names.py tests/cli/test_shipped_workflows.py tests/cli/test_takeover.py tests/cli/test_terminal.py \
  tests/language/test_any_construct.py tests/language/lower/test_order.py tests/language/openapi/test_mutated.py tests/language/openapi/test_planted.py \
  tests/plan/expression/test_evaluate_limits.py tests/test_benchmarks.py tests/test_counts.py tests/test_dependencies.py tests/test_private_apis.py tests/test_purity.py \
  tests/view/run/test_every_screen.py tests/view/graph/test_size.py tests/world/store/test_crash.py tests/world/store/test_index.py tests/world/store/test_processes.py
PYTEST = $(BIN)/pytest -n $(JOBS) --dist worksteal --counts=.counts.json

.PHONY: demo test lint lowest collected full schemas bless lock bench bench-peers clean always

demo: $(VENV)/.demo  ## book a trip, have one refused and undone, kill one and resume it
	@$(BIN)/python -m mock_services.demo

test: $(VENV)/.dev  ## what CI runs: lint, types, floors, tests, coverage
	@rm -f .counts.json
	@$(MAKE) --no-print-directory --jobs=3 lint lowest collected
	$(PYTEST) $(ATTACKS)
	$(PYTEST) --cov --cov-report=term $(addprefix --ignore=,$(ATTACKS))
	$(BIN)/python -m tests.counts .counts.json

full: $(VENV)/.dev  ## the large size of every suite
	@rm -f .counts.json
	$(PYTEST) --full
	$(BIN)/python -m tests.counts .counts.json

lowest: $(LOWEST)/.demo  ## the demo on the lowest versions that are declared
	@$(LOWEST)/bin/python -m mock_services.demo > $(LOWEST)/said 2>&1 || { cat $(LOWEST)/said; exit 1; }
	@echo "The demo runs on the lowest versions."

collected: $(VENV)/.dev  ## every test is read, and compiled once instead of by each worker
	@$(BIN)/pytest --collect-only -qq > $(VENV)/collected 2>&1 || { cat $(VENV)/collected; exit 1; }

lint: $(VENV)/.dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

schemas: $(VENV)/.dev  ## make the draft-07 copy of the schema again
	$(BIN)/python -m tests.language.parse.schemas

bench: $(VENV)/.dev  ## figures, in ratios, of one run on this machine; AGAINST=COMMIT beside an earlier one
	$(BIN)/python -m benchmarks $(if $(AGAINST),--against $(AGAINST))

bench-peers: .venv-peers/.peers  ## flowdsl beside Restate, DBOS and a bare loop (needs npm; strace counts the syncs)
	@.venv-peers/bin/python -m benchmarks.peers $(PEERS)

bless: $(VENV)/.dev  ## put down what is said and drawn now: golden pairs, snapshots, the pages' consoles
	$(BIN)/python -m tests.language.rules.bless
	$(BIN)/python -m tests.view.bless
	$(BIN)/python -m tests.readme --write

lock: .venv-lock/bin/uv  ## what CI installs, renewed
	@.venv-lock/bin/python requirements/lock.py .venv-lock/bin/uv

clean:
	rm -rf .venv .venv-* build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage*

%/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "flowdsl needs Python 3.11 or later; say which: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 2; }
	@$(PYTHON) -m venv $*

.venv/.demo: pyproject.toml requirements/demo.txt | .venv/bin/python
	@echo "Installing what the demo needs into .venv: once, about half a minute…"
	@.venv/bin/python $(INSTALL) --require-hashes --requirement requirements/demo.txt
	@.venv/bin/python $(INSTALL) $(OURSELVES)
	@touch $@

.venv/.dev: pyproject.toml requirements/lock.txt | .venv/bin/python
	@echo "Installing what the tests need into .venv: once, about a minute…"
	@.venv/bin/python $(INSTALL) --require-hashes --requirement requirements/lock.txt
	@.venv/bin/python $(INSTALL) $(OURSELVES)
	@touch $@ .venv/.demo

.venv-newest/.dev: always | .venv-newest/bin/python
	@echo "Installing the newest of everything into .venv-newest: about a minute…"
	@.venv-newest/bin/python $(INSTALL) --upgrade --upgrade-strategy eager --editable '.[dev]'
	@touch $@

.venv-newest/.demo: .venv-newest/.dev

.venv-peers/.peers: pyproject.toml requirements/demo.txt | .venv-peers/bin/python
	@echo "Installing flowdsl and its peers into .venv-peers: once, about two minutes…"
	@.venv-peers/bin/python $(INSTALL) --require-hashes --requirement requirements/demo.txt
	@.venv-peers/bin/python $(INSTALL) $(OURSELVES)
	@.venv-peers/bin/python $(INSTALL) aiohttp dbos hypercorn restate-sdk uvloop
	@npm install --silent --prefix .venv-peers/npm @restatedev/restate-server
	@touch $@

$(LOWEST)/.demo: pyproject.toml requirements/lowest.txt | $(LOWEST)/bin/python
	@echo "Installing the lowest versions into $(LOWEST): once, about half a minute…"
	@$(LOWEST)/bin/python $(INSTALL) --require-hashes --requirement requirements/lowest.txt
	@$(LOWEST)/bin/python $(INSTALL) $(OURSELVES)
	@touch $@

.venv-lock/bin/uv: | .venv-lock/bin/python
	@echo "Installing uv into .venv-lock: once…"
	@.venv-lock/bin/python $(INSTALL) uv
