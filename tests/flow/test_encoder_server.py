"""The server that NOBS starts for vectors: a real model, right answers, gone at the end."""

import base64
import json
from array import array
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import psutil
import pytest

from nobs.errors import UsageError
from nobs.providers import PROVIDERS
from nobs.providers.base import ServedModel
from nobs.providers.weights import packaged_pin
from nobs.schema.server import Api, ServerRequest
from nobs.tasks.served_embeddings.check import StoredVectors, cosine
from tests.fakes.embed_work import TEXTS

PROVIDER = PROVIDERS.load("sentence-transformers")
NAME = packaged_pin(Api.EMBED).id
pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def served() -> Iterator[ServedModel]:
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    request = ServerRequest(api=Api.EMBED, parallel=2)
    with PROVIDER.open(request, None, lambda line: None) as served:
        yield served
    left = {child.pid for child in psutil.Process().children(recursive=True)} - before
    assert left == set()


def ask(served: ServedModel, body: object, route: str = "/embeddings") -> Any:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = Request(f"{served.connection.base_url}{route}", data)
    with urlopen(request) as answer:
        return json.load(answer)


def test_it_listens_on_loopback_and_says_what_it_is(served: ServedModel) -> None:
    assert served.is_ours
    assert served.connection.base_url.startswith("http://127.0.0.1:")
    identity = served.identity
    assert (identity.id, identity.runtime, identity.context_length) == (
        NAME, "sentence-transformers", 256,
    )  # fmt: skip
    assert identity.weights_sha256 == packaged_pin(Api.EMBED).weights_sha256


def test_its_vectors_are_the_stored_ones_in_both_encodings(served: ServedModel) -> None:
    asked = {"model": NAME, "input": TEXTS[:20:10]}
    answer = ask(served, asked)
    vectors = [entry["embedding"] for entry in answer["data"]]
    stored = StoredVectors("sentence-transformers/all-MiniLM-L6-v2", 256, TEXTS)
    stored.compare(TEXTS[:20:10], vectors)

    assert [entry["index"] for entry in answer["data"]] == [0, 1]
    assert answer["model"] == NAME
    assert answer["usage"]["prompt_tokens"] > 50
    found = stored.result(expected=True)
    assert found is not None
    assert found.rows == 2
    assert found.lowest_cosine == pytest.approx(1.0, abs=1e-4)
    text = ask(served, {**asked, "encoding_format": "base64"})["data"][0]["embedding"]
    floats = array("f", base64.b64decode(text))
    assert cosine(vectors[0], array("d", floats)) == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"no json", 400),
        ([], 400),
        ({"model": NAME}, 400),
        ({"model": NAME, "input": []}, 400),
        ({"model": NAME, "input": [1, 2]}, 400),
        ({"model": NAME, "input": ["a"] * 5000}, 400),
        ({"model": "another", "input": "a"}, 404),
    ],
)
def test_what_it_cant_answer_has_a_status_and_a_message(
    served: ServedModel, body: object, status: int
) -> None:
    with pytest.raises(HTTPError) as caught:
        ask(served, body)

    assert caught.value.code == status
    assert json.load(caught.value)["error"]["message"]
    caught.value.close()


def test_other_routes_are_not_there(served: ServedModel) -> None:
    with pytest.raises(HTTPError) as caught:
        ask(served, {"model": NAME, "messages": []}, "/chat/completions")

    assert caught.value.code == 404
    caught.value.close()


def test_it_has_no_other_model() -> None:
    request = ServerRequest(api=Api.EMBED, model="bge-m3")
    with pytest.raises(UsageError, match="not 'bge-m3'"), PROVIDER.open(request, None, print):
        pass
