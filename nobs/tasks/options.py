"""Options of `nobs run` that belong to tasks, and those that several tasks share."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from nobs.providers import PROVIDERS
from nobs.schema.enums import Dtype


class Role(Enum):
    """What an option changes."""

    PARAMETERS = auto()
    """The parameters, through `TaskDefinition.apply`."""
    INPUTS = auto()
    """The data set or the models."""
    SERVER = auto()
    """The model server."""


@dataclass(frozen=True, kw_only=True)
class Option[T]:
    """An option with a value of the type `T`; tasks share options by name."""

    name: str
    """Key in `RunRequest.options`, as in `batch_size`."""
    help: str = field(compare=False)
    kind: type[str | float | bool] = str
    """`int` and `float` are numbers above 0; `bool` is a flag."""
    many: bool = False
    """Several values: texts by repeating the option, numbers separated by commas."""
    choices: tuple[str, ...] = ()
    role: Role = Role.PARAMETERS
    short: str = ""
    """One-letter form, as in `-m`."""
    metavar: str | None = field(default=None, compare=False)
    default: str = field(default="", compare=False)
    """Default, for help texts."""
    alike: str = field(default="", compare=False)
    """Name of the corresponding option of other tasks."""
    parameter: str = ""
    """The parameter that it sets; default: the one of its name."""
    folder_of: str = ""
    """What the files of a folder are, as in `images`: the option names a folder, whose files are
    the rows of the data set."""

    @property
    def flag(self) -> str:
        """As on the command line, as in `--batch-size`."""
        return f"--{self.name.replace('_', '-')}"

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return f"NOBS_{self.name.upper()}"

    def get(self, options: Mapping[str, Any]) -> T | None:
        """Return the user's value, None if not given."""
        return options.get(self.name)


MODEL: Option[tuple[str, ...]] = Option(
    name="model", short="-m", many=True, role=Role.INPUTS, metavar="ID", alike="llm_model",
    help="Model: a name in the catalogue, OWNER/NAME[@REVISION] on the hub, or a directory.",
)  # fmt: skip
DATASET: Option[str] = Option(
    name="dataset", role=Role.INPUTS, metavar="ID[@REV]",
    help="Data set: ID on the hub, or a .txt, .jsonl, .csv or .parquet file.",
)  # fmt: skip
SPLIT: Option[str] = Option(name="split", role=Role.INPUTS, help="Split of the data set.")
COLUMN: Option[str] = Option(name="column", role=Role.INPUTS, help="Column with the texts.")
ROWS: Option[int] = Option(name="rows", kind=int, role=Role.INPUTS, help="Number of rows.")
TRUST_REMOTE_CODE: Option[bool] = Option(
    name="trust_remote_code", kind=bool, role=Role.INPUTS,
    help="Allow a model outside the catalogue to run its own code. Dangerous.",
)  # fmt: skip
DATA: tuple[Option[Any], ...] = (DATASET, SPLIT, COLUMN, ROWS)
MODELS: tuple[Option[Any], ...] = (MODEL, TRUST_REMOTE_CODE)

BATCH_SIZE: Option[int] = Option(name="batch_size", kind=int, help="Batch size.")
DTYPE: Option[str] = Option(
    name="dtype", choices=tuple(Dtype), help="Number format of weights and computation."
)

REAL, RANDOM = "real", "random"
WEIGHTS: Option[str] = Option(
    name="weights", choices=(REAL, RANDOM), role=Role.INPUTS, default=REAL,
    help="random: build the model from the catalogue with random weights, and use texts that come "
    "with NOBS. Full size without downloads; the result is open.",
)  # fmt: skip
WEIGHTS_SEED: Option[int] = Option(
    name="weights_seed", kind=int, role=Role.INPUTS, metavar="N", default="1",
    help="Seed of --weights random.",
)  # fmt: skip
RANDOM_WEIGHTS: tuple[Option[Any], ...] = (WEIGHTS, WEIGHTS_SEED)

TUNING_BUDGET: Option[float] = Option(
    name="tuning_budget", kind=float, metavar="S", parameter="tuning_budget_s",
    help="In max workloads: seconds after which no further trial of the search starts.",
)  # fmt: skip
PASS_BUDGET: Option[float] = Option(
    name="pass_budget", kind=float, metavar="S", parameter="pass_budget_s",
    help="In max workloads: maximum seconds per pass; a slower machine gets fewer rows.",
)  # fmt: skip

SERVER_URL: Option[str] = Option(
    name="llm_url", role=Role.SERVER, metavar="URL",
    help="Base URL of an OpenAI-compatible server, such as http://127.0.0.1:1234/v1; "
    "default: LLM_BASE_URL, else LM Studio's.",
)  # fmt: skip
SERVER_MODEL: Option[str] = Option(
    name="llm_model", role=Role.SERVER, metavar="NAME", alike="model",
    help="Name of the model on the server, or a GGUF file for the llama.cpp that NOBS starts "
    "(--provider llamacpp); default: LLM_MODEL_NAME, else the one of the workload.",
)  # fmt: skip
PROVIDER: Option[str] = Option(
    name="provider", role=Role.SERVER, choices=PROVIDERS.names(),
    help="Kind of server; openai is any OpenAI-compatible server.",
)  # fmt: skip
SETUP_LM_STUDIO: Option[bool] = Option(
    name="setup_lm_studio", kind=bool, role=Role.SERVER,
    help="Start LM Studio's server, download and load the model if needed.",
)  # fmt: skip
REQUEST_TIMEOUT: Option[float] = Option(
    name="request_timeout", kind=float, role=Role.SERVER, metavar="S", default="300",
    help="Timeout in seconds without data from the server, first model load included.",
)  # fmt: skip
SERVER: tuple[Option[Any], ...] = (
    SERVER_URL, SERVER_MODEL, PROVIDER, SETUP_LM_STUDIO, REQUEST_TIMEOUT,
)  # fmt: skip
