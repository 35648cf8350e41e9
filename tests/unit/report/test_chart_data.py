"""What charts draw, from whatever stands in a report."""

import pytest

from nobs.report.chart_data import (
    MAX_SAMPLES,
    LoadPoint,
    Trial,
    read_levels,
    read_loads,
    read_phases,
    read_requests,
    read_samples,
    read_settings,
    read_starts,
    read_trials,
)

READERS = (
    read_samples, read_starts, read_requests, read_levels, read_loads, read_phases, read_trials,
    read_settings,
)  # fmt: skip
PHASES = {
    "tokenise_s": 1.0,
    "copy_in_s": 0.5,
    "forward_s": 2.0,
    "copy_out_s": 0.25,
    "other_s": 0.25,
}
FIELDS = ("samples", "all_runs", "load", "encode_phases", "tuning", "dtype", "batch_size", "server")


def test_the_phases_of_a_pass_are_shares() -> None:
    assert read_phases({"encode_phases": PHASES}) == (0.25, 0.125, 0.5, 0.0625, 0.0625)


@pytest.mark.parametrize(
    "change", [{"forward_s": None}, {"forward_s": -1.0}, dict.fromkeys(PHASES, 0.0)]
)
def test_phases_that_are_not_whole_are_none(change: dict[str, float]) -> None:
    assert read_phases({"encode_phases": PHASES | change}) == ()


def test_the_levels_of_load_are_read_as_far_as_they_make_sense() -> None:
    levels = [
        {"concurrency": 2, "tokens_per_sec": 30.0, "p95_ttft_s": 1.5}, {"concurrency": "many"},
        {"concurrency": 0, "tokens_per_sec": 1.0}, {"concurrency": None, "rate_per_s": 1.0}, None,
    ]  # fmt: skip

    assert read_loads({"load": {"levels": levels}}) == (
        LoadPoint(concurrency=2.0, tokens_per_sec=30.0, ttft_s=None, p95_ttft_s=1.5),
    )


def test_a_trial_that_failed_says_so() -> None:
    trials = [
        {"dtype": "bfloat16", "attention": "sdpa", "batch_size": 64, "outcome": "out of memory",
         "rows_per_s": None},
        {"batch_size": 0},
    ]  # fmt: skip

    assert read_trials({"tuning": {"trials": trials}}) == (
        Trial(settings="bfloat16, sdpa", batch_size=64.0, rows_per_s=None, outcome="out of memory"),
    )


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ({"dtype": "bfloat16", "batch_size": 64, "attention_implementation": "sdpa"},
         "bfloat16, batch 64, sdpa"),
        ({"server": {"provider": "llamacpp",
                     "identity": {"quantization": "Q4_1", "runtime": "llama.cpp"}}},
         "Q4_1, llama.cpp"),
        ({"server": {"provider": "openai"}}, "openai"),
        ({}, ""),
    ],
)  # fmt: skip
def test_settings_are_told_in_words(model: dict[str, object], told: str) -> None:
    assert read_settings(model) == told


@pytest.mark.parametrize("value", ["x", 1, [], {}, [None, 1, "x", {}], {"levels": 1, "trials": 1}])
@pytest.mark.parametrize("read", READERS)
def test_whatever_stands_there_nothing_breaks(read: object, value: object) -> None:
    assert callable(read)
    assert not [found for found in read(dict.fromkeys(FIELDS, value)) if found is None]


def test_a_rate_that_no_double_holds_is_left_out() -> None:
    assert read_samples({"samples": [{"units": 10**17, "duration_s": 5e-324}]}) == ()


def test_of_many_repeats_some_are_shown_up_to_the_last() -> None:
    samples = [{"units": 1, "duration_s": 1.0, "start_s": float(place)} for place in range(5000)]
    model = {"samples": samples}
    starts = read_starts(model)

    assert len(starts) == len(read_samples(model)) == MAX_SAMPLES
    assert (starts[0], starts[-1]) == (0.0, 4999.0)
    assert sorted(set(starts)) == list(starts)
