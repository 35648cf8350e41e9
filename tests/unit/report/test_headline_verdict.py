"""Verdicts of workloads that measure something else than the time of a pass."""

from collections.abc import Sequence

import pytest

from nobs.render.verdict import describe_verdict
from nobs.report.verdict import with_verdict
from nobs.schema.enums import Backend, Status
from nobs.schema.pins import RepeatPolicy
from nobs.schema.report import FindingKind, Verdict
from nobs.schema.result import Sample
from nobs.tasks import TASKS
from nobs.tasks.cold.report import ServerStart, ServerStarts
from nobs.tasks.fit.report import HOST_MEMORY, Fit, FitPoint, Growth, Stop
from nobs.tasks.llms.report import LlmModelReport

MIB = 1 << 20
UNEVEN = (10.0, 40.0, 10.1, 40.1, 10.0, 40.0, 10.1, 40.1)
"""Seconds of passes that form two groups."""
STEADY = (1.0, 1.001, 1.002, 1.0, 1.001, 1.002, 1.0, 1.001)


def samples(times: Sequence[float], foreign_cores: float = 0.0) -> tuple[Sample, ...]:
    return tuple(
        Sample(
            start_s=100.0 * number, duration_s=time, units=1, cpu_time_s=1.0,
            foreign_cpu_s=foreign_cores * time,
        )
        for number, time in enumerate(times)
    )  # fmt: skip


def growth(slope: float, loaded: float = 100 * MIB, sizes: int = 2) -> Growth:
    """Return what has `slope` MiB per 1,000 tokens."""
    points = (
        FitPoint(size=1000 * size, peak_bytes=round((100 + slope * size) * MIB))
        for size in range(1, sizes + 1)
    )
    return Growth(
        before_bytes=MIB, loaded_bytes=round(loaded), points=tuple(points),
        stopped_by=Stop.LARGEST, stopped_at=None,
    )  # fmt: skip


def verdict_of(passes: tuple[Sample, ...], **parts: object) -> Verdict:
    model = LlmModelReport(
        model_name="m", device=Backend.CPU, status=Status.OK, samples=passes, **parts
    )
    found = with_verdict(model, TASKS.load("llms"), RepeatPolicy(repeats=len(passes))).verdict
    assert found is not None
    return found


def fit_of(*growths: Growth) -> Fit:
    return Fit.of(
        growths, place=HOST_MEMORY, counted=("tokens", 1000), limit_bytes=1 << 40, estimate=None
    )


def cold_of(*firsts: float) -> ServerStarts:
    return ServerStarts.of([
        ServerStart(
            first_result_s=first, start_s=0.1, load_s=0.2, first_token_s=first - 0.3,
            second_ttft_s=0.1,
        )
        for first in firsts
    ])  # fmt: skip


def kinds(verdict: Verdict) -> set[FindingKind]:
    return {finding.kind for finding in verdict.findings}


def test_passes_of_uneven_times_are_unstable_where_nothing_else_is_measured() -> None:
    assert verdict_of(samples(UNEVEN)).word == "unstable"


def test_equal_memory_is_stable_on_a_busy_machine_with_uneven_passes() -> None:
    verdict = verdict_of(samples(UNEVEN, foreign_cores=2), fit=fit_of(*[growth(20)] * 8))

    assert describe_verdict(verdict, 8) == "stable: 95 % CI ±0.0 % after 8 repeats."


def test_memory_of_two_groups_is_unstable_although_the_passes_are_even() -> None:
    grown = fit_of(*(growth(slope) for slope in UNEVEN))
    verdict = verdict_of(samples(STEADY), fit=grown)

    assert verdict.word == "unstable"
    assert "two groups around 10.0 MiB and 40.0 MiB;" in describe_verdict(verdict, 8)


def test_rising_memory_has_no_cause_of_times() -> None:
    verdict = verdict_of(samples(STEADY), fit=fit_of(*(growth(20 + n) for n in range(8))))

    assert FindingKind.DRIFT in kinds(verdict)
    assert "repeats rose by 29.8 %;" in describe_verdict(verdict, 8)


def test_memory_after_load_is_judged_where_one_size_gives_no_slope() -> None:
    even, uneven = ([growth(20, 100 * MIB * factor, sizes=1) for factor in factors]
                    for factors in ((1,) * 8, (1, 2) * 4))  # fmt: skip

    assert verdict_of(samples(UNEVEN), fit=fit_of(*even)).stable
    assert not verdict_of(samples(STEADY), fit=fit_of(*uneven)).stable


def test_starts_are_judged_by_the_time_to_their_first_result() -> None:
    assert verdict_of(samples(UNEVEN), cold=cold_of(*STEADY)).stable
    assert verdict_of(samples(STEADY), cold=cold_of(*UNEVEN)).word == "unstable"


def test_other_processes_make_starts_unstable() -> None:
    verdict = verdict_of(samples(UNEVEN, foreign_cores=2), cold=cold_of(*STEADY))

    assert kinds(verdict) == {FindingKind.FOREIGN_CPU}


def test_the_time_that_more_repeats_need_is_that_of_passes() -> None:
    model = LlmModelReport(
        model_name="m", device=Backend.CPU, status=Status.OK, samples=samples(UNEVEN[:3]),
        fit=fit_of(*[growth(20)] * 3),
    )  # fmt: skip
    verdict = with_verdict(model, TASKS.load("llms"), RepeatPolicy()).verdict

    assert verdict is not None
    assert "--time-budget 91 allows 6" in describe_verdict(verdict, 3)


@pytest.mark.parametrize(
    ("task", "keys"),
    [
        ("embeddings", {"first_result_s", "bytes_per_row", "loaded_bytes"}),
        ("llms", {"first_result_s", "bytes_per_1000_tokens", "loaded_bytes"}),
        ("vlms", {"first_result_s"}),
        ("diffusion", {"first_result_s", "bytes_per_image", "loaded_bytes"}),
        ("embeddings-served", set()),
    ],
)
def test_each_task_declares_what_is_judged_instead_of_passes(task: str, keys: set[str]) -> None:
    assert {figure.key for figure in TASKS.load(task).figures if figure.is_judged} == keys
