"""Engines and images for the container tests.

Skipped, with the reason, unless NOBS_TEST_CONTAINERS=1; with it, a missing engine fails them.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import docker
import pytest

from tests.container.faulty import IMAGE, build_faulty

REPO = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
ASKED_FOR = os.environ.get("NOBS_TEST_CONTAINERS") == "1"
FIRST = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    skip = pytest.mark.skip(
        reason="container tests run with NOBS_TEST_CONTAINERS=1 (as .ci/run does)"
    )
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.container)
            if not ASKED_FOR:
                item.add_marker(skip)


def connect(host: str, what: str) -> docker.DockerClient:
    try:
        client = docker.DockerClient(base_url=host, timeout=300)
        client.ping()
    except docker.errors.DockerException as error:
        pytest.fail(f"{what} does not answer at {host}: {error}")
    return client


@pytest.fixture(scope="session")
def engine() -> str:
    """Address of the first engine: the machine's own, or the one that .ci/run started."""
    connect(FIRST, "the Docker engine").close()
    return FIRST


@pytest.fixture(scope="session")
def second_engine() -> str:
    """Address of Debian 13's engine with CDI and a stand-in GPU; it has the first one's images."""
    host = os.environ.get("NOBS_TEST_SECOND_ENGINE")
    if not host:
        pytest.fail(
            "NOBS_TEST_SECOND_ENGINE is not set: run .ci/run, or .ci/second-engine.sh start"
        )
    connect(host, "the second engine").close()
    return host


@pytest.fixture(scope="session")
def client(engine: str) -> Iterator[docker.DockerClient]:
    with closing(connect(engine, "the Docker engine")) as client:
        yield client


@pytest.fixture(scope="session")
def second_client(second_engine: str) -> Iterator[docker.DockerClient]:
    with closing(connect(second_engine, "the second engine")) as client:
        yield client


@pytest.fixture(scope="session")
def build_image(engine: str) -> Callable[[str], str]:
    """Build the image of a backend with `nobs build` and return its name."""

    def build(backend: str) -> str:
        command = [sys.executable, "-m", "nobs", "build", backend]
        env = os.environ | {"DOCKER_HOST": engine}
        done = subprocess.run(
            command, check=False, cwd=REPO, env=env, capture_output=True, text=True, timeout=1200
        )
        assert done.returncode == 0, done.stderr
        return f"nobs:{backend}"

    return build


@pytest.fixture(scope="session")
def cpu_image(build_image: Callable[[str], str]) -> str:
    return build_image("cpu")


@pytest.fixture(scope="session")
def cuda_image(build_image: Callable[[str], str]) -> str:
    return build_image("cuda")


@pytest.fixture(scope="module")
def faulty_image(engine: str, client: docker.DockerClient, cpu_image: str) -> Iterator[str]:
    build_faulty(engine)
    yield IMAGE
    client.images.remove(IMAGE, force=True)
