"""Where a model computes, by its server's identity and its answers; pure.

The address of a socket isn't enough: an Ollama on this machine forwards to its cloud, LM Studio to
linked devices, and a gateway to any server.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from nobs.providers.fields import text_of
from nobs.schema.server import Locality, ModelIdentity


@dataclass(kw_only=True)
class Seen:
    """Evidence in the answers of a server other than their content; grows with each answer."""

    headers: dict[str, str] = field(default_factory=dict)
    """By lower-case name."""
    fields: set[str] = field(default_factory=set)
    """Fields of completions that weren't null."""
    model: str | None = None
    """The model that the test inference named."""

    def note(self, headers: Mapping[str, str], chunks: Iterable[Mapping[str, object]]) -> None:
        """Take the headers of an answer and its chunks."""
        self.headers |= {name.lower(): value for name, value in headers.items()}
        for chunk in chunks:
            self.fields |= {name for name, value in chunk.items() if value}
            self.model = text_of(chunk.get("model")) or self.model


@dataclass(frozen=True, kw_only=True)
class Elsewhere:
    """Evidence that a model computes, or may compute, on another machine."""

    locality: Locality
    reason: str
    """One sentence."""


_MIN_BYTES_PER_PARAMETER = 0.1
"""1.58 bits are 0.2 bytes; anything smaller is only a reference to a model."""
_PARAMETERS = re.compile(r"(\d+(?:\.\d+)?)\s*([KMBT])", re.IGNORECASE)
_SCALES = {"k": 1e3, "m": 1e6, "b": 1e9, "t": 1e12}
_CLOUD_TAG = re.compile(r":(.*-)?cloud$", re.IGNORECASE)
_CLOUD_NAME = re.compile(r"[:-]cloud$", re.IGNORECASE)
_HOSTED_MODEL = re.compile(
    r"(.*/)?(gpt-[345]([.o-]|$)|chatgpt-|o[134](-(mini|preview|pro)|$)|claude-|gemini-\d|grok-[34])",
    re.IGNORECASE,
)
"""Models without published weights."""
_SERVICES = frozenset(
    {"anthropic", "azure", "azure-openai", "aws", "amazon", "bedrock", "vertex_ai", "vertexai",
     "groq", "openrouter", "together", "togetherai", "together_ai", "fireworks", "fireworks_ai",
     "deepinfra", "perplexity", "cerebras", "sambanova", "replicate", "novita", "hyperbolic",
     "siliconflow", "dashscope", "ollama-cloud", "github-copilot"}
)  # fmt: skip
_MAKERS = frozenset(
    {"openai", "openai-internal", "google", "mistralai", "mistral", "cohere", "xai", "x-ai",
     "deepseek", "moonshot", "moonshotai", "zhipu", "zai", "minimax"}
)  # fmt: skip
"""Makers that run services and publish weights: local servers name them as well."""
_SERVICE_HEADERS = re.compile(
    r"cf-ray|cf-aig-.+|openai-(organization|processing-ms|version|project)|anthropic-.+|x-groq-.+"
    r"|x-openrouter-.+|x-together-.+|(x-)?fireworks-.+|(x-)?mistral-.+|x-deepinfra-.+|nvcf-.+"
    r"|x-amzn?-.+|apim-request-id|azureml-.+|x-ms-(region|deployment-name)|x-azure-ref|x-goog-.+"
    r"|x-vercel-.+|fly-request-id|x-railway-.+"
)
"""Headers of internet services only."""
_SERVICE_PROGRAMS = frozenset({"cloudflare", "awselb", "gws", "google frontend", "esf", "vercel"})
_GATEWAY_HEADERS = re.compile(
    r"via|x-litellm-.+|llm_provider-.+|x-portkey-.+|helicone-.+|x-kong-.+|x-(one|new)api-.+"
    r"|x-envoy-.+|x-ratelimit-(limit|remaining|reset)-(requests|tokens)|x-served-by|x-cache(-.+)?"
    r"|x-varnish|x-(proxy|proxied|upstream|forwarded|gateway)(-.+)?"
)
"""Headers of programs that forward requests to an unknown place."""
_GATEWAY_PROGRAMS = frozenset(
    {"nginx", "openresty", "caddy", "envoy", "istio-envoy", "traefik", "haproxy", "varnish",
     "squid", "apache", "litellm", "kong", "tinyproxy", "mitmproxy", "pingora", "tengine"}
)  # fmt: skip
_SERVICE_FIELDS = {
    "x_groq": "Groq",
    "provider": "OpenRouter",
    "prompt_filter_results": "Azure",
}


def find_elsewhere(identity: ModelIdentity, seen: Seen) -> Elsewhere | None:
    """Return why a model computes, or may compute, on another machine; None without evidence."""
    for locality, find in ((Locality.REMOTE, _remote), (Locality.UNKNOWN, _unknown)):
        for reason in find(identity, seen):
            return Elsewhere(locality=locality, reason=reason)
    return None


def _remote(identity: ModelIdentity, seen: Seen) -> Iterator[str]:
    """Yield certain reasons."""
    owner = (identity.owner or "").lower()
    if identity.remote_host:
        yield f"The server forwards requests for {identity.id} to {identity.remote_host}."
    if _is_cloud(identity):
        yield f"{identity.id} is the name of a model in Ollama's cloud."
    if _has_no_weights(identity):
        yield (
            f"The weights of {identity.id} aren't here: {identity.size_bytes} bytes are listed for"
            f" {identity.parameters} parameters."
        )
    if owner in _SERVICES:
        yield _owned(identity)
    for name in _headers(seen, _SERVICE_HEADERS, _SERVICE_PROGRAMS):
        yield f"The answers have a service's header, `{name}`."
    for name in sorted(_SERVICE_FIELDS.keys() & seen.fields):
        yield f"The answers have a field of {_SERVICE_FIELDS[name]}'s, `{name}`."


def _unknown(identity: ModelIdentity, seen: Seen) -> Iterator[str]:
    """Yield possible reasons."""
    for name in _headers(seen, _GATEWAY_HEADERS, _GATEWAY_PROGRAMS):
        yield (f"A forwarding program has answered (`{name}`); use the URL of the server itself.")
    if (identity.owner or "").lower() in _MAKERS and not _is_owner_known(identity):
        yield _owned(identity)
    if _HOSTED_MODEL.match(identity.id):
        yield f"{identity.id} is the name of a hosted model."


def _is_owner_known(identity: ModelIdentity) -> bool:
    """Return whether the owner adds nothing: a known runtime, or an id that begins with it."""
    repeats = identity.id.lower().startswith(f"{(identity.owner or '').lower()}/")
    return identity.runtime is not None or repeats


def _owned(identity: ModelIdentity) -> str:
    return f"The owner of {identity.id} in the server's list is {identity.owner}."


def _is_cloud(identity: ModelIdentity) -> bool:
    pattern = _CLOUD_NAME if identity.runtime == "ollama" else _CLOUD_TAG
    return pattern.search(identity.id) is not None


def _has_no_weights(identity: ModelIdentity) -> bool:
    written = _PARAMETERS.match(identity.parameters or "")
    if written is None or identity.size_bytes is None:
        return False
    parameters = float(written[1]) * _SCALES[written[2].lower()]
    return identity.size_bytes < _MIN_BYTES_PER_PARAMETER * parameters


def _headers(seen: Seen, names: re.Pattern[str], programs: frozenset[str]) -> Iterator[str]:
    """Yield the headers of those names, and the one that names one of the programs."""
    yield from sorted(filter(names.fullmatch, seen.headers))
    program = seen.headers.get("server", "").lower().partition("/")[0].strip()
    if program in programs:
        yield f"server: {program}"
