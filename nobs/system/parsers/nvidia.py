"""Text of nvidia-smi."""

import re

from nobs.system.gpus import NvidiaGpu
from nobs.system.parsers.names import known
from nobs.system.parsers.values import integer, number

_COLUMNS = ("index", "name", "uuid", "driver_version", "memory.total")

QUERY = (
    "nvidia-smi",
    f"--query-gpu={','.join(_COLUMNS)},compute_cap",
    "--format=csv,noheader,nounits",
)
"""Needs driver 510 or later: older ones refuse `compute_cap`."""

QUERY_OLD_DRIVER = (QUERY[0], f"--query-gpu={','.join(_COLUMNS)}", QUERY[2])

_CAPABILITY = re.compile(r"([0-9]{1,3})\.([0-9]{1,3})")


def parse_table(text: str | None) -> tuple[NvidiaGpu, ...]:
    """Read one line per GPU of `QUERY`, memory in MiB; lines of another form are skipped."""
    rows = (_gpu([cell.strip() for cell in line.split(",")]) for line in (text or "").splitlines())
    return tuple(gpu for gpu in rows if gpu)


def _gpu(cells: list[str]) -> NvidiaGpu | None:
    if len(cells) < len(_COLUMNS):
        return None
    index, name = integer(cells[0]), known(cells[1])
    if index is None or index < 0 or name is None:
        return None
    memory_mib = number(cells[4])
    return NvidiaGpu(
        index=index,
        name=name,
        uuid=_told(cells[2]),
        driver_version=_told(cells[3]),
        memory_gb=round(memory_mib / 1024, 2) if memory_mib and memory_mib > 0 else None,
        compute_capability=_capability(cells[5]) if len(cells) > len(_COLUMNS) else None,
    )


def _told(cell: str) -> str | None:
    return None if cell.startswith("[") else known(cell)


def _capability(cell: str) -> tuple[int, int] | None:
    found = _CAPABILITY.fullmatch(cell)
    return (int(found[1]), int(found[2])) if found else None
