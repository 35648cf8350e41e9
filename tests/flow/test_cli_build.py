from pathlib import Path

import pytest

from tests.fakes.command import run_nobs


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("cpu", "cuda", "--save", "a.tar"), "--save writes one image to a file"),
        (("cpu", "--save", "a.tar", "--load", "b.tar"), "--save and --load exclude each other"),
    ],
)
def test_images_are_saved_one_by_one(tmp_path: Path, words: tuple[str, ...], message: str) -> None:
    done = run_nobs("build", *words, cwd=tmp_path)

    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
