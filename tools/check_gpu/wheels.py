"""Download the wheels that `make check-gpu` unpacks on a Linux box without network.

They are those of the lock, for every Python that NOBS supports, so that the Python of the box need
not be known.
"""

import argparse
import subprocess
import sys
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
PYTHONS = ("3.12", "3.13")
GLIBCS = ("manylinux_2_28", "manylinux_2_27", "manylinux_2_26", "manylinux_2_24",
          "manylinux_2_17", "manylinux2014", "manylinux_2_12", "manylinux2010", "manylinux_2_5",
          "manylinux1")  # fmt: skip
LIMIT_BYTES = 60_000_000
"""Of all wheels that aren't on a GPU box anyway: such a box can have a slow way in."""


def main() -> int:
    """Download, and print how many bytes there are."""
    parser = argparse.ArgumentParser(prog="make wheels", description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--arch", default="x86_64", choices=("x86_64", "aarch64"))
    parser.add_argument("--all", action="store_true", help="torch and all that it brings, too")
    asked = parser.parse_args()
    locks = ("check-gpu.txt", "bench.txt", "torch.txt") if asked.all else ("check-gpu.txt",)
    for python in PYTHONS:
        done = subprocess.run(download(asked.directory, locks, python, asked.arch), check=False)
        if done.returncode:
            return done.returncode
    wheels = list(asked.directory.glob("*.whl"))
    total = sum(wheel.stat().st_size for wheel in wheels)
    print(f"{asked.directory}: {len(wheels)} wheels, {total / 1e6:.1f} MB")
    if not asked.all and total > LIMIT_BYTES:
        print(f"That is more than {LIMIT_BYTES / 1e6:.0f} MB.", file=sys.stderr)
        return 1
    return 0


def download(directory: Path, locks: tuple[str, ...], python: str, arch: str) -> list[str]:
    """Return pip's command for one Python."""
    platforms = [word for glibc in GLIBCS for word in ("--platform", f"{glibc}_{arch}")]
    files = [word for lock in locks for word in ("-r", str(REPO / "requirements" / lock))]
    return [
        sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
        "--no-deps", "--require-hashes", "--only-binary", ":all:", "--implementation", "cp",
        "--python-version", python, *platforms, *files, "--dest", str(directory),
    ]  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
