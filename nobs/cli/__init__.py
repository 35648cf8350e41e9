"""The command line: each command is a module that is imported only when it is called."""

import io
import sys
from importlib import import_module
from pathlib import Path

import click

from nobs import __version__
from nobs.cli.terminal import wrap
from nobs.errors import NobsError, StorageError
from nobs.settings import load_env_file
from nobs.user import normalise_environment

COMMANDS = {
    "run": "Run benchmarks on this machine and write a report.",
    "ps": "List running and unfinished runs.",
    "logs": "Show the event log of a run.",
    "attach": "Follow a run until it ends.",
    "clean": "Remove leftovers of dead runs, and old images.",
    "build": "Build the container images.",
    "info": "Show the detected hardware.",
    "tasks": "List the tasks and their workloads.",
    "models": "List the models of the catalogue.",
    "report": "Show reports: this host against the best.",
    "export": "Write a job for Slurm or Kubernetes.",
    "submit": "Run NOBS on many machines through Slurm.",
    "collect": "Copy reports of many machines into one directory.",
    "rank": "Rank machines by throughput, energy or money.",
    "compare": "Compare reports with a baseline.",
    "validate": "Check whether reports are closed, open or invalid.",
    "import": "Convert older reports.",
    "prefetch": "Download data and weights for offline runs.",
    "doctor": "Check container engine, GPU, driver, disk, cache, hub.",
}


class LazyGroup(click.Group):
    """Lists every command without importing it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of `COMMANDS`."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return the command; None if the name is unknown."""
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
    """Benchmark this machine with real AI workloads.

    Without a command, on a terminal, NOBS shows the hardware, asks which tasks to run and runs
    them.
    """
    if ctx.invoked_subcommand is None:
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            click.echo(ctx.get_help())
            ctx.exit(2)
        from nobs.cli.interactive import ask_and_run

        ask_and_run(ctx)


def _write_utf8() -> None:
    # Windows would use a code page without the characters of our tables.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and not stream.isatty():
            stream.reconfigure(encoding="utf-8", errors="replace")


def main() -> None:
    """Run the command line; report every NOBS error as one paragraph and exit."""
    _write_utf8()
    try:
        load_env_file(Path.cwd())
        normalise_environment()
        result = cli.main(prog_name="nobs", standalone_mode=False)
        code = result if isinstance(result, int) else 0
    except click.exceptions.NoArgsIsHelpError as error:
        # A group without its command: the help, with its lines as they are.
        click.echo(error.format_message(), err=True)
        code = error.exit_code
    except click.ClickException as error:
        click.echo(wrap(f"nobs: {_in_one_paragraph(error)}"), err=True)
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("nobs: interrupted.", err=True)
        code = 130
    except NobsError as error:
        click.echo(wrap(f"nobs: {error}"), err=True)
        code = error.exit_code
    except OSError as error:
        # Such as a deleted working directory or an unreadable home.
        named = f"{error.filename}: " if error.filename else ""
        refused = StorageError(f"{named}{error.strerror or error}.", "Check the working "
                               "directory, its permissions and the disk.")  # fmt: skip
        click.echo(wrap(f"nobs: {refused}"), err=True)
        code = refused.exit_code
    sys.exit(code)


def _in_one_paragraph(error: click.ClickException) -> str:
    path = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "nobs"
    message = " ".join(error.format_message().split())
    return f"{message} See `{path} --help`."
