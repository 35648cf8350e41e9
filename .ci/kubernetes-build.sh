#!/bin/bash
# kubernetes-build.sh: the programs of Kubernetes that Debian 12 has as source only, etcd and kubectl: all in
# $CI_STATE/kubernetes-bin. Everything comes from Debian's packages, of which none is installed.
# It takes minutes of two cores; GOMAXPROCS and GOFLAGS=-p=N hold it back. An interrupted build goes on.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

RELEASE=1.20.2
SOURCE=1.20.5+really$RELEASE-1.1+deb12u1
BIN=$CI_STATE/kubernetes-bin
BUILD=$CI_STATE/kubernetes-build
TREE=$BUILD/src/k8s.io/kubernetes
# What decides how the programs come out.
STAMP="$SOURCE go1.19 providerless reflect2-1.0.2 oom-score-0"
export GOROOT=$BUILD/debs/usr/lib/go-1.19 GOPATH=$BUILD GOCACHE=$BUILD/cache GO111MODULE=off CGO_ENABLED=0
export PATH=$GOROOT/bin:$PATH

# apt COMMAND...: knows the release's sources besides its packages, by lists of its own.
apt() {
    apt-get -qq -o APT::Sandbox::User=root -o Dir::Etc::SourceList="$BUILD/sources.list" \
        -o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists="$BUILD/lists" "$@"
}

fetch() {
    local archive package
    mkdir -p "$BUILD/lists/partial"
    cd "$BUILD"
    archive="[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $(own_archive) bookworm main"
    printf 'deb %s\ndeb-src %s\n' "$archive" "$archive" > sources.list
    apt update
    apt source --download-only "kubernetes=$SOURCE"
    apt download golang-1.19-go golang-1.19-src golang-github-modern-go-reflect2-dev etcd-server kubernetes-client
    for package in ./*.deb; do dpkg -x "$package" debs; done
}

unpack() {
    rm -rf "$TREE"
    mkdir -p "$TREE"
    tar xzf "$BUILD/kubernetes_${SOURCE%-*}.orig.tar.gz" --strip-components=1 -C "$TREE"
    # reflect2 1.0.1 crashes the API server at its first patch of an object where Go is 1.18 or newer.
    rm -rf "$TREE/vendor/github.com/modern-go/reflect2"
    cp -r "$BUILD/debs/usr/share/gocode/src/github.com/modern-go/reflect2" "$TREE/vendor/github.com/modern-go/"
    # Scores below that of the engine need CAP_SYS_RESOURCE, which a small machine may not give.
    replace 'defaultSandboxOOMAdj int = -998' 'defaultSandboxOOMAdj int = 0' pkg/kubelet/dockershim/docker_sandbox.go
    replace 'guaranteedOOMScoreAdj int = -997' 'guaranteedOOMScoreAdj int = 0' pkg/kubelet/qos/policy.go
}

# replace OLD NEW FILE: fails where OLD is not there.
replace() {
    grep -qF "$1" "$TREE/$3" || die "$3 has no: $1"
    sed -i "s/$1/$2/" "$TREE/$3"
}

# The one generated file that the source package leaves out.
openapi() {
    local packages
    cd "$TREE"
    packages=$(grep -rlE --include='*.go' '^// *\+k8s:openapi-gen=' cmd pkg plugin vendor/k8s.io/*/ \
        | grep -vE '^vendor/k8s.io/(code-generator|sample-apiserver)/' | xargs -n1 dirname | LC_ALL=C sort -u \
        | sed 's#^#k8s.io/kubernetes/#' | paste -sd,)
    go build -o "$BUILD/openapi-gen" ./vendor/k8s.io/kube-openapi/cmd/openapi-gen
    "$BUILD/openapi-gen" --logtostderr -i "$packages" -p k8s.io/kubernetes/pkg/generated/openapi \
        -O zz_generated.openapi -h vendor/k8s.io/code-generator/hack/boilerplate.go.txt -r "$BUILD/violations"
}

programs() {
    local flags="-s -w" package
    for package in client-go/pkg component-base; do
        package=k8s.io/kubernetes/vendor/k8s.io/$package/version
        flags+=" -X $package.gitVersion=v$RELEASE -X $package.gitMajor=1 -X $package.gitMinor=20"
    done
    cd "$TREE"
    mkdir -p "$BUILD/bin"
    # Without the clients of clouds, which are a good part of it.
    go build -tags providerless -ldflags "$flags" -o "$BUILD/bin/" \
        ./cmd/kube-scheduler ./cmd/kubelet ./cmd/kube-controller-manager ./cmd/kube-apiserver
}

[ "$(cat "$BIN/stamp" 2>/dev/null)" = "$STAMP" ] && exit 0
install_packages dpkg-dev
# Each step leaves a mark for a build that goes on.
for step in fetch unpack openapi programs; do
    [ -e "$BUILD/done-$step" ] && continue
    say "kubernetes $step"
    # In the condition of anything, -e would not hold in it.
    ( "$step" )
    touch "$BUILD/done-$step"
done
rm -rf "$BIN"
mkdir -p "$BIN"
cp "$BUILD"/bin/* "$BUILD"/debs/usr/bin/{etcd,kubectl} "$BIN/"
echo "$STAMP" > "$BIN/stamp"
rm -rf "$BUILD"
