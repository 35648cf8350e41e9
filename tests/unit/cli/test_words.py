import os
from dataclasses import fields
from pathlib import Path
from typing import Any

import click
import pytest

from nobs.cli.run import command
from nobs.cli.words import to_request
from nobs.errors import UsageError
from nobs.launch.planning.request import RunRequest
from nobs.schema.base import Backend, Dtype, Execution
from nobs.schema.pins import Arrivals


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the caller's own settings out: CI sets some for the images."""
    for name in [name for name in os.environ if name.startswith("NOBS_")]:
        monkeypatch.delenv(name)


def words(*argv: str) -> dict[str, Any]:
    """Return what click makes of `nobs run` with `argv`."""
    params = command.make_context("run", list(argv)).params
    asked_for = {field.name for field in fields(RunRequest)} - {"settings"}
    assert asked_for <= params.keys()
    return {name: params[name] for name in asked_for}


def test_no_word_means_every_default() -> None:
    assert to_request(words()) == RunRequest()


def test_every_word_arrives() -> None:
    argv = (
        "--task embeddings --model a/b --model c/d@1 --dataset e/f --split test --column body "
        "--rows 7 --repeats 5 --time-budget 9 --batch-size 8 --max-seq-length 128 --dtype bfloat16 "
        "--trust-remote-code --timeout 60 --backend rocm --execution container --profile quick "
        "--llm-url http://a/v1 --llm-model m --provider openai --setup-lm-studio "
        "--max-output-tokens 9 --request-timeout 7 --concurrency 1,4 --rate 0.5,2 "
        "--arrivals constant --sweep --results out --torch-index cpu --base-image base "
        "--build-network host"
    )
    assert to_request(words(*argv.split())) == RunRequest(
        tasks=("embeddings",),
        models=("a/b", "c/d@1"),
        dataset="e/f",
        split="test",
        column="body",
        rows=7,
        repeats=5,
        time_budget_s=9.0,
        batch_size=8,
        max_seq_length=128,
        dtype=Dtype.BFLOAT16,
        trust_remote_code=True,
        timeout_s=60.0,
        llm_url="http://a/v1",
        llm_model="m",
        provider="openai",
        setup_lm_studio=True,
        max_output_tokens=9,
        request_timeout_s=7.0,
        concurrency=(1, 4),
        rates_per_s=(0.5, 2.0),
        arrivals=Arrivals.CONSTANT,
        sweep=True,
        backend=Backend.ROCM,
        execution=Execution.CONTAINER,
        profile="quick",
        results=Path("out"),
        torch_index="cpu",
        base_image="base",
        build_network="host",
    )


def test_a_task_is_run_once() -> None:
    request = to_request(words("--task", "embeddings, embeddings", "--task", "embeddings"))
    assert request.tasks == ("embeddings",)


def test_variables_count_as_options(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOBS_BACKEND", "cuda")
    assert to_request(words()).backend is Backend.CUDA
    assert to_request(words("--backend", "cpu")).backend is Backend.CPU


def test_an_unknown_profile_names_those_there_are() -> None:
    with pytest.raises(UsageError) as caught:
        to_request(words("--profile", "slow"))
    assert str(caught.value) == (
        "There is no profile 'slow'. Choose one of: standard, quick, max, max-quick."
    )


@pytest.mark.parametrize("word", ["0", "1,x", "", "-1", "1,,2", "nan", "inf"])
def test_numbers_that_are_none_are_refused(word: str) -> None:
    with pytest.raises(click.UsageError, match="list of positive numbers"):
        words("--rate", word)
