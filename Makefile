# Neural NetwOrks Benchmark Stash. `make quick` and `make test` run the set-up themselves.
SHELL := /bin/sh
NOBS := .venv/bin/nobs
PYTHON := .venv/bin/python
PYTEST := $(PYTHON) -m pytest
# A rerun has no time limit of its own, so a test that ran out of time isn't repeated.
RERUNS := $(if $(filter 1,$(NOBS_TEST_RERUNS)),--reruns 1 --max-suite-reruns 10 --rerun-show-tracebacks \
    --rerun-except "from pytest-timeout")
.DEFAULT_GOAL := help
.PHONY: setup quick bench bench-cuda bench-rocm bench-cpu bench-native build-cpu build-cuda build-rocm \
        test check check-gpu wheels report docs lock clean help

setup: ## Prepare .venv: find uv and Python, install from the hashed locks
	@tools/setup.sh

quick: setup ## Benchmark small models from packages: no hub, no GPU, no questions
	@$(NOBS) run --profile quick --execution $${NOBS_EXECUTION:-native} --yes

bench: setup ## Benchmark the standard workloads on the best device
	@$(NOBS) run --backend $${NOBS_BACKEND:-auto} --yes

bench-cuda: setup ## Benchmark an NVIDIA GPU in a container
	@$(NOBS) run --backend cuda --execution container --yes

bench-rocm: setup ## Benchmark an AMD GPU in a container
	@$(NOBS) run --backend rocm --execution container --yes

bench-cpu: setup ## Benchmark the CPU in a container
	@$(NOBS) run --backend cpu --execution container --yes

bench-native: setup ## Benchmark without a container (Apple silicon, or no Docker)
	@$(NOBS) run --execution native --yes

build-cpu build-cuda build-rocm: build-%: setup ## Build the container image of a backend
	@$(NOBS) build $*

# Every process imports all test modules that it collects: one beside the others runs those that import torch, which
# takes seconds; it is nice to those. Tests that measure times run by themselves. A line that fails doesn't keep the
# next one from running.
HEAVY = $(shell grep -rl --include "*.py" "mark\.heavy" tests)
test: setup ## Run the tests; NOBS_TEST_CONTAINERS=1, NOBS_TEST_BROWSER=1, NOBS_TEST_LONG=1 add more
	@failed=0; heavy=$$(mktemp); \
	nice -n 5 $(PYTEST) $(RERUNS) $(HEAVY) >"$$heavy" 2>&1 & \
	$(PYTEST) $(RERUNS) -n auto --dist loadfile --no-loadscope-reorder -m "not alone" \
	    --ignore tests/container --ignore tests/browser $(HEAVY:%=--ignore %) || failed=1; \
	wait $$! || failed=1; cat "$$heavy"; rm "$$heavy"; \
	$(PYTEST) $(RERUNS) -m alone $$(grep -rl --include "*.py" "mark\.alone" tests) || failed=1; \
	if [ "$${NOBS_TEST_BROWSER:-}" = 1 ]; then $(PYTEST) $(RERUNS) tests/browser || failed=1; \
	else echo "tests/browser is left out: it runs with NOBS_TEST_BROWSER=1"; fi; \
	if [ "$${NOBS_TEST_CONTAINERS:-}" = 1 ]; then $(PYTEST) $(RERUNS) tests/container || failed=1; \
	else echo "tests/container is left out: it runs with NOBS_TEST_CONTAINERS=1"; fi; \
	exit $$failed

check: setup ## Check lint, types, import layers and docs
	@tools/check.sh

# Needs no set-up: it takes the Python of the box, or .venv where that is ready.
check-gpu: ## Check a GPU box in ten minutes, without network; BACKEND=cpu, WHEELS=DIR and OUT=DIR change it
	@tools/check_gpu.sh $(if $(BACKEND),--backend "$(BACKEND)") $(if $(WHEELS),--wheels "$(WHEELS)") $(if $(OUT),--out "$(OUT)")

wheels: ## Download what check-gpu installs on a box without network into WHEELS=DIR; ALL=1 adds torch
	@$(or $(wildcard $(PYTHON)),python3) tools/check_gpu/wheels.py $(if $(ALL),--all) $(if $(ARCH),--arch "$(ARCH)") "$(or $(WHEELS),wheels)"

report: setup ## Show this host against the best results
	@$(NOBS) report

docs: setup ## Check the documentation against the code and build it into site/
	@$(PYTHON) -m pytest -q tests/unit/docs
	@NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs build --strict --quiet

lock: ## Update the hashed lock files
	@tools/lock.sh --upgrade

clean: ## Remove everything that make created, except results
	rm -rf .venv .tools .mypy_cache .ruff_cache .pytest_cache .import_linter_cache dist site

help: ## Show this help
	@awk -F ':.*## ' '/^[a-z].*:.*## / {printf "  %-34s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
