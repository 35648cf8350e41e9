"""`nobs run --host`: a real sshd on loopback, real ssh, and short runs on its hosts."""

import json
import os
import shutil
import signal
import sys
from pathlib import Path

import pytest

from tests.fakes.fleets import LIMIT_S, WORK, begun, go, nobs, put, reports, started
from tests.fakes.llm_answers import MODEL
from tests.fakes.ports import free_port
from tests.fakes.sshd import ABSENT, HAS_SSHD, short_sshd
from tests.fakes.waiting import wait_for

pytestmark = [pytest.mark.long, pytest.mark.skipif(not HAS_SSHD, reason=ABSENT)]


def test_hosts_run_at_the_same_time_and_their_reports_come_home(tmp_path: Path) -> None:
    with short_sshd(tmp_path / "s", "box1", "box2", HOST_FAULT="waits") as server:
        with started(server, "run", "--host", "ssh://box1,box2", *WORK, "--json") as process:
            # Neither could end before both have begun.
            wait_for(lambda: begun(server, "box1") and begun(server, "box2"), 120)
            for name in ("box1", "box2"):
                go(server, name)
            stdout, stderr = process.communicate(timeout=LIMIT_S)
        told = json.loads(stdout)
        runs = reports(server)

    assert process.returncode == 0, stderr
    assert told["schema"] == "nobs.hosts/1"
    assert [(host["name"], host["state"]) for host in told["hosts"]] == [
        ("box1", "complete"), ("box2", "complete"),
    ]  # fmt: skip
    assert {host["name"]: host["run_id"] for host in told["hosts"]} == runs
    assert "box1 and box2 are the same machine" in stderr
    assert "box1: step 1/1: " in stderr
    assert "box2: ok, 2 repeats" in stderr


def test_hosts_get_the_options_that_are_given_here(tmp_path: Path) -> None:
    with short_sshd(tmp_path / "s", "box1") as server:
        done = nobs(
            server, "run", "--host", "box1", "--yes", "-q", "-t", "embeddings", "--rows=4",
            "--execution", "native", "--repeats", "3", NOBS_PROFILE="quick",
            LLM_BASE_URL="http://127.0.0.1:1234/v1", NOBS_NODE="laptop",
        )  # fmt: skip
        lines = (server.home("box1") / "calls").read_text().splitlines()
        calls = [json.loads(line) for line in lines]

    assert done.returncode == 0, done.stderr
    words = next(call["words"] for call in calls if call["words"][0] == "run")
    assert words[:4] == ["run", "--node", "box1", "--yes"]
    given = dict(zip(words[4::2], words[5::2], strict=True))
    assert given.pop("--results").startswith(".local/share/nobs/hosts/")
    assert given == {
        "--task": "embeddings", "--rows": "4", "--execution": "native", "--repeats": "3",
        "--profile": "quick",
    }  # fmt: skip
    # The host's own server is meant.
    assert calls[-1]["url"] == "http://127.0.0.1:1234/v1"


@pytest.mark.skipif(
    not (shutil.which("unshare") and getattr(os, "getuid", lambda: 1)() == 0),
    reason="only root can make a network",
)
def test_a_server_on_the_host_s_own_loopback_is_measured_there(tmp_path: Path) -> None:
    with short_sshd(tmp_path / "s", "box1") as server:
        port = free_port()
        beside = f"{sys.executable} -m tests.fakes.boxed_llm {port}"
        put(server, "nobs", f'[ "$1" = run ] || exec {sys.executable} -m nobs "$@"\n'
                            f'exec unshare -n {beside} "$@"')  # fmt: skip
        done = nobs(
            server, "run", "--host", "box1", "-t", "llms", "--profile", "quick", "--rows", "1",
            "--repeats", "3", "--backend", "cpu", "--execution", "native", "--llm-model", MODEL,
            "--llm-url", f"http://127.0.0.1:{port}/v1", "--json",
        )  # fmt: skip
        asked = int((server.home("box1") / "requests").read_text())

    assert done.returncode == 0, done.stdout + done.stderr
    (host,) = json.loads(done.stdout)["hosts"]
    report = json.loads(Path(host["report"]).read_text())
    (model,) = report["tasks"][0]["models"].values()
    assert (host["state"], model["status"]) == ("complete", "ok")
    assert len(model["samples"]) == 3
    assert asked > 3


def test_one_host_s_failure_does_not_stop_the_others(tmp_path: Path) -> None:
    with short_sshd(tmp_path / "s", "box1", "box2", "box3") as server:
        (server.home("box2") / "fault").write_text("raises")
        done = nobs(server, "run", "--host", "box1,box2,box3,nowhere.invalid", *WORK)
        runs = reports(server)
        table = done.stdout

    assert done.returncode == 3, done.stderr
    # Without any result nothing becomes the latest report of a host.
    assert sorted(runs) == ["box1", "box3"]
    assert "box2             partial" in table
    assert "the weights are upside down" in table
    assert "nowhere.invalid  not run" in table
    assert "2 of 4 hosts complete." in table
    assert "the host is unknown" in " ".join(table.split())


def test_a_cut_connection_hurts_no_run(tmp_path: Path) -> None:
    with short_sshd(tmp_path / "s", "box1", "box2", HOST_FAULT="waits") as server:
        with started(server, "run", "--host", "box1,box2", *WORK) as process:
            for _ in range(2):
                wait_for(lambda: begun(server, "box1") and begun(server, "box2"), 120)
                wait_for(lambda: len(server.sessions()) >= 2 and server.cut() >= 2)
            for name in ("box1", "box2"):
                go(server, name)
            stdout, stderr = process.communicate(timeout=LIMIT_S)
        runs = reports(server)

    assert process.returncode == 0, stderr
    assert sorted(runs) == ["box1", "box2"]
    assert "2 of 2 hosts complete." in stdout
    # Events came once, whatever the connections did.
    assert stderr.count("box1: step 1/1: ") == 1
    assert stderr.count("box1: ok, 2 repeats") == 1


def test_a_launcher_that_is_gone_is_replaced_by_attach(tmp_path: Path) -> None:
    with short_sshd(tmp_path / "s", "box1", HOST_FAULT="waits") as server:
        with started(server, "run", "--host", "box1", *WORK) as process:
            wait_for(lambda: begun(server, "box1"), 120)
            process.kill()
            _, stderr = process.communicate()
        fleet = stderr.partition("nobs attach ")[2].split()[0]
        go(server, "box1")
        done = nobs(server, "attach", fleet, "--host", "box1")
        absent = nobs(server, "attach", "20200101T000000Z-abcdef", "--host", "box1")
        runs = reports(server)

    assert done.returncode == 0, done.stderr
    assert list(runs) == ["box1"]
    assert absent.returncode == 3
    assert "box1 has no run of 20200101T000000Z-abcdef" in " ".join(absent.stdout.split())


def test_ctrl_c_interrupts_the_runs_and_brings_home_what_there_is(tmp_path: Path) -> None:
    with short_sshd(tmp_path / "s", "box1", "box2", HOST_FAULT="fine,waits") as server:
        with started(server, "run", "--host", "box1,box2", *WORK) as process:
            wait_for(lambda: begun(server, "box1") and begun(server, "box2"), 120)
            os.kill(process.pid, signal.SIGINT)
            stdout, stderr = process.communicate(timeout=LIMIT_S)
        runs = reports(server)

    assert process.returncode == 130, stderr
    assert stdout.count("interrupted") >= 2
    assert set(runs) <= {"box1", "box2"}


def test_a_launcher_killed_on_its_host_is_finished_there(tmp_path: Path) -> None:
    with (
        short_sshd(tmp_path / "s", "box1", HOST_FAULT="waits") as server,
        started(server, "run", "--host", "box1", *WORK) as process,
    ):
        wait_for(lambda: begun(server, "box1"), 120)
        (child,) = server.home("box1").glob(".local/share/nobs/hosts/*/box1/run/child")
        os.kill(int(child.read_text()), signal.SIGKILL)
        wait_for(lambda: child.with_name("code").exists())
        go(server, "box1")
        stdout, stderr = process.communicate(timeout=LIMIT_S)

    # Its supervisor went on, and `nobs attach` took its result.
    assert process.returncode == 0, stderr
    assert "the launcher there has died" in stderr
    assert "1 of 1 host complete." in stdout


def test_ten_aliases_at_once_give_ten_reports_and_one_table(tmp_path: Path) -> None:
    names = [f"box{number}" for number in range(10)]
    with short_sshd(tmp_path / "s", *names) as server:
        done = nobs(server, "run", "--host", ",".join(names), *WORK)
        runs = reports(server)

    assert done.returncode == 0, done.stdout + done.stderr
    assert sorted(runs) == names
    assert len(set(runs.values())) == 10
    assert "10 of 10 hosts complete." in done.stdout
