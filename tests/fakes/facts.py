"""Machines for planning, as values."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nobs.launch.planning.facts import Facts
from nobs.schema.enums import Backend
from nobs.system.gpus import Accelerators
from tests.fakes.runs import DEVICE


def make_facts(**changes: Any) -> Facts:
    """Return a machine without GPU and engine, on which the worker is installed."""
    values: dict[str, Any] = {
        "accelerators": Accelerators(),
        "detected": Backend.CPU,
        "device_info": DEVICE,
        "in_container": False,
        "hf_home": Path("/home/someone/.cache/huggingface"),
        "hub_offline": False,
        "now": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        "run_id": "20260102T030405Z-abcdef",
        "commit": "c0ffee",
    }
    return Facts(**(values | changes))
