"""`nobs run`."""

from typing import Any

import click

from nobs.cli.options import (
    MANNER_OPTIONS,
    how_options,
    image_options,
    json_option,
    llm_options,
    refuse_options,
    settings_of,
    what_options,
    where_options,
)


@click.command(name="run")
@what_options
@how_options
@llm_options
@where_options
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
