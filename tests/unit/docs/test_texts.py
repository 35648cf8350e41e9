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
from nobs.cli.request import ALL_TASKS
from nobs.providers import PROVIDERS
from nobs.tasks import TASKS
from nobs.tasks.definitions import options_of
from tests.fakes.pages import PAGES, REPO, VARIABLE, make_targets
from tools import docs_cli

MODULES = sorted((REPO / "nobs").rglob("*.py"))
PRESENT = [page for page in PAGES if page.parent.name != "decisions"]
SCRIPTS = [*(REPO / "tools").glob("*.sh"), *(REPO / "docker").glob("*.sh"), REPO / "Makefile"]
WITH_OPTIONS_OF_THEIR_OWN = {
    "nobs/launch/remote/scripts.py", "nobs/runner/__main__.py", "nobs/supervisor/__main__.py",
}  # fmt: skip
"""Programs that people don't call, and scripts for a shell."""
OF_OTHERS = {"install --force-reinstall "}
"""A part of a command of pip."""
READ_BY_DOCKER = {"DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY"}
OPTION = re.compile(r"(?<![\w-])--[a-z][\w-]*")
WITH_WORD = re.compile(r"(?<![\w-])(--[a-z][\w-]*) ([a-z][\w-]*)")
SPAN = re.compile(r"`([^`]+)`")
FIELD = re.compile(r"\{[^{}]*\}|\b[A-Z][A-Z_]+\b(?!=)")
ANY = "VALUE"
"""Stands for what a text fills in."""
AFTER_OPTIONS = {
    "and",
    "applies",
    "for",
    "has",
    "is",
    "of",
    "on",
    "or",
    "out",
    "says",
    "sets",
    "to",
}
"""English words that may follow an option's name and are none of its values."""


def load(name: str) -> click.Command:
    return docs_cli.load(name) if name else cli


@cache
def options() -> dict[str, click.Option]:
    commands = (cli, *(command for _, command in docs_cli.commands()))
    found = (parameter for command in commands for parameter in command.params)
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
        "--task": {*TASKS, ALL_TASKS},
        "--profile": set(load_catalog().profiles),
        "--provider": set(PROVIDERS),
    }


def _part_of(command: click.Command, words: list[str]) -> tuple[click.Command, list[str]]:
    """Return what `words` name of a group, and the words after it; a command as it is."""
    if not isinstance(command, click.Group) or not words:
        return command, words
    if words[0] not in command.commands:
        raise click.UsageError(f"no command {words[0]}")
    return command.commands[words[0]], words[1:]


def fault_of_command(words: list[str]) -> str | None:
    """Why `nobs WORDS` can't be typed; an argument that it needs may be absent in prose."""
    name, arguments = (words[0], words[1:]) if words else ("", [])
    if name.startswith("-") or not name:
        return None if set(words) <= options().keys() else f"no option {name}"
    if name not in COMMANDS:
        return f"no command {name}"
    try:
        command, arguments = _part_of(load(name), arguments)
        command.make_context(name, list(arguments))
    except (
        click.MissingParameter, click.BadOptionUsage, click.exceptions.Exit,
        click.exceptions.NoArgsIsHelpError,
    ):  # fmt: skip
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


@cache
def literals(module: Path) -> tuple[tuple[int, str], ...]:
    """Line and text of each string; what an f-string fills in is a pair of braces."""
    return tuple(_literals(module))


def _literals(module: Path) -> Iterator[tuple[int, str]]:
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


@cache
def foreign() -> frozenset[str]:
    """Commands of the providers' own programs, and what else isn't ours."""
    commands = (vars(PROVIDERS.load(name).commands).values() for name in PROVIDERS)
    return frozenset(OF_OTHERS.union(*commands))


def texts(module: Path) -> Iterator[tuple[int, str]]:
    """Strings for people: they have spaces, and aren't commands of others."""
    for line, text in literals(module):
        if " " in text.strip() and text not in foreign():
            yield line, text


def test_texts_of_the_code_name_what_exists() -> None:
    names = {str(module.relative_to(REPO)): module for module in MODULES}

    assert [
        f"{name}:{line}: {fault}"
        for name, module in names.items()
        if name not in WITH_OPTIONS_OF_THEIR_OWN
        for line, text in texts(module)
        for fault in faults_of(text)
    ] == []


def test_pages_name_what_exists() -> None:
    blocks = re.compile(r"```.*?```", flags=re.DOTALL)

    assert [
        f"{page.relative_to(REPO)}: {fault}"
        for page in PRESENT
        for span in SPAN.findall(blocks.sub("", page.read_text(encoding="utf-8")))
        if (fault := fault_of_span(span))
    ] == []


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_call_what_exists(script: Path) -> None:
    lines = script.read_text(encoding="utf-8").splitlines()
    calls = [line for line in lines if re.match(r"\s*@?(nobs|\$\(NOBS\)) ", line)]
    words = [
        shlex.split(re.sub(r"\$\$?[({][^)}]*[)}]+|\$[\w@*]+", ANY, call))[1:] for call in calls
    ]

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
        ("Name the machine: --machine HOST.", "no option --machine"),
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
