"""A scripted server of embeddings: vectors that make sense, and the faults of real servers."""

import base64
import itertools
import json
import random
from array import array
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Any

from tests.fakes.llm_routes import models, reply
from tests.fakes.llm_server import Answered, Choose, Script, Send

MODEL = "scripted-embedder"
DIMENSION = 48
type Embed = Callable[[str], Sequence[float]]
type Change = Callable[[dict[str, Any], Answered], dict[str, Any] | Script]
"""Changes the body of an answer, or answers something else."""


def vector_of(text: str) -> list[float]:
    """Return a vector of norm 1 that counts words: texts with common words are near each other."""
    values = [0.0] * DIMENSION
    for word in text.lower().split():
        digest = sha256(word.encode()).digest()
        values[digest[0] % DIMENSION] += 1.0 if digest[1] % 2 else -1.0
    values[0] += 0.01
    norm = sum(value * value for value in values) ** 0.5
    return [value / norm for value in values]


def random_vectors(seed: int) -> Embed:
    """Return what makes another vector of norm 1 for each call: garbage of the right shape."""
    source = random.Random(seed)

    def embed(text: str) -> list[float]:
        values = [source.gauss(0, 1) for _ in range(DIMENSION)]
        norm = sum(value * value for value in values) ** 0.5
        return [value / norm for value in values]

    return embed


def hashed_vector(text: str) -> list[float]:
    """Return garbage that is the same for the same text."""
    return list(random_vectors(int(sha256(text.encode()).hexdigest()[:8], 16))(text))


def as_base64(values: Sequence[float]) -> str:
    """Write 32-bit floats as OpenAI does."""
    return base64.b64encode(array("f", values).tobytes()).decode()


def body_of(
    asked: Answered, embed: Embed = vector_of, model: str = MODEL, chars_per_token: float = 4.0
) -> dict[str, Any]:
    """Return a right answer to a request, in the encoding that it asks for."""
    texts = asked.values["input"]
    is_base64 = asked.values.get("encoding_format") == "base64"
    vectors = [embed(text) for text in texts]
    tokens = sum(max(1, round(len(text) / chars_per_token)) for text in texts)
    return {
        "object": "list",
        "model": model,
        "data": [
            {"object": "embedding", "index": index,
             "embedding": as_base64(vector) if is_base64 else list(vector)}
            for index, vector in enumerate(vectors)
        ],
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }  # fmt: skip


def embed_server(
    embed: Embed = vector_of, change: Change | None = None, model: str = MODEL, **words: Any
) -> Choose:
    """Return a server with one model; `change` alters its answers."""

    def choose(asked: Answered) -> Script:
        if asked.path == "/v1/models":
            return reply(models(model))
        if not asked.path.endswith("/embeddings"):
            return reply({"error": {"message": "File Not Found"}}, "404 Not Found")
        body = body_of(asked, embed, model, **words)
        found = change(body, asked) if change else body
        return found if isinstance(found, Script) else reply(json.dumps(found))

    return choose


def with_data(change: Callable[[list[dict[str, Any]]], Any]) -> Change:
    """Return a change of the list of vectors alone, in answers with several of them."""

    def alter(body: dict[str, Any], asked: Answered) -> dict[str, Any]:
        data = body["data"]
        return {**body, "data": change(data)} if len(data) > 1 else body

    return alter


def swapped(data: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give each text the vector of the next one, under its own index."""
    vectors = [entry["embedding"] for entry in data]
    return [
        {**entry, "embedding": vector}
        for entry, vector in zip(data, [*vectors[1:], vectors[0]], strict=True)
    ]


def backwards(data: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """List the vectors in reverse, each with its right index."""
    return data[::-1]


def refusing(status: str, message: str, *, above: int = 0) -> Change:
    """Return an error for requests of more than `above` texts."""

    def alter(body: dict[str, Any], asked: Answered) -> dict[str, Any] | Script:
        if len(body["data"]) <= above:
            return body
        return reply({"error": {"message": message}}, status)

    return alter


def slow(seconds: float) -> Change:
    """Return the right answer, late."""

    def alter(body: dict[str, Any], asked: Answered) -> Script:
        whole = reply(json.dumps(body))
        (first,) = whole.steps
        return Script(steps=[Send(seconds, first.data)])

    return alter


def after(good: int, change: Change) -> Change:
    """Return what changes all answers but the first `good` ones."""
    numbers = itertools.count(1)
    return lambda body, asked: body if next(numbers) <= good else change(body, asked)


def fields(**changed: Any) -> Change:
    """Return a change of fields of the body; None leaves a field out."""

    def alter(body: dict[str, Any], asked: Answered) -> Mapping[str, Any]:
        values = body | changed
        return {name: value for name, value in values.items() if value is not None}

    return alter  # type: ignore[return-value]
