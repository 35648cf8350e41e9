# shellcheck shell=bash
# What the scripts of this folder share. Source it.
set -euo pipefail

CI_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
REPO=$(dirname "$CI_DIR")
# Kept between runs, so that the second one is quick: a root directory of Debian 13.
CI_STATE=${NOBS_CI_STATE:-/var/tmp/nobs-ci}
DEBIAN_13=$CI_STATE/debian-13
BASE_TAG=nobs-base:ci
FIRST=${DOCKER_HOST:-unix:///var/run/docker.sock}
export CI_DIR REPO CI_STATE DEBIAN_13 BASE_TAG FIRST

say() { printf 'ci: %s\n' "$*" >&2; }
die() { say "$*"; exit 3; }

# phase NAME COMMAND...: runs it, says how long it took, shows its output only when it failed.
phase() {
    local name=$1 started=$SECONDS log rc=0
    shift
    mkdir -p "$CI_STATE"
    log=$CI_STATE/${name//[^A-Za-z0-9]/-}.log
    say "$name ..."
    "$@" >"$log" 2>&1 || rc=$?
    if [ "$rc" -ne 0 ]; then
        tail -n 60 "$log" >&2
        die "$name failed after $((SECONDS - started)) s (exit $rc); the whole output: $log"
    fi
    say "$name: $((SECONDS - started)) s"
}

root_on_debian() { [ "$(id -u)" = 0 ] && [ -r /etc/debian_version ] && grep -q '^ID=debian' /etc/os-release; }

# answers HOST: the engine's version, if one answers there.
answers() { docker --host "$1" version --format '{{.Server.Version}}' 2>/dev/null; }

# await SECONDS COMMAND...: until it succeeds.
await() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$deadline" ] || return 1
        sleep 0.3
    done
}

# stop PIDFILE: ends the dockerd that it names and waits until it is gone.
stop() {
    local pid
    pid=$(cat "$1" 2>/dev/null) || return 0
    [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = dockerd ] || return 0
    kill "$pid"
    await 20 gone "$pid" || say "dockerd ($pid) does not end"
}

gone() { [ ! -e "/proc/$1" ]; }

# run NAME COMMAND...: in the background, in a session of its own; its id goes to $STATE/NAME.id.
run() {
    local name=$1
    shift
    setsid "$@" >"$STATE/$name.out" 2>&1 </dev/null &
    echo $! > "$STATE/$name.id"
}

# end NAME PROGRAM: what `run` started, if that is still this program; first gently.
end() {
    local pid
    pid=$(cat "$STATE/$1.id" 2>/dev/null) || return 0
    # The kernel keeps 15 characters of a name.
    [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "${2:0:15}" ] || return 0
    kill "$pid" 2>/dev/null || true
    await 20 gone "$pid" || kill -KILL "$pid" || true
}

# The archive that this machine itself installs from: no host is named here.
own_archive() {
    [ -n "$(apt_targets "$(own_suite)")" ] || apt-get update -qq
    apt_targets "$(own_suite)" | head -n 1
}

own_suite() { sed -n 's/^VERSION_CODENAME=//p' /etc/os-release; }

apt_targets() {
    # shellcheck disable=SC2016  # apt's own fields
    apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
        awk -v suite="$1" '$2 == suite && $3 == "main" { print $1 }'
}

# base_image HOST: gives the engine there the base image of all builds, Debian 13 with its Python.
base_image() {
    docker --host "$1" image inspect "$BASE_TAG" >/dev/null 2>&1 && return
    docker --host "$1" import --change 'ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt' \
        --change 'ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt' --change 'CMD ["python3"]' \
        "$CI_STATE/base.tar" "$BASE_TAG"
}

# enter_debian_13 TREE...: makes the root directory of Debian 13 the root of this process, which has a mount namespace
# of its own; the trees stay visible. A plain chroot is not enough: an import remounts "/".
enter_debian_13() {
    local tree
    mount --bind "$DEBIAN_13" "$DEBIAN_13"
    cd "$DEBIAN_13"
    mount -t proc proc proc
    mount -t sysfs sysfs sys
    for tree in /sys/fs/cgroup /dev "$@"; do mount --rbind "$tree" ".$tree"; done
    pivot_root . old
    umount -l /old
}

# dockerd_in_debian_13 OPTION...: replaces this process by the engine of the root directory that it has entered.
dockerd_in_debian_13() {
    exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root dockerd "$@"
}
export -f enter_debian_13 dockerd_in_debian_13

install_packages() {
    local missing=()
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return
    apt-get update -qq
    without_services apt-get install -y -qq --no-install-recommends "${missing[@]}"
}

# Keeps the packages from starting daemons of their own: the engines here are started by these scripts.
without_services() {
    local policy=/usr/sbin/policy-rc.d rc=0
    export DEBIAN_FRONTEND=noninteractive
    [ -e "$policy" ] && { "$@"; return; }
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    chmod 755 "$policy"
    "$@" || rc=$?
    rm -f "$policy"
    return "$rc"
}
