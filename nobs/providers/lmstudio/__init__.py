"""LM Studio: its server, its models, its command-line program."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from nobs.providers.base import Access, Served, Tell, Wanted
from nobs.providers.definitions import Definition
from nobs.providers.lmstudio.cli import check_lms_cli
from nobs.providers.lmstudio.identity import ask
from nobs.providers.lmstudio.names import choose
from nobs.providers.lmstudio.setup import cleanup_lm_studio, setup_lm_studio
from nobs.providers.lmstudio.state import (
    is_model_downloaded,
    is_model_loaded,
    is_server_running,
)
from nobs.providers.served import ServedModels

__all__ = [
    "WORK",
    "check_lms_cli",
    "cleanup_lm_studio",
    "is_model_downloaded",
    "is_model_loaded",
    "is_server_running",
    "setup_lm_studio",
]


class LmStudio(ServedModels):
    """Sets LM Studio up where it is asked to."""

    @contextmanager
    def open(self, provider: Definition, wanted: Wanted, tell: Tell) -> Iterator[Served]:
        """Wait until the model answers, loaded by us if it may be; leave LM Studio as it was."""
        if not wanted.setup:
            with super().open(provider, wanted, tell) as served:
                yield served
            return
        setup = setup_lm_studio(wanted, tell)
        try:
            access = Access(base_url=setup.base_url, api_key=wanted.api_key)
            served = self.connect(provider, access, replace(wanted, model=setup.model), tell)
            yield replace(served, is_ours=setup.started_server)
        finally:
            cleanup_lm_studio(setup, tell)


WORK = LmStudio(ask=ask, chooser=choose)
