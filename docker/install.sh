#!/bin/sh
# Installs wheels into /opt/venv while an image is built.
#   install.sh locked FILE...       what the hashed locks name, and nothing else
#   install.sh torch FILE INDEX     torch in the version that FILE locks, from INDEX:
#                                   default (the package index, hashes checked), one of uv's
#                                   torch backends (cpu, cu130, rocm7.2, ...) or an URL
set -eu

UV=/opt/uv/bin/uv
export UV_CACHE_DIR=/root/.cache/uv UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never
if [ -s /run/secrets/certificates ]; then export SSL_CERT_FILE=/run/secrets/certificates; fi
export UV_COMPILE_BYTECODE=1 UV_HTTP_TIMEOUT="${UV_HTTP_TIMEOUT:-180}"

into_venv() { "$UV" pip install --python /opt/venv/bin/python "$@"; }

locked() { for file in "$@"; do into_venv --no-deps --require-hashes --requirement "$file"; done; }

torch() {
    version=$(sed -n 's/^\(torch==[0-9.]*\).*/\1/p' "$1")
    case $2 in
        default) locked "$1" ;;
        *://*) into_venv --index "$2" "$version" ;;
        *) into_venv --torch-backend "$2" "$version" ;;
    esac
}

[ -d /opt/venv ] || "$UV" venv --python "$(command -v python3)" /opt/venv
"$@"
