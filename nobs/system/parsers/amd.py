"""Text of the amdgpu driver: kfd topology properties and libdrm's list of product names."""

import re

from nobs.system.gpus import GIB
from nobs.system.parsers.names import known
from nobs.system.parsers.values import integer

_OWN_MEMORY = (1, 2)  # heap types: frame buffer, visible to the host or not

# Instinct cards, often missing in libdrm's list; PCI device ids from the amdgpu driver.
_INSTINCT = {
    0x738C: "AMD Instinct MI100",
    0x7408: "AMD Instinct MI250X",
    0x740C: "AMD Instinct MI250X/MI250",
    0x740F: "AMD Instinct MI210",
    0x74A0: "AMD Instinct MI300A",
    0x74A1: "AMD Instinct MI300X",
    0x74A2: "AMD Instinct MI308X",
    0x74A5: "AMD Instinct MI325X",
    0x74A9: "AMD Instinct MI300X HF",
    0x74B5: "AMD Instinct MI300X VF",
    0x74B9: "AMD Instinct MI325X VF",
    0x75A0: "AMD Instinct MI350X",
    0x75A3: "AMD Instinct MI355X",
}


def parse_properties(text: str | None) -> dict[str, int]:
    """Read `name number` lines of a kfd node or memory bank."""
    found: dict[str, int] = {}
    for line in (text or "").splitlines():
        name, _, value = line.strip().partition(" ")
        count = integer(value)
        if name and count is not None:
            found[name] = count
    return found


def gfx_name(target_version: int | None) -> str | None:
    """Return the instruction set of a `gfx_target_version`: 90402 is gfx942, 90010 is gfx90a."""
    if not target_version or not 0 < target_version < 1_000_000:
        return None
    major, minor, stepping = (
        target_version // 10_000,
        target_version // 100 % 100,
        target_version % 100,
    )
    return f"gfx{major}{minor:x}{stepping:x}"


def own_memory_gb(banks: list[dict[str, int]]) -> float | None:
    """Return the GiB of a GPU's own memory banks."""
    sizes = (bank.get("size_in_bytes", 0) for bank in banks if bank.get("heap_type") in _OWN_MEMORY)
    total = sum(size for size in sizes if size > 0)
    return round(total / GIB, 2) if total else None


def listed_name(ids: str | None, device_id: int, revision: int | None) -> str | None:
    """Look a GPU up in libdrm's amdgpu.ids (`device_id, revision, product name`, hexadecimal)."""
    wanted = f"{device_id:X}"
    for line in (ids or "").splitlines():
        cells = [cell.strip() for cell in line.split(",", 2)]
        if len(cells) == 3 and cells[0].upper() == wanted and _hex(cells[1]) == revision:
            return _with_make(known(cells[2]))
    return None


def product_name(
    board: str | None, ids: str | None, device_id: int | None, revision: str | None, gfx: str
) -> str:
    """Name a GPU by its board, libdrm's list, the Instinct ids or else its instruction set."""
    listed = listed_name(ids, device_id, _hex(revision)) if device_id is not None else None
    return _with_make(known(board)) or _INSTINCT.get(device_id or 0) or listed or f"AMD GPU ({gfx})"


def _with_make(name: str | None) -> str | None:
    return f"AMD {name}" if name and not re.match(r"AMD|ATI", name, re.IGNORECASE) else name


def _hex(text: str | None) -> int | None:
    digits = (text or "").strip().lower().removeprefix("0x")
    return int(digits, 16) if re.fullmatch(r"[0-9a-f]{1,8}", digits) else None
