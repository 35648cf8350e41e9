"""Where a model computes: what servers say of it, and what their answers give away."""

from typing import Any

import pytest

from nobs.providers.evidence import Seen, find_elsewhere
from nobs.schema.server import Locality, ModelIdentity

REMOTE, UNKNOWN = Locality.REMOTE, Locality.UNKNOWN


def place(identity: dict[str, Any], **headers: str) -> tuple[Locality, str] | None:
    seen = Seen()
    seen.note({name.replace("_", "-"): value for name, value in headers.items()}, [{"id": "c"}])
    found = find_elsewhere(ModelIdentity(**{"id": "m", **identity}), seen)
    return None if found is None else (found.locality, found.reason)


IDENTITIES: list[tuple[dict[str, Any], Locality | None]] = [
    ({}, None),
    # Ollama's cloud.
    ({"remote_host": "https://ollama.com:443"}, REMOTE),
    ({"id": "gpt-oss:120b-cloud"}, REMOTE),
    ({"id": "glm-4.6:cloud", "runtime": "ollama"}, REMOTE),
    ({"id": "kimi-k2-cloud", "runtime": "ollama"}, REMOTE),
    ({"id": "my-cloud", "runtime": "vllm"}, None),
    ({"id": "cloudy:7b"}, None),
    # Weights of next to nothing.
    ({"parameters": "20B", "size_bytes": 381}, REMOTE),
    ({"parameters": "120.5B", "size_bytes": 5_000_000}, REMOTE),
    ({"parameters": "1T", "size_bytes": 1_000_000_000}, REMOTE),
    ({"parameters": "20.9B", "size_bytes": 13_000_000_000}, None),
    ({"parameters": "2.4B", "size_bytes": 500_000_000}, None),  # 1.58 bits each
    ({"parameters": "135M", "size_bytes": 96_576_768}, None),
    ({"parameters": "20B"}, None),
    ({"size_bytes": 381}, None),
    # LM Studio's linked devices.
    ({"remote_host": "the linked device rig-1"}, REMOTE),
    # Owners.
    *(({"owner": owner}, REMOTE) for owner in ("anthropic", "Groq", "openrouter", "azure")),
    *(({"owner": owner}, UNKNOWN) for owner in ("openai", "google", "mistralai")),
    *(
        ({"owner": owner, "runtime": runtime}, None)
        for owner, runtime in [
            ("vllm", "vllm"), ("llamacpp", "llama.cpp"), ("library", "ollama"), ("me", None),
            ("organization_owner", "LM Studio"), ("sglang", None), ("Microsoft", None),
            ("google", "LM Studio"), ("openai", "vllm"), ("tabbyAPI", None), ("system", None),
        ]
    ),
    # `transformers serve` repeats what stands in front of the name.
    ({"id": "google/gemma-3-1b-it", "owner": "google"}, None),
    ({"id": "openai/gpt-oss-20b", "owner": "OpenAI"}, None),
    ({"id": "openai/gpt-4o", "owner": "openai"}, UNKNOWN),
    ({"id": "googled/x", "owner": "google"}, UNKNOWN),
    ({"id": "groq/llama-3-8b", "owner": "groq"}, REMOTE),
    # Models that nobody can download.
    *(({"id": name}, UNKNOWN) for name in ("gpt-4o", "openai/gpt-5-mini", "claude-sonnet-4",
                                           "gemini-2.5-pro", "o3-mini", "xai/grok-4")),
    *(({"id": name}, None) for name in ("gpt-oss-20b", "gpt2", "gpt-j-6b", "gemma-3-1b",
                                        "olmo-2", "grok-1", "o1ive")),
]  # fmt: skip


@pytest.mark.parametrize(("identity", "locality"), IDENTITIES)
def test_what_the_server_says_decides(identity: dict[str, Any], locality: Locality | None) -> None:
    found = place(identity)

    assert (found and found[0]) == locality


HEADERS: list[tuple[dict[str, str], Locality | None]] = [
    ({"cf_ray": "8f0-FRA"}, REMOTE),
    ({"server": "cloudflare"}, REMOTE),
    ({"openai_processing_ms": "412"}, REMOTE),
    ({"openai_organization": "user-x"}, REMOTE),
    ({"anthropic_ratelimit_tokens_limit": "1"}, REMOTE),
    ({"x_groq_region": "us"}, REMOTE),
    ({"x_amzn_requestid": "a"}, REMOTE),
    ({"apim_request_id": "a"}, REMOTE),
    ({"via": "1.1 proxy"}, UNKNOWN),
    ({"x_litellm_version": "1.70"}, UNKNOWN),
    ({"X_LiteLLM_Call_Id": "1"}, UNKNOWN),
    ({"llm_provider-x-request-id": "1"}, None),  # an underscore is not a dash
    ({"x_ratelimit_remaining_tokens": "9"}, UNKNOWN),
    ({"x_envoy_upstream_service_time": "3"}, UNKNOWN),
    ({"x_kong_proxy_latency": "1"}, UNKNOWN),
    ({"server": "nginx/1.27"}, UNKNOWN),
    ({"server": "Caddy"}, UNKNOWN),
    # Servers of models send these too.
    ({"server": "uvicorn"}, None),
    ({"server": "llama.cpp"}, None),
    ({"server": "hypercorn-h11"}, None),
    ({"x_powered_by": "Express"}, None),
    ({"x_request_id": "1", "x_compute_type": "gpu+optimized", "x_inference_time": "12"}, None),
    ({"access_control_allow_origin": "*", "keep_alive": "timeout=5", "date": "now"}, None),
]


@pytest.mark.parametrize(("headers", "locality"), HEADERS)
def test_headers_of_services_and_gateways_decide(
    headers: dict[str, str], locality: Locality | None
) -> None:
    found = place({}, **headers)

    assert (found and found[0]) == locality


def test_litellm_passes_the_headers_of_its_upstream_on() -> None:
    seen = Seen()
    seen.note({"llm_provider-cf-ray": "1"}, [])

    found = find_elsewhere(ModelIdentity(id="m"), seen)

    assert found is not None
    assert found.locality is UNKNOWN


@pytest.mark.parametrize("name", ["x_groq", "provider", "prompt_filter_results"])
def test_fields_of_services_decide(name: str) -> None:
    seen, empty = Seen(), Seen()
    seen.note({}, [{"id": "c"}, {name: {"id": "req"}}])
    empty.note({}, [{name: None}])

    found = find_elsewhere(ModelIdentity(id="m"), seen)

    assert found is not None
    assert found.locality is REMOTE
    assert name in found.reason
    assert find_elsewhere(ModelIdentity(id="m"), empty) is None


def test_what_leaves_no_doubt_is_named_before_what_raises_one() -> None:
    found = place({"remote_host": "https://ollama.com"}, via="1.1 squid")

    assert found == (REMOTE, "The server forwards requests for m to https://ollama.com.")
