"""`nobs run`."""

from typing import Any

import click

from nobs.cli.options import (
    MANNER_OPTIONS,
    how_options,
    image_options,
    json_option,
    refuse_options,
    settings_of,
    task_options,
    tasks_option,
    where_options,
)
from nobs.tasks.definitions import options_of, owners_of
from nobs.text import join_words


class RunCommand(click.Command):
    """Shows the options by the tasks that take them."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a section for each set of tasks that share options, after those of every run."""
        sections: dict[str, list[tuple[str, str]]] = {"Options": []}
        for parameter in self.get_params(ctx):
            owners = owners_of(str(parameter.name))
            heading = f"Options of {join_words(owners)}" if owners else "Options"
            if record := parameter.get_help_record(ctx):
                sections.setdefault(heading, []).append(record)
        for heading, records in sections.items():
            with formatter.section(heading):
                formatter.write_dl(records)


@click.command(
    name="run",
    cls=RunCommand,
    epilog="Each option of a task can be set by a variable, too: --batch-size by NOBS_BATCH_SIZE.",
)
@tasks_option
@where_options
@how_options
@task_options(*options_of().values())
@image_options
@click.option(
    "--resume",
    metavar="RUN_ID",
    help="Do what an earlier run lacks: steps that failed, "
    "were interrupted or never began. Everything else is as it was ordered then.",
)
@click.option(
    "--detach",
    is_flag=True,
    help="Return once it runs; `nobs attach`, `nobs logs` and `nobs ps` find it again.",
)
@click.option("--dry-run", is_flag=True, help="Print the whole plan and do nothing.")
@click.option("--verbose", "-v", is_flag=True, help="Show every event.")
@click.option("--quiet", "-q", is_flag=True, help="Show no progress, only the result.")
@click.option("--yes", "-y", is_flag=True, help="Ask nothing.")
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    /,
    *,
    yes: bool,
    **words: Any,  # noqa: ANN401 - click's words
) -> None:
    """Measure this machine and write a report.

    A changed parameter makes the result open: shown, labelled and never ranked with the others. An
    option applies to the tasks that take it; one that no selected task takes is an error.
    """
    from nobs.cli.session import Manner, plan_or_run, resume_run  # noqa: PLC0415 - fast --help

    manner = Manner(**{name: words.pop(name) for name in MANNER_OPTIONS})
    run_id = words.pop("resume")
    if run_id is None:
        ctx.exit(plan_or_run({**words, "settings": settings_of(ctx)}, manner))
    refuse_options(ctx, {"resume", "results", "yes", *MANNER_OPTIONS}, "--resume")
    ctx.exit(resume_run(run_id, words["results"], manner))
