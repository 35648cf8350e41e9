#!/bin/bash
# engine.sh start | stop: the first engine, that of the machine's own Debian release, with buildx and compose.
# An engine that answers already is used as it is and never stopped.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

PIDFILE=$CI_STATE/engine.pid
PLUGINS=/usr/libexec/docker/cli-plugins

# Lets a container that asks for an NVIDIA GPU start where there is none.
stand_in_hook() {
    mkdir -p "$CI_STATE/bin"
    printf '#!/bin/sh\nexec cat >/dev/null\n' > "$CI_STATE/bin/nvidia-container-runtime-hook"
    chmod 755 "$CI_STATE/bin/nvidia-container-runtime-hook"
}

# Debian 12 has the command in docker.io, Debian 13 in a package of its own.
install_engine() {
    install_packages docker.io iptables iproute2
    command -v docker >/dev/null || install_packages docker-cli
}

start_dockerd() {
    install_engine
    # A machine that no init system started: Debian 13 no longer has cgroupfs-mount.
    mountpoint -q /sys/fs/cgroup || mount -t cgroup2 cgroup2 /sys/fs/cgroup
    stand_in_hook
    rm -f "$PIDFILE"
    PATH=$CI_STATE/bin:$PATH setsid dockerd --host unix:///var/run/docker.sock --pidfile "$PIDFILE" \
        >"$CI_STATE/dockerd.log" 2>&1 </dev/null &
    await 60 answers "$FIRST" || { tail -n 20 "$CI_STATE/dockerd.log"; die "dockerd does not answer"; }
}

# Debian 12 has no packages of them; those of Debian 13 run on both.
install_plugins() {
    local plugin
    for plugin in buildx compose; do
        docker "$plugin" version >/dev/null 2>&1 && continue
        mkdir -p "$PLUGINS"
        cp "$DEBIAN_13$PLUGINS/docker-$plugin" "$PLUGINS/"
        docker "$plugin" version
    done
}

case $1 in
    start)
        mkdir -p "$CI_STATE"
        answers "$FIRST" || start_dockerd
        install_plugins
        base_image "$FIRST"
        ;;
    stop) stop "$PIDFILE" ;;
esac
