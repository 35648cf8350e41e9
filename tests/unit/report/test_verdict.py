"""Verdicts on repeats of known shape, in words that fit what the user asked for."""

import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.synchronize import Event

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nobs.render.verdict import describe_verdict
from nobs.report.verdict import judge
from nobs.runner.measure import repeat
from nobs.runner.telemetry import IDLE_CPU_S, Monitor
from nobs.schema.pins import RepeatPolicy
from nobs.schema.report import FindingKind, Verdict
from nobs.schema.result import Sample
from tests.fakes.naps import Nap
from tests.fakes.sensors import make_telemetry, throttling

NARROW = [1.0, 1.002, 0.999, 1.001, 0.998, 1.003, 1.0, 0.997]


def samples(times: list[float], foreign_s: float | None = 0.0) -> list[Sample]:
    return [
        Sample(start_s=float(i), duration_s=t, units=1, cpu_time_s=t, foreign_cpu_s=foreign_s)
        for i, t in enumerate(times)
    ]


def verdict_of(times: list[float], **policy: float) -> Verdict:
    found = judge(samples(times), RepeatPolicy.model_validate(policy))
    assert found is not None
    return found


def kinds(verdict: Verdict) -> list[FindingKind]:
    return [finding.kind for finding in verdict.findings]


def noise(count: int, sigma: float) -> np.ndarray:
    return 1 + sigma * np.random.default_rng(5).standard_normal(count)


def test_narrow_repeats_are_stable() -> None:
    verdict = verdict_of(NARROW)

    assert (verdict.stable, verdict.findings, verdict.outliers) == (True, (), ())
    assert describe_verdict(verdict, 8) == "stable: 95 % CI ±0.2 % after 8 repeats."


def test_no_repeats_have_no_verdict() -> None:
    assert judge([], RepeatPolicy()) is None


@pytest.mark.parametrize(
    ("times", "policy", "words"),
    [
        (
            [1.0, 1.001, 1.0],
            {"repeats": 3},
            "imprecise: 3 repeats give a 75 % CI at most; --repeats 6 gives a 95 % CI.",
        ),
        ([1.0], {"repeats": 1}, "imprecise: one repeat has no CI; --repeats 6"),
        ([1.0, 1.001, 1.0], {"time_budget_s": 2.5}, "--time-budget 7 allows 6"),
        ([28.0, 28.1, 28.0], {}, "--time-budget 169 allows 6"),
    ],
)
def test_too_few_repeats_name_the_option_that_was_used(
    times: list[float], policy: dict[str, float], words: str
) -> None:
    verdict = verdict_of(times, **policy)

    assert kinds(verdict) == [FindingKind.TOO_FEW_REPEATS]
    assert not verdict.stable
    assert words in describe_verdict(verdict, len(times))


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ({"repeats": 12}, "after 12 repeats; raise --repeats"),
        ({"time_budget_s": 30.0}, "after 12 repeats in 30 s; raise --time-budget"),
    ],
)
def test_a_wide_interval_names_the_option_that_was_used(
    policy: dict[str, float], words: str
) -> None:
    verdict = verdict_of(noise(12, 0.03).tolist(), **policy)

    assert FindingKind.WIDE_INTERVAL in kinds(verdict)
    assert verdict.word == "imprecise"
    assert words in describe_verdict(verdict, 12)


def test_a_spread_above_5_percent_is_told_however_narrow_the_interval() -> None:
    verdict = verdict_of(noise(2000, 0.07).tolist())

    assert kinds(verdict)[0] is FindingKind.SPREAD
    assert verdict.spread == pytest.approx(0.07, rel=0.1)


def test_a_slow_first_repeat_is_told_and_leaves_the_median_stable() -> None:
    verdict = verdict_of([1.2, *NARROW])

    assert verdict.stable
    assert kinds(verdict) == [FindingKind.SLOW_FIRST]
    assert verdict.outliers == (1,)
    assert "repeat 1 took 20.0 % longer" in describe_verdict(verdict, 9)


@pytest.mark.parametrize("first", [1.019, 1.04])
def test_a_first_repeat_within_the_noise_is_not_told(first: float) -> None:
    noisy = [1.0, 1.01, 0.99, 1.02, 0.985, 1.015, 0.995, 1.005]
    rest = NARROW if first < 1.02 else noisy

    assert FindingKind.SLOW_FIRST not in kinds(verdict_of([first, *rest]))


@pytest.mark.parametrize(("change", "word"), [(0.08, "slowed down"), (-0.08, "sped up")])
def test_a_drift_is_told_with_its_direction(change: float, word: str) -> None:
    verdict = verdict_of((np.linspace(1, 1 + change, 20) * noise(20, 0.002)).tolist())

    assert FindingKind.DRIFT in kinds(verdict)
    assert word in describe_verdict(verdict, 20)


def test_two_modes_are_told_with_their_times() -> None:
    verdict = verdict_of((noise(20, 0.002) + 0.1 * (np.arange(20) % 2)).tolist())

    assert FindingKind.TWO_MODES in kinds(verdict)
    assert "around 1.00 s and 1.10 s" in describe_verdict(verdict, 20)


def test_outliers_are_flagged_by_number_and_never_dropped() -> None:
    verdict = verdict_of([*NARROW, 1.5])

    assert verdict.stable
    assert verdict.outliers == (9,)
    assert "outliers, kept: repeat 9" in describe_verdict(verdict, 9)


def test_an_outlier_names_the_processes_that_took_cpu_during_it() -> None:
    seen = samples([*NARROW, 1.5])
    seen[-1] = seen[-1].model_copy(update={"foreign_cpu_s": 0.77})
    verdict = judge(seen, RepeatPolicy())

    assert verdict is not None
    assert verdict.stable
    assert "outliers, kept: repeat 9 (while other processes used 0.8 CPU s)" in describe_verdict(
        verdict, 9
    )


def test_a_slow_first_repeat_names_the_hypervisor_that_took_the_cpu() -> None:
    seen = samples([1.2, *NARROW])
    seen[0] = seen[0].model_copy(update={"stolen_cpu_s": 0.7})
    verdict = judge(seen, RepeatPolicy())

    assert verdict is not None
    assert "longer than the others, while the hypervisor withheld 0.7 CPU s" in describe_verdict(
        verdict, 9
    )


def test_a_throttled_device_makes_repeats_unstable_however_narrow_their_interval() -> None:
    hot = make_telemetry(throttling=throttling({"hardware-thermal": 0.12, "power": 0.5}))
    verdict = judge(samples(NARROW), RepeatPolicy(), hot)

    assert verdict is not None
    assert describe_verdict(verdict, 8) == (
        "unstable: a GPU was throttled for 12.0 % of the time (hardware-thermal)."
    )


def test_grave_reasons_come_before_a_wide_interval() -> None:
    times = (np.linspace(1, 1.3, 12) * noise(12, 0.002)).tolist()

    words = describe_verdict(verdict_of([*times, 4.0]), 13)

    assert words.startswith("unstable: repeats slowed down by")
    assert words.index("slowed") < words.index("95 % CI") < words.index("outliers, kept")


@pytest.mark.parametrize(("cores", "flagged"), [(0.4, False), (0.6, True), (None, False)])
def test_a_busy_core_beside_is_told(cores: float | None, flagged: bool) -> None:
    verdict = judge(samples(NARROW, cores), RepeatPolicy())

    assert verdict is not None
    assert (FindingKind.FOREIGN_CPU in kinds(verdict)) is flagged
    assert verdict.stable is not flagged


@pytest.mark.parametrize(("cores", "flagged"), [(0.4, False), (1.2, True), (None, False)])
def test_a_core_that_was_busy_before_the_repeats_is_reported_where_no_other_time_is_known(
    cores: float | None, flagged: bool
) -> None:
    before = make_telemetry().model_copy(update={"idle_foreign_cores": cores})
    unseen = judge(samples(NARROW, None), RepeatPolicy(), before)
    seen = judge(samples(NARROW, 0.0), RepeatPolicy(), before)

    assert unseen is not None
    assert seen is not None
    assert (FindingKind.FOREIGN_CPU in kinds(unseen)) is flagged
    assert FindingKind.FOREIGN_CPU not in kinds(seen)
    if flagged:
        assert (
            "other processes kept 1.2 CPU cores busy before the repeats, while the server was idle"
        ) in describe_verdict(unseen, 8)


@pytest.mark.parametrize(("stolen_s", "flagged"), [(0.01, False), (0.04, True), (None, False)])
def test_time_that_a_hypervisor_took_is_told(stolen_s: float | None, *, flagged: bool) -> None:
    seen = [sample.model_copy(update={"stolen_cpu_s": stolen_s}) for sample in samples(NARROW)]
    verdict = judge(seen, RepeatPolicy())

    assert verdict is not None
    assert (FindingKind.STOLEN_CPU in kinds(verdict)) is flagged
    assert verdict.stable is not flagged


def test_what_share_was_stolen_is_unknown_where_a_server_does_the_work() -> None:
    seen = [s.model_copy(update={"stolen_cpu_s": 0.04}) for s in samples(NARROW, None)]
    verdict = judge(seen, RepeatPolicy())

    assert verdict is not None
    assert verdict.stable


def test_a_servers_time_counts_as_wanted_where_some_was_stolen() -> None:
    known = {"stolen_cpu_s": 0.03, "server_cpu_s": 1.0}
    seen = [sample.model_copy(update=known) for sample in samples(NARROW)]
    verdict = judge(seen, RepeatPolicy())

    assert verdict is not None
    assert verdict.stable, "0.03 of 2.03"


def spin(begun: Event) -> None:
    begun.set()
    # Where the test is killed, nobody ends it.
    end = time.monotonic() + 60
    while time.monotonic() < end:
        pass


@contextmanager
def busy_core() -> Iterator[None]:
    context = multiprocessing.get_context("spawn")
    begun = context.Event()
    process = context.Process(target=spin, args=(begun,), daemon=True)
    process.start()
    assert begun.wait(60)
    try:
        yield
    finally:
        process.kill()
        process.join()


@pytest.mark.long
def test_a_real_busy_process_beside_the_repeats_is_flagged() -> None:
    with busy_core():
        taken = repeat(Nap([0.3]), RepeatPolicy(repeats=6), lambda _number, _sample: None)
    verdict = judge(taken, RepeatPolicy(repeats=6))

    assert verdict is not None
    assert FindingKind.FOREIGN_CPU in kinds(verdict)
    assert verdict.word == "unstable"


@pytest.mark.long
def test_a_real_busy_process_is_seen_before_the_repeats_of_a_hidden_server() -> None:
    monitor = Monitor([], alone=False)
    with busy_core():
        monitor.watch_idle(cpu_s=IDLE_CPU_S)
    before = make_telemetry().model_copy(update={"idle_foreign_cores": monitor.idle_foreign_cores})
    verdict = judge(samples(NARROW, None), RepeatPolicy(), before)

    assert verdict is not None
    assert FindingKind.FOREIGN_CPU in kinds(verdict)


@given(st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=40))
def test_every_list_of_repeats_has_a_verdict_that_can_be_told(times: list[float]) -> None:
    verdict = verdict_of(times)

    assert describe_verdict(verdict, len(times)).endswith(".")
    assert verdict.stable == (verdict.word == "stable")
    assert all(1 <= number <= len(times) for number in verdict.outliers)
