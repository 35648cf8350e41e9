"""Where a server is: one rule for planning, doctor and the check before a plan."""

import pytest

from nobs.errors import UsageError
from nobs.launch.planning.connection import is_embedded, resolve_connection
from nobs.schema.server import ServerRequest

LOOPBACK = "http://127.0.0.1:1234/v1"
LAN = "http://10.1.2.3:8000/v1"


@pytest.mark.parametrize("url", [LOOPBACK, LAN, "https://llm.example/v1"])
def test_on_the_host_a_named_url_is_used_as_it_is(url: str) -> None:
    connection = resolve_connection(ServerRequest(url=url), in_container=False)

    assert (connection.base_url, connection.socket) == (url, None)


@pytest.mark.parametrize(
    ("url", "inside"),
    [
        (None, "http://host.docker.internal:1234/v1"),
        (LOOPBACK, "http://host.docker.internal:1234/v1"),
        ("http://[::1]:80", "http://host.docker.internal:80"),
        ("http://0.0.0.0:8000/v1", "http://host.docker.internal:8000/v1"),
        ("http://LOCALHOST/v1", "http://host.docker.internal/v1"),
        (LAN, LAN),
        ("https://llm.example/v1", "https://llm.example/v1"),
    ],
)
def test_a_launcher_in_a_container_calls_the_host_by_name(url: str | None, inside: str) -> None:
    assert resolve_connection(ServerRequest(url=url), in_container=True).base_url == inside


@pytest.mark.parametrize(("url", "port"), [(LAN, 8000), ("http://a/v1", 80), ("https://a", 443)])
def test_a_scheme_means_its_usual_port(url: str, port: int) -> None:
    assert resolve_connection(ServerRequest(url=url), in_container=False).port == port


def test_a_bad_url_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="isn't a server's URL"):
        resolve_connection(ServerRequest(url="127.0.0.1:1234"), in_container=False)


def test_only_llama_cpp_without_a_url_is_started_for_the_run() -> None:
    assert is_embedded(ServerRequest(provider="llamacpp"))
    assert not is_embedded(ServerRequest(provider="llamacpp", url=LAN))
    assert not is_embedded(ServerRequest())
