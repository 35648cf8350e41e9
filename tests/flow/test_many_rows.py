"""Rows pass by reference: report and supervisor don't grow with them."""

import json
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from nobs.schema.enums import Status
from nobs.schema.pins import DatasetPin, ModelPin, RepeatPolicy, Source, Workload
from nobs.tasks.text_embeddings.params import EmbeddingsParams
from tests.fakes.models import TINY, write_gte
from tests.fakes.native_run import one_core
from tests.fakes.runs import order

pytestmark = [pytest.mark.long, pytest.mark.heavy]

ROW_BYTES = 8000
"""One word too long for the tokenizer, so that rows weigh much and take no time."""
FEW, MANY = 4, 3000
SLACK_BYTES = 6 * 1024**2
"""What the supervisor's memory differs by from run to run; a quarter of the texts."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("tiny")
    write_gte(directory, TINY)
    return directory


def supervise(tmp_path: Path, model: Path, rows: int) -> tuple[int, int]:
    """Measure `rows` rows; return the supervisor's highest memory and the report's size."""
    texts = tmp_path / "texts.txt"
    texts.write_text(f"{'w' * ROW_BYTES}\n" * rows)
    workload = Workload(
        name="rows", version=1, task="embeddings",
        dataset=DatasetPin(id=str(texts), source=Source.PATH, rows=rows),
        models=(ModelPin(id=str(model), source=Source.PATH),),
        params=EmbeddingsParams(batch_size=64, max_seq_length=8, warmup_rows=2),
        policy=RepeatPolicy(repeats=1), open_reasons=("a test",),
    )  # fmt: skip
    run_dir = order(tmp_path / "results", workload)
    process = subprocess.Popen(
        [sys.executable, "-m", "nobs.supervisor", str(run_dir.path)],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    memory = 0
    with process:
        assert process.stdout
        for line in process.stdout:
            # Of each event, because after the last ones it may have ended before it is looked at.
            assert json.loads(line)["event"]
            with suppress(psutil.NoSuchProcess):
                memory = max(memory, psutil.Process(process.pid).memory_info().rss)
    (found,) = run_dir.read_report().tasks[0].models.values()
    assert found.status is Status.OK, found.failure
    return memory, run_dir.report_file.stat().st_size


def test_memory_of_the_supervisor_and_the_report_stay_flat(tmp_path: Path, model: Path) -> None:
    (tmp_path / "few").mkdir()
    (tmp_path / "many").mkdir()
    with one_core():
        few = supervise(tmp_path / "few", model, FEW)
        many = supervise(tmp_path / "many", model, MANY)

    assert SLACK_BYTES < ROW_BYTES * MANY / 3
    assert many[0] - few[0] < SLACK_BYTES
    assert many[1] - few[1] < 500
