"""Hand-written requests of an LLM step, its result and its report."""

from datetime import UTC, datetime
from typing import Any

from nobs.schema.enums import Backend, Status
from nobs.schema.report import ModelReport
from nobs.schema.result import Sample, StepResult
from nobs.schema.server import Locality, ServerRef
from nobs.tasks.chat.report import ChatModelReport
from nobs.tasks.llms.definition import DEFINITION

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def whole(prompt: int, latency_s: float, ttft_s: float, tokens: int, **more: Any) -> dict[str, Any]:
    """One request whose rate is its tokens after the first over the time after the first."""
    generation_time_s = latency_s - ttft_s
    values: dict[str, Any] = {
        "prompt": prompt, "total_latency_s": latency_s, "ttft_s": ttft_s,
        "generation_time_s": generation_time_s, "input_tokens": 10, "output_tokens": tokens,
        "streamed_tokens": tokens, "first_tokens": 1.0, "arrivals": tokens,
        "tokens_per_sec": (tokens - 1) / generation_time_s, "token_count_source": "usage",
        "tpot_s": generation_time_s / (tokens - 1), "chunks": tokens, "finish_reason": "stop",
    }  # fmt: skip
    return values | more


def failed(prompt: int, failure: str = "cut") -> dict[str, Any]:
    return {"prompt": prompt, "failure": failure, "error": "it broke"}


def result_of(
    runs: list[list[dict[str, Any]]], locality: Locality = Locality.LOCAL, **facts: Any
) -> StepResult:
    server = ServerRef(provider="openai", base_url="http://x/v1", model="m", locality=locality)
    return StepResult(
        step="s", task="llms", model="m", status=Status.OK, started=NOW, finished=NOW,
        samples=(Sample(start_s=0, duration_s=1, units=1, cpu_time_s=0),),
        facts={"runs": runs, "server": server.model_dump(mode="json")} | facts,
    )  # fmt: skip


def report_of(
    runs: list[list[dict[str, Any]]], locality: Locality = Locality.LOCAL, **facts: Any
) -> ChatModelReport:
    base = ModelReport(model_name="m", device=Backend.CPU, status=Status.OK)
    return DEFINITION.summarise(result_of(runs, locality, **facts), base)
