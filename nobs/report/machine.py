"""The machine section of a report: names and texts that are safe to print."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from nobs.report.limits import limits_of
from nobs.schema.enums import Backend
from nobs.schema.flags import Flag, Severity
from nobs.schema.report import ModelReport, Report
from nobs.schema.telemetry import Figure
from nobs.system.matching import find_difference
from nobs.text import to_line

AT_ONCE = " at once"
"""End of the name of a device that was measured beside others."""


@dataclass(frozen=True, kw_only=True)
class MachineSection:
    """Machine, run, sensors, flags and notes of one report."""

    run: str
    host: str
    machine: str
    """`host` without the chosen device: what the price of the machine is for."""
    hardware: str
    timestamp: str
    file: str
    device: Mapping[str, str]
    details: Mapping[str, str]
    environment: Mapping[str, str]
    sensors: Mapping[str, str]
    """Sensor readings of each model's repeats, with the evidence."""
    flags: tuple[str, ...]
    """Warnings: conditions that make its numbers less reliable."""
    notes: tuple[str, ...]
    """Notes: how the numbers were measured."""


def name_of(report: Report) -> str:
    """Return the name of the machine in tables and prices, safe to print.

    `HOST`, `HOST@NODE`, and with ` cuda:1` behind it if that device was chosen, ` share 0/3` if it
    was one of several clients of a load, or ` 3 clients` if their shares were merged.
    """
    device = report.run.device
    beside = AT_ONCE if report.run.together else ""
    host = _host(report)
    if report.run.share:
        host += f" share {report.run.share}"
    if report.run.merged:
        host += f" {len(report.run.merged)} clients"
    return to_line(f"{host} {device.name}{beside}" if device else host)


def host_of(report: Report) -> str:
    """Return `HOST` or `HOST@NODE`, whatever device was chosen; safe to print."""
    return to_line(_host(report))


def _host(report: Report) -> str:
    node = report.run.node
    return f"{report.device_info.host}@{node}" if node else report.device_info.host


def describe_host(file: str, report: Report) -> MachineSection:
    """Return the machine section of `report`, read from `file`."""
    run = report.run.model_dump(mode="json", exclude={"flags"})
    origin = report.origin and report.origin.model_dump(mode="json", exclude={"kept"})
    return MachineSection(
        run=to_line(report.run.id),
        host=name_of(report),
        machine=host_of(report),
        hardware=hardware_of(report, report.device_info.device, report.models),
        timestamp=_when(report),
        file=to_line(file),
        device=_flat(report.device_info.model_dump(mode="json")),
        details=_flat(
            {**run, "limits": limits_of(report), "digest": report.digest, "origin": origin}
        ),
        environment=_flat(report.environment),
        sensors=dict(_sensors(report)),
        flags=_of_all(report, Severity.WARNING, flags_of),
        notes=_of_all(report, Severity.NOTE, notes_of),
    )


def flags_of(model: ModelReport) -> Iterator[str]:
    """Yield the warnings, the flags of that severity and the findings of the verdict."""
    findings = model.verdict.findings if model.verdict else ()
    messages = (found.message for found in findings)
    yield from map(to_line, model.warnings)
    yield from _messages(model.flags, Severity.WARNING)
    yield from map(to_line, messages)


def notes_of(model: ModelReport) -> Iterator[str]:
    """Yield the flags that are only notes."""
    yield from _messages(model.flags, Severity.NOTE)


def hardware_of(report: Report, backend: str, models: Iterable[ModelReport]) -> str:
    """Return the hardware that `models` were measured on by `backend`.

    Device checks win over a contradicting `device_info`, as in older reports: the process that
    computed wrote them.
    """
    device = report.device_info
    if backend == Backend.CPU:
        cores = report.run.device.cores if report.run.device else ()
        return to_line(f"{device.processor}, {len(cores)} used" if cores else device.processor)
    checks = (check for model in models for check in model.checks)
    seen = (check.device_name for check in checks if find_difference(device, check))
    return to_line(next(seen, device.gpu_name) or "-")


def _of_all(
    report: Report, severity: Severity, read: Callable[[ModelReport], Iterator[str]]
) -> tuple[str, ...]:
    """Return the messages of the run, then those of each model with its name; each once."""
    of_models = (
        to_line(f"{name}: {text}")
        for task in report.tasks
        for name, model in task.models.items()
        for text in read(model)
    )
    return tuple(dict.fromkeys((*_messages(report.run.flags, severity), *of_models)))


def _messages(flags: Iterable[Flag], severity: Severity) -> Iterator[str]:
    found = (flag for flag in flags if flag.severity is severity)
    yield from (to_line(f"{flag.name}: {flag.message}") for flag in found)


def _when(report: Report) -> str:
    """Return when it was measured: of an imported report, the time in the original."""
    if report.origin is not None:
        return to_line(report.origin.timestamp)
    return report.timestamp.isoformat(timespec="seconds")


def _sensors(report: Report) -> Iterator[tuple[str, str]]:
    """Yield every sensor value, named by model and device."""
    reported = (
        (model.model_name, device)
        for model in report.models
        for device in (model.telemetry.devices if model.telemetry else ())
    )
    for model, device in reported:
        for name, value in device:
            if isinstance(value, Figure) and value.value is not None:
                shown = f"{value.value:.4g} ({value.evidence}: {value.how})"
                yield to_line(f"{model}, {device.name}: {name}"), to_line(shown)


def _flat(value: object, prefix: str = "") -> dict[str, str]:
    """Return nested values as dotted names and texts, without null values."""
    match value:
        case None | "":
            return {}
        case Mapping():
            parts = [_flat(part, f"{prefix}.{name}".strip(".")) for name, part in value.items()]
            return {to_line(name): text for part in parts for name, text in part.items()}
        case list() | tuple():
            return {prefix: to_line(", ".join(map(str, value)))} if value else {}
        case _:
            return {prefix: to_line(value)}
