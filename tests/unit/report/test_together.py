"""Sums of replicas that ran at once, from reports of devices that don't exist."""

from datetime import timedelta

import pytest

from nobs.render.together import together_lines
from nobs.report.machine import name_of
from nobs.report.price import Prices
from nobs.report.rank import rank
from nobs.report.together import find_together
from nobs.report.validation.together import find_wrong_sums
from tests.fakes.reports import EMBEDDING_MODELS
from tests.fakes.several import NOON, measured, report_of

FIRST = EMBEDDING_MODELS[0]


def test_efficiency_is_the_sum_at_once_over_the_sum_alone() -> None:
    _, (first, _) = measured(1.0, 1.0, 0.7)

    assert first.aggregate_per_s == pytest.approx(sum(p.rate_per_s for p in first.parts))
    assert first.efficiency == pytest.approx(0.9, rel=0.01)
    assert first.efficiency_low
    assert first.efficiency_high
    assert first.efficiency_low < 0.9 < first.efficiency_high < 1
    assert (first.worst, first.model) == ("cuda:2", FIRST)
    assert "cuda:2 loses most" in first.findings[0]


def test_an_efficiency_above_one_is_called_disturbed() -> None:
    _, (first, _) = measured(1.0, 1.0, 1.5)

    assert "something disturbed them alone" in first.findings[0]


def test_only_repeats_count_during_which_all_devices_measured() -> None:
    beside, (first, _) = measured(1.0, 1.0, 1.0)

    assert first.start == NOON + timedelta(seconds=6)
    assert [part.repeats for part in first.parts] < [20, 20, 20]
    assert all(part.repeats < 20 for part in first.parts)
    assert len(beside[0].tasks[0].models[FIRST].samples) == 20


def test_devices_that_never_measured_at_the_same_time_have_no_sum() -> None:
    alone = [report_of(number, 1.0) for number in range(2)]
    beside = [report_of(0, 1.0, late_s=0), report_of(1, 1.0, late_s=500)]
    found, missing = find_together(alone, beside)

    assert not found
    assert all("for too short a time; use --sustain 5m" in reason for reason in missing)


def test_lines_name_sum_efficiency_and_the_worst_device() -> None:
    _, (first, _) = measured(1.0, 1.0, 0.7)
    text = "\n".join(together_lines(first))

    assert "3 devices at once" in text
    assert "scaling efficiency 0.9" in text
    assert "kept, the worst" in text


def test_a_result_at_once_has_a_name_of_its_own() -> None:
    assert name_of(report_of(1, 1.0)) == "a host cuda:1"
    assert name_of(report_of(1, 1.0, late_s=0)) == "a host cuda:1 at once"


def test_devices_at_once_are_ranked_apart_from_devices_alone() -> None:
    reports = [report_of(0, 1.0), report_of(1, 1.0), report_of(0, 0.5, late_s=0)]
    rankings = rank(reports, prices=Prices())

    assert sorted({tuple(sorted(p.machine for p in each.places)) for each in rankings}) == [
        ("a host cuda:0", "a host cuda:1"), ("a host cuda:0 at once",),
    ]  # fmt: skip


def test_sums_are_validated_against_their_parts_and_the_samples() -> None:
    beside, found = measured(1.0, 1.0, 0.7)
    whole = beside[0].model_copy(update={"together": tuple(found)})
    parts = found[0].parts
    faster = parts[0].model_copy(update={"rate_per_s": 2 * parts[0].rate_per_s})
    changed: dict[str, dict[str, object]] = {
        "aggregate_per_s is 99.0, the parts give": {"aggregate_per_s": 99.0},
        "efficiency is 1.5, the parts give": {"efficiency": 1.5},
        "worst is cuda:0, the parts give cuda:2": {"worst": "cuda:0"},
        "the samples give": {"parts": (faster, *parts[1:])},
        "its devices aren't those of run.together": {"parts": parts[:2]},
    }

    assert not list(find_wrong_sums(whole))
    for fault, update in changed.items():
        wrong = (found[0].model_copy(update=update), *found[1:])
        faults = list(find_wrong_sums(whole.model_copy(update={"together": wrong})))
        assert any(fault in each for each in faults), (fault, faults)
