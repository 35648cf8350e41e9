import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nobs.errors import RequirementError, UsageError
from nobs.registry import Registry

GROUP = "nobs.test_plugins"


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Install a distribution whose entry points add, break and shadow names."""
    (tmp_path / "acme_plugin.py").write_text("VALUE = 'from acme'\n")
    (tmp_path / "acme_raises.py").write_text("undefined_name\n")
    info = tmp_path / "acme-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        f"[{GROUP}]\n"
        "extra = acme_plugin:VALUE\n"
        "broken = acme_nowhere:VALUE\n"
        "absent = acme_plugin:MISSING\n"
        "raises = acme_raises:VALUE\n"
        "pi = acme_plugin:VALUE\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("acme_plugin", None)


def table() -> Registry[object]:
    return Registry("number", {"pi": "math:pi", "tau": "math:tau"}, group=GROUP)


def test_a_builtin_name_is_imported_on_first_use() -> None:
    sys.modules.pop("this", None)
    registry: Registry[object] = Registry("text", {"zen": "this:s", "pi": "math:pi"}, group=GROUP)

    registry.load("pi")

    assert "this" not in sys.modules


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UsageError) as caught:
        table().load("phi")

    assert str(caught.value) == "There is no number 'phi'. Choose one of: pi, tau."


@pytest.mark.usefixtures("plugins")
def test_plugins_stand_after_builtin_names() -> None:
    assert table().names() == ("pi", "tau", "absent", "broken", "extra", "raises")


@pytest.mark.usefixtures("plugins")
def test_a_plugin_is_loaded_by_its_name() -> None:
    assert table().load("extra") == "from acme"


@pytest.mark.usefixtures("plugins")
def test_a_plugin_cannot_shadow_a_builtin_name() -> None:
    assert table().load("pi") == pytest.approx(3.14159, abs=1e-5)


@pytest.mark.usefixtures("plugins")
@pytest.mark.parametrize("name", ["broken", "absent", "raises"])
def test_a_plugin_that_cannot_be_loaded_names_its_package(name: str) -> None:
    with pytest.raises(RequirementError) as caught:
        table().load(name)

    assert "acme" in caught.value.remedy


@pytest.mark.usefixtures("plugins")
def test_names_can_be_asked_for_without_loading_them() -> None:
    assert "broken" in table()
    assert "phi" not in table()
