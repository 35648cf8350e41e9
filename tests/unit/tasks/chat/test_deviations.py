"""What a server refused, or took and didn't keep to: it is told, and makes the result open."""

from typing import Any

import pytest

from nobs.schema.enums import Backend, Status
from nobs.schema.report import ModelReport
from nobs.schema.server import Locality, RequestShape, ServerRef
from nobs.tasks.chat.report import ChatModelReport
from nobs.tasks.llms.definition import DEFINITION
from tests.fakes.llm_results import failed, result_of, whole
from tests.fakes.run_requests import pinned

LIMIT = 100
WORKLOAD = pinned("llms", "standard")


def report_of(
    *answers: dict[str, Any], shape: RequestShape | None = None, limit: int | None = LIMIT
) -> ChatModelReport:
    server = ServerRef(
        provider="openai", base_url="http://x/v1", model="m", locality=Locality.LOCAL,
        request=shape or RequestShape(),
    )  # fmt: skip
    base = ModelReport(model_name="m", device=Backend.CPU, status=Status.OK)
    result = result_of(
        [list(answers)], server=server.model_dump(mode="json"), max_output_tokens=limit
    )
    return DEFINITION.summarise(result, base)


def answer(tokens: int, source: str = "usage", **more: Any) -> dict[str, Any]:
    return whole(1, 2.0, 1.0, tokens, token_count_source=source, **more)


@pytest.mark.parametrize(
    ("shape", "reasons", "said"),
    [
        (RequestShape(), [], None),
        (RequestShape(stream_options=False), [], "No stream_options are sent"),
        (RequestShape(limit_field="max_completion_tokens"), [], "max_completion_tokens"),
        (RequestShape(limit_field=None), ["request.limit_field: not sent"], "no limit"),
        (RequestShape(temperature=False), ["request.temperature: not sent"], "No temperature"),
        (RequestShape(nonce_role="user"), ["request.nonce_role: user instead of system"],
         "The nonce is in the user message"),
    ],
)  # fmt: skip
def test_what_was_left_out_is_told_and_opens_what_it_changes(
    shape: RequestShape, reasons: list[str], said: str | None
) -> None:
    model = report_of(answer(LIMIT), shape=shape)

    assert list(DEFINITION.find_open_reasons(model, WORKLOAD)) == reasons
    assert [said in warning for warning in model.warnings if said] == [True] * len(model.warnings)
    assert bool(model.warnings) == bool(said)


LONGER = f"1 of 2 answers have more than {LIMIT} tokens"
CUT = f"1 of 2 answers ended at a limit below {LIMIT} tokens"


@pytest.mark.parametrize(
    ("odd", "fault"),
    [
        (answer(LIMIT), None),
        (answer(LIMIT + 1), None),
        (answer(LIMIT + 2), LONGER),
        (answer(8795, finish_reason="length"), LONGER),
        (answer(LIMIT + 2, "chunks"), LONGER),
        (answer(2 * LIMIT, "text", chunks=LIMIT), None),
        (answer(60), None),
        (answer(60, finish_reason="length"), CUT),
        (answer(LIMIT - 1, finish_reason="length"), None),
        (answer(60, "chunks", finish_reason="length"), None),
        (answer(60, chunks=LIMIT, finish_reason="length"), None),
        (answer(60, reasoning_chars=200, finish_reason="length"), None),
        (failed(2), None),
    ],
    ids=range(13),
)
def test_answers_are_held_against_the_limit(odd: dict[str, Any], fault: str | None) -> None:
    """As in what Ollama did with a cap of 2,048 tokens: 8,795 came."""
    model = report_of(answer(50), odd)

    assert list(DEFINITION.find_open_reasons(model, WORKLOAD)) == (
        [f"max_output_tokens: {fault}"] if fault else []
    )
    assert any("didn't respect max_output_tokens" in told for told in model.warnings) == bool(fault)


def test_without_a_limit_no_answer_is_too_long() -> None:
    model = report_of(answer(8795), shape=RequestShape(limit_field=None), limit=None)

    assert list(DEFINITION.find_open_reasons(model, WORKLOAD)) == ["request.limit_field: not sent"]
