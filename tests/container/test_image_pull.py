"""Images named by a digest: pulled by a real engine from a registry on loopback."""

import platform
from collections.abc import Iterator

import docker
import pytest

from nobs.errors import EngineError, UsageError
from nobs.launch.engine.client import Engine, connect
from nobs.launch.image.pull import pull_image
from nobs.schema.spec import ImageRef
from tests.fakes.registry import FakeRegistry, fake_registry

HERE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
OTHER = "arm64" if HERE == "amd64" else "amd64"
EXPECTED = {"nobs.version": "9.1", "nobs.commit": "c0ffee", "nobs.backend": "cpu"}


@pytest.fixture
def found(engine: str) -> Iterator[Engine]:
    with connect({"DOCKER_HOST": engine}) as connected:
        yield connected


@pytest.fixture
def registry(found: Engine) -> Iterator[FakeRegistry]:
    with fake_registry() as served:
        yield served
    for digest in served.content:
        try:
            found.client.images.remove(f"{served.repository}@{digest}", force=True)
        except docker.errors.APIError:
            continue


def pull(engine: Engine, registry: FakeRegistry, digest: str) -> ImageRef:
    name = f"{registry.repository}:9.1-cpu@{digest}"
    return pull_image(engine, name, expected=EXPECTED, on_output=lambda _: None)


def test_an_image_is_pulled_by_its_digest_once(found: Engine, registry: FakeRegistry) -> None:
    single = registry.add_image(EXPECTED, HERE)
    digest = registry.add_index({OTHER: registry.add_image(EXPECTED, OTHER), HERE: single})
    image = pull(found, registry, digest)
    asked = len(registry.asked)
    again = pull(found, registry, digest)

    assert image == again
    assert image.digest == image.tag == f"{registry.repository}:9.1-cpu@{digest}"
    assert image.labels == EXPECTED
    assert len(registry.asked) == asked
    assert found.client.images.get(str(image.id)).attrs["Architecture"] == HERE


def test_an_image_that_isn_t_there_is_named(found: Engine, registry: FakeRegistry) -> None:
    with pytest.raises(EngineError, match="isn't in its registry"):
        pull(found, registry, f"sha256:{'0' * 64}")


@pytest.mark.parametrize("listed", [True, False])
def test_an_image_for_another_architecture_is_refused(
    found: Engine, registry: FakeRegistry, *, listed: bool
) -> None:
    digest = registry.add_image(EXPECTED, OTHER)
    digest = registry.add_index({OTHER: digest}) if listed else digest

    with pytest.raises(EngineError, match=f"is for .*, but this engine runs {HERE}"):
        pull(found, registry, digest)


def test_an_image_of_another_version_is_refused(found: Engine, registry: FakeRegistry) -> None:
    digest = registry.add_image(EXPECTED | {"nobs.version": "8.0"}, HERE)

    with pytest.raises(UsageError, match=r"nobs\.version 8\.0 instead of 9\.1"):
        pull(found, registry, digest)


def test_an_image_of_something_else_is_refused(found: Engine, registry: FakeRegistry) -> None:
    with pytest.raises(UsageError, match="isn't an image of NOBS"):
        pull(found, registry, registry.add_image({"maintainer": "x"}, HERE))


def test_a_registry_that_refuses_or_is_gone_is_named(found: Engine, registry: FakeRegistry) -> None:
    registry.refuses = True
    with pytest.raises(EngineError, match=r"isn't given to you|can't be pulled"):
        pull(found, registry, registry.add_image(EXPECTED, HERE))

    registry.shutdown()
    registry.server_close()
    with pytest.raises(EngineError, match="can't be pulled"):
        pull(found, registry, registry.add_image(EXPECTED | {"nobs.x": "y"}, HERE))
