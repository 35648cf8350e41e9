"""The server that answers for an LLM: where it is, what it says it runs, whose hardware it uses."""

from enum import StrEnum

from pydantic import Field

from nobs.schema.base import Record


class Locality(StrEnum):
    """Whether the server computes on the measured machine."""

    LOCAL = "local"
    REMOTE = "remote"
    """Another machine: its speed is never credited to this host."""
    UNKNOWN = "unknown"


class ModelIdentity(Record):
    """What the server tells of the model it serves; None where it doesn't tell."""

    id: str
    """As requests name it."""
    aliases: tuple[str, ...] = ()
    """Other names that the server's list gives this model: a path, an instance, a remote name."""
    lookalikes: tuple[str, ...] = ()
    """Names much like `id` that the list gives to other models, as another quantisation's."""
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


class ServerRef(Record):
    """One server and model, as the worker reaches them; the key is never part of it."""

    provider: str
    base_url: str
    """As in `http://127.0.0.1:1234/v1`, without a user or password."""
    socket: str | None = None
    """Unix socket that the worker connects to in place of the URL's host."""
    model: str
    locality: Locality = Locality.UNKNOWN
    setup: bool = False
    """Whether the launcher was allowed to start, fetch and load what was missing."""
    max_wait_s: float = Field(300.0, gt=0)
    """Longest silence of the server; after it, a request has failed."""
    identity: ModelIdentity | None = None
