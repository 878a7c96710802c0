# Every path is relative, so that a checkout works from any folder, spaces and umlauts included.
# `make run` and `make test` are the two a newcomer needs; each sets up what it needs first.
SHELL := /bin/sh
PYTHON ?= python3
PY := .venv/bin/python
ROOT ?= hotfolder

.DEFAULT_GOAL := help
.PHONY: help setup run test test-lowest lint types check format dist clean

help: ## show this list
	@grep -E '^[a-z-]+:.*##' Makefile | sed 's/:.*## /\t/' | expand -t 14

# The stamp is younger than pyproject.toml: nothing is installed twice.
.venv/.ready: pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 or newer is needed: apt-get install python3 python3-venv"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed, this is: $$($(PYTHON) --version)"; exit 1; }
	$(PYTHON) -m venv .venv
	$(PY) -m pip install --quiet --upgrade 'pip>=25.1'
	$(PY) -m pip install --quiet --editable '.[local,samples,heic,raw]'
	@touch $@

# The starter weights.
.venv/.weights: .venv/.ready
	$(PY) -m daemon.engines.weights
	@touch $@

.venv/.dev: .venv/.ready
	$(PY) -m pip install --quiet --group dev
	@touch $@

setup: .venv/.weights ## virtual environment, package, starter weights

run: setup ## watch ./hotfolder (ROOT=… for another folder)
	@exec $(PY) -m daemon run --root "$(ROOT)" --samples

test: .venv/.weights .venv/.dev ## everything the tests need, then the tests
	$(PY) -m pytest -n 2

test-lowest: .venv/.weights .venv/.dev ## the tests with the oldest libraries that pyproject.toml allows
	rm -rf .venv-lowest
	$(PY) -m uv venv --quiet --seed --python $(PY) .venv-lowest
	$(PY) -m uv pip install --quiet --python .venv-lowest/bin/python --resolution lowest-direct \
		--editable '.[local,samples,heic,raw,audit]' --group dev
	.venv-lowest/bin/python -m pytest -n 2

lint: .venv/.dev ## ruff: rules and format
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

types: .venv/.dev ## mypy --strict
	$(PY) -m mypy --strict

check: ## everything that CI runs
	sh .ci/run

format: .venv/.dev ## put the code into shape
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

dist: .venv/.dev ## wheel and sdist into dist/
	rm -rf dist
	$(PY) -m build --outdir dist .
	$(PY) -m twine check --strict dist/*

clean: ## remove what setup and tests made (never a hot folder)
	rm -rf .venv .venv-lowest .mypy_cache .ruff_cache .pytest_cache .hypothesis dist build
