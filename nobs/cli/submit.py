"""`nobs submit`."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nobs.cli.collect import print_collected
from nobs.cli.options import json_option, refuse_options
from nobs.cli.slurm import slurm_job, slurm_options
from nobs.cli.terminal import wrap
from nobs.errors import RunLost

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nobs.cli.live import LiveOutput
    from nobs.launch.slurm import Job
    from nobs.report.collect import Collected

QUICK_S, SLOW_S = 1.0, 5.0
"""Between two questions to Slurm: at first, and later."""
QUICK_FOR_S = 30.0
PATIENCE_S = 600.0
"""A controller that is restarted answers again within minutes."""
LOG_LINES = 10
_FOLLOW_ONLY = ("job", "results", "on_interrupt", "as_json")


@click.group(name="submit")
def command() -> None:
    """Run NOBS on many machines through a scheduler (Slurm), and wait for the reports."""


@command.command(name="slurm")
@slurm_options
@click.option("--job", "name", metavar="ID",
              help="Wait for this job, submitted earlier, instead of submitting one.")  # fmt: skip
@click.option("--no-wait", is_flag=True, help="Submit only, and print the job's id.")
@click.option("--on-interrupt", type=click.Choice(["ask", "leave", "cancel"]), default="ask",
              show_default=True, help="What happens to the job on Ctrl-C: ask, leave it running or "
              "cancel it. Without a terminal, ask leaves it.")  # fmt: skip
@json_option
@click.pass_context
def slurm(
    ctx: click.Context,
    /,
    *,
    name: str | None,
    no_wait: bool,
    on_interrupt: str,
    as_json: bool,
    **options: Any,  # noqa: ANN401 - those of the job
) -> None:
    """Submit what `nobs export slurm` writes, wait for its end, and collect the reports.

    A request that Slurm can never satisfy fails at once. A table shows the state of each node. The
    exit code is that of the job, else 1 if a report is partial or lost.
    """
    from nobs.launch.slurm import check_installed, submit
    from nobs.render.slurm import render_slurm
    from nobs.storage.store import prepare_results

    if name is not None:
        refuse_options(ctx, ("name", *_FOLLOW_ONLY), "--job")
    results: Path = options["results"].absolute()
    script = None if name else render_slurm(slurm_job(**options))
    check_installed()
    prepare_results(results)
    if script is not None:
        name = submit(script)
        click.echo(f"nobs: job {name} was submitted.", err=True)
        if no_wait:
            click.echo(name)
            return
    ctx.exit(_finish(str(name), results, on_interrupt, as_json=as_json))


def _finish(name: str, results: Path, on_interrupt: str, *, as_json: bool) -> int:
    """Wait for the job and show its reports; return the exit code."""
    from nobs.launch.slurm import cancel

    interrupted = False
    while True:
        try:
            job = _wait(name)
            break
        except KeyboardInterrupt:
            choice = _choose(name, on_interrupt)
        if choice == "leave":
            again = f"nobs submit slurm --job {name} --results {results}"
            click.echo(wrap(f"nobs: job {name} continues. To wait for it again: {again}"), err=True)
            return 130
        if choice == "cancel":
            interrupted = True
            cancel(name)
    found = _collect(name, job, results)
    faults = print_collected(found, as_json=as_json)
    # One that Slurm has forgotten meanwhile is judged by its reports.
    code = (job.exit_code if job.is_over else 0) or faults
    if code:
        _print_logs(job, found)
    click.echo(wrap(f"nobs: job {name} {job.words}{_restarts(job)}."), err=True)
    return 130 if interrupted else code


def _restarts(job: "Job") -> str:
    """Return how often Slurm began the job again, after a time limit or the loss of a node."""
    times = "once" if job.restarts == 1 else f"{job.restarts} times"
    return f"; it was requeued {times}" if job.restarts else ""


def _choose(name: str, on_interrupt: str) -> str:
    if on_interrupt != "ask":
        return on_interrupt
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return "leave"
    try:
        answer: str = click.prompt(
            f"\nJob {name}: keep waiting, leave it running, or cancel it?", err=True,
            type=click.Choice(["wait", "leave", "cancel"]), default="leave",
        )  # fmt: skip
    except click.Abort:
        return "leave"
    return answer


def _wait(name: str) -> "Job":
    """Return the job when it is over; show what it does meanwhile."""
    from nobs.cli.live import LiveOutput

    live = LiveOutput()
    watch, started, ends = _Watch(name, live), time.monotonic(), 0
    try:
        while True:
            waited_s = time.monotonic() - started
            job, is_known = watch.ask()
            if job is not None:
                watch.show(job)
                live.show(f"job {name} {job.words}", rest=f"{waited_s:.0f} s")
                # A job whose node died is over for a moment before it is requeued.
                ends = ends + 1 if job.is_over else 0
                if ends > (job.exit_code != 0) or not is_known:
                    return job
            time.sleep(QUICK_S if waited_s < QUICK_FOR_S else SLOW_S)
    finally:
        live.clear()


class _Watch:
    """Asks Slurm about a job, and says what is new."""

    def __init__(self, name: str, live: "LiveOutput") -> None:
        self._name = name
        self._live = live
        self._job: Job | None = None
        self._answered = time.monotonic()
        self._said = ""
        self._restarts = 0

    def ask(self) -> "tuple[Job | None, bool]":
        """Return the job as last seen, and whether Slurm still knows it; RunLost in the end."""
        from nobs.launch.slurm import ForgottenJob, Unreachable, show

        try:
            self._job = show(self._name)
        except ForgottenJob:
            if self._job is None:
                raise
            return self._job, False
        except Unreachable as error:
            if time.monotonic() - self._answered > PATIENCE_S:
                raise RunLost(
                    f"Slurm hasn't answered for {PATIENCE_S / 60:.0f} minutes; job {self._name} "
                    "may continue.", f"Wait for it again: `nobs submit slurm --job {self._name}`.",
                ) from error  # fmt: skip
            self._live.show(f"job {self._name}: Slurm doesn't answer; its jobs continue")
            return None, True
        self._answered = time.monotonic()
        return self._job, True

    def show(self, job: "Job") -> None:
        """Print what changed; end a job that can never start, and raise why."""
        from nobs.launch.slurm import cancel

        if (refusal := job.refuse(self._name)) is not None:
            cancel(self._name)
            raise refusal
        if job.restarts > self._restarts:
            self._restarts = job.restarts
            self._live.write(f"job {self._name} was requeued ({job.restarts}): its nodes resume")
        if job.words != self._said and not job.is_over:
            self._said = job.words
            self._live.write(f"job {self._name} {job.words}")


def _collect(name: str, job: "Job", results: Path) -> "list[Collected]":
    from nobs.launch.slurm import expand_nodes
    from nobs.report.collect import collect

    sources = sorted(map(str, (results / "jobs").glob(job.directory(name))))
    return collect(sources, results, expand_nodes(job.nodes))


def _print_logs(job: "Job", found: "Sequence[Collected]") -> None:
    """Name what the job printed, and show its end if there is no report at all."""
    from nobs.text import to_line

    for log in job.logs:
        click.echo(f"nobs: what the job printed: {log}", err=True)
        if not any(each.run for each in found):
            try:
                lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
            except OSError:
                continue
            for line in lines[-LOG_LINES:]:
                click.echo(f"  {to_line(line)}", err=True)
