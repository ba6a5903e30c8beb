# The commands of this repository, the same on a desk and in CI. A new machine needs python3 (3.11 to
# 3.13), make and git; everything else is installed into .venv.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo test test-slow test-browser test-hsm test-prometheus check check-mypy check-pyright bench bench-tabular bench-tabular-peers docs k8s constraints

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ORACLES := .venv-oracles
PEERS := .venv-peers
# Processes that share the tests of `make test`; tests/conftest.py says how.
WORKERS ?= 2
DEMO := demo-output

# uv takes UV_PYTHON before the environment that it is told to fill, and finds local wheels only by
# a variable of its own.
unexport UV_PYTHON
ifdef PIP_FIND_LINKS
export UV_FIND_LINKS := $(PIP_FIND_LINKS)
endif

INSTALL := $(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode \
	--constraints constraints.txt --build-constraints constraints.txt

# Tests run with one thread per process (OpenMP's threads spin when processes outnumber cores), a local
# Ray without tokens, and nothing that calls home.
test test-slow test-browser test-hsm test-prometheus: export OMP_NUM_THREADS := 1
test test-slow test-browser test-hsm test-prometheus: export RAY_AUTH_MODE := disabled
test test-slow test-browser test-hsm test-prometheus: export RAY_worker_niceness := 0
test test-slow test-browser test-hsm test-prometheus: export RAY_USAGE_STATS_ENABLED := 0
test test-slow test-browser test-hsm test-prometheus: export HF_HUB_OFFLINE := 1
test test-slow test-browser test-hsm test-prometheus: export DO_NOT_TRACK := 1

help:  ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.test-installed  ## Install Mintage and what its tests need into .venv

$(BIN)/uv: constraints.txt
	@echo "making $(VENV)"
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v <= (3, 13) else \
		f"Python 3.11 to 3.13 is needed, this is {v[0]}.{v[1]}: make setup PYTHON=/path/to/python")'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt uv
	@touch $@

$(VENV)/.test-installed: $(BIN)/uv pyproject.toml constraints.txt
	@echo "installing Mintage and its tests' needs"
	@$(INSTALL) --editable . --group test
	@touch $@

$(VENV)/.dev-installed: $(VENV)/.test-installed
	@echo "installing the tools for checks and documentation"
	@$(INSTALL) --editable . --group dev
	@touch $@

demo: setup  ## Learn real flights, mint a million synthetic ones on a local Ray, verify them
	@if [ -e $(DEMO)/flights-synthetic ]; then \
		echo "removing the data set of an earlier demo: $(DEMO)/flights-synthetic"; \
		rm -rf $(DEMO)/flights-synthetic; \
	fi
	@$(BIN)/python docs/examples/flights/export_flights.py $(DEMO)/flights.parquet
	$(BIN)/mintage run docs/examples/flights/flights.yaml
	$(BIN)/mintage verify $(DEMO)/flights-synthetic

test: setup  ## Run the tests and every example, with a real S3 server and a local Ray
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder \
		-m "not (slow or gpu or postgres or browser or oracle or hsm or prometheus)" $(ARGS)

test-slow: setup  ## Run the tests that take minutes
	$(BIN)/python -m pytest -m "slow and not (gpu or postgres or browser or oracle or hsm or prometheus)" $(ARGS)

test-browser: setup  ## Run the tests that open the report in a real Chromium, which is installed when it is missing
	@$(INSTALL) --group browser
	@command -v chromium > /dev/null || { \
		echo "installing Chromium"; \
		if [ "$$(id -u)" = 0 ]; then as_root=""; else as_root=sudo; fi; \
		$$as_root apt-get update --quiet=2; \
		$$as_root apt-get install --quiet=2 --yes --no-install-recommends chromium fonts-dejavu-core; \
	}
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile -m browser $(ARGS)

test-hsm: setup  ## Run the tests that sign with a PKCS#11 token: SoftHSM, which is installed when it is missing
	@$(INSTALL) --group hsm
	@command -v softhsm2-util > /dev/null || { \
		echo "installing SoftHSM"; \
		if [ "$$(id -u)" = 0 ]; then as_root=""; else as_root=sudo; fi; \
		$$as_root apt-get update --quiet=2; \
		$$as_root apt-get install --quiet=2 --yes --no-install-recommends softhsm2; \
	}
	$(BIN)/python -m pytest -m hsm $(ARGS)

test-prometheus: setup  ## Run the tests of dashboards and alert rules with promtool, which is installed when it is missing
	@command -v promtool > /dev/null || { \
		echo "installing Prometheus"; \
		if [ "$$(id -u)" = 0 ]; then as_root=""; else as_root=sudo; fi; \
		$$as_root apt-get update --quiet=2; \
		$$as_root apt-get install --quiet=2 --yes --no-install-recommends prometheus; \
	}
	$(BIN)/python -m pytest -m prometheus $(ARGS)

test-oracles: setup $(ORACLES)/sdmetrics/.installed $(ORACLES)/anonymeter/.installed $(ORACLES)/interchange/.installed  ## Compare figures with other tools, each in an environment of its own
	$(BIN)/python -m pytest -m oracle $(ARGS)

$(ORACLES)/%/.installed: tests/oracles/%.txt $(BIN)/uv
	@echo "making $(ORACLES)/$*"
	@$(BIN)/uv venv --quiet --clear --python $(PYTHON) $(ORACLES)/$*
	@$(BIN)/uv pip install --quiet --python $(ORACLES)/$*/bin/python --requirement $<
	@touch $@

check: $(VENV)/.dev-installed  ## Check format, lint, types, imports and documentation
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	@$(MAKE) --no-print-directory --jobs 2 check-mypy check-pyright docs

check-mypy: $(VENV)/.dev-installed
	$(BIN)/mypy

check-pyright: $(VENV)/.dev-installed
	$(BIN)/pyright --pythonpath $(BIN)/python

docs: $(VENV)/.dev-installed  ## Build the documentation into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

k8s: setup  ## Render k8s/kustomize and the chart's reference from the chart, and check both as Kubernetes would
	$(BIN)/python k8s/render.py
	$(BIN)/python k8s/describe.py
	$(BIN)/python -m pytest -q -m "not prometheus" tests/unit/k8s $(ARGS)

bench: setup  ## Measure, and print the figures with machine and versions
	$(BIN)/python benchmarks/run.py $(ARGS)

bench-tabular: setup  ## Compare tabular generators on public tables: ARGS="--quick", "--seeds 5 --peers mostlyai"
	$(BIN)/python benchmarks/tabular.py $(ARGS)

bench-tabular-peers: $(PEERS)/mostlyai/.installed $(PEERS)/sdv/.installed $(PEERS)/arf/.installed  ## Install the peers that bench-tabular can run, each in an environment of its own

$(PEERS)/%/.installed: benchmarks/peers/%.txt $(BIN)/uv
	@echo "making $(PEERS)/$*"
	@$(BIN)/uv venv --quiet --clear --python $(PYTHON) $(PEERS)/$*
	@$(BIN)/uv pip install --quiet --python $(PEERS)/$*/bin/python --requirement $< \
		$(addprefix --override ,$(wildcard benchmarks/peers/$*.overrides.txt))
	@touch $@

constraints: $(BIN)/uv  ## Replace constraints.txt by the newest set that resolves
	@printf 'hatchling\nuv\n' | $(BIN)/uv pip compile --quiet pyproject.toml - --group dev --all-extras \
		--python-version 3.11.2 --no-annotate --no-header --output-file $(VENV)/newest.txt
	@{ head -2 constraints.txt; sed 's/+cpu$$//' $(VENV)/newest.txt | grep -vE '^(cuda|nvidia|triton)'; } \
		> $(VENV)/constraints.txt
	@mv $(VENV)/constraints.txt constraints.txt
