"""Servers of embeddings that refuse, fall silent, or send what can't be right."""

import itertools
import time
from typing import Any

import pytest

from nobs.errors import HostApiError
from nobs.schema.server import ModelIdentity
from nobs.tasks.served_embeddings.report import Base64Answer
from tests.fakes.embed_server import (
    MODEL,
    Change,
    after,
    fields,
    refusing,
    slow,
    swapped,
    with_data,
)
from tests.fakes.embed_work import WAIT_S, reasons, run, suspicions
from tests.fakes.llm_server import Script, Then


def fail(change: Change, wait_s: float = WAIT_S, **words: Any) -> HostApiError:
    """Return the error of a step, which must come in bounded time."""
    start = time.monotonic()
    with pytest.raises(HostApiError) as caught:
        run(change, wait_s=wait_s, **words)
    assert time.monotonic() - start < 8 * wait_s + 30
    return caught.value


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (with_data(lambda data: data[:-1]), "count"),
        (with_data(lambda data: [{**each, "index": 0} for each in data]), "index"),
        (with_data(lambda data: [{**each, "embedding": [None] * 48} for each in data]),
         "not-finite"),
        (with_data(lambda data: [{**each, "embedding": [0.0] * 48} for each in data]), "zero"),
        (with_data(lambda data: [{**each, "embedding": [1.0] * 7} for each in data]), "dimension"),
    ],
)  # fmt: skip
def test_answers_with_wrong_vectors_fail_in_their_cells_only(change: Change, fault: str) -> None:
    # Right until the first repeat: one text, then two requests of each size.
    model = run(after(5, change))
    single, several = model.cells[0], model.cells[1]

    assert single.rows_per_second is not None
    assert several.rows_per_second is None
    assert several.failures == {fault: 8}
    assert model.check is not None
    assert model.check.wrong[fault] == 16
    assert f"({model.check.wrong[fault]} {fault})" in suspicions(model)[0]
    assert any(
        "4 x 1 and 4 x 2 not measured: 8 of 8 requests" in reason for reason in reasons(model)
    )


def test_a_size_that_the_server_refuses_is_left_out_with_its_message() -> None:
    model = run(refusing("413 Payload Too Large", "batch size 4 > 2", above=2))

    assert model.skipped["4 x 1"] == (
        "requests of 4 texts fail: HTTP 413 Payload Too Large: batch size 4 > 2"
    )
    assert model.cells[0].rows_per_second is not None
    assert model.requests == 2 * (32 + 32)
    assert suspicions(model) == []
    # Its beginnings are asked for in requests that it accepts.
    assert model.check is not None
    assert (model.check.related, model.check.related_right) == (32, 32)


@pytest.mark.parametrize(
    ("status", "remedy"),
    [
        ("400 Bad Request", "Fewer texts per request may help"),
        ("401 Unauthorized", "LLM_API_KEY"),
        ("413 Payload Too Large", "--inputs 1,8"),
        ("429 Too Many Requests", "limits requests"),
        ("500 Internal Server Error", "server's log"),
    ],
)
def test_a_server_that_refuses_everything_fails_the_step_with_its_message(
    status: str, remedy: str
) -> None:
    error = fail(refusing(status, "not today"))

    assert "not today" in error.message
    assert remedy in error.remedy


def test_a_server_that_limits_the_rate_keeps_the_other_cells() -> None:
    numbers, refuse = itertools.count(1), refusing("429 Too Many Requests", "slow down")

    def limit(body: dict[str, Any], asked: Any) -> Any:
        # Right to connect, to warm up, and in the first cell.
        return refuse(body, asked) if 1 + 2 + 32 < next(numbers) <= 1 + 2 + 64 else body

    model = run(limit, inputs=(1,), concurrency=(1, 2), min_rows=32)

    assert model.cells[0].rows_per_second is not None
    assert model.cells[1].failures == {"http-status": 32}
    assert "slow down" in model.skipped["1 x 2"]


def test_a_server_that_falls_silent_is_not_waited_for_by_every_request() -> None:
    def silent(body: dict[str, Any], asked: Any) -> Script:
        return Script(steps=[], then=Then.HANG)

    error = fail(after(10, silent), 2.0, inputs=(1,), concurrency=(2,), min_rows=32)

    assert "first-byte-timeout" in error.message


def test_an_answer_of_another_model_fails_the_step() -> None:
    error = fail(fields(model="bge-large-en"))

    assert "bge-large-en" in error.message
    assert MODEL in error.message


def test_without_usage_there_are_no_tokens_per_second() -> None:
    model = run(fields(usage=None))

    assert model.final_median_tokens_per_second is None
    assert model.final_median_rows_per_second is not None
    assert any("No tokens/s" in warning for warning in model.warnings)


def test_truncated_texts_are_said_and_open() -> None:
    def cut(body: dict[str, Any], asked: Any) -> dict[str, Any]:
        counts = [min(64, len(text) // 4) for text in asked.values["input"]]
        return body | {"usage": {"prompt_tokens": sum(counts)}}

    model = run(cut)

    assert model.check is not None
    assert model.check.truncated_at == 64
    assert any("truncate texts at 64 tokens" in warning for warning in model.warnings)
    assert "vectors: texts truncated at 64 tokens" in reasons(model)


def test_a_context_that_a_text_fills_is_said() -> None:
    model = run(identity=ModelIdentity(id=MODEL, context_length=60))

    assert model.check is not None
    assert model.check.truncated_at is not None


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda body, asked: body, Base64Answer.SAME),
        (refusing("400 Bad Request", "no base64"), Base64Answer.REFUSED),
        (with_data(swapped), Base64Answer.DIFFERENT),
    ],
)
def test_vectors_in_base64_are_compared(change: Change, expected: Base64Answer) -> None:
    def in_base64(body: dict[str, Any], asked: Any) -> Any:
        return change(body, asked) if "encoding_format" in asked.values else body

    model = run(in_base64)

    assert model.check is not None
    assert model.check.base64 is expected


def test_the_first_cell_is_measured_however_long_it_takes() -> None:
    model = run(slow(0.02), min_rows=4, pass_budget_s=0.001)

    assert [bool(cell.skipped) for cell in model.cells] == [False, True, True, True]


def test_cells_that_take_too_long_are_left_out() -> None:
    model = run(slow(0.1), min_rows=8, pass_budget_s=1.5)

    assert model.cells[0].skipped == ""
    assert model.skipped["1 x 2"] == "a repeat would take longer than 1.50 s"
