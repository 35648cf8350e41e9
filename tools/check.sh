#!/bin/sh
# Everything `make check` means: one line a tool, its whole output only where it finds something.
set -u
cd "$(dirname "$0")/.." || exit 1
PATH="$PWD/.venv/bin:$PATH"
export PYTHONDONTWRITEBYTECODE=1 NO_MKDOCS_2_WARNING=1
failed=0

check() {  # check NAME COMMAND...
    name=$1; shift
    if ! command -v "$1" >/dev/null 2>&1; then
        printf 'skipped  %s: %s is not installed\n' "$name" "$1"
    elif output=$("$@" 2>&1); then
        printf 'ok       %s\n' "$name"
    else
        printf '%s\nFAILED   %s; again with: %s\n' "$output" "$name" "$*"
        failed=1
    fi
}

check lint ruff check --quiet .
check format ruff format --check --quiet .
check types mypy
check layers lint-imports
check security bandit --quiet --configfile pyproject.toml --recursive nobs
check page tools/lint_page.sh
check shell shellcheck tools/*.sh docker/*.sh .ci/*.sh .ci/run
check dockerfiles hadolint docker/*.Dockerfile
check yaml check-yaml .pre-commit-config.yaml .github/workflows/*.yml compose.yaml compose/*.yaml mkdocs.yml
check workflows check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
check docs python -m pytest --quiet --tb=short -p no:cacheprovider tests/unit/docs
check site mkdocs build --strict --quiet
exit "$failed"
