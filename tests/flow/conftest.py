"""What takes seconds to start, once for all modules of a test process."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from nobs.providers.embedded import Settings, running
from nobs.providers.weights import find_weights
from nobs.tasks.chat import bench
from nobs.tasks.chat.client.accuracy import measure_own_error
from tests.fakes.hub import FakeHub, fake_hub
from tests.fakes.installed import Installed, install
from tests.fakes.loader import Loader, loader
from tests.fakes.studio import Studio, studio


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("client") / "hf_home"
    home.mkdir()
    return home


@pytest.fixture(scope="session")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeHub]:
    """A hub on loopback; each test has repositories of its own."""
    with fake_hub(tmp_path_factory.mktemp("hub")) as hub:
        yield hub


@pytest.fixture(scope="session")
def child(hub: FakeHub, home: Path) -> Iterator[Loader]:
    """A process that loads from the hub: it imports its client, and `datasets`, for seconds."""
    with loader(hub.url, home) as child:
        yield child


@pytest.fixture(scope="session", autouse=True)
def one_own_error() -> Iterator[None]:
    """Measure the client's own error once for all steps in this process: it takes real time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bench, "measure_own_error", cache(measure_own_error))
        yield


@pytest.fixture(scope="session")
def llama() -> Iterator[str]:
    """A real llama.cpp server with a real model; any model's name will do."""
    settings = Settings(weights=find_weights(), model="tiny", context_length=2048, threads=1)
    with running(settings, lambda _: None, wait_s=120) as server:
        yield server.url


@pytest.fixture
def installed(tmp_path: Path, llama: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Studio]:
    with studio(tmp_path / "studio", llama) as installed:
        for name, value in installed.environment.items():
            monkeypatch.setenv(name, value)
        yield installed


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The example of a third party's package, installed beside NOBS."""
    return install(tmp_path_factory.mktemp("third_party"))
