"""Running small Python programs in containers through the launcher's own code."""

import os
import uuid
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker

from nobs.backends.base import ContainerNeeds
from nobs.launch.container.life import run_container
from nobs.launch.container.logs import Stream
from nobs.launch.container.plan import LABEL_RUN_ID, ContainerPlan, plan_container
from nobs.launch.engine.client import Engine
from nobs.schema.outcome import Outcome

BASE_IMAGE = os.environ.get("NOBS_BASE_IMAGE", "nobs-base:ci")
USER = (1234, 1235) if os.name != "nt" and os.geteuid() == 0 else None


def ignore(_stream: Stream, _line: str) -> None:
    """Hear nothing."""


def run_to_end(client: docker.DockerClient, image: str, command: list[str], **options: Any) -> str:
    """Run a command and return the engine's record of its output; it must exit with 0.

    The client's own way follows the log, and an engine may lose a last line without newline then.
    """
    container = client.containers.run(image, command, detach=True, **options)
    try:
        code = container.wait()["StatusCode"]
        assert code == 0, container.logs(stdout=False).decode()
        recorded: bytes = container.logs(stderr=False)
        return recorded.decode()
    finally:
        container.remove(force=True)


@dataclass
class Launch:
    """One engine and one run directory, owned by the user who runs the container."""

    engine: Engine
    run_dir: Path
    run_id: str = field(default_factory=lambda: f"test-{uuid.uuid4().hex[:12]}")
    heard: dict[Stream, list[str]] = field(default_factory=lambda: {s: [] for s in Stream})

    def __post_init__(self) -> None:
        self.run_dir.mkdir(parents=True, exist_ok=True)
        if USER:
            os.chown(self.run_dir, *USER)

    def plan(self, code: str, **changes: Any) -> ContainerPlan:
        values: dict[str, Any] = {
            "run_id": self.run_id,
            "run_dir": self.run_dir,
            "image": BASE_IMAGE,
            "engine": self.engine.info,
            "needs": ContainerNeeds(),
            "command": ("python3", "-c", code),
            "user": USER,
        }
        return plan_container(**(values | changes))

    def run(
        self,
        code: str,
        *,
        on_line: Callable[[Stream, str], None] = ignore,
        timeout_s: float | None = None,
        engine_return_s: float = 60.0,
        **changes: Any,
    ) -> Outcome:
        def hear(stream: Stream, line: str) -> None:
            self.heard[stream].append(line)
            on_line(stream, line)

        plan = self.plan(code, **changes)
        return run_container(
            self.engine, plan, hear, timeout_s=timeout_s, engine_return_s=engine_return_s
        )

    @property
    def stdout(self) -> list[str]:
        return self.heard[Stream.STDOUT]

    @property
    def stderr(self) -> list[str]:
        return self.heard[Stream.STDERR]

    def left_behind(self) -> list[str]:
        """Return the names of this run's containers that still exist in any state."""
        with closing(docker.DockerClient(base_url=self.engine.endpoint.url)) as client:
            found = client.containers.list(
                all=True, filters={"label": f"{LABEL_RUN_ID}={self.run_id}"}
            )
            return [container.name or "" for container in found]
