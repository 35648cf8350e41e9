"""Parameters are open in the schema and closed by their task."""

from typing import Any

import pytest
from pydantic import ValidationError

from nobs.catalog import load_catalog
from nobs.errors import DataError
from nobs.report.build import fingerprint
from nobs.schema.pins import Params, Workload
from nobs.tasks import TASKS
from nobs.tasks.diffusion.params import (
    DiffusionColdParams,
    DiffusionFitParams,
    DiffusionMaxParams,
    DiffusionParams,
)
from nobs.tasks.llms.params import (
    CacheParams,
    CheckedLlmParams,
    DepthParams,
    LlmFitParams,
    LlmParams,
    LlmsColdParams,
)
from nobs.tasks.parameters import typed
from nobs.tasks.served_embeddings.params import ServedEmbeddingsParams
from nobs.tasks.text_embeddings.params import (
    EmbeddingsColdParams,
    EmbeddingsFitParams,
    EmbeddingsMaxParams,
    EmbeddingsParams,
)
from nobs.tasks.vlms.params import VlmParams, VlmsColdParams

PINNED = load_catalog().workloads
KINDS: dict[str, Params] = {
    "embeddings": EmbeddingsParams(),
    "embeddings-max": EmbeddingsMaxParams(min_rows=8),
    "llms": LlmParams(),
    "llms-checked": CheckedLlmParams(),
    "diffusion": DiffusionParams(seed=1, images=1, recipes={}),
    "diffusion-max": DiffusionMaxParams(seed=1, images=1, recipes={}),
    "diffusion-cold": DiffusionColdParams(seed=1, images=2, recipes={}),
    "diffusion-fit": DiffusionFitParams(seed=1, recipes={}, batch_sizes=(1, 2)),
    "llms-depth": DepthParams(depths=(1,)),
    "llms-fit": LlmFitParams(context_lengths=(256, 512)),
    "llms-cache": CacheParams(system_chars=1, user_chars=1, answer_chars=1),
    "llms-cold": LlmsColdParams(),
    "vlms": VlmParams(),
    "vlms-cold": VlmsColdParams(),
    "embeddings-cold": EmbeddingsColdParams(),
    "embeddings-fit": EmbeddingsFitParams(batch_sizes=(1, 2)),
    "embeddings-served": ServedEmbeddingsParams(),
}


def workload(task: str, params: object) -> Workload:
    plain = PINNED["llms-quick/1"].model_dump(mode="json") | {"task": task, "params": params}
    return Workload.model_validate(plain)


@pytest.mark.parametrize(
    ("task", "params"),
    [("llms", {}), ("llms", {"max_output_tokens": 9}), ("embeddings", {"batch_size": 4})],
)
def test_parameters_without_a_kind_are_those_of_the_task(task: str, params: dict[str, Any]) -> None:
    assert typed(workload(task, params)).params == KINDS[task].model_copy(update=params)


@pytest.mark.parametrize("task", TASKS.names())
@pytest.mark.parametrize("kind", KINDS)
def test_parameters_of_another_task_are_refused(task: str, kind: str) -> None:
    given = workload(task, KINDS[kind].model_dump(mode="json"))
    if kind in TASKS.load(task).params:
        assert typed(given).params == KINDS[kind]
        return
    with pytest.raises(DataError, match=f"of the kind '{kind}', which the task {task} doesn't"):
        typed(given)


@pytest.mark.parametrize(
    ("task", "params", "message"),
    [
        ("llms", {"batch_size": 4}, "fit the parameters of llms: batch_size: Extra inputs"),
        ("embeddings", {"batch_size": 0}, "batch_size: Input should be greater than 0"),
        ("embeddings", {"dtype": "int4"}, "dtype: Input should be 'float32'"),
        ("llms", {"load": {"sweep": "often"}}, r"load\.sweep: Input should be a valid boolean"),
        ("llms", {"kind": "vlms"}, "parameters of the kind 'vlms'.*Choose one of: llms"),
    ],
)
def test_what_the_task_doesn_t_take_is_refused_by_name(
    task: str, params: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        typed(workload(task, params))


@pytest.mark.parametrize("params", [None, [1], {"kind": 3}])
def test_what_are_no_parameters_at_all_is_refused(params: object) -> None:
    with pytest.raises(ValidationError):
        workload("llms", params)


def test_parameters_of_a_task_that_isn_t_installed_stay_as_they_are() -> None:
    foreign = workload("elsewhere", {"kind": "elsewhere", "width": 512})

    assert typed(foreign) == foreign
    assert foreign.model_dump(mode="json")["params"] == {"kind": "elsewhere", "width": 512}


@pytest.mark.parametrize("label", PINNED)
def test_a_workload_that_was_read_again_is_the_same_work(label: str) -> None:
    pinned = typed(PINNED[label])
    again = Workload.model_validate_json(pinned.model_dump_json())

    assert typed(again) == pinned
    assert fingerprint(again) == fingerprint(pinned)


def test_every_kind_of_parameters_is_of_a_task() -> None:
    kinds = {work.params.kind: work.task for work in PINNED.values()}

    assert kinds == {
        kind: max((task for task in TASKS if kind.startswith(task)), key=len) for kind in KINDS
    }
