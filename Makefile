PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Processes that run tests.
JOBS ?= 2
PYTEST := $(BIN)/pytest --numprocesses $(JOBS)

.PHONY: demo test test-all lint clean

# The stamp holds: the package is installed again only when what it needs has changed.
$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; assert sys.version_info >= (3, 11), "expected Python 3.11 or newer, received " + sys.version.split()[0] + "; name one: make PYTHON=python3.12"'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@

demo: $(VENV)/.installed
	$(BIN)/polar-search demo

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: lint
	$(PYTEST) -m "not slow"

test-all: lint
	$(PYTEST)

clean:
	rm -rf $(VENV) build dist runs
