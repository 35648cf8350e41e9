"""Pins: the exact data, models and parameters of a workload."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Any, Self

from pydantic import ConfigDict, Field, SerializeAsAny, model_validator

from nobs.schema.base import Record
from nobs.schema.enums import Division

Sha256 = str
"""64 lower-case hex digits; empty if not verified yet."""


class Source(StrEnum):
    """Where texts or weights come from."""

    HUB = "hub"
    """A repository of the Hugging Face hub."""
    PACKAGE = "package"
    """A Python package, or NOBS itself."""
    PATH = "path"
    """A file or directory of the user's."""
    SERVER = "server"
    """A model server; NOBS doesn't pin the model, the server reports it."""
    RANDOM = "random"
    """Random weights in the architecture that the catalogue describes (an open result)."""


class DatasetPin(Record):
    """Rows of one text column of one data set."""

    id: str
    """Repository of the hub, path, or name of a data set included in NOBS."""
    source: Source = Source.HUB
    revision: str | None = None
    """Commit of the hub's repository; null: the newest one (an open result)."""
    file: str | None = None
    """The one file to fetch; null: the `datasets` library chooses (an open result)."""
    file_bytes: int | None = None
    file_sha256: Sha256 = ""
    """Empty if not verified yet."""
    config: str | None = None
    """Configuration of the data set; null where it has only one."""
    split: str = "train"
    column: str = "text"
    """Column that holds the texts."""
    rows: int = Field(gt=0)
    """Number of rows, from the start of the split."""
    rows_sha256: Sha256 = ""
    """sha256 of the selected rows; empty if not verified yet."""
    licence: str = ""


class Architecture(Record):
    """What it takes to build a model without its weights."""

    parameters: int = Field(gt=0)
    """Number of weights; a build with another number is refused."""
    files: dict[str, Any]
    """Settings files of the model's directory by path, such as `config.json`."""
    tokenizer: str
    """Name of the tokenizer that NOBS uses, as in `bert-uncased`."""
    stand_in_for: str = ""
    """The model's own tokenizer if that is another one; token counts then differ from the real
    model's."""

    @model_validator(mode="after")
    def _check_paths(self) -> Self:
        """Refuse paths outside the model's directory."""
        for path in map(PurePosixPath, self.files):
            if path.is_absolute() or ".." in path.parts or path.suffix != ".json":
                raise ValueError(f"{path} isn't a .json file of a model's directory")
        return self


class RandomWeights(Record):
    """Weights made from a seed."""

    seed: int = Field(gt=0, lt=2**63)
    architecture: Architecture | None
    """As in the catalogue; null if it has none for this model, which then fails."""


class CompanionPin(Record):
    """A file that a model needs beside its weights, such as a vision projector."""

    package: str
    """Module whose folder holds it."""
    file: str
    sha256: Sha256
    licence: str = ""


class ModelPin(Record):
    """One model at one revision."""

    id: str
    """Name of the model: a repository of the hub, a path, or the name that a server gives it."""
    source: Source = Source.HUB
    revision: str | None = None
    """Commit of the hub's repository; null for packages, paths and servers."""
    package: str | None = None
    """Registry package that carries the weights, as `module:function` returning their directory.

    Of a model of a server: the module that carries what the embedded server loads.
    """
    weights_file: str | None = None
    """File whose digest is pinned."""
    weights_sha256: Sha256 = ""
    """Digest of `weights_file`; empty if not verified yet."""
    parameters_m: float | None = None
    """Millions of parameters, informative; null if unknown."""
    trust_remote_code: bool = False
    """Whether the model may run its own code."""
    licence: str = ""
    """Of the weights."""
    # Left out where there is none: fingerprints from before this field remain valid.
    random: RandomWeights | None = Field(None, exclude_if=lambda value: value is None)
    """Random weights instead of the published ones; absent for the latter."""
    projector: CompanionPin | None = Field(None, exclude_if=lambda value: value is None)
    """Turns images into input of the model; absent for a model without one."""


class Params(Record):
    """Parameters of a workload; each kind adds its fields, see the sections of the tasks."""

    # Open, so that reports of tasks that aren't installed can be read.
    model_config = ConfigDict(extra="allow")

    kind: str
    """The task's name, or that of a variant: `TASK-VARIANT`."""


class RepeatPolicy(Record):
    """When repeating stops."""

    repeats: int | None = Field(None, gt=0)
    """Fixed number of repeats; null: the CI decides."""
    min_repeats: int = Field(3, gt=0)
    """Minimum number of repeats if the CI decides."""
    ci_rel_width: float = Field(0.01, gt=0)
    """Repeating stops when both ends of the CI lie within this share of the median."""
    time_budget_s: float = Field(60.0, gt=0)
    """Time budget per model; no further repeat starts after it."""
    sustain_s: float | None = Field(None, gt=0, exclude_if=lambda value: value is None)
    """Repeats follow each other until this time has passed, whatever the CI; absent: they don't."""
    rest_s: float | None = Field(None, gt=0, exclude_if=lambda value: value is None)
    """Rest between two repeats, at most this long if `rest_until_recovered`; absent: none."""
    rest_until_recovered: bool = Field(default=False, exclude_if=lambda value: not value)
    """Whether a rest ends as soon as the device is as cool or as fast as before the repeats."""

    @property
    def length_s(self) -> float:
        """Return the time after which no further repeat starts; rests don't count."""
        return self.sustain_s or self.time_budget_s

    @property
    def least(self) -> int:
        """Return the fewest repeats of a result, also of an interrupted one."""
        return min(self.min_repeats, self.repeats or self.min_repeats)


class CatalogRef(Record):
    """A catalogue of a user or a package that defines a workload."""

    file: str
    """Name of the file, without its directory; of a package, `NAME VERSION: FILE`."""
    sha256: Sha256
    """Of the file's bytes."""
    pinned: bool
    """Whether the user gave this digest with the file; otherwise the result is open."""


class Workload(Record):
    """The pinned work of a task, with the reasons that make a result open."""

    name: str
    """Without the version."""
    version: int
    """A published version never changes."""
    task: str
    dataset: DatasetPin
    models: tuple[ModelPin, ...]
    params: SerializeAsAny[Params]
    policy: RepeatPolicy = RepeatPolicy()
    catalog: CatalogRef | None = None
    """Null for workloads of NOBS itself."""
    open_reasons: tuple[str, ...] = ()
    """Differences from the pins, as in `params.dtype: float16 instead of float32`."""

    @model_validator(mode="before")
    @classmethod
    def _tag_params(cls, data: Any) -> Any:  # noqa: ANN401 - whatever a file holds
        """Give parameters without a kind that of the task."""
        if not isinstance(data, Mapping) or not isinstance(data.get("params"), Mapping):
            return data
        return {**data, "params": {"kind": data.get("task"), **data["params"]}}

    @property
    def label(self) -> str:
        """`NAME/VERSION`."""
        return f"{self.name}/{self.version}"

    @property
    def division(self) -> Division:
        """Closed unless there are open reasons."""
        return Division.OPEN if self.open_reasons else Division.CLOSED
