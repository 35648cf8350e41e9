from array import array
from dataclasses import replace

import pytest

from nobs.schema.telemetry import DeviceKind, DeviceTelemetry, Evidence, Telemetry
from nobs.system.telemetry.reader import Channel, Reader
from nobs.system.telemetry.sampler import Track
from nobs.system.telemetry.summary import Region, Watched, summarise

REGION = Region(start_s=10.0, end_s=20.0, timed_s=9.5)
NO_TOTALS: list[dict[str, float]] = []


def never() -> float:
    raise AssertionError("a summary reads nothing")


def track(
    totals: list[dict[str, float]] = NO_TOTALS,
    kind: DeviceKind = DeviceKind.GPU,
    step_s: float = 0.1,
    **channels: list[float],
) -> Track:
    """Samples from second 9 on; a single value holds all the time."""
    times = array("d", [9.0 + step_s * n for n in range(round(12 / step_s) + 1)])
    reader = Reader(
        vendor="fake", name="a device", kind=kind,
        channels={name: Channel(read=never, how="a sensor") for name in channels},
        totals={name: Channel(read=never, how="a counter") for name in (totals or [{}])[0]},
        throttle_reasons={1: "idle", 4: "power-cap"},
        absent={"energy_j": "there is no counter"},
    )  # fmt: skip
    values = {
        name: array("d", told * len(times) if len(told) == 1 else told)
        for name, told in channels.items()
    }
    return Track(reader=reader, times=times, values=values, totals=list(totals))


def counter(watts: float, step_s: float = 0.1) -> list[float]:
    return [1e6 + watts * step_s * n for n in range(round(12 / step_s) + 1)]


def summary(busy: Track, idle: Track | None = None, region: Region = REGION) -> Telemetry:
    return summarise([Watched(track=busy, idle=idle, foreign=2)], region, baseline_s=2.0)


def device(busy: Track, idle: Track | None = None, region: Region = REGION) -> DeviceTelemetry:
    return summary(busy, idle, region).devices[0]


def test_constant_power_is_watts_times_seconds_and_less_when_idle_is_taken_off() -> None:
    found = device(track(power_w=[300.0], energy_j=counter(300.0)), track(power_w=[100.0]))

    assert found.energy_j.value == pytest.approx(3000.0)
    assert found.integrated_energy_j.value == pytest.approx(3000.0)
    assert found.net_energy_j.value == pytest.approx(2000.0)
    assert found.mean_power_w.value == pytest.approx(300.0)
    assert (found.peak_power_w.value, found.idle_power_w.value) == (300.0, 100.0)
    assert found.energy_j.evidence is Evidence.MEASURED


def test_idle_power_that_nothing_tells_has_the_reason_of_power() -> None:
    unwatched, silent = device(track(power_w=[300.0])), device(track(utilisation=[0.5]))

    assert unwatched.idle_power_w.how == "the idle machine was not watched"
    assert silent.idle_power_w.how == silent.peak_power_w.how == "the reader fake has none"


def test_the_counter_wins_over_a_slow_sensor() -> None:
    found = device(track(power_w=[250.0], energy_j=counter(300.0)))

    assert found.energy_j.value == pytest.approx(3000.0)
    assert found.integrated_energy_j.value == pytest.approx(2500.0)


def test_without_a_counter_power_is_integrated() -> None:
    found = device(track(power_w=[300.0]))

    assert found.energy_j.value == pytest.approx(3000.0)
    assert found.energy_j.how == "a sensor, integrated over time"


def test_a_counter_alone_gives_power_too() -> None:
    found = device(track(energy_j=counter(65.0)), track(energy_j=counter(15.0)))

    assert found.peak_power_w.value == pytest.approx(65.0)
    assert found.idle_power_w.value == pytest.approx(15.0)
    assert found.net_energy_j.value == pytest.approx(500.0)
    assert found.integrated_energy_j.evidence is Evidence.ABSENT


def test_only_the_region_counts() -> None:
    power = [0.0] * 10 + [200.0] * 101 + [0.0] * 10
    found = device(track(power_w=power, temperature_c=[90.0] * 10 + [60.0] * 101 + [95.0] * 10))

    assert found.energy_j.value == pytest.approx(2000.0, rel=0.01)
    assert found.temperature_max_c.value == 60.0


def test_a_short_region_gives_an_estimate() -> None:
    region = Region(start_s=10.0, end_s=10.25, timed_s=0.2)
    found = device(track(energy_j=counter(400.0)), region=region)

    assert found.energy_j.value == pytest.approx(100.0)
    assert found.energy_j.evidence is Evidence.ESTIMATED
    assert "0.25 s" in found.energy_j.how


def test_a_model_of_the_vendor_is_an_estimate_everywhere() -> None:
    busy = track(energy_j=counter(30.0))
    source = replace(busy.reader.channels["energy_j"], estimated=True)
    busy.reader = replace(busy.reader, channels={"energy_j": source})
    found = device(busy)

    assert {found.energy_j.evidence, found.mean_power_w.evidence, found.peak_power_w.evidence} == {
        Evidence.ESTIMATED
    }


def test_a_device_that_tells_nothing_says_why() -> None:
    found = device(track())

    assert found.energy_j.value is None
    assert found.peak_power_w.how == "the reader fake has none"
    assert found.throttling.evidence is Evidence.ABSENT


def test_clocks_and_load_are_summed_up_by_what_matters() -> None:
    clocks = [1.0e9] * 40 + [2.0e9] * 81
    found = device(track(clock_hz=clocks, utilisation=[0.5], memory_bytes=[7.0]))

    assert (found.clock_min_hz.value, found.clock_median_hz.value) == (1.0e9, 2.0e9)
    assert (found.utilisation.value, found.memory_peak_bytes.value) == (0.5, 7.0)
    assert found.foreign_processes.value == 2


def test_throttle_reasons_have_shares_of_samples_and_seconds_of_counters() -> None:
    masks = [0.0] * 60 + [5.0] * 61
    found = device(track([{"thermal": 3.0}, {"thermal": 4.5}], throttle=masks))

    assert set(found.throttling.shares) == {"idle", "power-cap"}
    assert found.throttling.shares["power-cap"] == pytest.approx(0.5, abs=0.02)
    assert found.throttling.seconds == {"thermal": 1.5}


def test_counters_in_beats_become_seconds_by_their_reference() -> None:
    totals = [{"power": 10.0, "reference": 1000.0}, {"power": 310.0, "reference": 2200.0}]
    found = device(track(totals))

    assert found.throttling.seconds == {"power": pytest.approx(3.0)}


def test_the_machine_is_told_apart_from_devices() -> None:
    totals = [{"swapped_bytes": 100.0, "battery": 0.9}, {"swapped_bytes": 4196.0, "battery": 0.8}]
    told = summary(track(totals, DeviceKind.SYSTEM, memory_bytes=[5.0]))

    assert told.devices == ()
    assert told.system is not None
    assert (told.system.swapped_bytes.value, told.system.memory_peak_bytes.value) == (4096.0, 5.0)
    assert (told.system.battery_start.value, told.system.battery_end.value) == (0.9, 0.8)


def test_samples_are_those_of_the_region() -> None:
    told = summary(track(power_w=[1.0]))

    assert told.samples == pytest.approx(101, abs=1)
    assert (told.span_s, told.timed_s, told.baseline_s) == (10.0, 9.5, 2.0)
