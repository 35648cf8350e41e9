#!/bin/bash
# Makes a root directory of Debian 13, whichever release the machine runs. From it come, as Debian 12 has none
# of them: a base image with Python 3.12 or newer, the plugins buildx and compose, an engine with CDI, and cosign.
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

install() {
    cp /etc/resolv.conf "$DEBIAN_13/etc/resolv.conf"
    in_root apt-get update -qq
    in_root apt-get install -y -qq --no-install-recommends "$@"
    in_root apt-get clean
}

if [ ! -e "$DEBIAN_13/.complete" ] || [ ! -e "$CI_STATE/base.tar" ]; then
    install_packages debootstrap ca-certificates
    bootstrap
    install docker.io docker-cli docker-buildx docker-compose iptables
    touch "$DEBIAN_13/.complete"
fi
# Apart from the engine: an older root directory that was kept is completed.
[ -x "$DEBIAN_13/usr/bin/cosign" ] || install cosign docker-registry
