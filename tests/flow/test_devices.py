"""Which device plans, reports and errors name, by the command line with a stand-in nvidia-smi.

As in https://github.com/United-Compute/gpu-benchmark/issues/3: a time of one card under the name of
another.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nobs.report.validation import Ruling, validate_file
from nobs.schema.enums import Backend
from nobs.schema.report import Report
from tests.fakes.command import environment, run_nobs
from tests.fakes.forked import REPO
from tests.fakes.launcher_only import make_packages, run_launcher
from tests.fakes.rounds import LIGHT, PLUGIN, change_spec, result_of
from tests.fakes.runs import DEVICE, faulty_workload, order
from tests.fakes.smi import RTX3060, TWO_CARDS, write_program, write_smi

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a shell script")
QUICK = ("--profile", "quick", "--task", "embeddings", "--execution", "native")
MISMATCH = "Failed to initialize NVML: Driver/library version mismatch"
UNSET = ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES")


def machine_of(tmp_path: Path, tools: Path, **variables: str) -> dict[str, str]:
    """The environment of a machine with these tools of drivers."""
    env = environment(tmp_path, PATH=f"{tools}{os.pathsep}{os.environ['PATH']}")
    return {name: value for name, value in env.items() if name not in UNSET} | variables


@pytest.mark.parametrize(
    ("variables", "name", "memory_gb"),
    [
        ({}, "NVIDIA GeForce RTX 4090", 23.99),
        ({"CUDA_VISIBLE_DEVICES": "1"}, "NVIDIA GeForce RTX 3060", 12.0),
        (
            {"CUDA_VISIBLE_DEVICES": "1", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
            "NVIDIA GeForce RTX 4090",
            23.99,
        ),
        ({"CUDA_VISIBLE_DEVICES": RTX3060}, "NVIDIA GeForce RTX 3060", 12.0),
    ],
)
def test_info_and_plan_name_the_card_that_cuda_shows_first(
    tmp_path: Path, variables: dict[str, str], name: str, memory_gb: float
) -> None:
    env = machine_of(tmp_path, write_smi(tmp_path / "bin", TWO_CARDS), **variables)

    info = json.loads(run_nobs("info", "--json", cwd=tmp_path, env=env).stdout)
    plan = json.loads(run_nobs("run", "--dry-run", "--json", *QUICK, cwd=tmp_path, env=env).stdout)

    assert (info["device"], info["gpu_name"], info["gpu_memory_gb"]) == ("cuda", name, memory_gb)
    assert plan["spec"]["device_info"] == info
    is_guess = "CUDA_DEVICE_ORDER" not in variables and RTX3060 not in variables.values()
    assert any("taken for the first GPU" in note for note in plan["notes"]) is is_guess


@pytest.mark.parametrize("value", ["", "-1"])
def test_hiding_every_card_asks_for_the_cpu_and_cuda_is_refused(tmp_path: Path, value: str) -> None:
    tools = write_smi(tmp_path / "bin", TWO_CARDS)
    env = machine_of(tmp_path, tools, CUDA_VISIBLE_DEVICES=value)

    auto = run_nobs("run", "--dry-run", *QUICK, cwd=tmp_path, env=env)
    cuda = run_nobs("run", "--dry-run", *QUICK, "--backend", "cuda", cwd=tmp_path, env=env)

    assert auto.returncode == 0
    assert "backend    cpu, native" in auto.stdout
    assert f"CUDA_VISIBLE_DEVICES={value!r} hides NVIDIA GeForce RTX 3060" in auto.stdout
    assert (cuda.returncode, cuda.stdout) == (3, "")
    assert f"CUDA_VISIBLE_DEVICES={value!r} hides all of them" in cuda.stderr


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("run", "--dry-run", *QUICK), 3),
        (("run", "--dry-run", *QUICK, "--backend", "cuda"), 3),
        (("info",), 3),
        (("info", "--json"), 3),
        (("build",), 3),
        (("run", "--dry-run", *QUICK, "--backend", "cpu"), 0),
        (("info", "--backend", "cpu"), 0),
    ],
)
def test_a_broken_driver_stops_all_but_the_cpu_on_purpose(
    tmp_path: Path, words: tuple[str, ...], code: int
) -> None:
    env = machine_of(tmp_path, write_smi(tmp_path / "bin", MISMATCH, 18))

    done = run_nobs(*words, cwd=tmp_path, env=env)

    assert done.returncode == code
    if code:
        assert done.stdout == ""
        assert MISMATCH in done.stderr
        assert "Reboot" in done.stderr
        assert "--backend cpu" in done.stderr
        assert "Traceback" not in done.stderr


def test_the_doctor_gives_the_same_reason(tmp_path: Path) -> None:
    env = machine_of(tmp_path, write_smi(tmp_path / "bin", MISMATCH, 18))

    done = run_nobs("doctor", "--json", cwd=tmp_path, env=env)
    checks = {check["name"]: check for check in json.loads(done.stdout)}

    assert done.returncode == 3
    assert checks["driver"]["state"] == "fail"
    assert MISMATCH in checks["driver"]["found"]
    assert "Reboot" in checks["driver"]["remedy"]


@pytest.mark.long
def test_a_hanging_tool_costs_seconds_and_says_so(tmp_path: Path) -> None:
    env = machine_of(tmp_path, write_program(tmp_path / "bin", "sleep 600"))

    done = run_nobs("info", cwd=tmp_path, env=env)

    assert done.returncode == 3
    assert "waiting for nvidia-smi (at most 5 s)" in done.stderr
    assert "no answer within 5 s" in done.stderr


@pytest.mark.parametrize(
    ("code", "said"),
    [(14, "WARNING: infoROM is corrupted"), pytest.param(0, "", marks=pytest.mark.long)],
)
def test_the_launcher_alone_reads_what_a_complaining_tool_lists(
    tmp_path: Path, code: int, said: str
) -> None:
    tools = write_smi(tmp_path / "bin", f"{TWO_CARDS}{said}", code)
    packages = make_packages(tmp_path / "packages")
    for path in packages.glob("pynvml*"):
        path.unlink()

    done = run_launcher(packages, "info", "--json", cwd=tmp_path, env=machine_of(tmp_path, tools))

    assert json.loads(done.stdout)["gpu_name"] == "NVIDIA GeForce RTX 4090"
    assert said in done.stderr


def gpu(name: str, memory_bytes: int, **facts: Any) -> dict[str, Any]:
    """What torch tells of a card."""
    defaults = {"uuid": RTX3060.removeprefix("GPU-"), "pci_domain_id": 0, "pci_bus_id": 1,
                "pci_device_id": 0, "multi_processor_count": 28, "is_integrated": 0}  # fmt: skip
    return {"name": name, "total_memory": memory_bytes, **defaults, **facts}


def report_of_run(tmp_path: Path, torch_sees: dict[str, Any]) -> Report:
    """Run a step on CUDA that was planned for an RTX 4090; the supervisor's report."""
    run_dir = order(tmp_path / "results", faulty_workload(tmp_path, "fine"), backend=Backend.CUDA)
    planned = {
        "device": Backend.CUDA,
        "gpu_name": "NVIDIA GeForce RTX 4090",
        "gpu_memory_gb": 23.99,
    }
    change_spec(run_dir, device_info=DEVICE.model_copy(update=planned))
    paths = os.pathsep.join(map(str, (LIGHT, PLUGIN, REPO)))
    env = {**os.environ, "PYTHONPATH": paths, "LIGHT_TORCH_GPU": json.dumps(torch_sees)}
    done = subprocess.run(
        [sys.executable, "-m", "nobs.supervisor", str(run_dir.path)],
        env=env, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, (done.stderr, result_of(run_dir, "fine").failure)
    assert validate_file(run_dir.report_file).ruling is not Ruling.INVALID
    return run_dir.read_report()


@pytest.mark.parametrize(
    ("torch_sees", "name", "memory_gb"),
    [
        (gpu("NVIDIA GeForce RTX 3060", 12 << 30), "NVIDIA GeForce RTX 3060", 12.0),
        *(pytest.param(*each, marks=pytest.mark.long) for each in (
            (gpu("NVIDIA GeForce RTX 4090 MIG 1g.12gb", 12 << 30),
             "NVIDIA GeForce RTX 4090 MIG 1g.12gb", 12.0),
            (gpu("NVIDIA GeForce RTX 4090", 48 << 30), "NVIDIA GeForce RTX 4090", 48.0),
            (gpu("NVIDIA GB10", 120 << 30, is_integrated=1), "NVIDIA GB10",
             "shared with system RAM"))),
    ],
)  # fmt: skip
def test_the_report_names_the_device_that_computed_and_says_so(
    tmp_path: Path, torch_sees: dict[str, Any], name: str, memory_gb: float | str
) -> None:
    report = report_of_run(tmp_path, torch_sees)
    info = report.device_info

    assert (info.gpu_name, info.gpu_memory_gb) == (name, memory_gb)
    assert "other-device" in [flag.name for flag in report.run.flags]


@pytest.mark.long
def test_the_planned_device_keeps_its_description(tmp_path: Path) -> None:
    report = report_of_run(tmp_path, gpu("NVIDIA GeForce RTX 4090", int(23.6 * 2**30)))
    (model,) = report.tasks[0].models.values()
    check = model.checks[0]

    info = report.device_info

    assert (info.gpu_name, info.gpu_memory_gb) == ("NVIDIA GeForce RTX 4090", 23.99)
    assert "other-device" not in [flag.name for flag in report.run.flags]
    assert (check.device, check.uuid, check.pci) == ("cuda:0", RTX3060, "0000:01:00.0")
    assert (check.multiprocessors, check.is_unified) == (28, False)
