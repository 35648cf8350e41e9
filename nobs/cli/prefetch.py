"""`nobs prefetch`."""

import json
from typing import TYPE_CHECKING, Any

import click

from nobs.cli.options import (
    catalog_option,
    json_option,
    profile_option,
    settings_of,
    task_options,
    tasks_option,
)
from nobs.cli.terminal import wrap
from nobs.tasks.options import DATA, MODELS

if TYPE_CHECKING:
    from nobs.log import Event

_FIELDS = ("kind", "id", "revision", "state", "size_bytes", "sha256", "verified")


@click.command(name="prefetch")
@profile_option
@catalog_option
@tasks_option
@task_options(*MODELS, *DATA)
@click.option("--force", is_flag=True, help="Download again, even if cached.")
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    /,
    *,
    force: bool,
    as_json: bool,
    **params: Any,  # noqa: ANN401 - click's values
) -> None:
    """Download data sets and model weights, so that runs need no network.

    Files with a pinned sha256 are checked (verified); for others the digest is only shown
    (unverified).
    """
    from nobs.catalog import load_catalog
    from nobs.cli.request import to_request
    from nobs.errors import exit_code_of
    from nobs.launch.planning.options import check_options, options_for
    from nobs.launch.planning.workloads import choose_workload
    from nobs.launch.run.prefetch import prefetch
    from nobs.tasks.parameters import typed

    catalog, request = load_catalog(), to_request({**params, "settings": settings_of(ctx)})
    check_options(request, catalog)
    tasks = request.tasks or catalog.tasks(request.profile)
    pinned = [typed(catalog.workload(task, request.profile)) for task in tasks]
    workloads = [
        choose_workload(work, options_for(work.task, request, tasks), catalog) for work in pinned
    ]
    fetched: list[Event] = []

    def show(event: "Event") -> None:
        if event["event"] == "fetch.pin":
            click.echo(f"downloading {event['id']} ({event['source']})", err=True)
        elif event["event"] == "fetch.done":
            fetched.append({name: event[name] for name in _FIELDS})
            if not as_json:
                click.echo(_describe(event))

    failure = prefetch(workloads, show, profile=request.profile, force=force)
    if failure is not None:
        click.echo(wrap(f"nobs: {failure.message} {failure.remedy}".rstrip()), err=True)
        ctx.exit(exit_code_of([failure.failure_class]))
    if as_json:
        click.echo(json.dumps(fetched, indent=2))


def _describe(item: "Event") -> str:
    from nobs.units import format_bytes

    check = "verified" if item["verified"] else "unverified: no digest is pinned"
    size = "" if item["size_bytes"] is None else f", {format_bytes(item['size_bytes'])}"
    lines = [
        f"{item['kind']:11}{item['id']}",
        f"  {item['state']}{size}, {check}",
        f"  revision {item['revision'] or '-'}",
    ]
    for name, sha256 in item["sha256"].items():
        lines += [f"  {name}", f"    {sha256}"]
    return "\n".join(lines)
