"""The server of an LLM: the request for it, the connection to it, and what was observed."""

from enum import StrEnum
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, PrivateAttr

from nobs.schema.base import Record

SERVER_PORTS = {"http": 80, "https": 443}
"""The default port of each scheme that a server's URL may have."""
DEFAULT_REQUEST_TIMEOUT_S = 300.0


class Api(StrEnum):
    """The part of the OpenAI API that a server is measured by."""

    CHAT = "chat"
    """Chat completions."""
    EMBED = "embed"
    """Vectors of texts."""


class ServerRequest(Record):
    """The server requested by options and settings."""

    api: Api = Api.CHAT
    """What the model is asked for."""

    provider: str | None = None
    """Kind of server; if null or `openai`, it is detected."""
    url: str | None = None
    """Null for the provider's default address, and for a server that is started for the run."""
    model: str | None = None
    """Null for the provider's default model, or the server's only one."""
    names: dict[str, str] = Field(default_factory=dict, exclude_if=lambda value: not value)
    """What servers call `model`, by provider; absent where they all call it so, or the user named
    it."""
    setup: bool = False
    """Whether the provider may start, download and load what is missing."""
    parallel: int | None = None
    """Concurrent requests to load the model for."""
    context_length: int | None = None
    """Context length in tokens to load the model with."""
    request_timeout_s: float = Field(DEFAULT_REQUEST_TIMEOUT_S, gt=0)
    """Longest silence of the server before a request fails."""

    def at(self, provider: str | None) -> "ServerRequest":
        """Return the request with the model's name at the servers of a provider."""
        name = self.names.get(provider or "", self.model)
        return self.model_copy(update={"model": name, "names": {}})


class Connection(Record):
    """How a process reaches a server with the OpenAI API."""

    base_url: str
    """As in `http://127.0.0.1:1234/v1`, without user and password."""
    socket: str | None = None
    """Unix socket to connect to instead of the URL's host."""
    request_timeout_s: float = Field(DEFAULT_REQUEST_TIMEOUT_S, gt=0)
    """Longest silence of the server before a request fails, including the first model load."""
    # Each process reads the key from its own environment; it is never written.
    _api_key: str = PrivateAttr("")

    @property
    def api_key(self) -> str:
        """API key sent with requests; empty if there is none."""
        return self._api_key

    @property
    def host(self) -> str:
        """Host in the URL."""
        return urlsplit(self.base_url).hostname or ""

    @property
    def port(self) -> int:
        """Port in the URL, else the default of its scheme."""
        parts = urlsplit(self.base_url)
        return parts.port or SERVER_PORTS.get(parts.scheme, 0)

    def with_key(self, api_key: str) -> "Connection":
        """Return the connection with an API key."""
        connection = self.model_copy()
        connection._api_key = api_key  # noqa: SLF001 - of its own class
        return connection


class Locality(StrEnum):
    """Whether the server computes on the measured machine."""

    LOCAL = "local"
    """On the measured machine."""
    REMOTE = "remote"
    """On another machine: the speed isn't this host's. Also if a local server forwards requests."""
    UNKNOWN = "unknown"
    """Not known."""


class ModelIdentity(Record):
    """The server's description of the model; null where it gives none."""

    id: str
    """As requests name it."""
    aliases: tuple[str, ...] = ()
    """Other names that the server's list gives this model: a path, a loaded instance, a remote
    name."""
    lookalikes: tuple[str, ...] = ()
    """Similar names that the list gives to other models, such as another quantization."""
    owner: str | None = None
    """`owned_by` in the list of the OpenAI API."""
    remote_host: str | None = None
    """Host that computes, if the server reports that it forwards requests: Ollama's cloud, a
    device linked to LM Studio."""
    loaded: tuple[str, ...] | None = None
    """Models that LM Studio had in memory after the test inference; null elsewhere."""
    architecture: str | None = None
    format: str | None = None
    """`gguf`, `mlx`, ..."""
    quantization: str | None = None
    """As in `Q4_K_M` or `mxfp4`."""
    bits_per_weight: float | None = None
    """Of the quantization."""
    parameters: str | None = None
    """As the server writes it, as in `20B`."""
    size_bytes: int | None = None
    """Of the weights."""
    context_length: int | None = None
    """Tokens that the loaded model holds, prompt and answer together."""
    parallel: int | None = None
    """Requests that the server processes at once; further ones wait."""
    gpu_offload: float | None = None
    """Share of the layers on the GPU; below 1 the CPU computes too."""
    weights_sha256: str | None = None
    """Of the weights file, where NOBS itself hashed it before it was served."""
    projector: str | None = None
    """File of the vision projector, where NOBS itself started the server."""
    projector_sha256: str | None = None
    """Of that file."""
    vision: bool | None = None
    """Whether the server says that the model takes images."""
    runtime: str | None = None
    """Inference software."""
    runtime_version: str | None = None


class RequestShape(Record):
    """Fields of a timed request: the pinned ones except those that the server refuses.

    Determined by the check of the server before measuring.
    """

    nonce_role: Literal["system", "user"] = "system"
    """Message that begins with the nonce; `user` where the chat template has no system role (an
    open result)."""
    limit_field: Literal["max_tokens", "max_completion_tokens"] | None = "max_tokens"
    """Field that limits the output tokens; null where the server takes neither (an open result)."""
    temperature: bool = True
    """Whether the pinned temperature is sent; false makes the result open."""
    stream_options: bool = True
    """Whether usage is requested; if none is sent, token counts are estimates."""

    @property
    def deviations(self) -> tuple[str, ...]:
        """Return the differences from the pinned request, one clause each."""
        clauses = {
            "the nonce is in the user message, the server refuses a system message":
                self.nonce_role != "system",
            "the output is limited by max_completion_tokens, the server refuses max_tokens":
                self.limit_field == "max_completion_tokens",
            "the output has no limit, the server refuses max_tokens and max_completion_tokens":
                self.limit_field is None,
            "no temperature is sent, the server refuses it": not self.temperature,
            "no stream_options are sent, the server refuses them": not self.stream_options,
        }  # fmt: skip
        return tuple(clause for clause, holds in clauses.items() if holds)

    @property
    def open_reasons(self) -> tuple[str, ...]:
        """Return the deviations that change the work; the limit's name and usage don't."""
        reasons = {
            "request.nonce_role: user instead of system": self.nonce_role != "system",
            "request.limit_field: not sent": self.limit_field is None,
            "request.temperature: not sent": not self.temperature,
        }
        return tuple(reason for reason, holds in reasons.items() if holds)


class ServerRef(Record):
    """Server and model as observed."""

    provider: str
    """`lmstudio`, `openai`, `ollama`, `llamacpp`, or a third party's."""
    base_url: str
    """As in `http://127.0.0.1:1234/v1`, without user or password."""
    socket: str | None = None
    """Unix socket through which a container reaches the server; null where the URL is used."""
    model: str
    """As the requests name it."""
    locality: Locality = Locality.UNKNOWN
    """Whether it computes on this machine."""
    locality_reason: str | None = None
    """Why it isn't `local`: the other host, the remote model, the gateway's header; null for a
    local one."""
    setup: bool = False
    """Whether NOBS was allowed to start the server and to download and load the model."""
    request_timeout_s: float = Field(DEFAULT_REQUEST_TIMEOUT_S, gt=0)
    """Longest silence of the server before a request fails."""
    identity: ModelIdentity | None = None
    """The server's own description of the model."""
    request: RequestShape = RequestShape()
    """Fields of the timed requests."""
