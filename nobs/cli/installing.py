"""Installs NOBS on hosts without this version, if the user agrees."""

import sys
from typing import TYPE_CHECKING

import click

from nobs import __version__
from nobs.text import join_words

if TYPE_CHECKING:
    from nobs.cli.boxes import Boxes
    from nobs.launch.planning.request import RunRequest
    from nobs.launch.remote.box import Box
    from nobs.launch.remote.fleet import Fleet
    from nobs.launch.remote.machine import Machine


def install_where_missing(
    fleet: "Fleet", view: "Boxes", request: "RunRequest", *, yes: bool
) -> None:
    """Install this version on hosts without it; where nobody agrees, their runs fail."""
    from nobs.launch.remote.wheel import pack_wheel

    lacking = [box for box in fleet.left if not box.machine.is_ready]
    if not lacking or not (yes or _agrees([box.host.name for box in lacking])):
        return
    wheel = pack_wheel()

    def install(box: "Box") -> None:
        if box in lacking:
            box.install(wheel, extras_for(request, box.machine))

    with view:
        fleet.each(install)


def extras_for(request: "RunRequest", machine: "Machine") -> str:
    """Return the extras for native runs of the request, as pip takes them; none for containers."""
    from nobs.schema.enums import Execution
    from nobs.tasks import TASKS
    from nobs.tasks.definitions import definitions

    if request.execution is not Execution.NATIVE and (request.execution or machine.has_docker):
        return ""
    tasks = [TASKS.load(name) for name in request.tasks] or definitions()
    ours = [task.extra for task in tasks if task.extra.startswith("nobs[")]
    extras = {name for extra in ours for name in extra[5:-1].split(",")}
    extras |= {"quick"} if request.profile.endswith("quick") else set()
    return f"[{','.join(sorted(extras))}]" if extras else ""


def _agrees(names: list[str]) -> bool:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    have = "has" if len(names) == 1 else "have"
    return click.confirm(
        f"{join_words(names)} {have} no NOBS {__version__}. Install it there, in "
        f"~/.local/share/nobs/{__version__}?", default=True, err=True,
    )  # fmt: skip
