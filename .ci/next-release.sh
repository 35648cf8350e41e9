#!/bin/bash
# Makes a root directory of the Debian release that follows this machine's: the base image of the tests
# is taken from it, then a newer Docker engine and the buildx and compose plugins are installed in it.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

own_suite() { sed -n 's/^VERSION_CODENAME=//p' /etc/os-release; }

next_suite() {
    case $(own_suite) in
        bookworm) echo trixie ;;
        *) own_suite ;;
    esac
}

# The archive that this machine itself installs from: no host is named here.
own_archive() {
    [ -n "$(apt_targets "$(own_suite)")" ] || apt-get update -qq
    apt_targets "$(own_suite)" | head -n 1
}

apt_targets() {
    # shellcheck disable=SC2016  # apt's own fields
    apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
        awk -v suite="$1" '$2 == suite && $3 == "main" { print $1 }'
}

in_root() { chroot "$NEXT_ROOT" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "$@"; }

bootstrap() {
    rm -rf "$NEXT_ROOT"
    mkdir -p "$CI_STATE"
    debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates "$(next_suite)" \
        "$NEXT_ROOT" "$(own_archive)"
    # The machine's own trust: behind a proxy that re-signs, builds need it as the machine does.
    cp /etc/ssl/certs/ca-certificates.crt "$NEXT_ROOT/etc/ssl/certs/ca-certificates.crt"
    tar -C "$NEXT_ROOT" --exclude='./var/cache/apt/*' --exclude='./var/lib/apt/lists/*' --exclude='./dev/*' \
        -cf "$CI_STATE/base.tar" .
}

install_engine() {
    cp /etc/resolv.conf "$NEXT_ROOT/etc/resolv.conf"
    in_root apt-get update -qq
    in_root apt-get install -y -qq --no-install-recommends docker.io docker-cli docker-buildx docker-compose iptables
    in_root apt-get clean
}

[ -e "$NEXT_ROOT/.complete" ] && [ -e "$CI_STATE/base.tar" ] && exit 0
install_packages debootstrap
bootstrap
install_engine
touch "$NEXT_ROOT/.complete"
