"""What holds for every test."""

import gc
import os
import signal
import sys

import pytest
from hypothesis import settings

# A shell starts background jobs with SIGINT ignored, nohup anything with SIGHUP, and children would
# inherit that: here both mean what they mean to people, however these tests were started.
signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP"):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

# Children import hundreds of our modules: they compile them once.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# Collecting makes thousands of objects that stay, and hardly any garbage.
gc.disable()

# Lines are as wide and as plain as without a terminal, whatever this one asks for.
for name in ("COLUMNS", "LINES", "FORCE_COLOR", "CLICOLOR_FORCE", "TTY_COMPATIBLE"):
    os.environ.pop(name, None)

LONG = os.environ.get("NOBS_TEST_LONG") == "1"

# The same examples in every run, so that what fails fails again; the profile `long` draws others.
settings.register_profile(
    "default", deadline=None, derandomize=True, max_examples=100 if LONG else 10
)
settings.register_profile("long", deadline=None, max_examples=2000)
settings.load_profile("default")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int | None:
    """Ask for a process more than there are cores if the long tests run: many of them wait."""
    return (os.cpu_count() or 1) + 1 if LONG else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what takes long, with the reason, unless it is asked for."""
    skip = pytest.mark.skip(reason="long tests run with NOBS_TEST_LONG=1 (as .ci/run does)")
    for item in items:
        if item.get_closest_marker("long") and not LONG:
            item.add_marker(skip)


def pytest_collection_finish() -> None:
    """Leave what collecting imported, torch among it, out of every later collection of garbage."""
    gc.freeze()
    gc.enable()


def pytest_sessionfinish() -> None:
    """Let what was left out end: libraries report what is left at the interpreter's end."""
    gc.unfreeze()
