"""Images as files, for machines without a registry or a network."""

import os
from collections.abc import Sequence
from pathlib import Path

from docker.errors import DockerException
from requests.exceptions import RequestException

from nobs.errors import EngineError, UsageError
from nobs.launch.engine.client import Engine
from nobs.launch.image.build import find_tagged
from nobs.launch.image.plan import ImagePlan
from nobs.schema.spec import ImageRef
from nobs.units import format_bytes


def save_image(engine: Engine, image: ImageRef, file: Path) -> int:
    """Write `image` with its tag to `file`, as `docker save` does; return the bytes.

    The file appears only when it is whole.
    """
    if not file.parent.is_dir():
        raise UsageError(f"There is no directory {file.parent}.", "Name one that exists.")
    written = 0
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with temporary.open("xb") as out:
            for part in engine.client.images.get(image.tag).save(named=image.tag):
                written += out.write(part)
        temporary.replace(file)
    except OSError as error:
        raise EngineError(
            f"{image.tag} can't be written to {file}: {os.strerror(error.errno or 0)}, after"
            f" {format_bytes(written)}.",
            "Free space, or name a file on another disk.",
        ) from error
    except (DockerException, RequestException) as error:
        raise EngineError(
            f"The engine stopped sending {image.tag} after {format_bytes(written)}: {error}.",
            "Check the engine with `nobs doctor`, and save again.",
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
    return written


def load_image(engine: Engine, file: Path, plans: Sequence[ImagePlan]) -> list[ImageRef]:
    """Load the images in `file`; EngineError unless one is what this NOBS would build here."""
    try:
        with file.open("rb") as archive:
            loaded = engine.client.images.load(archive)
    except OSError as error:
        raise UsageError(
            f"{file} can't be read: {os.strerror(error.errno or 0)}.",
            "Name a file that `nobs build --save` made.",
        ) from error
    except (DockerException, RequestException) as error:
        raise EngineError(
            f"The engine can't load {file}: {' '.join(str(error).split())[:200]}.",
            "Copy the file again, and compare its sha256 with the original.",
        ) from error
    tags = [tag for image in loaded for tag in image.tags]
    wanted = [plan for plan in plans if plan.tag in tags]
    if not wanted:
        raise EngineError(
            f"{file} holds {', '.join(tags) or 'no named image'}, but this NOBS needs"
            f" {', '.join(plan.tag for plan in plans)}.",
            "Save an image of the same commit, with the same --torch-index and --base-image.",
        )
    found = [image for plan in wanted if (image := find_tagged(engine, plan.tag))]
    for plan in wanted:
        engine.client.images.get(plan.tag).tag(*plan.name.split(":"))
    return found
