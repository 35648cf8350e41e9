#!/bin/sh
# `nobs` in an image. The absolute path of the interpreter rules out any other one in PATH.
# Started as root it goes on as the owner of /results, with the groups of the GPU's device nodes: files
# on the host belong to whom the directory belongs to, and nobody has to look up numbers.
set -eu

owner=$(stat -c %u /results)
if [ "$(id -u)" = 0 ] && [ "$owner" != 0 ]; then
    group=$(stat -c %g /results)
    groups=$group$(for id in $(id -G) $(stat -c %g /dev/kfd /dev/dri/renderD* 2>/dev/null); do
        [ "$id" = 0 ] || printf ',%s' "$id"
    done)
    exec setpriv --reuid "$owner" --regid "$group" --groups "$groups" /opt/venv/bin/python -m nobs "$@"
fi
exec /opt/venv/bin/python -m nobs "$@"
