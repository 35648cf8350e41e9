import subprocess
from pathlib import Path

import pytest

from nobs.launch.planning.facts import find_commit, find_source

ROOT = Path(__file__).parents[4]


def test_the_commit_is_that_of_the_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOBS_COMMIT", raising=False)
    if not (ROOT / ".git").exists():
        pytest.skip("no checkout of git: these tests run from an archive")
    head = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True
    )

    found = find_commit()

    assert found is not None
    assert found.removesuffix("-dirty") == head.stdout.strip()


@pytest.mark.parametrize(
    ("origin", "source"),
    [
        ("https://box.example/o/nobs.git", "https://box.example/o/nobs"),
        ("https://me:key@box.example/o/nobs", "https://box.example/o/nobs"),
        ("git@box.example:o/nobs.git", "https://box.example/o/nobs"),
        ("ssh://git@box.example/o/nobs.git", "https://box.example/o/nobs"),
        ("/home/me/nobs", None),
        ("http://127.0.0.1:8000/nobs", None),
        (None, None),
    ],
)
def test_the_source_is_the_origins_web_address_without_a_key(
    tmp_path: Path, origin: str | None, source: str | None
) -> None:
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    if origin:
        subprocess.run(["git", "remote", "add", "origin", origin], cwd=tmp_path, check=True)

    assert find_source(tmp_path) == source
