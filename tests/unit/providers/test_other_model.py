"""Servers that answer with another model, or pass requests on: found before anything is timed.

https://github.com/lmstudio-ai/lmstudio-bug-tracker/issues/366,
https://github.com/ollama/ollama/issues/12404
"""

from typing import Any

import pytest

from nobs.errors import HostApiError
from nobs.providers import PROVIDERS
from nobs.providers.base import ServedModel
from nobs.providers.model_names import find_other_model
from nobs.schema.server import Connection, Locality, ServerRequest
from tests.fakes.llm_routes import Reply, models, reply, routes
from tests.fakes.llm_server import Script, serving
from tests.fakes.llm_streams import delta, event, usage

BIG, SMALL = "openai/gpt-oss-20b", "gemma-3-1b-it-qat"


def answering_as(model: str | None, *headers: str, **fields: Any) -> Script:
    """A streamed answer whose chunks name `model`."""
    named = ({} if model is None else {"model": model}) | fields
    chunks = [delta(content="ready."), delta("stop"), {"choices": [], "usage": usage(3)}]
    body = b"".join(event({**chunk, **named}) for chunk in chunks) + event("[DONE]")
    return reply(body, "200 OK", *headers, kind="text/event-stream")


def opened(provider: str, wanted: str, replies: dict[str, Reply]) -> ServedModel:
    """What the provider makes of a server with these routes."""
    with serving(routes(replies)) as server:
        request = ServerRequest(model=wanted)
        connection = Connection(base_url=server.url, request_timeout_s=20)
        with PROVIDERS.load(provider).open(request, connection, lambda _: None) as served:
            return served


def studio(answered: str | None, *, loaded: dict[str, list[str]]) -> dict[str, Reply]:
    """LM Studio with two models on disk, of which `loaded` names the instances."""
    entries = [
        {"type": "llm", "key": key, "params_string": size,
         "loaded_instances": [{"id": name, "config": {}} for name in loaded.get(key, [])]}
        for key, size in ((BIG, "20B"), (SMALL, "1B"))
    ]  # fmt: skip
    embedding = {"type": "embedding", "key": "e", "loaded_instances": [{"id": "e"}]}
    return {
        "/v1/models": models(BIG, SMALL),
        "/api/v1/models": {"models": [*entries, embedding]},
        "/v1/chat/completions": answering_as(answered),
    }


@pytest.mark.parametrize("answered", [SMALL, None])
def test_lm_studio_that_answers_with_what_is_loaded_is_refused(answered: str | None) -> None:
    with pytest.raises(HostApiError) as caught:
        opened("lmstudio", BIG, studio(answered, loaded={SMALL: [SMALL]}))

    assert repr(BIG) in caught.value.message
    assert repr(SMALL) in caught.value.message
    assert f"Load {BIG}" in caught.value.remedy
    assert f"--llm-model {SMALL}" in caught.value.remedy


@pytest.mark.parametrize(
    ("answered", "loaded"),
    [
        (BIG, {BIG: [BIG]}),
        (BIG, {BIG: [BIG], SMALL: [SMALL]}),
        ("gpt-oss-20b", {BIG: [BIG]}),
        ("mine", {BIG: ["mine"], SMALL: [SMALL]}),
        (None, {BIG: [BIG], SMALL: [SMALL]}),
        (BIG, {}),
        (None, {}),
    ],
)
def test_lm_studio_that_has_loaded_what_was_asked_for_is_used(
    answered: str | None, loaded: dict[str, list[str]]
) -> None:
    assert opened("lmstudio", BIG, studio(answered, loaded=loaded)).model == BIG


def test_a_linked_device_that_the_server_names_computes_elsewhere() -> None:
    replies = studio(BIG, loaded={})
    instances = [{"id": BIG, "config": {}, "deviceIdentifier": "rig-1"}]
    entry = {"type": "llm", "key": BIG, "loaded_instances": instances}
    served = opened("lmstudio", BIG, {**replies, "/api/v1/models": {"models": [entry]}})

    assert served.elsewhere is not None
    assert served.elsewhere.reason.endswith(f"for {BIG} to the linked device rig-1.")


def test_an_older_lm_studio_says_what_is_loaded_too() -> None:
    listed = [{"id": BIG, "state": "not-loaded"}, {"id": SMALL, "state": "loaded"}]
    replies: dict[str, Reply] = {
        "/v1/models": models(BIG, SMALL),
        "/api/v0/models": {"data": listed},
        "/v1/chat/completions": answering_as(None),
    }
    with pytest.raises(HostApiError, match=f"{SMALL!r} instead of {BIG!r}"):
        opened("lmstudio", BIG, replies)


LLM = {"type": "llm", "key": "llm", "loaded_instances": [{"id": "llm"}]}
VECTORS = {"type": "embedding", "key": "minilm", "loaded_instances": [{"id": "minilm"}]}
OLDER = [{"id": "llm", "type": "llm", "state": "loaded"},
         {"id": "minilm", "type": "embeddings", "state": "loaded"}]  # fmt: skip


@pytest.mark.parametrize(
    "replies",
    [{"/api/v1/models": {"models": [LLM, VECTORS]}}, {"/api/v0/models": {"data": OLDER}}],
)
def test_a_model_of_vectors_is_loaded_beside_an_llm(replies: dict[str, Reply]) -> None:
    with serving(routes(replies)) as server:
        provider, connection = PROVIDERS.load("lmstudio"), Connection(base_url=server.url)
        identities = [provider.identify(connection, name) for name in ("minilm", "llm")]

    assert [identity.loaded for identity in identities] == [("minilm",), ("llm",)]
    assert [find_other_model(identity, None) for identity in identities] == [None, None]


VLLM = {
    "object": "list",
    "data": [
        {"id": "base", "owned_by": "vllm", "root": "/models/qwen", "parent": None},
        {"id": "alias", "owned_by": "vllm", "root": "/models/qwen", "parent": None},
        {"id": "adapter", "owned_by": "vllm", "root": "/loras/a", "parent": "base"},
    ],
}


@pytest.mark.parametrize(
    ("asked", "answered", "is_same"),
    [
        ("alias", "base", True),
        ("alias", "/models/qwen", True),
        ("adapter", "adapter", True),
        ("adapter", "/loras/a", True),
        ("adapter", "base", False),
        ("base", "adapter", False),
        ("base", "other", False),
        ("base", None, True),
    ],
)
def test_the_list_of_vllm_says_which_names_are_one_model(
    asked: str, answered: str | None, *, is_same: bool
) -> None:
    replies: dict[str, Reply] = {
        "/v1/models": VLLM,
        "/v1/chat/completions": answering_as(answered),
    }
    if is_same:
        assert opened("openai", asked, replies).model == asked
    else:
        with pytest.raises(HostApiError, match=f"{answered!r} instead of {asked!r}"):
            opened("openai", asked, replies)


@pytest.mark.parametrize(
    ("answered", "is_same"),
    [
        ("my-model", True),
        ("/models/Qwen2-7B-Instruct-Q4_K_M.gguf", True),
        ("Qwen2-7B-Instruct-Q4_K_M.gguf", True),
        ("gpt-3.5-turbo", True),
        ("gemma-3-1b-it", False),
    ],
)
def test_llama_cpp_answers_by_its_alias_its_file_or_a_constant(
    answered: str, *, is_same: bool
) -> None:
    props = {
        "default_generation_settings": {},
        "model_path": "/models/Qwen2-7B-Instruct-Q4_K_M.gguf",
    }
    replies: dict[str, Reply] = {
        "/v1/models": models("my-model", owned_by="llamacpp"),
        "/props": props,
        "/v1/chat/completions": answering_as(answered),
    }
    if is_same:
        assert opened("llamacpp", "my-model", replies).elsewhere is None
    else:
        with pytest.raises(HostApiError, match=answered):
            opened("llamacpp", "my-model", replies)


CLOUD = {"remote_model": "gpt-oss:120b", "remote_host": "https://ollama.com:443"}
HERE = {"details": {"parameter_size": "3.2B"}}


@pytest.mark.parametrize(
    ("name", "shown", "entry"),
    [
        ("gpt-oss:120b-cloud", CLOUD, {"size": 384}),
        ("mine:latest", CLOUD, {}),
        ("mine:latest", {}, {**CLOUD, "size": 384}),
        ("mine:latest", {"remote_model": "gpt-oss:120b"}, {}),
        ("gpt-oss:20b-cloud", {}, {}),
        ("deepseek-v3.1:cloud", {}, {}),
        ("mine:latest", {"details": {"parameter_size": "20B"}}, {"size": 381}),
    ],
)
def test_a_cloud_model_behind_ollama_computes_elsewhere(
    name: str, shown: dict[str, Any], entry: dict[str, Any]
) -> None:
    served = opened("ollama", name, ollama(name, shown, entry))

    assert served.elsewhere is not None
    assert served.elsewhere.locality is Locality.REMOTE


def test_a_model_of_ollama_s_own_computes_here() -> None:
    served = opened("ollama", "llama3.2", ollama("llama3.2:latest", HERE, {"size": 2_019_393_189}))

    assert served.elsewhere is None


def ollama(name: str, shown: dict[str, Any], entry: dict[str, Any]) -> dict[str, Reply]:
    return {
        "/v1/models": models(name, owned_by="library"),
        "/api/version": {"version": "0.12.6"},
        "/api/show": shown,
        "/api/tags": {"models": [{"name": name, **entry}]},
        "/api/ps": {"models": []},
        "/v1/chat/completions": answering_as(name),
    }


@pytest.mark.parametrize(
    ("headers", "fields", "owner", "locality"),
    [
        ((), {}, "me", None),
        (("x-litellm-version: 1.70",), {}, "openai", Locality.UNKNOWN),
        (("Via: 1.1 caddy",), {}, "me", Locality.UNKNOWN),
        (("CF-RAY: 8f0-FRA", "Server: cloudflare"), {}, "me", Locality.REMOTE),
        ((), {"provider": "Together"}, "me", Locality.REMOTE),
        ((), {}, "anthropic", Locality.REMOTE),
    ],
)
def test_what_the_answer_of_a_gateway_carries_is_kept(
    headers: tuple[str, ...], fields: dict[str, str], owner: str, locality: Locality | None
) -> None:
    replies: dict[str, Reply] = {
        "/v1/models": models("qwen3-4b", owned_by=owner),
        "/v1/chat/completions": answering_as("qwen3-4b", *headers, **fields),
    }
    elsewhere = opened("openai", "qwen3-4b", replies).elsewhere

    assert (elsewhere and elsewhere.locality) == locality
