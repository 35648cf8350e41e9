"""Cold starts with pictures: what a report of them must have, and what it can't."""

from typing import Any

import pytest

from nobs.errors import UsageError
from nobs.tasks.cold.report import ServerStart, ServerStarts
from nobs.tasks.vlms.definition import DEFINITION
from nobs.tasks.vlms.report import VlmModelReport
from tests.fakes.llm_results import whole
from tests.fakes.run_requests import pinned
from tests.fakes.vlm_work import report_of

WORKLOAD = pinned("vlms", "cold-quick")
START = ServerStart(
    start_s=1.0, load_s=2.0, first_token_s=0.5, second_ttft_s=0.1, first_result_s=3.5,
    weights_cached=0.0,
)  # fmt: skip
STARTS = ServerStarts.of([START])
TEXT = {"prompt": 1, "ttft_s": 0.05, "total_latency_s": 0.06, "input_tokens": 10}


def model(cold: ServerStarts | None = STARTS, **changes: Any) -> VlmModelReport:
    seen = {"picture": "red", "control": 1, "input_tokens": 26}
    facts = {
        "runs": [[whole(1, 0.9, 0.4, 9, **seen), whole(2, 0.6, 0.1, 9, **seen)]],
        "server": {"provider": "openai", "base_url": "http://x/v1", "model": "m"},
        "controls": [{"requests": [TEXT]}],
        "cold": cold.model_dump(mode="json") if cold else None,
    }
    return report_of(facts, [18]).model_copy(update=changes)


def faults(found: VlmModelReport) -> str:
    return "; ".join(DEFINITION.find_contradictions(found, WORKLOAD))


def test_the_figures_are_those_of_the_starts_alone() -> None:
    found = model()
    read = ((figure.key, figure.read(found)) for figure in DEFINITION.summary)

    assert {key: value.value for key, value in read if value is not None} == {
        "first_result_s": 3.5, "cold_load_s": 2.0, "second_ttft_s": 0.1,
    }  # fmt: skip
    assert found.sizes == ()


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (model(None), "cold is missing"),
        (model(final_median_image_cost_s=0.3), "final_median_image_cost_s doesn't follow"),
        (
            model(ServerStarts.of([START.model_copy(update={"second_ttft_s": 0.2})])),
            "second_ttft_s isn't the TTFT of its second request",
        ),
    ],
)
def test_contradictions_are_named(found: VlmModelReport, message: str) -> None:
    assert message in faults(found)


def test_honest_starts_have_no_contradictions_of_their_own() -> None:
    assert "start" not in faults(model())
    assert "follow" not in faults(model())


@pytest.mark.parametrize("option", ["concurrency", "one_image_questions"])
def test_options_of_other_work_have_no_effect(option: str) -> None:
    with pytest.raises(UsageError, match="has no effect on vlms-cold"):
        DEFINITION.apply(WORKLOAD.params, {option: (1,)})
