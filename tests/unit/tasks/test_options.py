"""Options that tasks declare, and what they do to parameters by default."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from nobs.errors import RequirementError, UsageError
from nobs.registry import Registry
from nobs.tasks import PACKAGES, TASKS, definitions
from nobs.tasks.base import TaskDefinition
from nobs.tasks.options import Option
from nobs.tasks.text_embeddings.definition import TextEmbeddings
from tests.fakes.run_requests import pinned


class Fake(TextEmbeddings):
    """A task with one option."""

    def __init__(self, name: str, option: Option[Any]) -> None:
        self.name, self.options = name, (option,)


ALIKE = Fake("alike", Option(name="batch_size", kind=int, help="Images per batch."))
OTHER = Fake("other", Option(name="batch_size", help="Images per batch."))


@pytest.fixture
def add_task(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Return what adds a task of this module to the table."""
    caches = definitions.definitions, definitions.options_by_task, definitions.options_of

    def add(attribute: str) -> None:
        paths = {name: f"{type(TASKS.load(name)).__module__}:DEFINITION" for name in TASKS}
        paths[attribute.lower()] = f"{__name__}:{attribute}"
        table = Registry[TaskDefinition]("task", paths, group="nobs.tasks.nowhere")
        monkeypatch.setattr(definitions, "TASKS", table)
        for cached in caches:
            cached.cache_clear()

    yield add
    for cached in caches:
        cached.cache_clear()


def test_an_option_sets_the_field_of_its_name() -> None:
    task, params = TASKS.load("embeddings"), pinned("embeddings", "quick").params

    assert task.apply(params, {}) == params
    assert task.apply(params, {"batch_size": 4}) == params.model_copy(update={"batch_size": 4})


def test_an_option_sets_the_field_that_it_names() -> None:
    task, params = TASKS.load("embeddings"), pinned("embeddings", "max-quick").params

    changed = task.apply(params, {"tuning_budget": 3.0, "pass_budget": 4.0})

    budgets = {"tuning_budget_s": 3.0, "pass_budget_s": 4.0}
    assert changed == params.model_copy(update=budgets)


def test_an_option_without_a_field_has_no_effect_and_is_refused() -> None:
    params = pinned("embeddings", "max-quick").params

    with pytest.raises(UsageError) as caught:
        TASKS.load("embeddings").apply(params, {"warmup_rows": 4})

    assert str(caught.value) == "--warmup-rows has no effect on embeddings-max. Remove it."


def test_a_value_that_the_parameters_refuse_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="batch_size: Input should be greater than 0"):
        TASKS.load("embeddings").apply(pinned("embeddings", "quick").params, {"batch_size": 0})


@pytest.mark.parametrize("name", PACKAGES)
def test_the_options_of_a_task_are_known_without_importing_it(name: str) -> None:
    assert definitions.options_by_task()[name] == TASKS.load(name).options


def test_one_name_is_one_option(add_task: Callable[[str], None]) -> None:
    add_task("ALIKE")

    assert definitions.owners_of("batch_size") == ("embeddings", "diffusion", "alike")
    assert definitions.options_of()["batch_size"].help == "Batch size."


def test_two_options_of_one_name_are_refused_with_both_tasks(
    add_task: Callable[[str], None],
) -> None:
    add_task("OTHER")

    with pytest.raises(RequirementError, match="task other declares the option 'batch_size'"):
        definitions.options_of()
