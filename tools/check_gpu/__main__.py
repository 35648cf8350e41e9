"""`make check-gpu`: check a GPU box in under ten minutes, and leave a directory with a verdict.

Every stage is a process with a time limit; a stage that fails or hangs ends alone.
"""

import argparse
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from nobs.launch.doctor.check import State
from nobs.schema.enums import Backend
from tools.check_gpu.page import render_lines
from tools.check_gpu.session import Session

BUDGET_S = 550.0
"""Less than ten minutes with unpacking wheels before it and what is written after it."""


def main() -> int:
    """Check the box; return 0 if no check failed, 1 if one did, 3 if nothing can be written."""
    parser = argparse.ArgumentParser(prog="make check-gpu", description=__doc__)
    parser.add_argument("--backend", choices=["auto", *Backend], default="auto",
                        help="cpu rehearses the check on the CPU")  # fmt: skip
    parser.add_argument("--out", type=Path, help="directory to make for reports and verdict")
    parser.add_argument("--budget", type=float, default=BUDGET_S, metavar="S",
                        help="seconds for all stages together")  # fmt: skip
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGHUP, _interrupt)
    out = asked.out or Path("check-gpu", f"{datetime.now(UTC):%Y-%m-%d-%H%M%S}")
    backend = None if asked.backend == "auto" else Backend(asked.backend)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        print(f"check-gpu: can't make {out}: {error.strerror}; name another directory with OUT=DIR",
              file=sys.stderr)  # fmt: skip
        return 3
    session = Session(out=out.absolute(), budget_s=asked.budget, asked_for=backend)
    try:
        session.check()
    except KeyboardInterrupt:
        print("check-gpu: interrupted; the page has what was checked", file=sys.stderr)
        return 130
    finally:
        print(render_lines(session.lines), end="")
        print(session.write_page())
    return int(any(line.check.state is State.FAIL for line in session.lines))


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
