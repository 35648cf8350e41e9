#!/bin/bash
# kubernetes.sh start | stop: Kubernetes 1.20 on loopback, with a node n1 whose pods the first engine runs.
# Its programs are built if they aren't there yet. For users of it: KUBECONFIG=$CI_STATE/kubernetes/config, and
# kubectl is in $CI_STATE/kubernetes-bin.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

STATE=$CI_STATE/kubernetes
BIN=$CI_STATE/kubernetes-bin
PORT=17100
PAUSE=nobs-pause:ci
# What the kubelet sets without putting it back.
KERNEL=(vm.overcommit_memory vm.panic_on_oom kernel.panic kernel.panic_on_oops kernel.keys.root_maxkeys
    kernel.keys.root_maxbytes)
# Where every kubelet writes.
LEFT=(/var/log/pods /var/log/containers /var/lib/kubelet)
export KUBECONFIG=$STATE/config PATH=$BIN:$PATH

# All of them use one token, and nothing but this machine's root reads it.
configure() {
    local token
    mkdir -p "$STATE/certs"
    chmod 700 "$STATE"
    token=$(head -c 24 /dev/urandom | base64 | tr '+/' '-_')
    echo "$token,admin,admin,system:masters" > "$STATE/tokens.csv"
    openssl genrsa -out "$STATE/accounts.key" 2048
    cat > "$KUBECONFIG" <<CONF
apiVersion: v1
kind: Config
clusters: [{name: ci, cluster: {server: "https://127.0.0.1:$PORT", certificate-authority: "$STATE/certs/apiserver.crt"}}]
users: [{name: ci, user: {token: "$token"}}]
contexts: [{name: ci, context: {cluster: ci, user: ci}}]
current-context: ci
CONF
    # A busy disk is no reason to delete images or pods, and pods have no control groups but the engine's.
    cat > "$STATE/kubelet.yaml" <<CONF
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: 127.0.0.1
port: $((PORT + 3))
readOnlyPort: 0
healthzPort: 0
authentication: {anonymous: {enabled: false}, webhook: {enabled: false}}
authorization: {mode: AlwaysAllow}
cgroupDriver: cgroupfs
cgroupsPerQOS: false
enforceNodeAllocatable: []
failSwapOn: false
makeIPTablesUtilChains: false
imageGCHighThresholdPercent: 100
evictionHard: {memory.available: "0%", nodefs.available: "0%", nodefs.inodesFree: "0%", imagefs.available: "0%"}
volumePluginDir: $STATE/plugins
CONF
}

# The container that holds a pod's namespaces: it waits until it is stopped.
pause_image() {
    docker build --quiet --tag "$PAUSE" - <<BUILD
FROM $BASE_TAG
ENTRYPOINT ["sh", "-c", "trap 'exit 0' TERM; sleep infinity & wait"]
BUILD
}

store() {
    run etcd etcd --name ci --data-dir "$STATE/etcd" \
        --listen-client-urls "http://127.0.0.1:$((PORT + 1))" --advertise-client-urls "http://127.0.0.1:$((PORT + 1))" \
        --listen-peer-urls "http://127.0.0.1:$((PORT + 2))" --initial-cluster "ci=http://127.0.0.1:$((PORT + 2))" \
        --initial-advertise-peer-urls "http://127.0.0.1:$((PORT + 2))"
}

server() {
    run kube-apiserver kube-apiserver --etcd-servers "http://127.0.0.1:$((PORT + 1))" \
        --bind-address 127.0.0.1 --advertise-address 127.0.0.1 --secure-port $PORT --cert-dir "$STATE/certs" \
        --token-auth-file "$STATE/tokens.csv" --authorization-mode AlwaysAllow --endpoint-reconciler-type none \
        --service-cluster-ip-range 10.96.0.0/24 --service-account-issuer https://kubernetes.default.svc \
        --service-account-key-file "$STATE/accounts.key" --service-account-signing-key-file "$STATE/accounts.key"
}

controllers() {
    run kube-controller-manager kube-controller-manager --kubeconfig "$KUBECONFIG" --leader-elect=false \
        --service-account-private-key-file "$STATE/accounts.key" --bind-address 127.0.0.1 --port 0 --secure-port 0
    run kube-scheduler kube-scheduler --kubeconfig "$KUBECONFIG" --leader-elect=false \
        --bind-address 127.0.0.1 --port 0 --secure-port 0
}

node() {
    local name
    for name in "${KERNEL[@]}"; do
        echo "$name=$(sysctl -n "$name")"
    done > "$STATE/kernel"
    run kubelet kubelet --kubeconfig "$KUBECONFIG" --config "$STATE/kubelet.yaml" --hostname-override n1 \
        --node-ip 127.0.0.1 --root-dir "$STATE/kubelet" --cert-dir "$STATE/certs" \
        --container-runtime docker --docker-endpoint "$FIRST" --network-plugin "" \
        --experimental-dockershim-root-directory "$STATE/dockershim" --pod-infra-container-image "$PAUSE"
}

answers_api() { kubectl get --raw /readyz; }
ready() { [ "$(kubectl get node n1 -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}')" = True ]; }
account() { kubectl get serviceaccount default; }

start() {
    "$CI_DIR/kubernetes-build.sh"
    install_packages openssl procps
    say "KUBECONFIG=$KUBECONFIG PATH=$BIN:..."
    [ ! -e "$KUBECONFIG" ] || ! ready 2>/dev/null || return 0
    stop_all
    [ ! -e "${LEFT[0]}" ] || die "${LEFT[0]} is there: another kubelet runs or ran on this machine"
    configure
    pause_image
    store
    server
    await 120 answers_api || failed "the API server does not answer"
    controllers
    node
    await 120 ready || failed "the node does not become ready"
    await 60 account || failed "there is no service account"
}

failed() { tail -n 20 "$STATE"/*.out >&2; die "$1: $STATE/*.out"; }

# Ends what the .id files name, then the pods' containers and what they had mounted.
stop_all() {
    local name
    for name in kubelet kube-scheduler kube-controller-manager kube-apiserver etcd; do end "$name" "$name"; done
    [ ! -e "$STATE/kernel" ] || sysctl -q -p "$STATE/kernel"
    [ -e "$STATE" ] || return 0
    docker ps --all --quiet --filter label=io.kubernetes.docker.type |
        xargs --no-run-if-empty docker rm --force --volumes >/dev/null || say "containers of pods may be left"
    awk -v root="$STATE/" 'index($5, root) == 1 { print $5 }' /proc/self/mountinfo | sort -r |
        xargs --no-run-if-empty umount
    rm -rf "$STATE" "${LEFT[@]}"
}

case $1 in
    start) start ;;
    stop) stop_all ;;
    *) die "kubernetes.sh start | stop" ;;
esac
