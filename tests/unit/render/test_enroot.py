"""Names of images for pyxis, read by the grammar of enroot."""

import re

import pytest

from nobs.errors import UsageError
from nobs.render.enroot import enroot_name

DIGEST = f"sha256:{'0a' * 32}"
# docker::import of enroot 3, in src/docker.sh: docker://[USER@][REGISTRY#]IMAGE[:TAG]. '/' and '@'
# are among the user's characters, so IMAGE@sha256:HEX is the image `sha256` of a user.
GRAMMAR = re.compile(
    r"(?:(?P<user>[\w.!~*'()%;:&=+$,\-/<>?@]+)@)?(?:(?P<registry>[^#]+)#)?"
    r"(?P<image>[a-z0-9/._-]+)(?::(?P<tag>[A-Za-z0-9._:-]+))?"
)


def parts(name: str) -> tuple[str | None, ...]:
    found = GRAMMAR.fullmatch(name)
    assert found is not None, name
    return found.group("user", "registry", "image", "tag")


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("ghcr.io/you/nobs:cuda", (None, "ghcr.io", "you/nobs", "cuda")),
        ("reg.example#nobs:cuda", (None, "reg.example", "nobs", "cuda")),
        ("me@box:5000/nobs", ("me", "box:5000", "nobs", None)),
        ("localhost:5000/nobs:v1", (None, "localhost:5000", "nobs", "v1")),
        ("you/nobs:cuda", (None, None, "you/nobs", "cuda")),
        ("docker.io/you/nobs:cuda", (None, None, "you/nobs", "cuda")),
        ("docker://ghcr.io/you/nobs:cuda", (None, "ghcr.io", "you/nobs", "cuda")),
        (f"ghcr.io/you/nobs@{DIGEST}", (None, "ghcr.io", "you/nobs", DIGEST)),
        (f"ghcr.io/you/nobs:cuda@{DIGEST}", (None, "ghcr.io", "you/nobs", DIGEST)),
        (f"reg.example#nobs:cuda@{DIGEST}", (None, "reg.example", "nobs", DIGEST)),
        (f"me@box:5000/nobs@{DIGEST}", ("me", "box:5000", "nobs", DIGEST)),
        (f"localhost/nobs@{DIGEST}", (None, "localhost", "nobs", DIGEST)),
        (f"you/nobs@{DIGEST}", (None, None, "you/nobs", DIGEST)),
        (f"nobs@{DIGEST}", (None, None, "nobs", DIGEST)),
    ],
)  # fmt: skip
def test_enroot_finds_registry_image_and_digest(
    image: str, expected: tuple[str | None, ...]
) -> None:
    assert parts(enroot_name(image)) == expected


def test_enroot_would_take_the_name_before_a_digest_for_a_user() -> None:
    assert parts(f"you/nobs@{DIGEST}")[::2] == ("you/nobs", "sha256")


@pytest.mark.parametrize("image", ["/images/a@sha256:b.sqsh", "./nobs.sqsh", "dockerd://nobs:cpu"])
def test_what_is_no_name_in_a_registry_stays(image: str) -> None:
    assert enroot_name(image) == image


@pytest.mark.parametrize("digest", ["sha256:0a", f"sha256:{'0A' * 32}", f"sha512:{'0a' * 64}"])
def test_what_is_no_digest_is_refused_with_its_form(digest: str) -> None:
    with pytest.raises(UsageError, match=f"{digest} isn't a digest of an image.* 64 digits"):
        enroot_name(f"ghcr.io/you/nobs@{digest}")
