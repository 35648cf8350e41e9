"""The words of ssh, and what its messages mean."""

from pathlib import Path

import pytest

from nobs.errors import UsageError
from nobs.system.ssh import ConnectionCut, HostRefused, explain, ssh_command

CHANGED = """@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
Host key verification failed."""


@pytest.mark.parametrize(
    ("said", "kind", "what", "remedy"),
    [
        ("ssh: Could not resolve hostname box1: Name or service not known", HostRefused,
         "the host is unknown", "~/.ssh/config"),
        ("me@box1: Permission denied (publickey).", HostRefused, "refused your key", "ssh-copy-id"),
        (CHANGED, HostRefused, "its host key has changed", "ssh-keygen -R box1"),
        ("Host key verification failed.", HostRefused, "isn't known here", "Run `ssh box1` once"),
        ("ssh: connect to host box1 port 22: Connection refused", ConnectionCut,
         "it doesn't answer", "ssh box1 true"),
        ("c: line 1: Bad configuration option: x\nc: terminating, 1 bad", UsageError,
         "the configuration of ssh", "Correct the file"),
        ("client_loop: send disconnect: Broken pipe", ConnectionCut, "was cut", "ssh box1 true"),
        ("", ConnectionCut, "ssh said nothing", "ssh box1 true"),
    ],
)  # fmt: skip
def test_a_message_of_ssh_gets_a_remedy(
    said: str, kind: type[Exception], what: str, remedy: str
) -> None:
    error = explain("box1", "box1", said)

    assert type(error) is kind
    assert what in error.message
    assert remedy in error.remedy
    assert "@@" not in error.message


def test_nothing_is_asked_and_the_configuration_is_the_user_s(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    monkeypatch.delenv("NOBS_SSH_CONFIG", raising=False)
    words = ssh_command("ssh://me@box1:2222", "sh -s")

    assert words[0] == "/usr/bin/ssh"
    assert "BatchMode=yes" in words
    assert "-F" not in words
    assert words[-3:] == ["--", "ssh://me@box1:2222", "sh -s"]
    assert ssh_command("box1", config=Path("c"))[1:3] == ["-F", "c"]
    monkeypatch.setenv("NOBS_SSH_CONFIG", "of-the-environment")
    assert ssh_command("box1")[1:3] == ["-F", "of-the-environment"]
