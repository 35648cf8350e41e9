"""Sustained measurements: planted slowdowns are found, undisturbed noise isn't."""

import os
from collections.abc import Callable

import numpy as np
import pytest

from nobs.render.sustained import sustained_lines
from nobs.report.sustained import find_sustained
from nobs.schema.pins import RepeatPolicy
from nobs.schema.result import Sample
from nobs.schema.sustained import Sustained, Trend
from nobs.schema.telemetry import PartOfDevice, Telemetry, TelemetryPart
from tests.fakes.honest_reports import honest_report
from tests.fakes.sensors import make_telemetry

POLICY = RepeatPolicy(sustain_s=900.0)
ROUNDS = 1000 if os.environ.get("NOBS_TEST_LONG") else 20
SPREAD, CORRELATION = 0.03, 0.5
"""Of repeats on a virtual machine with two cores."""


def noise(seed: int, count: int = 200, correlation: float = CORRELATION) -> np.ndarray:
    """Times around 1 s whose logarithms are autocorrelated."""
    rng = np.random.default_rng(seed)
    shocks = rng.standard_normal(count) * SPREAD * (1 - correlation**2) ** 0.5
    level, logs = rng.standard_normal() * SPREAD, []
    for shock in shocks:
        level = correlation * level + shock
        logs.append(level)
    return np.exp(np.array(logs))


def with_spikes(seed: int) -> np.ndarray:
    """One repeat in 33 takes half as long again, on average."""
    rng = np.random.default_rng(seed + 10_000)
    return noise(seed) * np.where(rng.random(200) < 0.03, 1 + rng.exponential(0.5, 200), 1.0)


def with_episodes(seed: int) -> np.ndarray:
    """Twice in a measurement, about ten successive repeats are slower by a quarter."""
    return noise(seed) * np.where(_states(seed, begin=0.01, end=0.1), 1.25, 1.0)


def _states(seed: int, begin: float, end: float) -> list[bool]:
    """Return for each repeat whether a state is on that begins and ends at random."""
    rng, is_on, found = np.random.default_rng(seed + 20_000), False, []
    for _ in range(200):
        is_on = rng.random() >= end if is_on else rng.random() < begin
        found.append(bool(is_on))
    return found


UNDISTURBED: dict[str, Callable[[int], np.ndarray]] = {
    "correlated": noise,
    "strongly correlated": lambda seed: noise(seed, correlation=0.9),
    "few repeats": lambda seed: noise(seed, count=60),
    "spikes": with_spikes,
    "episodes": with_episodes,
}


def samples(times: np.ndarray, **fields: list[float]) -> list[Sample]:
    starts = np.concatenate([[0.0], np.cumsum(times)[:-1]])
    return [
        Sample(
            start_s=float(start), duration_s=float(time), units=1, cpu_time_s=float(time),
            **{name: values[place] for name, values in fields.items()},
        )
        for place, (start, time) in enumerate(zip(starts, times, strict=True))
    ]  # fmt: skip


def found(
    times: np.ndarray, telemetry: Telemetry | None = None, **fields: list[float]
) -> Sustained:
    sustained = find_sustained(samples(times, **fields), POLICY, telemetry)
    assert sustained is not None
    return sustained


def slowed(times: np.ndarray, by: float) -> np.ndarray:
    """The second half of `times` slowed down."""
    return times * np.where(np.arange(len(times)) < len(times) // 2, 1.0, 1 + by)


def test_a_slowdown_of_a_tenth_is_found_in_almost_every_round() -> None:
    trends = [found(slowed(noise(seed), 0.1)).trend for seed in range(ROUNDS)]

    assert trends.count(Trend.SLOWER) >= 0.99 * ROUNDS


@pytest.mark.parametrize("kind", UNDISTURBED)
def test_at_most_one_undisturbed_round_of_fifty_shows_a_trend(kind: str) -> None:
    trends = [found(UNDISTURBED[kind](seed)).trend for seed in range(ROUNDS)]

    assert sum(trend is not Trend.STEADY for trend in trends) <= ROUNDS // 50


@pytest.mark.parametrize("kind", ["correlated", "strongly correlated", "spikes"])
def test_another_process_is_found_in_almost_every_round(kind: str) -> None:
    trends = [found(slowed(UNDISTURBED[kind](seed), 0.5)).trend for seed in range(ROUNDS)]

    assert sum(trend is Trend.SLOWER for trend in trends) >= 0.99 * ROUNDS


def test_a_process_that_shares_a_core_for_some_repeats_at_a_time_is_found() -> None:
    """The scheduler moves it: for about ten repeats it takes half of the core, then a sixth."""
    trends = []
    for seed in range(ROUNDS):
        slowness = np.where(_states(seed, begin=0.1, end=0.1), 2.0, 1.2)
        slowness[:100] = 1.0
        trends.append(found(noise(seed) * slowness).trend)

    assert sum(trend is Trend.SLOWER for trend in trends) >= 0.95 * ROUNDS


def test_the_speed_held_only_where_the_interval_shows_it() -> None:
    wide = noise(1) * np.where(np.arange(200) % 7 == np.arange(200) // 30, 2.0, 1.0)

    assert found(noise(1)).message == (
        "the speed held: last and first quarter differ by less than 3 %"
    )
    assert found(wide).message.startswith("none found: the last quarter had ")


def test_what_slows_only_some_repeats_is_found() -> None:
    times = noise(2)
    times[100:] *= np.where(np.random.default_rng(3).random(100) < 0.4, 2.0, 1.0)

    assert found(times).trend is Trend.SLOWER


def test_speed_kept_is_that_of_the_end_over_that_of_the_burst() -> None:
    sustained = found(slowed(np.ones(200) + np.arange(200) % 5 * 1e-3, 0.25))

    assert sustained.kept is not None
    assert sustained.kept.value == pytest.approx(0.8, rel=1e-3)
    assert sustained.kept.low < sustained.kept.value < sustained.kept.high
    assert sustained.burst.end_s == pytest.approx(225.3 / 4, abs=0.2)
    assert [part.repeats for part in sustained.quarters] == pytest.approx([56, 54, 45, 45], abs=2)


def test_the_burst_is_a_minute_at_most() -> None:
    assert found(np.ones(2000)).burst.end_s == 60.0


def test_other_processes_are_named_as_the_cause() -> None:
    foreign = [0.0] * 100 + [1.0] * 100
    sustained = found(slowed(noise(1), 0.3), foreign_cpu_s=foreign)

    assert sustained.trend is Trend.SLOWER
    assert "other processes used 0.0 CPU cores at first, 0.8 at last" in sustained.message


def part(clock_hz: float, temperature_c: float, **throttling: float) -> TelemetryPart:
    device = PartOfDevice(
        name="a GPU", clock_median_hz=clock_hz, temperature_max_c=temperature_c, mean_power_w=None,
        throttling={name.replace("_", "-"): share for name, share in throttling.items()},
    )  # fmt: skip
    return TelemetryPart(start_s=0.0, end_s=1.0, devices=(device,))


def test_clock_temperature_and_driver_reasons_are_named_as_the_cause() -> None:
    parts = (part(1.9e9, 62.0), part(1.7e9, 80.0), part(1.5e9, 86.0, hardware_thermal=0.9))
    telemetry = make_telemetry().model_copy(update={"parts": parts})
    message = found(slowed(noise(1), 0.3), telemetry).message

    assert "clock of a GPU 1.90 to 1.50 GHz" in message
    assert "temperature 62 to 86 °C" in message
    assert "hardware-thermal for 90 % of the last quarter" in message


def test_without_sensors_the_fixed_product_is_named_as_inferred() -> None:
    rates = [1e12] * 100 + [0.8e12] * 100
    message = found(slowed(noise(1), 0.25), matmul_flop_per_s=rates).message

    assert message.endswith("a fixed matrix product 20.0 % slower (inferred)")


def test_too_few_repeats_have_no_trend_and_name_the_remedy() -> None:
    sustained = found(np.ones(12))

    assert (sustained.trend, sustained.kept) == (Trend.UNKNOWN, None)
    assert sustained.message.endswith("6 repeats per quarter needed, 3 made; raise --sustain")


def test_other_measurements_have_no_such_figures() -> None:
    assert find_sustained(samples(np.ones(50)), RepeatPolicy(), None) is None
    assert find_sustained([], POLICY, None) is None


def test_lines_fit_a_terminal() -> None:
    lines = list(sustained_lines(found(slowed(noise(3), 0.1))))

    assert max(map(len, lines[:2])) <= 80
    assert lines[1].startswith("  speed kept: 90.3 % (95 % CI 88 % - 92 %)")


def test_a_sustained_result_is_open_and_compares_only_with_its_like() -> None:
    plain, sustained = (honest_report(sustain_s=seconds) for seconds in (None, 7.0))
    task = sustained.tasks[0]

    assert task.workload.open_reasons == ("policy.sustain_s: 7.0 instead of None",)
    assert task.workload.fingerprint != plain.tasks[0].workload.fingerprint
    assert task.workload.fingerprint == honest_report(sustain_s=7.0).tasks[0].workload.fingerprint
    assert next(iter(task.models.values())).sustained is not None
