"""Records of served embeddings in a report."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from nobs.schema.base import Record
from nobs.schema.report import Interval, ModelReport
from nobs.schema.server import ServerRef
from nobs.schema.telemetry import Figure


class CellRun(Record):
    """One cell in one repeat, raw."""

    inputs: int
    """Texts per request."""
    concurrency: int
    """Requests in flight."""
    requests: int
    """Sent, or to be sent when the server stopped answering."""
    rows: int
    """Texts whose vectors came back."""
    duration_s: float
    """From the first byte of the first request to the last byte of the last answer."""
    latencies_s: tuple[float, ...] = ()
    """Of each whole answer: from the request's first byte to the answer's last one."""
    tokens: int | None = None
    """Of the texts whose vectors came back, by the server's `usage`; null if an answer has none."""
    failures: dict[str, int] = Field(default_factory=dict)
    """Number of failed requests by class."""
    client_cpu_share: float | None = None
    """CPU time of the sending process over the time of the cell; near 1 the client is the limit."""


class ServedEmbeddingsRun(Record):
    """One timed repeat."""

    cells: tuple[CellRun, ...]
    """In order, without those that were left out."""


class EmbeddingsCell(BaseModel):
    """One request size at one concurrency; figures are over all repeats."""

    inputs: int
    """Texts per request."""
    concurrency: int
    """Requests in flight."""
    skipped: str = ""
    """Why it was left out, or has no figures; empty if measured."""
    requests: int = 0
    """Sent in all repeats."""
    failures: dict[str, int] = Field(default_factory=dict)
    """Number of failed requests by class; with more than a tenth there are no figures."""
    rows_per_second: float | None = None
    """Median of the repeats: texts whose vectors came back, over the time of the cell."""
    rows_per_second_interval: Interval | None = None
    """CI of `rows_per_second`."""
    tokens_per_second: float | None = None
    """The same for tokens, by the server's `usage`; null if it has none."""
    p50_latency_s: float | None = None
    """Median over the repeats of each repeat's median latency of a request."""
    p50_latency_interval: Interval | None = None
    """CI of `p50_latency_s`."""
    p99_latency_s: float | None = None
    """By nearest rank over the requests of all repeats; null with fewer than 100 answers."""
    client_cpu_share: float | None = None
    """CPU time of the sending process over the time of the cell, median of the repeats; above 0.8
    the client may be the limit."""


class Base64Answer(StrEnum):
    """What the server does if it is asked for vectors in base64."""

    SAME = "same"
    """The same vectors, in base64."""
    IGNORED = "ignored"
    """The same vectors, as numbers."""
    REFUSED = "refused"
    """An error."""
    DIFFERENT = "different"
    """Other vectors than as numbers."""


class StoredCheck(BaseModel):
    """Comparison of timed vectors with stored ones, of the leading dimensions that are stored."""

    model: str
    """Model of the stored vectors."""
    expected: bool
    """Whether the server says that it has this model; otherwise a low cosine only means that it has
    another one."""
    rows: int
    """Timed vectors of texts with a stored vector, in all repeats."""
    lowest_cosine: float | None
    """Of all of them; null without any."""
    threshold: float
    """Minimum for vectors of the same weights in any number format of 16 bits or more."""


class VectorCheck(BaseModel):
    """Whether the vectors can be right."""

    dimension: int | None
    """Length of a vector; null without an answer."""
    vectors: int
    """Timed vectors that were checked: length, finite values, a norm above 0."""
    lowest_norm: float | None
    """Euclidean norm; most servers return vectors of norm 1."""
    highest_norm: float | None
    wrong: dict[str, int] = Field(default_factory=dict)
    """Timed answers with wrong vectors, by fault: `count`, `dimension`, `index`, `not-finite`,
    `not-numbers`, `zero`. They count as failed."""
    reordered: int = 0
    """Answers whose vectors were in another order than the texts, with the right `index`."""
    without_index: int = 0
    """Answers without `index`: the order of the texts was assumed."""
    stored: StoredCheck | None = None
    """Comparison with stored vectors; null if there are none for these texts."""
    alone: int = 0
    """Texts that were embedded again, alone, and compared with their vector of a larger request."""
    lowest_alone_cosine: float | None = None
    """Lowest cosine of those; a vector mustn't depend on the other texts of its request."""
    related: int = 0
    """Trials: is the vector of a text nearer to that of its own beginning than another text's?"""
    related_right: int = 0
    """Trials with the right answer; random or constant vectors have about half, or none."""
    base64: Base64Answer | None = None
    """Null if not asked, as after a failure."""
    truncated_at: int | None = None
    """Tokens at which the server seems to truncate texts; null if it doesn't."""
    truncated: int = 0
    """Texts that were sent alone and have that many tokens."""


class ServedEmbeddingsReport(ModelReport):
    """Figures of a served model of embeddings; null or empty if it isn't ok.

    `device` is the backend of the run, not the server's hardware. There is no score: a repeat mixes
    loads.
    """

    model_config = ConfigDict(extra="forbid")

    final_median_rows_per_second: float | None = None
    """`rows_per_second` of the cell that has the highest."""
    rows_per_second_interval: Interval | None = None
    """CI of that cell."""
    best_inputs: int | None = None
    """Texts per request of that cell."""
    best_concurrency: int | None = None
    """Requests in flight of that cell."""
    final_median_tokens_per_second: float | None = None
    """`tokens_per_second` of that cell."""
    final_median_latency_s: float | None = None
    """`p50_latency_s` of the smallest requests, one at a time; null if that cell was left out."""
    latency_interval: Interval | None = None
    """CI of `final_median_latency_s`."""
    embedding_dimension: int | None = None
    """Length of a vector."""
    requests: int | None = None
    """Number sent in the repeats."""
    failures: dict[str, int] = Field(default_factory=dict)
    """Number of failed requests by class."""
    answered_models: dict[str, int] = Field(default_factory=dict)
    """Number of answers by the model named in them."""
    cells: tuple[EmbeddingsCell, ...] = ()
    """All cells of the workload, in the order in which they were measured."""
    skipped: dict[str, str] = Field(default_factory=dict)
    """Why cells were left out, by `INPUTS x CONCURRENCY`."""
    check: VectorCheck | None = None
    """Check of the vectors."""
    server: ServerRef | None = None
    """Server that answered."""
    joules_per_1000_rows: Figure | None = None
    """Energy of the backend's devices in the repeats per 1,000 texts, over all cells, if the server
    computes on this machine."""
    all_runs: tuple[ServedEmbeddingsRun, ...] = ()
    """Repeats, raw, in order."""
