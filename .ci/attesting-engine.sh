#!/bin/bash
# attesting-engine.sh start | stop: one more engine of Debian 13, with the containerd image store: its builder attaches
# bills of materials and provenance, and pushes. It is in the machine's own network namespace, so that it reaches a
# registry on loopback. Its containers have the host's network, or a bridge of its own that leads nowhere: scanners of
# packages run on that one. Its socket: $CI_STATE/debian-13/run/attesting.sock
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

PIDFILE=$DEBIAN_13/run/attesting.pid
SOCKET=$DEBIAN_13/run/attesting.sock
BRIDGE=nobs-attesting
export BRIDGE

enter() {
    enter_debian_13 /tmp
    dockerd_in_debian_13 --host unix:///run/attesting.sock --pidfile /run/attesting.pid --exec-root /run/attesting \
        --data-root /var/lib/attesting --config-file /etc/docker/attesting.json \
        --bridge "$BRIDGE" --iptables=false --ip6tables=false
}

start() {
    if ! answers "unix://$SOCKET" >/dev/null; then
        # Empty at each start: nothing that an earlier build left decides how the next one goes.
        rm -rf "$PIDFILE" "$SOCKET" "$DEBIAN_13/var/lib/attesting"
        mkdir -p "$DEBIAN_13/etc/docker" "$DEBIAN_13/old"
        echo '{"features": {"containerd-snapshotter": true}}' > "$DEBIAN_13/etc/docker/attesting.json"
        ip link show "$BRIDGE" >/dev/null 2>&1 || ip link add "$BRIDGE" type bridge
        ip address replace 172.31.254.1/24 dev "$BRIDGE"
        ip link set "$BRIDGE" up
        export -f enter
        setsid unshare --mount --propagation private bash -euc enter >"$CI_STATE/attesting-dockerd.log" 2>&1 </dev/null &
        await 60 answers "unix://$SOCKET" || { tail -n 20 "$CI_STATE/attesting-dockerd.log"; die "the attesting engine does not answer"; }
    fi
    base_image "unix://$SOCKET"
    mkdir -p "$CI_STATE/publishing"
    ln -sf "$DEBIAN_13/usr/bin/cosign" "$DEBIAN_13/usr/bin/docker-registry" "$CI_STATE/publishing/"
}

case $1 in
    start) start ;;
    stop)
        stop "$PIDFILE"
        ip link delete "$BRIDGE" 2>/dev/null || true
        ;;
esac
