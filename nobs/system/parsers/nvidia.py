"""Text of nvidia-smi."""

import re
from dataclasses import replace

from nobs.system.gpus import NvidiaGpu
from nobs.system.parsers.names import known
from nobs.system.parsers.values import integer, number

_COLUMNS = ("index", "name", "uuid", "driver_version", "memory.total")

QUERY = (
    "nvidia-smi",
    f"--query-gpu={','.join(_COLUMNS)},compute_cap,mig.mode.current",
    "--format=csv,noheader,nounits",
)
"""Needs driver 510 or later: older ones refuse `compute_cap`."""

QUERY_OLD_DRIVER = (QUERY[0], f"--query-gpu={','.join(_COLUMNS)}", QUERY[2])
LIST = ("nvidia-smi", "-L")

_CAPABILITY = re.compile(r"([0-9]{1,3})\.([0-9]{1,3})")
_NO_MEMORY_OF_ITS_OWN = ("N/A", "Not Supported")
_GONE = ("GPU is lost", "GPU requires reset")
"""The size of a GPU that fell off the bus; its name may still be known."""
_WHOLE = re.compile(r"GPU\s+([0-9]{1,4}):")
_SLICE = re.compile(r"\s+MIG\s+(\S+)\s+Device\s+[0-9]+:\s+\(UUID:\s*(MIG-[^)\s]+)\)")
_SLICE_MEMORY = re.compile(r"\.([0-9]{1,4})gb")


def parse_table(text: str | None) -> tuple[NvidiaGpu, ...]:
    """Read one line per GPU of `QUERY`, memory in MiB; lines of another form are skipped."""
    rows = (_gpu(_cells(line)) for line in (text or "").splitlines())
    return tuple(gpu for gpu in rows if gpu)


def find_complaints(text: str) -> str:
    """Return the lines that don't describe a GPU, such as warnings."""
    return "\n".join(line for line in text.splitlines() if line and _gpu(_cells(line)) is None)


def parse_slices(text: str | None, gpus: tuple[NvidiaGpu, ...]) -> tuple[NvidiaGpu, ...]:
    """Return `gpus` with the MIG instances that `LIST` names, memory as their profile has it."""
    found: dict[int, list[tuple[str, str]]] = {}
    index = None
    for line in (text or "").splitlines():
        if whole := _WHOLE.match(line):
            index = int(whole[1])
        elif (piece := _SLICE.match(line)) and index is not None:
            found.setdefault(index, []).append((piece[1], piece[2]))
    return tuple(_with_slices(gpu, found.get(gpu.index, [])) for gpu in gpus)


def _with_slices(gpu: NvidiaGpu, found: list[tuple[str, str]]) -> NvidiaGpu:
    slices = tuple(
        replace(
            gpu,
            name=f"{gpu.name} MIG {profile}",
            memory_gb=float(size[1]) if (size := _SLICE_MEMORY.search(profile)) else None,
            uuid=uuid,
            slices=None,
        )
        for profile, uuid in found
    )
    return replace(gpu, slices=slices) if slices else gpu


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.split(",")]


def _gpu(cells: list[str]) -> NvidiaGpu | None:
    if len(cells) < len(_COLUMNS):
        return None
    index, name = integer(cells[0]), _known(cells[1])
    if index is None or index < 0 or name is None or cells[4].strip("[]") in _GONE:
        return None
    memory_mib = number(cells[4].removesuffix(" MiB"))
    more = cells[len(_COLUMNS) :]
    return NvidiaGpu(
        index=index,
        name=name,
        uuid=_known(cells[2]),
        driver_version=_known(cells[3]),
        memory_gb=round(memory_mib / 1024, 2) if memory_mib and memory_mib > 0 else None,
        compute_capability=_capability(more[0]) if more else None,
        is_unified=cells[4].strip("[]") in _NO_MEMORY_OF_ITS_OWN,
        slices=() if more[1:] == ["Enabled"] else None,
    )


def _known(cell: str) -> str | None:
    return None if cell.startswith("[") else known(cell)


def _capability(cell: str) -> tuple[int, int] | None:
    found = _CAPABILITY.fullmatch(cell)
    return (int(found[1]), int(found[2])) if found else None
