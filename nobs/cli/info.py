"""`nobs info`."""

import click

from nobs.cli.options import json_option


@click.command(name="info")
@json_option
def command(*, as_json: bool) -> None:
    """Show the device that would be measured."""
    from nobs.render.summary import render_device  # noqa: PLC0415 - --help must stay fast
    from nobs.schema.files import to_json  # noqa: PLC0415
    from nobs.system.device_info import get_device_info  # noqa: PLC0415

    device = get_device_info()
    click.echo(to_json(device) if as_json else render_device(device), nl=not as_json)
