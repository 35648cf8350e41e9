"""Bad input on the real command line: one paragraph, the right exit code, nothing written."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from nobs.catalog import load_catalog
from nobs.launch.planning.facts import listens
from nobs.schema.server import Connection
from nobs.settings import DEFAULT_LLM_BASE_URL
from nobs.system.accelerators import find_accelerators
from nobs.tasks import TASKS
from tests.fakes.command import NO_ENGINE, environment, run_nobs

NATIVE = ("--profile", "quick", "--execution", "native")
CONTAINER = ("--profile", "quick", "--execution", "container", "--backend", "cpu")
MODEL = "thenlper/gte-large"
PROFILES = ", ".join(load_catalog().profiles)


def refuse(cwd: Path, *words: str, code: int, **changes: str) -> str:
    """Run `nobs run` and return its one paragraph, having checked that nothing else is left."""
    before = sorted(cwd.rglob("*"))
    done = run_nobs("run", *words, cwd=cwd, env=environment(cwd, **changes))
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("nobs: ")
    assert done.stderr.count("\n") == 1
    assert sorted(cwd.rglob("*")) == before
    return done.stderr


@pytest.mark.parametrize(
    ("words", "value", "remedy"),
    [
        (("--task", "knitting"), "'knitting'", f"Choose one of: {', '.join(TASKS)}."),
        (("--task", "embeddings,knitting"), "'knitting'", f"Choose one of: {', '.join(TASKS)}."),
        (("--model", "gte"), "'gte'", "`nobs models`"),
        (("--model", "./gte"), "gte", "Name one that exists."),
        (("--model", MODEL, "--model", MODEL), MODEL, "Name each --model once;"),
        (("--dataset", "./no.txt"), "no.txt", "Name one that exists."),
        (("--backend", "abacus"), "'abacus'", "cuda, rocm, mps, cpu"),
        (("--dtype", "float8"), "'float8'", "'float32', 'float16', 'bfloat16'"),
        (("--profile", "slow"), "'slow'", f"Choose one of: {PROFILES}."),
        (
            ("--profile", "slow", "--task", "embeddings"),
            "'slow'",
            f"{PROFILES}.",
        ),
        (("--rows", "0"), "'--rows'", "`nobs run --help`"),
        (("--modle", MODEL), "'--modle'", "'--model'"),
        (("--execution", "container", "--backend", "mps"), "mps", "Use --execution native."),
    ],
)
def test_a_wrong_word(tmp_path: Path, words: tuple[str, ...], value: str, remedy: str) -> None:
    said = refuse(tmp_path, *words, code=2)
    assert value in said
    assert remedy in said


@pytest.mark.parametrize(
    ("words", "sentence", "remedy"),
    [
        (
            "--task llms --model foo/bar --batch-size 64 --dtype float16",
            "--model, --batch-size and --dtype don't apply to llms, only to embeddings"  # noqa: ISC004
            " and diffusion.",
            "Leave them out, or add --task embeddings,diffusion. "  # noqa: ISC004
            "The model of llms is named by --llm-model of `nobs run`.",
        ),
        (
            "--task embeddings --concurrency 4 --provider openai",
            "--concurrency and --provider don't apply to embeddings, only to llms, vlms and "  # noqa: ISC004
            "embeddings-served.",
            "Leave them out, or add --task llms,vlms.",
        ),
        # The value that is the default counts as given, too.
        (
            "--task embeddings --request-timeout 300",
            "--request-timeout doesn't apply to embeddings, only to llms, vlms and "  # noqa: ISC004
            "embeddings-served.",
            "Leave it out, or add --task llms,vlms.",
        ),
        (
            "--provider nonsense",
            "Invalid value for '--provider': 'nonsense' is not one of 'lmstudio', "  # noqa: ISC004
            "'openai', 'ollama', 'llamacpp', 'sentence-transformers'.",
            "See `nobs run --help`.",
        ),
        (
            "--task llms --arrivals constant",
            "--arrivals has no effect without --rate.",
            "Add rates, as in --rate 0.5,1,2, or remove --arrivals.",
        ),
        (
            "--backend cpu --torch-index cpu",
            "--torch-index has no effect here: this run needs no image.",
            "Leave it out, or use --execution container.",
        ),
        ("--llm-url=", "--llm-url is empty.", "Give it a value, or omit it."),
        ("--task ,", "--task is empty.", "Give it a value, or omit it."),
        (
            "--resume some-run --request-timeout 300",
            "--request-timeout can't be combined with --resume.",
            "See `nobs run --help`.",
        ),
    ],
)
def test_an_option_without_effect(tmp_path: Path, words: str, sentence: str, remedy: str) -> None:
    profile = () if "--resume" in words else NATIVE

    assert refuse(tmp_path, *profile, *words.split(), code=2) == f"nobs: {sentence} {remedy}\n"


def test_fetching_refuses_the_options_of_another_task(tmp_path: Path) -> None:
    done = run_nobs("prefetch", "--profile", "quick", "-t", "llms", "-m", "a/b", cwd=tmp_path)

    assert done.returncode == 2
    assert "--model doesn't apply to llms, only to embeddings and diffusion." in done.stderr


def test_variables_of_images_are_settings_for_other_runs(tmp_path: Path) -> None:
    env = environment(tmp_path, NOBS_TORCH_INDEX="cpu", NOBS_BASE_IMAGE="", NOBS_TASKS="")
    done = run_nobs("run", *NATIVE, "--backend", "cpu", "--dry-run", cwd=tmp_path, env=env)

    assert done.returncode == 0, done.stderr


def test_the_plan_says_which_task_an_option_is_for(tmp_path: Path) -> None:
    words = ("--backend", "cpu", "--rows", "9", "--batch-size", "8", "--max-output-tokens", "7")
    done = run_nobs("run", *NATIVE, *words, "--dry-run", cwd=tmp_path)

    assert [line for line in done.stdout.splitlines() if " only" in line] == [
        "note       --rows and --batch-size apply to embeddings only",
        "note       --max-output-tokens applies to llms and vlms only",
    ]


@pytest.mark.long
@pytest.mark.skipif(
    listens(Connection(base_url=DEFAULT_LLM_BASE_URL)),
    reason=f"a server is at {DEFAULT_LLM_BASE_URL}",
)
def test_a_server_that_an_option_needs_is_missed(tmp_path: Path) -> None:
    """Without the option `llms` would be left out here, with a note."""
    words = ("--execution", "native", "--backend", "cpu", "--max-output-tokens", "7")
    done = run_nobs("run", *words, cwd=tmp_path)

    assert done.returncode == 4, done.stderr
    assert "127.0.0.1:1234" in done.stdout


def test_a_wrong_variable(tmp_path: Path) -> None:
    said = refuse(tmp_path, *NATIVE, code=2, NOBS_BACKEND="abacus")
    assert "'abacus'" in said
    assert "NOBS_BACKEND" in said


@pytest.mark.parametrize(
    ("words", "value", "sentence"),
    [
        ("--task embeddings", "abc", "Invalid value for 'NOBS_BATCH_SIZE': 'abc' is not a valid"),
        (
            "--task llms",
            "8",
            "NOBS_BATCH_SIZE doesn't apply to llms, only to embeddings and diffusion",
        ),
    ],
)
def test_a_variable_of_a_task(tmp_path: Path, words: str, value: str, sentence: str) -> None:
    assert sentence in refuse(tmp_path, *NATIVE, *words.split(), code=2, NOBS_BATCH_SIZE=value)


def test_results_that_are_a_file(tmp_path: Path) -> None:
    results = tmp_path / "results"
    results.write_text("mine")
    said = refuse(tmp_path, *NATIVE, "--backend", "cpu", code=3)
    assert "results is a file. Name a directory instead." in said
    assert results.read_text() == "mine"


@contextmanager
def mounted(directory: Path, options: str) -> Iterator[Path]:
    """Mount a file system in memory at `directory`; skips where that isn't allowed."""
    directory.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", directory],
        capture_output=True, check=False, text=True,
    )  # fmt: skip
    if done.returncode != 0:
        pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")
    try:
        yield directory
    finally:
        subprocess.run(["umount", directory], check=True)


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A directory that not even root may write in."""
    directory = tmp_path / "sealed"
    if os.geteuid() != 0:
        directory.mkdir(mode=0o555)
        yield directory
        directory.chmod(0o755)
        return
    with mounted(directory, "ro"):
        yield directory


def test_results_on_a_full_disk(tmp_path: Path) -> None:
    with mounted(tmp_path / "small", "size=1m") as small:
        words = (*NATIVE, "--backend", "cpu", "--results", str(small / "results"))
        said = refuse(tmp_path, *words, code=3)

    assert "MiB are free" in said
    assert "--results" in said


def test_results_that_cannot_be_written(tmp_path: Path, read_only: Path) -> None:
    words = (*NATIVE, "--backend", "cpu", "--results", str(read_only / "results"))
    said = refuse(tmp_path, *words, code=3)
    assert f"Can't write in {read_only}" in said
    assert "--results" in said


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs Linux's /proc")
def test_results_where_nothing_can_be_made(tmp_path: Path) -> None:
    said = refuse(tmp_path, *NATIVE, "--backend", "cpu", "--results", "/proc/nobs", code=3)
    assert "/proc/nobs" in said
    assert "Name a writable directory with --results" in said


def test_no_engine(tmp_path: Path) -> None:
    said = refuse(tmp_path, *CONTAINER, code=3)
    assert NO_ENGINE in said
    assert "--execution native" in said


def test_a_wrong_context(tmp_path: Path) -> None:
    said = refuse(tmp_path, *CONTAINER, code=3, DOCKER_HOST="", DOCKER_CONTEXT="moon")
    assert "'moon'" in said
    assert "docker context use" in said


def test_a_broken_docker_configuration(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{")
    said = refuse(tmp_path, *CONTAINER, code=3, DOCKER_HOST="", DOCKER_CONFIG=str(tmp_path))
    assert str(tmp_path / "config.json") in said
    assert "Repair the file" in said


@pytest.mark.parametrize(
    ("backend", "needs"),
    [("cuda", "NVIDIA GPU"), ("rocm", "/dev/kfd"), ("mps", "a Mac with an Apple chip")],
)
def test_an_absent_gpu(tmp_path: Path, backend: str, needs: str) -> None:
    found = find_accelerators()
    here = {"cuda": found.nvidia, "rocm": found.amd, "mps": found.apple}
    if here[backend] or (backend == "rocm" and Path("/dev/kfd").exists()):
        pytest.skip(f"this machine has what {backend} needs")
    said = refuse(tmp_path, *NATIVE, "--backend", backend, code=3)
    assert f"backend {backend} needs" in said
    assert needs in said
    assert "--backend" in said


@pytest.mark.parametrize("words", [("build", "cpu"), ("build", "--json", "cpu", "cuda")])
def test_no_engine_to_build_in(tmp_path: Path, words: tuple[str, ...]) -> None:
    done = run_nobs(*words, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (3, "")
    assert NO_ENGINE in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("backend", ["mps", "abacus"])
def test_a_backend_without_an_image(tmp_path: Path, backend: str) -> None:
    done = run_nobs("build", backend, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"'{backend}' is not one of 'cuda', 'rocm', 'cpu'" in done.stderr


def test_an_unknown_command(tmp_path: Path) -> None:
    done = run_nobs("bild", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "'bild'" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    done = run_nobs("run", *NATIVE, "--backend", "cpu", "--dry-run", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["spec"]["backend"] == "cpu"
    assert list(tmp_path.iterdir()) == []
