"""The committed JSON Schema is the code's, and says of real reports what the code says."""

import json
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from nobs.report.build import build_report
from nobs.schema.report import ModelReport
from nobs.storage.files import to_json
from nobs.tasks import TASKS
from tests.fakes.results import failed, make_spec, ok, results_of
from tools import json_schema

MODEL = "thenlper/gte-large"
type Change = Callable[[dict[str, Any]], object]


@cache
def schema() -> dict[str, Any]:
    return json_schema.schema()


def validator() -> Draft202012Validator:
    return Draft202012Validator(schema())


def report() -> dict[str, Any]:
    spec = make_spec()
    first, second = spec.steps
    results = results_of(
        spec, ok(first.id, first.model.id, 2.0, 4.0, 3.0), failed(second.id, second.model.id)
    )
    document: dict[str, Any] = json.loads(to_json(build_report(spec, results, finished=True)))
    return document


def model_of(document: dict[str, Any]) -> dict[str, Any]:
    model: dict[str, Any] = document["tasks"][0]["models"][MODEL]
    return model


def test_the_schema_is_a_valid_one() -> None:
    Draft202012Validator.check_schema(schema())


def test_a_report_of_ours_follows_the_schema() -> None:
    assert list(validator().iter_errors(report())) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda r: r.update(schema="nobs.report/2"),
        lambda r: r.pop("run"),
        lambda r: r["device_info"].update(ram_gb="1"),
        lambda r: r["tasks"][0].update(surprise=1),
        lambda r: model_of(r).update(surprise=1),
        lambda r: model_of(r).update(final_median_rows_per_second="fast"),
        lambda r: model_of(r)["samples"][0].update(duration_s=0),
        lambda r: model_of(r)["encoding_time_interval"].pop("method"),
        lambda r: model_of(r)["all_runs"][0].update(surprise=1),
    ],
    ids=range(9),
)
def test_what_is_no_report_breaks_the_schema(change: Change) -> None:
    document = report()
    change(document)

    assert list(validator().iter_errors(document))


def test_a_model_of_a_task_that_nobody_knows_follows_the_common_part() -> None:
    document = report()
    document["tasks"][0]["task"] = "knitting"
    model_of(document)["loops"] = 12

    assert list(validator().iter_errors(document)) == []


@pytest.mark.parametrize("name", TASKS.names())
def test_a_task_of_ours_has_its_figures_in_the_schema(name: str) -> None:
    task = TASKS.load(name)

    assert task.report_type is not ModelReport, "give the definition its `report_type`"
    assert task.report_type.__name__ in schema()["$defs"]
