"""What a report says of an embedding model."""

from collections.abc import Mapping
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from nobs.schema.base import Dtype, Record
from nobs.schema.report import Interval, ModelReport
from nobs.schema.telemetry import Figure
from nobs.tasks.text_embeddings.tuning import Outcome

LEAST_COSINE: Mapping[Dtype, float] = {
    Dtype.FLOAT32: 0.9999,
    Dtype.FLOAT16: 0.999,
    Dtype.BFLOAT16: 0.99,
}
"""What rounding may cost; other kernels and batches stay within (benchmarks/rounding.py)."""


class EmbeddingsRun(Record):
    """One timed repeat, as reports have always shown it."""

    encoding_time_seconds: float
    rows_per_second: float


class Origin(StrEnum):
    """Who chose the modules of a model."""

    SAVED = "saved"
    """The model: they are those of its modules.json."""
    GUESSED = "guessed"
    """sentence-transformers: there is no modules.json, so it put its default pooling in place."""
    CONVERTED = "converted"
    """sentence-transformers: it loaded other classes than modules.json lists."""


class Encoder(BaseModel):
    """What sentence-transformers loaded, and which way the rows went through it."""

    model_config = ConfigDict(extra="forbid")

    modules: tuple[str, ...]
    """Classes of the modules that a row passes, in their order."""
    architecture: str | None
    """Class of the transformer among them; null without one, as in static embeddings."""
    pooling: str | None
    """Mode of the first pooling, as in `mean` or `cls`; null where no module pools tokens."""
    route: str | None
    """Route of a router that the rows took; null for models with one way only."""
    prompt: str | None
    """What stood before every text, as the model's settings say; null for most models."""
    origin: Origin
    published_architecture: str | None
    """What config.json names where a guess left its head out, as in `BertForMaskedLM`."""
    random_weights: tuple[str, ...] = ()
    """Weights that the files don't hold, so that transformers made them up at random."""


class EncodePhases(BaseModel):
    """Where the time of `encode` goes, from one pass with the device synchronised in between."""

    model_config = ConfigDict(extra="forbid")

    rows: int
    batches: int
    all_batches: int
    """Of a whole pass; more than `batches` where a whole one would have taken too long."""
    tokenise_s: float
    copy_in_s: float
    forward_s: float
    copy_out_s: float
    other_s: float
    host_share: float
    """Share of the pass outside `forward_s`: an accelerator waits meanwhile."""


class TuningTrial(BaseModel):
    """One choice that was tried on batches of the text of median length."""

    model_config = ConfigDict(extra="forbid")

    dtype: Dtype
    attention: str | None
    batch_size: int
    outcome: Outcome
    rows_per_s: float | None


class Tuning(BaseModel):
    """How the best settings were found."""

    model_config = ConfigDict(extra="forbid")

    stopped_by: str
    duration_s: float
    min_rows: int
    """What the workload asks a pass to have; fewer where it would have taken too long."""
    trials: tuple[TuningTrial, ...]


class ComputedWork(BaseModel):
    """What one pass computes and reads."""

    model_config = ConfigDict(extra="forbid")

    flop_method: str
    model_flop: float
    """Of all rows at their real lengths."""
    padded_flop: float
    """Of all rows at the lengths of their batches."""
    weights_bytes: int
    """Weights of the layers, once a batch."""


class Arithmetic(BaseModel):
    """What the model reached of what the device can do; rates are FLOP/s and bytes/s."""

    model_config = ConfigDict(extra="forbid")

    model_flop_per_s: float
    padded_flop_per_s: float
    matmul_flop_per_s: float | None = None
    """The faster of the matrix products before and after the repeats."""
    matmul_loss: float | None = None
    """Share of the first product's rate that the second one lacks; negative if it was faster."""
    share_of_matmul: float | None = None
    padded_share_of_matmul: float | None = None
    data_sheet_flop_per_s: float | None = None
    data_sheet: str | None = None
    share_of_data_sheet: float | None = None
    weights_bytes_per_s: float | None = None
    """Less than what truly moves."""
    copy_bytes_per_s: float | None = None
    copy_loss: float | None = None
    least_share_of_copy: float | None = None


class ReferenceCheck(BaseModel):
    """How near the embeddings of a timed pass were to stored ones; a step that is too far fails."""

    model_config = ConfigDict(extra="forbid")

    rows: int
    """Rows whose text has a stored embedding; 0: none is stored, so nothing was compared."""
    lowest_cosine: float | None = None
    least_cosine: float | None = None
    """What the number format must reach."""


class EmbeddingsModelReport(ModelReport):
    """A model's figures; times are seconds for all rows, rates are rows per second."""

    model_config = ConfigDict(extra="forbid")

    final_median_encoding_time_seconds: float | None = None
    final_median_rows_per_second: float | None = None
    encoding_time_interval: Interval | None = None
    embedding_dimension: int | None = None
    dtype: Dtype | None = None
    max_seq_length: int | None = None
    batch_size: int | None = None
    rows_per_pass: int | None = None
    """Rows of a repeat: those of the data set, or all of them several times."""
    tokens: int | None = None
    """Tokens of all rows after truncation, special ones included, padding excluded."""
    final_median_tokens_per_second: float | None = None
    padded_tokens: int | None = None
    """Tokens that were computed: each row counts as the longest of its batch."""
    padding_efficiency: float | None = None
    truncated_rows: int | None = None
    parameters: int | None = None
    encoder: Encoder | None = None
    attention_implementation: str | None = None
    parameter_device: str | None = None
    """Where torch says the weights are, as in `cuda:0`."""
    reference: ReferenceCheck | None = None
    tuning: Tuning | None = None
    encode_phases: EncodePhases | None = None
    work: ComputedWork | None = None
    arithmetic: Arithmetic | None = None
    joules_per_1000_rows: Figure | None = None
    joules_per_1000_tokens: Figure | None = None
    all_runs: tuple[EmbeddingsRun, ...] = ()

    @property
    def is_shortened(self) -> bool:
        """Whether a pass had fewer rows than the workload asks for."""
        wanted = self.tuning.min_rows if self.tuning else 0
        return (self.rows_per_pass or 0) < wanted
