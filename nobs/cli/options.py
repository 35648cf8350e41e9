"""Options that several commands share."""

from collections.abc import Callable, Container
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from nobs.cli.backends import BackendName
from nobs.cli.paths import UserPath

IMAGE_BACKENDS = ("cuda", "rocm", "cpu")
MANNER_OPTIONS = ("dry_run", "detach", "as_json", "verbose", "quiet")
EXECUTIONS = ("auto", "container", "native")
ARRIVALS = ("constant", "poisson")
DTYPES = ("float32", "float16", "bfloat16")
type Decorated = Callable[..., object]


def _all(*decorators: Callable[[Decorated], Decorated]) -> Callable[[Decorated], Decorated]:
    def decorate(command: Decorated) -> Decorated:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return decorate


def refuse_options(ctx: click.Context, allowed: Container[str], beside: str) -> None:
    """UsageError if the command line says more than `allowed` beside an option."""
    refused = [
        parameter.opts[0]
        for parameter in ctx.command.params
        if parameter.name not in allowed
        and ctx.get_parameter_source(str(parameter.name)) is ParameterSource.COMMANDLINE
    ]
    if refused:
        raise click.UsageError(f"{', '.join(refused)} can't be combined with {beside}.", ctx)


def settings_of(ctx: click.Context) -> frozenset[str]:
    """Return the parameters whose value is that of a variable of the environment."""
    names = (str(parameter.name) for parameter in ctx.command.params)
    is_set = ParameterSource.ENVIRONMENT
    return frozenset(name for name in names if ctx.get_parameter_source(name) is is_set)


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")

image_options = _all(
    click.option("--torch-index", envvar="NOBS_TORCH_INDEX", show_envvar=True, metavar="INDEX",
                 help="Where an image's torch comes from: default (the package index), a name "
                 "such as cpu, cu130, rocm7.2, or a URL."),
    click.option("--base-image", envvar="NOBS_BASE_IMAGE", show_envvar=True, metavar="IMAGE",
                 help="Base of an image in place of python-slim."),
    click.option("--build-network", envvar="NOBS_BUILD_NETWORK", show_envvar=True,
                 metavar="NETWORK", help="Network of an image build, such as host."),
)  # fmt: skip

backend_option = click.option(
    "--backend", type=BackendName(), default="auto", show_default=True,
    envvar="NOBS_BACKEND", show_envvar=True, help="Hardware to measure.",
)  # fmt: skip

profile_option = click.option(
    "--profile", default="standard", show_default=True, envvar="NOBS_PROFILE", show_envvar=True,
    help="standard: the pinned workloads; quick: small models from packages; max, max-quick: the "
    "same work at the machine's best settings.",
)  # fmt: skip

results_option = click.option(
    "--results", type=UserPath(), default=Path("results"), show_default=True,
    envvar="NOBS_RESULTS", show_envvar=True, help="Directory of reports and runs.",
)  # fmt: skip

where_options = _all(
    backend_option,
    click.option("--execution", type=click.Choice(EXECUTIONS), default="auto", show_default=True,
                 envvar="NOBS_EXECUTION", show_envvar=True, help="Where to run."),
    profile_option,
    results_option,
)  # fmt: skip

what_options = _all(
    click.option("--task", "-t", "tasks", multiple=True, metavar="T[,T]",
                 envvar="NOBS_TASKS", show_envvar=True,
                 help="Tasks to run; default: all of the profile."),
    click.option("--model", "-m", "models", multiple=True, metavar="ID",
                 help="Model of the catalogue, OWNER/NAME[@REVISION] of the hub, or a directory."),
    click.option("--dataset", metavar="ID[@REV]",
                 help="Another data set of the hub, or a .txt, .jsonl, .csv or .parquet file."),
    click.option("--split", help="Split of the data set."),
    click.option("--column", help="Column of the texts."),
    click.option("--rows", type=click.IntRange(1), help="How many rows."),
    click.option("--trust-remote-code", is_flag=True,
                 help="Let a model outside the catalogue run its own code. Dangerous."),
)  # fmt: skip


class Numbers(click.ParamType[tuple[float, ...]]):
    """Positive numbers with commas between them, as in `1,4,16`."""

    def __init__(self, kind: type[int] | type[float]) -> None:
        self.name = "n[,n]"
        self._kind = kind

    def convert(
        self,
        value: Any,  # noqa: ANN401 - click's signature
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> tuple[float, ...]:
        """Return the numbers; a word that is none, or not above 0, is a usage error."""
        if isinstance(value, tuple):
            return value
        try:
            numbers = tuple(self._kind(part) for part in str(value).split(","))
        except ValueError:
            numbers = ()
        if not numbers or not all(0 < number < 1e6 for number in numbers):
            self.fail(f"{value!r} isn't a list of positive numbers such as 1,4,16.", param, ctx)
        return numbers


server_options = _all(
    click.option("--llm-url", metavar="URL",
                 help="Base URL of a server that speaks OpenAI's API, such as "
                 "http://127.0.0.1:1234/v1; default: LLM_BASE_URL, else LM Studio's."),
    click.option("--llm-model", metavar="NAME",
                 help="Model to ask the server for; default: LLM_MODEL_NAME, else gpt-oss-20b."),
)  # fmt: skip

llm_options = _all(
    server_options,
    click.option("--provider", metavar="P",
                 help="What serves the LLM: lmstudio, openai (any server), ollama, llamacpp."),
    click.option("--setup-lm-studio", is_flag=True,
                 help="Start LM Studio's server, fetch and load the model where they are missing."),
    click.option("--max-output-tokens", type=click.IntRange(1), help="Tokens per answer."),
    click.option("--request-timeout", "request_timeout_s", metavar="S",
                 type=click.FloatRange(0, min_open=True),
                 help="Seconds of silence after which a request or a first load has failed."
                      "  [default: 300]"),
    click.option("--concurrency", type=Numbers(int), default=(), metavar="N[,N]",
                 help="Measure load too, with this many requests in flight."),
    click.option("--rate", "rates_per_s", type=Numbers(float), default=(), metavar="R[,R]",
                 help="Measure load too, with this many requests arriving per second."),
    click.option("--arrivals", type=click.Choice(ARRIVALS),
                 help="How they arrive.  [default: poisson]"),
    click.option("--sweep", is_flag=True,
                 help="Double the concurrency until throughput stops growing."),
)  # fmt: skip

how_options = _all(
    click.option("--repeats", type=click.IntRange(1),
                 help="Exactly this many; default: until the median is sure."),
    click.option("--time-budget", "time_budget_s", type=click.FloatRange(0, min_open=True),
                 metavar="S",
                 help="Seconds per model after which no repeat starts; at least 3 are made."),
    click.option("--batch-size", type=click.IntRange(1), help="Rows per batch."),
    click.option("--max-seq-length", type=click.IntRange(1), help="Tokens per row."),
    click.option("--dtype", type=click.Choice(DTYPES), help="Number format."),
    click.option("--timeout", "timeout_s", type=click.FloatRange(1), default=4 * 3600.0,
                 metavar="S", help="Seconds for the whole run.  [default: 4 h]"),
)  # fmt: skip
