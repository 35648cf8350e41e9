#!/bin/sh
# `make check-gpu`: finds a Python that can run the check and lets tools/check_gpu/box.py begin it. Installs
# nothing into that Python, so it needs no pip, no right to write there and no network.
#   NOBS_PYTHON  this Python, no other
set -u
cd "$(dirname "$0")/.." || exit 3

is_new() { "$1" -c 'import sys; sys.exit(not (3, 12) <= sys.version_info < (3, 14))' >/dev/null 2>&1; }

whole=
partial=
old=
for candidate in ${NOBS_PYTHON:-.venv/bin/python python3 python python3.13 python3.12 \
        /opt/conda/bin/python /opt/venv/bin/python /venv/main/bin/python}; do
    command -v "$candidate" >/dev/null 2>&1 || continue
    if ! is_new "$candidate"; then
        old="$old $candidate ($("$candidate" --version 2>&1 | tail -n 1))"
    elif "$candidate" tools/check_gpu/box.py --suits >/dev/null 2>&1; then
        whole=$candidate
        break
    else
        partial=${partial:-$candidate}
    fi
done

python=${whole:-$partial}
if [ -z "$python" ]; then
    printf 'check-gpu: no Python 3.12 or 3.13 here; found:%s\n' "${old:- none}" >&2
    printf 'check-gpu: install one, or name it: NOBS_PYTHON=/path/to/python make check-gpu\n' >&2
    exit 3
fi
exec "$python" tools/check_gpu/box.py "$@"
