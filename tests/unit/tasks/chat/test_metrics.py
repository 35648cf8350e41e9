import random

import pytest

from nobs.tasks.chat.metrics import (
    MAX_LINE_BYTES,
    MAX_SERIES,
    Values,
    read_start,
    read_values,
)
from tests.fakes.metrics_pages import LLAMACPP, SGLANG, TGI, vllm


def read(text: str, model: str = "m") -> Values:
    found = read_values(text.encode(), model)
    assert found is not None
    return found


def test_the_metrics_of_vllm() -> None:
    page = vllm(
        running=8, waiting=14, usage=0.98, preemptions=12, cached=5, tokens=3000, requests=20
    )
    found = read(page)

    assert found.kind == "vllm"
    assert found.values == {
        "running": 8, "waiting": 14, "kv_usage": 0.98, "preemptions": 12, "cached_tokens": 5,
        "output_tokens": 3000, "requests": 20,
    }  # fmt: skip


def test_the_metrics_of_sglang_count_the_ranks_of_an_engine_once() -> None:
    found = read(SGLANG)

    assert found.kind == "sglang"
    assert found.values == {
        "running": 8, "waiting": 4, "kv_usage": 0.52, "preemptions": 48, "cached_tokens": 33,
        "output_tokens": 1000, "requests": 12,
    }  # fmt: skip


def test_the_metrics_of_llamacpp_have_no_labels() -> None:
    found = read(LLAMACPP)

    assert found.kind == "llama.cpp"
    assert found.values == {
        "running": 1, "waiting": 3, "kv_usage": 0.25, "cached_tokens": 12, "output_tokens": 3469,
    }  # fmt: skip


def test_the_metrics_of_tgi_have_tokens_in_a_histogram() -> None:
    found = read(TGI)

    assert found.kind == "tgi"
    assert found.values == {"running": 4, "waiting": 7, "output_tokens": 8123, "requests": 42}


@pytest.mark.parametrize(
    ("text", "start_s"),
    [
        ("# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds 1.79598079412e+09\n",
         1795980794.12),
        ("process_start_time_seconds_total 5\n", None),
        ("process_start_time_seconds NaN\n", None),
        ('process_start_time_seconds{pid="1"} 5\nprocess_start_time_seconds{pid="2"} 6\n', None),
        ("", None),
    ],
)  # fmt: skip
def test_the_start_of_the_servers_process(text: str, start_s: float | None) -> None:
    assert read_start(text.encode()) == start_s


def test_engines_are_added_up_and_the_fullest_cache_counts() -> None:
    second = vllm(running=3, usage=0.7).replace('engine="0"', 'engine="1"')
    found = read(vllm(running=5, usage=0.2) + second)

    assert found.values["running"] == 8
    assert found.values["kv_usage"] == 0.7


def test_other_models_of_the_server_are_left_out() -> None:
    both = vllm(running=5) + vllm("other", running=100)

    assert read(both).values["running"] == 5
    assert read(both, "alias").values["running"] == 105


def test_an_older_name_is_read_where_the_newer_one_is_missing() -> None:
    page = vllm(usage=0.4, cached=7).replace("vllm:kv_cache", "vllm:gpu_cache")
    values = read(page.replace("vllm:prefix_", "vllm:gpu_prefix_")).values

    assert (values["kv_usage"], values["cached_tokens"]) == (0.4, 7)


@pytest.mark.parametrize("value", ["NaN", "+Inf", "-Inf", "-1", "1e300", "1_0", "0x10", "", "many"])
def test_a_value_that_is_no_count_is_missing(value: str) -> None:
    found = read(f"llamacpp:requests_processing {value}\nllamacpp:requests_deferred 2\n")

    assert found.values == {"waiting": 2}


def test_one_engine_without_a_number_makes_the_sum_unknown() -> None:
    page = 'vllm:num_requests_running{engine="0"} 1\nvllm:num_requests_running{engine="1"} NaN\n'

    assert read_values(page.encode(), "m") is None


@pytest.mark.parametrize("usage", ["1.5", "98", "NaN"])
def test_a_share_above_one_is_missing(usage: str) -> None:
    found = read(f"llamacpp:kv_cache_usage_ratio {usage}\nllamacpp:requests_deferred 2\n")

    assert found.values == {"waiting": 2}


@pytest.mark.parametrize(
    "line",
    [
        'vllm:num_requests_running{a="}",b="\\"{"} 3 1700000000000',
        "vllm:num_requests_running 3 # {trace=\"x\"} 1.0",
        "vllm:num_requests_running\t3.0\r",
        'vllm:num_requests_running{a="x",} 3e0',
        "vllm:num_requests_running{} +3",
    ],
)  # fmt: skip
def test_labels_time_stamps_and_exemplars(line: str) -> None:
    assert read(line).values == {"running": 3}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# vllm:num_requests_running 3",
        "x vllm:num_requests_running 3",
        "vllm:num_requests_running",
        "vllm:num_requests_running{ 3",
        'vllm:num_requests_running{a="b} 3',
        "vllm:num_requests_running_total 3",
        'vllm:num_requests_running{a="' + "b" * MAX_LINE_BYTES + '"} 3',
        "<html>not found</html>",
    ],
)
def test_other_texts_have_no_metrics(text: str) -> None:
    assert read_values(text.encode(), "m") is None


def test_series_beyond_the_bound_are_not_read() -> None:
    line = 'vllm:num_requests_running{{engine="{}"}} 1\n'
    page = "".join(line.format(number) for number in range(MAX_SERIES + 100))

    assert read(page).values == {"running": MAX_SERIES}


def test_random_bytes_never_raise() -> None:
    source = random.Random(15)
    whole = (vllm() + SGLANG + LLAMACPP + TGI).encode()
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(source.randrange(1, 200)):
            data[source.randrange(len(data))] = source.randrange(256)
        read_values(bytes(data), "m")
