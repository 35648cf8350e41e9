import os
import re
import string
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nobs.errors import StorageError, UsageError
from nobs.settings import hub_cache
from nobs.user import cache_home, certificates, expand, home, normalise_environment

SOURCES = ("HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "XDG_CACHE_HOME")


@pytest.fixture
def env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Replace the environment by one with a home directory alone."""
    (tmp_path / "home").mkdir()
    variables = {"HOME": str(tmp_path / "home"), "USER": "bench", "TMPDIR": str(tmp_path)}
    monkeypatch.setattr(os, "environ", variables)
    monkeypatch.setattr("tempfile.tempdir", None)
    return variables


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("/plain/path", "/plain/path"),
        ("relative/path", "relative/path"),
        ("~", "{home}"),
        ("~/x", "{home}/x"),
        ("$HOME/x", "{home}/x"),
        ("${HOME}/x", "{home}/x"),
        ("/data/$NAME/${NAME}_b", "/data/me/me_b"),
        ("$TWICE/x", "~/y/x"),
        ("~root/x", "/root/x"),
        ("a/~/b", "a/~/b"),
        ("/price$", "/price$"),
        ("/a b/ü", "/a b/ü"),
    ],
)
def test_a_path_means_what_the_hubs_client_makes_of_it(
    env: dict[str, str], text: str, meant: str
) -> None:
    env |= {"NAME": "me", "TWICE": "~/y"}
    theirs = os.path.expandvars(os.path.expanduser(text))  # noqa: PTH111 - as the client does
    assert theirs == meant.format(home=env["HOME"])
    if theirs.startswith("~"):
        with pytest.raises(UsageError):
            expand(text, "HF_HOME")
    else:
        assert str(expand(text, "HF_HOME")) == theirs


@given(
    st.lists(
        st.sampled_from(["~", "/", "$NAME", "${NAME}", "$HOME", "$NOPE", "${NOPE}", "$", "{", "}"])
        | st.text(string.ascii_letters + "._-", min_size=1, max_size=4),
        min_size=1,
        max_size=6,
    )
)
def test_any_path_is_the_hubs_or_a_usage_error(parts: list[str]) -> None:
    text = "".join(parts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "environ", {"HOME": "/home/me", "NAME": "a"})
        theirs = os.path.expandvars(os.path.expanduser(text))  # noqa: PTH111 - as the client does
        named = {name.strip("{}") for name in re.findall(r"\$(\w+|\{[^}]*\})", text, re.ASCII)}
        if theirs.startswith("~") or not named <= {"HOME", "NAME"}:
            with pytest.raises(UsageError, match=re.escape(repr(text))):
                expand(text, "HF_HOME")
        else:
            assert expand(text, "HF_HOME") == Path(theirs)


@pytest.mark.parametrize(
    "text", ["$NOPE/x", "${NOPE}/x", "$(pwd)/x", "~nobody-of-this-name/x", "/a/$NOPE"]
)
def test_what_cannot_be_resolved_is_named(env: dict[str, str], text: str) -> None:
    del env
    with pytest.raises(UsageError) as caught:
        expand(text, "NOBS_RESULTS")
    assert repr(text) in caught.value.message
    assert caught.value.message.startswith("NOBS_RESULTS is")


def test_a_directory_with_a_dollar_in_its_name_is_itself(
    env: dict[str, str], tmp_path: Path
) -> None:
    del env
    (tmp_path / "a$NOPE").mkdir()
    assert expand(f"{tmp_path}/a$NOPE", "TMPDIR") == tmp_path / "a$NOPE"
    with pytest.raises(UsageError):
        expand(f"{tmp_path}/b$NOPE", "TMPDIR")


def test_without_a_home_its_sign_is_a_usage_error(
    env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    del env["HOME"]
    monkeypatch.setattr("pwd.getpwuid", lambda _: (_ for _ in ()).throw(KeyError("no such uid")))
    assert home() is None
    with pytest.raises(UsageError, match="~"):
        expand("~/x", "HF_HOME")
    normalise_environment()
    with pytest.raises(UsageError, match="home"):
        expand("~/x", "HF_HOME")


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("value", ["~/x", "$HOME/x", "${HOME}/x"])
def test_the_cache_is_where_the_hubs_client_has_it(
    env: dict[str, str], name: str, value: str
) -> None:
    env[name] = value
    expected = {
        "HF_HOME": "x/hub",
        "HF_HUB_CACHE": "x",
        "HUGGINGFACE_HUB_CACHE": "x",
        "XDG_CACHE_HOME": "x/huggingface/hub",
    }
    assert hub_cache() == Path(env["HOME"]) / expected[name]


def test_paths_of_the_environment_are_written_out_for_libraries_and_children(
    env: dict[str, str],
) -> None:
    env |= {"HF_HOME": "$HOME/hf", "LLM_API_KEY_FILE": "~/key", "HF_HUB_CACHE": "", "OTHER": "$x"}
    normalise_environment()
    assert env["HF_HOME"] == f"{env['HOME']}/hf"
    assert env["LLM_API_KEY_FILE"] == f"{env['HOME']}/key"
    assert "HF_HUB_CACHE" not in env
    assert env["OTHER"] == "$x"


def test_certificates_of_one_client_hold_for_all(env: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "company.pem"
    file.write_text("certificates")
    env["REQUESTS_CA_BUNDLE"] = str(file)
    normalise_environment()
    assert certificates() == file
    assert env["SSL_CERT_FILE"] == env["CURL_CA_BUNDLE"] == str(file)


def test_a_stand_in_that_somebody_else_has_is_refused(
    env: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del env["HOME"]
    monkeypatch.setattr("pwd.getpwuid", lambda _: (_ for _ in ()).throw(KeyError("no such uid")))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / f"nobs-home-{os.getuid()}").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StorageError, match="another user's"):
        cache_home()


def test_children_take_no_module_from_the_working_directory(
    env: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "random.py").write_text("raise SystemExit('not the library')")
    normalise_environment()
    child = [sys.executable, "-m", "tempfile"]
    subprocess.run(child, cwd=tmp_path, env=env, check=True, timeout=60)
