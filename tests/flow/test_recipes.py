"""The recipes for clouds, each read by the tool that it is written for."""

import os
import re
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.fakes.pages import DOCS

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(
        os.environ.get("NOBS_TEST_RECIPES") != "1",
        reason="installs SkyPilot, dstack, Ray and Modal (0.8 GB); runs with NOBS_TEST_RECIPES=1",
    ),
]
PAGE = DOCS / "how-to" / "recipes-for-clouds.md"
READ_DSTACK = """
import yaml
from dstack._internal.core.models.configurations import parse_apply_configuration
parse_apply_configuration(yaml.safe_load(open(file)))
"""
PARSERS = {
    "skypilot": ("skypilot==0.14.1", "import sky; sky.Task.from_yaml(file)"),
    "dstack": (
        "dstack==0.22.5",
        READ_DSTACK,
    ),
    "ray": ("ray==2.60.0", "import runpy; runpy.run_path(file)"),
    "modal": ("modal==1.6.4", "import runpy; runpy.run_path(file)"),
}
WRONG = {"skypilot": ("num_nodes", "num_nods"), "dstack": ("max_duration", "max_durtion"),
         "ray": ("max_retries", "max_retires"), "modal": ("timeout=", "timeot=")}  # fmt: skip


def recipe(tool: str) -> str:
    blocks = re.findall(r"^```\w+\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    [found] = [block for block in blocks if block.startswith(f"# {tool}\n")]
    return str(found)


@pytest.mark.parametrize("tool", PARSERS)
def test_a_recipe_is_read_by_its_tool(tool: str, tmp_path: Path) -> None:
    requirement, parse = PARSERS[tool]
    python = tmp_path / "tool" / "bin" / "python"
    venv.create(tmp_path / "tool", with_pip=False)
    install = (
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(python),
        "install",
        "--quiet",
        requirement,
    )
    done = subprocess.run(install, check=False, timeout=600, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"{requirement} can't be installed: {done.stderr.strip().splitlines()[-1]}")

    def read(text: str) -> subprocess.CompletedProcess[str]:
        file = tmp_path / "recipe"
        file.write_text(text)
        program = f"file = {str(file)!r}\n{parse}"
        env = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
        return subprocess.run([python, "-c", program], check=False, timeout=300, env=env,
                              capture_output=True, text=True, cwd=tmp_path)  # fmt: skip

    good = read(recipe(tool))
    misspelt = recipe(tool).replace(*WRONG[tool])

    assert good.returncode == 0, good.stderr[-2000:]
    assert misspelt != recipe(tool)
    assert read(misspelt).returncode != 0
