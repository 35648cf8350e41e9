"""Schemas of older reports; fields without a name here stay in `model_extra`."""

from typing import Annotated, Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

type Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
type Measured = Annotated[float, Field(ge=0, allow_inf_nan=False)]
type Count = Annotated[int, Field(ge=0)]


class Source(BaseModel):
    """A part of an older report."""

    model_config = ConfigDict(frozen=True, extra="allow")


class Device(Source):
    """`device_info`; `laperf` added the CUDA version."""

    platform: str
    device: str
    ram_gb: Positive
    processor: str
    """May be the whole output of lscpu on one line."""
    gpu_name: str | None = None
    gpu_memory_gb: float | str | None = None
    host: str


class EncodingRun(Source):
    """One repeat over all rows."""

    encoding_time_seconds: Positive = Field(
        validation_alias=AliasChoices("encoding_time_seconds", "e2e_latency_s")
    )
    rows_per_second: Positive = Field(validation_alias=AliasChoices("rows_per_second", "rps"))


class EncodingModel(Source):
    """One embedding model."""

    model_name: str
    batch_size: Count | None = None
    max_seq_length: Count | None = None
    embedding_dimension: Count | None = None
    device: str
    """As torch names it, as in `cuda:0`."""
    dtype: str
    runs: tuple[EncodingRun, ...] = Field(min_length=1)


class Request(Source):
    """One request to a served model."""

    ttft_s: Measured | None = None
    tg_s: Measured | None = None
    total_latency_s: Positive
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    tokens_per_sec: Measured | None = None


class ServedRun(Source):
    """One repeat over all prompts: medians of its requests."""

    latency_s: Positive = Field(validation_alias=AliasChoices("median_latency_s", "p50_latency_s"))
    ttft_s: Measured = Field(validation_alias=AliasChoices("median_ttft_s", "p50_ttft_s"))
    tokens_per_sec: Measured = Field(
        validation_alias=AliasChoices("median_tokens_per_sec", "p50_tps")
    )
    total_input_tokens: Count | None = None
    total_output_tokens: Count | None = None
    per_prompt_details: tuple[Request, ...] = ()


class ServedModel(Source):
    """One LLM or VLM behind a server."""

    model_name: str
    runs: tuple[ServedRun, ...] = Field(min_length=1)
    all_prompt_details: Any = None
    """The requests of all runs once more."""


class EncodingTask(Source):
    """A task whose models encode rows."""

    task: str
    dataset_size: int = Field(gt=0)
    models: dict[str, EncodingModel] = Field(min_length=1)
    task_score: float | None = None


class ServedTask(Source):
    """A task with one served model."""

    task: str
    dataset: str
    num_prompts: int = Field(
        gt=0, validation_alias=AliasChoices("num_prompts", "num_questions", "dataset_size")
    )
    model: ServedModel
    backend: str | None = None
    """Server software."""
    task_score: float | None = None


class OldReport(Source):
    """The whole report, of either program."""

    timestamp: str
    device_info: Device
    tasks: tuple[EncodingTask | ServedTask, ...] = Field(min_length=1)
