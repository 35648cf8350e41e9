"""`python -m nobs.runner RUN_DIR STEP`; `--serve` in its place serves many, `--fetch` downloads."""

import signal
import sys
import time
from pathlib import Path

from nobs.runner.events import open_channel
from nobs.runner.stop import stop_on_term
from nobs.storage.rundir import RunDir
from nobs.system.parent import die_with_parent


def main(arguments: list[str]) -> int:
    """Run one step, serve steps or fetch; the supervisor handles the terminal's signals."""
    run_dir = RunDir(Path(arguments[0]))
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    open_channel(run_dir.read_spec().run_id)
    if arguments[1] == "--serve":
        # Schedulers signal every process of a job, and a step needs its parent to the end.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        start = time.perf_counter()
        from nobs.runner.forkserver import serve  # noqa: PLC0415 - importing is what is timed

        return serve(run_dir, start)
    if arguments[1] == "--fetch":
        from nobs.runner.fetch import fetch_all  # noqa: PLC0415 - events must be open first

        return fetch_all(run_dir, arguments[2:])
    from nobs.runner.step import run_step  # noqa: PLC0415 - events must be open first

    stop_on_term()
    return run_step(run_dir, arguments[1])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
