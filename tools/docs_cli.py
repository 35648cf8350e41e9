"""Writes docs/reference/cli.md from the commands themselves: `python -m tools.docs_cli`."""

import textwrap
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import click

from nobs.cli import COMMANDS, cli

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference" / "cli.md"
HEAD = """\
# Command line

Written by `python -m tools.docs_cli` from the commands themselves: change those, not this page.

Results go to stdout, progress and errors to stderr. An option overrides its
environment variable, which overrides `.env` in the working directory; [settings](settings.md) lists
all variables. Every command has `-h`, `--help`.
"""
_METAVARS = {"integer range": "N", "float range": "S", "path": "PATH"}
EXITS = """\
## Exit codes

| code | meaning | see |
|---:|---|---|
| 0 | ok | |
| 1 | a step failed, or a report is invalid | `failure` of the model in the report |
| 2 | usage: the request itself is wrong | the message names the choices |
| 3 | a requirement is missing: engine, GPU, driver, model, data, disk | `nobs doctor` |
| 4 | the API of a server on the host doesn't answer | |
| 5 | lost or timed out | `events.jsonl` and `outcome.json` of the run |
| 130 | interrupted; finished steps and repeats are kept | `nobs run --resume` |

If several steps fail, the highest code is returned.
"""


def page() -> str:
    """Return the whole page."""
    parts = [HEAD, describe("nobs", cli)]
    parts += [describe(f"nobs {path}", command) for path, command in commands()]
    return "\n".join([*parts, EXITS])


def commands() -> Iterator[tuple[str, click.Command]]:
    """Yield every command with its words; after a group come its commands."""
    for name in COMMANDS:
        command = load(name)
        yield name, command
        if isinstance(command, click.Group):
            yield from ((f"{name} {each}", part) for each, part in command.commands.items())


def load(name: str) -> click.Command:
    """Import the command that the table calls `name`."""
    command: click.Command = import_module(f"nobs.cli.{name}").command
    return command


def describe(path: str, command: click.Command) -> str:
    """Return heading, usage, text and parameters of one command."""
    context = click.Context(command, info_name=path)
    usage = " ".join([path, *command.collect_usage_pieces(context)])
    lines = [f"## {path}", "", _text(command), "", f"    {usage}", ""]
    parameters = [each for each in command.get_params(context) if "--help" not in each.opts]
    rows = [_row(each, context) for each in parameters]
    if rows:
        lines += ["| parameter | meaning | default | variable |", "|---|---|---|---|", *rows, ""]
    return "\n".join(lines)


def _text(command: click.Command) -> str:
    paragraphs = (command.help or "").replace("\b", "").split("\n\n")
    lines = (" ".join(paragraph.split()) for paragraph in paragraphs)
    return "\n\n".join(textwrap.fill(line, 100) for line in lines).strip()


def _row(parameter: click.Parameter, context: click.Context) -> str:
    if isinstance(parameter, click.Option):
        cells = (_names(parameter), *meaning_of(parameter), _variable(parameter))
    else:
        cells = (f"`{parameter.make_metavar(context)}`", _choices(parameter), "", "")
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _names(option: click.Option) -> str:
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    if option.is_flag or isinstance(option.type, click.Choice):
        return names
    return (
        f"{names} `{option.metavar or _METAVARS.get(option.type.name, str(option.name).upper())}`"
    )


def meaning_of(option: click.Option) -> tuple[str, str]:
    """Return the help of an option and its default, which some name in the help itself."""
    text, _, told = (option.help or "").partition("[default: ")
    known = option.default if option.show_default else None
    default = told.rstrip("] ") or ("" if known is None else str(known))
    return f"{text.strip()} {_choices(option)}".strip(), f"`{default}`" if default else ""


def _choices(parameter: click.Parameter) -> str:
    match parameter.type:
        case click.Choice(choices=choices):
            return "One of " + ", ".join(f"`{choice}`" for choice in choices) + "."
        case _:
            return ""


def _variable(option: click.Option) -> str:
    names = [option.envvar] if isinstance(option.envvar, str) else list(option.envvar or ())
    return ", ".join(f"`{name}`" for name in names)


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
