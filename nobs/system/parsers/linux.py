"""Text of Linux: lscpu, /proc, /etc/os-release and cgroups."""

import re

from nobs.system.parsers.names import Identity, cpu_name, known
from nobs.system.parsers.values import integer, key_values

_CONTAINER_CGROUP = re.compile(r"kubepods|docker|libpod|crio|containerd|lxc|garden|ecs/")
_RUNTIMES = {"kubepods": "kubernetes", "libpod": "podman", "crio": "cri-o", "ecs/": "ecs"}
_STORES = {"docker": "docker", "containerd": "containerd", "buildkit": "buildkit"}
_CONTAINER_LAYERS = re.compile(r"upperdir=\S*/(docker|containerd|containers|buildkit)/")


def parse_lscpu(text: str | None) -> Identity | None:
    """Read `lscpu` run with LC_ALL=C."""
    fields = key_values(text, ":")
    if not fields:
        return None
    per_socket = integer(fields.get("Core(s) per socket"))
    sockets = integer(fields.get("Socket(s)"))
    return Identity(
        cpu=_arm_core(cpu_name(fields.get("Model name"))),
        cpu_vendor=known(fields.get("Vendor ID")),
        cores=per_socket * sockets if per_socket and sockets else None,
        hypervisor=known(fields.get("Hypervisor vendor")),
    )


def parse_cpuinfo(text: str | None) -> Identity | None:
    """Read the first processor of /proc/cpuinfo (x86, POWER)."""
    fields = key_values((text or "").partition("\n\n")[0], ":")
    if not fields:
        return None
    inside_vm = "hypervisor" in fields.get("flags", "").split()
    return Identity(
        cpu=cpu_name(fields.get("model name") or fields.get("cpu")),
        cpu_vendor=known(fields.get("vendor_id")),
        hypervisor="unknown" if inside_vm else None,
    )


def parse_os_release(text: str | None) -> tuple[str | None, str | None]:
    """Return name and version of the distribution, as in `("Ubuntu", "24.04")`."""
    fields = {key: value.strip("\"'") for key, value in key_values(text, "=").items()}
    return known(fields.get("NAME")), known(fields.get("VERSION_ID"))


def container_runtime(cgroup: str | None, mountinfo: str | None) -> str | None:
    """Judge by /proc/1/cgroup, or by the layers below `/` where cgroup namespaces hide the path."""
    if found := _CONTAINER_CGROUP.search(cgroup or ""):
        return _RUNTIMES.get(found[0], found[0])
    root = (line for line in (mountinfo or "").splitlines() if line.split()[4:5] == ["/"])
    layers = next((found for line in root if (found := _CONTAINER_LAYERS.search(line))), None)
    return _STORES.get(layers[1], "unknown") if layers else None


def parse_cgroup_paths(text: str | None) -> dict[str, str]:
    """Return the path of each controller of /proc/self/cgroup; version 2 has the key ""."""
    paths: dict[str, str] = {}
    for line in (text or "").splitlines():
        _, _, rest = line.partition(":")
        controllers, mark, path = rest.partition(":")
        if mark and path.startswith("/"):
            paths.update(dict.fromkeys(controllers.split(","), path))
    return paths


def parse_cpu_max(text: str | None) -> float | None:
    """Return the cores of a cgroup v2 `cpu.max`; None without a limit."""
    words = (text or "").split()
    return cores_of_quota(words[0], words[1]) if len(words) == 2 else None


def cores_of_quota(quota: str | None, period: str | None) -> float | None:
    """Return the cores of a CPU quota in microseconds; None for `max` and -1."""
    quota_us, period_us = integer(quota), integer(period)
    if not quota_us or not period_us or quota_us < 0 or period_us < 0:
        return None
    return quota_us / period_us


def parse_memory_limit(text: str | None) -> int | None:
    """Return a cgroup's limit in bytes; None for `max` and for version 1's "no limit"."""
    limit = integer(text)
    return limit if limit is not None and 0 < limit < 2**60 else None


def parse_file_pages(text: str | None) -> int:
    """Return the bytes of pages of files in a cgroup's memory.stat."""
    pairs = (line.split() for line in (text or "").splitlines())
    return sum(int(pair[1]) for pair in pairs if pair[0] in ("active_file", "inactive_file"))


def _arm_core(name: str | None) -> str | None:
    return f"Arm {name}" if name and re.match(r"Neoverse|Cortex", name) else name
