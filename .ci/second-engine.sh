#!/bin/bash
# second-engine.sh start | stop: another engine at another address, Debian 13's with CDI and a stand-in GPU, in
# its own mount and network namespaces. Its socket: $CI_STATE/debian-13/run/docker.sock
# It starts with the images that the first engine has at that moment.
# Containers there see /tmp and the repository at the same paths, and no network but their own.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

PIDFILE=$DEBIAN_13/run/docker.pid
SOCKET=$DEBIAN_13/run/docker.sock

# The launcher reads the specification where the engine says that it is: the same path on both sides.
CDI=$CI_STATE/cdi
export CDI

configure() {
    mkdir -p "$DEBIAN_13/etc/docker" "$DEBIAN_13/old" "$DEBIAN_13$REPO" "$DEBIAN_13$CDI" "$CDI"
    echo '{"features": {"cdi": true}, "cdi-spec-dirs": ["'"$CDI"'"]}' > "$DEBIAN_13/etc/docker/daemon.json"
    cat > "$CDI/stand-in.yaml" <<'SPEC'
cdiVersion: "0.5.0"
kind: nvidia.com/gpu
containerEdits:
  env: ["NOBS_TEST_CDI=1"]
devices:
  - name: all
    containerEdits: &null_device
      deviceNodes:
        - {path: /dev/nvidia0, hostPath: /dev/null, permissions: rw}
  - name: "0"
    containerEdits: *null_device
SPEC
}

# Gives the second engine the first one's images as hard links: seconds, where save and load of one image
# take two minutes and 6 GB. Engines never write into a finished layer, and replace their indexes by renaming.
share_images() {
    local theirs=$DEBIAN_13/var/lib/docker ours=/var/lib/docker layers layer
    # The engine binds its directory onto itself, and links don't cross a mount: undone in this namespace only.
    umount --recursive --lazy "$ours" || true
    # The builder's records too: they name layers that go below.
    rm -rf "$theirs/image" "$theirs/containers" "$theirs/buildkit" "$theirs/overlay2/l" "$theirs/new"
    mkdir -p "$theirs/overlay2"
    cp -al "$ours/image" "$theirs/"
    rm -rf "$theirs/image/overlay2/layerdb/mounts"
    cp -al "$ours/overlay2/l" "$theirs/overlay2/"
    layers=$(sed -n p "$theirs"/image/overlay2/layerdb/sha256/*/cache-id)
    for layer in $layers; do
        [ -e "$theirs/overlay2/$layer" ] && continue
        cp -al "$ours/overlay2/$layer" "$theirs/new"
        mv "$theirs/new" "$theirs/overlay2/$layer"
    done
    for layer in "$theirs"/overlay2/*; do
        case $layers in *"${layer##*/}"*) ;; *) [ "${layer##*/}" = l ] || rm -rf "$layer" ;; esac
    done
}

# Runs inside the new namespaces.
enter() {
    ip link set lo up
    share_images
    enter_debian_13 /tmp "$REPO" "$CDI"
    dockerd_in_debian_13 --host unix:///run/docker.sock --pidfile /run/docker.pid --exec-root /run/docker
}

start() {
    answers "unix://$SOCKET" && return
    rm -f "$PIDFILE" "$SOCKET"
    configure
    export -f enter share_images
    setsid unshare --mount --net --propagation private bash -euc enter >"$CI_STATE/second-engine-dockerd.log" 2>&1 </dev/null &
    await 60 answers "unix://$SOCKET" || { tail -n 20 "$CI_STATE/second-engine-dockerd.log"; die "the second engine does not answer"; }
    answers "unix://$SOCKET"
}

case $1 in
    start) start ;;
    stop) stop "$PIDFILE" ;;
esac
