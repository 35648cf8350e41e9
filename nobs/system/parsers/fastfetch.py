"""Text of fastfetch."""

from collections.abc import Mapping

from nobs.system.gpus import GIB
from nobs.system.parsers.names import Identity, cpu_name, host_name, known
from nobs.system.parsers.values import (
    first_mapping,
    items,
    json_value,
    mapping,
    number,
    text_of,
)

QUERY = ("fastfetch", "--config", "none", "--structure", "Host:CPU", "--format", "json")
# Apart from the rest: asking for the GPU can wake a sleeping one, which takes seconds.
GPU_QUERY = ("fastfetch", "--config", "none", "--structure", "GPU", "--format", "json")


def parse_fastfetch(text: str | None) -> Identity | None:
    """Read host and processor from `QUERY`."""
    results = _results(text)
    if not results:
        return None
    host = mapping(results.get("Host"))
    vendor, name, version = (text_of(host.get(key)) for key in ("vendor", "name", "version"))
    return Identity(
        cpu=cpu_name(text_of(mapping(results.get("CPU")).get("cpu"))),
        host=host_name(vendor, name, version),
    )


def parse_fastfetch_gpu(text: str | None) -> tuple[str, float | None] | None:
    """Read name and GiB of the first GPU from `GPU_QUERY`."""
    gpu = first_mapping(_results(text).get("GPU"))
    name = known(text_of(gpu.get("name")))
    if name is None:
        return None
    vendor = known(text_of(gpu.get("vendor")))
    full = name if vendor is None or name.startswith(vendor) else f"{vendor} {name}"
    return full, _dedicated_gb(gpu)


def _dedicated_gb(gpu: Mapping[str, object]) -> float | None:
    size = number(mapping(mapping(gpu.get("memory")).get("dedicated")).get("total"))
    return round(size / GIB, 2) if size and size > 0 else None


def _results(text: str | None) -> dict[str, object]:
    modules = [mapping(module) for module in items(json_value(text))]
    return {str(module.get("type")): module.get("result") for module in modules}
