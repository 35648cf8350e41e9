from typing import Any

import pytest

from nobs.catalog import load_catalog
from nobs.errors import UsageError
from nobs.launch.planning.plan import make_plan
from nobs.schema.enums import Execution
from nobs.schema.pins import RepeatPolicy
from tests.fakes.facts import make_facts
from tests.fakes.run_requests import make_request


def policy(**words: Any) -> RepeatPolicy:
    request = make_request(execution=Execution.NATIVE, tasks=("embeddings",), **words)
    return make_plan(request, load_catalog(), make_facts()).spec.workloads[0].policy


def test_repeats_can_be_sustained_or_have_rests() -> None:
    assert policy(sustain_s=900.0).sustain_s == 900.0
    assert (policy(rest=10.0).rest_s, policy(rest=10.0).rest_until_recovered) == (10.0, False)
    assert (policy(rest="auto").rest_s, policy(rest="auto").rest_until_recovered) == (60.0, True)
    assert policy().model_dump().keys().isdisjoint({"sustain_s", "rest_s"})


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"repeats": 3, "sustain_s": 9.0}, "--sustain can't be combined with --repeats"),
        ({"time_budget_s": 3, "sustain_s": 9.0}, "--sustain can't be combined with --time-budget"),
        ({"rest": "auto", "sustain_s": 9.0}, "--sustain can't be combined with --rest"),
        ({"sustain_s": 7200.0}, "--sustain takes 4 h 0 min for 2 models, but the run is limited"),
    ],
)
def test_lengths_that_exclude_each_other_are_refused(words: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        policy(**words)
