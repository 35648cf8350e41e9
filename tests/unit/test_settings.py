"""`.env`, and the key of a server: what is taken is what the user gave, or nothing."""

from pathlib import Path

import pytest

from nobs.errors import UsageError
from nobs.settings import llm_api_key, load_env_file


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LLM_API_KEY", "LLM_API_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)


def test_no_key_is_made_up() -> None:
    assert llm_api_key() == ""


@pytest.mark.parametrize("given", ["", "  ", "\n"])
def test_blanks_are_no_key(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLM_API_KEY", given)

    assert llm_api_key() == ""


def test_a_file_wins_and_its_last_line_end_is_no_part_of_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "key").write_text("from-file\n", encoding="utf-8")
    monkeypatch.setenv("LLM_API_KEY", "from-environment")
    monkeypatch.setenv("LLM_API_KEY_FILE", str(tmp_path / "key"))

    assert llm_api_key() == "from-file"


@pytest.mark.parametrize("given", ["Bearer key-12345", "one\ntwo", "schlüssel"])
def test_what_no_header_can_hold_is_refused_and_not_shown(
    given: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLM_API_KEY", given)
    with pytest.raises(UsageError, match="The key in LLM_API_KEY has") as caught:
        llm_api_key()

    assert given not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param("NOBS_BACKEND: cpu", 1, id="yaml"),
        pytest.param("A=1\nset NOBS_BACKEND=cpu", 2, id="windows"),
        pytest.param("A=1\n\n# no\n  B='open\nC=1", 4, id="open quote"),
        pytest.param("<<<<<<< HEAD\nA=1", 1, id="conflict"),
        pytest.param("sk-secret of mine", 1, id="no name"),
    ],
)
def test_a_line_that_sets_nothing_is_a_usage_error_that_shows_no_value(
    tmp_path: Path, text: str, line: int
) -> None:
    (tmp_path / ".env").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=rf"\.env can't be read: line {line} isn't") as caught:
        load_env_file(tmp_path)

    assert "secret" not in str(caught.value)
