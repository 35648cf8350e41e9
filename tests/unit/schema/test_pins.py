"""Parameters belong to a task: their tag says whose they are, and has to fit."""

from typing import Any

import pytest
from pydantic import ValidationError

from nobs.catalog import load_catalog
from nobs.report.build import fingerprint
from nobs.schema.pins import EmbeddingsMaxParams, EmbeddingsParams, LlmParams, Params, Workload
from nobs.tasks import TASKS

PINNED = load_catalog().workloads
KINDS: dict[str, Params] = {
    "embeddings": EmbeddingsParams(),
    "embeddings-max": EmbeddingsMaxParams(min_rows=8),
    "llms": LlmParams(),
}


def workload(task: str, params: object) -> Workload:
    plain = PINNED["llms-quick/1"].model_dump(mode="json") | {"task": task, "params": params}
    return Workload.model_validate(plain)


@pytest.mark.parametrize(
    ("task", "params", "kind"),
    [
        ("llms", {}, "llms"),
        ("llms", {"max_output_tokens": 9}, "llms"),
        ("embeddings", {}, "embeddings"),
        ("embeddings", {"batch_size": 4, "max_seq_length": 9}, "embeddings"),
        ("embeddings", {"min_rows": 8}, "embeddings-max"),
        ("embeddings", {"min_rows": 8, "dtype": None, "batch_size": None}, "embeddings-max"),
    ],
)
def test_parameters_without_a_tag_are_those_of_the_task(
    task: str, params: dict[str, Any], kind: str
) -> None:
    assert workload(task, params).params == KINDS[kind].model_copy(update=params)


@pytest.mark.parametrize("task", TASKS.names())
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("is_plain", [True, False])
def test_parameters_of_another_task_are_refused(task: str, kind: str, is_plain: bool) -> None:
    params = KINDS[kind].model_dump(mode="json") if is_plain else KINDS[kind]
    if kind.partition("-")[0] == task:
        assert workload(task, params).params == KINDS[kind]
        return
    with pytest.raises(ValidationError, match=f"of the kind {kind}, the task is {task}"):
        workload(task, params)


@pytest.mark.parametrize(
    ("task", "params"),
    [
        ("llms", {"batch_size": 4}),
        ("embeddings", {"max_output_tokens": 9}),
        ("llms", {"kind": "vlms"}),
        ("llms", None),
        ("llms", [1]),
    ],
)
def test_what_no_task_has_is_refused(task: str, params: object) -> None:
    with pytest.raises(ValidationError):
        workload(task, params)


def test_a_third_party_s_task_may_borrow_parameters() -> None:
    assert workload("faulty", EmbeddingsParams()).params == EmbeddingsParams()


@pytest.mark.parametrize("label", PINNED)
def test_a_workload_of_an_older_spec_is_the_same_work(label: str) -> None:
    pinned = PINNED[label]
    older = pinned.model_dump(mode="json")
    del older["params"]["kind"]

    assert Workload.model_validate(older) == pinned
    assert fingerprint(Workload.model_validate(older)) == fingerprint(pinned)


def test_every_kind_of_parameters_is_of_a_task() -> None:
    kinds = {work.params.kind: work.task for work in PINNED.values()}

    assert kinds == {kind: kind.partition("-")[0] for kind in KINDS}
