# Neural NetwOrks Benchmark Stash. `make quick` and `make test` do all the set-up themselves.
SHELL := /bin/sh
NOBS := .venv/bin/nobs
PYTHON := .venv/bin/python
.DEFAULT_GOAL := help
.PHONY: setup quick bench bench-cuda bench-rocm bench-cpu bench-native build-cpu build-cuda build-rocm \
        test check report docs lock clean help

setup: ## Prepare .venv: find uv and Python, install from the hashed lock
	@tools/setup.sh

quick: setup ## Measure with small embedded models: no hub, no GPU, no questions
	@$(NOBS) run --profile quick --execution $${NOBS_EXECUTION:-native} --yes

bench: setup ## Measure the standard workloads on the best device here
	@$(NOBS) run --backend $${NOBS_BACKEND:-auto} --yes

bench-cuda: setup ## Measure on NVIDIA, in a container
	@$(NOBS) run --backend cuda --execution container --yes

bench-rocm: setup ## Measure on AMD, in a container
	@$(NOBS) run --backend rocm --execution container --yes

bench-cpu: setup ## Measure on the CPU, in a container
	@$(NOBS) run --backend cpu --execution container --yes

bench-native: setup ## Measure without a container (Apple silicon, or a prepared machine)
	@$(NOBS) run --execution native --yes

build-cpu build-cuda build-rocm: build-%: setup ## Build the image of a backend
	@$(NOBS) build $*

test: setup ## Run the tests; NOBS_TEST_CONTAINERS=1, NOBS_TEST_BROWSER=1 and NOBS_TEST_LONG=1 add theirs
	@$(PYTHON) -m pytest -n auto --dist loadfile --no-loadscope-reorder --ignore tests/container --ignore tests/browser
	@$(PYTHON) -m pytest tests/browser
	@$(PYTHON) -m pytest tests/container

check: setup ## Lint, types, import layers, docs
	@tools/check.sh

report: setup ## Show the last report of this host
	@$(NOBS) report

docs: setup ## Check that the documentation names what the code has; build it into site/
	@$(PYTHON) -m pytest -q tests/unit/docs
	@NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs build --strict --quiet

lock: ## Write the hashed lock files anew
	@tools/lock.sh --upgrade

clean: ## Remove what make made, but no results
	rm -rf .venv .tools .mypy_cache .ruff_cache .pytest_cache .import_linter_cache dist site

help: ## Show this help
	@awk -F ':.*## ' '/^[a-z].*:.*## / {printf "  %-34s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
