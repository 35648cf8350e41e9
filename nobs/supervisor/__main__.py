"""`python -m nobs.supervisor RUN_DIR`: what a container runs, and native mode too.

With `--fetch` it only downloads what the run needs.
"""

import json
import sys
from pathlib import Path

from nobs.supervisor.processes import start_server
from nobs.system.affinity import pin_to


def main(arguments: list[str]) -> int:
    """Supervise the run; an error of the whole run is the last line of stdout."""
    fetching = arguments[1:] == ["--fetch"]
    cores, refused = chosen_cores(arguments[0]), ""
    try:
        # Before anything imports torch, which counts the cores.
        pin_to(cores)
    except OSError as error:
        refused = str(error.strerror)
    server = None if fetching or refused else start_server(arguments[0])
    # The server imports torch for seconds; this process imports at the same time.
    from nobs.errors import BackendMissing, NobsError  # noqa: PLC0415
    from nobs.log import format_line  # noqa: PLC0415
    from nobs.storage.rundir import RunDir  # noqa: PLC0415
    from nobs.supervisor.fetch import fetch  # noqa: PLC0415
    from nobs.supervisor.run import supervise  # noqa: PLC0415

    run_dir = RunDir(Path(arguments[0]))
    try:
        if refused:
            raise BackendMissing(
                f"The run can't be confined to the cores {cores}: {refused}.",
                "Name cores that the container or job may use with --device cpu:CORES.",
            )
        _require_spec(run_dir.spec_file)
        return fetch(run_dir) if fetching else supervise(run_dir, server)
    except NobsError as error:
        fields = {"event": "run.failed", "message": error.message, "remedy": error.remedy}
        sys.stdout.write(format_line(fields))
        return error.exit_code
    finally:
        if server is not None:
            server.stop()


def chosen_cores(run_path: str) -> list[int]:
    """Return the cores that the run was planned for; none means all.

    Light, because the imports wait for it.
    """
    file = Path(run_path) / "spec.json"
    if not file.is_file():
        return []
    device = json.loads(file.read_bytes()).get("device") or {}
    return list(device.get("cores") or ())


def _require_spec(spec_file: Path) -> None:
    """Refuse a directory that isn't the launcher's: some engines silently mount an empty one."""
    from nobs.errors import EngineError  # noqa: PLC0415 - after the server has begun

    if not spec_file.exists():
        raise EngineError(
            f"The run directory has no {spec_file.name} here: the engine mounted another one.",
            "It runs in a virtual machine or on another machine, where that directory is empty: "
            "colima and Lima share only your home (`colima start --mount DIRECTORY:w` adds a "
            "directory). Choose a shared one with --results, or use --execution native.",
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
