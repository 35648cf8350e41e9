"""Facts of a container engine as values, without Docker."""

import json
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from nobs.system.hosts import is_this_machine


@dataclass(frozen=True, kw_only=True)
class EngineInfo:
    """Facts that decide how containers can be created."""

    runtimes: tuple[str, ...] = ()
    cdi_enabled: bool = False
    cdi_kinds: frozenset[str] = frozenset()
    """Known kinds of CDI devices, as in `nvidia.com/gpu`."""
    rootless: bool = False
    userns_remapped: bool = False
    selinux: bool = False
    architecture: str = ""
    desktop: bool = False
    """Whether containers live in a virtual machine of Docker Desktop."""
    snap: bool = False
    """Whether it is Docker's snap, which sees only a part of this machine's directories."""
    remote: bool = False
    """Whether the engine is on another machine, where our directories don't exist."""
    host: str = ""
    """Name of its machine."""


@dataclass(frozen=True, kw_only=True)
class Here:
    """What this machine would say of itself as an engine."""

    system: str
    """As in `Linux`; on others every engine is in a virtual machine of theirs."""
    kernel: str
    """Release, as in `6.8.0-79-generic`."""
    name: str | None
    """Host name; None inside a container, which has another one."""


def parse_info(
    info: Mapping[str, Any],
    *,
    endpoint: str,
    here: Here | None = None,
    cdi_specs: Iterable[str] = (),
) -> EngineInfo:
    """Read the engine's `/info`; `cdi_specs` are the texts of its CDI specifications."""
    security = info.get("SecurityOptions") or ()
    names = {option.split(",")[0].removeprefix("name=") for option in security}
    return EngineInfo(
        runtimes=tuple(sorted(info.get("Runtimes") or ())),
        cdi_enabled=bool(info.get("CDISpecDirs")),
        cdi_kinds=_discovered_kinds(info) | {kind for text in cdi_specs if (kind := _kind(text))},
        rootless="rootless" in names,
        userns_remapped="userns" in names,
        selinux="selinux" in names,
        architecture=info.get("Architecture", ""),
        desktop="Docker Desktop" in info.get("OperatingSystem", ""),
        snap=str(info.get("DockerRootDir", "")).startswith("/var/snap/"),
        remote=is_remote(endpoint) or (here is not None and is_elsewhere(info, here)),
        host=str(info.get("Name", "")),
    )


def is_elsewhere(info: Mapping[str, Any], here: Here) -> bool:
    """Return whether the engine's `/info` describes another machine than this one.

    A socket or a port of this machine may be forwarded to another one, as by ssh, so that the
    endpoint shows nothing.
    """
    if here.system != "Linux" or "Docker Desktop" in info.get("OperatingSystem", ""):
        return False
    pairs = ((info.get("KernelVersion"), here.kernel), (info.get("Name"), here.name))
    return any(theirs and ours and theirs != ours for theirs, ours in pairs)


def is_remote(endpoint: str) -> bool:
    """Return whether `endpoint` names another machine, not an address or a name of this one."""
    parts = urlsplit(endpoint)
    return parts.scheme in {"tcp", "http", "https", "ssh"} and not is_this_machine(
        parts.hostname or ""
    )


def read_cdi_specs(directories: Iterable[str]) -> tuple[str, ...]:
    """Return the texts of the CDI specifications in `directories`; unreadable ones are left out."""
    texts = []
    for directory in directories:
        with suppress(OSError):
            for file in sorted(Path(directory).iterdir()):
                with suppress(OSError, UnicodeDecodeError):
                    if file.suffix in {".json", ".yaml", ".yml"}:
                        texts.append(file.read_text(encoding="utf-8"))
    return tuple(texts)


def _kind(text: str) -> str | None:
    try:
        kind = json.loads(text).get("kind")
    except (ValueError, AttributeError):
        # YAML, where the kind is a line at the top level.
        found = re.search(r"^\"?kind\"?:\s*[\"']?([\w.-]+/[\w.-]+)", text, re.MULTILINE)
        return found.group(1) if found else None
    return kind if isinstance(kind, str) else None


def _discovered_kinds(info: Mapping[str, Any]) -> frozenset[str]:
    # Docker 28.3 and newer list what they found; older ones only name the directories.
    devices = info.get("DiscoveredDevices") or ()
    found = (device["ID"] for device in devices if device.get("Source") == "cdi")
    return frozenset(identity.partition("=")[0] for identity in found)
