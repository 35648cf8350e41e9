"""Load generators that are programs of their own: run once for a scenario, and their reports read.

They tell each request's start, TTFT and end, but not the time of each token. Requests are sent
twice, and the first half, which opens connections, is left out on both sides.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from benchmarks.llm_client.scenario import Result, Scenario, Told, load_now, result_told
from nobs.tasks.chat.client.accuracy import truthful_server

LIMIT_S = 240
MODEL = "m"

type Tool = Callable[[str, str, Scenario, Path], list[Told]]
"""Run the executable against a URL, with files in a folder of its own."""


def measure_tool(tool: Tool, executable: str, scenario: Scenario) -> Result | None:
    """Return what the tool added in `scenario`; None where it failed, hung or missed tokens."""
    load = load_now()
    try:
        connections = 4 * scenario.concurrency  # a tool may keep more than its concurrency
        with (
            tempfile.TemporaryDirectory() as folder,
            truthful_server(connections) as server,
        ):
            url = f"{server.url}/{scenario.schedule}"
            told = tool(executable, url, scenario, Path(folder))
            sent = [entry for name, entry in server.finish() if name == MODEL]
        told.sort(key=lambda entry: entry.start_s)
        return result_told(told[-scenario.total :], sent[-scenario.total :], scenario, load)
    except (subprocess.SubprocessError, OSError, ValueError, LookupError) as error:
        print(f"{executable}: {error}", file=sys.stderr)
        return None


def _run(command: list[str], folder: Path, env: Mapping[str, str] | None = None) -> None:
    """Run a tool and end every process that it has started, which aiperf itself may not."""
    with subprocess.Popen(
        command, cwd=folder, env={**os.environ, **(env or {})}, start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        try:
            code = process.wait(LIMIT_S)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    if code:
        raise subprocess.CalledProcessError(code, command)


def guidellm(executable: str, url: str, scenario: Scenario, folder: Path) -> list[Told]:
    report, count = folder / "report.json", 2 * scenario.total
    data = [{"prompt": f"Hello {number}"} for number in range(count)]
    options = {
        "backend": {"kind": "openai_http", "target": url, "model": MODEL,
                    "validate_backend": False},
        "profile": {"kind": "concurrent", "streams": [scenario.concurrency]},
        "constraint": {"kind": "max_requests", "count": count},
        "data": {"kind": "in_memory_dict_list", "data": data},
        "output": {"kind": "json", "path": str(report)},
    }  # fmt: skip
    words = [word for name, value in options.items() for word in (f"--{name}", json.dumps(value))]
    _run([executable, "run", "--disable-console", *words], folder, {"HF_HUB_OFFLINE": "1"})
    (benchmark,) = json.loads(report.read_text())["benchmarks"]
    times = [request["info"]["timings"] for request in benchmark["requests"]["successful"]]
    return [
        Told(
            start_s=time["request_start"],
            ttft_s=time["first_token_iteration"] - time["request_start"],
            gaps_s=time["last_token_iteration"] - time["first_token_iteration"],
            end_s=time["last_token_iteration"],
        )
        for time in times
    ]


TOKENIZER = {
    "tokenizer.json": {
        "version": "1.0", "added_tokens": [], "pre_tokenizer": {"type": "Whitespace"},
        "model": {"type": "WordLevel", "vocab": {"<unk>": 0}, "unk_token": "<unk>"},
    },
    "tokenizer_config.json": {"tokenizer_class": "PreTrainedTokenizerFast", "unk_token": "<unk>"},
}  # fmt: skip
"""aiperf loads one even where it takes the server's counts, and its own from the network."""


def aiperf(executable: str, url: str, scenario: Scenario, folder: Path) -> list[Told]:
    for name, value in TOKENIZER.items():
        (folder / name).write_text(json.dumps(value))
    prompts = folder / "prompts.jsonl"
    lines = [json.dumps({"text": f"Hello {number}"}) for number in range(scenario.total)]
    prompts.write_text("\n".join(lines))
    server, _, schedule = url.rpartition("/")
    _run(
        [executable, "profile", "--model", MODEL, "--url", server,
         "--custom-endpoint", f"/{schedule}/v1/chat/completions", "--endpoint-type", "chat",
         "--streaming", "--concurrency", str(scenario.concurrency),
         "--request-count", str(scenario.total), "--warmup-request-count", str(scenario.total),
         "--input-file", str(prompts), "--custom-dataset-type", "single_turn",
         "--use-server-token-count", "--tokenizer", str(folder),
         "--output-artifact-dir", str(folder / "out"), "--export-level", "records",
         "--ui-type", "none", "--no-auto-plot", "--no-gpu-telemetry", "--no-server-metrics"],
        folder,
    )  # fmt: skip
    lines = (folder / "out" / "profile_export.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines]
    return [
        _told_by_aiperf(record["metadata"], record["metrics"])
        for record in records
        if record["metadata"]["benchmark_phase"] == "profiling"
    ]


def _told_by_aiperf(
    metadata: Mapping[str, int], metrics: Mapping[str, Mapping[str, float]]
) -> Told:
    tokens = metrics["output_sequence_length"]["value"]
    return Told(
        start_s=metadata["request_start_ns"] / 1e9,
        ttft_s=metrics["time_to_first_token"]["value"] / 1e3,
        gaps_s=metrics["inter_token_latency"]["value"] / 1e3 * (tokens - 1),
        end_s=metadata["request_end_ns"] / 1e9,
    )


TOOLS: dict[str, Tool] = {"guidellm": guidellm, "aiperf": aiperf}
