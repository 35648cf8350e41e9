"""Checks of servers that can't be used."""

import pytest

from nobs.providers import PROVIDERS
from nobs.providers.causes import Cause
from nobs.providers.definitions import Definition
from nobs.providers.diagnosis import ServerUnusable
from nobs.providers.readiness import RetryPolicy, wait_until_ready
from nobs.schema.server import Connection
from tests.fakes.llm_routes import models, routes
from tests.fakes.llm_server import Choose, Script

OPENAI = PROVIDERS.load("openai")
BRIEFLY = RetryPolicy(absent_retry_s=0.0, first_pause_s=0.02)
PATIENT_S = 20.0
LASTING = {Cause.SILENT: 0.5, Cause.BUSY: 0.5, Cause.NO_REPLY: 0.5}
"""Causes that are told at the end of the wait, which is short for them."""


def fail(
    url: str,
    model: str | None = "tiny",
    key: str = "",
    of: Definition = OPENAI,
    wait_s: float = PATIENT_S,
) -> ServerUnusable:
    """Return why the server at `url` can't be used."""
    connection = Connection(base_url=url, request_timeout_s=wait_s).with_key(key)
    with pytest.raises(ServerUnusable) as caught:
        wait_until_ready(connection, model, of, lambda _: None, BRIEFLY)
    return caught.value


def chat(script: Script) -> Choose:
    """A server whose model list is right and whose completions are `script`."""
    return routes({"/v1/models": models("tiny"), "/v1/chat/completions": script})
