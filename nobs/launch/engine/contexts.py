"""Which engine Docker's own command line would talk to: DOCKER_HOST, then the context.

We resolve this ourselves: where DOCKER_CONTEXT names none, the SDK takes the local engine.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nobs.errors import EngineError
from nobs.user import expand, home

DEFAULT = "default"
_DEFAULT_URL = (
    "npipe:////./pipe/docker_engine" if os.name == "nt" else "unix:///var/run/docker.sock"
)


@dataclass(frozen=True, kw_only=True)
class TlsFiles:
    """Certificates of a context."""

    directory: Path
    verify: bool


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Where an engine listens, and by which choice it became ours."""

    context: str
    """Name of the context; `default` for DOCKER_HOST too, as Docker itself says."""
    url: str
    from_host_variable: bool = False
    tls: TlsFiles | None = None

    @property
    def described(self) -> str:
        """The endpoint with its origin, for messages."""
        origin = "DOCKER_HOST" if self.from_host_variable else f"context {self.context}"
        return f"{self.url} ({origin})"

    def select_for_cli(self, environment: Mapping[str, str]) -> dict[str, str]:
        """Return `environment` changed so that the docker command talks to this very engine."""
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
    name = environment.get("DOCKER_CONTEXT") or _current_context(configuration)
    if name == DEFAULT:
        return Endpoint(context=DEFAULT, url=_DEFAULT_URL)
    return _read_context(configuration, name)


def list_contexts(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names of all contexts, `default` first."""
    files = (_configuration_directory(environment) / "contexts" / "meta").glob("*/meta.json")
    names = (_read_json(file).get("Name") for file in files)
    return (DEFAULT, *sorted(name for name in names if isinstance(name, str)))


def _configuration_directory(environment: Mapping[str, str]) -> Path:
    if named := environment.get("DOCKER_CONFIG"):
        return expand(named, "DOCKER_CONFIG")
    return (home() or Path("/")) / ".docker"


def _current_context(configuration: Path) -> str:
    file = configuration / "config.json"
    # A home directory that isn't ours, as after `su`, can't even be looked into: nothing is there.
    name = _read_json(file).get("currentContext") if os.path.exists(file) else None  # noqa: PTH110
    return name if isinstance(name, str) and name else DEFAULT


def _read_context(configuration: Path, name: str) -> Endpoint:
    key = hashlib.sha256(name.encode()).hexdigest()
    file = configuration / "contexts" / "meta" / key / "meta.json"
    if not os.path.exists(file):  # noqa: PTH110 - never raises
        known = ", ".join(list_contexts({"DOCKER_CONFIG": str(configuration)}))
        raise EngineError(
            f"There is no Docker context {name!r}; {configuration} knows: {known}.",
            "Choose one with `docker context use`, or unset DOCKER_CONTEXT.",
        )
    docker = _read_json(file).get("Endpoints", {}).get("docker", {})
    certificates = configuration / "contexts" / "tls" / key / "docker"
    tls = TlsFiles(directory=certificates, verify=not docker.get("SkipTLSVerify", False))
    return Endpoint(
        context=name,
        url=docker.get("Host") or _DEFAULT_URL,
        tls=tls if certificates.is_dir() else None,
    )


def _read_json(file: Path) -> dict[str, Any]:
    try:
        value = json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise EngineError(
            f"Can't read Docker's configuration {file}: {error}.",
            "Repair the file, or name the engine with DOCKER_HOST.",
        ) from error
    return value if isinstance(value, dict) else {}
