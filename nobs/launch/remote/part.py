"""How one host's part of a run ended."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nobs.errors import NobsError, RunLost
from nobs.launch.remote.hosts import Host
from nobs.storage.reader import read_report
from nobs.text import to_line


@dataclass(frozen=True, kw_only=True)
class Part:
    """How one host's part ended."""

    host: Host
    exit_code: int
    state: str
    run_id: str | None = None
    report: Path | None = None
    reason: str = ""
    models: int = 0
    complete: int = 0
    """Of the models."""
    duration_s: float = 0.0

    @property
    def usd(self) -> float | None:
        """What the time cost, by the hosts file."""
        price = self.host.usd_per_hour
        return price * self.duration_s / 3600 if price is not None else None

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values."""
        host = {"name": self.host.name, "address": self.host.address, "tags": [*self.host.tags]}
        rest = {name: value for name, value in vars(self).items() if name != "host"}
        report = str(self.report) if self.report else None
        return {**host, **rest, "usd": self.usd, "report": report}

    def with_report(self, file: Path) -> "Part":
        """Return the part with what a report says."""
        report = read_report(file)
        models = [model for task in report.tasks for model in task.models.values()]
        complete = sum(model.is_complete for model in models)
        # From planning to the end, by the host's clock.
        started, finished = report.run.started, report.run.finished
        duration_s = (finished - started).total_seconds() if started and finished else 0.0
        return replace(
            self, report=file, models=len(models), complete=complete, duration_s=duration_s
        )


def failed(host: Host, error: NobsError) -> Part:
    """Return the part of a host that an error ended."""
    state = "lost" if isinstance(error, RunLost) else "not run"
    reason = to_line(error, 700).removeprefix(f"{host.name}: ")
    return Part(host=host, exit_code=error.exit_code, state=state, reason=reason)
