"""Texts of NOBS name commands, options, values, variables and targets that exist."""

import ast
import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import pytest

from nobs.catalog import load_catalog
from nobs.cli import COMMANDS, cli
from nobs.providers import PROVIDERS
from nobs.tasks import TASKS
from nobs.tasks.definitions import options_of
from tests.fakes.pages import PAGES, REPO, VARIABLE, make_targets
from tools import docs_cli

MODULES = sorted((REPO / "nobs").rglob("*.py"))
PRESENT = [page for page in PAGES if page.parent.name != "decisions"]
SCRIPTS = [*(REPO / "tools").glob("*.sh"), *(REPO / "docker").glob("*.sh"), REPO / "Makefile"]
WITH_OPTIONS_OF_THEIR_OWN = {"nobs/runner/__main__.py", "nobs/supervisor/__main__.py"}
"""Programs that people don't call."""
OF_OTHERS = {"invalid value .* for '--torch-backend", "install --force-reinstall "}
"""What uv says, and a part of a command of pip."""
READ_BY_DOCKER = {"DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY"}
OPTION = re.compile(r"(?<![\w-])--[a-z][\w-]*")
WITH_WORD = re.compile(r"(?<![\w-])(--[a-z][\w-]*) ([a-z][\w-]*)")
SPAN = re.compile(r"`([^`]+)`")
FIELD = re.compile(r"\{[^{}]*\}|\b[A-Z][A-Z_]+\b(?!=)")
ANY = "VALUE"
"""Stands for what a text fills in."""
AFTER_OPTIONS = {"and", "applies", "for", "has", "is", "of", "on", "or", "out", "says", "sets", "to"}
"""English words that may follow an option's name and are none of its values."""


def load(name: str) -> click.Command:
    return docs_cli.load(name) if name else cli


@cache
def options() -> dict[str, click.Option]:
    found = (parameter for name in ("", *COMMANDS) for parameter in load(name).params)
    ours = {
        option: each for each in found if isinstance(each, click.Option) for option in each.opts
    }
    helps = click.Option(["--help"])
    return {**ours, "--help": helps, "--version": helps}


@cache
def values() -> dict[str, set[str]]:
    """The words that an option may be followed by, of those that have a closed set of them."""
    chosen = {name: each.type for name, each in options().items()}
    found = {
        name: set(kind.choices) for name, kind in chosen.items() if isinstance(kind, click.Choice)
    }
    return found | {
        "--task": set(TASKS),
        "--profile": set(load_catalog().profiles),
        "--provider": set(PROVIDERS),
    }


def fault_of_command(words: list[str]) -> str | None:
    """Why `nobs WORDS` can't be typed; an argument that it needs may be absent in prose."""
    name, arguments = (words[0], words[1:]) if words else ("", [])
    if name.startswith("-") or not name:
        return None if set(words) <= options().keys() else f"no option {name}"
    if name not in COMMANDS:
        return f"no command {name}"
    try:
        load(name).make_context(name, list(arguments))
    except (click.MissingParameter, click.BadOptionUsage, click.exceptions.Exit):
        return None
    except click.BadParameter as error:
        return None if ANY in " ".join(arguments) else error.format_message()
    except click.UsageError as error:
        return error.format_message()
    return None


def fault_of_span(span: str) -> str | None:
    """Why what stands in backquotes doesn't exist; commands of other programs aren't ours."""
    try:
        words = shlex.split(FIELD.sub(ANY, span))
    except ValueError:
        return None
    words = words[: next((i for i, word in enumerate(words) if word in {"|", "2>&1", ">"}), None)]
    while words and re.fullmatch(r"sudo|[A-Z_]+=\S*", words[0]):
        words = words[1:]
    match words:
        case ["nobs", *rest]:
            return fault_of_command(rest)
        case ["make", target, *_] if target != ANY:
            return None if target in make_targets() else f"no target {target}"
        case [first, *_] if first.startswith("--"):
            return fault_of_prose(span)
    return None


def fault_of_prose(text: str) -> str | None:
    for option in OPTION.findall(text):
        if option not in options():
            return f"no option {option}"
    for option, word in WITH_WORD.findall(text):
        if option in values() and word not in values()[option] | AFTER_OPTIONS:
            return f"{option} has no value {word}"
    return None


def faults_of(text: str) -> Iterator[str]:
    """Yield what a text names and nobody has."""
    found = [
        fault_of_prose(FIELD.sub(ANY, SPAN.sub(" ", text))),
        *map(fault_of_span, SPAN.findall(text)),
    ]
    yield from (fault for fault in found if fault)


def literals(module: Path) -> Iterator[tuple[int, str]]:
    """Line and text of each string; what an f-string fills in is a pair of braces."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    parts = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for part in node.values
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield (
                node.lineno,
                "".join(
                    str(part.value) if isinstance(part, ast.Constant) else "{}"
                    for part in node.values
                ),
            )
        elif (
            isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts
        ):
            yield node.lineno, node.value


def texts(module: Path) -> Iterator[tuple[int, str]]:
    """Strings for people: they have spaces, and aren't commands of a provider's own programs."""
    foreign = {text for name in PROVIDERS for text in vars(PROVIDERS.load(name).commands).values()}
    for line, text in literals(module):
        if " " in text.strip() and text not in foreign | OF_OTHERS:
            yield line, text


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(REPO)))
def test_texts_of_the_code_name_what_exists(module: Path) -> None:
    if str(module.relative_to(REPO)) in WITH_OPTIONS_OF_THEIR_OWN:
        return
    assert [
        f"line {line}: {fault}" for line, text in texts(module) for fault in faults_of(text)
    ] == []


@pytest.mark.parametrize("page", PRESENT, ids=lambda path: str(path.relative_to(REPO)))
def test_pages_name_what_exists(page: Path) -> None:
    without_blocks = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    faults = map(fault_of_span, SPAN.findall(without_blocks))

    assert [fault for fault in faults if fault] == []


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_call_what_exists(script: Path) -> None:
    lines = script.read_text(encoding="utf-8").splitlines()
    calls = [line for line in lines if re.match(r"\s*@?(nobs|\$\(NOBS\)) ", line)]
    words = [shlex.split(re.sub(r"\$\$?[({][^)}]*[)}]+|\$[\w@*]+", ANY, call))[1:] for call in calls]

    assert [fault for each in words if (fault := fault_of_command(each))] == []


def test_variables_in_texts_are_read() -> None:
    every = [text for module in MODULES for _, text in literals(module)]
    shells = "".join(script.read_text(encoding="utf-8") for script in SCRIPTS)
    read = {text for text in every if " " not in text} | set(VARIABLE.findall(shells))
    read |= {option.variable for option in options_of().values()}
    named = {name for text in every if " " in text for name in VARIABLE.findall(text)}

    assert named - read - READ_BY_DOCKER == set()


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("Name the machine: --host HOST.", "no option --host"),
        ("Run it with `--modle NAME`.", "no option --modle"),
        ("See `nobs doctr`.", "no command doctr"),
        ("Run `nobs prefetch --llm-url {url}`.", "No such option"),
        ("Run `HF_HUB_OFFLINE=1 nobs run --backend abacus`.", "'abacus'"),
        ("Use --execution docker.", "--execution has no value docker"),
        ("Type `make sandwich`.", "no target sandwich"),
        ("Use `nobs run --execution container` or `docker run --gpus all`.", None),
        ("`sudo make -C {directory} all` --timeout", "no target -C"),
        ("Use --execution native, `nobs logs RUN` or `nobs run 2>&1 | head`.", None),
    ],
)
def test_a_text_that_names_what_nobody_has_is_found(text: str, fault: str | None) -> None:
    found = [*faults_of(text)]

    assert len(found) == (fault is not None)
    assert all(str(fault) in each for each in found)
