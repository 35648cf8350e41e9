"""What the user asked for, in the words of the command line; nothing is resolved yet."""

from dataclasses import dataclass, fields
from pathlib import Path

from nobs.schema.base import Backend, Dtype, Execution
from nobs.schema.pins import Arrivals

OF_EVERY_TASK = frozenset({
    "tasks", "backend", "execution", "profile", "results", "repeats", "time_budget_s", "timeout_s",
    "torch_index", "base_image", "build_network", "settings",
})  # fmt: skip
"""Fields that no task owns; every other one has an effect only in the tasks that declare it."""
_FLAGS = {
    "tasks": "--task",
    "models": "--model",
    "rates_per_s": "--rate",
    "time_budget_s": "--time-budget",
    "request_timeout_s": "--request-timeout",
    "timeout_s": "--timeout",
}
"""Options that aren't called like their field."""


@dataclass(frozen=True, kw_only=True)
class RunRequest:
    """One `nobs run`; None means what the workload pins or what this machine is best at.

    An option of a task is given where its field isn't at its default: no default is a value that
    people can name.
    """

    tasks: tuple[str, ...] = ()
    """Empty means all of the profile whose server, if they need one, is there."""
    models: tuple[str, ...] = ()
    backend: Backend | None = None
    execution: Execution | None = None
    profile: str = "standard"
    results: Path = Path("results")
    dataset: str | None = None
    """`ID[@REVISION]` of a data set, or a path; makes the result open."""
    column: str | None = None
    split: str | None = None
    rows: int | None = None
    repeats: int | None = None
    time_budget_s: float | None = None
    batch_size: int | None = None
    max_seq_length: int | None = None
    dtype: Dtype | None = None
    trust_remote_code: bool = False
    provider: str | None = None
    llm_url: str | None = None
    llm_model: str | None = None
    setup_lm_studio: bool = False
    max_output_tokens: int | None = None
    request_timeout_s: float | None = None
    """Longest silence of a server; after it, a request has failed."""
    concurrency: tuple[int, ...] = ()
    rates_per_s: tuple[float, ...] = ()
    arrivals: Arrivals | None = None
    sweep: bool = False
    timeout_s: float = 4 * 3600.0
    torch_index: str | None = None
    base_image: str | None = None
    build_network: str | None = None
    settings: frozenset[str] = frozenset()
    """Fields that come from a variable of the environment: kept for many runs, not for this one."""


def flag_of(field: str) -> str:
    """Return the option that sets `field`, as in `--batch-size`."""
    return _FLAGS.get(field, f"--{field.replace('_', '-')}")


def given_options(request: RunRequest) -> tuple[str, ...]:
    """Return the fields of tasks' options that the user has set, in the order of their options."""
    owned = (field for field in fields(request) if field.name not in OF_EVERY_TASK)
    return tuple(f.name for f in owned if getattr(request, f.name) != f.default)
