"""`lms` itself: where it is found, what it is asked and when it is given up."""

import sys
import time
from pathlib import Path

import pytest

from nobs.errors import HostApiError, RequirementError
from nobs.providers.lmstudio.cli import check_lms_cli
from nobs.providers.lmstudio.state import downloaded_models, loaded_models, server_port
from tests.fakes.studio import TINY, Studio, instance, model

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="the look-alike is a shell script"),
    pytest.mark.long,
]


def test_what_is_asked_of_lms_is_asked_as_json(installed: Studio) -> None:
    lms = check_lms_cli()
    assert lms.path == installed.home / "bin" / "lms"
    assert server_port(lms) is None
    installed.change(models=[model(TINY)], loaded=[instance(TINY, "mine")])
    assert [each.key for each in downloaded_models(lms)] == [TINY]
    assert [(each.key, each.identifier) for each in loaded_models(lms)] == [(TINY, "mine")]
    assert installed.calls() == ["server status --quiet --json", "ls --llm --json", "ps --json"]


def test_lms_is_found_where_it_is_usually_installed(
    installed: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(RequirementError, match="neither on PATH nor in") as caught:
        check_lms_cli()
    assert "Install LM Studio from https://lmstudio.ai" in caught.value.remedy
    usual = tmp_path / ".lmstudio" / "bin" / "lms"
    usual.parent.mkdir(parents=True)
    usual.symlink_to(installed.home / "bin" / "lms")
    assert check_lms_cli().path == usual
    (tmp_path / ".lmstudio-home-pointer").write_text(f"{installed.home}\n")
    assert check_lms_cli().path == installed.home / "bin" / "lms"


def test_an_lms_that_hangs_is_stopped(installed: Studio) -> None:
    installed.change(faults={"ps": "hang", "load": "hang"}, models=[model(TINY)])
    lms = check_lms_cli()
    started = time.monotonic()
    with pytest.raises(HostApiError, match="was stopped: It didn't end in 1 s"):
        lms.run("ps", limit_s=1.0)
    with pytest.raises(HostApiError, match="It had no output for"):
        lms.follow("load", TINY, on_progress=lambda _: None, limit_s=30.0, silence_s=1.0)
    with pytest.raises(HostApiError, match="It had no output for"):
        lms.follow("load", TINY, on_progress=lambda _: None, limit_s=1.0, silence_s=30.0)
    assert time.monotonic() - started < 50


def test_an_lms_that_prints_no_json_is_told(installed: Studio) -> None:
    installed.lms("server", "start", "--port", str(installed.port))
    with pytest.raises(HostApiError, match=r"`lms server stop` .* printed no JSON"):
        check_lms_cli().read("server", "stop")
