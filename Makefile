# `make` runs every check. `make demo` and `make test` set up all they need in .venv.
PYTHON ?= python3
BIN     = .venv/bin
READY   = .venv/.ready

.PHONY: all demo test unit check fix docs golden bare clean

all: check test

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'tilth needs Python 3.11 or newer; say  make PYTHON=python3.12')"
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt "torch==2.13.0"
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	$(BIN)/python -m pip install --quiet --no-deps --editable examples/plugin
	touch $(READY)

demo: $(READY)          ## improve the embedded sample: real handwritten digits with planted faults
	$(BIN)/tilth demo

test: $(READY)          ## every test: laws, known answers, contracts, screens, docs
	$(BIN)/python -m pytest -n 2 --dist worksteal -q

unit: $(READY)          ## the quick ones
	$(BIN)/python -m pytest -n 2 -q -m "not slow and not data"

check: $(READY)         ## format, lint, types, walls
	$(BIN)/ruff format --check src tests benchmarks examples
	$(BIN)/ruff check src tests benchmarks examples
	$(BIN)/pyright
	$(BIN)/lint-imports

fix: $(READY)
	$(BIN)/ruff format src tests benchmarks examples
	$(BIN)/ruff check --fix src tests benchmarks examples

docs: $(READY)          ## renew the generated reference pages
	$(BIN)/python docs/reference/generate.py
	$(BIN)/python docs/reference/operations.py
	$(BIN)/python docs/reference/perturbation.py
	$(BIN)/python docs/reference/text_operations.py
	$(BIN)/python docs/reference/mixing.py

bench-%: $(READY)       ## one benchmark: make bench-label_noise
	$(BIN)/python benchmarks/$*/run.py

bare:                   ## install without the dev tools, and take the first steps
	rm -rf .bare && $(PYTHON) -m venv .bare
	.bare/bin/python -m pip install --quiet --constraint constraints.txt "torch==2.13.0" .
	.bare/bin/tilth --help > /dev/null && .bare/bin/tilth demo .bare/demo

clean:
	rm -rf .venv .bare demo .pytest_cache .ruff_cache .hypothesis
