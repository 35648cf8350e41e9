#!/bin/bash
# Makes a root directory of Debian 13, whichever release the machine runs. From it come, as Debian 12 has none
# of them: a base image with Python 3.12 or newer, the plugins buildx and compose, and an engine with CDI.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

in_root() { chroot "$DEBIAN_13" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "$@"; }

bootstrap() {
    rm -rf "$DEBIAN_13"
    mkdir -p "$CI_STATE"
    debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates trixie \
        "$DEBIAN_13" "$(own_archive)"
    # The machine's own trust: behind a proxy that re-signs, builds need it as the machine does.
    cp /etc/ssl/certs/ca-certificates.crt "$DEBIAN_13/etc/ssl/certs/ca-certificates.crt"
    tar -C "$DEBIAN_13" --exclude='./var/cache/apt/*' --exclude='./var/lib/apt/lists/*' --exclude='./dev/*' \
        -cf "$CI_STATE/base.tar" .
}

install_engine() {
    cp /etc/resolv.conf "$DEBIAN_13/etc/resolv.conf"
    in_root apt-get update -qq
    in_root apt-get install -y -qq --no-install-recommends docker.io docker-cli docker-buildx docker-compose iptables
    in_root apt-get clean
}

[ -e "$DEBIAN_13/.complete" ] && [ -e "$CI_STATE/base.tar" ] && exit 0
install_packages debootstrap ca-certificates
bootstrap
install_engine
touch "$DEBIAN_13/.complete"
