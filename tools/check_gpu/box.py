"""What `make check-gpu` finds on the box: packages of this Python, wheels beside the checkout.

Uses nothing but the standard library, and changes nothing in the box's Python: wheels are unpacked
into a temporary directory.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
FROM_THE_BOX = ("torch", "transformers", "sentence-transformers")
OPTIONAL = ("pip", "diffusers")
"""pip only unpacks wheels; without diffusers the check leaves out image generation."""
SHORT = 1
"""Exit code of `--suits` where packages are missing."""
CANNOT_BEGIN = 3


def main(words: Sequence[str]) -> int:
    """Print whether this Python suits, or run the check with it."""
    parser = argparse.ArgumentParser(prog="check-gpu", add_help=False)
    parser.add_argument("--suits", action="store_true")
    parser.add_argument("--wheels", type=Path)
    known, rest = parser.parse_known_args(words)
    missing = shortages()
    if known.suits:
        print("; ".join(missing.values()) or "suits")
        return SHORT if missing else 0
    if known.wheels is not None:
        return begin_with_wheels(known.wheels.absolute(), rest, missing)
    if not missing:
        return begin(rest)
    return refuse(
        missing,
        "With a network, `make setup` installs everything. Without one, run `make wheels` on a "
        "machine that has it, copy the directory here, and run `make check-gpu WHEELS=DIR`",
    )


def shortages() -> dict[str, str]:
    """Return the packages that are missing or too old: name -> what is wrong."""
    found = {}
    for name, least in required().items():
        try:
            here = version(name)
        except PackageNotFoundError:
            found[name] = f"no {name} >= {least}"
            continue
        if numbers(here) < numbers(least):
            found[name] = f"{name} {here} is older than {least}"
    return found


def required() -> dict[str, str]:
    """Return the packages of the check with their lowest versions, from pyproject.toml."""
    project = tomllib.loads((REPO / "pyproject.toml").read_text(encoding="utf-8"))
    bench = project["project"]["optional-dependencies"]["bench"]
    asked = [each for each in bench if each.partition(">=")[0] in FROM_THE_BOX]
    asked += project["project"]["dependencies"] + project["dependency-groups"]["check-gpu"]
    pairs = (re.match(r"([\w-]+)>=([\d.]+)", each) for each in asked)
    return {each[1]: each[2] for each in pairs if each and each[1] not in OPTIONAL}


def numbers(text: str) -> list[int]:
    """Return the numbers of a version, without the name of a build as in `2.11.0+cu130`."""
    return [int(each) for each in re.findall(r"\d+", text.partition("+")[0])[:3]]


def refuse(missing: dict[str, str], remedy: str) -> int:
    """Print what is missing and what to do; return the exit code."""
    what = "; ".join(missing.values()) or "complete"
    print(f"check-gpu: {sys.executable}: {what}.", file=sys.stderr)
    print(f"check-gpu: {remedy}.", file=sys.stderr)
    return CANNOT_BEGIN


def begin_with_wheels(wheels: Path, rest: Sequence[str], missing: dict[str, str]) -> int:
    """Unpack the locked wheels into a temporary directory, and run the check with them."""
    pip = next(iter(wheels.glob("pip-*.whl")), None)
    if pip is None:
        return refuse(missing, f"{wheels} has no wheel of pip: make it with `make wheels`")
    locks = ["check-gpu.txt"]
    if heavy := {name: missing[name] for name in FROM_THE_BOX if name in missing}:
        if not list(wheels.glob("torch-*.whl")):
            return refuse(heavy, "Install them, or make the wheels with `make wheels ALL=1`")
        locks += ["bench.txt", "torch.txt"]
    files = [word for lock in locks for word in ("-r", str(REPO / "requirements" / lock))]
    with tempfile.TemporaryDirectory(prefix="nobs-check-gpu-") as site:
        print(f"check-gpu: unpacking wheels of {wheels}", file=sys.stderr)
        done = subprocess.run(
            [sys.executable, str(pip / "pip"), "--isolated", "install", "--quiet", "--no-index",
             "--disable-pip-version-check", "--no-cache-dir", "--no-deps", "--require-hashes",
             "--find-links", str(wheels), "--target", site, *files],
            check=False,
        )  # fmt: skip
        if done.returncode:
            return refuse(missing, "Run `make wheels` of this commit again, for this processor")
        return begin(rest, site)


def begin(rest: Sequence[str], *places: str) -> int:
    """Run the check in this Python, with packages of `places` before its own."""
    before = [os.environ["PYTHONPATH"]] if os.environ.get("PYTHONPATH") else []
    path = os.pathsep.join([*places, str(REPO), *before])
    command = [sys.executable, "-m", "tools.check_gpu", *rest]
    process = subprocess.Popen(command, cwd=REPO, env={**os.environ, "PYTHONPATH": path})
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue  # The check has it too: it ends its stage and writes the page.


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
