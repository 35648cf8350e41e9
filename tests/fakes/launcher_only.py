"""An installation of the launcher alone: this one's packages without those of the bench extra."""

import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path

from tests.fakes.forked import REPO

_BENCH = ("PIL", "datasets", "diffusers", "huggingface_hub", "pillow", "pyarrow",
          "sentence_transformers", "torch", "transformers")  # fmt: skip


def make_packages(directory: Path) -> Path:
    """Fill `directory` with links to every installed package that the launcher may have."""
    directory.mkdir()
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if not path.name.startswith(_BENCH):
            (directory / path.name).symlink_to(path)
    # Also for the processes that the launcher starts.
    customize = f"import sys\nsys.path.remove({sysconfig.get_path('purelib')!r})\n"
    (directory / "sitecustomize.py").write_text(customize)
    return directory


def run_launcher(
    packages: Path, *words: str, cwd: Path, env: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run `nobs` with `words`, with `packages` as the only place of packages."""
    return subprocess.run(
        [sys.executable, "-m", "nobs", *words],
        cwd=cwd,
        env={**env, "PYTHONPATH": f"{REPO}:{packages}"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
