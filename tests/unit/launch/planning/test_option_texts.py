"""What is said of options that not every selected task takes."""

from typing import Any

import pytest

from nobs.catalog import load_catalog
from nobs.errors import UsageError
from nobs.launch.planning.plan import Plan, make_plan
from nobs.schema.enums import Execution
from tests.fakes.facts import make_facts
from tests.fakes.run_requests import make_request


def plan(**words: Any) -> Plan:
    request = make_request(**{"execution": Execution.NATIVE} | words)
    return make_plan(request, load_catalog(), make_facts())


def test_the_remedy_names_a_profile_where_this_one_lacks_the_task() -> None:
    with pytest.raises(UsageError) as caught:
        plan(profile="max", concurrency=(4,), batch_size=8)

    assert str(caught.value) == (
        "--concurrency doesn't apply to embeddings and diffusion, only to llms, vlms and "
        "embeddings-served. Leave it out, or choose a profile with llms and vlms (standard, "
        "quick)."
    )


def test_the_remedy_names_no_task_that_refuses_the_option_in_this_profile() -> None:
    with pytest.raises(UsageError) as caught:
        plan(profile="cold", tasks=("embeddings",), concurrency=(4,))

    assert caught.value.remedy == (
        "Leave it out, or choose a profile with llms and vlms (standard, quick)."
    )


def test_a_variable_that_no_selected_task_takes_is_refused_by_its_name() -> None:
    with pytest.raises(UsageError) as caught:
        plan(profile="quick", tasks=("llms",), batch_size=8, settings=frozenset({"batch_size"}))

    assert str(caught.value) == (
        "NOBS_BATCH_SIZE doesn't apply to llms, only to embeddings and diffusion. Unset it, or add "
        "--task embeddings,diffusion."
    )


def test_an_option_of_one_of_two_tasks_is_noted() -> None:
    words: dict[str, Any] = {"profile": "quick", "tasks": ("embeddings", "llms")}
    words |= {"batch_size": 8, "max_output_tokens": 9}

    assert plan(**words, settings=frozenset({"batch_size"})).notes == (
        "NOBS_BATCH_SIZE applies to embeddings only",
        "--max-output-tokens applies to llms only",
    )
