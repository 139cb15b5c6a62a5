# Two commands are enough: `make demo` and `make test`. Each sets itself up with python3 (3.11 or later) and pip.

PYTHON ?= python3
BIN := .venv/bin
JOBS ?= 2
# Suites of very many small runs: what they walk is covered by the others, and counting lines would make them three times as long.
CROWDED := tests/engine/test_explore.py tests/engine/test_planted.py tests/engine/test_crashes_of_constructs.py \
  tests/engine/test_one_stands.py tests/engine/test_signals.py tests/random

.PHONY: demo test lint full schemas bench clean

demo: .venv/.demo  ## book a trip, have one refused and undone, kill one and resume it
	@$(BIN)/python -m mock_services.demo

test: .venv/.dev  ## what CI runs: lint, types, floors, tests, coverage
	@$(MAKE) --no-print-directory lint
	$(BIN)/pytest -n $(JOBS) --cov --cov-report=term $(addprefix --ignore=,$(CROWDED))
	$(BIN)/pytest -n $(JOBS) $(CROWDED)

full: .venv/.dev  ## the large size of every suite
	$(BIN)/pytest -n $(JOBS) --full

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
