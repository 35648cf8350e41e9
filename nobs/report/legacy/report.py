"""Records of imported models of any task."""

from pydantic import ConfigDict

from nobs.schema.base import Record
from nobs.schema.enums import Dtype
from nobs.schema.report import Interval, ModelReport


class LegacyRequest(Record):
    """One request to a served model."""

    ttft_s: float | None = None
    """TTFT."""
    tg_s: float | None = None
    """From the first token to the last."""
    total_latency_s: float
    """From the request to the last token."""
    input_tokens: int | None = None
    output_tokens: int | None = None
    tokens_per_sec: float | None = None
    """As counted by the older program."""


class LegacyRun(Record):
    """One repeat: all rows of an embedding model, or the medians of a served model's requests."""

    encoding_time_seconds: float | None = None
    """Time of all rows."""
    rows_per_second: float | None = None
    """Rows over that time."""
    latency_s: float | None = None
    """Median latency of the requests."""
    ttft_s: float | None = None
    """Median TTFT."""
    tokens_per_sec: float | None = None
    """Median of the requests' tokens per second."""
    total_input_tokens: int | None = None
    """Of all requests."""
    total_output_tokens: int | None = None
    """Of all requests."""
    requests: tuple[LegacyRequest, ...] = ()
    """Empty where the older report doesn't have them."""


class LegacyModelReport(ModelReport):
    """Figures of an imported model, recomputed from its rounded repeats; the rest is null."""

    model_config = ConfigDict(extra="forbid")

    final_median_encoding_time_seconds: float | None = None
    """Median time of all rows."""
    final_median_rows_per_second: float | None = None
    """Median of the repeats' rates."""
    encoding_time_interval: Interval | None = None
    embedding_dimension: int | None = None
    """Length of a vector."""
    dtype: Dtype | None = None
    max_seq_length: int | None = None
    """Maximum tokens per row, as read back from the model."""
    batch_size: int | None = None
    """Rows per batch."""
    final_median_latency_s: float | None = None
    """Median over the repeats of the median latency of a request."""
    latency_interval: Interval | None = None
    final_median_ttft_s: float | None = None
    """Median over the repeats of the median TTFT; in `laperf` without reasoning."""
    ttft_interval: Interval | None = None
    final_median_tokens_per_sec: float | None = None
    """Median over the repeats of the median rate; in `laperf` over the whole latency."""
    tokens_per_sec_interval: Interval | None = None
    provider: str | None = None
    """Model server, as named in the older report."""
    all_runs: tuple[LegacyRun, ...] = ()
