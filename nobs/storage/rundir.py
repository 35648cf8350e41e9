"""The run directory, the only data that launcher and worker share."""

import re
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ValidationError

from nobs.errors import StorageError
from nobs.schema.outcome import Outcome
from nobs.schema.report import Report
from nobs.schema.result import StepResult
from nobs.schema.spec import RunSpec
from nobs.schema.state import RunState
from nobs.storage.files import make_directory, to_json, write_atomic
from nobs.storage.reader import explain


def safe_name(text: str) -> str:
    """Return `text` as a file name for every platform; never empty, at most 100 characters."""
    name = re.sub(r"[^A-Za-z0-9._,+-]+", "-", text).strip("-.")[:100].strip("-.")
    return name or "unknown"


@dataclass(frozen=True)
class RunDir:
    """Paths of one run below `results/runs/`."""

    path: Path

    @property
    def results(self) -> Path:
        """The directory of all results."""
        return self.path.parents[1]

    @property
    def spec_file(self) -> Path:
        """The specification of the run."""
        return self.path / "spec.json"

    @property
    def events_file(self) -> Path:
        """One JSON object per line, in order of time."""
        return self.path / "events.jsonl"

    @property
    def report_file(self) -> Path:
        """Rewritten after every step."""
        return self.path / "report.json"

    @property
    def outcome_file(self) -> Path:
        """Written by the launcher after the worker has ended."""
        return self.path / "outcome.json"

    @property
    def state_file(self) -> Path:
        """Written by the launcher before it starts anything for the run."""
        return self.path / "state.json"

    @property
    def heartbeat_file(self) -> Path:
        """Changed every few seconds by what executes the run."""
        return self.path / "heartbeat"

    def result_file(self, step: str) -> Path:
        """Return the file of the result of `step`."""
        return self.step_directory(step) / "result.json"

    def step_directory(self, step: str) -> Path:
        """Return the directory of `step`."""
        return self.path / "steps" / safe_name(step)

    def telemetry_file(self, step: str) -> Path:
        """Return the file of sensor readings of `step`, one JSON object per line."""
        return self.result_file(step).with_name("telemetry.jsonl")

    def read_spec(self) -> RunSpec:
        """Read the specification; StorageError if it is missing or not of this version."""
        return read_record(self.spec_file, RunSpec)

    def read_report(self) -> Report:
        """Read the report; StorageError if it is missing or damaged."""
        return read_record(self.report_file, Report)

    def read_outcome(self) -> Outcome:
        """Read the outcome; StorageError if it is missing or damaged."""
        return read_record(self.outcome_file, Outcome)

    def read_state(self) -> RunState:
        """Read the state; StorageError if it is missing or damaged."""
        return read_record(self.state_file, RunState)

    def find_result(self, step: str) -> StepResult | None:
        """Return the result of `step`, None if there is none."""
        file = self.result_file(step)
        return read_record(file, StepResult) if file.exists() else None

    def write(self, file: Path, record: BaseModel) -> None:
        """Write `record` atomically, making its directory."""
        make_parent(file)
        write_atomic(file, to_json(record))

    def sweep(self) -> None:
        """Remove unfinished files of killed writers; nothing may be writing now."""
        for file in self.path.rglob(".*.json*.*"):
            file.unlink(missing_ok=True)


def make_parent(file: Path) -> None:
    """Create the directory of `file`; StorageError if that fails.

    Never a run directory itself: removing it ends the run.
    """
    make_directory(file.parent, "Name a writable directory with --results.", exist_ok=True)


def read_record[T: BaseModel](file: Path, kind: type[T]) -> T:
    """Read a record of this version; StorageError if it is missing or damaged."""
    try:
        return kind.model_validate_json(file.read_bytes())
    except OSError as error:
        raise StorageError(
            f"Can't read {file}: {error.strerror or error}.", "Name a file that exists."
        ) from error
    except ValidationError as error:
        raise StorageError(
            f"{file} is no valid {kind.__name__.lower()} of this version: {explain(error)[0]}.",
            "It is damaged or of another version of NOBS; run the benchmark again.",
        ) from error
