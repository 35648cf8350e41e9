"""The documentation names what the code has, and the code has what the documentation names."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from functools import cache
from itertools import chain
from pathlib import Path

import click
import pytest

from nobs.backends import BACKENDS
from nobs.cli import COMMANDS, cli
from nobs.launch.planning.plan import HUB_VARIABLES
from nobs.runner.environment import VARIABLES
from tests.fakes.pages import DOCS, PAGES, REPO, VARIABLE, make_targets
from tools import docs, docs_cli

CODE = ("nobs/**/*.py", "docker/*", "compose.yaml", "compose/*.yaml", "tools/*.sh", "Makefile",
        "tests/**/*.py", ".ci/*")  # fmt: skip
NOT_READ_BY_US = {"HF_HUB_DISABLE_PROGRESS_BARS", "HF_HUB_DISABLE_TELEMETRY"}


def names(page: Path) -> set[str]:
    """Every word that stands in backquotes on a page."""
    return set(re.findall(r"`([^`\n]+)`", page.read_text(encoding="utf-8")))


def commands() -> Iterator[tuple[str, click.Command]]:
    yield "nobs", cli
    yield from ((f"nobs {name}", command) for name, command in docs_cli.commands())


def sections(page: Path) -> dict[str, str]:
    """The text below each heading."""
    parts = re.split(r"^#+ (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def code_blocks(page: Path) -> list[str]:
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    return re.findall(r"^```\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


def shell_lines(program: str) -> list[str]:
    """Commands in fenced blocks that call `program`, without what stands around it."""
    lines = chain.from_iterable(block.splitlines() for page in PAGES for block in code_blocks(page))
    pattern = rf"(?:[A-Z_]+=\S+ +)*(?:\S*/)?{program} +(.*)"
    return [found[1] for line in lines if (found := re.fullmatch(pattern, line.strip()))]


@pytest.mark.parametrize("name", docs.PAGES)
def test_a_reference_page_is_what_the_code_says(name: str) -> None:
    written = (docs.REFERENCE / name).read_text(encoding="utf-8")

    assert written == docs.PAGES[name](), "run: python -m tools.docs"


def test_commands_in_the_documentation_can_be_typed() -> None:
    lines = shell_lines("nobs")

    assert lines
    for line in lines:
        name, *arguments = shlex.split(line, comments=True)
        if name in COMMANDS:
            docs_cli.load(name).make_context(name, arguments, resilient_parsing=False)
        else:
            assert name.startswith("-"), f"there is no command {name}: nobs {line}"


def test_make_targets_in_the_documentation_exist() -> None:
    asked = {line.split()[0] for line in shell_lines("make")}

    assert asked
    assert asked - make_targets() == set()


@cache
def variables_of_the_code() -> frozenset[str]:
    files = {file for pattern in CODE for file in REPO.glob(pattern) if file.is_file()}
    texts = (file.read_text(encoding="utf-8") for file in files if file != Path(__file__))
    found = set(chain.from_iterable(map(VARIABLE.findall, texts)))
    of_options = {
        str(parameter.envvar)
        for _, command in commands()
        for parameter in command.params
        if isinstance(parameter, click.Option) and parameter.envvar
    }
    of_backends = {name for key in BACKENDS for name in BACKENDS.load(key).passed_environment}
    return frozenset(found | of_options | of_backends | set(HUB_VARIABLES) | set(VARIABLES))


def test_every_environment_variable_is_documented() -> None:
    known = names(DOCS / "reference" / "settings.md")

    assert variables_of_the_code() - known - NOT_READ_BY_US == set()


def test_every_documented_variable_of_ours_is_read_somewhere() -> None:
    told = {name for name in names(DOCS / "reference" / "settings.md") if name.startswith("NOBS_")}

    assert told - variables_of_the_code() == set()


def test_make_help_tells_what_every_target_does() -> None:
    done = subprocess.run(
        ["make", "--no-print-directory", "help"],
        cwd=REPO,
        capture_output=True,
        text=True,
        check=True,
    )
    told = [re.split(r" {2,}", line.strip(), maxsplit=1) for line in done.stdout.splitlines()]

    assert all(len(line) == 2 and line[1] for line in told)
    assert set(chain.from_iterable(line[0].split() for line in told)) == make_targets()


def anchors(page: Path) -> set[str]:
    """Anchors as code hosts make them of headings."""
    bare = (re.sub(r"[^\w\- ]", "", head.lower()) for head in sections(page))
    return {head.strip().replace(" ", "-") for head in bare}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPO)))
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))
    for target in targets:
        path, _, anchor = target.partition("#")
        if "://" in target:
            continue
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{target} leads nowhere"
        assert not anchor or anchor in anchors(file), f"{target}: there is no such heading"


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached: set[Path] = set()
    waiting = [REPO / "README.md"]
    while waiting:
        page = waiting.pop()
        reached.add(page)
        links = re.findall(r"\]\(([^)#\s:]+\.md)", page.read_text(encoding="utf-8"))
        found = {(page.parent / link).resolve() for link in links}
        waiting += found - reached - set(waiting)

    assert set(DOCS.rglob("*.md")) - reached == set()


def test_decisions_are_numbered_and_complete() -> None:
    pages = sorted((DOCS / "decisions").glob("0*.md"))

    assert [int(page.name[:4]) for page in pages] == list(range(1, len(pages) + 1))
    for page in pages:
        assert {"Context", "Decision", "Consequences"} <= set(sections(page)), page.name


def test_every_page_is_found_from_the_site_s_navigation() -> None:
    navigation = (REPO / "mkdocs.yml").read_text(encoding="utf-8")
    pages = {page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")}
    listed = {page for page in pages if page.startswith("decisions/0")}

    assert {page for page in pages - listed if page not in navigation} == set()
