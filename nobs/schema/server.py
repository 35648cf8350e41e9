"""The server that answers for an LLM: where it is, what it says it runs, whose hardware it uses."""

from enum import StrEnum
from typing import Literal

from pydantic import Field

from nobs.schema.base import Record


class Locality(StrEnum):
    """Whether the server computes on the measured machine."""

    LOCAL = "local"
    REMOTE = "remote"
    """Another machine: its speed is never credited to this host."""
    UNKNOWN = "unknown"


class ModelIdentity(Record):
    """What the server says of the model it serves; None where it says nothing."""

    id: str
    """As requests name it."""
    aliases: tuple[str, ...] = ()
    """Other names that the server's list gives this model: a path, an instance, a remote name."""
    lookalikes: tuple[str, ...] = ()
    """Names much like `id` that the list gives to other models, as another quantisation's."""
    owner: str | None = None
    """As the list of OpenAI's API says in `owned_by`."""
    remote_host: str | None = None
    """What computes, where the server says that it passes requests on: a host, a linked device."""
    loaded: tuple[str, ...] | None = None
    """Models in memory after a test inference; None where the server doesn't say."""
    architecture: str | None = None
    format: str | None = None
    """`gguf`, `mlx`, ..."""
    quantization: str | None = None
    """As in `Q4_K_M` or `mxfp4`."""
    bits_per_weight: float | None = None
    parameters: str | None = None
    """As servers write it: `20B`."""
    size_bytes: int | None = None
    context_length: int | None = None
    """Tokens that the loaded instance holds, of prompt and answer."""
    parallel: int | None = None
    """Requests that the server works on at once; more of them wait."""
    gpu_offload: float | None = None
    """Share of the layers on the GPU; below 1 the CPU computes too."""
    weights_sha256: str | None = None
    """Of the one file that NOBS itself hashed before it had it served."""
    runtime: str | None = None
    runtime_version: str | None = None


class RequestShape(Record):
    """What a timed request is made of: all that is pinned, less what the server has refused.

    The check of the server finds it, before anything is timed.
    """

    nonce_role: Literal["system", "user"] = "system"
    """Which message begins with the nonce; `user` where the chat template has no system role."""
    limit_field: Literal["max_tokens", "max_completion_tokens"] | None = "max_tokens"
    """The field that limits the output tokens; null where the server takes neither."""
    temperature: bool = True
    """Whether the pinned temperature is sent; else the server samples as it likes."""
    stream_options: bool = True
    """Whether usage is asked for; without it, many servers send none and tokens are estimated."""

    @property
    def deviations(self) -> tuple[str, ...]:
        """Return what differs from the pinned request, a clause each."""
        told = {
            "the nonce is in the user message, the server refuses a system message":
                self.nonce_role != "system",
            "the output is limited by max_completion_tokens, the server refuses max_tokens":
                self.limit_field == "max_completion_tokens",
            "the output has no limit, the server refuses max_tokens and max_completion_tokens":
                self.limit_field is None,
            "no temperature is sent, the server refuses it": not self.temperature,
            "no stream_options are sent, the server refuses them": not self.stream_options,
        }  # fmt: skip
        return tuple(clause for clause, holds in told.items() if holds)

    @property
    def open_reasons(self) -> tuple[str, ...]:
        """Return what makes the work another one; where a limit stands, or usage, doesn't."""
        told = {
            "request.nonce_role: user instead of system": self.nonce_role != "system",
            "request.limit_field: not sent": self.limit_field is None,
            "request.temperature: not sent": not self.temperature,
        }
        return tuple(reason for reason, holds in told.items() if holds)


class ServerRef(Record):
    """One server and model, as the worker reaches them; the key is never part of it."""

    provider: str
    base_url: str
    """As in `http://127.0.0.1:1234/v1`, without a user or password."""
    socket: str | None = None
    """Unix socket that the worker connects to in place of the URL's host."""
    model: str
    locality: Locality = Locality.UNKNOWN
    locality_reason: str | None = None
    """Why it isn't this machine, or may not be."""
    setup: bool = False
    """Whether the launcher was allowed to start, fetch and load what was missing."""
    max_wait_s: float = Field(300.0, gt=0)
    """Longest silence of the server; after it, a request has failed."""
    identity: ModelIdentity | None = None
    request: RequestShape = RequestShape()
