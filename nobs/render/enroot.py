"""The names that enroot, and so pyxis, has for images."""

import re

from nobs.errors import UsageError

_SCHEME = "docker://"
"""pyxis puts it in front by itself."""
_DIGEST = re.compile(r"(?P<name>.+)@(?P<digest>sha[0-9]+:[^@/#]*)")
_TAG = re.compile(r":[\w.-]+\Z")
_REGISTRY = re.compile(r"\A((?:[^@/#]+@)?(?:[\w-]+(?:\.[\w-]+)+(?::\d+)?|localhost|[\w-]+:\d+))/")
"""The part of an image's name that Docker takes for a registry."""
_HUB = re.compile(r"\A((?:[^@/#]+@)?)(?:index\.)?docker\.io#")
"""Docker Hub: another host answers for this one, which enroot knows if no registry is named."""


def enroot_name(image: str) -> str:
    """Return `[USER@][REGISTRY#]IMAGE[:TAG]`, or the path of a squashfs file as it is.

    Without `#` enroot asks Docker Hub, whatever stands before the first slash. Its releases 3 don't
    know IMAGE@DIGEST, but all from 3 on ask the registry for what stands in the place of the tag,
    where registries take digests, too.
    """
    if image.startswith(("/", ".")):
        return image
    name = image.removeprefix(_SCHEME)
    if "://" in name:
        return image
    digest = ""
    if found := _DIGEST.fullmatch(name):
        if not re.fullmatch(r"sha256:[0-9a-f]{64}", found["digest"]):
            raise UsageError(
                f"--pyxis {image}: {found['digest']} isn't a digest of an image.",
                "Write it as IMAGE@sha256:HEX, 64 digits; `docker buildx imagetools inspect IMAGE`"
                " shows it.",
            )
        name, digest = _TAG.sub("", found["name"]), f":{found['digest']}"
    return _HUB.sub(r"\1", _REGISTRY.sub(r"\1#", name)) + digest
