"""Imports the heavy libraries once and forks a child for each requested step.

Requests are step ids on stdin, one per line. Answers are events on stdout: `forkserver.ready` (or
`forkserver.unsafe`), `child.started` and `child.exited`. A line with an end mark on stderr shows
that all output of a child has been written.

Forking is safe while no device is initialised and no Python thread runs; both are checked. Native
thread pools of the numeric libraries start with their first operation, which only children do.
"""

import contextlib
import ctypes
import gc
import os
import signal
import sys
import threading
import time

from nobs.errors import NobsError
from nobs.log import END_MARK, get_logger
from nobs.runner.step import run_step
from nobs.runner.stop import stop_on_term
from nobs.storage.rundir import RunDir
from nobs.system.parent import die_with_parent
from nobs.tasks import TASKS
from nobs.tasks.base import import_part

log = get_logger()


def serve(run_dir: RunDir, start: float) -> int:
    """Serve requests until stdin ends; imports began at `start` (`perf_counter` seconds)."""
    spec = run_dir.read_spec()
    try:
        for task in sorted({workload.task for workload in spec.workloads}):
            definition = TASKS.load(task)
            import_part(definition, definition.bench)
    except NobsError as error:
        log.warning("forkserver.unsafe", reason=str(error))
        return 0
    import_s = time.perf_counter() - start
    reason = find_hazard()
    if reason:
        log.warning("forkserver.unsafe", reason=reason)
        return 0
    gc.collect()
    gc.freeze()
    log.info("forkserver.ready", import_s=import_s)
    for line in sys.stdin:
        _fork_step(run_dir, line.strip(), import_s)
    return 0


def find_hazard() -> str | None:
    """Return why forking this process isn't safe now, None if it is."""
    torch = sys.modules.get("torch")
    if (torch is not None and torch.cuda.is_initialized()) or _is_cuda_initialised():
        return "a device was initialised while importing"
    if threading.active_count() > 1:
        return f"{threading.active_count() - 1} threads were started while importing"
    return None


def _is_cuda_initialised() -> bool:
    """Return whether this process has called cuInit of NVIDIA's driver library.

    Until then every call but cuInit answers CUDA_ERROR_NOT_INITIALIZED and changes nothing.
    """
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    return int(driver.cuDeviceGetCount(ctypes.byref(ctypes.c_int()))) == 0


def _fork_step(run_dir: RunDir, step: str, import_s: float) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        _become_step(run_dir, step, import_s)
    log.info("child.started", step=step, pid=pid)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    # Before it is reaped no other process can have its id: kill what it left running.
    with contextlib.suppress(OSError):
        os.killpg(pid, signal.SIGKILL)
    _, status, usage = os.wait4(pid, 0)
    sys.stderr.write(f"\n{END_MARK}{step}\n")
    sys.stderr.flush()
    log.info(
        "child.exited", step=step, pid=pid, exit_code=os.waitstatus_to_exitcode(status),
        cpu_s=usage.ru_utime + usage.ru_stime,
    )  # fmt: skip


def _become_step(run_dir: RunDir, step: str, import_s: float) -> None:
    """Run the step in the child; never returns."""
    code = 1
    try:
        die_with_parent()
        os.setsid()
        stop_on_term()
        with open(os.devnull) as nothing:  # noqa: PTH123 - its descriptor is wanted
            os.dup2(nothing.fileno(), 0)
        code = run_step(run_dir, step, import_s)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
