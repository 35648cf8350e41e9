"""The image of a plan: found in the engine, or built."""

import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from docker.errors import APIError, ImageNotFound
from docker.models.images import Image
from requests.exceptions import RequestException

from nobs.errors import EngineError
from nobs.launch.engine.client import Engine
from nobs.launch.image.buildx import (
    OnOutput,
    build_command,
    facts_options,
    image_options,
    run_buildx,
)
from nobs.launch.image.plan import LABEL_TORCH_ARCHS, LABEL_TORCH_VERSION, ImagePlan
from nobs.schema.spec import ImageRef

_TAG = re.compile(r"nobs:([a-z]+)-[0-9a-f]{12}")
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
"""By the names of the kernel, those of images."""


def find_tagged(engine: Engine, tag: str) -> ImageRef | None:
    """Return the image that the engine has under `tag`, None if it has none.

    EngineError if it is for another architecture.
    """
    image = _get(engine, tag)
    return _reference(tag, image) if image else None


def ensure_image(engine: Engine, plan: ImagePlan, on_output: OnOutput) -> ImageRef:
    """Return the image of `plan`, built only if it is missing, with the tag `plan.name`."""
    image = _get(engine, plan.tag)
    if image is None:
        return build_image(engine, plan, on_output)
    if plan.name not in image.tags:
        image.tag(*plan.name.split(":"))
    return _reference(plan.tag, image)


def build_image(engine: Engine, plan: ImagePlan, on_output: OnOutput) -> ImageRef:
    """Build `plan` in two passes: the second adds labels about torch in the first."""
    environment = engine.environment
    command = build_command(plan, builder=engine.endpoint.context)
    with tempfile.TemporaryDirectory(prefix="nobs-build-") as directory:
        options = facts_options(Path(directory))
        run_buildx([*command, *options], plan, environment, on_output)
        labels = read_labels(Path(directory, "nobs-image.json"))
    run_buildx([*command, *image_options(plan, labels)], plan, environment, on_output)
    return _built(engine, plan)


def read_labels(facts_file: Path) -> dict[str, str]:
    """Return labels with the version and architectures of the image's torch."""
    facts: dict[str, Any] = json.loads(facts_file.read_bytes())
    return {
        LABEL_TORCH_VERSION: facts["torch_version"],
        LABEL_TORCH_ARCHS: " ".join(facts["arch_list"]),
    }


def _built(engine: Engine, plan: ImagePlan) -> ImageRef:
    found = find_tagged(engine, plan.tag)
    if found is None:
        raise EngineError(
            f"The image {plan.tag} was built, but the engine at {engine.endpoint.described} "
            "doesn't have it.",
            "Check `docker buildx ls`: the builder of this engine's context must use the docker "
            "driver.",
        )
    return found


def _get(engine: Engine, tag: str) -> Image | None:
    try:
        image = engine.client.images.get(tag)
    except ImageNotFound:
        return None
    except (APIError, RequestException) as error:
        raise EngineError(
            f"The engine failed to look up the image {tag}: {error}.",
            "Check `docker images`.",
        ) from error
    remedy = (
        f"Remove it with `docker rmi {tag}`, and build it here with `nobs build`, without another"
        " default platform of Docker."
    )
    require_architecture(tag, image, engine.info.architecture, remedy)
    return image


def _reference(tag: str, image: Image) -> ImageRef:
    digests = image.attrs.get("RepoDigests") or ()
    return ImageRef(
        tag=tag,
        id=image.id,
        digest=next(iter(digests), None),
        labels={name: value for name, value in image.labels.items() if name.startswith("nobs.")},
    )


def require_architecture(name: str, image: Image, machine: str, remedy: str) -> None:
    """Raise EngineError for an image of another architecture: an emulator may run it, slowly."""
    built = str(image.attrs.get("Architecture") or "")
    if built and machine and built != image_architecture(machine):
        raise wrong_architecture(name, built, machine, remedy)


def wrong_architecture(name: str, built: str, machine: str, remedy: str) -> EngineError:
    """Return the error of an image that is `built` for another architecture than `machine`'s."""
    return EngineError(
        f"The image {name} is for {built}, but this engine runs {image_architecture(machine)}.",
        remedy,
    )


def image_architecture(machine: str) -> str:
    """Return what images call the architecture that the kernel calls `machine`."""
    return _ARCHITECTURES.get(machine, machine)


def remove_old_images(engine: Engine) -> Iterator[str]:
    """Remove the images that are no backend's current one; yield their tags."""
    tags = {tag: str(image.id) for image in engine.client.images.list("nobs") for tag in image.tags}
    for tag in find_old_tags(tags):
        # An image that a container still uses stays.
        with suppress(APIError):
            engine.client.images.remove(tag)
            yield tag


def find_old_tags(tags: Mapping[str, str]) -> list[str]:
    """Return those of our tags (tag -> image id) whose image isn't the named one of its backend."""
    found = ((tag, _TAG.fullmatch(tag)) for tag in sorted(tags))
    return [tag for tag, match in found if match and tags.get(f"nobs:{match[1]}") != tags[tag]]
