"""Whose hardware a loaded model uses: LM Studio serves what linked devices compute as its own."""

from nobs.errors import NobsError
from nobs.providers.lmstudio.cli import check_lms_cli
from nobs.providers.lmstudio.state import loaded_models, server_port
from nobs.schema.server import Connection, ModelIdentity
from nobs.system.hosts import is_this_machine


def find_device(connection: Connection, identity: ModelIdentity) -> str | None:
    """Return the linked device that computes, None where it is this machine or `lms` isn't here.

    Only `lms` knows, and only of the LM Studio of this machine.
    """
    if not is_this_machine(connection.host):
        return None
    try:
        lms = check_lms_cli()
        if server_port(lms) != connection.port:
            return None
        loaded = loaded_models(lms)
    except NobsError:
        return None
    named = [each for each in loaded if each.identifier == identity.id]
    alike = [each for each in loaded if each.identifier in identity.aliases]
    devices = {each.device for each in named or alike}
    return f"the linked device {devices.pop()}" if devices and None not in devices else None
