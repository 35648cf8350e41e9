"""What `nobs clean` takes away: leftovers of dead launchers, old images, old runs when asked."""

import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from docker.errors import APIError

from nobs.launch.engine.client import Engine
from nobs.launch.run.runs import RunPhase, list_runs
from nobs.launch.run.sweep import sweep
from nobs.system.processes import sweep_scratch

_TAG = re.compile(r"nobs:([a-z]+)-[0-9a-f]{12}")


def clean_leftovers(results: Path, engine: Engine | None) -> Iterator[str]:
    """Remove containers and files of launchers that died; yield what they were."""
    yield from (f"directory {path}" for path in sweep_scratch(results / "runs"))
    if engine is not None:
        yield from (f"container {name}" for name in sweep(engine))


def clean_images(engine: Engine) -> Iterator[str]:
    """Remove the images that no backend's name means any more; yield their tags."""
    tags = {tag: str(image.id) for image in engine.client.images.list("nobs") for tag in image.tags}
    for tag in find_old_tags(tags):
        # One that a container still uses stays.
        with suppress(APIError):
            engine.client.images.remove(tag)
            yield f"image {tag}"


def find_old_tags(tags: dict[str, str]) -> list[str]:
    """Return those of our tags (tag -> image id) whose image isn't the named one of its backend."""
    found = ((tag, _TAG.fullmatch(tag)) for tag in sorted(tags))
    return [tag for tag, match in found if match and tags.get(f"nobs:{match[1]}") != tags[tag]]


def clean_runs(results: Path, engine: Engine | None, older_than: timedelta) -> Iterator[str]:
    """Remove the directories of finished runs that are older; yield their paths."""
    limit = datetime.now(UTC) - older_than
    for run in list(list_runs(results, engine)):
        if run.phase is RunPhase.FINISHED and run.created < limit:
            path = results / "runs" / run.run_id
            shutil.rmtree(path)
            yield f"run {path}"
