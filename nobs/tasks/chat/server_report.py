"""Records of the figures that a server publishes about itself."""

from pydantic import BaseModel


class ServerWindow(BaseModel):
    """What a server's `/metrics` said before, during and after one window of requests.

    Gauges are of the reads within the window, at 1 Hz; null if there were none, or if the server
    doesn't publish them. Counts are those after the window minus those before it.
    """

    reads: int
    """Usable reads, the first before and the last after the window."""
    failed_reads: int = 0
    """Reads without an answer, or without a known metric."""
    running_before: int | None = None
    """Requests that the server was computing before the window."""
    running_mean: float | None = None
    """Requests that the server was computing."""
    running_max: int | None = None
    waiting_mean: float | None = None
    """Requests in the server's queue."""
    waiting_max: int | None = None
    kv_usage_max: float | None = None
    """Highest share of the KV cache in use, of the fullest engine."""
    preemptions: int | None = None
    """Requests whose computation was interrupted, for example because the KV cache was full."""
    cached_tokens: int | None = None
    """Input tokens that were found in the prefix cache."""
    output_tokens: int | None = None
    """Tokens that were generated."""
    requests: int | None = None
    """Requests that ended."""


class ServerMetrics(BaseModel):
    """The figures that the server publishes about itself, or why there are none."""

    kind: str | None = None
    """Whose metrics they are: `vllm`, `llama.cpp`, `sglang` or `tgi`; null if there are none."""
    absent: str = ""
    """Why there are none; else empty."""
    repeats: ServerWindow | None = None
    """From before the first to after the last repeat."""
