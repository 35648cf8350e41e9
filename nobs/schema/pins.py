"""Pins: which exact data, model and parameters a workload is made of."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from nobs.schema.base import Division, Dtype, Record

Sha256 = str
"""64 lower-case hex digits; empty where nobody has verified the digest yet."""


class Source(StrEnum):
    """Where texts or weights come from."""

    HUB = "hub"
    """A repository of the Hugging Face hub."""
    PACKAGE = "package"
    """A Python package, or NOBS itself."""
    PATH = "path"
    """A file or directory of the user's."""
    SERVER = "server"
    """A server answers for the model and reports what it runs; NOBS pins nothing of it."""


class Arrivals(StrEnum):
    """How the requests of an arrival rate arrive."""

    CONSTANT = "constant"
    """At equal intervals."""
    POISSON = "poisson"
    """At random, with exponentially distributed intervals."""


class DatasetPin(Record):
    """Rows of one text column of one data set."""

    id: str
    """Repository of the hub, path, or name of a data set that comes with NOBS."""
    source: Source = Source.HUB
    revision: str | None = None
    """Commit of the hub's repository; null: the newest one (an open result)."""
    file: str | None = None
    """The one file to fetch; null: the `datasets` library chooses (an open result)."""
    file_bytes: int | None = None
    file_sha256: Sha256 = ""
    """Empty where nobody has verified it yet."""
    config: str | None = None
    """Configuration of the data set; null where it has only one."""
    split: str = "train"
    column: str = "text"
    """Column that holds the texts."""
    rows: int = Field(gt=0)
    """How many rows from the start of the split."""
    rows_sha256: Sha256 = ""
    """sha256 of the selected rows; empty where nobody has verified it yet."""
    licence: str = ""


class ModelPin(Record):
    """One model at one revision."""

    id: str
    """Name of the model: a repository of the hub, a path, or the name that a server gives it."""
    source: Source = Source.HUB
    revision: str | None = None
    """Commit of the hub's repository; null for packages, paths and servers."""
    package: str | None = None
    """Registry package that carries the weights, as `module:function` returning their directory.

    Of a model of a server: the module that carries what the embedded server loads.
    """
    weights_file: str | None = None
    """File whose digest is pinned."""
    weights_sha256: Sha256 = ""
    """Digest of `weights_file`; empty where nobody has verified it yet."""
    parameters_m: float | None = None
    """Millions of parameters, for people; null if unknown."""
    trust_remote_code: bool = False
    """Whether the model may run its own code."""
    licence: str = ""
    """Of the weights."""


class EmbeddingsParams(Record):
    """Parameters of `embeddings` workloads."""

    kind: Literal["embeddings"] = "embeddings"
    dtype: Dtype = Dtype.FLOAT32
    batch_size: int = Field(16, gt=0)
    """Rows per batch."""
    max_seq_length: int = Field(512, gt=0)
    """Tokens, special ones included; longer texts are cut."""
    warmup_rows: int = Field(50, gt=0)
    """Rows that are encoded before measuring."""


class EmbeddingsMaxParams(Record):
    """Parameters of `embeddings-max` workloads; the best of the rest is searched for."""

    kind: Literal["embeddings-max"] = "embeddings-max"
    min_rows: int = Field(gt=0)
    """The texts are repeated, always all of them, until a pass has at least this many rows."""
    dtype: Dtype | None = None
    """Null: bfloat16 or float16 on accelerators, bfloat16 or float32 on CPUs,
    whichever is faster."""
    batch_size: int | None = Field(None, gt=0)
    """Rows per batch; null: doubled until throughput stops growing or memory ends."""
    max_seq_length: int = Field(512, gt=0)
    """Tokens, special ones included; longer texts are cut."""
    tuning_budget_s: float = Field(60.0, gt=0)
    """Seconds after which no further trial of the search starts."""
    pass_budget_s: float = Field(60.0, gt=0)
    """Where a pass would take longer, the texts are repeated less often, each at least once."""


class LoadParams(Record):
    """Load levels to measure after the repeats; always an open result."""

    concurrency: tuple[int, ...] = ()
    """Requests in flight, one load level each."""
    rates_per_s: tuple[float, ...] = ()
    """Requests that arrive per second, one load level each."""
    arrivals: Arrivals = Arrivals.POISSON
    sweep: bool = False
    """Whether the concurrency is doubled until throughput stops growing."""
    seed: int = 1
    """Of the arrival times."""


class LlmParams(Record):
    """Parameters of `llms` workloads."""

    kind: Literal["llms"] = "llms"
    max_output_tokens: int = Field(2048, gt=0)
    """Limit of a request, reasoning included."""
    temperature: float = Field(0.0, ge=0)
    """0: always the most probable token."""
    warmup_prompts: int = Field(1, ge=0)
    """Prompts that are sent before measuring."""
    min_output_tokens: int = Field(2, gt=0)
    """An answer with fewer tokens has no generation time: it fails as `short`."""
    load: LoadParams | None = None
    """Load levels that are measured after the repeats; null: none."""


type Params = EmbeddingsParams | EmbeddingsMaxParams | LlmParams
"""What a workload fixes; `kind` is the task's name, or the name of a variant: `TASK-VARIANT`."""
_OWNED_KINDS = ("embeddings", "embeddings-max", "llms")


class RepeatPolicy(Record):
    """When repeating stops."""

    repeats: int | None = Field(None, gt=0)
    """Fixed number of repeats; null: the CI decides."""
    min_repeats: int = Field(3, gt=0)
    """Least number of repeats where the CI decides."""
    ci_rel_width: float = Field(0.01, gt=0)
    """Repeating stops when both ends of the CI lie within this share of the median."""
    time_budget_s: float = Field(60.0, gt=0)
    """Seconds of measuring a model after which no further repeat starts."""


class Workload(Record):
    """The pinned work of a task, with the reasons that make a result open."""

    name: str
    """Without the version, as in `embeddings`."""
    version: int
    """A published version never changes."""
    task: str
    dataset: DatasetPin
    models: tuple[ModelPin, ...]
    params: Annotated[Params, Field(discriminator="kind")]
    policy: RepeatPolicy = RepeatPolicy()
    open_reasons: tuple[str, ...] = ()
    """Differences from the pins, as in `params.dtype: float16 instead of float32`."""

    @model_validator(mode="before")
    @classmethod
    def _tag_params(cls, data: Any) -> Any:  # noqa: ANN401 - whatever a file holds
        """Name the kind of parameters that were written before they had one."""
        if not isinstance(data, Mapping) or not isinstance(data.get("params"), Mapping):
            return data
        is_max = data.get("task") == "embeddings" and "min_rows" in data["params"]
        kind = "embeddings-max" if is_max else data.get("task")
        return {**data, "params": {"kind": kind, **data["params"]}}

    @model_validator(mode="after")
    def _check_kind(self) -> Self:
        """Refuse parameters of another task; one that isn't built in may borrow any."""
        is_ours = any(_is_of(kind, self.task) for kind in _OWNED_KINDS)
        if is_ours and not _is_of(self.params.kind, self.task):
            raise ValueError(f"params are of the kind {self.params.kind}, the task is {self.task}")
        return self

    @property
    def label(self) -> str:
        """The name people cite, as in `embeddings/1`."""
        return f"{self.name}/{self.version}"

    @property
    def division(self) -> Division:
        """Closed unless anything pinned was changed."""
        return Division.OPEN if self.open_reasons else Division.CLOSED


def _is_of(kind: str, task: str) -> bool:
    return kind == task or kind.startswith(f"{task}-")
