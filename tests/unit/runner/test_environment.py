import json
from datetime import UTC, datetime

import pytest
import torch

from nobs.runner.environment import VARIABLES, read_environment
from nobs.schema.enums import Backend, Execution
from nobs.schema.server import ServerRef
from nobs.schema.spec import RunSpec
from nobs.system.host import find_host_facts
from tests.fakes.runs import DEVICE, quick_workload

pytestmark = pytest.mark.heavy

SPEC = RunSpec(
    run_id="a-run", created=datetime(2026, 1, 2, tzinfo=UTC), nobs_version="0",
    backend=Backend.CPU, execution=Execution.NATIVE, profile="quick",
    workloads=(quick_workload(),), steps=(), timeout_s=1.0, device_info=DEVICE,
    server=ServerRef(provider="llamacpp", base_url="", model=""),
)  # fmt: skip


def test_only_named_variables_are_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setenv("ONEDNN_DEFAULT_FPMATH_MODE", "BF16")
    for name in ("HF_TOKEN", "LLM_API_KEY", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "hush-hush")
    told = read_environment(SPEC)

    assert told["variables"]["OMP_NUM_THREADS"] == "3"
    assert told["variables"]["ONEDNN_DEFAULT_FPMATH_MODE"] == "BF16"
    assert "hush-hush" not in json.dumps(told)
    assert not any(word in name for name in VARIABLES for word in ("TOKEN", "KEY", "SECRET")
                   if name != "TOKENIZERS_PARALLELISM")  # fmt: skip


def test_machine_and_arithmetic_are_recorded() -> None:
    told = read_environment(SPEC)

    assert told["host"]["kernel"] == find_host_facts().kernel
    assert told["host"]["logical_cores"] >= 1
    assert told["torch"]["threads"] == torch.get_num_threads()
    assert {told["torch"]["tf32_matmul"], told["torch"]["tf32_cudnn"]} <= {True, False}
    assert {"nobs", "torch", "sentence-transformers", "tokenizers", "xllamacpp"} <= set(
        told["libraries"]
    )
    assert set(told["torch"]["attention_kernels"]) <= {"flash", "memory-efficient", "cudnn", "math"}
