"""Records of embedding models in a report."""

from collections.abc import Mapping
from enum import StrEnum

from pydantic import ConfigDict, Field

from nobs.schema.base import Record
from nobs.schema.enums import Dtype
from nobs.schema.report import Interval, ModelReport
from nobs.schema.telemetry import Figure
from nobs.tasks.cold.report import ColdStarts
from nobs.tasks.fit.report import Fit
from nobs.tasks.records import Closed
from nobs.tasks.tuning import Outcome

COSINE_THRESHOLDS: Mapping[Dtype, float] = {
    Dtype.FLOAT32: 0.9999,
    Dtype.FLOAT16: 0.999,
    Dtype.BFLOAT16: 0.99,
}
"""Minimum cosine similarity by dtype; other kernels and batches stay above it
(benchmarks/rounding.py)."""


class EmbeddingsRun(Record):
    """One timed repeat."""

    encoding_time_seconds: float
    """Time of all rows."""
    rows_per_second: float
    """Rows over that time."""


class Origin(StrEnum):
    """Origin of the modules of a model."""

    SAVED = "saved"
    """The modules in modules.json."""
    GUESSED = "guessed"
    """There is no modules.json; sentence-transformers added its default pooling."""
    CONVERTED = "converted"
    """sentence-transformers loaded other classes than modules.json lists."""


class Encoder(Closed):
    """Modules that sentence-transformers loaded, and the route of the rows through them.

    Guessed or converted modules make the result open.
    """

    modules: tuple[str, ...]
    """Classes of the modules that process a row, in order."""
    architecture: str | None
    """Class of the transformer among them; null without one, as in static embeddings."""
    pooling: str | None
    """Mode of the first pooling, as in `mean` or `cls`; null where no module pools tokens."""
    route: str | None
    """Route of the rows through a router; null for models without one."""
    prompt: str | None
    """Prompt added to every row by the model's settings; null for most models."""
    origin: Origin
    """Origin of the modules."""
    published_architecture: str | None
    """Class in config.json if a guess loaded another one, as in `BertForMaskedLM`; else null."""
    random_weights: tuple[str, ...] = ()
    """Weights that are missing from the files, so that transformers initialised them at random (an
    open result); an unused pooler is left out."""


class EncodePhases(Closed):
    """Time breakdown of `encode`, from one pass with the device synchronised between phases.

    Measured after the repeats. If a pass takes more than a second, it uses a part of the batches,
    evenly spaced from the longest texts to the shortest.
    """

    rows: int
    """Of this pass."""
    batches: int
    """Of this pass."""
    all_batches: int
    """Of a whole pass; more than `batches` if that would take too long."""
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
    """Share of the time outside `forward_s`, in which an accelerator waits for the host."""


class TuningTrial(Closed):
    """One trial of settings on batches of the text of median length."""

    dtype: Dtype
    attention: str | None
    """Attention kernel asked for; null: transformers chooses."""
    batch_size: int
    """Rows per batch."""
    outcome: Outcome
    rows_per_s: float | None
    """Null unless `ok`."""


class Tuning(Closed):
    """Search for the fastest settings."""

    stopped_by: str
    """`throughput`, `memory`, `time`, `the largest batch`, or `the batch size was given`."""
    duration_s: float
    """Time of the search, part of `warmup_s`."""
    min_rows: int
    """Minimum rows per pass; `rows_per_pass` is lower if that would take too long."""
    trials: tuple[TuningTrial, ...]
    """In order."""


class ComputedWork(Closed):
    """FLOPs and bytes of one pass. A multiply-add counts as two, and only matrix products count."""

    flop_method: str
    """`formula of BERT`, `formula of ModernBERT` or `counted by torch`."""
    model_flop: float
    """FLOPs of all rows at their real lengths."""
    padded_flop: float
    """FLOPs of all rows at the lengths of their batches."""
    weights_bytes: int
    """Weights of the layers, once per batch."""


class Utilisation(Closed):
    """Achieved rates relative to the device's peaks; FLOP/s and bytes/s."""

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
    """MFU: `model_flop_per_s` over `matmul_flop_per_s`; null, with a warning, if the model was
    faster than the products."""
    mfu_padded: float | None = None
    """HFU: `padded_flop_per_s` over `matmul_flop_per_s`."""
    data_sheet_flop_per_s: float | None = None
    """The vendor's peak for this dtype, if the catalogue has it; null for a slice of a GPU."""
    data_sheet: str | None = None
    """Source of that figure."""
    mfu_data_sheet: float | None = None
    """`model_flop_per_s` over `data_sheet_flop_per_s`."""
    weights_bytes_per_s: float | None = None
    """`weights_bytes` over the median time; a lower bound of the real traffic."""
    copy_bytes_per_s: float | None = None
    """The faster of the copies before and after the repeats, bytes read and written."""
    copy_loss: float | None = None
    """As `matmul_loss`."""
    mbu_min: float | None = None
    """MBU, a lower bound: `weights_bytes_per_s` over `copy_bytes_per_s`."""


class ReferenceCheck(Closed):
    """Cosine similarity of the embeddings of a timed pass to stored ones in float32.

    Every row whose text has a stored embedding is compared; one below the threshold fails the
    step.
    """

    rows: int
    """Rows whose text has a stored embedding; 0, with a warning, if there are none."""
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
    """Maximum tokens per text, read back from the model; null without truncation."""
    batch_size: int | None = None
    """Rows per batch."""
    rows_per_pass: int | None = None
    """Rows per repeat: the data set, in `embeddings-max` several copies of it."""
    tokens: int | None = None
    """Tokens of all rows after truncation, special ones included, padding excluded; null for a
    model without tokens."""
    final_median_tokens_per_second: float | None = None
    """`tokens` over the median time."""
    padded_tokens: int | None = None
    """Tokens including padding: each row counts as the longest of its batch."""
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
    cold: ColdStarts | None = Field(None, exclude_if=lambda value: value is None)
    """Cold starts; absent in other workloads."""
    fit: Fit | None = Field(None, exclude_if=lambda value: value is None)
    """Memory by batch size; absent in other workloads."""
    reference: ReferenceCheck | None = None
    """Verification of the embeddings of the last timed pass."""
    tuning: Tuning | None = None
    """Search for the fastest settings; null if they are pinned."""
    encode_phases: EncodePhases | None = None
    """Time breakdown of a pass."""
    work: ComputedWork | None = None
    """FLOPs and bytes of a pass; null if the model's FLOPs are unknown."""
    utilisation: Utilisation | None = None
    """Achieved rates relative to the device's peaks (MFU, MBU)."""
    joules_per_1000_rows: Figure | None = None
    """Energy of the backend's devices."""
    joules_per_1000_tokens: Figure | None = None
    """The same for 1,000 of `tokens`."""
    all_runs: tuple[EmbeddingsRun, ...] = ()
    """Repeats, raw, in order."""

    @property
    def is_shortened(self) -> bool:
        """Whether a pass had fewer rows than the workload asks for."""
        wanted = self.tuning.min_rows if self.tuning else 0
        return (self.rows_per_pass or 0) < wanted
