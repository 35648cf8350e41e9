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
from pydantic import BaseModel

from nobs.backends import BACKENDS
from nobs.catalog import load_catalog
from nobs.cli import COMMANDS, cli
from nobs.errors import FailureClass
from nobs.launch.planning.plan import HUB_VARIABLES
from nobs.report.legacy.report import LegacyRequest
from nobs.providers import PROVIDERS
from nobs.runner.environment import VARIABLES
from nobs.schema import device, flags, outcome, pins, report, result, server, spec, telemetry
from nobs.tasks import TASKS
from nobs.tasks.llms import report as llm_report
from tools import docs_cli

REPO = Path(__file__).resolve().parents[3]
DOCS = REPO / "docs"
PAGES = sorted([*REPO.glob("*.md"), *DOCS.rglob("*.md")])
CODE = ("nobs/**/*.py", "docker/*", "compose.yaml", "compose/*.yaml", "tools/*.sh", "Makefile",
        "tests/**/*.py", ".ci/*")  # fmt: skip
VARIABLE = re.compile(r"\b(?:NOBS|HF|LLM|DOCKER|XDG|PYENV)_[A-Z_]+[A-Z]\b")
NOT_READ_BY_US = {"HF_HUB_DISABLE_PROGRESS_BARS", "HF_HUB_DISABLE_TELEMETRY"}
RECORDS: tuple[type[BaseModel], ...] = (
    report.Report, device.DeviceInfo, report.TaskReport, report.WorkloadRef, pins.ModelPin,
    report.Origin, LegacyRequest, result.DataEvidence, report.ModelReport, report.Interval,
    report.Verdict, report.Finding, flags.Flag, result.Phases, result.Memory, result.DeviceCheck,
    result.WeightsEvidence, result.Failure, report.RunInfo, spec.ImageRef, spec.EngineRef,
    result.StepResult, result.Sample, result.Calibration, outcome.Outcome, telemetry.Telemetry,
    telemetry.DeviceTelemetry, telemetry.SystemTelemetry, telemetry.Throttling, telemetry.Figure,
    server.ServerRef, server.ModelIdentity, llm_report.LlmRequest,
)  # fmt: skip


def names(page: Path) -> set[str]:
    """Every word that stands in backquotes on a page."""
    return set(re.findall(r"`([^`\n]+)`", page.read_text(encoding="utf-8")))


def commands() -> Iterator[tuple[str, click.Command]]:
    yield "nobs", cli
    yield from ((f"nobs {name}", docs_cli.load(name)) for name in COMMANDS)


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


def test_the_command_reference_is_what_the_commands_say() -> None:
    assert docs_cli.PAGE.read_text(encoding="utf-8") == docs_cli.page(), (
        "write it anew: python -m tools.docs_cli"
    )


def test_every_command_and_every_option_is_documented() -> None:
    known = names(DOCS / "reference" / "cli.md")
    options = {
        option
        for _, command in commands()
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for option in parameter.opts
    }
    headings = sections(DOCS / "reference" / "cli.md")

    assert options - known == set()
    assert {path for path, _ in commands()} - set(headings) == set()


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


@pytest.mark.parametrize(
    ("kind", "entries"),
    [
        ("tasks", TASKS.names()),
        ("backends", BACKENDS.names()),
        ("providers", PROVIDERS.names()),
        ("profiles", tuple(load_catalog().profiles)),
        ("workloads", tuple(load_catalog().workloads)),
        ("models", tuple(load_catalog().models)),
        ("data sets", tuple(load_catalog().datasets)),
    ],
)
def test_the_catalogue_page_names_every_entry(kind: str, entries: tuple[str, ...]) -> None:
    missing = set(entries) - names(DOCS / "reference" / "catalogue.md")

    assert missing == set(), f"{kind} that docs/reference/catalogue.md lacks"


def catalogue_facts() -> Iterator[tuple[str, str, str]]:
    """Section, entry and what its row has to say."""
    for name, model in load_catalog().models.items():
        assert model.parameters_m
        billions = f"{model.parameters_m / 1000:g} B"
        size = f"{model.parameters_m:g} M" if model.parameters_m < 1000 else billions
        yield from (("Models", name, fact) for fact in (size, model.licence or "unknown"))
    for name, dataset in load_catalog().datasets.items():
        yield "Data sets", name, f"| {dataset.rows} |"
        yield "Data sets", name, dataset.licence or "unknown"


@pytest.mark.parametrize(("section", "name", "fact"), [*catalogue_facts()])
def test_the_catalogue_page_says_what_the_catalogue_says(
    section: str, name: str, fact: str
) -> None:
    lines = sections(DOCS / "reference" / "catalogue.md")[section].splitlines()
    (row,) = (line for line in lines if line.startswith(f"| `{name}` |"))

    assert fact in row


def task_records() -> list[type[BaseModel]]:
    """The report classes of the built-in tasks, and the classes of their raw runs."""
    for task in TASKS:
        TASKS.load(task)
    ours = [kind for kind in report.ModelReport.__subclasses__() if kind.__module__[:5] == "nobs."]
    return [*ours, *chain.from_iterable(map(nested, ours))]


def nested(kind: type[BaseModel]) -> list[type[BaseModel]]:
    """Classes of `kind`'s own module that its fields hold."""
    annotations = " ".join(str(field.annotation) for field in kind.model_fields.values())
    found = re.findall(rf"{re.escape(kind.__module__)}\.(\w+)", annotations)
    module = __import__(kind.__module__, fromlist=found)
    return [getattr(module, name) for name in dict.fromkeys(found)]


@pytest.mark.parametrize("record", [*RECORDS, *task_records()], ids=lambda kind: kind.__name__)
def test_every_field_of_a_record_is_documented(record: type[BaseModel]) -> None:
    found = sections(DOCS / "reference" / "report.md")
    (section,) = [text for head, text in found.items() if head.endswith(f"({record.__name__})")]
    told = set(re.findall(r"^\| `([^`]+)` \|", section, flags=re.MULTILINE))
    inherited = (
        set(report.ModelReport.model_fields) if record.__base__ is report.ModelReport else set()
    )
    fields = {field.alias or name for name, field in record.model_fields.items()} - inherited

    assert told == fields


def test_every_reason_of_failure_is_documented() -> None:
    known = names(DOCS / "reference" / "report.md")

    assert {kind.value for kind in FailureClass} - known == set()


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


def test_every_recorded_variable_is_documented_as_recorded() -> None:
    text = (DOCS / "reference" / "settings.md").read_text(encoding="utf-8")
    section = text.partition("## Choosing and tuning devices")[2].partition("\n## ")[0]

    assert [name for name in VARIABLES if f"`{name}`" not in section] == []


def test_every_documented_variable_of_ours_is_read_somewhere() -> None:
    told = {name for name in names(DOCS / "reference" / "settings.md") if name.startswith("NOBS_")}

    assert told - variables_of_the_code() == set()


def make_targets() -> set[str]:
    text = (REPO / "Makefile").read_text(encoding="utf-8")
    rules = re.findall(r"^([a-z][a-z -]*):(?!=)", text, flags=re.MULTILINE)
    return set(chain.from_iterable(rule.split() for rule in rules))


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
