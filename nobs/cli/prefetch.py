"""`nobs prefetch`."""

from typing import Any

import click

from nobs.cli.options import (
    json_option,
    profile_option,
    settings_of,
    task_options,
    tasks_option,
)
from nobs.tasks.options import DATA, MODELS


@click.command(name="prefetch")
@profile_option
@tasks_option
@task_options(*MODELS, *DATA)
@click.option("--force", is_flag=True, help="Fetch again what is there already.")
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    /,
    *,
    force: bool,
    as_json: bool,
    **words: Any,  # noqa: ANN401 - click's words
) -> None:
    """Download texts and weights, so that measuring needs no network.

    Everything is checked by sha256: against its pin where there is one (verified), else the digest
    is only shown (unverified).
    """
    from nobs.cli.fetching import fetch_all

    fetch_all({**words, "settings": settings_of(ctx)}, force=force, as_json=as_json)
