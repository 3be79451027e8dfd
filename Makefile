# Set-up, checks and tests. Needs Python 3.11+ and git; uses uv where there is one, else venv and pip.
# Everything that is installed lies in .venv, everything that is fetched for tests in .cache.

PYTHON ?= python3
# How many test processes; 0 runs the tests in pytest's own.
JOBS ?= 2

VENV := .venv
BIN  := $(VENV)/bin
# Stamps: a second run installs nothing, a changed pyproject.toml installs again.
APP  := $(VENV)/.app-installed
DEV  := $(VENV)/.dev-installed

DEMO := examples/quickstart/environment.yaml

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test check e2e docs validation update-goldens tools clean

help: ## show this list
	@sed -n 's/^\([a-z0-9-]*\):[^#]*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|' 2>/dev/null \
	  || sed -n 's/^\([a-z0-9-]*\):[^#]*## \(.*\)/  make \1: \2/p' $(MAKEFILE_LIST)

demo: $(APP) ## validate, plan, compile, forecast and, where an engine is, run examples/quickstart
	$(BIN)/stagecast validate $(DEMO)
	$(BIN)/stagecast plan $(DEMO)
	$(BIN)/stagecast compile $(DEMO) -o build/demo --target all
	$(BIN)/stagecast simulate $(DEMO)
	$(BIN)/python docs/demo/local_run.py

test: $(DEV) ## the tests, without those that run whole real components
	$(BIN)/python -m pytest -q -n $(JOBS) -m "not e2e"

e2e: $(DEV) ## the tests that run whole real components (builders, registries, a Kubernetes API)
	$(BIN)/python tests/tools/control_plane.py
	$(BIN)/python -m pytest -q -n $(JOBS) --dist loadfile -m e2e

check: $(DEV) ## ruff, mypy --strict, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy tests
	$(BIN)/lint-imports --no-logo

docs: $(APP) ## write the generated schemas and pages anew
	$(BIN)/python docs/generate.py

validation: $(DEV) ## write docs/validation.md anew: what the simulator is held to (some minutes)
	$(BIN)/python docs/validation.py

update-goldens: $(DEV) ## write the expected outputs of tests and examples anew
	$(BIN)/python -m pytest -q -n $(JOBS) -m "not e2e" --update-goldens

tools: $(DEV) ## fetch the real tools that the tests use (they do so themselves, too)
	$(BIN)/python tests/tools/toolchain.py

clean: ## remove what make and the tools made
	rm -rf $(VENV) .cache build .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

# --- the virtual environment -------------------------------------------------------------------

define NO_VENV_HINT
python3 has no venv module here. On Debian: sudo apt-get install python3-venv (or install uv)
endef

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or later is needed; say which one with make PYTHON=..." >&2; exit 1; }
	@if uv --version >/dev/null 2>&1; then \
	  uv venv --quiet --clear --seed --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" $(VENV); \
	else \
	  $(PYTHON) -c 'import ensurepip' 2>/dev/null \
	    || { [ "$$(id -u)" = 0 ] && apt-get update -qq && apt-get install -qq -y python3-venv >/dev/null; } \
	    || { echo "$(NO_VENV_HINT)" >&2; exit 1; }; \
	  $(PYTHON) -m venv --clear $(VENV); \
	fi

# pip knows dependency groups from 25.1 on, and Debian's is older.
$(APP): pyproject.toml | $(BIN)/python
	@if uv --version >/dev/null 2>&1; then \
	  uv pip install --quiet --python $(BIN)/python -e .; \
	else \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check -e .; \
	fi
	@touch $@

$(DEV): pyproject.toml | $(BIN)/python
	@if uv --version >/dev/null 2>&1; then \
	  uv pip install --quiet --python $(BIN)/python -e . --group check --group test; \
	else \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1' \
	  && $(BIN)/python -m pip install --quiet --disable-pip-version-check -e . --group check --group test; \
	fi
	@touch $@ $(APP)
