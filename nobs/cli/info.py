"""`nobs info`."""

import click

from nobs.cli.options import backend_option, json_option
from nobs.cli.terminal import wrap


@click.command(name="info")
@backend_option
@json_option
def command(*, backend: str, as_json: bool) -> None:
    """Show the hardware that `nobs run` would measure."""
    from nobs.backends import BACKENDS
    from nobs.render.summary import render_device
    from nobs.schema.enums import Backend
    from nobs.storage.files import to_json
    from nobs.system.accelerators import explain_choice, find_accelerators
    from nobs.system.device_info import get_device_info
    from nobs.system.probe import LocalMachine

    machine, requested = LocalMachine(), None if backend == "auto" else Backend(backend)
    accelerators = find_accelerators(machine)
    if requested:
        BACKENDS.load(requested).check_host(accelerators)
    device = get_device_info(requested, machine, accelerators)
    click.echo(to_json(device) if as_json else render_device(device), nl=not as_json)
    for note in explain_choice(accelerators, device.device, is_auto=requested is None):
        click.echo(wrap(f"note       {note}", " " * 11), err=True)
