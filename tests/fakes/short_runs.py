"""`nobs` on a host under test: a run of the third party's task instead of the real work.

`run` orders a run of one step, whose fault is HOST_FAULT or what the file `fault` in the home
directory names, and executes it; all else is the real command. Words that it was called with are
appended to `calls` there.
"""

import json
import os
import sys
from itertools import pairwise
from pathlib import Path
from secrets import token_hex

from nobs import __version__
from nobs.launch.planning.facts import find_commit
from nobs.schema.enums import Backend
from nobs.system.device_info import get_device_info
from nobs.system.probe import LocalMachine
from tests.fakes.rounds import LIGHT, PLUGIN
from tests.fakes.runs import faulty_workload, order

HOME = Path(os.environ.get("HOME", "/"))


def _order(words: list[str]) -> list[str]:
    """Order a run; return the words that execute it."""
    value = dict(pairwise(words))
    results = Path(value["--results"]).absolute()
    named = HOME / "fault"
    fault = named.read_text() if named.exists() else os.environ.get("HOST_FAULT", "fine")
    run_id = f"run-{token_hex(4)}"
    run_dir = order(results, faulty_workload(HOME, *fault.split(",")), run_id=run_id)
    spec = run_dir.read_spec().model_copy(
        update={
            "nobs_version": __version__, "nobs_commit": find_commit(), "node": value["--node"],
            "device_info": get_device_info(Backend.CPU, LocalMachine()),
        }
    )  # fmt: skip
    run_dir.write(run_dir.spec_file, spec)
    return ["run", "--resume", run_id, "--results", str(results), "--node", value["--node"]]


def main(words: list[str]) -> None:
    """Become the real `nobs`."""
    with (HOME / "calls").open("a") as calls:
        calls.write(json.dumps({"words": words, "url": os.environ.get("LLM_BASE_URL")}) + "\n")
    if words[:1] == ["run"] and "--dry-run" not in words:
        words = _order(words)
    os.environ["PYTHONPATH"] = os.pathsep.join([str(LIGHT), str(PLUGIN), os.environ["PYTHONPATH"]])
    os.execv(sys.executable, [sys.executable, "-m", "nobs", *words])


if __name__ == "__main__":
    main(sys.argv[1:])
