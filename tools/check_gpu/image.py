"""Whether a run in a container is possible: an engine answers and has the image already."""

import json
import os
from pathlib import Path

from nobs.errors import NobsError
from nobs.launch.doctor.check import Check, State
from nobs.launch.engine.client import connect
from nobs.launch.image.build import find_tagged
from nobs.schema.enums import Backend
from tools.check_gpu.process import run_bounded
from tools.check_gpu.stages import Stage

ENGINE_S = 5
PLAN_S = 30.0


def find_obstacle(stage: Stage, out: Path, backend: Backend) -> Check | None:
    """Return the line of a container stage that can't run; None if it can.

    Images aren't built here: that takes minutes and a network.
    """
    try:
        with connect(timeout_s=ENGINE_S) as engine:
            log = out / stage.name / "plan"
            log.parent.mkdir(parents=True, exist_ok=True)
            command = [*stage.command(PLAN_S), "--dry-run", "--json"]
            planned = run_bounded(command, limit_s=PLAN_S, log=log, env=os.environ)
            if planned.exit_code:
                return Check.missing(stage.name, planned.last_line, "", needed=True)
            tag = json.loads(planned.stdout)["image"]["tag"]
            if find_tagged(engine, tag) is not None:
                return None
    except NobsError as error:
        return Check(name=stage.name, state=State.SKIP, found=error.message,
                     remedy=error.remedy)  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError) as error:
        return Check.missing(stage.name, f"no plan: {error}", "", needed=True)
    return Check(
        name=stage.name,
        state=State.SKIP,
        found=f"no image {tag}",
        remedy=f"`nobs build {backend}` with a network, or load it with `--load FILE`; then again.",
    )
