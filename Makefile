# make help says what there is. Needs Python 3.11 or newer and nothing else; see docs/running.md.
PYTHON ?= $(firstword $(foreach python,python3.11 python3 python3.12 python3.13 python3.14,$(shell command -v $(python) 2>/dev/null)))
export VENV ?= $(CURDIR)/.venv
BIN := $(VENV)/bin
JOBS ?= 2

.PHONY: help setup run dev demo test check bench assets messages lock format
.DEFAULT_GOAL := help

help: ## this list
	@echo "FiberLedger. make run starts it; settings: PORT=8000 HOST=127.0.0.1 DATA_DIR=… DATABASE_URL=…"
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1	\2/p' $(MAKEFILE_LIST) | expand -t 16

setup: ## virtual environment, packages, assets, translations
	@test -n "$(PYTHON)" || { echo "setup: Python 3.11 is needed: apt-get install python3" >&2; exit 1; }
	@"$(PYTHON)" scripts/setup.py

assets: setup ## only what has changed of the pages' scripts and styles (setup does it too)

run: setup ## everything in one process: database, web, workers; loads the demo on first start
	@exec "$(BIN)/python" -m fiberledger run --follow $(ARGS)

dev: setup ## the same with DEBUG: code is read again when it changes
	@DEBUG=1 exec "$(BIN)/python" -m fiberledger run --follow --dev $(ARGS)

demo: setup ## throw the demo's companies away and load them again
	@exec "$(BIN)/python" -m fiberledger demo load --reset

check: tools ## seconds, before every commit: style, types, walls, migrations, translations
	@"$(BIN)/python" scripts/check.py

test: tools ## check, then every test
	@"$(BIN)/python" scripts/test_tools.py
	@"$(BIN)/python" scripts/check.py
	@$(if $(ARGS),,"$(BIN)/python" -m pytest -m alone)
	@"$(BIN)/python" -m pytest -n $(JOBS) $(if $(ARGS),,-m "not alone") $(ARGS)

bench: tools ## measure: make bench BENCH=billing-run SIZE=100000; all without BENCH
	@"$(BIN)/python" -m benchmarks $(if $(BENCH),--bench $(BENCH)) $(if $(SIZE),--size $(SIZE)) $(ARGS)

messages: tools ## gather new texts for translation
	@"$(BIN)/python" scripts/messages.py update

format: tools ## format the code
	@"$(BIN)/ruff" check -q --fix-only . && "$(BIN)/ruff" format -q .

lock: ## pin the newest packages that pyproject.toml allows
	@"$(PYTHON)" scripts/lock.py

.PHONY: tools
tools:
	@test -n "$(PYTHON)" || { echo "setup: Python 3.11 is needed: apt-get install python3" >&2; exit 1; }
	@"$(PYTHON)" scripts/setup.py --test
