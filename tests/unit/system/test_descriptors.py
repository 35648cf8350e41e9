"""Limits of open files, in child processes: a lowered hard limit can't be raised again."""

import subprocess
import sys

import pytest

from nobs.system.descriptors import SPARE

HARD = SPARE + 200
SCRIPT = f"""
import resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, ({SPARE} + 50, {HARD}))
from nobs.system.descriptors import TooFewFiles, raise_file_limit
try:
    raise_file_limit(int(sys.argv[1]))
except TooFewFiles as error:
    print(error)
else:
    print(resource.getrlimit(resource.RLIMIT_NOFILE)[0] - {SPARE})
"""


def limit_for(connections: int) -> str:
    command = [sys.executable, "-c", SCRIPT, str(connections)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize(("connections", "left"), [(10, "50"), (50, "50"), (120, "120")])
def test_the_soft_limit_is_raised_only_as_far_as_needed(connections: int, left: str) -> None:
    assert limit_for(connections) == left


def test_a_hard_limit_that_is_too_low_is_named() -> None:
    message = limit_for(2000)

    assert f"2,000 connections need 2,128 open files, but this process may open only {HARD}" in (
        message
    )
    assert "ulimit -n 2128" in message
