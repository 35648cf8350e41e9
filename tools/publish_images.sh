#!/bin/bash
# Publishes images to a registry. The workflow `images` calls it, and it works from any clean checkout.
#   publish_images.sh build IMAGE ARCH REPOSITORY   builds cpu, cuda12, cuda13 or rocm for amd64 or arm64, with bill of
#                       materials and provenance; pushes it as VERSION-IMAGE-ARCH, its digest to digests/IMAGE-ARCH
#   publish_images.sh tag IMAGE REPOSITORY   gives all digests/IMAGE-* the one tag VERSION-IMAGE, and prints
#                       REPOSITORY@DIGEST of it
#   publish_images.sh sign REPOSITORY@DIGEST [OPTION]...   signs it and all that it lists; options are those of cosign
# Needs git, jq, cosign, and a current builder of `docker buildx` that can attest: one of the driver docker-container, or
# an engine with the containerd image store.
#   NOBS_BASE_IMAGE, NOBS_TORCH_INDEX, NOBS_BUILD_NETWORK   as for `nobs build`
#   NOBS_SOURCE         web address of the code, for the labels
#   NOBS_RELEASE        a tag of git that must be that of this version, as in v1.2.3
#   NOBS_SBOM_SCANNER   image that lists the packages, instead of BuildKit's own
set -euo pipefail
cd "$(dirname "$0")/.."

version=$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' nobs/__init__.py)

die() { printf 'publish_images: %s\n' "$*" >&2; exit 2; }

# recipe IMAGE: the backend of its Dockerfile and the index of its torch.
recipe() {
    case $1 in
        cpu) echo cpu cpu ;;
        cuda12) echo cuda cu126 ;;
        cuda13) echo cuda default ;;
        rocm) echo rocm rocm7.2 ;;
        *) die "there is no image $1; there are cpu, cuda12, cuda13 and rocm" ;;
    esac
}

check_release() {
    [ -z "${NOBS_RELEASE:-}" ] || [ "$NOBS_RELEASE" = "v$version" ] ||
        die "the tag is $NOBS_RELEASE, but the version is $version"
    git diff --quiet HEAD -- || die "files differ from the commit that the image would name"
}

# Two passes, because labels about torch are known when its wheels are installed: the second comes from the cache.
build() {
    local image=$1 arch=$2 repository=$3 recipe backend index made command digest
    recipe=$(recipe "$image")
    read -r backend index <<<"$recipe"
    check_release
    made=$(mktemp -d)
    command=(docker buildx build --progress plain --file "docker/$backend.Dockerfile" --platform "linux/$arch"
        --build-arg "TORCH_INDEX=${NOBS_TORCH_INDEX:-$index}" --build-arg "NOBS_VERSION=$version"
        --build-arg "NOBS_COMMIT=$(git rev-parse HEAD)" --build-arg "NOBS_SOURCE=${NOBS_SOURCE:-unknown}")
    [ -z "${NOBS_BASE_IMAGE:-}" ] || command+=(--build-arg "BASE_IMAGE=$NOBS_BASE_IMAGE")
    [ -z "${NOBS_BUILD_NETWORK:-}" ] || command+=(--network "$NOBS_BUILD_NETWORK")
    "${command[@]}" --target facts --output "type=local,dest=$made" .
    "${command[@]}" --sbom="${NOBS_SBOM_SCANNER:+generator=}${NOBS_SBOM_SCANNER:-true}" --provenance=mode=max \
        --metadata-file "$made/metadata.json" \
        --label "nobs.torch.version=$(jq -r .torch_version "$made/nobs-image.json")" \
        --label "nobs.torch.arch_list=$(jq -r '.arch_list | join(" ")' "$made/nobs-image.json")" \
        --tag "$repository:$version-$image-$arch" --push .
    digest=$(jq -r '."containerimage.digest"' "$made/metadata.json")
    rm -r "$made"
    [[ $digest =~ ^sha256:[0-9a-f]{64}$ ]] || die "the builder names no digest of what it pushed: $digest"
    mkdir -p digests
    echo "$digest" > "digests/$image-$arch"
}

tag() {
    local image=$1 repository=$2 digests name digest
    check_release
    mapfile -t digests < <(cat "digests/$image-"*)
    name="$repository:$version-$image"
    docker buildx imagetools create --tag "$name" "${digests[@]/#/$repository@}"
    digest=$(docker buildx imagetools inspect "$name" --format '{{json .Manifest}}' | jq -r .digest)
    echo "$repository@$digest"
}

sign() { cosign sign --yes --recursive "$@"; }

case ${1:-} in
    build) [ $# = 4 ] || die "build IMAGE ARCH REPOSITORY"; "$@" ;;
    tag) [ $# = 3 ] || die "tag IMAGE REPOSITORY"; "$@" ;;
    sign) [ $# -ge 2 ] || die "sign REPOSITORY@DIGEST [OPTION]..."; "$@" ;;
    *) die "build, tag or sign" ;;
esac
