"""How an engine passes a GPU to a container, and what its refusals mean."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nobs.backends.base import GpuRequest
from nobs.errors import NobsError
from nobs.launch.container.hidden import explain_hidden
from nobs.launch.container.refusals import REFUSALS, UNKNOWN
from nobs.launch.engine.causes import find_cause
from nobs.launch.engine.info import EngineInfo


@dataclass(frozen=True, kw_only=True)
class DeviceRequest:
    """A device request of the engine's API."""

    driver: str
    capabilities: tuple[str, ...] = ()
    device_ids: tuple[str, ...] = ()


def choose_requests(gpu: GpuRequest, engine: EngineInfo) -> tuple[DeviceRequest, ...]:
    """Return the requests for `gpu` that `engine` may accept, the best one first.

    The engine's driver is always among them, since its hook can't be seen beforehand; so is CDI
    where it is enabled, since its specifications may be unreadable here.
    """
    by_cdi = DeviceRequest(
        driver="cdi", device_ids=tuple(f"{gpu.cdi_kind}={device}" for device in gpu.devices)
    )
    by_driver = DeviceRequest(
        driver=gpu.driver, capabilities=gpu.capabilities, device_ids=gpu.devices
    )
    if gpu.cdi_kind not in engine.cdi_kinds:
        return (by_driver, by_cdi) if engine.cdi_enabled else (by_driver,)
    # Without root the driver's hook can't write the cgroup, which CDI doesn't need.
    prefers_cdi = engine.rootless or gpu.driver not in engine.runtimes
    return (by_cdi, by_driver) if prefers_cdi else (by_driver, by_cdi)


def explain_refusal(
    error: object, image: str, engine: EngineInfo | None = None, sources: Sequence[Path] = ()
) -> NobsError:
    """Return the error for an engine's refusal to create or start a container.

    `sources` are the paths to mount.
    """
    text = str(getattr(error, "explanation", None) or error)
    refusal = find_cause(text, REFUSALS.values(), UNKNOWN, re.IGNORECASE | re.DOTALL)
    short = " ".join(text.split())[:600].rstrip(" .")
    if refusal is UNKNOWN:
        hidden = explain_hidden(text, short, image, engine or EngineInfo(), sources)
        if hidden is not None:
            return hidden
    return refusal.kind(f"{refusal.message.format(image=image)}: {short}.", refusal.remedy)
