"""An image of a registry, named by its digest, instead of one that is built here."""

from collections.abc import Mapping

from docker.errors import DockerException, ImageNotFound
from docker.models.images import Image
from requests.exceptions import RequestException

from nobs.errors import EngineError, NobsError, UsageError
from nobs.launch.engine.client import Engine
from nobs.launch.image.build import require_architecture, wrong_architecture
from nobs.launch.image.buildx import OnOutput
from nobs.schema.image import ImageName, parse_image
from nobs.schema.spec import ImageRef
from nobs.text import to_line

_UNKNOWN = "unknown"
_MAX_REASON = 200
_OTHER_DIGEST = "Name the digest of the image for all architectures, or that for this one."


def pull_image(
    engine: Engine, text: str, *, expected: Mapping[str, str], on_output: OnOutput
) -> ImageRef:
    """Return the image that `text` names by its digest, pulled unless the engine has it.

    EngineError if it can't be pulled or is for another architecture, UsageError if one of its
    labels isn't as `expected`.
    """
    name = parse_image(text, pinned=True)
    image = _find(engine, name) or _pull(engine, name, on_output)
    require_architecture(str(name), image, engine.info.architecture, _OTHER_DIGEST)
    labels = {key: value for key, value in image.labels.items() if key.startswith("nobs.")}
    check_labels(name, labels, expected)
    return ImageRef(tag=str(name), id=image.id, digest=str(name), labels=labels)


def check_labels(name: ImageName, labels: Mapping[str, str], expected: Mapping[str, str]) -> None:
    """Raise UsageError if the image isn't this NOBS for this backend."""
    if "nobs.version" not in labels:
        raise UsageError(
            f"{name} isn't an image of NOBS: it has no label nobs.version.",
            "Name one that `nobs build` or NOBS's workflow for images made.",
        )
    other = [
        f"{key} {labels.get(key, 'missing')} instead of {value}"
        for key, value in expected.items()
        if value and labels.get(key) not in (value, _UNKNOWN)
    ]
    if other:
        raise UsageError(
            f"{name} doesn't fit this NOBS: {', '.join(other)}.",
            "Name an image of this version and backend, or install the image's version of NOBS.",
        )


def _find(engine: Engine, name: ImageName) -> Image | None:
    try:
        return engine.client.images.get(_pinned(name))
    except ImageNotFound:
        return None
    except (DockerException, RequestException) as error:
        raise _explain(name, str(error), engine) from error


def _pull(engine: Engine, name: ImageName, on_output: OnOutput) -> Image:
    reason = ""
    try:
        lines = engine.client.api.pull(name.repository, tag=name.digest, stream=True, decode=True)
        for line in lines:
            reason = line.get("error") or reason
            on_output(" ".join(str(line[key]) for key in ("id", "status") if line.get(key)))
        if not reason:
            return engine.client.images.get(_pinned(name))
    except (DockerException, RequestException) as error:
        said = getattr(error, "explanation", None) or error
        raise _explain(name, str(said), engine) from error
    raise _explain(name, reason, engine)


def _pinned(name: ImageName) -> str:
    # The engine keeps no tag of an image that was pulled by its digest.
    return f"{name.repository}@{name.digest}"


def _explain(name: ImageName, reason: str, engine: Engine) -> NobsError:
    """Return the error of a failed pull, from what the engine says of the registry."""
    said = to_line(reason, _MAX_REASON)
    lower = reason.lower()
    if "no matching manifest" in lower:
        machine = engine.info.architecture
        return wrong_architecture(str(name), "others", machine, _OTHER_DIGEST)
    if "manifest unknown" in lower or "not found" in lower:
        what, remedy = "isn't in its registry", "Check the name and the digest."
    elif "unauthorized" in lower or "denied" in lower or "authentication" in lower:
        what, remedy = "isn't given to you by its registry", "Log in with `docker login`."
    else:
        what, remedy = "can't be pulled", "Check the registry and the engine's network and proxy."
    return EngineError(f"The image {name} {what}: {said}.", remedy)
