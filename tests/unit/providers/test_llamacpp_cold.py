"""Which servers of llama.cpp can be started again to measure them from cold."""

import pytest

from nobs.errors import UsageError
from nobs.providers.cold import find_cold_server
from nobs.providers.llamacpp_cold import LlamaCold
from nobs.providers.weights import packaged_pin
from nobs.schema.server import Connection, ModelIdentity, ServerRef

URL = "http://127.0.0.1:9/v1"


def find(weights_sha256: str | None) -> object:
    identity = ModelIdentity(id="mine", weights_sha256=weights_sha256)
    server = ServerRef(provider="llamacpp", base_url=URL, model="mine", identity=identity)
    return find_cold_server(server, Connection(base_url=URL))


def test_the_packaged_model_is_started_again() -> None:
    assert isinstance(find(packaged_pin().weights_sha256), LlamaCold)


@pytest.mark.parametrize(
    ("weights_sha256", "why"),
    [
        (None, "NOBS neither started it"),
        ("0" * 64, "NOBS starts its own model again, not mine. Leave out --llm-model"),
    ],
)
def test_other_weights_are_refused(weights_sha256: str | None, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        find(weights_sha256)
