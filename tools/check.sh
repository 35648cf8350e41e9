#!/bin/sh
# Everything `make check` means; each tool names what is wrong and how to see it again.
set -eu
cd "$(dirname "$0")/.."
bin=.venv/bin
"$bin/ruff" check .
"$bin/ruff" format --check --quiet .
"$bin/mypy"
"$bin/lint-imports"
"$bin/bandit" -q -r nobs -c pyproject.toml
"$bin/python" -m pytest -q tests/unit/docs
