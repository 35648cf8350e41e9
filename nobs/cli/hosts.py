"""Options for other hosts, and the words of a command that are meant for them."""

from collections.abc import Iterator, Mapping
from typing import Any

import click
from click.core import ParameterSource

from nobs.cli.options import RUN_OPTIONS, combine
from nobs.cli.paths import UserPath

WORDS = "nobs.words"
"""Key of `ctx.meta`: the command line without the name of the command."""
HOSTS_OPTIONS = ("host", "hosts_file", "tags", "ssh_config")
_HERE = frozenset({*RUN_OPTIONS, *HOSTS_OPTIONS, "results", "node", "resume", "take_over", "yes"})
"""Parameters that aren't passed on."""
_REFUSED = ("node", "resume", "take_over", "detach")


hosts_options = combine(
    click.option("--host", multiple=True, metavar="ssh://HOST[,HOST]",
                 help="Use these hosts at the same time, through the system's ssh; their reports "
                 "are copied to --results. Can be repeated."),
    click.option("--hosts", "hosts_file", type=UserPath(dir_okay=False), metavar="FILE.toml",
                 help="Use the hosts of this file, with names, tags and prices."),
    click.option("--tag", "tags", multiple=True, metavar="TAG",
                 help="With --hosts: only hosts with this tag. Can be repeated."),
    click.option("--ssh-config", type=UserPath(dir_okay=False), metavar="FILE",
                 envvar="NOBS_SSH_CONFIG", show_envvar=True,
                 help="Configuration file for ssh; default: the user's."),
)  # fmt: skip


def refuse_hosts(given: Mapping[str, Any]) -> None:
    """Raise UsageError for an option that only makes sense with hosts."""
    if given["tags"]:
        raise click.UsageError("--tag needs --hosts FILE.toml.")


def words_for_hosts(ctx: click.Context) -> list[str]:
    """Return the options of `nobs run` for every host; UsageError for one that it can't take.

    Options that variables of the environment set here are set there, too.
    """
    for name in _REFUSED:
        if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            flag = f"--{name.replace('_', '-')}"
            raise click.UsageError(f"{flag} can't be combined with --host or --hosts.", ctx)
    given, _, _ = ctx.command.make_parser(ctx).parse_args(list(ctx.meta[WORDS]))
    words: list[str] = []
    for parameter in ctx.command.params:
        name = str(parameter.name)
        if name in _HERE or not isinstance(parameter, click.Option):
            continue
        source = ctx.get_parameter_source(name)
        if source is ParameterSource.COMMANDLINE:
            words += _words(parameter, given[name])
        elif source is ParameterSource.ENVIRONMENT:
            words += _words(parameter, parameter.value_from_envvar(ctx))
    return words


def _words(option: click.Option, value: object) -> Iterator[str]:
    values = value if isinstance(value, list | tuple) else (value,)
    for each in values:
        yield option.opts[0]
        if not option.is_flag:
            yield str(each)
