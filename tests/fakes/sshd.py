"""A real sshd on loopback: a port, a home directory and an alias for each of its hosts."""

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.fakes.command import NO_ENGINE
from tests.fakes.forked import REPO
from tests.fakes.ports import free_port
from tests.fakes.waiting import wait_for

PROGRAM = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
ABSENT = "no sshd: install Debian's openssh-server, as .ci/run does"
HAS_SSHD = PROGRAM is not None and shutil.which("ssh") is not None


@dataclass(frozen=True, kw_only=True)
class Sshd:
    """A running server; all files of it and of its clients are in `directory`."""

    directory: Path
    process: "subprocess.Popen[bytes]"
    ports: dict[str, int] = field(default_factory=dict)

    @property
    def config(self) -> Path:
        """The client's configuration with all aliases."""
        return self.directory / "config"

    def home(self, name: str) -> Path:
        """The home directory of a host."""
        return self.directory / "homes" / name

    @property
    def names(self) -> str:
        """All aliases, for --host."""
        return ",".join(self.ports)

    def sessions(self) -> list[psutil.Process]:
        """Return the processes that serve connections."""
        found = []
        with contextlib.suppress(psutil.NoSuchProcess):
            for child in psutil.Process(self.process.pid).children():
                with contextlib.suppress(psutil.NoSuchProcess):
                    found += [child] if child.name().startswith("sshd") else []
        return found

    def cut(self) -> int:
        """Kill what serves the connections, as when a network breaks; return how many there were.

        The commands on the other side aren't touched.
        """
        cut = 0
        for session in self.sessions():
            with contextlib.suppress(psutil.NoSuchProcess):
                session.kill()
                cut += 1
        return cut


@contextlib.contextmanager
def sshd(directory: Path, names: Sequence[str], variables: dict[str, str]) -> Iterator[Sshd]:
    """Run a server with `variables` in the environment of every command."""
    assert PROGRAM is not None
    for key in ("host_key", "key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", directory / key],
                       check=True)  # fmt: skip
    shutil.copy(directory / "key.pub", directory / "authorized_keys")
    # Ports are all taken before the first is given back.
    ports = dict.fromkeys(names, 0)
    for name in ports:
        while (port := free_port()) in ports.values():
            pass
        ports[name] = port
    _write(directory, ports, variables)
    log = (directory / "sshd.log").open("wb")
    with (
        log,
        subprocess.Popen(
            [PROGRAM, "-D", "-e", "-f", directory / "sshd_config"], stderr=log
        ) as process,
    ):
        server = Sshd(directory=directory, process=process, ports=ports)
        try:
            wait_for(lambda: process.poll() is not None or all(map(_answers, ports.values())))
            assert process.poll() is None, (directory / "sshd.log").read_text()
            yield server
        finally:
            server.cut()
            process.terminate()


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 5) as client:
        return client.recv(4) == b"SSH-"
    return False


def _write(directory: Path, ports: dict[str, int], variables: dict[str, str]) -> None:
    if os.getuid() == 0:
        # Where the package's service has never started.
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    server = [
        "ListenAddress 127.0.0.1", *(f"Port {port}" for port in ports.values()),
        f"HostKey {directory}/host_key", f"AuthorizedKeysFile {directory}/authorized_keys",
        f"PidFile {directory}/sshd.pid", "UsePAM no", "StrictModes no", "PasswordAuthentication no",
        "PermitRootLogin yes", "MaxStartups 200", "LogLevel VERBOSE",
    ]  # fmt: skip
    client = [
        f"IdentityFile {directory}/key", "IdentitiesOnly yes",
        f"UserKnownHostsFile {directory}/known_hosts", "StrictHostKeyChecking accept-new",
        f"User {getpass.getuser()}", "HostName 127.0.0.1",
    ]  # fmt: skip
    aliases = []
    for name, port in ports.items():
        home = directory / "homes" / name
        home.mkdir(parents=True)
        given = {**variables, "HOME": str(home)}
        quoted = " ".join(f'"{key}={value}"' for key, value in given.items())
        server += [f"Match LocalPort {port}", f"  SetEnv {quoted}"]
        aliases += [f"Host {name}", f"  Port {port}"]
    (directory / "sshd_config").write_text("\n".join([*server, ""]))
    (directory / "config").write_text("\n".join([*aliases, f"Host {' '.join(ports)}", *client, ""]))


def commands_environment(directory: Path) -> dict[str, str]:
    """Return what commands on the hosts see: short runs as `nobs`, no hub and no engine."""
    programs = directory / "bin"
    programs.mkdir(parents=True, exist_ok=True)
    program = programs / "nobs"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m tests.fakes.short_runs "$@"\n')
    program.chmod(0o755)
    return {
        "PATH": f"{programs}:/usr/bin:/bin",
        "PYTHONPATH": str(REPO),
        "HF_HOME": str(directory / "hf"),
        "HF_ENDPOINT": "http://127.0.0.1:9",
        "DOCKER_HOST": NO_ENGINE,
    }


@contextlib.contextmanager
def short_sshd(directory: Path, *names: str, **variables: str) -> Iterator[Sshd]:
    """Run a server whose hosts make runs of a second; `variables` are set there."""
    directory.mkdir()
    with sshd(directory, names, commands_environment(directory) | variables) as server:
        yield server
