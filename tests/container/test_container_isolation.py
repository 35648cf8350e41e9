"""What a container may do, as the program inside finds it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from nobs.launch.container.logs import Stream
from nobs.launch.container.plan import SecretFile
from nobs.launch.engine.client import Engine, connect
from tests.container.launching import USER, Launch


@pytest.fixture
def launch(engine: str, tmp_path: Path) -> Iterator[Launch]:
    with connect({"DOCKER_HOST": engine}) as connection:
        yield Launch(connection, tmp_path / "run")


def status(launch: Launch) -> dict[str, str]:
    launch.run("print(open('/proc/self/status').read())")
    pairs = (line.partition(":") for line in launch.stdout)
    return {name: value.strip() for name, _, value in pairs}


def test_no_capability_is_held_and_none_can_be_gained(launch: Launch) -> None:
    found = status(launch)

    held = {int(found[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")}
    assert held == {0}
    assert found["NoNewPrivs"] == "1"
    assert found["Seccomp"] == "2"


def test_the_program_is_the_calling_user_and_not_the_first_process(launch: Launch) -> None:
    uid, gid = USER or (os.getuid(), os.getgid())
    found = status(launch)

    assert found["Uid"].split() == [str(uid)] * 4
    assert found["Gid"].split() == [str(gid)] * 4
    assert found["Pid"] != "1"


def test_the_image_is_read_only_and_only_the_mounts_are_not(launch: Launch) -> None:
    code = (
        "import os\n"
        "for path in ('/x', '/etc/x', '/usr/x', '/run-dir/x', '/tmp/x', '/cache/huggingface/x',\n"
        "             '/cache/huggingface/hub/x'):\n"
        "    try:\n"
        "        open(path, 'w').close()\n"
        "        print(path)\n"
        "    except OSError:\n"
        "        pass"
    )
    cache = launch.run_dir.parent / "cache"
    for directory in (cache, cache / "hub"):
        directory.mkdir()
        if USER:
            os.chown(directory, *USER)

    launch.run(code, cache_dir=cache)

    assert launch.stdout == ["/run-dir/x", "/tmp/x"]
    launch.heard[Stream.STDOUT].clear()
    launch.run(code, cache_dir=cache, fetches=True)
    written = ["/run-dir/x", "/tmp/x", "/cache/huggingface/x", "/cache/huggingface/hub/x"]
    assert launch.stdout == written
    for file in (launch.run_dir / "x", cache / "x"):
        found = file.stat()
        assert (found.st_uid, found.st_gid) == (USER or (os.getuid(), os.getgid()))


def test_programs_can_be_built_and_run_in_tmp(launch: Launch) -> None:
    code = (
        "import os, subprocess\n"
        "open('/tmp/tool', 'w').write('#!/bin/sh\\necho ran\\n')\n"
        "os.chmod('/tmp/tool', 0o755)\n"
        "subprocess.run(['/tmp/tool'], check=True)"
    )

    launch.run(code)

    assert launch.stdout == ["ran"]


def test_any_user_has_a_name_and_a_home(launch: Launch) -> None:
    launch.run("import getpass, os; print(getpass.getuser(), os.path.expanduser('~'))")

    assert launch.stdout == ["nobs /tmp"]


def test_without_a_network_there_is_only_the_loopback(launch: Launch) -> None:
    launch.run("import socket; print([name for _, name in socket.if_nameindex()])")

    assert launch.stdout == ["['lo']"]


def test_with_a_network_there_is_an_interface(launch: Launch) -> None:
    launch.run("import socket; print(len(socket.if_nameindex()) > 1)", network="bridge")

    assert launch.stdout == ["True"]


def test_the_engines_socket_stays_outside(launch: Launch) -> None:
    launch.run("import os; print(os.path.exists('/var/run/docker.sock'))")

    assert launch.stdout == ["False"]


def test_a_token_is_readable_inside_and_in_no_record(launch: Launch, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("hf_secret")
    token.chmod(0o600)
    if USER:
        os.chown(token, *USER)
    inspected: list[str] = []

    def inspect(*_: object) -> None:
        container = launch.engine.client.containers.get(f"nobs-{launch.run_id}")
        inspected.append(str(container.attrs))

    code = (
        "import os\n"
        "path = os.environ['HF_TOKEN_PATH']\n"
        "print(open(path).read() == 'hf_' + 'secret', os.access(path, os.W_OK), flush=True)\n"
        "open('/run-dir/done', 'w').close()"
    )
    launch.run(code, secrets=(SecretFile(variable="HF_TOKEN_PATH", source=token),), on_line=inspect)

    assert launch.stdout == ["True False"]
    assert "HF_TOKEN_PATH" in inspected[0]
    assert "hf_secret" not in inspected[0]


@pytest.mark.parametrize("fetches", [True, False])
def test_the_token_of_a_login_is_seen_by_who_fetches_alone(launch: Launch, fetches: bool) -> None:
    cache = launch.run_dir.parent / "cache"
    cache.mkdir()
    (cache / "token").write_text("hf_secret")
    code = "import pathlib; print([p.name for p in pathlib.Path('/cache').rglob('token')])"

    launch.run(code, cache_dir=cache, fetches=fetches)

    assert launch.stdout == [str(["token"] if fetches else [])]


def test_threads_are_limited_but_enough_for_torch(launch: Launch) -> None:
    launch.run(
        "from pathlib import Path\n"
        "for path in ('/sys/fs/cgroup/pids/pids.max', '/sys/fs/cgroup/pids.max'):\n"
        "    if Path(path).exists(): print(Path(path).read_text().strip()); break"
    )

    assert launch.stdout == ["4096"]


def test_an_engine_describes_itself(engine: str) -> None:
    with connect({"DOCKER_HOST": engine}) as connection:
        assert isinstance(connection, Engine)
        assert connection.ref.endpoint == engine
        assert connection.info.architecture
        assert not connection.info.remote
