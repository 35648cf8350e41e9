"""Reports of machines that don't exist, whose figures follow from one number: their speed."""

import random
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from statistics import median
from typing import Any

from nobs.schema.report import Report

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
EMBEDDING_MODELS = ("thenlper/gte-large", "nomic-ai/modernbert-embed-base")
LLM = "gpt-oss-20b"
HOSTILE = (
    "<script>alert(1)</script>", "</script><script>alert(2)</script>", "=HYPERLINK(1)", "+1", "@x",
    "-2", "[red]bold[/red]", "a|b`c*d_e", "\x1b[31mred\x1b[0m", "\u202ereversed", "a\nb\tc",
    "'\"><img src=x onerror=alert(3)>", "x" * 5000, "", "%s{0}{host}", "&lt;b&gt;", "javascript:1",
)  # fmt: skip


def make_report(
    host: str = "a host",
    *,
    speed: float = 1.0,
    run: str = "a-run",
    device: str = "cuda",
    gpu: str | None = "A GPU",
    division: str = "closed",
    tasks: tuple[str, ...] = ("embeddings", "llms"),
    repeats: int = 7,
    seed: int = 0,
    **changes: Any,
) -> Report:
    """Return a whole report; `changes` replace top-level fields."""
    makers = {"embeddings": embeddings_task, "llms": llms_task}
    rng = random.Random(f"{host}{run}{seed}")
    values = {
        "schema": "nobs.report/1",
        "timestamp": NOW,
        "device_info": {
            "platform": "Linux", "device": device, "ram_gb": 64.0, "processor": "A processor (8)",
            "gpu_name": gpu, "gpu_memory_gb": 24.0 if gpu else None, "host": host,
        },
        "tasks": [makers[name](rng, speed, division, device, repeats) for name in tasks],
        "run": {
            "id": run, "nobs_version": "0.1.0", "backend": device, "execution": "native",
            "profile": "standard", "status": "ok", "started": NOW,
            "finished": NOW + timedelta(minutes=2),
        },
        "environment": {"os": "Linux 6.1", "libraries": {"torch": "2.11.0"}},
    }  # fmt: skip
    return Report.model_validate(values | changes)


def embeddings_task(
    rng: random.Random, speed: float, division: str, device: str, repeats: int
) -> dict[str, Any]:
    models = {
        name: embeddings_model(name, [factor / speed * rng.uniform(0.99, 1.01)
                                      for _ in range(repeats)], device)
        for name, factor in zip(EMBEDDING_MODELS, (2.9, 1.4), strict=True)
    }  # fmt: skip
    times = sum(model["final_median_encoding_time_seconds"] for model in models.values())
    return {
        "task": "embeddings", "dataset_size": 100, "models": models,
        "task_score": len(models) * 3600 / times, "workload": workload("embeddings/1", division),
    }  # fmt: skip


def embeddings_model(name: str, times: list[float], device: str) -> dict[str, Any]:
    return {
        "model_name": name, "device": device, "status": "ok",
        "final_median_encoding_time_seconds": median(times),
        "final_median_rows_per_second": median(100 / time for time in times),
        "final_median_tokens_per_second": 25000 / median(times),
        "encoding_time_interval": interval(times),
        "all_runs": [{"encoding_time_seconds": t, "rows_per_second": 100 / t} for t in times],
        "memory": {"peak_rss_bytes": 3 << 30},
        "samples": samples(times, 100),
        "utilisation": {
            "model_flop_per_s": 4.2e12, "padded_flop_per_s": 5e12, "mfu": 0.42,
        },
        "dtype": "float32", "batch_size": 16, "attention_implementation": "sdpa",
        "encode_phases": {"rows": 100, "batches": 7, "all_batches": 7, "tokenise_s": 0.1,
                          "copy_in_s": 0.05, "forward_s": 0.8, "copy_out_s": 0.03, "other_s": 0.02,
                          "host_share": 0.2},
        "joules_per_1000_rows": {"value": 40.0, "evidence": "measured", "how": "a counter"},
    }  # fmt: skip


def llms_task(
    rng: random.Random, speed: float, division: str, device: str, repeats: int
) -> dict[str, Any]:
    latencies = [20 / speed * rng.uniform(0.97, 1.03) for _ in range(repeats)]
    model = {
        "model_name": LLM, "device": device, "status": "ok",
        "load": {"levels": [level(n, speed) for n in (1, 4, 16)], "arrivals": "constant", "seed": 1,
                 "knee": None},
        "final_median_latency_s": median(latencies), "final_median_ttft_s": 0.5 / speed,
        "final_median_tokens_per_sec": 100 * speed,
        "all_runs": [
            {"median_latency_s": latency, "median_ttft_s": 0.5 / speed,
             "median_tokens_per_sec": 2000 / latency, "total_input_tokens": 300,
             "total_output_tokens": 2000, "failed": 0, "prompts": requests(rng, latency)}
            for latency in latencies
        ],
    }  # fmt: skip
    return {
        "task": "llms", "dataset_size": 3, "models": {LLM: model},
        "task_score": 3 * 3600 / median(latencies), "workload": workload("llms/1", division),
    }  # fmt: skip


def level(concurrency: int, speed: float) -> dict[str, Any]:
    return {
        "concurrency": concurrency, "rate_per_s": None, "requests": 3, "failures": {},
        "duration_s": 10.0, "tokens_per_sec": 50 * speed * concurrency, "requests_per_sec": 0.3,
        "median_latency_s": 1.0, "p95_latency_s": 2.0, "median_ttft_s": 0.1 * concurrency / speed,
        "p95_ttft_s": 0.3 * concurrency / speed, "chunk_gaps": None, "mean_in_flight": 1.0,
        "max_in_flight": concurrency, "arrival_rate_per_s": None,
    }  # fmt: skip


def samples(times: list[float], units: int) -> list[dict[str, Any]]:
    starts = accumulate(times, initial=0.0)
    return [
        {"start_s": start, "duration_s": time, "units": units, "cpu_time_s": time}
        for start, time in zip(starts, times, strict=False)
    ]


def requests(rng: random.Random, latency: float) -> list[dict[str, Any]]:
    shares = [rng.uniform(0.2, 1) for _ in range(3)]
    return [
        {"prompt": number, "output_tokens": int(2000 * share), "total_latency_s": latency * share}
        for number, share in enumerate(shares, start=1)
    ]


def interval(values: list[float]) -> dict[str, Any]:
    return {"low": min(values), "high": max(values), "confidence": 0.96, "method": "extremes"}


def workload(name: str, division: str) -> dict[str, Any]:
    return {
        "name": name, "division": division, "fingerprint": "0" * 64, "dataset": {}, "params": {},
        "policy": {}, "open_reasons": ["batch_size: 8 instead of 16"] if division == "open" else [],
    }  # fmt: skip


def max_report(host: str, *, run: str, speed: float, **changes: Any) -> Report:
    """Return a report of the same models at settings that tuning found, 3,000 rows a pass."""
    report = make_report(host, run=run, speed=speed / 30, tasks=("embeddings",), **changes)
    values = report.model_dump(mode="json", by_alias=True)
    (task,) = values["tasks"]
    task["workload"]["name"] = "embeddings-max/1"
    for model in task["models"].values():
        rate = 30 * model["final_median_rows_per_second"]
        model |= {
            "final_median_rows_per_second": rate, "rows_per_pass": 3000, "dtype": "bfloat16",
            "batch_size": 32,
            "tuning": {"stopped_by": "the end", "duration_s": 9.0, "min_rows": 3000,
                       "trials": trials(rate)},
        }  # fmt: skip
    return Report.model_validate(values)


def trials(rate: float) -> list[dict[str, Any]]:
    tried = [("bfloat16", 16, 0.8), ("bfloat16", 32, 1.0), ("float32", 16, 0.4)]
    failed = {"dtype": "bfloat16", "attention": "sdpa", "batch_size": 64,
              "outcome": "out of memory", "rows_per_s": None}  # fmt: skip
    return [
        *({"dtype": dtype, "attention": "sdpa", "batch_size": size, "outcome": "ok",
           "rows_per_s": share * rate} for dtype, size, share in tried),
        failed,
    ]  # fmt: skip


def failed_report(host: str = "a small host") -> Report:
    """Return a report whose second model ran out of memory."""
    values = make_report(host, tasks=("embeddings",), speed=0.1, device="cpu", gpu=None).model_dump(
        mode="json", by_alias=True
    )
    values["tasks"][0]["task_score"] = None
    values["tasks"][0]["models"][EMBEDDING_MODELS[1]] = {
        "model_name": EMBEDDING_MODELS[1], "device": "cpu", "status": "failed",
        "warnings": ["The disk was slow."],
        "failure": {"failure_class": "oom", "type": "MemoryError", "message": "Too big.",
                    "remedy": "Try a smaller batch."},
    }  # fmt: skip
    return Report.model_validate(values)


def bare_report() -> Report:
    """Return a report without anything that may be missing."""
    values = make_report("a bare host", tasks=()).model_dump(mode="json", by_alias=True)
    bare = {"model_name": "m", "device": "cpu", "status": "ok"}
    lost = {"model_name": "n", "device": "cpu", "status": "lost"}
    task = {"task": "embeddings", "dataset_size": 1, "models": {"m": bare, "n": lost},
            "task_score": None, "workload": workload("embeddings/1", "closed")}  # fmt: skip
    return Report.model_validate(values | {"tasks": [task], "environment": {}})


def hostile_report(text: str) -> Report:
    """Return a report with `text` wherever a text of others can stand."""
    report = make_report(text, run=text, gpu=text)
    values = report.model_dump(mode="json", by_alias=True)
    values["device_info"] |= {"platform": text, "processor": text, "gpu_memory_gb": text}
    values["environment"] = {text: {text: [text]}}
    values["run"] |= {"profile": text, "nobs_version": text}
    own: dict[str, dict[str, Any]] = {
        "embeddings": {
            "attention_implementation": text,
            "tuning": {"stopped_by": text, "duration_s": 1.0, "min_rows": 1, "trials": [
                {"dtype": "float32", "attention": text, "batch_size": size, "outcome": "ok",
                 "rows_per_s": 1.0} for size in (2, 4)
            ]},
        },
        "llms": {"server": {
            "provider": text, "base_url": "http://127.0.0.1:1/v1", "model": text,
            "identity": {"id": text, "quantization": text, "runtime": text},
        }},
    }  # fmt: skip
    for task in values["tasks"]:
        task["workload"] |= {"name": text, "open_reasons": [text]}
        model = next(iter(task["models"].values()))
        told = {"model_name": text, "warnings": [text], **own[task["task"]]}
        task["models"] = {text: model | told}
    values["tasks"].append(values["tasks"][0] | {"task": text})
    return Report.model_validate(values)
