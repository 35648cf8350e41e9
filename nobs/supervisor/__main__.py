"""`python -m nobs.supervisor RUN_DIR`: what a container runs, and native mode too."""

import sys
from pathlib import Path

from nobs.errors import NobsError
from nobs.log import format_line
from nobs.schema.rundir import RunDir
from nobs.supervisor.run import supervise


def main(arguments: list[str]) -> int:
    """Supervise the run; an error of the run as a whole is the last line of stdout."""
    try:
        return supervise(RunDir(Path(arguments[0])))
    except NobsError as error:
        fields = {"event": "run.failed", "message": error.message, "remedy": error.remedy}
        sys.stdout.write(format_line(fields))
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
