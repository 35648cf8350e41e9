"""The options of a job of Slurm, for `export` and `submit`."""

import re
import secrets
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nobs.cli.options import Matching, combine
from nobs.cli.paths import UserPath
from nobs.cli.run_words import check_run, check_share

if TYPE_CHECKING:
    from nobs.render.slurm import SlurmJob

_NAME_TYPE = Matching(r"[A-Za-z0-9][A-Za-z0-9:_,.=-]*", "a name that Slurm has")
_OPTION = re.compile(r"([a-z][a-z-]*)(=[^\s\"'`$;&|<>\\]+)?")
_OWN = frozenset({
    "array", "job-name", "nodes", "ntasks", "ntasks-per-node", "exclusive", "time", "signal",
    "requeue", "no-requeue", "open-mode", "output", "error", "partition", "gres", "gpus",
    "gpus-per-node", "wait", "parsable", "test-only", "wrap",
})  # fmt: skip
"""Options of sbatch that the job sets, or that would change how it ends."""


def _check_options(
    ctx: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[str, ...]:
    for value in values:
        found = _OPTION.fullmatch(value)
        if found is None:
            raise click.BadParameter(
                f"{value!r} isn't like account=NAME, without dashes in front.", ctx, parameter
            )
        if found[1] in _OWN:
            raise click.BadParameter(f"{found[1]}: the job sets it.", ctx, parameter)
    return values


slurm_options = combine(
    click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[-- RUN_OPTIONS...]"),
    click.option("--nodes", type=click.IntRange(1, 10_000), default=1, show_default=True,
                 help="Number of nodes; each measures everything."),
    click.option("--array", "is_array", is_flag=True,
                 help="Submit one job per node as a job array, instead of one job that waits for "
                 "all nodes. Each starts as soon as a node is free; two may get the same node."),
    click.option("--partition", type=_NAME_TYPE, metavar="NAME", help="Slurm partition."),
    click.option("--gres", type=_NAME_TYPE, metavar="GRES",
                 help="Devices per node, as in gpu:1 or gpu:h100:8."),
    click.option("--time", "limit_min", type=click.IntRange(5), metavar="MINUTES",
                 help="Slurm's time limit; default: --timeout of the run plus 10 minutes. A run "
                 "that reaches a shorter limit is interrupted, requeued and resumed."),
    click.option("--requeues", type=click.IntRange(0, 100), default=3, show_default=True,
                 help="Maximum number of requeues at the time limit; with 0 the job isn't requeued "
                 "after the loss of a node either."),
    click.option("--option", "-o", "options", multiple=True, callback=_check_options,
                 metavar="NAME[=VALUE]",
                 help="Another option of sbatch: account=NAME, mem=64G, constraint=h100. Can be "
                 "repeated."),
    click.option("--results", type=UserPath(), default=Path("results"), show_default=True,
                 envvar="NOBS_RESULTS", show_envvar=True,
                 help="Results directory, on a disk that all nodes share."),
    click.option("--nobs", "program", metavar="PROGRAM",
                 help="The program on the nodes; default: this one. In a container it is `nobs`."),
    click.option("--pyxis", "image", metavar="IMAGE",
                 help="Run in this image with Slurm's plugin pyxis: a registry's, as in "
                 "ghcr.io/you/nobs:cuda (or @sha256:HEX), or a squashfs file."),
    click.option("--bundle", metavar="DIRECTORY",
                 help="Run in this OCI bundle with `srun --container`; its config must mount the "
                 "results directory."),
)  # fmt: skip


def slurm_job(*, program: str | None, **options: Any) -> "SlurmJob":  # noqa: ANN401 - click's
    """Return the job; UsageError for options that contradict each other or that a run refuses."""
    from nobs.render.slurm import SlurmJob

    is_contained = options["image"] or options["bundle"]
    if options["image"] and options["bundle"]:
        raise click.UsageError("--pyxis can't be combined with --bundle.")
    params, nodes = check_run(options["words"]), options["nodes"]
    if options["is_array"] and params.get("start_at"):
        raise click.UsageError(
            "--start-at can't be combined with --array, whose jobs start as nodes become free."
        )
    check_share(params, nodes, "auto", f"auto/{nodes}")
    here = shutil.which(sys.argv[0]) or sys.argv[0]
    own = program or str(Path(here).absolute())
    return SlurmJob(
        timeout_s=params["timeout_s"], nobs="nobs" if is_contained else own, collector=own,
        key=secrets.token_hex(4), **{**options, "results": options["results"].absolute()},
    )  # fmt: skip
