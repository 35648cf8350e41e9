"""The options of `nobs run` that a job of a scheduler passes on."""

from collections.abc import Mapping
from typing import Any

import click

_SET_BY_THE_JOB = ("node", "results", "resume", "take_over", "detach", "dry_run", "as_json")


def check_run(words: tuple[str, ...]) -> dict[str, Any]:
    """Return the parameters of `nobs run`; UsageError for an option that it doesn't take."""
    from click.core import ParameterSource

    from nobs.cli.hosts import HOSTS_OPTIONS
    from nobs.cli.options import settings_of
    from nobs.cli.request import to_request
    from nobs.cli.run import RUN_ONLY
    from nobs.cli.run import command as run

    context = run.make_context("nobs run", list(words))
    given = {
        str(option.name): max(option.opts, key=len)
        for option in run.params
        if context.get_parameter_source(str(option.name)) is ParameterSource.COMMANDLINE
    }
    if flags := [given[name] for name in _SET_BY_THE_JOB if name in given]:
        raise click.UsageError(f"{', '.join(flags)}: the job sets it. Leave it out after `--`.")
    if flags := [given[name] for name in HOSTS_OPTIONS if name in given]:
        raise click.UsageError(
            f"{', '.join(flags)}: a job measures the machines that it runs on. Leave it out after "
            "`--`."
        )
    params = {name: value for name, value in context.params.items() if name not in RUN_ONLY}
    to_request({**params, "settings": settings_of(context)})
    return context.params


def check_share(params: Mapping[str, Any], nodes: int, *own: str) -> None:
    """Raise UsageError if the nodes would not be the clients of one load.

    With the shares `own` each node takes its number.
    """
    share, start = (str(params.get(name) or "").strip() for name in ("share", "start_at"))
    if not start or share in own or (nodes == 1 and share != "auto"):
        return
    given = f"--share {share}" if share else f"--start-at {start}"
    raise click.UsageError(
        f"{given} doesn't make the nodes ({nodes}) the clients of one load: write --share"
        f" {own[0]}, so that each takes its number."
    )
