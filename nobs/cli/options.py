"""Options that several commands have."""

import os
import re
from collections.abc import Callable, Container, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from nobs.cli.backends import BackendName
from nobs.cli.paths import UserPath
from nobs.settings import CATALOG_VARIABLE, NODE_NAME
from nobs.tasks.options import Option

IMAGE_BACKENDS = ("cuda", "rocm", "cpu")
RUN_OPTIONS = ("dry_run", "detach", "as_json", "verbose", "quiet")
EXECUTIONS = ("auto", "container", "native")
_METAVARS: Mapping[tuple[type, bool], str] = {
    (int, False): "N", (int, True): "N[,N]", (float, True): "X[,X]",
}  # fmt: skip
type Decorated = Callable[..., object]


def combine(*decorators: Callable[[Decorated], Decorated]) -> Callable[[Decorated], Decorated]:
    """Return a decorator that adds all these options to a command, in this order."""

    def decorate(command: Decorated) -> Decorated:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return decorate


def refuse_options(ctx: click.Context, allowed: Container[str], option: str) -> None:
    """Raise UsageError if the command line has more than `option` and the `allowed` ones."""
    refused = [
        parameter.opts[0]
        for parameter in ctx.command.params
        if parameter.name not in allowed
        and ctx.get_parameter_source(str(parameter.name)) is ParameterSource.COMMANDLINE
    ]
    if refused:
        raise click.UsageError(f"{', '.join(refused)} can't be combined with {option}.", ctx)


def settings_of(ctx: click.Context) -> frozenset[str]:
    """Return the parameters that were set by environment variables."""
    names = (str(parameter.name) for parameter in ctx.command.params)
    is_set = ParameterSource.ENVIRONMENT
    return frozenset(name for name in names if ctx.get_parameter_source(name) is is_set)


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")

image_options = combine(
    click.option("--torch-index", envvar="NOBS_TORCH_INDEX", show_envvar=True, metavar="INDEX",
                 help="Package index for torch in the image: default, cpu, cu130, rocm7.2, ... or "
                 "a URL."),
    click.option("--base-image", envvar="NOBS_BASE_IMAGE", show_envvar=True, metavar="IMAGE",
                 help="Base image instead of python-slim."),
    click.option("--build-network", envvar="NOBS_BUILD_NETWORK", show_envvar=True,
                 metavar="NETWORK", help="Network for the image build, such as host."),
)  # fmt: skip

backend_option = click.option(
    "--backend", type=BackendName(), default="auto", show_default=True,
    envvar="NOBS_BACKEND", show_envvar=True, help="Hardware backend.",
)  # fmt: skip

profile_option = click.option(
    "--profile", default="standard", show_default=True, envvar="NOBS_PROFILE", show_envvar=True,
    help="Set of workloads. standard: the pinned workloads; quick: small models from packages; "
    "max: the best settings for this machine; depth: speed by prompt length; cache: conversations "
    "with the server's prompt cache; cold: cold starts; fit: memory by batch size and context "
    "length; served: vectors from a server; NAME-quick: one of these with small models. `nobs "
    "tasks` lists all.",
)  # fmt: skip


@contextmanager
def _variable(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        os.environ.pop(name)
        if before is not None:
            os.environ[name] = before


def _use_catalog(ctx: click.Context, _parameter: click.Parameter, value: str | None) -> None:
    # Code that loads the catalogue reads the variable.
    if value:
        ctx.with_resource(_variable(CATALOG_VARIABLE, value))


catalog_option = click.option(
    "--catalog", metavar="FILE.toml[@sha256:HEX]", envvar=CATALOG_VARIABLE, show_envvar=True,
    expose_value=False, is_eager=True, callback=_use_catalog,
    help="Also load models, data sets and workloads from this file. Their results are open unless "
    "the sha256 of the file is given.",
)  # fmt: skip

results_option = click.option(
    "--results", type=UserPath(), default=Path("results"), show_default=True,
    envvar="NOBS_RESULTS", show_envvar=True, help="Directory for reports and runs.",
)  # fmt: skip


class Matching(click.ParamType[str]):
    """Text of one form; `meaning` says which."""

    name = "text"

    def __init__(self, pattern: str, meaning: str) -> None:
        self._pattern, self._meaning = pattern, meaning

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        """Return the text; any other form is a usage error."""
        if len(str(value)) > 317 or not re.fullmatch(self._pattern, str(value)):
            self.fail(f"{value!r} isn't {self._meaning}.", param, ctx)
        return str(value)


_NODE_TYPE = Matching(
    NODE_NAME, "a name of a node: use letters, digits, '.', '_' and '-', at most 100"
)
node_option = click.option(
    "--node", type=_NODE_TYPE, metavar="NAME", envvar="NOBS_NODE", show_envvar=True,
    help="Name of this machine, which distinguishes it from others of its model, such as "
    "$SLURMD_NODENAME. It is part of the report and of its file name.",
)  # fmt: skip

device_option = click.option(
    "--device", metavar="D[,D]|all", envvar="NOBS_DEVICE", show_envvar=True,
    help="Device to measure, as in cuda:1 (numbered as `nvidia-smi -L` lists them), a UUID, or "
    "cpu:0-3 (cores). Several, or all: each in turn, with a report of its own and a comparison.",
)  # fmt: skip

together_option = click.option(
    "--together", is_flag=True,
    help="With several devices: measure each alone, then all at once. Shows the sum, the scaling "
    "efficiency and the worst device.",
)  # fmt: skip

where_options = combine(
    backend_option,
    click.option("--execution", type=click.Choice(EXECUTIONS), default="auto", show_default=True,
                 envvar="NOBS_EXECUTION", show_envvar=True,
                 help="Run in a container or natively."),
    profile_option,
    catalog_option,
    results_option,
    node_option,
)  # fmt: skip

price_options = combine(
    click.option("--prices", "price_file", type=UserPath(dir_okay=False), metavar="FILE",
                 help="CSV file with prices, one machine per line."),
    click.option("--power-price", metavar="USD",
                 help="US dollars per kWh, added for machines that aren't rented."),
)  # fmt: skip

tasks_option = click.option(
    "--task", "-t", "tasks", multiple=True, metavar="T[,T]", envvar="NOBS_TASKS", show_envvar=True,
    help="Tasks; default: all tasks of the profile.",
)  # fmt: skip


class Numbers(click.ParamType[tuple[float, ...]]):
    """Comma-separated positive numbers, as in `1,4,16`."""

    def __init__(self, kind: type[int] | type[float]) -> None:
        self.name = "n[,n]"
        self._kind = kind

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, ...]:
        """Return the numbers; anything that is no number above 0 is a usage error."""
        if isinstance(value, tuple):
            return value
        try:
            numbers = tuple(self._kind(part) for part in str(value).split(","))
        except ValueError:
            numbers = ()
        if not numbers or not all(0 < number < 1e6 for number in numbers):
            self.fail(f"{value!r} is not a list of positive numbers such as 1,4,16.", param, ctx)
        return numbers


class Duration(click.ParamType[float | str]):
    """A length of time in seconds, as `90`, `90s`, `15m` or `1h`; also one of `words`."""

    name = "duration"

    def __init__(self, *words: str) -> None:
        self._words = words

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float | str:
        """Return seconds, or one of the words; anything else is a usage error."""
        if isinstance(value, float):
            return value
        if value in self._words:
            return str(value)
        found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)(s|m|h|)", str(value))
        seconds = float(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[found[2]] if found else 0.0
        if not 0 < seconds < 1e6:
            words = "".join(f" or {word}" for word in self._words)
            self.fail(f"{value!r} is no length of time such as 90s, 15m{words}.", param, ctx)
        return seconds


class TaskOption(click.Option):
    """An option that a task declares; an environment variable can set it, too."""

    def get_error_hint(self, ctx: click.Context | None) -> str:
        """Return the option, or its variable if that was used."""
        source = ctx.get_parameter_source(str(self.name)) if ctx else None
        is_set = source is ParameterSource.ENVIRONMENT
        return f"'{self.envvar}'" if is_set else super().get_error_hint(ctx)


def task_options(*options: Option[Any]) -> Callable[[Decorated], Decorated]:
    """Add options of tasks to a command."""
    return combine(*map(_declare, options))


def _declare(option: Option[Any]) -> Callable[[Decorated], Decorated]:
    is_flag, is_text = option.kind is bool, option.kind is str
    types: dict[type, click.ParamType[Any]] = {
        int: Numbers(int) if option.many else click.IntRange(1),
        float: Numbers(float) if option.many else click.FloatRange(0, min_open=True),
        bool: click.BOOL,
        str: click.Choice([*map(str, option.choices)]) if option.choices else click.STRING,
    }
    return click.option(
        option.flag, option.name, *filter(None, [option.short]),
        cls=TaskOption,
        type=types[option.kind],
        is_flag=is_flag,
        multiple=option.many and is_text,
        default=False if is_flag else () if option.many else None,
        envvar=option.variable,
        metavar=option.metavar or _METAVARS.get((option.kind, option.many)),
        help=option.help + (f"  [default: {option.default}]" if option.default else ""),
    )  # fmt: skip


how_options = combine(
    click.option("--repeats", type=click.IntRange(1),
                 metavar="N",
                 help="Number of timed repeats; default: until the 95% CI of the median is within "
                 "1% of it, or --time-budget is spent."),
    click.option("--time-budget", "time_budget_s", type=click.FloatRange(0, min_open=True),
                 metavar="S",
                 help="Time budget per model in seconds; no new repeat starts after it (minimum "
                 "3 repeats); default: that of the workload."),
    click.option("--sustain", "sustain_s", type=Duration(), metavar="TIME",
                 help="Repeat without a pause for this long, as in 15m, and compare the end with "
                 "the beginning. The result is open."),
    click.option("--rest", type=Duration("auto"), metavar="TIME|auto",
                 help="Rest between repeats, as in 10s; auto: until the device is as cool or as "
                 "fast as at first (at most 60 s). The result is open."),
    click.option("--timeout", "timeout_s", type=click.FloatRange(1), default=4 * 3600.0,
                 metavar="S", help="Time limit for the whole run in seconds.  [default: 4 h]"),
)  # fmt: skip
