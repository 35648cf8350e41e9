"""Runs on other hosts: started by `nobs run`, followed again by `nobs attach`."""

import json
import secrets
import shlex
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING, Any

import click

from nobs.cli.hosts import words_for_hosts
from nobs.cli.installing import install_where_missing
from nobs.cli.options import settings_of
from nobs.cli.terminal import columns, wants_color, wrap
from nobs.text import join_words

if TYPE_CHECKING:
    from nobs.cli.boxes import Boxes
    from nobs.launch.remote.box import Box, Order
    from nobs.launch.remote.fleet import Fleet


def run_on_hosts(
    ctx: click.Context,
    params: Mapping[str, Any],
    hosts: Mapping[str, Any],
    given: Mapping[str, Any],
    *,
    yes: bool,
) -> int:
    """Run on all hosts at once and bring the reports home; return the most severe exit code."""
    from nobs.cli.request import to_request
    from nobs.launch.remote.box import Box, Order
    from nobs.launch.remote.fleet import passed_settings
    from nobs.storage.store import prepare_results

    words, results = words_for_hosts(ctx), params["results"]
    fleet_id = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
    order = Order(fleet=fleet_id, words=tuple(words), results=results, settings=passed_settings())
    fleet, view = _gather(hosts, order, verbose=given["verbose"], quiet=given["quiet"])
    # What is wrong here would be wrong on every host.
    request = to_request({**params, "node": None, "settings": settings_of(ctx)})
    prepare_results(results)
    with view:
        fleet.each(Box.inspect)
    if given["dry_run"]:
        return _print_plans(fleet, as_json=given["as_json"])
    install_where_missing(fleet, view, request, yes=yes)
    _announce(fleet, order, hosts)
    with view:
        fleet.each(Box.measure)
    return _print_parts(fleet, as_json=given["as_json"])


def attach_to_hosts(
    fleet_id: str, results: Path, hosts: Mapping[str, Any], *, verbose: bool, as_json: bool
) -> int:
    """Follow what an earlier `nobs run` started on hosts; return its exit code."""
    from nobs.launch.remote.box import Box, Order
    from nobs.storage.store import prepare_results

    order = Order(fleet=fleet_id, words=(), results=results)
    fleet, view = _gather(hosts, order, verbose=verbose)
    prepare_results(results)
    with view:
        fleet.each(Box.inspect)
        fleet.each(Box.finish)
    return _print_parts(fleet, as_json=as_json)


def _gather(
    hosts: Mapping[str, Any], order: "Order", *, verbose: bool, quiet: bool = False
) -> "tuple[Fleet, Boxes]":
    from nobs.cli.boxes import Boxes
    from nobs.launch.remote.box import Box
    from nobs.launch.remote.fleet import Fleet
    from nobs.launch.remote.hosts import choose_hosts
    from nobs.launch.remote.shell import Shell

    config = hosts["ssh_config"]
    if config is not None and not config.is_file():
        raise click.UsageError(f"There is no file {config} for --ssh-config.")
    chosen = choose_hosts(hosts["host"], hosts["hosts_file"], hosts["tags"])
    view = Boxes([host.name for host in chosen], order.results, verbose=verbose, quiet=quiet)
    boxes = [Box(Shell(host=host, config=config), order, view.lines[host.name]) for host in chosen]
    return Fleet(boxes), view


def _announce(fleet: "Fleet", order: "Order", hosts: Mapping[str, Any]) -> None:
    for names in fleet.shared():
        click.echo(
            wrap(f"nobs: {join_words(names)} are the same machine. Their runs disturb each "
                 "other, so their figures are unreliable."), err=True,
        )  # fmt: skip
    if fleet.left:
        words = [*(("--host", ",".join(hosts["host"])) if hosts["host"] else ())]
        words += ["--hosts", str(hosts["hosts_file"])] if hosts["hosts_file"] else []
        words += [word for tag in hosts["tags"] for word in ("--tag", tag)]
        words += ["--ssh-config", str(hosts["ssh_config"])] if hosts["ssh_config"] else []
        click.echo(
            "The runs continue without this terminal. To follow them again:\n"
            f"  {shlex.join(('nobs', 'attach', order.fleet, *words))}", err=True,
        )  # fmt: skip


def _print_parts(fleet: "Fleet", *, as_json: bool) -> int:
    from nobs.launch.remote.fleet import exit_code_of_parts
    from nobs.render.fleet import fleet_json, fleet_text

    parts = fleet.ordered()
    code, rows = exit_code_of_parts(parts), [part.to_dict() for part in parts]
    if as_json:
        click.echo(fleet_json(rows, code), nl=False)
    else:
        click.echo(fleet_text(rows, width=columns(), color=wants_color()), nl=False)
    return code


def _print_plans(fleet: "Fleet", *, as_json: bool) -> int:
    from nobs.launch.remote.fleet import exit_code_of_parts

    plans: dict[str, str] = {}

    def plan(box: "Box") -> None:
        plans[box.host.name] = box.plan(as_json=as_json)

    fleet.each(plan)
    ordered = {box.host.name: plans[box.host.name] for box in fleet.left}
    if as_json:
        click.echo(json.dumps({name: json.loads(text) for name, text in ordered.items()}, indent=2))
    else:
        for name, text in ordered.items():
            click.echo(f"{name}\n{indent(text, '  ')}", nl=False)
    for part in fleet.ordered():
        click.echo(wrap(f"nobs: {part.host.name}: {part.reason}"), err=True)
    return exit_code_of_parts(fleet.ordered())
