import json
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from nobs.runner.measure import CpuClock, repeat
from nobs.runner.telemetry import Monitor, count_foreign, find_own_processes
from nobs.schema.pins import RepeatPolicy
from nobs.schema.result import Sample
from tests.fakes.naps import Nap
from tests.fakes.sensors import make_reader, power_meter

SHORT_S = 0.05
"""A nap where only who uses the device counts."""


def measure(monitor: Monitor, nap_s: float = 0.4) -> list[Sample]:
    """Time three naps with pauses between them, after one that isn't timed."""
    nap = Nap([nap_s])

    def pause(_number: int, _sample: Sample) -> None:
        Nap([0.05]).run()

    with monitor:
        nap.run()
        return repeat(nap, RepeatPolicy(repeats=3), pause)


@pytest.mark.alone
def test_energy_is_that_of_the_repeats_and_not_of_what_lies_before() -> None:
    monitor = Monitor([power_meter(200.0)])
    monitor.watch_idle(0.3)
    samples = measure(monitor)
    told = monitor.summarise(samples)
    device = told.devices[0]

    last = samples[-1]

    assert told.span_s == pytest.approx(last.start_s + last.duration_s - samples[0].start_s)
    assert told.timed_s == pytest.approx(sum(sample.duration_s for sample in samples))
    assert told.span_s > told.timed_s + 0.1
    assert device.energy_j.value == pytest.approx(200.0 * told.span_s, rel=0.02)
    assert device.integrated_energy_j.value == pytest.approx(device.energy_j.value, rel=0.1)
    assert device.idle_power_w.value == 200.0
    assert told.baseline_s >= 0.3


def test_a_machine_without_power_reader_is_not_kept_waiting() -> None:
    monitor = Monitor([make_reader(utilisation=lambda _: 0.5)])
    start = time.perf_counter()
    monitor.watch_idle(10.0)

    assert time.perf_counter() - start < 5.0
    assert monitor.summarise(measure(monitor, SHORT_S)).baseline_s == 0.0


@pytest.mark.alone
def test_cores_that_others_keep_busy_are_measured_while_the_server_is_idle() -> None:
    clocks = iter(
        [
            CpuClock(own_s=1.0, machine_s=50.0, stolen_s=0.0),
            CpuClock(own_s=1.01, machine_s=50.31, stolen_s=0.0),
        ]
    )
    monitor = Monitor([], alone=False, read_cpu=lambda: next(clocks))
    start = time.perf_counter()
    monitor.watch_idle(cpu_s=0.2)
    took_s = time.perf_counter() - start

    assert monitor.idle_foreign_cores is not None
    # 0.3 CPU seconds over a time that is at least what was asked for.
    assert 0.3 / took_s <= monitor.idle_foreign_cores <= 0.3 / 0.2 + 1e-9


@pytest.mark.long
@pytest.mark.alone
def test_every_sample_is_a_line_in_order_of_time(tmp_path: Path) -> None:
    monitor = Monitor([power_meter(200.0), make_reader(utilisation=lambda _: 0.5)])
    monitor.watch_idle(0.3)
    samples = measure(monitor)
    file = tmp_path / "telemetry.jsonl"
    monitor.write(file, samples)
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    times = [line["t_s"] for line in lines]

    assert times == sorted(times)
    assert times[0] < -0.3
    assert times[-1] == pytest.approx(samples[-1].start_s + samples[-1].duration_s, abs=0.5)
    assert {(line["device"], "power_w" in line) for line in lines} == {(0, True), (1, False)}


def test_facts_name_the_device() -> None:
    assert Monitor([make_reader()]).facts() == [
        {"name": "a device", "reader": "fake", "driver": "1.0"}
    ]


def test_processes_of_others_are_counted() -> None:
    monitor = Monitor([power_meter(1.0)])
    told = monitor.summarise(measure(monitor, SHORT_S))

    # Of the users 1 and 999999999 the first may be an ancestor of this test.
    assert told.devices[0].foreign_processes.value == 1


def test_processes_beside_a_server_are_not_judged() -> None:
    monitor = Monitor([power_meter(1.0)], alone=False)
    told = monitor.summarise(measure(monitor, SHORT_S))

    assert told.devices[0].foreign_processes.how.startswith("a server does the work")


@pytest.mark.parametrize(
    ("users", "foreign"),
    [({5}, 0), ({5, 6}, 1), ({6, 7, 5}, 2), (set(), 0), ({8}, 0), ({8, 9}, 1)],
)
def test_one_unknown_user_may_be_ourselves_in_a_container(users: set[int], foreign: int) -> None:
    assert count_foreign(users, {5, 50}) == foreign


def test_the_family_of_this_process_is_ours() -> None:
    assert {os.getpid(), os.getppid()} <= find_own_processes()


def test_what_a_device_tells_now_is_known_while_it_is_watched() -> None:
    monitor = Monitor([make_reader(utilisation=lambda _: 0.5), power_meter(200.0)])
    before = monitor.now()
    with monitor:
        during = monitor.now()

    assert (before, during) == ({}, {"power_w": 200.0})


def test_a_falling_clock_and_its_reason_stand_in_the_parts() -> None:
    hot: list[Sample] = []
    reader = make_reader(
        clock_hz=lambda _: 1.5e9 if hot else 2e9,
        temperature_c=lambda _: 90.0 if hot else 50.0,
        throttle=lambda _: float(bool(hot)),
    )

    def heat(_number: int, sample: Sample) -> None:
        hot.extend([sample] if sample.start_s > 0.8 else [])

    monitor = Monitor([replace(reader, throttle_reasons={1: "hardware-thermal"})])
    with monitor:
        samples = repeat(Nap([0.05]), RepeatPolicy(sustain_s=2.4), heat)
    first, *_, last = (part.devices[0] for part in monitor.summarise(samples, parts=4).parts)

    assert (first.clock_median_hz, last.clock_median_hz) == (2e9, 1.5e9)
    assert (first.temperature_max_c, last.temperature_max_c) == (50.0, 90.0)
    assert (first.throttling, last.throttling) == ({}, {"hardware-thermal": 1.0})


def test_the_link_is_judged_while_the_device_is_busy() -> None:
    reader = make_reader(
        utilisation=lambda seconds: float(seconds > 0.3),
        pcie_width=lambda seconds: 16.0 if seconds > 0.3 else 1.0,
        pcie_generation=lambda _: 4.0,
    )
    monitor = Monitor([reader])
    with monitor:
        samples = repeat(Nap([0.1]), RepeatPolicy(repeats=8), lambda _n, _s: None)
    device = monitor.summarise(samples).devices[0]

    assert (device.pcie_width_min.value, device.pcie_generation_min.value) == (16.0, 4.0)


def test_an_idle_device_shows_nothing_of_its_link() -> None:
    monitor = Monitor([make_reader(utilisation=lambda _: 0.1, pcie_width=lambda _: 1.0)])
    with monitor:
        samples = repeat(Nap([0.1]), RepeatPolicy(repeats=3), lambda _n, _s: None)
    device = monitor.summarise(samples).devices[0]

    assert device.pcie_width_min.how == "a formula: no sample under load"
    assert device.pcie_generation_min.value is None
