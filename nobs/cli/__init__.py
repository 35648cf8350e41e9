"""The command line: a table of commands, each in its own module, imported when it is used."""

import io
import sys
from importlib import import_module
from pathlib import Path

import click

from nobs import __version__
from nobs.errors import NobsError, StorageError
from nobs.settings import load_env_file
from nobs.user import settle_environment

COMMANDS = {
    "run": "Measure this machine and write a report.",
    "ps": "List runs that are running or were never finished.",
    "logs": "Show the events of a run.",
    "attach": "Watch a run to its end.",
    "clean": "Remove what dead launchers left, and old images.",
    "build": "Build the container images.",
    "info": "Show the device that would be measured.",
    "tasks": "List the tasks and their workloads.",
    "models": "List the models of the catalogue.",
    "report": "Show reports side by side.",
    "compare": "Compare reports with a baseline.",
    "validate": "Say whether reports are closed, open or invalid, and why.",
    "import": "Make reports of this version from older ones.",
    "prefetch": "Download texts and weights, so that measuring needs no network.",
    "doctor": "Check engine, GPU, driver, disk, cache and hub.",
}


class LazyGroup(click.Group):
    """Know every command's name and summary, import only the one that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return the command, None if there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"nobs.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table without importing anything."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=LazyGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
    epilog="Exit codes: 0 ok, 1 a step failed or a report is invalid, 2 usage, 3 a requirement is "
    "missing, 4 host API unreachable, 5 lost or timed out, 130 interrupted.",
)
@click.version_option(__version__, prog_name="nobs")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Measure what this machine really does on real AI work.

    Without a command, on a terminal, NOBS shows the device, asks what to run and runs it.
    """
    if ctx.invoked_subcommand is None:
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            click.echo(ctx.get_help())
            ctx.exit(2)
        from nobs.cli.interactive import ask_and_run

        ask_and_run(ctx)


def _write_utf8() -> None:
    """Write UTF-8 into pipes and files; Windows would take a code page that lacks our tables."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and not stream.isatty():
            stream.reconfigure(encoding="utf-8", errors="replace")


def main() -> None:
    """Run the command line; every error of ours ends here, as one paragraph."""
    _write_utf8()
    try:
        load_env_file(Path.cwd())
        settle_environment()
        result = cli.main(prog_name="nobs", standalone_mode=False)
        code = result if isinstance(result, int) else 0
    except click.ClickException as error:
        click.echo(f"nobs: {_in_one_paragraph(error)}", err=True)
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("nobs: interrupted.", err=True)
        code = 130
    except NobsError as error:
        click.echo(f"nobs: {error}", err=True)
        code = error.exit_code
    except OSError as error:
        # A working directory that is gone, a home that is closed: nobody's file in particular.
        named = f"{error.filename}: " if error.filename else ""
        refused = StorageError(f"{named}{error.strerror or error}.", "Check the directory that "
                               "this runs in, permissions and disk.")  # fmt: skip
        click.echo(f"nobs: {refused}", err=True)
        code = refused.exit_code
    sys.exit(code)


def _in_one_paragraph(error: click.ClickException) -> str:
    """Return click's own complaint with what to do next."""
    path = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "nobs"
    message = " ".join(error.format_message().split())
    return f"{message} See `{path} --help`."
