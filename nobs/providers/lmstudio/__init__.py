"""LM Studio: its server, its models, its command-line program."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from nobs.providers.base import OnProgress, ServedModel
from nobs.providers.causes import Cause
from nobs.providers.client import Server
from nobs.providers.definitions import Definition
from nobs.providers.diagnosis import ServerUnusable
from nobs.providers.lmstudio.devices import find_device
from nobs.providers.lmstudio.identity import ask, read_models
from nobs.providers.lmstudio.names import choose, find_targets
from nobs.providers.lmstudio.setup import (
    OWN_PREFIX,
    cleanup_lm_studio,
    not_selected,
    setup_lm_studio,
)
from nobs.providers.served import ServedModels
from nobs.schema.server import Api, Connection, ModelIdentity, ServerRequest


class LmStudio(ServedModels):
    """Sets LM Studio up where it is asked to."""

    @contextmanager
    def open(
        self,
        provider: Definition,
        request: ServerRequest,
        connection: Connection | None,
        on_progress: OnProgress,
    ) -> Iterator[ServedModel]:
        """Wait until the model answers, loaded by us if it may be; leave LM Studio as it was."""
        if connection is None or not request.setup:
            with super().open(provider, request, connection, on_progress) as served:
                yield served
            return
        setup = setup_lm_studio(request, connection, on_progress)
        try:
            served = self.connect(provider, setup.connection, setup.model, on_progress, request.api)
            yield replace(served, is_ours=setup.started_server)
        finally:
            cleanup_lm_studio(setup, on_progress)

    def connect(
        self,
        provider: Definition,
        connection: Connection,
        model: str | None,
        on_progress: OnProgress,
        api: Api = Api.CHAT,
    ) -> ServedModel:
        """Return the model once it has answered; the name of a variant may mean its key."""
        try:
            return super().connect(provider, connection, model, on_progress, api)
        except ServerUnusable as error:
            key = _key_of_variant(connection, model) if error.cause is Cause.MODEL else None
            if key is None:
                raise
        return super().connect(provider, connection, key, on_progress, api)

    def identify(self, connection: Connection, model: str) -> ModelIdentity:
        """Return what the server says of `model`, and `lms` of the device that computes."""
        identity = super().identify(connection, model)
        own = (model.removeprefix(OWN_PREFIX),) if model.startswith(OWN_PREFIX) else ()
        device = identity.remote_host or find_device(connection, identity)
        return identity.model_copy(
            update={"remote_host": device, "aliases": (*identity.aliases, *own)}
        )


def _key_of_variant(connection: Connection, wanted: str | None) -> str | None:
    """Return the key that loads the wanted variant, None where it is none of the server's."""
    with Server(connection) as server:
        listed = [model.listed for model in read_models(server)]
    found = [target for target in find_targets(wanted, listed) if target.variant]
    if len(found) != 1:
        return None
    if not found[0].loads_by_key:
        raise not_selected(found[0])
    return found[0].model.key


WORK = LmStudio(ask=ask, choose=choose)
