"""What an imported report says of a model, whatever its task."""

from pydantic import ConfigDict

from nobs.schema.base import Dtype, Record
from nobs.schema.report import Interval, ModelReport


class LegacyRequest(Record):
    """One request to a served model."""

    ttft_s: float | None = None
    tg_s: float | None = None
    """From the first token to the last."""
    total_latency_s: float
    input_tokens: int | None = None
    output_tokens: int | None = None
    tokens_per_sec: float | None = None


class LegacyRun(Record):
    """One repeat: all rows of an embedding model, or the medians of a served model's requests."""

    encoding_time_seconds: float | None = None
    rows_per_second: float | None = None
    latency_s: float | None = None
    ttft_s: float | None = None
    tokens_per_sec: float | None = None
    total_input_tokens: int | None = None
    total_output_tokens: int | None = None
    requests: tuple[LegacyRequest, ...] = ()


class LegacyModelReport(ModelReport):
    """Figures of an imported model, recomputed from its rounded repeats; the rest is absent."""

    model_config = ConfigDict(extra="forbid")

    final_median_encoding_time_seconds: float | None = None
    final_median_rows_per_second: float | None = None
    encoding_time_interval: Interval | None = None
    embedding_dimension: int | None = None
    dtype: Dtype | None = None
    max_seq_length: int | None = None
    batch_size: int | None = None
    final_median_latency_s: float | None = None
    latency_interval: Interval | None = None
    final_median_ttft_s: float | None = None
    ttft_interval: Interval | None = None
    final_median_tokens_per_sec: float | None = None
    tokens_per_sec_interval: Interval | None = None
    provider: str | None = None
    """What served the model, as the report names it."""
    all_runs: tuple[LegacyRun, ...] = ()
