"""Reports of others and of other versions, read as far as they fit."""

from typing import Any

import pytest

from nobs.report.definitions import known_figures
from nobs.report.reading import MAX_SAMPLES, read_figures, read_runs, read_samples, thin, typed
from nobs.schema.report import ModelReport, Report
from nobs.tasks.figures import Measured
from nobs.tasks.text_embeddings.definition import DEFINITION
from nobs.tasks.text_embeddings.report import EmbeddingsModelReport
from tests.fakes.reports import EMBEDDING_MODELS, make_report


def read(**changes: Any) -> ModelReport:
    """Return a model of a file whose fields are changed so."""
    values = make_report(tasks=("embeddings",)).model_dump(mode="json", by_alias=True)
    values["tasks"][0]["models"][EMBEDDING_MODELS[0]] |= changes
    return typed(Report.model_validate(values)).tasks[0].models[EMBEDDING_MODELS[0]]


@pytest.mark.parametrize("value", ["x", "12", True, [], {}, [None, 1, "x", {}], 10**400])
@pytest.mark.parametrize(
    "field",
    ["final_median_rows_per_second", "encoding_time_interval", "utilisation", "tuning", "all_runs"],
)
def test_a_field_that_does_not_fit_is_left_out_and_the_others_stay(
    field: str, value: object
) -> None:
    model = read(**{field: value})

    assert isinstance(model, EmbeddingsModelReport)
    assert model.batch_size == 16
    assert not getattr(model, field)
    assert all(isinstance(each, Measured) for each in read_figures(DEFINITION, model).values())


def test_a_field_that_this_version_does_not_know_is_left_out() -> None:
    assert isinstance(read(of_the_future=1), EmbeddingsModelReport)


def test_a_value_of_the_future_costs_its_neighbours_nothing() -> None:
    usual = read()
    assert isinstance(usual, EmbeddingsModelReport)
    assert usual.encoding_time_interval is not None
    interval = usual.encoding_time_interval.model_dump(mode="json")
    tuning = {
        "stopped_by": "time",
        "duration_s": 1.0,
        "min_rows": 8,
        "trials": [],
        "of_the_future": 1,
    }
    model = read(encoding_time_interval=interval | {"of_the_future": {"a": 1}}, tuning=tuning)

    assert isinstance(model, EmbeddingsModelReport)
    assert model.encoding_time_interval == usual.encoding_time_interval
    assert model.tuning is not None
    assert model.tuning.min_rows == 8


def test_a_list_with_a_value_that_does_not_fit_is_left_out_as_a_whole() -> None:
    runs = [{"encoding_time_seconds": 1.0, "rows_per_second": value} for value in (1.0, "x", 3.0)]
    model = read(all_runs=runs)

    assert isinstance(model, EmbeddingsModelReport)
    assert not model.all_runs
    assert model.batch_size == 16


def test_a_report_that_is_typed_stays_as_it_is() -> None:
    report = typed(make_report())

    assert typed(report) == report


def test_of_a_task_that_is_not_installed_only_what_all_tasks_say_is_read() -> None:
    values = make_report(tasks=("embeddings",)).model_dump(mode="json", by_alias=True)
    values["tasks"][0]["task"] = "somebody's"
    model = typed(Report.model_validate(values)).tasks[0].models[EMBEDDING_MODELS[0]]

    assert type(model) is ModelReport
    assert set(read_figures(DEFINITION, model)) == {"peak_rss_bytes"}
    assert read_runs(DEFINITION, DEFINITION.figures[0], model) == []


def test_a_rate_that_no_double_holds_is_left_out() -> None:
    sample = {"start_s": 0.0, "duration_s": 5e-324, "units": 10**17, "cpu_time_s": 0.0}

    assert read_samples(DEFINITION, read(samples=[sample])) == ()


def test_of_many_repeats_some_are_shown_up_to_the_last() -> None:
    shown = thin(range(5000))

    assert (len(shown), shown[0], shown[-1]) == (MAX_SAMPLES, 0, 4999)
    assert sorted(set(shown)) == list(shown)


def test_figures_of_several_tasks_are_known_once_and_those_of_all_come_last() -> None:
    keys = list(known_figures())

    assert len(set(keys)) == len(keys)
    assert keys[-3:] == ["score", "peak_device_bytes", "peak_rss_bytes"]
