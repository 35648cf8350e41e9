from dataclasses import replace
from pathlib import Path

import pytest

from nobs.catalog import load_catalog
from nobs.errors import BackendMissing, UsageError
from nobs.launch.planning import devices as planning
from nobs.launch.planning.devices import facts_of_devices, refuse_busy
from nobs.launch.planning.plan import Plan, make_plan
from nobs.schema.device import DeviceRef
from nobs.schema.enums import Backend, Execution
from nobs.storage.store import report_path
from nobs.system.card import Condition, Unknown
from nobs.system.gpus import Accelerators
from tests.fakes.facts import make_facts
from tests.fakes.gpus import nvidia_gpu
from tests.fakes.run_requests import make_request

CARDS = tuple(
    replace(nvidia_gpu(n, driver="580.65"), uuid=f"GPU-{n}0000000-2222-3333-4444-555555555555")
    for n in range(2)
)


@pytest.fixture(autouse=True)
def _no_nvml(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = Unknown(reason="no library", remedy="")
    monkeypatch.setattr(planning, "ask_condition", lambda gpu, timeout_s: answer)


def plans(device: str, *tasks: str) -> list[Plan]:
    request = make_request(
        tasks=tasks or ("embeddings",), execution=Execution.NATIVE, backend=Backend.CUDA,
        device=device,
    )  # fmt: skip
    facts = make_facts(accelerators=Accelerators(nvidia=CARDS), detected=Backend.CUDA)
    seen = facts_of_devices(facts, request)
    return [make_plan(request, load_catalog(), each) for each in seen]


def test_each_device_has_a_plan_with_its_own_run_and_name() -> None:
    found = plans("all")

    assert [plan.spec.device and plan.spec.device.name for plan in found] == ["cuda:0", "cuda:1"]
    assert [plan.spec.device_info.gpu_name for plan in found] == ["NVIDIA 0", "NVIDIA 1"]
    assert len({plan.spec.run_id for plan in found}) == 2
    assert found[0].spec.workloads == found[1].spec.workloads


def test_a_device_is_refused_for_a_model_that_a_server_runs() -> None:
    with pytest.raises(UsageError, match="--device cuda:1 doesn't apply to llms: a server") as no:
        plans("cuda:1", "embeddings", "llms")

    assert "when you start the server" in no.value.remedy


def test_a_busy_card_is_refused() -> None:
    ref = DeviceRef(name="cuda:1", model="NVIDIA H200")
    refuse_busy(ref, Condition(processes=0))
    with pytest.raises(BackendMissing, match=r"cuda:1 \(NVIDIA H200\) is busy: 2 other processes"):
        refuse_busy(ref, Condition(processes=2))


def test_each_device_has_a_report_of_its_own() -> None:
    files = {
        report_path(Path(), "A host", "n1", DeviceRef(name=name)).name
        for name in ("cuda:0", "cuda:1", "cpu:0-3+8")
    }
    files.add(report_path(Path(), "A host", "n1").name)

    assert files == {
        "report_A-host@n1=cuda-0.json", "report_A-host@n1=cuda-1.json",
        "report_A-host@n1=cpu-0-3+8.json", "report_A-host@n1.json",
    }  # fmt: skip
