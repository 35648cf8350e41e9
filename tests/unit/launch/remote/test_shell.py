"""What a script on a host says when it fails there."""

import sys
from pathlib import Path

import pytest

from nobs.errors import RequirementError
from nobs.launch.remote.hosts import Host
from nobs.launch.remote.shell import Shell


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for ssh is a shell script")
@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ("mkdir: cannot create directory 'hosts': No space left on device", "Free some space"),
        ("mkdir: cannot create directory 'hosts': Read-only file system", "Check the home"),
        ("", "Check the home"),
    ],
)
def test_a_script_that_fails_is_named_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, remedy: str
) -> None:
    program = tmp_path / "ssh"
    program.write_text(f'#!/bin/sh\ncat >/dev/null\necho "{said}" >&2\nexit 9\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    with pytest.raises(RequirementError) as raised:
        Shell(host=Host(name="box1", address="box1")).run("exit 9")

    assert raised.value.message == f"box1: {said or 'a script ended with 9'}."
    assert remedy in raised.value.remedy
