"""The first phase of a container run: downloads, with a network and without a device."""

import contextlib
import time

from nobs.errors import FailureClass, RunLost
from nobs.log import bind, get_logger
from nobs.report.finish import record_missing
from nobs.storage.rundir import RunDir
from nobs.supervisor.children import Relay, SpawnedSteps
from nobs.supervisor.events import EventSink
from nobs.supervisor.signals import stop_on_signals

log = get_logger()


def fetch(run_dir: RunDir) -> int:
    """Fetch what the steps need; return 0 if all is there. Failures become results of steps.

    A child process fetches: a crash in a library ends only that.
    """
    spec = run_dir.read_spec()
    with EventSink(run_dir) as sink, stop_on_signals():
        bind(run_id=spec.run_id)
        log.info("fetch.started")
        steps = SpawnedSteps(run_dir, Relay(sink.write))
        try:
            with contextlib.closing(steps):
                ended = steps.run("--fetch", time.monotonic() + spec.timeout_s)
        except KeyboardInterrupt as stop:
            log.warning("run.interrupted", signal=str(stop))
            record_missing(run_dir, spec, FailureClass.INTERRUPTED, "The run was interrupted.")
            return 130
        if ended.timed_out:
            late = "The run's time limit was reached before everything was fetched."
            record_missing(run_dir, spec, FailureClass.TIMEOUT, late)
        log.info("fetch.finished", exit_code=ended.exit_code, timed_out=ended.timed_out)
    return 0 if ended.exit_code == 0 else RunLost.exit_code
