"""`nobs run`."""

from typing import Any

import click

from nobs.cli.options import (
    RESUME_OPTIONS,
    how_options,
    image_options,
    json_option,
    refuse_options,
    what_options,
    where_options,
)


@click.command(name="run")
@what_options
@how_options
@where_options
@image_options
@click.option(
    "--resume",
    metavar="RUN_ID",
    help="Do what an earlier run lacks: steps that failed, "
    "were interrupted or never began. Everything else is as it was ordered then.",
)
@click.option("--dry-run", is_flag=True, help="Print the whole plan and do nothing.")
@click.option("--verbose", "-v", is_flag=True, help="Show every event.")
@click.option("--yes", "-y", is_flag=True, help="Ask nothing.")
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    /,
    *,
    dry_run: bool,
    yes: bool,
    verbose: bool,
    as_json: bool,
    **words: Any,  # noqa: ANN401 - click's words
) -> None:
    """Measure this machine and write a report.

    A changed parameter makes the result open: shown, labelled and never ranked with the others.
    """
    from nobs.cli.session import plan_or_run, resume_run  # noqa: PLC0415 - --help must stay fast

    run_id = words.pop("resume")
    if run_id is not None:
        refuse_options(ctx, RESUME_OPTIONS, "--resume")
        results = words["results"]
        ctx.exit(resume_run(run_id, results, dry_run=dry_run, as_json=as_json, verbose=verbose))
    ctx.exit(plan_or_run(words, dry_run=dry_run, as_json=as_json, verbose=verbose))
