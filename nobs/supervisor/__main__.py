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
    from nobs.schema.rundir import RunDir  # noqa: PLC0415
    from nobs.supervisor.fetch import fetch  # noqa: PLC0415
    from nobs.supervisor.run import supervise  # noqa: PLC0415

    run_dir = RunDir(Path(arguments[0]))
    try:
        return fetch(run_dir) if fetching else supervise(run_dir, server)
    except NobsError as error:
        fields = {"event": "run.failed", "message": error.message, "remedy": error.remedy}
        sys.stdout.write(format_line(fields))
        return error.exit_code
    finally:
        if server is not None:
            server.stop()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
