# All paths are relative, so a checkout works in any folder, also one with spaces or umlauts in its name.
# A newcomer needs `make run` and `make test`. Each first sets up what it needs.
SHELL := /bin/sh
PYTHON ?= python3
PY := .venv/bin/python
ROOT ?= hotfolder
SAMPLES := .venv/share/freisteller/samples/coffee.png
# Most tests wait more than they calculate, so four at once are right for two processors too.
SIDE_BY_SIDE ?= -n 4 --dist worksteal

export PYTHONUTF8 := 1

.DEFAULT_GOAL := help
.PHONY: help setup run test test-lowest lint types check format dist clean

help: ## show this list
	@grep -E '^[a-z-]+:.*##' Makefile | sed 's/:.*## /\t/' | expand -t 17

# A file that marks the installation as done, so that nothing is installed twice while pyproject.toml stays the same.
.venv/.ready: pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 or newer is needed: apt-get install python3 python3-venv"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed, this is: $$($(PYTHON) --version)"; exit 1; }
	@$(PYTHON) install.py .venv local,heic,raw
	@touch $@

# The weights of the built-in engine's small model.
.venv/.weights: .venv/.ready
	@$(PY) -m daemon models fetch u2netp
	@touch $@

# Three photos for a newcomer's first look.
$(SAMPLES): .venv/.ready
	@$(PY) -m daemon.commands.samples || true

.venv/.dev: .venv/.ready
	@echo "Installing what the tests need: another 400 MB."
	$(PY) -m pip install --quiet --upgrade 'pip>=25.1'
	$(PY) -m pip install --quiet --group dev
	@touch $@

.PHONY: before-run install-command
before-run:
	@[ -e .venv/.weights ] || echo "The first time, this fetches about 160 MB: packages, a small model, three photos. With 50 Mbit/s: two minutes."

install-command: .venv/.ready ## link the command freisteller into ~/.local/bin
	@mkdir -p "$$HOME/.local/bin"
	@ln -sf "$$(pwd)/.venv/bin/freisteller" "$$HOME/.local/bin/freisteller"
	@case ":$$PATH:" in *":$$HOME/.local/bin:"*) echo "Type: freisteller --help";; \
	*) echo "Linked, but ~/.local/bin is not on PATH. Type: export PATH=\"\$$HOME/.local/bin:\$$PATH\"";; esac

setup: .venv/.weights $(SAMPLES) ## create the virtual environment, install the package, download the small model

run: before-run setup ## watch ./hotfolder, with three sample photos (ROOT=… for another folder)
	@echo "Commands: .venv/bin/freisteller --help   (make install-command shortens it)"
	@exec $(PY) -m daemon run --root "$(ROOT)" --samples

test: .venv/.weights .venv/.dev ## install what the tests need, then run them
	@$(PY) tests/how_long.py $(SIDE_BY_SIDE)

test-lowest: .venv/.weights .venv/.dev ## run the tests with the oldest libraries that pyproject.toml allows
	rm -rf .venv-lowest
	$(PY) -m uv venv --quiet --seed --python $(PY) .venv-lowest
	$(PY) -m uv pip install --quiet --python .venv-lowest/bin/python --resolution lowest-direct \
		--editable '.[local,heic,raw]' --group dev
	.venv-lowest/bin/python -m pytest $(SIDE_BY_SIDE)

lint: .venv/.dev ## check rules and format with ruff
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

types: .venv/.dev ## check types with mypy --strict
	$(PY) -m mypy --strict

check: ## run everything that CI runs
	sh .ci/run

format: .venv/.dev ## format the code
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

dist: .venv/.dev ## build wheel and sdist into dist/
	rm -rf dist
	$(PY) -m build --outdir dist .
	$(PY) -m twine check --strict dist/*

clean: ## remove what setup and tests created (never a hot folder)
	rm -rf .venv .venv-lowest .mypy_cache .ruff_cache .pytest_cache .hypothesis dist build
