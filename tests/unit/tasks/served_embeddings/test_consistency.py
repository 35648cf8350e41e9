"""A report of served embeddings that can't be true is found out."""

from collections.abc import Callable
from typing import Any

import pytest

from nobs.schema.server import Locality, ModelIdentity
from nobs.tasks.served_embeddings.definition import DEFINITION
from nobs.tasks.served_embeddings.report import ServedEmbeddingsReport
from tests.fakes.embed_server import embed_server
from tests.fakes.embed_work import embed_work, measure, result_of
from tests.fakes.llm_server import serving

type Edit = Callable[[dict[str, Any]], None]
WORKLOAD = embed_work("http://127.0.0.1:1/v1").workload


@pytest.fixture(scope="module")
def honest() -> ServedEmbeddingsReport:
    with serving(embed_server()) as server:
        return measure(embed_work(server.url))


def contradictions(honest: ServedEmbeddingsReport, edit: Edit) -> list[str]:
    values = honest.model_dump()
    edit(values)
    model = ServedEmbeddingsReport.model_validate(values)
    return list(DEFINITION.find_contradictions(model, WORKLOAD))


def first(values: dict[str, Any]) -> dict[str, Any]:
    cell: dict[str, Any] = values["all_runs"][0]["cells"][0]
    return cell


def test_an_honest_report_has_no_contradictions(honest: ServedEmbeddingsReport) -> None:
    assert contradictions(honest, lambda values: None) == []


def more_rows(values: dict[str, Any]) -> None:
    first(values)["rows"] += 1


def faster(values: dict[str, Any]) -> None:
    first(values)["duration_s"] /= 1000


def fewer_requests(values: dict[str, Any]) -> None:
    cell = first(values)
    cell["latencies_s"] = cell["latencies_s"][1:]
    cell["requests"] -= 1
    cell["rows"] -= 1


def no_cell(values: dict[str, Any]) -> None:
    for run in values["all_runs"]:
        run["cells"] = run["cells"][1:]


def another_cell(values: dict[str, Any]) -> None:
    values["cells"][0]["inputs"] = 2


def no_check(values: dict[str, Any]) -> None:
    values["check"] = None


def fewer_vectors(values: dict[str, Any]) -> None:
    values["check"]["vectors"] -= 1


def more_right(values: dict[str, Any]) -> None:
    values["check"]["related_right"] = values["check"]["related"] + 1


def hidden_faults(values: dict[str, Any]) -> None:
    values["check"]["wrong"] = {"not-finite": 3}


def low_threshold(values: dict[str, Any]) -> None:
    values["check"]["stored"]["threshold"] = 0.1


def not_expected(values: dict[str, Any]) -> None:
    values["server"]["model"] = "all-MiniLM-L6-v2"


def lost_sample(values: dict[str, Any]) -> None:
    values["samples"] = values["samples"][:1]


def short_sample(values: dict[str, Any]) -> None:
    values["samples"][0]["duration_s"] = 1e-6


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (more_rows, "rows of 32 answers with 1 texts"),
        (faster, "more than 1 requests were in flight"),
        (fewer_requests, "31 requests, but the workload has 32"),
        (no_cell, "cells 1 x 1 are neither measured nor left out"),
        (another_cell, "but the workload has others"),
        (no_check, "check is missing"),
        (fewer_vectors, "but 256 texts have vectors"),
        (more_right, "check.related_right is 33 of 32"),
        (hidden_faults, "check.wrong has other counts than failures"),
        (low_threshold, "check.stored.threshold is 0.1"),
        (not_expected, "check.stored.expected is False"),
        (lost_sample, "1 samples of 2 repeats"),
        (short_sample, "repeat 1 is shorter than its cells"),
    ],
)
def test_what_cant_be_is_named(honest: ServedEmbeddingsReport, edit: Edit, said: str) -> None:
    found = contradictions(honest, edit)

    assert any(said in each for each in found), found


def test_the_figures_follow_from_the_report_alone(honest: ServedEmbeddingsReport) -> None:
    base = result_of({}, [1])
    again = DEFINITION.summarise(DEFINITION.rebuild(base, honest), honest)

    assert again.model_dump() == honest.model_dump()


def test_a_host_that_only_forwards_is_named() -> None:
    identity = ModelIdentity(id="m", remote_host="elsewhere.example")
    server = embed_work("http://127.0.0.1:1/v1", identity=identity).server
    assert server is not None
    remote = server.model_copy(update={"locality": Locality.REMOTE})
    model = ServedEmbeddingsReport.model_validate(
        {"model_name": "m", "device": "cpu", "status": "ok", "server": remote}
    )

    assert DEFINITION.find_machine(model) == "elsewhere.example"
    assert [flag.name for flag in DEFINITION.find_flags(model)] == ["remote-server"]
