"""What `/metrics` of real servers looks like: the lines of interest among others."""

from collections.abc import Callable

from tests.fakes.llm_routes import reply
from tests.fakes.llm_server import Answered, Choose, Script

VLLM = """\
# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{{engine="0",model_name="{model}"}} {running:.1f}
# TYPE vllm:num_requests_waiting gauge
vllm:num_requests_waiting{{engine="0",model_name="{model}"}} {waiting:.1f}
vllm:num_requests_waiting_by_reason{{engine="0",model_name="{model}",reason="capacity"}} 99.0
# TYPE vllm:kv_cache_usage_perc gauge
vllm:kv_cache_usage_perc{{engine="0",model_name="{model}"}} {usage}
# TYPE vllm:num_preemptions_total counter
vllm:num_preemptions_total{{engine="0",model_name="{model}"}} {preemptions:.1f}
vllm:num_preemptions_created{{engine="0",model_name="{model}"}} 1.7e+09
vllm:prefix_cache_hits_total{{engine="0",model_name="{model}"}} {cached:.1f}
vllm:generation_tokens_total{{engine="0",model_name="{model}"}} {tokens:.1f}
vllm:request_success_total{{engine="0",finished_reason="stop",model_name="{model}"}} {requests:.1f}
vllm:request_success_total{{engine="0",finished_reason="length",model_name="{model}"}} 0.0
vllm:request_generation_tokens_bucket{{engine="0",le="+Inf",model_name="{model}"}} 5.0
"""
SGLANG = """\
sglang:num_running_reqs{engine_type="unified",model_name="m",pp_rank="0",tp_rank="0"} 8.0
sglang:num_running_reqs{engine_type="unified",model_name="m",pp_rank="0",tp_rank="1"} 8.0
sglang:num_queue_reqs{engine_type="unified",model_name="m",tp_rank="0"} 4.0
sglang:token_usage{engine_type="unified",model_name="m",tp_rank="0"} 0.52
sglang:num_retracted_reqs{model_name="m",pid="7"} 1.0
sglang:num_retracted_requests_total{model_name="m"} 48.0
sglang:generation_tokens_total{is_streaming="false",model_name="m"} 100.0
sglang:generation_tokens_total{is_streaming="true",model_name="m"} 900.0
sglang:num_requests_total{model_name="m"} 12.0
sglang:cached_tokens_total{cache_source="device",model_name="m"} 30.0
sglang:cached_tokens_total{cache_source="host",model_name="m"} 3.0
"""
LLAMACPP = """\
# HELP llamacpp:tokens_predicted_total Number of generation tokens processed.
# TYPE llamacpp:tokens_predicted_total counter
llamacpp:tokens_predicted_total 3469
llamacpp:tokens_predicted_seconds_total 3544.27
llamacpp:prompt_tokens_cached_total 12
llamacpp:kv_cache_usage_ratio 0.25
llamacpp:requests_processing 1
llamacpp:requests_deferred 3
"""
TGI = """\
# TYPE tgi_request_generated_tokens histogram
tgi_request_generated_tokens_bucket{le="1"} 0
tgi_request_generated_tokens_sum 8123
tgi_request_generated_tokens_count 44
tgi_batch_current_size 4
tgi_queue_size 7
tgi_request_success{stop_reason="length",kind="live"} 40
tgi_request_success{stop_reason="eos_token",kind="live"} 2
"""


def vllm(model: str = "m", **values: float) -> str:
    """Return the page of a vLLM server with these values, 0 by default."""
    names = ("running", "waiting", "usage", "preemptions", "cached", "tokens", "requests")
    return VLLM.format(model=model, **dict.fromkeys(names, 0.0) | values)


def page(text: str | Callable[[], str]) -> Choose:
    """Return what answers each read of `/metrics` with `text`."""

    def answer(_: Answered) -> Script:
        return reply(text() if callable(text) else text, kind="text/plain")

    return answer
