"""What can be wrong with hosts, each with a real sshd: the sentence, the remedy, the exit code."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nobs import __version__
from nobs.launch.remote.box import Box, Order
from nobs.launch.remote.fleet import Fleet
from nobs.launch.remote.hosts import Host
from nobs.launch.remote.shell import Shell
from nobs.log import Event
from nobs.schema.spec import RunSpec
from tests.fakes.fleets import WORK, nobs, put, reports
from tests.fakes.sshd import ABSENT, HAS_SSHD, Sshd, short_sshd

pytestmark = [pytest.mark.long, pytest.mark.skipif(not HAS_SSHD, reason=ABSENT)]


def change_config(server: Sshd, old: str, new: str) -> None:
    text = server.config.read_text()
    assert old in text
    server.config.write_text(text.replace(old, new))


def said(server: Sshd, *words: str, code: int) -> str:
    """Run on box1; return what was said, in one line, after checking the exit code."""
    done = nobs(server, "run", "--host", "box1", *WORK, *words)
    assert done.returncode == code, done.stdout + done.stderr
    return " ".join((done.stdout + done.stderr).split())


def test_a_refused_key_is_named_with_its_remedy(tmp_path: Path) -> None:
    with short_sshd(tmp_path / "s", "box1") as server:
        (server.directory / "authorized_keys").write_text("")
        text = said(server, code=3)

    assert "box1: it refused your key" in text
    assert "ssh-copy-id box1" in text


def test_an_unknown_and_a_changed_host_key_are_told_apart(tmp_path: Path) -> None:
    with short_sshd(tmp_path / "s", "box1") as server:
        change_config(server, "accept-new", "yes")
        unknown = said(server, code=3)
        key = (server.directory / "key.pub").read_text().split()[:2]
        known = f"[127.0.0.1]:{server.ports['box1']} {' '.join(key)}\n"
        (server.directory / "known_hosts").write_text(known)
        changed = said(server, code=3)

    assert "box1: its host key isn't known here" in unknown
    assert "Run `ssh box1` once" in unknown
    assert "box1: its host key has changed" in changed
    assert "ssh-keygen -R box1" in changed


def test_a_wrong_configuration_of_ssh_is_a_usage_error(tmp_path: Path) -> None:
    with short_sshd(tmp_path / "s", "box1") as server:
        change_config(server, "IdentitiesOnly", "IdentitysOnly")
        text = said(server, code=2)

    assert "the configuration of ssh can't be used" in text
    assert "identitysonly" in text.lower()


def test_nobs_missing_or_of_another_version_is_named(tmp_path: Path) -> None:
    with short_sshd(tmp_path / "s", "box1") as server:
        other = put(server, "nobs", "echo nobs, version 9.9")
        another = said(server, code=3)
        other.unlink()
        missing = said(server, code=3)

    assert f"box1 has NOBS 9.9, this is {__version__}. Install the same version" in another
    assert f"box1 has no NOBS, this is {__version__}." in missing
    assert "let NOBS do it with --yes" in missing


def test_another_architecture_is_refused(tmp_path: Path) -> None:
    with short_sshd(tmp_path / "s", "box1") as server:
        put(server, "uname", '[ "$1" = -s ] && echo Linux || echo armv7l')
        text = said(server, code=3)

    assert "box1 is Linux armv7l. NOBS runs on Linux and macOS with x86_64" in text


def test_a_home_that_can_t_be_written_is_named(tmp_path: Path) -> None:
    with short_sshd(tmp_path / "s", "box1") as server:
        (server.home("box1") / ".local").write_text("a file")
        text = said(server, code=3)

    assert "box1: mkdir: cannot create directory" in text
    assert "Check the home directory there" in text


def test_a_host_without_space_is_told_before_installing(tmp_path: Path) -> None:
    with short_sshd(tmp_path / "s", "box1") as server:
        put(server, "nobs", "exit 1")
        put(server, "df", "echo 'Filesystem 1024-blocks Used Available Capacity Mounted on'\n"
                          "echo '/dev/sda1 1000000 900000 100000 90% /'")  # fmt: skip
        text = said(server, "--yes", code=3)

    assert "box1 has 97.7 MiB free in its home directory; NOBS needs" in text


def test_a_half_copied_archive_is_copied_again(tmp_path: Path) -> None:
    with short_sshd(tmp_path / "s", "box1") as server:
        put(server, "tar", 'mkdir "$HOME/cut" 2>/dev/null || exec /usr/bin/tar "$@"\n'
                           '/usr/bin/tar "$@" | head -c 900')  # fmt: skip
        text = said(server, code=0)

    assert "1 of 1 host complete" in text


def test_an_archive_that_never_comes_whole_is_lost_but_not_gone(tmp_path: Path) -> None:
    with short_sshd(tmp_path / "s", "box1") as server:
        put(server, "tar", '/usr/bin/tar "$@" | head -c 900')
        text = said(server, code=5)
        put(server, "tar", 'exec /usr/bin/tar "$@"')
        fleet = text.partition("nobs attach ")[2].split()[0].rstrip("`")
        again = nobs(server, "attach", fleet, "--host", "box1")
        runs = reports(server)

    assert "is incomplete" in text
    assert again.returncode == 0, again.stderr
    assert list(runs) == ["box1"]


class Silent:
    """Shows nothing."""

    def say(self, text: str, *, lasting: bool = True) -> None:
        pass

    def begin(self, spec: RunSpec) -> None:
        pass

    def event(self, event: Event) -> None:
        pass


class Vanishing(Silent):
    """Takes the server away when the first step has started."""

    def __init__(self, server: Sshd) -> None:
        self._server = server

    def event(self, event: Event) -> None:
        if event["event"] == "step.started":
            # The sessions of a server outlive it.
            sessions = self._server.sessions()
            self._server.process.kill()
            self._server.process.wait()
            for session in sessions:
                session.kill()


def test_a_host_that_is_lost_is_given_up_after_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with short_sshd(tmp_path / "s", "box1", HOST_FAULT="waits") as server:
        order = Order(
            fleet="a-fleet", words=WORK, results=server.directory / "results", reconnect_s=2.0
        )
        shell = Shell(host=Host(name="box1", address="box1"), config=server.config)
        fleet = Fleet([Box(shell, order, Vanishing(server))])
        fleet.each(Box.inspect)
        fleet.each(Box.measure)
        (server.home("box1") / "models/waits/go").touch()

    (part,) = fleet.ordered()
    assert (part.state, part.exit_code) == ("lost", 5)
    assert "it doesn't answer" in part.reason
    assert "nobs attach a-fleet" in part.reason


def python_312(server: Sshd) -> None:
    """Let the host have this environment's Python, without its packages."""
    base = getattr(sys, "_base_executable", sys.executable)
    put(server, "python3.12", f'exec {base} "$@"')
    (server.directory / "bin" / "nobs").unlink()


def test_nobs_is_installed_from_a_wheel_that_comes_along(tmp_path: Path) -> None:
    settings = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    # The user's own configuration of pip isn't in the host's home directory.
    configs = (Path.home() / place for place in (".config/pip/pip.conf", ".pip/pip.conf"))
    settings["PIP_CONFIG_FILE"] = next((str(file) for file in configs if file.exists()), os.devnull)
    with short_sshd(tmp_path / "s", "box1", **settings, PYTHONPATH="") as server:
        python_312(server)
        # Without an engine there the run itself ends early.
        text = said(server, "--yes", "--execution", "container", code=3)
        again = said(server, "--execution", "container", code=3)
        place = server.home("box1") / ".local/share/nobs" / __version__
        version = subprocess.check_output([place / "bin/nobs", "--version"], text=True)
        is_complete = (place / "complete").exists()
        left = list(place.parent.glob("*.lock")) + list(place.parent.rglob("*.whl"))

    assert f"box1: installing NOBS {__version__}" in text
    assert "installing" not in again
    assert is_complete
    assert version.split()[-1] == __version__
    assert "Docker" in text or "engine" in text
    assert left == []


def test_a_host_without_a_package_index_gets_a_way_out(tmp_path: Path) -> None:
    settings = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_CONFIG_FILE": os.devnull}
    with short_sshd(tmp_path / "s", "box1", **settings, PYTHONPATH="") as server:
        python_312(server)
        text = said(server, "--yes", "--execution", "container", code=3)
        again = nobs(server, "run", "--host", "box1", *WORK)

    assert "box1 can't install what NOBS needs: its package index" in text
    assert "PIP_INDEX_URL" in text
    # What was left half installed isn't used.
    assert "has no NOBS" in " ".join(again.stdout.split())
