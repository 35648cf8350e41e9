import os
from pathlib import Path
from typing import Any

import click
import pytest

from nobs.cli.options import settings_of
from nobs.cli.request import to_request
from nobs.cli.run import command
from nobs.errors import UsageError
from nobs.launch.planning.request import RunRequest
from nobs.schema.enums import Backend, Execution
from nobs.tasks.definitions import options_of
from tests.fakes.run_requests import OF_EVERY_TASK


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the caller's own settings out: CI sets some for the images."""
    for name in [name for name in os.environ if name.startswith("NOBS_")]:
        monkeypatch.delenv(name)


def params(*argv: str) -> dict[str, Any]:
    """Return what click makes of `nobs run` with `argv`."""
    context = command.make_context("run", list(argv))
    asked_for = OF_EVERY_TASK - {"settings"} | options_of().keys()
    assert asked_for <= context.params.keys()
    chosen = {name: context.params[name] for name in asked_for}
    return {**chosen, "settings": settings_of(context)}


def test_no_option_means_every_default() -> None:
    assert to_request(params()) == RunRequest()


def test_every_option_arrives() -> None:
    argv = (
        "--task embeddings --model a/b --model c/d@1 --dataset e/f --split test --column body "
        "--rows 7 --repeats 5 --time-budget 9 --batch-size 8 --max-seq-length 128 --dtype bfloat16 "
        "--trust-remote-code --timeout 60 --backend rocm --execution container --profile quick "
        "--llm-url http://a/v1 --llm-model m --provider openai --setup-lm-studio "
        "--max-output-tokens 9 --request-timeout 7 --concurrency 1,4 --rate 0.5,2 "
        "--arrivals constant --sweep --results out --torch-index cpu --base-image base "
        "--build-network host --node n1"
    )
    assert to_request(params(*argv.split())) == RunRequest(
        tasks=("embeddings",),
        repeats=5,
        time_budget_s=9.0,
        timeout_s=60.0,
        backend=Backend.ROCM,
        execution=Execution.CONTAINER,
        profile="quick",
        results=Path("out"),
        torch_index="cpu",
        base_image="base",
        build_network="host",
        node="n1",
        options={
            "model": ("a/b", "c/d@1"),
            "dataset": "e/f",
            "split": "test",
            "column": "body",
            "rows": 7,
            "batch_size": 8,
            "max_seq_length": 128,
            "dtype": "bfloat16",
            "trust_remote_code": True,
            "llm_url": "http://a/v1",
            "llm_model": "m",
            "provider": "openai",
            "setup_lm_studio": True,
            "max_output_tokens": 9,
            "request_timeout": 7.0,
            "concurrency": (1, 4),
            "rate": (0.5, 2.0),
            "arrivals": "constant",
            "sweep": True,
        },
    )


@pytest.mark.parametrize(
    ("words", "field", "value"),
    [
        ("--sustain 15m", "sustain_s", 900.0),
        ("--sustain 90", "sustain_s", 90.0),
        ("--rest 1.5s", "rest", 1.5),
        ("--rest auto", "rest", "auto"),
    ],
)
def test_lengths_of_time_have_units(words: str, field: str, value: object) -> None:
    assert getattr(to_request(params(*words.split())), field) == value


@pytest.mark.parametrize("value", ["0", "5x", "-3s", "auto", "1e9", "nan", "15 m"])
def test_what_is_no_length_of_time_is_refused(value: str) -> None:
    with pytest.raises(click.BadParameter, match="is no length of time such as 90s, 15m"):
        params(f"--sustain={value}")


def test_a_task_is_run_once() -> None:
    request = to_request(params("--task", "embeddings, embeddings", "--task", "embeddings"))
    assert request.tasks == ("embeddings",)


def test_all_means_the_tasks_of_the_profile() -> None:
    assert to_request(params("--task", "all")) == to_request(params())
    with pytest.raises(UsageError, match="has all, and also diffusion"):
        to_request(params("--task", "diffusion,all"))


def test_variables_count_as_options(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOBS_BACKEND", "cuda")
    assert to_request(params()).backend is Backend.CUDA
    assert to_request(params("--backend", "cpu")).backend is Backend.CPU


def test_each_option_of_a_task_has_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {"BATCH_SIZE": "8", "MODEL": "a/b c/d", "CONCURRENCY": "1,4", "SWEEP": "1"}
    for name, value in values.items():
        monkeypatch.setenv(f"NOBS_{name}", value)

    request = to_request(params("--batch-size", "4"))

    expected = {"batch_size": 4, "model": ("a/b", "c/d"), "concurrency": (1, 4), "sweep": True}
    assert request.options == expected
    assert request.settings == {"model", "concurrency", "sweep"}


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("NOBS_BATCH_SIZE", "abc", "'abc' is not a valid integer"),
        ("NOBS_BATCH_SIZE", "0", "0 is not in the range"),
        ("NOBS_DTYPE", "int4", "'int4' is not one of 'float32', 'float16', 'bfloat16'"),
        ("NOBS_RATE", "fast", "'fast' is not a list of positive numbers"),
        ("NOBS_SWEEP", "maybe", "'maybe' is not a valid boolean"),
    ],
)
def test_a_wrong_value_is_that_of_its_variable(
    name: str, value: str, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(click.UsageError) as caught:
        params()

    assert caught.value.format_message().startswith(f"Invalid value for '{name}': {fault}")


def test_a_wrong_value_of_an_option_is_that_of_the_option() -> None:
    with pytest.raises(click.UsageError) as caught:
        params("--batch-size", "abc")

    assert caught.value.format_message().startswith("Invalid value for '--batch-size': 'abc'")


def test_the_help_groups_options_by_task() -> None:
    sections = command.get_help(click.Context(command)).split("\n\n")
    headings = {section.splitlines()[0]: section for section in sections if "\n  -" in section}

    assert [*headings] == [
        "Options:",
        "Options of embeddings and diffusion:",
        "Options of embeddings:",
        "Options of embeddings, llms, diffusion and embeddings-served:",
        "Options of llms and vlms:",
        "Options of llms, vlms and embeddings-served:",
        "Options of vlms:",
        "Options of diffusion:",
        "Options of embeddings-served:",
    ]
    assert "--max-seq-length N " in headings["Options of embeddings:"]
    of_data = "Options of embeddings, llms, diffusion and embeddings-served:"
    assert "--rows N " in headings[of_data]
    assert "--concurrency N[,N] " in headings["Options of llms, vlms and embeddings-served:"]
    assert "--help" in headings["Options:"]


def test_an_unknown_profile_names_those_there_are() -> None:
    with pytest.raises(UsageError) as caught:
        to_request(params("--profile", "slow"))
    assert str(caught.value) == (
        "There is no profile 'slow'. "
        "Choose one of: standard, quick, max, max-quick, depth, depth-quick, cache, cache-quick, "
        "cold, cold-quick, fit, fit-quick, coco, served, served-quick."
    )


@pytest.mark.parametrize("word", ["0", "1,x", "", "-1", "1,,2", "nan", "inf"])
def test_numbers_that_are_none_are_refused(word: str) -> None:
    with pytest.raises(click.UsageError, match="list of positive numbers"):
        params("--rate", word)
