"""`nobs run` on several devices, one after the other."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from nobs.cli.ending import announce, describe_end
from nobs.cli.terminal import columns, wants_color, wrap
from nobs.errors import UsageError

if TYPE_CHECKING:
    from nobs.cli.run import RunOptions
    from nobs.launch.executor.base import Executor
    from nobs.launch.planning.plan import Plan
    from nobs.launch.run.ending import Finished
    from nobs.schema.report import Report

SCHEMA = "nobs.devices/1"


def run_in_turn(
    plans: Sequence["Plan"], executor: "Executor", options: "RunOptions", *, together: bool = False
) -> int:
    """Measure each device in a run of its own, then compare them; return the worst exit code.

    A failed device doesn't stop the others; an interrupt does.
    """
    from nobs.cli.progress import Progress
    from nobs.cli.run import print_result
    from nobs.launch.run.launcher import launch

    if options.detach:
        raise UsageError(
            "--detach runs one device, and --device names several.",
            "Omit --detach, or start each device with a command of its own, after one another.",
        )
    if options.dry_run:
        return _print_plans(plans, as_json=options.as_json)
    finished: list[Finished] = []
    for number, plan in enumerate(plans, start=1):
        if not options.quiet:
            click.echo(f"device {number}/{len(plans)}: {_describe(plan)}", err=True)
        with Progress(plan, verbose=options.verbose, quiet=options.quiet) as progress:
            finished.append(launch(plan, executor, progress.show))
        if not options.as_json:
            print_result(finished[-1], as_json=False)
            click.echo()
        announce(describe_end(finished[-1]), options)
        if finished[-1].exit_code == 130:
            break
    code = max(each.exit_code for each in finished)
    beside: list[Finished] = []
    if together and code == 0:
        beside = _run_together(plans, executor, options, [each.report for each in finished])
        code = max(each.exit_code for each in beside)
    elif together:
        click.echo("Not measured at once: a device failed or was interrupted alone.", err=True)
    _print_comparison(finished, beside, as_json=options.as_json)
    return code


def _run_together(
    plans: Sequence["Plan"], executor: "Executor", options: "RunOptions", alone: list["Report"]
) -> list["Finished"]:
    """Measure all devices at once and write their sums into each one's report."""
    from nobs.cli.progress import Progress
    from nobs.launch.run.together import launch_together, plan_together, record_together
    from nobs.report.together import find_together

    at_once = plan_together(plans, alone)
    if not options.quiet:
        names = ", ".join(map(_describe, plans))
        click.echo(f"all at once: {names}; progress of the first", err=True)
    with Progress(at_once[0], verbose=options.verbose, quiet=options.quiet) as progress:
        finished = launch_together(at_once, executor, progress.show)
    found, missing = find_together(alone, [each.report for each in finished])
    for reason in missing:
        click.echo(f"No sum of {reason}.", err=True)
    return [record_together(each, found) if found else each for each in finished]


def _print_comparison(
    finished: Sequence["Finished"], beside: Sequence["Finished"], *, as_json: bool
) -> None:
    from nobs.render.devices import devices_text, devices_values
    from nobs.render.together import together_lines
    from nobs.report.devices import compare_devices

    compared = compare_devices([each.report for each in finished])
    if as_json:
        every = (*finished, *beside)
        reports = [each.report.model_dump(mode="json", by_alias=True) for each in every]
        document = {"schema": SCHEMA, "reports": reports, "comparison": devices_values(compared)}
        click.echo(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))
    elif compared:
        click.echo(devices_text(compared, width=columns(), color=wants_color()), nl=False)
    else:
        click.echo("The devices can't be compared: fewer than two have a result.")
    for total in beside[0].report.together if beside and not as_json else ():
        for line in together_lines(total):
            click.echo(wrap(line, "    "))


def _print_plans(plans: Sequence["Plan"], *, as_json: bool) -> int:
    from nobs.render.plan import render_plan

    values = [plan.to_dict() for plan in plans]
    if as_json:
        click.echo(json.dumps(values, indent=2))
        return 0
    for number, plan in enumerate(plans, start=1):
        click.echo(f"device {number}/{len(plans)}: {_describe(plan)}")
        click.echo(render_plan(values[number - 1]))
    return 0


def _describe(plan: "Plan") -> str:
    device = plan.spec.device
    return " ".join(filter(None, (device.name, device.model))) if device else plan.spec.backend
