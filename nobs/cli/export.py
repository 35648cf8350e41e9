"""`nobs export`."""

from typing import Any

import click

from nobs.cli.export_kubernetes import kubernetes
from nobs.cli.slurm import slurm_job, slurm_options


@click.group(name="export")
def command() -> None:
    """Write a job for a scheduler (Slurm, Kubernetes), which runs NOBS on many machines.

    The options of `nobs run` follow after `--` and are checked here.
    """


@command.command(name="slurm")
@slurm_options
def slurm(**options: Any) -> None:  # noqa: ANN401 - those of the job
    """Print a batch script for `sbatch`; `nobs submit slurm` submits it, too.

    The options of `nobs run` follow after `--` and are checked here. Each node runs once. If the
    time limit is reached, finished repeats are kept and the job is requeued; then each node resumes
    its run. The job ends with `nobs collect`.
    """
    from nobs.render.slurm import render_slurm

    click.echo(render_slurm(slurm_job(**options)), nl=False)


command.add_command(kubernetes)
