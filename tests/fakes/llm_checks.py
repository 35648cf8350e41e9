"""Checks of servers that can't be used."""

import pytest

from nobs.providers import PROVIDERS
from nobs.providers.base import Provider
from nobs.providers.diagnosis import ServerUnusable
from nobs.providers.readiness import RetryPolicy, wait_until_ready
from nobs.schema.server import Connection
from tests.fakes.llm_routes import models, routes
from tests.fakes.llm_server import Choose, Script

OPENAI = PROVIDERS.load("openai")
BRIEFLY = RetryPolicy(absent_retry_s=0.0, first_pause_s=0.02)


def fail(
    url: str, model: str | None = "tiny", key: str = "", of: Provider = OPENAI
) -> ServerUnusable:
    """Return why the server at `url` can't be used."""
    connection = Connection(base_url=url, request_timeout_s=0.5).with_key(key)
    with pytest.raises(ServerUnusable) as caught:
        wait_until_ready(connection, model, of, lambda _: None, BRIEFLY)
    return caught.value


def chat(script: Script) -> Choose:
    """A server whose model list is right and whose completions are `script`."""
    return routes({"/v1/models": models("tiny"), "/v1/chat/completions": script})
