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
    PACKAGE = "package"
    PATH = "path"
    SERVER = "server"
    """A server answers for the model; what it runs is what it says, and no pin of ours."""


class Arrivals(StrEnum):
    """How the requests of an open load arrive."""

    CONSTANT = "constant"
    POISSON = "poisson"


class DatasetPin(Record):
    """The rows of one text column of one data set."""

    id: str
    source: Source = Source.HUB
    revision: str | None = None
    """Commit of the hub's repository; None means whatever `main` is (an open result)."""
    file: str | None = None
    """The one file to fetch; None lets the `datasets` library choose (an open result)."""
    file_bytes: int | None = None
    file_sha256: Sha256 = ""
    config: str | None = None
    split: str = "train"
    column: str = "text"
    rows: int = Field(gt=0)
    """How many rows from the start of the split."""
    rows_sha256: Sha256 = ""
    """sha256 of the selected rows, see `nobs.data.digest_rows`."""
    licence: str = ""


class ModelPin(Record):
    """One model at one revision."""

    id: str
    source: Source = Source.HUB
    revision: str | None = None
    package: str | None = None
    """Registry package that carries the weights, as `module:function` returning their directory.

    Of a model of a server: the module that carries what the embedded server loads.
    """
    weights_file: str | None = None
    weights_sha256: Sha256 = ""
    parameters_m: float | None = None
    """Millions of parameters, for people."""
    trust_remote_code: bool = False
    licence: str = ""


class EmbeddingsParams(Record):
    """What `embeddings` workloads fix."""

    kind: Literal["embeddings"] = "embeddings"
    dtype: Dtype = Dtype.FLOAT32
    batch_size: int = Field(16, gt=0)
    max_seq_length: int = Field(512, gt=0)
    """Tokens, special ones included; longer texts are cut."""
    warmup_rows: int = Field(50, gt=0)


class EmbeddingsMaxParams(Record):
    """What `embeddings-max` workloads fix; the machine's best is searched for the rest."""

    kind: Literal["embeddings-max"] = "embeddings-max"
    min_rows: int = Field(gt=0)
    """The texts are repeated, always all of them, until there are at least so many rows."""
    dtype: Dtype | None = None
    """None: bfloat16 or float16 on accelerators, bfloat16 or float32 on CPUs; what is faster."""
    batch_size: int | None = Field(None, gt=0)
    """None: doubled until throughput stops growing or memory ends."""
    max_seq_length: int = Field(512, gt=0)
    tuning_budget_s: float = Field(60.0, gt=0)
    """Seconds after which no further trial of the search starts."""
    pass_budget_s: float = Field(60.0, gt=0)
    """Where a pass would take longer, the texts are repeated less often, but are all measured."""


class LoadParams(Record):
    """Which load levels are measured after the repeats; always an open result."""

    concurrency: tuple[int, ...] = ()
    """Requests in flight, a level each."""
    rates_per_s: tuple[float, ...] = ()
    """Requests that arrive a second, a level each."""
    arrivals: Arrivals = Arrivals.POISSON
    sweep: bool = False
    """Double the concurrency until throughput stops growing."""
    seed: int = 1


class LlmParams(Record):
    """What `llms` workloads fix."""

    kind: Literal["llms"] = "llms"
    max_output_tokens: int = Field(2048, gt=0)
    temperature: float = Field(0.0, ge=0)
    warmup_prompts: int = Field(1, ge=0)
    min_output_tokens: int = Field(2, gt=0)
    """An answer with fewer has no generation time: it counts as short and has no figures."""
    load: LoadParams | None = None


type Params = EmbeddingsParams | EmbeddingsMaxParams | LlmParams
"""What a workload fixes; `kind` is the task's name, or the name of a variant: `TASK-VARIANT`."""
_OWNED_KINDS = ("embeddings", "embeddings-max", "llms")


class RepeatPolicy(Record):
    """When repeating stops: `repeats` fixes the number, otherwise the interval decides."""

    repeats: int | None = Field(None, gt=0)
    min_repeats: int = Field(3, gt=0)
    ci_rel_width: float = Field(0.01, gt=0)
    """Stop when the 95 % interval of the median lies within this share of the median."""
    time_budget_s: float = Field(60.0, gt=0)
    """Seconds of measuring a model after which no further repeat starts."""


class Workload(Record):
    """The pinned work of a task, with the reasons that make a result open."""

    name: str
    version: int
    task: str
    dataset: DatasetPin
    models: tuple[ModelPin, ...]
    params: Annotated[Params, Field(discriminator="kind")]
    policy: RepeatPolicy = RepeatPolicy()
    open_reasons: tuple[str, ...] = ()

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
