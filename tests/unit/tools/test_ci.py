"""What CI installs, with the package manager replaced by a program that notes its arguments."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[3]
# Packages are files in `installed`; which one brings the docker command differs by release.
DPKG_QUERY = """#!/bin/sh
for last; do :; done
[ -e "$BOX/installed/$last" ] && echo "install ok installed"
"""
APT_GET = """#!/bin/sh
[ "$1" = install ] || exit 0
for word; do
    case $word in -*|install) continue ;; esac
    echo "$word" >>"$BOX/apt.log"
    : >"$BOX/installed/$word"
    if [ "$word" = "$WITH_COMMAND" ]; then ln -s /bin/true "$BOX/bin/docker"; fi
done
"""
# The real one writes into /usr/sbin for the time of the installation.
INSTALL = 'without_services() { "$@"; }; install_engine'

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="these scripts are for Debian")


@pytest.fixture
def box(tmp_path: Path) -> Path:
    """Make a machine with nothing but the programs that the scripts call."""
    (tmp_path / "installed").mkdir()
    (tmp_path / "bin").mkdir()
    for name, text in (("dpkg-query", DPKG_QUERY), ("apt-get", APT_GET)):
        (tmp_path / "bin" / name).write_text(text)
        (tmp_path / "bin" / name).chmod(0o755)
    for name in ("dirname", "grep", "ln"):
        (tmp_path / "bin" / name).symlink_to(shutil.which(name) or pytest.fail(f"no {name} here"))
    return tmp_path


def install_engine(box: Path, with_command: str) -> list[str]:
    """Install the engine; return the packages that were asked for by now."""
    bash = shutil.which("bash") or pytest.fail("no bash here")
    script = REPO / ".ci" / "engine.sh"
    subprocess.run(
        [bash, "-c", f". {script} functions; {INSTALL}", str(script)], check=True,
        env={"PATH": str(box / "bin"), "BOX": str(box), "WITH_COMMAND": with_command},
    )  # fmt: skip
    return (box / "apt.log").read_text().split()


@pytest.mark.parametrize(
    ("with_command", "packages"),
    [
        pytest.param("docker.io", ["docker.io", "iptables", "iproute2"], id="Debian 12"),
        pytest.param(
            "docker-cli", ["docker.io", "iptables", "iproute2", "docker-cli"], id="Debian 13"
        ),
    ],
)
def test_either_release_gets_an_engine_and_the_docker_command_once(
    box: Path, with_command: str, packages: list[str]
) -> None:
    assert install_engine(box, with_command) == packages
    assert os.access(box / "bin" / "docker", os.X_OK)

    assert install_engine(box, with_command) == packages
