"""`--weights random`: full size without a hub, always open, and clear where it can't be done."""

from pathlib import Path
from typing import Any

import pytest

from nobs.catalog import load_catalog
from nobs.errors import UsageError
from nobs.launch.planning.plan import Plan, make_plan
from nobs.schema.enums import Division, Execution
from nobs.schema.pins import Source
from nobs.tasks import TASKS
from nobs.tasks.options import WEIGHTS
from tests.fakes.facts import make_facts
from tests.fakes.run_requests import make_request

MINE = """
[architectures.mine]
parameters = 12
tokenizer = "bert-uncased"
files = { "config.json" = { model_type = "bert" } }
"""


def plan(*, served: bool = True, **words: Any) -> Plan:
    request = make_request(execution=Execution.NATIVE, **{"weights": "random"} | words)
    return make_plan(request, load_catalog(), make_facts(default_server_answers=served))


@pytest.mark.parametrize("profile", ["standard", "max", "quick"])
def test_a_profile_needs_no_hub_and_is_open(profile: str) -> None:
    made = plan(profile=profile)

    assert made.spec.offline
    for workload in made.spec.workloads:
        assert workload.dataset.source is Source.PACKAGE
        assert {model.source for model in workload.models} == {Source.RANDOM}
        assert workload.division is Division.OPEN
        for model in workload.models:
            reason = f"models.{model.id}: random weights (seed 1), not its own"
            assert reason in workload.open_reasons


def test_the_specification_carries_the_architecture_and_the_seed() -> None:
    for step in plan(profile="quick", weights_seed=5).spec.steps:
        assert step.model.random is not None
        assert step.model.random.seed == 5
        assert step.model.random.architecture == load_catalog().architectures[step.model.id]


def test_real_weights_change_nothing() -> None:
    chosen, usual = plan(weights="real", tasks=("embeddings",)), make_plan(
        make_request(execution=Execution.NATIVE, tasks=("embeddings",)),
        load_catalog(), make_facts(),
    )  # fmt: skip

    assert chosen.spec.workloads == usual.spec.workloads


def test_named_texts_are_kept() -> None:
    (workload,) = plan(tasks=("embeddings",), dataset="owner/texts").spec.workloads

    assert workload.dataset.id == "owner/texts"


def test_tasks_without_random_weights_are_left_out_unless_named() -> None:
    made, named = plan(), plan(tasks=("embeddings", "llms"))

    assert "llms" not in [workload.task for workload in made.spec.workloads]
    assert any(note.startswith("without llms: it doesn't take --weights") for note in made.notes)
    assert [workload.task for workload in named.spec.workloads] == ["embeddings", "llms"]
    assert "--weights applies to embeddings only" in named.notes


def test_a_task_that_does_not_take_it_refuses_it() -> None:
    with pytest.raises(
        UsageError, match=r"--weights doesn't apply to llms, only to embeddings and"
    ):
        plan(tasks=("llms",))


def test_an_undescribed_model_fails_alone() -> None:
    made = plan(tasks=("embeddings",), model=("thenlper/gte-large", "owner/other"))

    described, other = (step.model.random for step in made.spec.steps)
    assert described is not None
    assert described.architecture is not None
    assert other is not None
    assert other.architecture is None


@pytest.mark.parametrize("name", ["owner/other", "."])
def test_without_any_described_model_nothing_is_run(name: str) -> None:
    with pytest.raises(UsageError, match="doesn't describe the architecture of") as caught:
        plan(tasks=("embeddings",), model=(name,))
    assert "thenlper/gte-large" in caught.value.remedy


def test_a_user_s_catalogue_adds_architectures(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "mine.toml").write_text(MINE)
    monkeypatch.setenv("NOBS_CATALOG", str(tmp_path / "mine.toml"))

    (step,) = plan(tasks=("embeddings",), model=("mine",)).spec.steps

    assert step.model.random is not None
    assert step.model.random.architecture is not None
    assert step.model.random.architecture.parameters == 12


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"weights": "real", "weights_seed": 2}, "no effect without --weights random"),
        ({"weights_seed": 2**63}, "--weights-seed 9223372036854775808 is too large"),
    ],
)
def test_a_useless_seed_is_a_usage_error(words: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        plan(tasks=("embeddings",), **words)


@pytest.mark.parametrize("task", TASKS.names())
def test_a_task_that_takes_it_names_texts_that_come_with_nobs(task: str) -> None:
    definition = TASKS.load(task)
    dataset = load_catalog().datasets.get(definition.packaged_dataset)

    assert (WEIGHTS in definition.options) is (dataset is not None)
    assert dataset is None or dataset.source is Source.PACKAGE
