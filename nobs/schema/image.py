"""Names of images in a registry."""

import re
from dataclasses import dataclass

from nobs.errors import UsageError

_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME = re.compile(
    rf"(?P<repository>(?:[A-Za-z0-9.-]+(?::[0-9]+)?/)?{_PART}(?:/{_PART})*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?"
    r"(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)


@dataclass(frozen=True)
class ImageName:
    """`repository[:tag][@digest]`; only the digest says which content it is."""

    repository: str
    tag: str | None
    digest: str | None

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.repository}{tag}" + (f"@{self.digest}" if self.digest else "")


def parse_image(text: str, *, pinned: bool) -> ImageName:
    """Return the parts of an image's name; UsageError for anything else.

    A `pinned` name must have a digest.
    """
    found = _NAME.fullmatch(text)
    if found is None:
        raise UsageError(
            f"{text!r} isn't a name of an image.",
            "Write it as registry.example/nobs:cuda, or with its digest:"
            " registry.example/nobs@sha256:HEX, 64 digits.",
        )
    name = ImageName(found["repository"], found["tag"], found["digest"])
    if pinned and name.digest is None:
        raise UsageError(
            f"The image {text} has no digest, so what it names may change.",
            f"Name it as {name.repository}@sha256:HEX;"
            f" `docker buildx imagetools inspect {text}` shows the digest.",
        )
    return name
