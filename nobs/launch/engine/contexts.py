"""The engine that Docker's command line would use: DOCKER_HOST, then the context.

Read here and not by the SDK's ContextAPI (7.2), which without a config.json looks for contexts in
the working directory, takes the local engine where config.json is damaged, and ignores the CA of
a context without a client certificate.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docker.context import ContextAPI
from docker.context.config import get_context_id
from docker.tls import TLSConfig

from nobs.errors import EngineError
from nobs.user import expand, home

DEFAULT = ContextAPI.DEFAULT_CONTEXT.Name
_DEFAULT_URL = str(ContextAPI.DEFAULT_CONTEXT.Host)


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Where an engine listens, and which setting chose it."""

    context: str
    """Name of the context; `default` for DOCKER_HOST too, as in Docker."""
    url: str
    from_host_variable: bool = False
    tls: TLSConfig | None = None

    @property
    def described(self) -> str:
        """The endpoint with its origin, for messages."""
        origin = "DOCKER_HOST" if self.from_host_variable else f"context {self.context}"
        return f"{self.url} ({origin})"

    def select_for_cli(self, environment: Mapping[str, str]) -> dict[str, str]:
        """Return `environment` changed so that the docker command uses this engine."""
        replaced = {"DOCKER_HOST", "DOCKER_CONTEXT"}
        chosen = {k: v for k, v in environment.items() if k not in replaced}
        if self.from_host_variable:
            return chosen | {"DOCKER_HOST": self.url}
        return chosen | {"DOCKER_CONTEXT": self.context}


def resolve_endpoint(environment: Mapping[str, str]) -> Endpoint:
    """Return the engine that `environment` and Docker's configuration choose."""
    if host := environment.get("DOCKER_HOST"):
        return Endpoint(context=DEFAULT, url=host, from_host_variable=True)
    configuration = _configuration_directory(environment)
    name = environment.get("DOCKER_CONTEXT")
    name = name or _read_json(configuration / "config.json").get("currentContext") or DEFAULT
    if name == DEFAULT:
        return Endpoint(context=DEFAULT, url=_DEFAULT_URL)
    return _read_context(configuration, str(name))


def list_contexts(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names of all contexts, `default` first."""
    files = (_configuration_directory(environment) / "contexts" / "meta").glob("*/meta.json")
    names = (_read_json(file).get("Name") for file in files)
    return (DEFAULT, *sorted(name for name in names if isinstance(name, str)))


def _configuration_directory(environment: Mapping[str, str]) -> Path:
    if named := environment.get("DOCKER_CONFIG"):
        return expand(named, "DOCKER_CONFIG")
    return (home() or Path("/")) / ".docker"


def _read_context(configuration: Path, name: str) -> Endpoint:
    key = get_context_id(name)
    record = _read_json(configuration / "contexts" / "meta" / key / "meta.json")
    if not record:
        known = ", ".join(list_contexts({"DOCKER_CONFIG": str(configuration)}))
        raise EngineError(
            f"There is no Docker context {name!r}; {configuration} has: {known}.",
            "Choose one with `docker context use`, or unset DOCKER_CONTEXT.",
        )
    docker = record.get("Endpoints", {}).get("docker", {})
    certificates = configuration / "contexts" / "tls" / key / "docker"
    return Endpoint(
        context=name,
        url=docker.get("Host") or _DEFAULT_URL,
        tls=_tls(certificates, verify=not docker.get("SkipTLSVerify", False)),
    )


def _tls(directory: Path, *, verify: bool) -> TLSConfig | None:
    if not directory.is_dir():
        return None
    names = ("ca.pem", "cert.pem", "key.pem")
    ca, cert, key = (str(f) if (f := directory / name).exists() else None for name in names)
    return TLSConfig(client_cert=(cert, key) if cert and key else None, ca_cert=ca, verify=verify)


def _read_json(file: Path) -> dict[str, Any]:
    # Another user's home directory, as after `su`, can't be read: treated as empty.
    if not os.path.exists(file):  # noqa: PTH110 - never raises
        return {}
    try:
        value = json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise EngineError(
            f"Can't read Docker's configuration {file}: {error}.",
            "Repair the file, or name the engine with DOCKER_HOST.",
        ) from error
    return value if isinstance(value, dict) else {}
