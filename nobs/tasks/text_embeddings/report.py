"""What a report says of an embedding model."""

from collections.abc import Mapping
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from nobs.schema.base import Dtype, Record
from nobs.schema.report import Interval, ModelReport
from nobs.schema.telemetry import Figure
from nobs.tasks.text_embeddings.tuning import Outcome

COSINE_THRESHOLDS: Mapping[Dtype, float] = {
    Dtype.FLOAT32: 0.9999,
    Dtype.FLOAT16: 0.999,
    Dtype.BFLOAT16: 0.99,
}
"""What rounding may cost; other kernels and batches stay within (benchmarks/rounding.py)."""


class EmbeddingsRun(Record):
    """One timed repeat."""

    encoding_time_seconds: float
    """Time of all rows."""
    rows_per_second: float
    """Rows over that time."""


class Origin(StrEnum):
    """Who chose the modules of a model."""

    SAVED = "saved"
    """The model: they are those of its modules.json."""
    GUESSED = "guessed"
    """sentence-transformers: there is no modules.json, so it put its default pooling in place."""
    CONVERTED = "converted"
    """sentence-transformers: it loaded other classes than modules.json lists."""


class Encoder(BaseModel):
    """Modules that sentence-transformers loaded, and the route of the rows through them.

    Guessed or converted modules make the result open.
    """

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
    """Text that was put before every row, as the model's settings say; null for most models."""
    origin: Origin
    """Who chose the modules."""
    published_architecture: str | None
    """Class that config.json names where a guess loaded another one, as in `BertForMaskedLM`; else
    null."""
    random_weights: tuple[str, ...] = ()
    """Weights that are missing from the files, so that transformers initialised them at random (an
    open result); a pooler that nothing reads is left out."""


class EncodePhases(BaseModel):
    """Where the time of `encode` goes, from one pass with the device synchronised in between.

    It follows the repeats. Of a pass of more than a second only some batches run, evenly spaced
    from the longest texts to the shortest.
    """

    model_config = ConfigDict(extra="forbid")

    rows: int
    """Of this pass."""
    batches: int
    """Of this pass."""
    all_batches: int
    """Of a whole pass; more than `batches` where that would have taken too long."""
    tokenise_s: float
    """From texts to tensors, padded."""
    copy_in_s: float
    """Tensors to the device."""
    forward_s: float
    """The model, pooling included."""
    copy_out_s: float
    """Embeddings from the device and back into order."""
    other_s: float
    """Sorting by length."""
    host_share: float
    """Share of the pass outside `forward_s`: the time that an accelerator waits for its host."""


class TuningTrial(BaseModel):
    """One choice that was tried on batches of the text of median length."""

    model_config = ConfigDict(extra="forbid")

    dtype: Dtype
    attention: str | None
    """Attention kernel asked for; null: transformers chooses."""
    batch_size: int
    """Rows per batch."""
    outcome: Outcome
    rows_per_s: float | None
    """Null without an `ok`."""


class Tuning(BaseModel):
    """Search for the best settings."""

    model_config = ConfigDict(extra="forbid")

    stopped_by: str
    """`throughput`, `memory`, `time`, `the largest batch`, or `the batch size was given`."""
    duration_s: float
    """Time of the search, part of `warmup_s`."""
    min_rows: int
    """Rows that a pass should have; `rows_per_pass` is less where that would take too long."""
    trials: tuple[TuningTrial, ...]
    """In their order."""


class ComputedWork(BaseModel):
    """FLOPs and bytes of one pass. A multiply-add counts as two, and only matrix products count."""

    model_config = ConfigDict(extra="forbid")

    flop_method: str
    """`formula of BERT`, `formula of ModernBERT` or `counted by torch`."""
    model_flop: float
    """FLOPs of all rows at their real lengths."""
    padded_flop: float
    """FLOPs of all rows at the lengths of their batches."""
    weights_bytes: int
    """Weights of the layers, once per batch."""


class Utilisation(BaseModel):
    """Achieved rates against the device's peaks; FLOP/s and bytes/s."""

    model_config = ConfigDict(extra="forbid")

    model_flop_per_s: float
    """`model_flop` over the median time."""
    padded_flop_per_s: float
    """`padded_flop` over the median time."""
    matmul_flop_per_s: float | None = None
    """The faster of the matrix products before and after the repeats."""
    matmul_loss: float | None = None
    """Relative drop from the first product's rate to the second's: throttling, or another process;
    negative if the second was faster."""
    mfu: float | None = None
    """MFU: `model_flop_per_s` over `matmul_flop_per_s`; null, with a warning, where the model was
    faster than the products."""
    mfu_padded: float | None = None
    """The same with `padded_flop_per_s`; known as HFU."""
    data_sheet_flop_per_s: float | None = None
    """The vendor's figure for this number format, where the catalogue has it; null for a slice of a
    GPU."""
    data_sheet: str | None = None
    """Source of that figure."""
    mfu_data_sheet: float | None = None
    """`model_flop_per_s` over `data_sheet_flop_per_s`."""
    weights_bytes_per_s: float | None = None
    """`weights_bytes` over the median time, less than the real traffic."""
    copy_bytes_per_s: float | None = None
    """The faster of the copies before and after the repeats, bytes read and written."""
    copy_loss: float | None = None
    """As `matmul_loss`."""
    mbu_min: float | None = None
    """MBU, a lower bound: `weights_bytes_per_s` over `copy_bytes_per_s`."""


class ReferenceCheck(BaseModel):
    """Cosine similarity of the embeddings of a timed pass to stored ones in float32.

    Every row whose text has a stored embedding is compared; one below the threshold fails the
    step.
    """

    model_config = ConfigDict(extra="forbid")

    rows: int
    """Rows whose text has a stored embedding; 0: nothing was compared, and a warning says so."""
    lowest_cosine: float | None = None
    """Of all compared rows."""
    threshold: float | None = None
    """Threshold: 0.9999 in float32, 0.999 in float16, 0.99 in bfloat16."""


class EmbeddingsModelReport(ModelReport):
    """Figures of an embedding model; null if it isn't ok.

    `task_score` is null where a pass had fewer rows than the workload asks for.
    """

    model_config = ConfigDict(extra="forbid")

    final_median_encoding_time_seconds: float | None = None
    """Median time of all rows."""
    final_median_rows_per_second: float | None = None
    """Median of the repeats' rates."""
    encoding_time_interval: Interval | None = None
    """CI of the median time, seconds."""
    embedding_dimension: int | None = None
    """Length of a vector."""
    dtype: Dtype | None = None
    """Read back from the weights."""
    max_seq_length: int | None = None
    """Tokens at which texts are cut, read back from the model; null where it takes them whole."""
    batch_size: int | None = None
    """Rows per batch."""
    rows_per_pass: int | None = None
    """Rows of a repeat: those of the data set, in `embeddings-max` all of them several times."""
    tokens: int | None = None
    """Tokens of all rows after truncation, special ones included, padding excluded; null for a
    model without tokens."""
    final_median_tokens_per_second: float | None = None
    """`tokens` over the median time."""
    padded_tokens: int | None = None
    """Tokens that were computed: each row counts as the longest of its batch."""
    padding_efficiency: float | None = None
    """`tokens` over `padded_tokens`."""
    truncated_rows: int | None = None
    """Rows longer than `max_seq_length`; null where the model doesn't give their lengths."""
    parameters: int | None = None
    """Number of weights, those of all routes included."""
    encoder: Encoder | None = None
    """Modules that encoded the rows; null in reports older than this field."""
    attention_implementation: str | None = None
    """As chosen by transformers, as in `sdpa`."""
    parameter_device: str | None = None
    """Location of the weights according to torch, as in `cuda:0`."""
    reference: ReferenceCheck | None = None
    """Whether the embeddings of the last timed pass are right."""
    tuning: Tuning | None = None
    """How the best settings were found; null where they are pinned."""
    encode_phases: EncodePhases | None = None
    """How the time of a pass is spent."""
    work: ComputedWork | None = None
    """FLOPs and bytes of a pass; null where the model's FLOPs are not known."""
    utilisation: Utilisation | None = None
    """Achieved rates against the device's peaks."""
    joules_per_1000_rows: Figure | None = None
    """Energy of the backend's devices."""
    joules_per_1000_tokens: Figure | None = None
    """The same for 1,000 of `tokens`."""
    all_runs: tuple[EmbeddingsRun, ...] = ()
    """Repeats, raw, in their order."""

    @property
    def is_shortened(self) -> bool:
        """Whether a pass had fewer rows than the workload asks for."""
        wanted = self.tuning.min_rows if self.tuning else 0
        return (self.rows_per_pass or 0) < wanted
