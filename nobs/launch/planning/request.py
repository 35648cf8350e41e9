"""What the user asked for, in the words of the command line; nothing is resolved yet."""

from dataclasses import dataclass
from pathlib import Path

from nobs.schema.base import Backend, Dtype, Execution
from nobs.schema.pins import Arrivals


@dataclass(frozen=True, kw_only=True)
class RunRequest:
    """One `nobs run`; None means what the workload pins or what this machine is best at."""

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
    request_timeout_s: float = 300.0
    """Longest silence of a server; after it, a request has failed."""
    concurrency: tuple[int, ...] = ()
    rates_per_s: tuple[float, ...] = ()
    arrivals: Arrivals | None = None
    sweep: bool = False
    timeout_s: float = 4 * 3600.0
    torch_index: str | None = None
    base_image: str | None = None
    build_network: str | None = None
