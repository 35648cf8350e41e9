import subprocess
from pathlib import Path

import pytest

from nobs.launch.planning.facts import find_commit

ROOT = Path(__file__).parents[3]


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
