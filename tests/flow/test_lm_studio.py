"""LM Studio set up for a run and left as it was, by a look-alike of `lms`."""

import signal
import subprocess
import sys
from typing import Any

import pytest

from nobs.errors import HostApiError
from tests.fakes.studio import OTHER, TINY, Studio, instance, model

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="the look-alike is a shell script"),
    pytest.mark.long,
]


class RunFailed(Exception):
    """What goes wrong inside a run."""


def test_from_nothing_to_an_answer_and_back(installed: Studio) -> None:
    told: list[str] = []
    before = installed.condition()
    with installed.open(told.append) as served:
        assert served.is_ours
        assert served.model == "nobs-tiny"
        assert served.connection.base_url == installed.url
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

    with installed.open() as served:
        assert served.model == names.get(TINY, "nobs-tiny")
        assert served.is_ours != serving
    assert installed.condition() == before
    assert ("server stop" in installed.calls()) != serving


def test_a_run_that_fails_leaves_everything_as_it_was(installed: Studio) -> None:
    installed.change(daemon=True, models=[model(TINY), model(OTHER)], loaded=[instance(OTHER)])
    before = installed.condition()
    with pytest.raises(RunFailed), installed.open():
        raise RunFailed
    assert installed.condition() == before


def test_a_model_that_had_to_leave_memory_comes_back(installed: Studio) -> None:
    mine = instance(OTHER, "mine", contextLength=2048)
    installed.change(daemon=True, models=[model(TINY), model(OTHER)], loaded=[mine], evicts=True)
    before = installed.condition()
    with installed.open():
        assert installed.condition()["loaded"] == [("nobs-tiny", TINY)]
    assert installed.condition() == before
    assert installed.read()["loaded"][0]["contextLength"] == 2048


def test_a_user_s_instance_with_too_little_context_is_left_alone(installed: Studio) -> None:
    installed.change(daemon=True, models=[model(TINY)], loaded=[instance(TINY)])
    with installed.open(context_length=8192, parallel=2) as served:
        assert (served.identity.context_length, served.identity.parallel) == (8192, 2)
        assert len(installed.read()["loaded"]) == 2
    assert [each["identifier"] for each in installed.read()["loaded"]] == [TINY]


def test_another_machine_s_speed_is_never_measured_as_this_one_s(installed: Studio) -> None:
    elsewhere = instance(TINY, "rig", deviceIdentifier="rig-1")
    installed.change(daemon=True, models=[model(TINY)], loaded=[elsewhere], device="rig-1")
    before = installed.condition()
    with (
        pytest.raises(HostApiError, match="on the linked device rig-1"),
        installed.open(),
    ):
        pytest.fail("it serves")
    assert installed.condition() == before


def test_a_server_on_another_port_is_used_where_no_port_was_named(installed: Studio) -> None:
    installed.change(daemon=True, models=[model(TINY)])
    installed.lms("server", "start", "--port", str(installed.port))
    with installed.open(url=None) as served:
        assert served.connection.base_url == installed.url
    elsewhere = installed.open(url="http://127.0.0.1:9/v1")
    with pytest.raises(HostApiError, match=f"already runs on port {installed.port}, not 9"):
        elsewhere.__enter__()
    assert installed.condition()["serving"]


def test_an_older_lms_that_knows_no_daemon(installed: Studio) -> None:
    installed.change(is_old=True, models=[model(TINY)])
    with installed.open():
        pass
    assert "daemon down" not in installed.calls()
    assert not installed.condition()["serving"]


def test_a_window_that_opened_is_told(installed: Studio) -> None:
    told: list[str] = []
    installed.change(is_daemon=False, models=[model(TINY)])
    with installed.open(told.append):
        pass
    assert told[-1].startswith("LM Studio was started for this run and is still open")


def test_without_setup_nothing_is_changed(installed: Studio) -> None:
    with (
        pytest.raises(HostApiError, match="Nothing listens") as caught,
        installed.open(setup=False, request_timeout_s=0.5),
    ):
        pytest.fail("nobody serves")
    assert f"lms server start --port {installed.port}" in caught.value.remedy
    assert installed.calls() == []


CLI = """
import sys
from nobs.providers import PROVIDERS
from nobs.schema.server import Connection, ServerRequest
from nobs.supervisor.signals import stop_on_signals
request = ServerRequest(model="tiny", setup=True)
connection = Connection(base_url=sys.argv[1])
tell = lambda line: print(line, flush=True)
with stop_on_signals():
    try:
        with PROVIDERS.load("lmstudio").open(request, connection, tell):
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
