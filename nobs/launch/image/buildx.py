"""`docker buildx build`: its command line, its input and how it is run."""

import io
import subprocess
import tarfile
import tempfile
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO

from nobs.errors import EngineError
from nobs.launch.image.failures import explain_build_failure
from nobs.launch.image.plan import ImagePlan
from nobs.system.child import child

OnOutput = Callable[[str], None]
_KEPT_LINES = 400
_STOP_S = 10


def build_command(plan: ImagePlan, *, builder: str) -> list[str]:
    """Return the command that builds `plan` from a tar archive on its standard input."""
    arguments = [f"--build-arg={name}={value}" for name, value in plan.build_args.items()]
    # Only the names: values would be visible in the list of processes.
    arguments += [f"--build-arg={name}" for name in plan.proxies]
    network = [f"--network={plan.network}"] if plan.network else []
    secret = [f"--secret=id=certificates,src={plan.certificates}"] if plan.certificates else []
    return [
        *("docker", "buildx", "build", f"--builder={builder}", "--progress=plain"),
        *(f"--file={plan.dockerfile}", *arguments, *network, *secret),
    ]


def facts_options(destination: Path) -> list[str]:
    """Return the options that write the facts of the finished wheels into `destination`."""
    return ["--target=facts", f"--output=type=local,dest={destination}", "-"]


def image_options(plan: ImagePlan, labels: Mapping[str, str]) -> list[str]:
    """Return the options that load the labelled image into the engine."""
    marks = [f"--label={name}={value}" for name, value in labels.items()]
    return ["--load", f"--tag={plan.tag}", f"--tag={plan.name}", *marks, "-"]


def write_context(plan: ImagePlan, file: IO[bytes]) -> None:
    """Write the build context as a tar archive that depends only on names and contents."""
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, path in plan.files.items():
            content = path.read_bytes()
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            entry.mode = 0o644
            archive.addfile(entry, io.BytesIO(content))


def run_buildx(
    command: Sequence[str], plan: ImagePlan, environment: Mapping[str, str], on_output: OnOutput
) -> None:
    """Run `command`, which reads the context of `plan`; EngineError with the reason if it fails."""
    kept: deque[str] = deque(maxlen=_KEPT_LINES)
    with tempfile.TemporaryFile() as context, ExitStack() as stack:
        write_context(plan, context)
        context.seek(0)
        # In our session: on Ctrl-C the terminal stops docker and the plugin that it has started.
        started = child(
            command, own_session=False, grace_s=_STOP_S, stdin=context, stderr=subprocess.STDOUT,
            env={**environment, **plan.proxies},
        )  # fmt: skip
        try:
            process = stack.enter_context(started)
        except FileNotFoundError as error:
            raise EngineError(
                "The command docker is missing; images are built with it.",
                "Install Docker's command line with its buildx plugin, or use --execution native.",
            ) from error
        for line in process.stdout or ():
            kept.append(line.rstrip("\n"))
            on_output(kept[-1])
        process.wait()
    if process.returncode != 0:
        raise explain_build_failure(kept, plan.name)
