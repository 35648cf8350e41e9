"""The system's ssh, with the user's configuration, keys, agent and known hosts."""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from nobs.errors import NobsError, RequirementError, RunLost, UsageError
from nobs.text import to_line

CONFIG_VARIABLE = "NOBS_SSH_CONFIG"
_MOST_SAID = 400
_OPTIONS = {
    # Nobody can answer a question: many hosts are asked at once.
    "BatchMode": "yes",
    "ConnectTimeout": "20",
    # A connection that is cut without a word is noticed after a minute.
    "ServerAliveInterval": "15",
    "ServerAliveCountMax": "4",
    # Those of a configuration for people's own sessions would be in the way.
    "ClearAllForwardings": "yes",
    "RemoteCommand": "none",
    "LogLevel": "ERROR",
}


class HostRefused(RequirementError):
    """ssh can't reach a host, or the host doesn't let us in; trying again won't help."""


class ConnectionCut(RunLost):
    """A connection that couldn't be made or was cut, which may be better in a moment."""


def ssh_command(address: str, *command: str, config: Path | None = None) -> list[str]:
    """Return the words that run `command` at `address`, as in `box1` or `ssh://user@box1:2222`.

    Without `config` the file is that of NOBS_SSH_CONFIG, else the user's own.
    """
    program = shutil.which("ssh")
    if program is None:
        raise RequirementError("There is no program `ssh`.", "Install OpenSSH's client.")
    options = [word for name, value in _OPTIONS.items() for word in ("-o", f"{name}={value}")]
    return [program, *config_words(config), "-T", *options, "--", address, *command]


def config_words(config: Path | None = None) -> list[str]:
    """Return ssh's words for `config`, else for the file of NOBS_SSH_CONFIG, if there is one."""
    file = str(config) if config else os.environ.get(CONFIG_VARIABLE)
    return ["-F", file] if file else []


def explain(name: str, address: str, said: str) -> NobsError:
    """Return the error of a connection to the host `name`, of which ssh `said` why it failed."""
    for pattern, kind, what, remedy in _causes(name, address):
        if re.search(pattern, said, re.IGNORECASE):
            return kind(f"{name}: {what} ({_shown(said)}).", remedy)
    return ConnectionCut(
        f"{name}: the connection was cut ({_shown(said)}).", f"Try `ssh {address} true`."
    )


def _shown(said: str) -> str:
    lines = [line for line in said.splitlines() if line.strip(" @")]
    return to_line(" ".join(lines), _MOST_SAID).rstrip(".") or "ssh said nothing"


def _causes(name: str, address: str) -> Iterator[tuple[str, type[NobsError], str, str]]:
    """Yield a pattern of ssh's messages, the kind of error, what happened and the remedy."""
    yield (
        r"bad configuration option|can't open user config|bad owner or permissions|terminating,",
        UsageError, "the configuration of ssh can't be used",
        f"Correct the file that it names, until `ssh {address} true` works.",
    )  # fmt: skip
    yield (
        "could not resolve hostname", HostRefused, "the host is unknown",
        "Check its name, or add it to ~/.ssh/config.",
    )  # fmt: skip
    yield (
        "host identification has changed", HostRefused, "its host key has changed",
        f"It may be another machine. If you know why, remove the old key: `ssh-keygen -R {name}`.",
    )  # fmt: skip
    yield (
        "host key verification failed|no .*host key is known", HostRefused,
        "its host key isn't known here",
        f"Run `ssh {address}` once, compare the fingerprint and accept the key.",
    )  # fmt: skip
    yield (
        "permission denied|too many authentication failures", HostRefused, "it refused your key",
        f"Load the key (`ssh-add`), or copy it there (`ssh-copy-id {address}`).",
    )  # fmt: skip
    yield (
        "connection refused|timed out|no route to host|network is unreachable", ConnectionCut,
        "it doesn't answer", f"Check that it is on and that `ssh {address} true` works.",
    )  # fmt: skip
