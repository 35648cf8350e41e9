"""`python -m nobs.supervisor RUN_DIR`: what a container runs, and native mode too.

With `--fetch` it only downloads what the run needs.
"""

import sys
from pathlib import Path

from nobs.supervisor.processes import start_server


def main(arguments: list[str]) -> int:
    """Supervise the run; an error of the run as a whole is the last line of stdout."""
    fetching = arguments[1:] == ["--fetch"]
    server = None if fetching else start_server(arguments[0])
    # The server imports torch for seconds; from here on both processes import at the same time.
    from nobs.errors import NobsError  # noqa: PLC0415
    from nobs.log import format_line  # noqa: PLC0415
    from nobs.storage.rundir import RunDir  # noqa: PLC0415
    from nobs.supervisor.fetch import fetch  # noqa: PLC0415
    from nobs.supervisor.run import supervise  # noqa: PLC0415

    run_dir = RunDir(Path(arguments[0]))
    try:
        _require_order(run_dir.spec_file)
        return fetch(run_dir) if fetching else supervise(run_dir, server)
    except NobsError as error:
        fields = {"event": "run.failed", "message": error.message, "remedy": error.remedy}
        sys.stdout.write(format_line(fields))
        return error.exit_code
    finally:
        if server is not None:
            server.stop()


def _require_order(spec_file: Path) -> None:
    """Refuse a directory that isn't the launcher's: some engines mount an empty one in silence."""
    from nobs.errors import EngineError  # noqa: PLC0415 - after the server has begun

    if not spec_file.exists():
        raise EngineError(
            f"The run's directory holds no {spec_file.name} here: the engine mounts another one.",
            "It runs in a virtual machine or on another machine, where that directory is empty: "
            "colima and Lima share your home alone (`colima start --mount DIRECTORY:w` adds a "
            "directory). Name one that it sees with --results, or use --execution native.",
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
