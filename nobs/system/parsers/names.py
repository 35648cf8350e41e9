"""Names of processors and machines, written the same whatever their source."""

import re
from dataclasses import dataclass

_LONGEST = 120

_CPU_NOISE = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"\((r|tm|c)\)|[®™©]",
        r"@.*$",
        r"\s(with|w/)\s.*$",
        r"\b(\d+|dual|quad|six|eight|twelve|sixteen)-core\b",
        r"\bcpu\b(?! version)",
        r"\bprocessor\b",
    )
)

_PLACEHOLDER = re.compile(
    r"""(to\ be\ filled.*|default\ string|not\ (specified|applicable|available|present|provided)
    |none|n/?a|null|unknown|undefined|oem|o\.e\.m\.|empty|invalid|generic
    |system\ (product\ name|manufacturer|version|name)|all\ series|type1.*
    |[-.*x0\s]+|0?123456789\w*)""",
    re.IGNORECASE | re.VERBOSE,
)

_CPU_VENDORS = {
    "GenuineIntel": "Intel",
    "AuthenticAMD": "AMD",
    "HygonGenuine": "Hygon",
    "CentaurHauls": "Centaur",
    "ARM": "Arm",
    "Apple": "Apple",
    "IBM": "IBM",
}


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Names of a processor and a machine, as one source or all of them have it; None if unknown."""

    cpu: str | None = None
    cpu_vendor: str | None = None
    host: str | None = None
    hypervisor: str | None = None
    """`unknown` if only a flag of the CPU shows it."""
    cores: int | None = None
    """Physical cores of all sockets."""


def known(text: str | None) -> str | None:
    """Return the text on one line; None for blanks, firmware placeholders and dumps."""
    line = " ".join((text or "").replace("\0", " ").split())
    if not line or len(line) > _LONGEST or _PLACEHOLDER.fullmatch(line):
        return None
    return line


def cpu_name(text: str | None) -> str | None:
    """Return a processor's model without trade marks, clock and core count."""
    name = known(text)
    if name is None:
        return None
    for noise in _CPU_NOISE:
        name = noise.sub(" ", name)
    return known(name)


def unnamed_cpu(vendor: str | None, machine: str, *, virtual: bool) -> str:
    """Name a processor whose model is unknown, as in `Intel x86_64 virtual CPU`."""
    maker = known(vendor)
    words = (
        _CPU_VENDORS.get(maker, maker) if maker else None,
        known(machine),
        "virtual CPU" if virtual else "CPU",
    )
    return " ".join(word for word in words if word)


def host_name(vendor: str | None, product: str | None, version: str | None = None) -> str | None:
    """Return make, model and version of a machine; None if its model is unknown."""
    make, model, edition = known(vendor), known(product), known(version)
    if model is None:
        return None
    repeated = make is not None and model.lower().startswith(make.lower())
    words = (None if repeated else make, model, edition)
    return " ".join(word for word in words if word)
