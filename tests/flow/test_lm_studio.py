"""LM Studio set up for a run and left as it was, by a look-alike of `lms`."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nobs.errors import HostApiError, NobsError, RequirementError, StorageError, UsageError
from nobs.providers import PROVIDERS
from nobs.providers.base import Wanted
from nobs.providers.lmstudio import (
    check_lms_cli,
    is_model_downloaded,
    is_model_loaded,
    is_server_running,
)
from tests.fakes.studio import Studio, instance, model, studio

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="the look-alike is a shell script"),
    pytest.mark.long,
]
PROVIDER = PROVIDERS.load("lmstudio")
TINY, OTHER = "openai/tiny", "qwen/other"


class RunFailed(Exception):
    """What goes wrong inside a run."""


@pytest.fixture
def installed(tmp_path: Path, llama: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Studio]:
    with studio(tmp_path / "studio", llama) as installed:
        for name, value in installed.environment.items():
            monkeypatch.setenv(name, value)
        yield installed


def wanted(installed: Studio, **changes: Any) -> Wanted:
    return Wanted(**{"base_url": installed.url, "model": "tiny", "setup": True, **changes})


def test_from_nothing_to_an_answer_and_back(installed: Studio) -> None:
    told: list[str] = []
    before = installed.condition()
    with PROVIDER.open(wanted(installed), told.append) as served:
        assert served.is_ours
        assert served.model == "nobs-tiny"
        assert served.access.base_url == installed.url
        assert installed.condition() == {
            "daemon": True, "serving": True, "loaded": [("nobs-tiny", TINY)]
        }  # fmt: skip
        identity = served.identity
    assert (identity.quantization, identity.context_length, identity.parallel) == ("Q4_1", 4096, 4)
    assert (identity.runtime, identity.runtime_version) == ("llama.cpp-fake", "1.2.3")
    assert installed.condition() == before
    assert told[0] == f"Starting LM Studio's server on port {installed.port}."
    assert told[1] == "Downloading tiny with LM Studio."
    assert any(line.startswith("lms get: ") for line in told)
    assert told[-2] == "Loading openai/tiny as nobs-tiny."
    assert "\x1b" not in "".join(told)


LOADED: dict[str, list[dict[str, Any]]] = {
    "nothing": [],
    "the model": [instance(TINY)],
    "the model under another name": [instance(TINY, "mine")],
    "another model": [instance(OTHER)],
    "both": [instance(OTHER), instance(TINY, "mine")],
}


@pytest.mark.parametrize("serving", [False, True], ids=["server stopped", "server running"])
@pytest.mark.parametrize("loaded", LOADED)
def test_what_the_user_had_is_as_it_was(installed: Studio, *, serving: bool, loaded: str) -> None:
    installed.change(daemon=True, models=[model(TINY), model(OTHER)], loaded=LOADED[loaded])
    if serving:
        installed.lms("server", "start", "--port", str(installed.port))
    before = installed.condition()
    names = {each["modelKey"]: each["identifier"] for each in LOADED[loaded]}

    with PROVIDER.open(wanted(installed), lambda _: None) as served:
        assert served.model == names.get(TINY, "nobs-tiny")
        assert served.is_ours != serving
    assert installed.condition() == before
    assert ("server stop" in installed.calls()) != serving


def test_a_run_that_fails_leaves_everything_as_it_was(installed: Studio) -> None:
    installed.change(daemon=True, models=[model(TINY), model(OTHER)], loaded=[instance(OTHER)])
    before = installed.condition()
    with pytest.raises(RunFailed), PROVIDER.open(wanted(installed), lambda _: None):
        raise RunFailed
    assert installed.condition() == before


def test_a_model_that_had_to_leave_memory_comes_back(installed: Studio) -> None:
    mine = instance(OTHER, "mine", contextLength=2048)
    installed.change(daemon=True, models=[model(TINY), model(OTHER)], loaded=[mine], evicts=True)
    before = installed.condition()
    with PROVIDER.open(wanted(installed), lambda _: None):
        assert installed.condition()["loaded"] == [("nobs-tiny", TINY)]
    assert installed.condition() == before
    assert installed.read()["loaded"][0]["contextLength"] == 2048


def test_a_user_s_instance_with_too_little_context_is_left_alone(installed: Studio) -> None:
    installed.change(daemon=True, models=[model(TINY)], loaded=[instance(TINY)])
    big = wanted(installed, context_length=8192, parallel=2)
    with PROVIDER.open(big, lambda _: None) as served:
        assert (served.identity.context_length, served.identity.parallel) == (8192, 2)
        assert len(installed.read()["loaded"]) == 2
    assert [each["identifier"] for each in installed.read()["loaded"]] == [TINY]


def test_another_machine_s_speed_is_never_measured_as_this_one_s(installed: Studio) -> None:
    elsewhere = instance(TINY, "rig", deviceIdentifier="rig-1")
    installed.change(daemon=True, models=[model(TINY)], loaded=[elsewhere], device="rig-1")
    before = installed.condition()
    with (
        pytest.raises(HostApiError, match="on the linked device rig-1"),
        PROVIDER.open(wanted(installed), lambda _: None),
    ):
        pytest.fail("it serves")
    assert installed.condition() == before


def test_a_server_on_another_port_is_used_where_no_port_was_named(installed: Studio) -> None:
    installed.change(daemon=True, models=[model(TINY)])
    installed.lms("server", "start", "--port", str(installed.port))
    usual = wanted(installed, base_url=None)
    with PROVIDER.open(usual, lambda _: None) as served:
        assert served.access.base_url == installed.url
    elsewhere = wanted(installed, base_url="http://127.0.0.1:9/v1")
    with pytest.raises(HostApiError, match=f"already runs on port {installed.port}, not 9"):
        PROVIDER.open(elsewhere, lambda _: None).__enter__()
    assert installed.condition()["serving"]


def test_an_older_lms_that_knows_no_daemon(installed: Studio) -> None:
    installed.change(is_old=True, models=[model(TINY)])
    with PROVIDER.open(wanted(installed), lambda _: None):
        pass
    assert "daemon down" not in installed.calls()
    assert not installed.condition()["serving"]


def test_a_window_that_opened_is_told(installed: Studio) -> None:
    told: list[str] = []
    installed.change(is_daemon=False, models=[model(TINY)])
    with PROVIDER.open(wanted(installed), told.append):
        pass
    assert told[-1].startswith("LM Studio was started for this run and is still open")


def test_without_setup_nothing_is_changed(installed: Studio) -> None:
    with (
        pytest.raises(HostApiError, match="Nothing listens") as caught,
        PROVIDER.open(wanted(installed, setup=False, absent_wait_s=0.0), lambda _: None),
    ):
        pytest.fail("nobody serves")
    assert f"lms server start --port {installed.port}" in caught.value.remedy
    assert installed.calls() == []


FAULTS: dict[str, tuple[str, str, type[NobsError], str, str]] = {
    "no network": (
        "get", "fetch failed: ENOTFOUND huggingface.co", HostApiError,
        "download of tiny failed", "goes on where it stopped",
    ),
    "a full disk": (
        "get", "ENOSPC: no space left on device, write", StorageError,
        "disk is too full for tiny", "Free some space",
    ),
    "too little memory": (
        "load", "Failed to load model: insufficient system resources.", HostApiError,
        "not enough memory", "lms load openai/tiny --estimate-only",
    ),
    "a port in use": (
        "server start", "Failed to verify the server is running. Please try to use another port.",
        HostApiError, "server doesn't start", "--llm-url http://127.0.0.1:PORT/v1",
    ),
    "anything else": (
        "load", "Model runtime crashed.", HostApiError,
        "failed with exit code 1; it said: Loading openai/tiny", "Run `lms load openai/tiny",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", FAULTS)
def test_what_goes_wrong_is_told_and_undone(installed: Studio, kind: str) -> None:
    command, said, error, message, remedy = FAULTS[kind]
    installed.change(faults={command: said})
    before = installed.condition()
    with (
        pytest.raises(error) as caught,
        PROVIDER.open(wanted(installed), lambda _: None),
    ):
        pytest.fail("it serves")
    assert message in caught.value.message
    assert remedy in caught.value.remedy
    assert installed.condition() == before


def test_a_model_that_nobody_offers(installed: Studio) -> None:
    with (
        pytest.raises(HostApiError, match="finds no model 'nonsense'"),
        PROVIDER.open(wanted(installed, model="nonsense"), lambda _: None),
    ):
        pytest.fail("it serves")
    assert installed.condition() == {"daemon": False, "serving": False, "loaded": []}


def test_a_name_that_may_mean_two_models(installed: Studio) -> None:
    installed.change(models=[model(TINY), model("other/tiny")])
    with (
        pytest.raises(UsageError, match="may be meant: openai/tiny, other/tiny"),
        PROVIDER.open(wanted(installed), lambda _: None),
    ):
        pytest.fail("it serves")


def test_a_cleanup_that_fails_is_told_with_what_to_type(installed: Studio) -> None:
    told: list[str] = []
    installed.change(models=[model(TINY)])
    with PROVIDER.open(wanted(installed), told.append):
        installed.change(faults={"server stop": "busy"})
    assert "LM Studio is not as it was: `lms server stop`." in "".join(told)


def test_a_server_of_another_machine_is_not_set_up(installed: Studio) -> None:
    with (
        pytest.raises(UsageError, match="on this machine only"),
        PROVIDER.open(wanted(installed, base_url="http://10.0.0.7:1234/v1"), lambda _: None),
    ):
        pytest.fail("it serves")
    assert installed.condition() == {"daemon": False, "serving": False, "loaded": []}


def test_what_is_asked_of_lms_is_asked_as_json(installed: Studio) -> None:
    lms = check_lms_cli()
    assert lms.path == installed.home / "bin" / "lms"
    assert not is_server_running(lms)
    installed.change(models=[model(TINY)], loaded=[instance(TINY, "mine")])
    assert (is_model_downloaded(lms, "tiny"), is_model_downloaded(lms, "tin")) == (True, False)
    assert (is_model_loaded(lms, TINY), is_model_loaded(lms, "mine")) == (True, False)
    assert installed.calls() == [
        "server status --quiet --json", "ls --llm --json", "ls --llm --json",
        "ps --json", "ps --json",
    ]  # fmt: skip


def test_lms_is_found_where_it_is_usually_installed(
    installed: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(RequirementError, match="neither on PATH nor in") as caught:
        check_lms_cli()
    assert "Install LM Studio from https://lmstudio.ai" in caught.value.remedy
    usual = tmp_path / ".lmstudio" / "bin" / "lms"
    usual.parent.mkdir(parents=True)
    usual.symlink_to(installed.home / "bin" / "lms")
    assert check_lms_cli().path == usual
    (tmp_path / ".lmstudio-home-pointer").write_text(f"{installed.home}\n")
    assert check_lms_cli().path == installed.home / "bin" / "lms"


CLI = """
import sys
from nobs.providers import PROVIDERS
from nobs.providers.base import Wanted
from nobs.signals import stop_on_signals
wanted = Wanted(base_url=sys.argv[1], model="tiny", setup=True)
with stop_on_signals():
    try:
        with PROVIDERS.load("lmstudio").open(wanted, lambda line: print(line, flush=True)):
            print("Ready.", flush=True)
            __import__("time").sleep(60)
    except KeyboardInterrupt:
        sys.exit(130)
"""


@pytest.mark.parametrize("moment", ["Starting", "Downloading", "Loading", "Ready."])
def test_ctrl_c_at_any_moment_leaves_everything_as_it_was(installed: Studio, moment: str) -> None:
    installed.change(delay_s=0.5)
    before = installed.condition()
    child = subprocess.Popen(
        [sys.executable, "-c", CLI, installed.url], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    for line in child.stdout:
        if line.startswith(moment):
            child.send_signal(signal.SIGINT)
            break
    assert child.wait(60) == 130
    child.stdout.close()
    assert installed.condition() == before


def test_an_lms_that_hangs_is_stopped(installed: Studio) -> None:
    installed.change(faults={"ps": "hang", "load": "hang"}, models=[model(TINY)])
    lms = check_lms_cli()
    started = time.monotonic()
    with pytest.raises(HostApiError, match="was stopped; it said: It didn't end in 1 s"):
        lms.run("ps", limit_s=1.0)
    with pytest.raises(HostApiError, match="Nothing came from it for"):
        lms.follow("load", TINY, tell=lambda _: None, limit_s=30.0, silence_s=1.0)
    with pytest.raises(HostApiError, match="Nothing came from it for"):
        lms.follow("load", TINY, tell=lambda _: None, limit_s=1.0, silence_s=30.0)
    assert time.monotonic() - started < 15


def test_an_lms_that_prints_no_json_is_told(installed: Studio) -> None:
    installed.lms("server", "start", "--port", str(installed.port))
    with pytest.raises(HostApiError, match=r"`lms server stop` .* printed no JSON"):
        check_lms_cli().read("server", "stop")
