import pytest

from nobs.report.compare import Comparison, compare_reports
from nobs.report.ratio import Finding
from nobs.schema.report import Report
from tests.fakes.reports import LLM, bare_report, failed_report, hostile_report, make_report


def compare(baseline: Report, other: Report, *, force_open: bool = False) -> Comparison:
    return compare_reports(baseline, other, names=("a", "b"), force_open=force_open)


def with_changed_workload(report: Report, **changes: object) -> Report:
    values = report.model_dump(mode="json", by_alias=True)
    for task in values["tasks"]:
        task["workload"] |= changes
    return Report.model_validate(values)


def test_twice_the_speed_is_a_ratio_of_two_for_times_and_rates() -> None:
    found = compare(make_report(speed=1.0), make_report(speed=2.0, seed=1))

    assert {line.figure.key for line in found.lines} == {
        "rows_per_second", "tokens_per_sec", "latency_s", "ttft_s",
    }  # fmt: skip
    assert [line.ratio.value for line in found.lines] == pytest.approx([2.0] * 5, rel=0.05)
    assert {line.ratio.finding for line in found.lines} == {Finding.FASTER}


def test_a_report_against_itself_does_not_differ() -> None:
    report = make_report()
    found = compare(report, report)

    assert {line.ratio.finding for line in found.lines} == {Finding.SAME}
    assert found.mean is not None
    assert found.mean.value == 1.0
    assert (found.differences, found.refusals) == ((), ())


def test_the_mean_weighs_workloads_alike_however_many_models_they_have() -> None:
    found = compare(make_report(speed=1.0), make_report(speed=1.0, seed=1))
    heads = [line for line in found.lines if line.is_headline]
    one, two, llm = (line.ratio.value for line in heads)

    assert [line.model for line in heads][-1] == LLM
    assert found.mean is not None
    assert found.mean.value == pytest.approx(((one * two) ** 0.5 * llm) ** 0.5)


def test_closed_and_open_are_not_compared_unless_asked() -> None:
    closed, opened = make_report(), make_report(division="open")
    refused = compare(closed, opened)
    forced = compare(closed, opened, force_open=True)

    assert refused.lines == ()
    assert (
        "closed in the baseline and open in the other report (batch_size: 8 instead of 16)"
        in refused.refusals[0].reason
    )
    assert len(forced.lines) == 5
    assert "embeddings/1 is closed in the baseline and open in the other report" in forced.unlike[0]


def test_another_fingerprint_is_other_work_and_says_what_differs() -> None:
    changed = with_changed_workload(
        make_report(), fingerprint="1" * 64, params={"batch_size": 8}, dataset={"rows": 10}
    )
    found = compare(make_report(), changed)

    assert found.lines == ()
    assert found.refusals[0].reason == (
        "embeddings/1 differs between the reports: dataset.rows, params.batch_size"
    )


def test_two_open_results_of_the_same_work_are_compared() -> None:
    assert len(compare(make_report(division="open"), make_report(division="open")).lines) == 5


@pytest.mark.parametrize(
    ("speed", "threshold", "is_below"),
    [(1.0, 0.95, False), (0.8, 0.95, True), (0.8, 0.7, False), (2.0, 0.95, False)],
)
def test_a_threshold_finds_what_is_surely_slower(
    speed: float, threshold: float, is_below: bool
) -> None:
    found = compare(make_report(speed=1.0), make_report(speed=speed, seed=1))

    assert found.is_below(threshold) is is_below


def test_a_lost_model_or_workload_is_below_any_threshold() -> None:
    whole = make_report(tasks=("embeddings",), speed=0.1)

    assert compare(whole, failed_report()).is_below(0.1)
    assert not compare(failed_report(), whole).is_below(0.1)
    assert compare(make_report(), whole).is_below(0.1)


def test_work_that_became_open_is_below_any_threshold_and_named_once() -> None:
    opened = make_report().model_copy(
        update={"tasks": (make_report().tasks[0], make_report(division="open").tasks[1])}
    )
    found = compare(make_report(), opened)

    assert found.lines
    assert [str(refusal).partition(" (")[0] for refusal in found.refusals] == [
        "llms/1 is closed in the baseline and open in the other report"
    ]
    assert found.is_below(0.1)


def test_what_may_explain_a_difference_is_listed() -> None:
    found = compare(make_report("one"), make_report("two", gpu="Another GPU", run="b"))

    assert found.differences == (
        ("device.gpu_name", "A GPU", "Another GPU"),
        ("device.host", "one", "two"),
    )


def test_reports_without_repeats_say_so() -> None:
    found = compare(bare_report(), bare_report())

    assert [(refusal.model, refusal.reason) for refusal in found.refusals] == [
        ("m", "one of the reports has no repeats"),
        ("n", "lost in the baseline"),
    ]
    assert found.mean is None


def test_hostile_text_is_made_safe() -> None:
    found = compare(hostile_report("\x1b[31m"), hostile_report("\x1b[31m"), force_open=True)

    assert "\x1b" not in repr([line.model for line in found.lines])
