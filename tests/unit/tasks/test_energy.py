"""Joules for work, from the telemetry of a region."""

from typing import Any

import pytest

from nobs.schema.enums import Backend
from nobs.schema.server import Locality, ServerRef
from nobs.schema.telemetry import (
    DeviceKind,
    DeviceTelemetry,
    Evidence,
    Figure,
    Telemetry,
    Throttling,
)
from nobs.tasks.energy import joules_per_1000


def told(value: float, evidence: Evidence = Evidence.MEASURED) -> Figure:
    return Figure(value=value, evidence=evidence, how="a counter")


def device(kind: DeviceKind, energy: Figure, load: float | None = 0.9) -> DeviceTelemetry:
    absent = Figure.absent("not told")
    figures: dict[str, Any] = {
        name: absent
        for name, field in DeviceTelemetry.model_fields.items()
        if field.annotation is Figure
    }
    figures |= {"energy_j": energy, "utilisation": absent if load is None else told(load)}
    nothing = Throttling(evidence=Evidence.ABSENT, how="not told")
    return DeviceTelemetry(
        name=f"a {kind}", kind=kind, reader="fake", throttling=nothing, **figures
    )


def telemetry(*devices: DeviceTelemetry) -> Telemetry:
    return Telemetry(
        interval_s=0.1, samples=100, span_s=10.0, timed_s=9.9, baseline_s=2.0, devices=devices
    )


BOTH = telemetry(device(DeviceKind.GPU, told(3000.0)), device(DeviceKind.CPU, told(500.0)))


@pytest.mark.parametrize(("backend", "joules"), [(Backend.CUDA, 6000.0), (Backend.CPU, 1000.0)])
def test_only_the_devices_of_the_backend_count(backend: Backend, joules: float) -> None:
    assert joules_per_1000(BOTH, backend, 500) == told(joules)


def test_several_devices_add_up_and_one_estimate_makes_all_of_it_one() -> None:
    gpus = telemetry(
        device(DeviceKind.GPU, told(100.0)),
        device(DeviceKind.GPU, told(300.0, Evidence.ESTIMATED)),
    )

    assert joules_per_1000(gpus, Backend.CUDA, 1000) == told(400.0, Evidence.ESTIMATED)


def test_an_idle_gpu_did_not_do_the_work() -> None:
    idle = telemetry(device(DeviceKind.GPU, told(3000.0), load=0.001))

    figure = joules_per_1000(idle, Backend.CUDA, 500)
    assert (figure.value, figure.how) == (None, "a gpu was idle: another device did the work")


@pytest.mark.parametrize("locality", [Locality.REMOTE, Locality.UNKNOWN])
def test_devices_here_say_nothing_of_a_server_elsewhere(locality: Locality) -> None:
    server = ServerRef(
        provider="openai", base_url="http://elsewhere:8000/v1", model="m", locality=locality
    )

    figure = joules_per_1000(BOTH, Backend.CUDA, 500, server)
    assert (figure.value, figure.how) == (None, f"the server is {locality}, not local")


def test_a_device_that_tells_no_load_counts() -> None:
    quiet = telemetry(device(DeviceKind.GPU, told(3000.0), load=None))

    assert joules_per_1000(quiet, Backend.MPS, 1000) == told(3000.0)


@pytest.mark.parametrize(
    ("seen", "units", "why"),
    [
        (None, 10, "no telemetry"),
        (BOTH, 0, "no units were counted"),
        (BOTH, None, "no units were counted"),
        (telemetry(), 10, "no device was read"),
        (telemetry(device(DeviceKind.GPU, Figure.absent("no driver"))), 10, "no driver"),
    ],
)
def test_what_is_not_known_says_why(seen: Telemetry | None, units: int | None, why: str) -> None:
    assert joules_per_1000(seen, Backend.CUDA, units) == Figure.absent(why)
