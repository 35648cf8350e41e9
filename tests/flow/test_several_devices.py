"""`nobs run --device` from the command line, with stand-in cards and with cores."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from nobs.report.validation import validate_file
from tests.fakes.command import environment, run_nobs
from tests.fakes.smi import RTX3060, RTX4090, TWO_CARDS, write_smi

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="cores and a shell script")
QUICK = ("--profile", "quick", "--task", "embeddings", "--execution", "native")
UNSET = ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES")


def two_cards(tmp_path: Path, **variables: str) -> dict[str, str]:
    """The environment of a machine with two cards."""
    tools = write_smi(tmp_path / "bin", TWO_CARDS)
    env = environment(tmp_path, PATH=f"{tools}{os.pathsep}{os.environ['PATH']}")
    return {name: value for name, value in env.items() if name not in UNSET} | variables


def test_all_plans_a_run_of_each_card(tmp_path: Path) -> None:
    words = ("run", "--dry-run", "--json", *QUICK, "--device", "all")
    plans = json.loads(run_nobs(*words, cwd=tmp_path, env=two_cards(tmp_path)).stdout)

    assert [plan["spec"]["device"]["name"] for plan in plans] == ["cuda:0", "cuda:1"]
    assert [plan["spec"]["device"]["uuid"] for plan in plans] == [RTX3060, RTX4090]
    assert [plan["spec"]["device_info"]["gpu_name"] for plan in plans] == [
        "NVIDIA GeForce RTX 3060", "NVIDIA GeForce RTX 4090",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--device", "gpu1"), 2, "'gpu1' names no device. Name devices as in cuda:1"),
        (("--device", "cuda:5"), 3, "There is no device cuda:5; this machine has cuda:0 (NVIDIA"),
        (("--device", "cuda:0", "--backend", "rocm"), 2, "but --backend is rocm. Omit --backend"),
        (("--device", "all", "--detach"), 2, "--detach runs one device"),
        (("--device", "cuda:1", "--together"), 2, "--together needs several devices"),
        (("--device", " "), 2, "--device is empty"),
    ],
)
def test_bad_devices_are_refused_with_a_remedy(
    tmp_path: Path, words: tuple[str, ...], code: int, message: str
) -> None:
    done = run_nobs("run", *QUICK, *words, cwd=tmp_path, env=two_cards(tmp_path))

    assert done.returncode == code
    assert message in " ".join(done.stderr.split())
    assert not (tmp_path / "results").exists()


@pytest.mark.long
def test_core_sets_are_measured_in_turn_and_at_once_with_a_report_each(tmp_path: Path) -> None:
    first, *_, last = sorted(os.sched_getaffinity(0))
    if first == last:
        pytest.skip("one core only")
    words = (*QUICK, "--rows", "4", "--repeats", "3", "--device", f"cpu:{first},cpu:{last}")
    done = subprocess.run(
        [sys.executable, "-m", "nobs", "run", *words, "--together", "--json"],
        cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True, timeout=900,
        check=False,
    )  # fmt: skip
    found = json.loads(done.stdout)
    reports = sorted((tmp_path / "results").glob("report_*.json"))

    assert done.returncode == 0, done.stderr
    runs = [each["run"] for each in found["reports"]]
    assert [run["device"]["name"] for run in runs] == 2 * [f"cpu:{first}", f"cpu:{last}"]
    assert [len(run.get("together", ())) for run in runs] == [0, 0, 1, 1]
    hosts = [report["environment"]["host"] for report in found["reports"]]
    assert [host["affinity_cores"] for host in hosts] == [1, 1, 1, 1]
    assert len(found["comparison"][0]["devices"]) == 2
    (total,) = found["reports"][3]["together"]
    assert [part["device"] for part in total["parts"]] == [f"cpu:{first}", f"cpu:{last}"]
    assert total["efficiency"] > 0
    assert len(reports) == 4
    assert not any(validate_file(file).faults for file in reports)
