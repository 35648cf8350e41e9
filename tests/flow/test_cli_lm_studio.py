"""`nobs` with LM Studio: offered on a terminal, set up for a whole run, left as it was."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.fakes.command import environment, run_nobs
from tests.fakes.hub import FakeHub
from tests.fakes.prompts import write_prompts
from tests.fakes.studio import Studio, model, studio
from tests.fakes.terminal import Terminal, terminal

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals"),
    pytest.mark.long,
]
OFFER = "Set up LM Studio with tiny and restore it afterwards? [y/N]"


@pytest.fixture
def installed(tmp_path: Path, llama: str) -> Iterator[Studio]:
    with studio(tmp_path / "studio", llama) as installed:
        yield installed


@pytest.fixture(scope="module")
def prompts(hub: FakeHub) -> FakeHub:
    write_prompts(hub.root)
    return hub


def around(installed: Studio, cwd: Path, **changes: str) -> dict[str, str]:
    """Return an environment in which this LM Studio is where servers are looked for."""
    words = {"LLM_BASE_URL": installed.url, "LLM_MODEL_NAME": "tiny", "NOBS_BACKEND": "cpu"}
    return environment(cwd, **{**installed.environment, **words, **changes})


@contextmanager
def bare_nobs(env: dict[str, str], cwd: Path) -> Iterator[Terminal]:
    with terminal([], env, cwd) as child:
        yield child


def answer(child: Terminal, *pairs: tuple[str, str]) -> None:
    for question, typed in pairs:
        child.expect(question)
        child.type(f"{typed}\n")


def test_a_run_with_setup_measures_and_leaves_everything_as_it_was(
    installed: Studio, prompts: FakeHub, tmp_path: Path
) -> None:
    before = installed.condition()
    env = around(installed, tmp_path, HF_ENDPOINT=prompts.url)
    words = ("run", "--task", "llms", "--execution", "native", "--repeats", "1")
    done = run_nobs(*words, "--setup-lm-studio", cwd=tmp_path, env=env)
    assert done.returncode == 0, done.stderr
    for line in ("Starting LM Studio's server", "Downloading tiny", "Loading openai/tiny"):
        assert line in done.stderr
    (file,) = (tmp_path / "results").glob("report_*.json")
    (task,) = json.loads(file.read_text())["tasks"]
    (measured,) = task["models"].values()
    assert measured["final_median_tokens_per_sec"] > 0
    server = measured["server"]
    assert (server["provider"], server["locality"]) == ("lmstudio", "local")
    assert server["identity"]["runtime_version"] == "1.2.3"
    assert installed.condition() == before


def test_setup_is_offered_and_refused_by_default(installed: Studio, tmp_path: Path) -> None:
    with bare_nobs(around(installed, tmp_path), tmp_path) as child:
        answer(child, ("Tasks (", "llms"), ("Profile (", "standard"))
        child.expect(f"llms: no server answers at {installed.url}")
        answer(child, (OFFER, ""), ("Backend (", ""), ("Execution (", ""))
        child.expect("nobs run --task llms --profile standard --backend cpu --execution native\n")
        answer(child, ("Run now?", "n"))
        assert child.wait() == 0
    assert installed.calls() == []


def test_the_offer_has_the_name_that_lm_studio_gives_the_model(
    installed: Studio, tmp_path: Path
) -> None:
    with bare_nobs(around(installed, tmp_path, LLM_MODEL_NAME=""), tmp_path) as child:
        answer(child, ("Tasks (", "vlms"), ("Profile (", ""))
        child.expect("Set up LM Studio with qwen/qwen3-vl-8b and restore it afterwards? [y/N]: ")
        child.leave("\x04")
    assert installed.calls() == []


def test_setup_is_not_offered_where_nothing_needs_it(installed: Studio, tmp_path: Path) -> None:
    installed.lms("server", "start", "--port", str(installed.port))
    for tasks, profile in (("llms", "standard"), ("embeddings", "standard"), ("all", "quick")):
        with bare_nobs(around(installed, tmp_path), tmp_path) as child:
            answer(child, ("Tasks (", tasks), ("Profile (", profile))
            assert "LM Studio" not in child.expect("Backend (")
            if tasks == "llms":
                installed.lms("server", "stop")


def test_setup_is_not_offered_without_lm_studio(installed: Studio, tmp_path: Path) -> None:
    env = around(installed, tmp_path, PATH="/usr/bin:/bin", HOME=str(tmp_path))
    with bare_nobs(env, tmp_path) as child:
        answer(child, ("Tasks (", "llms"), ("Profile (", "standard"))
        shown = child.expect("Backend (")
    assert "LM Studio's program `lms` is neither on PATH nor in" in shown
    assert "[y/N]" not in shown


def test_ctrl_c_in_a_run_that_was_set_up_leaves_everything_as_it_was(
    installed: Studio, prompts: FakeHub, tmp_path: Path
) -> None:
    installed.change(models=[model("openai/tiny")])
    before = installed.condition()
    env = around(installed, tmp_path, HF_ENDPOINT=prompts.url)
    with bare_nobs(env, tmp_path) as child:
        answer(child, ("Tasks (", "llms"), ("Profile (", "standard"), (OFFER, "y"))
        answer(child, ("Backend (", ""), ("Execution (", "native"))
        child.expect("--execution native --setup-lm-studio")
        answer(child, ("Run now?", ""))
        child.expect("Loading openai/tiny as nobs-tiny.")
        assert child.leave("\x03") == 130
    assert installed.condition() == before
