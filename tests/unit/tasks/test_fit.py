"""Does it fit: real processes that grow, figures from points, contradictions, and what is told."""

import sys
from typing import Any

import pytest

from nobs.errors import NobsError
from nobs.schema.enums import Backend, Status
from nobs.schema.report import ModelReport
from nobs.schema.result import Sample
from nobs.tasks.fit.lines import find_fit_contradictions, fit_lines, fit_points
from nobs.tasks.fit.process import Bounds, Guess, grow, grow_apart, next_stop, reach
from nobs.tasks.fit.report import Estimate, Fit, FitPoint, Growth, Stop

MIB = 2**20
SIZES = (1, 2, 4)
EATER = """
import json, sys
order = json.load(sys.stdin)
if order["fail"]:
    sys.exit("it is broken")
print(json.dumps({"loaded": {"before_bytes": 1, "loaded_bytes": 2}}), flush=True)
kept = []
for size in order["sizes"]:
    kept.append(b"x" * (size * order["each"]))
    print(json.dumps({"point": {"size": size, "peak_bytes": 10 + size}}), flush=True)
if order["hang"] and order["sizes"][-1] >= order["hang"]:
    sys.stdin.close()
    import threading
    threading.Event().wait()
print(json.dumps({"stop": {"by": "the largest size", "at": None, "why": ""}}), flush=True)
"""


def grown(each: int = 1, limit: int = 1 << 40, limit_s: float = 60.0, **order: Any) -> Growth:
    order = {"sizes": SIZES, "each": each, "fail": False, "hang": False, **order}
    return grow((sys.executable, "-c", EATER), order, limit, limit_s)[0]


def grown_apart(allowed: int = 1 << 40, **order: Any) -> Growth:
    """Sizes that have a process each; the estimate is 10 bytes and 1 per unit."""
    order = {"each": 1, "fail": False, "hang": False, **order}
    bounds = Bounds(host_bytes=100 * MIB, allowed=lambda: allowed, budget_s=60.0)
    guess = Guess(estimate=Estimate(weights_bytes=10, slope_bytes=1.0, method=""), per=1)
    return grow_apart((sys.executable, "-c", EATER), order, SIZES, bounds, guess)[0]


def points(*peaks: int) -> tuple[FitPoint, ...]:
    return tuple(FitPoint(size=s, peak_bytes=p) for s, p in zip(SIZES, peaks, strict=False))


def growth(*peaks: int, **changes: Any) -> Growth:
    is_whole = len(peaks) == len(SIZES)
    values: dict[str, Any] = {
        "before_bytes": 100 * MIB, "loaded_bytes": 150 * MIB, "points": points(*peaks),
        "stopped_by": Stop.LARGEST if is_whole else Stop.LIMIT,
        "stopped_at": None if is_whole else SIZES[len(peaks)],
        "why": "" if is_whole else "would need about 9.0 GiB, 8.0 GiB are allowed",
    }  # fmt: skip
    return Growth(**values | changes)


def fit(*growths: Growth, **changes: Any) -> Fit:
    estimate = Estimate(weights_bytes=40 * MIB, slope_bytes=8.0 * MIB, method="a x b")
    found = Fit.of(
        growths, place="memory", counted=("rows", 1), limit_bytes=1 << 40, estimate=estimate
    )
    return found.model_copy(update=changes)


WHOLE = growth(210 * MIB, 220 * MIB, 240 * MIB)
SHORT = growth(210 * MIB, 222 * MIB)


def test_a_process_that_grows_to_the_end_keeps_its_points() -> None:
    found = grown()

    assert [point.size for point in found.points] == [1, 2, 4]
    assert (found.stopped_by, found.stopped_at, found.loaded_bytes) == (Stop.LARGEST, None, 2)


@pytest.mark.skipif(sys.platform == "win32", reason="the exit code of a killed process differs")
def test_a_process_over_the_limit_is_ended_which_is_a_finding() -> None:
    found = grown(each=64 * MIB, limit=100 * MIB, hang=True)

    assert found.stopped_by is Stop.LIMIT
    assert found.stopped_at in SIZES
    assert "and it was ended" in found.why


def test_a_process_that_takes_too_long_is_ended() -> None:
    assert grown(limit_s=1.5, hang=True).stopped_by is Stop.TIME


def test_a_process_that_breaks_is_a_failure_with_its_last_words() -> None:
    with pytest.raises(NobsError, match="exit code 1: it is broken"):
        grown(fail=True)


def test_each_size_has_a_process_of_its_own() -> None:
    found = grown_apart()

    assert [(p.size, p.peak_bytes, p.loaded_bytes) for p in found.points] == [
        (1, 11, 2), (2, 12, 2), (4, 14, 2),
    ]  # fmt: skip
    assert (found.stopped_by, found.stopped_at) == (Stop.LARGEST, None)


def test_a_size_is_tried_only_if_its_estimate_fits() -> None:
    found = grown_apart(allowed=13)

    assert [point.size for point in found.points] == [1, 2]
    assert (found.stopped_by, found.stopped_at) == (Stop.LIMIT, 4)
    assert found.why == "would need about 14 B, 13 B are allowed"


def test_a_model_that_cannot_fit_is_never_loaded() -> None:
    with pytest.raises(NobsError, match="didn't load: would need about 11 B, 10 B are allowed"):
        grown_apart(allowed=10, fail=True)


@pytest.mark.skipif(sys.platform == "win32", reason="the exit code of a killed process differs")
def test_a_size_over_the_limit_is_ended_and_the_sizes_before_it_count() -> None:
    found = grown_apart(each=60 * MIB, hang=2)

    assert (found.largest, found.stopped_by, found.stopped_at) == (1, Stop.LIMIT, 2)


@pytest.mark.parametrize(
    "said",
    [
        "ggml_backend_cpu_buffer_type_alloc_buffer: failed to allocate buffer of size 4294967296",
        "terminate called after throwing an instance of 'std::bad_alloc'",
    ],
)
def test_a_library_that_says_it_has_no_memory_is_a_finding(said: str) -> None:
    failing = f"import sys; sys.stdin.read(); print({said!r}, file=sys.stderr); sys.exit(1)"

    found = reach((sys.executable, "-c", failing), {"sizes": SIZES}, 1 << 40, 60.0)

    assert (found.stop["by"], found.stop["why"]) == (Stop.OUT_OF_MEMORY, said)


def test_a_size_that_would_exceed_the_limit_is_not_tried() -> None:
    before = points(200, 210)

    assert next_stop(4, before, 230, 1.0) is None
    assert next_stop(4, before, 229, 1.0) == {
        "by": Stop.LIMIT, "at": 4, "why": "would need about 230 B, 229 B are allowed",
    }  # fmt: skip
    assert next_stop(4, before, 229, -2.0) == {
        "by": Stop.TIME, "at": 4, "why": "2.00 s over the budget",
    }  # fmt: skip


def test_figures_are_medians_of_the_growths() -> None:
    found = fit(WHOLE, SHORT, growth(210 * MIB, 220 * MIB, 240 * MIB))

    assert found.final_median_slope_bytes == pytest.approx(10 * MIB)
    assert found.largest == 2
    assert found.peaks() == {1: 210 * MIB, 2: 220 * MIB}
    assert found.recomputed() == found


def test_peak_memory_is_that_of_the_processes() -> None:
    on_device = fit(SHORT, place="device memory").memory

    assert fit(WHOLE, SHORT).memory.peak_rss_bytes == 240 * MIB
    assert (on_device.peak_rss_bytes, on_device.device_peak_reserved_bytes) == (None, 222 * MIB)


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (fit(WHOLE), ""),
        (fit(WHOLE, WHOLE), "2 growths for 1 samples"),
        (fit(growth(3, 2, 1)), "peaks of growth 1 fall"),
        (fit(growth(1 << 41)), "a peak of growth 1 exceeds the limit"),
        (fit(growth(1, 2, 3, stopped_by=Stop.TIME)), "stopped by the time budget after 3 sizes"),
        (fit(growth(1, 2, 3, loaded_bytes=5)), "less memory with the model"),
        (
            fit(growth(points=(FitPoint(size=1, peak_bytes=3 * MIB, loaded_bytes=4 * MIB),))),
            "less memory at its peak than after its load",
        ),
        (fit(WHOLE, final_median_slope_bytes=1.0), "don't follow from its growths"),
        (fit(WHOLE, largest=512), "don't follow from its growths"),
    ],
)
def test_growths_that_contradict_the_rest_are_named(found: Fit, message: str) -> None:
    sample = Sample(start_s=0.0, duration_s=8.0, units=1, cpu_time_s=8.0)
    model = ModelReport(model_name="m", device=Backend.CPU, status=Status.OK, samples=(sample,))

    faults = "; ".join(find_fit_contradictions(model, found, SIZES, by="batch size"))

    assert message in faults
    assert bool(faults) is bool(message)


def test_the_table_has_the_estimate_beside_the_measurement() -> None:
    lines = list(fit_lines(fit(WHOLE, SHORT)))

    assert max(map(len, lines)) <= 80
    assert lines == [
        "  memory: 150.0 MiB after load, 100.0 MiB before it",
        "  estimate of the weights: 40.0 MiB",
        "        rows   peak, MiB",
        "           1         210",
        "           2         221",
        "  each of the rows adds 11.0 MiB (10.0 MiB - 12.0 MiB)",
        "  estimate: 8.0 MiB (a x b)",
        "  largest that ran: 2 rows; stopped by the memory limit",
        "  4 rows: would need about 9.0 GiB, 8.0 GiB are allowed",
    ]


def test_the_table_has_the_load_of_sizes_with_a_process_of_their_own() -> None:
    point = FitPoint(size=1, peak_bytes=210 * MIB, loaded_bytes=160 * MIB)

    lines = list(fit_lines(fit(growth(points=(point,)))))

    assert lines[2:4] == [
        "        rows  loaded, MiB   peak, MiB",
        "           1          160         210",
    ]


def test_the_chart_has_a_cross_where_it_stopped_and_a_line_for_the_estimate() -> None:
    marks = [(m.x, m.series, m.y is None) for m in fit_points(fit(SHORT))]

    assert marks == [
        (1, "measured", False), (2, "measured", False), (4, "measured", True),
        (1, "estimate", False), (2, "estimate", False),
    ]  # fmt: skip
    assert fit_points(None) == ()
