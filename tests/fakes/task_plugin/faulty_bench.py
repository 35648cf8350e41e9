"""The heavy half of the third party's task."""

import contextlib
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import torch

from nobs.runner import step
from nobs.tasks.base import Work

LONG_LINE = 200_000

# How busy the machine is besides is no question of these runs, and watching it takes a second.
vars(step)["IDLE_CPU_S"] = 0.02

time.sleep(float(os.environ.get("FAULT_IMPORT_S", "0")))
if os.environ.get("FAULT_THREAD"):
    # After it no process may be forked: each step is started by itself.
    threading.Thread(target=time.sleep, args=(600,), daemon=True).start()


class FaultyBench:
    def __init__(self, work: Work) -> None:
        self.work = work

    def load(self) -> None:
        fault = getattr(self, f"_{self.work.model_path.name}", None)
        if fault is not None:
            fault()

    def warm_up(self) -> None:
        pass

    def run(self) -> int:
        time.sleep(0.01)
        return 1

    def synchronize(self) -> None:
        pass

    def facts(self) -> dict[str, Any]:
        return {"pid": os.getpid(), "torch": torch.__version__, "first": self.work.inputs[0]}

    def close(self) -> None:
        pass

    def _raises(self) -> None:
        raise ValueError("the weights are upside down")

    def _repaired(self) -> None:
        if not (self.work.model_path / "repair").exists():
            raise ValueError("nobody has repaired it yet")

    def _waits(self) -> None:
        """Go on when told to, or when there is nobody left to tell."""
        here = self.work.model_path
        while here.exists() and not (here / "go").exists():
            time.sleep(0.02)

    def _exhausts(self) -> None:
        raise MemoryError

    def _killed(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def _exits(self) -> None:
        os._exit(7)

    def _hangs(self) -> None:
        time.sleep(600)

    def _prints(self) -> None:
        sys.stdout.write("x" * LONG_LINE + "\n")
        sys.stdout.write('{"event": "forged.event"}\n')
        sys.stdout.flush()
        os.write(1, b"no newline from C")

    def _floods(self) -> None:
        megabyte = b"x" * ((1 << 20) - 1) + b"\n"
        for _ in range(1024):
            os.write(1, megabyte)

    def _overflows(self) -> None:
        """Need more memory than this process may have."""
        resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
        bytearray(8 << 30)

    def _devours(self) -> None:
        """Touch memory until somebody is killed for it."""
        hoard = []
        while True:
            hoard.append(b"x" * (16 << 20))

    def _fills(self) -> None:
        """Fill the file system on which `full` names a place, and wait for room."""
        place = Path(os.environ["FAULT_FULL"])
        with place.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(b"x" * 65_536)

    def _forks(self) -> None:
        subprocess.Popen(["sleep", "60"])
        os._exit(0)
