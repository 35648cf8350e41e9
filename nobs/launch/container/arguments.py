"""A planned container as arguments of the Docker SDK."""

from typing import Any

from docker.types import DeviceRequest as SdkDeviceRequest
from docker.types import LogConfig, Mount

from nobs.launch.container.devices import DeviceRequest
from nobs.launch.container.plan import BindMount, ContainerPlan


def create_arguments(plan: ContainerPlan, request: DeviceRequest | None = None) -> dict[str, Any]:
    """Return the SDK's arguments for `plan` with one of its device requests."""
    return {
        "image": plan.image,
        "entrypoint": list(plan.command),
        "name": plan.name,
        "user": f"{plan.uid}:{plan.gid}",
        "group_add": [str(group) for group in plan.groups],
        "mounts": [_mount(mount) for mount in plan.mounts],
        "devices": [f"{node.source}:{node.target}:rw" for node in plan.devices],
        "device_requests": [_request(request)] if request else [],
        "environment": dict(plan.environment),
        "network_mode": plan.network,
        "tmpfs": dict(plan.tmpfs),
        "read_only": plan.read_only,
        "cap_drop": ["ALL"],
        "security_opt": list(plan.security_options),
        "userns_mode": plan.userns_mode,
        "pids_limit": plan.pids_limit,
        "shm_size": plan.shm_bytes,
        "mem_limit": plan.memory_bytes,
        "memswap_limit": plan.memory_bytes,
        "init": True,
        "healthcheck": {"test": ["NONE"]},
        "working_dir": "/tmp",  # noqa: S108 - the container's own tmpfs
        "labels": dict(plan.labels),
        "log_config": LogConfig(type="json-file", config={"max-size": "64m", "max-file": "2"}),
    }


def _mount(mount: BindMount) -> Mount:
    return Mount(mount.target, str(mount.source), type="bind", read_only=mount.read_only)


def _request(request: DeviceRequest) -> SdkDeviceRequest:
    # For all devices the engine's drivers need a count, CDI a name.
    is_all = request.driver != "cdi" and request.device_ids == ("all",)
    return SdkDeviceRequest(
        driver=request.driver,
        count=-1 if is_all else 0,
        device_ids=[] if is_all else list(request.device_ids),
        capabilities=[list(request.capabilities)] if request.capabilities else [],
    )
