"""What is on a host: its system, its space, and which NOBS."""

import re
from dataclasses import dataclass

from nobs import __version__
from nobs.errors import RequirementError
from nobs.launch.remote.hosts import Host
from nobs.launch.remote.scripts import MARK
from nobs.text import to_line
from nobs.units import format_bytes

BASE_BYTES = 1 << 30
FULL_BYTES = 10 << 30
"""With torch and its libraries for GPUs."""
_NO_INDEX = (
    "could not find a version|no matching distribution|name resolution|connection refused|"
    "failed to establish|max retries|timed out"
)
_ARCHITECTURES = ("x86_64", "amd64", "aarch64", "arm64")


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What was found on a host."""

    program: str | None
    """The `nobs` there, of this version if there is one."""
    version: str | None
    free_bytes: int | None = None
    has_docker: bool = False
    boot: str = ""
    """Differs between machines, and of one machine between its restarts."""

    @property
    def is_ready(self) -> bool:
        """Whether it has NOBS in this version."""
        return self.version == __version__


def read_machine(host: Host, said: str) -> Machine:
    """Return what the probe's output says; RequirementError for a machine NOBS can't run on."""
    programs: dict[str, str] = {}
    facts: dict[str, str] = {}
    for line in said.splitlines():
        kind, _, text = line.removeprefix(MARK).partition(" ")
        if kind == "nobs":
            version, _, program = text.partition(" ")
            programs.setdefault(version, program)
        else:
            facts[kind] = text
    system, _, architecture = facts.get("system", "").partition(" ")
    if system not in ("Linux", "Darwin") or architecture not in _ARCHITECTURES:
        raise RequirementError(
            f"{host.name} is {to_line(facts.get('system') or 'an unknown system')}.",
            f"NOBS runs on Linux and macOS with {', '.join(_ARCHITECTURES)}.",
        )
    cells = facts.get("free", "").split()
    found = __version__ if __version__ in programs else next(iter(programs), None)
    return Machine(
        program=programs[found] if found else None, version=found,
        free_bytes=int(cells[3]) * 1024 if len(cells) > 3 and cells[3].isdigit() else None,
        has_docker=bool(facts.get("docker")), boot=facts.get("boot", ""),
    )  # fmt: skip


def without_nobs(host: Host, machine: Machine) -> RequirementError:
    """Return the error of a host without NOBS in this version."""
    has = f"has NOBS {to_line(machine.version)}" if machine.version else "has no NOBS"
    return RequirementError(
        f"{host.name} {has}, this is {__version__}.",
        "Install the same version there, or let NOBS do it with --yes.",
    )


def require_space(host: Host, machine: Machine, extras: str) -> None:
    """Raise RequirementError if NOBS with `extras` doesn't fit."""
    need = FULL_BYTES if extras else BASE_BYTES
    free = machine.free_bytes
    if free is not None and free < need:
        raise RequirementError(
            f"{host.name} has {format_bytes(free)} free in its home directory; NOBS needs "
            f"{format_bytes(need)}.", "Free some space there.",
        )  # fmt: skip


def not_installed(host: Host, error: RequirementError) -> RequirementError:
    """Return what an installation's error means."""
    if re.search(_NO_INDEX, error.message, re.IGNORECASE):
        return RequirementError(
            f"{host.name} can't install what NOBS needs: its package index doesn't have it, or "
            f"doesn't answer ({to_line(error.message, 300)}).",
            "Set pip's index there (`PIP_INDEX_URL`), or install NOBS there from wheels that you "
            "bring; images travel by `nobs build --save` and `--load`.",
        )
    return RequirementError(
        f"NOBS can't be installed: {error.message}", "Install it on that host by hand."
    )
