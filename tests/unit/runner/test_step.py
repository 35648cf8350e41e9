"""In which order a step has its bench work."""

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from nobs.runner.step import Recording, run_bench
from nobs.runner.stop import Stopped
from nobs.schema.enums import Dtype
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


class Cut(Diary):
    """Its fourth repeat is interrupted; it keeps a record of each."""

    def run(self) -> int:
        if self.asked.count("run") == 3:
            raise Stopped
        return super().run()

    def keep(self, repeats: int) -> None:
        self.asked.append(f"keep {repeats}")


@pytest.mark.parametrize(("least", "is_kept"), [(3, True), (4, False)])
def test_an_interrupted_step_keeps_its_repeats_and_skips_the_rest(
    tmp_path: Path, least: int, is_kept: bool
) -> None:
    policy = RepeatPolicy(repeats=9, min_repeats=least)
    workload = quick_workload().model_copy(update={"policy": policy})
    run_dir = order(tmp_path, workload)
    spec = run_dir.read_spec()
    recording = Recording(spec, spec.steps[0], run_dir.path, tmp_path / "telemetry.jsonl")
    recording.values["environment"] = {}
    cut = Cut()
    with nullcontext() if is_kept else pytest.raises(Stopped):
        run_bench(recording, cut, TASKS.load(workload.task), "cpu")

    assert len(recording.samples) == 3
    assert recording.is_interrupted is is_kept
    assert cut.asked[-2:] == (["keep 3", "facts"] if is_kept else ["synchronize"] * 2)


def test_a_sustained_step_has_its_sensors_and_products_by_quarter(tmp_path: Path) -> None:
    policy = RepeatPolicy(sustain_s=0.3, ci_rel_width=1e9)
    run_dir = order(tmp_path, quick_workload().model_copy(update={"policy": policy}))
    spec = run_dir.read_spec()
    recording = Recording(spec, spec.steps[0], run_dir.path, tmp_path / "telemetry.jsonl")
    recording.values["environment"] = {}
    run_bench(recording, Diary(), TASKS.load("embeddings"), "cpu")

    last = recording.samples[-1]
    assert last.start_s > 0.2
    parts = recording.values["telemetry"].parts
    assert [part.start_s / parts[-1].end_s for part in parts] == [0.0, 0.25, 0.5, 0.75]
    assert all(part.devices for part in parts)
    assert recording.samples[0].matmul_flop_per_s
