# Freigabe: `make demo` to see it, `make test` to try it. PYTHON= names the interpreter.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PY := .venv/bin/python
# Any Python 3 can run the set-up; a pyenv shim may exist and still not run.
SETUP = for p in "$(PYTHON)" python3 python3.14 python3.13 python3.12 python3.11 \
	/usr/bin/python3 "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/3.1[1-4]*/bin/python3; do \
	if [ -n "$$p" ] && "$$p" -c 'import sys; sys.exit(sys.version_info < (3, 8))' \
	2>/dev/null; then exec "$$p" tools/setup.py --python "$(PYTHON)" --for $(1); fi; \
	done; echo "No Python 3 runs here: install Python 3.11 or later." >&2; exit 1

# Processes that share the tests: `auto` is one per core, none for a single file.
WORKERS ?= auto
export PORT
export ORT_DISABLE_TELEMETRY = 1

.PHONY: help setup setup-test demo start test bench soak lint format lock clean

help:
	@echo "make demo [PORT=8000] [RESET=1]   see Freigabe at work"
	@echo "make start [PORT=8000]            an installation of your own, empty"
	@echo "make test [ARGS=...]              run the tests on all cores; WORKERS=0: on one"
	@echo "make bench [ONLY=name,...]        run the benchmarks"
	@echo "make soak                         run the long batteries"
	@echo "make lint                         check style, types and import contracts"

setup:
	@$(call SETUP,demo)

setup-test:
	@$(call SETUP,test)

demo: setup
	@exec $(PY) manage.py demo $(if $(filter-out 0,$(RESET)),--reset)

start: setup
	@exec $(PY) manage.py demo --empty $(if $(filter-out 0,$(RESET)),--reset)

test: setup-test
	@exec $(PY) -m pytest -n $(WORKERS) --dist worksteal -m "not soak" $(ARGS)

soak: setup-test
	@# Ten of the twenty parts of 500 histories run beside all the rest.
	@$(PY) -m pytest tests/governance/test_approval_histories.py -m soak -k beside \
		--timeout 0 & beside=$$!; \
	$(PY) -m pytest -m "soak or hypothesis" -k "not beside" \
		--hypothesis-profile soak --timeout 0 $(ARGS); rest=$$?; \
	wait $$beside && exit $$rest

bench: setup-test
	@exec $(PY) -m tests.benchmarks $(if $(ONLY),--only "$(ONLY)")

lint: setup-test
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	.venv/bin/lint-imports
	@# The oldest Python that pyproject.toml names: mypy reads the libraries' types as a newer one.
	.venv/bin/vermin -q --no-tips --violations -t=3.11- governance registry audits tools manage.py
	@# Nothing is asked of a database here, so that one need not run.
	$(PY) -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run
	FREIGABE_HTTPS=1 $(PY) manage.py check --deploy --fail-level WARNING

format: setup-test
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

lock:
	uv pip compile --universal --generate-hashes --python-version 3.11 --all-extras \
		--no-header --no-annotate pyproject.toml -o requirements.lock

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
