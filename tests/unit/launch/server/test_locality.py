"""Locality follows the work: what the server gives away outweighs the address of its socket."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from nobs.launch.server.locality import find_locality
from nobs.providers.base import ServedModel
from nobs.providers.evidence import Elsewhere
from nobs.schema.server import Connection, Locality, ModelIdentity
from nobs.system.hosts import own_addresses

CLOUD = Elsewhere(locality=Locality.REMOTE, reason="It is a cloud's.")
GATEWAY = Elsewhere(locality=Locality.UNKNOWN, reason="It is a gateway.")


def served(host: str, elsewhere: Elsewhere | None = None, *, is_ours: bool = False) -> ServedModel:
    return ServedModel(
        connection=Connection(base_url=f"http://{host}/v1"),
        model="m",
        identity=ModelIdentity(id="m"),
        elsewhere=elsewhere,
        is_ours=is_ours,
    )


@pytest.mark.parametrize(
    "host", ["127.0.0.1:1", "0.0.0.0:1", "[::]:1", "localhost", "host.docker.internal:1",
             f"{socket.gethostname()}:1"]
)  # fmt: skip
def test_a_server_of_this_machine_is_local(host: str) -> None:
    assert find_locality(served(host)) == (Locality.LOCAL, None)


def test_a_server_at_an_own_address_is_local() -> None:
    for address in own_addresses():
        host = f"[{address}]" if address.version == 6 else str(address)
        assert find_locality(served(host)) == (Locality.LOCAL, None)


def test_a_server_at_another_address_is_remote() -> None:
    assert find_locality(served("192.0.2.1:8000")) == (
        Locality.REMOTE, "The server is another machine, 192.0.2.1.",
    )  # fmt: skip


def test_inside_a_container_another_address_may_be_the_hosts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NOBS_IN_CONTAINER", "1")

    locality, reason = find_locality(served("192.0.2.1:8000"))

    assert locality is Locality.UNKNOWN
    assert reason == "Whether 192.0.2.1 is the host can't be seen from inside a container."
    assert find_locality(served("host.docker.internal"))[0] is Locality.LOCAL


def test_a_name_that_nobody_knows_is_unknown() -> None:
    assert find_locality(served("no-such-host.invalid")) == (
        Locality.UNKNOWN, "The name no-such-host.invalid can't be resolved.",
    )  # fmt: skip


@pytest.mark.parametrize("is_ours", [False, True])
@pytest.mark.parametrize("known", [CLOUD, GATEWAY])
def test_a_server_of_this_machine_that_passes_on_is_not_local(
    known: Elsewhere, *, is_ours: bool
) -> None:
    found = find_locality(served("127.0.0.1:1", known, is_ours=is_ours))

    assert found == (known.locality, known.reason)


def test_a_gateway_on_another_machine_is_remote() -> None:
    assert find_locality(served("192.0.2.1", GATEWAY))[0] is Locality.REMOTE


LISTEN = """
import socket, sys
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
sys.stdin.read()
"""


@contextmanager
def listening_as(program: Path) -> Iterator[int]:
    """A process of that name that listens; yields its port."""
    program.symlink_to(Path(sys.executable).resolve())
    with subprocess.Popen(
        [str(program), "-S", "-c", LISTEN], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield int(process.stdout.readline())
        process.stdin.close()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a program's name is its target's")
@pytest.mark.parametrize(("program", "is_local"), [("ssh", False), ("llama-server", True)])
def test_a_forwarded_port_leads_nobody_knows_where(
    tmp_path: Path, program: str, *, is_local: bool
) -> None:
    with listening_as(tmp_path / program) as port:
        locality, reason = find_locality(served(f"127.0.0.1:{port}"))

    assert (locality is Locality.LOCAL) is is_local
    assert reason == (None if is_local else f"ssh listens on port {port} and forwards requests.")
