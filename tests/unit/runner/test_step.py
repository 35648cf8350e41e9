"""In which order a step has its bench work."""

from pathlib import Path
from typing import Any

from nobs.runner.step import Recording, run_bench
from nobs.schema.base import Dtype
from nobs.schema.pins import RepeatPolicy
from nobs.schema.result import Calibration
from nobs.tasks import TASKS
from tests.fakes.runs import order, quick_workload

PASS = ["synchronize", "run", "synchronize"]


class Diary:
    """A bench that does nothing but note what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def load(self) -> None:
        self.asked.append("load")

    def warm_up(self) -> None:
        self.asked.append("warm_up")

    def run(self) -> int:
        self.asked.append("run")
        return 1

    def synchronize(self) -> None:
        self.asked.append("synchronize")

    def calibrate(self, like: Calibration | None) -> Calibration:
        self.asked.append("calibrate")
        return like or Calibration(
            dtype=Dtype.FLOAT32, tf32=False, matmul_size=1, matmul_flop_per_s=1.0, copy_bytes=1,
            copy_bytes_per_s=1.0, duration_s=1.0,
        )  # fmt: skip

    def restore(self) -> None:
        self.asked.append("restore")

    def profile(self, pass_s: float) -> None:
        assert pass_s > 0
        self.asked.append("profile")

    def facts(self) -> dict[str, Any]:
        self.asked.append("facts")
        return {}

    def close(self) -> None:
        pass


def test_what_is_timed_never_has_to_allocate_what_a_calibration_gave_back(tmp_path: Path) -> None:
    workload = quick_workload().model_copy(update={"policy": RepeatPolicy(repeats=2)})
    run_dir = order(tmp_path, workload)
    spec = run_dir.read_spec()
    recording = Recording(spec, spec.steps[0], run_dir.path, tmp_path / "telemetry.jsonl")
    recording.values["environment"] = {}
    diary = Diary()
    run_bench(recording, diary, TASKS.load(workload.task), "cpu")

    calibration = ["calibrate", "restore", "synchronize"]
    assert diary.asked == [
        "load", "synchronize", "warm_up", "synchronize",
        *calibration, *PASS, *PASS, *calibration, "profile", "facts",
    ]  # fmt: skip
    assert len(recording.samples) == len(recording.calibrations) == 2
