# Two commands are enough: `make demo` and `make test`. Each sets itself up with python3 (3.11 or later) and pip.

PYTHON ?= python3
BIN := .venv/bin
# More than the two cores: some tests wait most of the time.
JOBS ?= 3
# Suites of very many small runs and of real processes: what they walk is covered by the others, and counting lines would make them twice as long.
ATTACKS := tests/contract tests/disk tests/hostile tests/load tests/museum tests/processes tests/random tests/workflows tests/test_readme.py \
  tests/engine/test_children.py tests/engine/test_crashes.py tests/engine/test_crashes_of_constructs.py tests/engine/test_explore.py \
  tests/engine/test_keys_in_turn.py tests/engine/test_one_stands.py tests/engine/test_signals.py tests/world/test_crash.py
PYTEST = $(BIN)/pytest -n $(JOBS) --dist worksteal --counts=.counts.json

.PHONY: demo test lint full schemas bench clean

demo: .venv/.demo  ## book a trip, have one refused and undone, kill one and resume it
	@$(BIN)/python -m mock_services.demo

test: .venv/.dev  ## what CI runs: lint, types, floors, tests, coverage
	@rm -f .counts.json
	@$(MAKE) --no-print-directory lint
	$(PYTEST) $(ATTACKS)
	$(PYTEST) --cov --cov-report=term $(addprefix --ignore=,$(ATTACKS))
	$(BIN)/python -m tests.counts .counts.json

full: .venv/.dev  ## the large size of every suite
	@rm -f .counts.json
	$(PYTEST) --full
	$(BIN)/python -m tests.counts .counts.json

lint: .venv/.dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

schemas: .venv/.dev  ## make the draft-07 copy of the schema again
	$(BIN)/python -m tests.language.schemas

bench: .venv/.dev  ## figures, in ratios, of one run on this machine
	$(BIN)/python -m benchmarks

clean:
	rm -rf .venv build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage*

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "flowdsl needs Python 3.11 or later; say which: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 2; }
	@$(PYTHON) -m venv .venv

.venv/.demo: pyproject.toml | .venv/bin/python
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[mock]'
	@touch $@

.venv/.dev: pyproject.toml | .venv/bin/python
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ .venv/.demo
