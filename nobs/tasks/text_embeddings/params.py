"""Parameters of embedding workloads."""

from typing import Literal

from pydantic import Field

from nobs.schema.enums import Dtype
from nobs.tasks.parameters import ClosedParams


class EmbeddingsParams(ClosedParams):
    """Parameters of `embeddings` workloads."""

    kind: Literal["embeddings"] = "embeddings"
    dtype: Dtype = Dtype.FLOAT32
    batch_size: int = Field(16, gt=0)
    """Rows per batch."""
    max_seq_length: int = Field(512, gt=0)
    """Tokens, special ones included; longer texts are truncated."""
    warmup_rows: int = Field(50, gt=0)
    """Rows that are encoded before measuring."""


class EmbeddingsColdParams(ClosedParams):
    """Parameters of `embeddings-cold` workloads: a new process embeds one text."""

    kind: Literal["embeddings-cold"] = "embeddings-cold"
    dtype: Dtype = Dtype.FLOAT32
    max_seq_length: int = Field(512, gt=0)
    """Tokens, special ones included; longer texts are truncated."""
    warm_passes: int = Field(5, gt=0)
    """Passes after the first one; their median is the steady time."""


class EmbeddingsFitParams(ClosedParams):
    """Parameters of `embeddings-fit` workloads: memory by batch size, in a new process."""

    kind: Literal["embeddings-fit"] = "embeddings-fit"
    dtype: Dtype = Dtype.FLOAT32
    max_seq_length: int = Field(512, gt=0)
    """Tokens of every row, special ones included."""
    batch_sizes: tuple[int, ...] = Field(min_length=2)
    """Rows per batch, in ascending order; the growth ends where one doesn't fit."""
    memory_share: float = Field(0.8, gt=0, le=0.9)
    """Share of the machine's free memory that the process may take."""
    budget_s: float = Field(60.0, gt=0)
    """Seconds after which a process tries no further size."""


class EmbeddingsMaxParams(ClosedParams):
    """Parameters of `embeddings-max` workloads; null ones are tuned."""

    kind: Literal["embeddings-max"] = "embeddings-max"
    min_rows: int = Field(gt=0)
    """The texts are repeated, always all of them, until a pass has at least this many rows."""
    dtype: Dtype | None = None
    """Null: bfloat16 or float16 on accelerators, bfloat16 or float32 on CPUs,
    whichever is faster."""
    batch_size: int | None = Field(None, gt=0)
    """Rows per batch; null: doubled until throughput stops growing or memory runs out."""
    max_seq_length: int = Field(512, gt=0)
    """Tokens, special ones included; longer texts are truncated."""
    tuning_budget_s: float = Field(60.0, gt=0)
    """Seconds after which no further trial of the search starts."""
    pass_budget_s: float = Field(60.0, gt=0)
    """Maximum time of a pass; if longer, the texts are repeated less often, at least once."""
