"""What servers send instead of right vectors is a failure with a name."""

import json
from typing import Any

import pytest

from nobs.tasks.chat.client.exchange import End, Exchange
from nobs.tasks.chat.client.record import ChatFailure
from nobs.tasks.served_embeddings.client import answer_of
from nobs.tasks.served_embeddings.vectors import Answer, Fault
from tests.fakes.embed_server import as_base64

TEXTS = ["one text", "another"]
RIGHT = [{"index": 0, "embedding": [0.6, 0.8]}, {"index": 1, "embedding": [1.0, 0.0]}]


def read(body: object, status: str = "200 OK", end: End = End.COMPLETE) -> Answer:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(data)}\r\n\r\n".encode()
    exchange = Exchange(
        sent_ns=1_000, stamps=[2_000, 5_000], chunks=[head, data], ended_ns=9_000, end=end
    )
    return answer_of(exchange, TEXTS)


def faults_of(data: Any) -> tuple[object, str]:
    found = read({"data": data})
    assert found.vectors == ()
    assert found.latency_s is None
    return found.failure, found.error


def test_vectors_come_with_the_time_of_the_last_byte() -> None:
    found = read({"data": RIGHT, "model": "m", "usage": {"prompt_tokens": 5}})

    assert [list(vector) for vector in found.vectors] == [[0.6, 0.8], [1.0, 0.0]]
    assert found.latency_s == pytest.approx(4e-6)
    assert (found.tokens, found.model, found.is_reordered) == (5, "m", False)


def test_vectors_are_put_into_the_order_of_their_indexes() -> None:
    found = read({"data": RIGHT[::-1]})

    assert [list(vector) for vector in found.vectors] == [[0.6, 0.8], [1.0, 0.0]]
    assert found.is_reordered


def test_without_indexes_the_order_of_the_texts_is_taken() -> None:
    found = read({"data": [{"embedding": [1.0, 0.0]}, {"embedding": [0.0, 1.0]}]})

    assert found.vectors[1][1] == 1.0
    assert not found.has_index


def test_base64_is_read_as_32_bit_floats() -> None:
    data = [{"index": n, "embedding": as_base64([0.5, n])} for n in range(2)]
    found = read({"data": data})

    assert list(found.vectors[1]) == [0.5, 1.0]
    assert found.is_base64


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (RIGHT[:1], Fault.COUNT),
        ([*RIGHT, *RIGHT], Fault.COUNT),
        (None, Fault.COUNT),
        ([RIGHT[0], RIGHT[0]], Fault.INDEX),
        ([RIGHT[0], {**RIGHT[1], "index": 7}], Fault.INDEX),
        ([RIGHT[0], {**RIGHT[1], "index": "1"}], Fault.INDEX),
        ([RIGHT[0], {**RIGHT[1], "index": None}], Fault.INDEX),
        ([RIGHT[0], {"index": 1, "embedding": [1.0]}], Fault.DIMENSION),
        ([RIGHT[0], {"index": 1, "embedding": [0.0, 0.0]}], Fault.ZERO),
        ([RIGHT[0], {"index": 1, "embedding": []}], Fault.ZERO),
        ([RIGHT[0], {"index": 1, "embedding": [float("nan"), 1]}], Fault.NOT_FINITE),
        ([RIGHT[0], {"index": 1, "embedding": [1e308, 1e308]}], Fault.NOT_FINITE),
        ([RIGHT[0], {"index": 1, "embedding": [None, 1]}], Fault.NOT_FINITE),
        ([RIGHT[0], {"index": 1, "embedding": [[1.0, 2.0]]}], Fault.NOT_NUMBERS),
        ([RIGHT[0], {"index": 1, "embedding": ["1", "2"]}], Fault.NOT_NUMBERS),
        ([RIGHT[0], {"index": 1, "embedding": [10**400, 1]}], Fault.NOT_NUMBERS),
        ([RIGHT[0], {"index": 1, "embedding": "no base64!"}], Fault.NOT_NUMBERS),
        ([RIGHT[0], {"index": 1}], Fault.NOT_NUMBERS),
    ],
)  # fmt: skip
def test_wrong_vectors_have_a_named_fault(data: Any, fault: Fault) -> None:
    assert faults_of(data)[0] is fault


def test_a_count_says_how_many_vectors_came() -> None:
    assert faults_of(RIGHT[:1])[1] == "1 vectors for 2 texts"


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        ({"prompt_tokens": 5, "total_tokens": 5}, 5),
        ({"total_tokens": 6}, 6),
        ({"prompt_tokens": 0, "total_tokens": 0}, None),
        ({"prompt_tokens": 1}, None),
        ({"prompt_tokens": 4_000}, None),
        ({"prompt_tokens": "NaN"}, None),
        (None, None),
        ([5], None),
    ],
)
def test_token_counts_that_cant_be_those_of_the_texts_are_dropped(
    usage: object, tokens: int | None
) -> None:
    assert read({"data": RIGHT, "usage": usage}).tokens == tokens


def test_an_error_status_has_the_servers_message() -> None:
    found = read({"error": {"message": "too many texts"}}, "413 Payload Too Large")

    assert (found.failure, found.status) == (ChatFailure.HTTP_STATUS, 413)
    assert found.error == "HTTP 413 Payload Too Large: too many texts"


def test_an_error_in_a_success_is_a_failure() -> None:
    assert read({"error": {"message": "out of memory"}}).failure is ChatFailure.SERVER_ERROR


@pytest.mark.parametrize("body", [b"<html>", b"[1]", b"", b"\xff", b"[" * 100_000])
def test_what_is_no_json_object_is_malformed(body: bytes) -> None:
    assert read(body).failure is ChatFailure.MALFORMED


def test_a_cut_answer_is_a_failure() -> None:
    assert read({"data": RIGHT}, end=End.CLOSED).failure is ChatFailure.CUT
