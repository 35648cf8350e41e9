import hashlib
import json
from pathlib import Path

import pytest

from nobs.errors import EngineError
from nobs.launch.engine.contexts import Endpoint, list_contexts, resolve_endpoint

REMOTE = "ssh://me@box"


@pytest.fixture
def configuration(tmp_path: Path) -> Path:
    """Lay out a Docker configuration with the contexts `box` and `secure`."""
    for name, host in (("box", REMOTE), ("secure", "tcp://box:2376")):
        key = hashlib.sha256(name.encode()).hexdigest()
        meta = tmp_path / "contexts" / "meta" / key
        meta.mkdir(parents=True)
        docker = {"Host": host, "SkipTLSVerify": False}
        record = {"Name": name, "Metadata": {}, "Endpoints": {"docker": docker}}
        (meta / "meta.json").write_text(json.dumps(record))
    key = hashlib.sha256(b"secure").hexdigest()
    certificates = tmp_path / "contexts" / "tls" / key / "docker"
    certificates.mkdir(parents=True)
    (certificates / "ca.pem").touch()
    return tmp_path


def test_docker_host_wins_over_a_context(configuration: Path) -> None:
    environment = {
        "DOCKER_CONFIG": str(configuration),
        "DOCKER_CONTEXT": "nosuch",
        "DOCKER_HOST": "tcp://127.0.0.1:2375",
    }

    endpoint = resolve_endpoint(environment)

    assert endpoint.described == "tcp://127.0.0.1:2375 (DOCKER_HOST)"


def test_the_context_variable_names_the_engine(configuration: Path) -> None:
    environment = {"DOCKER_CONFIG": str(configuration), "DOCKER_CONTEXT": "box"}

    assert resolve_endpoint(environment) == Endpoint(context="box", url=REMOTE)


def test_the_current_context_counts_where_nothing_else_is_said(configuration: Path) -> None:
    (configuration / "config.json").write_text('{"currentContext": "box"}')

    assert resolve_endpoint({"DOCKER_CONFIG": str(configuration)}).url == REMOTE


def test_without_any_choice_it_is_the_local_engine(tmp_path: Path) -> None:
    endpoint = resolve_endpoint({"DOCKER_CONFIG": str(tmp_path)})

    assert endpoint == Endpoint(context="default", url="unix:///var/run/docker.sock")


def test_a_context_in_the_working_directory_is_not_read(
    configuration: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(configuration)

    with pytest.raises(EngineError, match="no Docker context 'box'"):
        resolve_endpoint({"DOCKER_CONFIG": str(tmp_path / "own"), "DOCKER_CONTEXT": "box"})


def test_a_context_that_does_not_exist_is_an_error_with_the_known_ones(
    configuration: Path,
) -> None:
    environment = {"DOCKER_CONFIG": str(configuration), "DOCKER_CONTEXT": "nosuch"}

    with pytest.raises(EngineError) as caught:
        resolve_endpoint(environment)

    assert "'nosuch'" in caught.value.message
    assert caught.value.message.endswith("has: default, box, secure.")
    assert "docker context use" in caught.value.remedy


def test_a_damaged_configuration_is_named(configuration: Path) -> None:
    (configuration / "config.json").write_text("{")

    with pytest.raises(EngineError, match=r"config\.json"):
        resolve_endpoint({"DOCKER_CONFIG": str(configuration)})


def test_the_certificates_of_a_context_are_found(configuration: Path) -> None:
    environment = {"DOCKER_CONFIG": str(configuration), "DOCKER_CONTEXT": "secure"}

    tls = resolve_endpoint(environment).tls

    assert tls is not None
    assert tls.verify
    assert Path(tls.ca_cert or "").parts[-2:] == ("docker", "ca.pem")


def test_all_contexts_are_listed(configuration: Path) -> None:
    assert list_contexts({"DOCKER_CONFIG": str(configuration)}) == ("default", "box", "secure")


@pytest.mark.parametrize(
    ("endpoint", "selected"),
    [
        (Endpoint(context="default", url="unix:///x"), {"DOCKER_CONTEXT": "default"}),
        (Endpoint(context="box", url=REMOTE), {"DOCKER_CONTEXT": "box"}),
        (
            Endpoint(context="default", url="unix:///y", from_host_variable=True),
            {"DOCKER_HOST": "unix:///y"},
        ),
    ],
)
def test_the_docker_command_is_pointed_at_the_same_engine(
    endpoint: Endpoint, selected: dict[str, str]
) -> None:
    before = {"PATH": "/bin", "DOCKER_HOST": "tcp://other", "DOCKER_CONTEXT": "other"}

    assert endpoint.select_for_cli(before) == {"PATH": "/bin", **selected}
