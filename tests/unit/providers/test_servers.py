"""Kinds of servers: how they are told apart, what they say of their models."""

from typing import Any

import pytest

from nobs.providers import PROVIDERS
from nobs.providers.base import Entry, UnknownModel
from nobs.providers.detection import detect_provider
from nobs.schema.server import Connection, ModelIdentity, ServerRequest
from tests.fakes.llm_routes import Reply, one_model, reply, routes
from tests.fakes.llm_server import Choose, Script, Then, serving

LLAMA_PROPS: dict[str, Any] = {
    "default_generation_settings": {"n_ctx": 8192, "params": {"seed": 1}},
    "total_slots": 2,
    "model_ftype": "Q4_K - Medium",
    "build_info": "b6123-abcdef0",
}
OLLAMA: dict[str, Reply] = {
    "/api/version": {"version": "0.12.3"},
    "/api/show": {
        "details": {
            "format": "gguf", "family": "llama", "parameter_size": "3.2B",
            "quantization_level": "Q4_K_M",
        },
        "model_info": {"general.architecture": "llama", "llama.context_length": 131072},
        "capabilities": ["completion", "tools"],
    },
    "/api/ps": {
        "models": [{"name": "llama3.2:latest", "size": 4_000, "size_vram": 3_000,
                    "context_length": 4096}]
    },
    "/api/tags": {"models": [{"name": "llama3.2:latest", "size": 2_019_393_189}]},
}  # fmt: skip
EVERYTHING_200 = reply({"error": "Unexpected endpoint or method. Returning 200 anyway"})
DETECTED: dict[str, tuple[Choose, str]] = {
    "LM Studio": (routes({"/lmstudio-greeting": {"lmstudio": True}}, EVERYTHING_200), "lmstudio"),
    "Ollama": (one_model(more=OLLAMA), "ollama"),
    "llama.cpp": (one_model(more={"/props": LLAMA_PROPS}), "llamacpp"),
    "a server that tells nothing": (one_model(), "openai"),
    "an older LM Studio": (routes({}, EVERYTHING_200), "openai"),
    "a web page": (routes({}, reply("<html>", kind="text/html")), "openai"),
    "a server that wants a key": (routes({}, reply({}, "401 Unauthorized")), "openai"),
    "a server that hangs up": (routes({}, Script(steps=[], then=Then.CLOSE)), "openai"),
}


@pytest.mark.parametrize("kind", DETECTED)
def test_a_server_is_told_by_a_route_of_its_own(kind: str) -> None:
    choose, provider = DETECTED[kind]
    with serving(choose) as server:
        assert detect_provider(Connection(base_url=server.url)) == provider


@pytest.mark.parametrize(("port", "provider"), [(1234, "lmstudio"), (11434, "ollama")])
def test_where_nobody_answers_the_usual_port_tells(port: int, provider: str) -> None:
    # An address of this machine's that no server of the usual kind binds to.
    assert detect_provider(Connection(base_url=f"http://127.1.2.3:{port}/v1")) == provider


def test_routes_beside_v1_are_asked_where_the_url_has_a_path() -> None:
    with serving(routes({"/ai/props": LLAMA_PROPS})) as server:
        connection = Connection(base_url=server.url.replace("/v1", "/ai/v1"))
        assert detect_provider(connection) == "llamacpp"


def test_ollama_tells_how_the_model_is_loaded() -> None:
    provider = PROVIDERS.load("ollama")
    with serving(one_model("llama3.2:latest", OLLAMA)) as server:
        request, connection = ServerRequest(model="llama3.2"), Connection(base_url=server.url)
        with provider.open(request, connection, pytest.fail) as served:
            assert served.model == "llama3.2:latest"
            assert served.identity == ModelIdentity(
                id="llama3.2:latest", architecture="llama", format="gguf",
                quantization="Q4_K_M", parameters="3.2B", size_bytes=2_019_393_189,
                context_length=4096, gpu_offload=0.75, runtime="ollama", runtime_version="0.12.3",
                vision=False,
            )  # fmt: skip
        assert server.log[2].values == {"model": "llama3.2:latest"}


def test_a_tag_that_ollama_lacks_is_not_replaced_by_another() -> None:
    with pytest.raises(UnknownModel):
        PROVIDERS.load("ollama").choose("llama3.2:1b", [{"id": "llama3.2:latest"}])


def test_llama_cpp_tells_slots_and_context() -> None:
    listed = {"data": [{"id": "m", "meta": {"n_params": 7_615_616_512, "size": 4_677_120_000}}]}
    with serving(routes({"/v1/models": listed, "/props": LLAMA_PROPS})) as server:
        identity = PROVIDERS.load("llamacpp").identify(Connection(base_url=server.url), "m")
    assert identity == ModelIdentity(
        id="m", format="gguf", quantization="Q4_K - Medium", parameters="7.6B",
        size_bytes=4_677_120_000, context_length=8192, parallel=2,
        runtime="llama.cpp", runtime_version="b6123-abcdef0",
    )  # fmt: skip


GPT_OSS = "openai/gpt-oss-20b"
STUDIO_V1: dict[str, Any] = {
    "models": [
        {
            "type": "llm", "publisher": "openai", "key": "openai/gpt-oss-20b",
            "architecture": "gpt-oss", "quantization": {"name": "MXFP4", "bits_per_weight": 4},
            "size_bytes": 12_109_566_560, "params_string": "20B", "format": "gguf",
            "capabilities": {"vision": True, "trained_for_tool_use": True},
            "loaded_instances": [
                {"id": "mine", "config": {"context_length": 8192, "parallel": 4}},
                {"id": "openai/gpt-oss-20b", "config": {"context_length": 4096, "parallel": 1}},
            ],
        },
        {"type": "embedding", "key": "text-embedding-nomic", "quantization": None},
    ]
}  # fmt: skip
RUNTIME = {"runtime": {"name": "llama.cpp-mac-arm64-apple-metal-advsimd", "version": "1.52.0"}}


@pytest.mark.parametrize(
    ("name", "context_length", "parallel", "aliases", "lookalikes"),
    [
        ("mine", 8192, 4, (GPT_OSS, f"{GPT_OSS}@mxfp4"), ()),
        (GPT_OSS, 4096, 1, (f"{GPT_OSS}@mxfp4",), ("mine",)),
    ],
)
def test_lm_studio_tells_of_the_instance_that_answers(
    name: str,
    context_length: int,
    parallel: int,
    aliases: tuple[str, ...],
    lookalikes: tuple[str, ...],
) -> None:
    replies: dict[str, Reply] = {"/api/v1/models": STUDIO_V1, "/api/v0/chat/completions": RUNTIME}
    with serving(routes(replies, EVERYTHING_200)) as server:
        identity = PROVIDERS.load("lmstudio").identify(Connection(base_url=server.url), name)
    assert identity == ModelIdentity(
        id=name, architecture="gpt-oss", format="gguf", quantization="MXFP4", bits_per_weight=4.0,
        parameters="20B", size_bytes=12_109_566_560, context_length=context_length,
        parallel=parallel, runtime=RUNTIME["runtime"]["name"], runtime_version="1.52.0",
        loaded=("mine", "openai/gpt-oss-20b"), aliases=aliases, lookalikes=lookalikes,
        vision=True,
    )  # fmt: skip


@pytest.mark.parametrize(("kind", "vision"), [("vlm", True), ("llm", False), (None, None)])
def test_an_older_lm_studio_tells_less(kind: str | None, vision: bool | None) -> None:
    entry = {"id": "tiny", "type": kind, "arch": "llama", "compatibility_type": "mlx",
             "quantization": "4bit", "state": "loaded", "loaded_context_length": 2048}  # fmt: skip
    with serving(routes({"/api/v0/models": {"data": [entry]}}, EVERYTHING_200)) as server:
        identity = PROVIDERS.load("lmstudio").identify(Connection(base_url=server.url), "tiny")
    assert identity == ModelIdentity(
        id="tiny", architecture="llama", format="mlx", quantization="4bit", context_length=2048,
        loaded=("tiny",), runtime="LM Studio", vision=vision,
    )  # fmt: skip


LISTED = [{"id": "openai/gpt-oss-20b"}, {"id": "qwen3-4b"}, {"id": "text-embedding-nomic"}]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("openai/gpt-oss-20b", "openai/gpt-oss-20b"),
        ("gpt-oss-20b", "openai/gpt-oss-20b"),
        ("GPT-OSS-20B", "openai/gpt-oss-20b"),
        ("qwen/qwen3-4b", "qwen3-4b"),
    ],
)
def test_lm_studio_keys_are_found_with_and_without_their_owner(wanted: str, found: str) -> None:
    assert PROVIDERS.load("lmstudio").choose(wanted, LISTED) == found


@pytest.mark.parametrize(
    ("wanted", "models"),
    [
        ("gpt-oss", LISTED),
        (None, LISTED),
        ("gpt-oss-20b", [{"id": "openai/gpt-oss-20b"}, {"id": "unsloth/gpt-oss-20b"}]),
    ],
)
def test_lm_studio_keys_are_never_guessed(wanted: str | None, models: list[Entry]) -> None:
    with pytest.raises(UnknownModel):
        PROVIDERS.load("lmstudio").choose(wanted, models)
