PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Processes that run tests.
JOBS ?= 2
PYTEST := $(BIN)/pytest --numprocesses $(JOBS)

.PHONY: demo test test-all lint docs clean

# The stamps hold: the package is installed again only when what it needs has changed.
$(VENV)/.installed: EXTRAS := [dev]
$(VENV)/.installed $(VENV)/.demo: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; assert sys.version_info >= (3, 11), "expected Python 3.11 or newer, received " + sys.version.split()[0] + "; name one: make PYTHON=python3.12"'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.$(EXTRAS)'
	touch $@

demo: $(VENV)/.demo
	$(BIN)/polar-search demo

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: lint
	$(PYTEST) -m "not slow"

test-all: lint
	$(PYTEST)

docs: $(VENV)/.installed
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet
	@echo 'documentation: build/site/index.html'

clean:
	rm -rf $(VENV) build dist runs
