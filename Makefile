# Needs only make and Python 3.11 or newer. Paths are relative, so a folder with spaces is fine.
PYTHON  ?= python3
WORKERS ?= 2
ARGS    ?=

venv    := .venv
python  := $(venv)/bin/python
pip     := $(python) -m pip --disable-pip-version-check
runtime := $(venv)/.runtime-ready
dev     := $(venv)/.dev-ready
# An environment that does not run (its Python was removed) is made again from the start.
$(shell $(python) -c 'import pip' 2>/dev/null || rm -f $(venv)/.*-ready $(venv)/.kfpush-*)
# Named after the checkout's place and everything in pyproject.toml above its first [tool...] line:
# a new command or version, or a moved folder, reinstalls the project; a lint rule does not.
project := $(venv)/.kfpush-$(shell { pwd; sed '/^\[tool/,$$d' pyproject.toml; } | cksum | tr ' ' -)
# The dev lock holds everything the runtime lock does, at the same versions.
ready   := $(if $(wildcard $(dev)),$(dev),$(runtime))

# Prerequisites are made in the order they are written: the packages, then the project.
.NOTPARALLEL:

.PHONY: help
help: ## Show this list
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

.PHONY: setup
setup: $(ready) $(project) ## Make .venv with what kfpush needs to run

.PHONY: setup-dev
setup-dev: $(dev) $(project) ## Make .venv with the tests and the checkers too

.PHONY: run
run: setup ## Run everything on this machine: kfpush up
	@exec $(venv)/bin/kfpush up $(ARGS)

.PHONY: demo
demo: setup ## Run everything with invented people and matches: kfpush up --demo
	@exec $(venv)/bin/kfpush up --demo $(ARGS)

.PHONY: format
format: setup-dev ## Format the code and fix what ruff can fix
	$(python) -m ruff format .
	$(python) -m ruff check --fix .

.PHONY: check
check: setup-dev ## Check format, lint, types and the direction of imports
	$(python) -m ruff format --check .
	$(python) -m ruff check .
	$(python) -m mypy
	$(venv)/bin/lint-imports

.PHONY: test
test: setup-dev ## Run the tests, in random order (WORKERS=2, ARGS='-k quiet')
	$(python) -m pytest -n $(WORKERS) $(ARGS)

.PHONY: faults
faults: setup-dev ## Break real processes on purpose and count what is left
	$(python) -m pytest -m faults --timeout 600 -n $(WORKERS) $(ARGS)

.PHONY: fuzz
fuzz: setup-dev ## Send what nobody should send, by the hundred thousand (ARGS='callbacks --seed 7')
	$(python) -m tests.fuzz $(ARGS)

.PHONY: bench
bench: setup ## Measure cost per delivered match, latency and drain time
	@exec $(venv)/bin/kfpush bench $(ARGS)

# Made for Python 3.11, for Linux and macOS, with hashes and without an index's address, so that any
# mirror serves. uv lives in its own folder: it is needed for this and nothing else.
uv      := $(venv)-uv/bin/uv
compile := $(uv) pip compile pyproject.toml --python-version 3.11 --universal --fork-strategy fewest \
           --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate --quiet

.PHONY: lock
lock: $(uv) ## Make both locks again (ARGS=--upgrade to take new releases)
	$(compile) $(ARGS) --all-extras -o requirements-dev.lock
	$(compile) --extra embedded --extra build -c requirements-dev.lock -o requirements.lock

.PHONY: clean
clean: ## Remove the environments and caches; data under .kfpush stays
	rm -rf $(venv) $(venv)-uv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find schemas producer consumer ops tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(runtime): requirements.lock | venv
	$(pip) install --quiet --require-hashes -r requirements.lock
	@touch $@

$(dev): requirements-dev.lock | venv
	$(pip) install --quiet --require-hashes -r requirements-dev.lock
	@touch $@

$(project): | venv
	$(pip) install --quiet --no-deps --no-build-isolation --editable .
	@rm -f $(venv)/.kfpush-* && touch $@

.PHONY: venv
venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "kfpush needs Python 3.11 or newer; say which with: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(python) -c 'import pip' 2>/dev/null || $(PYTHON) -m venv $(venv) || { \
	  echo "No virtual environment could be made. On Debian or Ubuntu: apt install python3-venv" >&2; exit 1; }

$(uv):
	$(PYTHON) -m venv $(venv)-uv
	$(venv)-uv/bin/python -m pip install --quiet uv
