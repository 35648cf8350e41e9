"""`nobs info`."""

import click

from nobs.cli.options import backend_option, json_option


@click.command(name="info")
@backend_option
@json_option
def command(*, backend: str, as_json: bool) -> None:
    """Show the device that would be measured."""
    from nobs.backends import BACKENDS
    from nobs.render.summary import render_device
    from nobs.schema.base import Backend
    from nobs.storage.files import to_json
    from nobs.system.accelerators import explain_choice, find_accelerators
    from nobs.system.device_info import get_device_info
    from nobs.system.probe import LocalMachine

    machine, asked_for = LocalMachine(), None if backend == "auto" else Backend(backend)
    accelerators = find_accelerators(machine)
    if asked_for:
        BACKENDS.load(asked_for).check_host(accelerators)
    device = get_device_info(asked_for, machine, accelerators)
    click.echo(to_json(device) if as_json else render_device(device), nl=not as_json)
    for note in explain_choice(accelerators, device.device, is_auto=asked_for is None):
        click.echo(f"note       {note}", err=True)
