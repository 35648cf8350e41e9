import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nobs.schema.device import DeviceInfo
from nobs.system.accelerators import find_accelerators
from nobs.system.answer import Answer
from nobs.system.probe import LocalMachine
from tests.fakes.forked import REPO
from tests.fakes.waiting import has_ended, wait_for

DESCRIBE = """
import json, os, sys
from nobs.schema.enums import Backend
from nobs.system.device_info import get_device_info
from nobs.system.host import find_host_facts
info = get_device_info(Backend.CPU)
find_host_facts()
print(json.dumps({
    "info": info.model_dump(),
    "cpu_s": sum(os.times()[:4]),
    "heavy": sorted({"torch", "docker", "numpy", "transformers"} & set(sys.modules)),
}))
"""


def test_the_real_machine_is_described_quickly_and_without_torch() -> None:
    done = subprocess.run(
        [sys.executable, "-c", DESCRIBE], capture_output=True, check=True, text=True
    )
    told = json.loads(done.stdout)

    info = DeviceInfo.model_validate(told["info"])

    assert info.ram_gb > 0
    assert info.processor
    assert info.host
    assert len(info.processor) < 120
    assert told["heavy"] == []
    assert told["cpu_s"] < 1.0


def test_files_are_read_below_the_root(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "mark").write_bytes(b"caf\xff\n")
    machine = LocalMachine(root=tmp_path)

    assert machine.read("/proc/mark") == "caf\N{REPLACEMENT CHARACTER}\n"
    assert machine.names("/proc") == ("mark",)


def test_what_is_not_there_is_no_error(tmp_path: Path) -> None:
    machine = LocalMachine(root=tmp_path)

    assert machine.read("/proc/none") is None
    assert machine.names("/proc/none") == ()
    assert machine.read("/nul\0byte") is None
    assert machine.run(("no-such-tool-of-nobs",)) is None


def test_a_command_gives_its_output_once(tmp_path: Path) -> None:
    count = f"f = open({str(tmp_path / 'n')!r}, 'a'); f.write('x'); f.close(); print('told')"
    machine = LocalMachine()

    answers = [str(machine.run((sys.executable, "-c", count))).strip() for _ in range(2)]

    assert answers == ["told", "told"]
    assert (tmp_path / "n").read_text() == "x"


def test_a_command_that_fails_tells_nothing() -> None:
    failing = (sys.executable, "-c", "print('half an answer'); raise SystemExit(9)")

    assert LocalMachine().run(failing) is None


def test_a_command_that_hangs_is_given_up() -> None:
    hanging = (sys.executable, "-c", "import threading; threading.Event().wait(60)")

    assert LocalMachine().run(hanging, timeout_s=0.3) is None


def program(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return file


def test_how_a_tool_failed_is_kept(tmp_path: Path) -> None:
    tool = program(tmp_path / "tool", "echo one; echo two >&2; exit 14")

    answer = LocalMachine().ask((str(tool),))

    assert answer == Answer(stdout="one\n", stderr="two\n", exit_code=14)
    assert answer.text == "one two"


def test_a_tool_that_can_not_be_started_says_why(tmp_path: Path) -> None:
    tool = program(tmp_path / "tool", "")
    tool.write_bytes(b"\x00\x01")

    answer = LocalMachine().ask((str(tool),))

    assert answer is not None
    assert not answer.gave_up
    assert answer.exit_code != 0
    assert answer.text


def test_waiting_is_told_and_ends_with_what_the_tool_started(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    tool = program(tmp_path / "slow-smi", f"sleep 600 & echo $! > {tmp_path / 'pid'}; wait")
    start = time.monotonic()

    answer = LocalMachine().ask((str(tool),), timeout_s=1.5)

    assert answer is not None
    assert answer.gave_up
    assert time.monotonic() - start < 30
    assert capfd.readouterr().err == "nobs: waiting for slow-smi (at most 1.5 s)\n"
    child = int((tmp_path / "pid").read_text())
    wait_for(lambda: has_ended(child))


def test_nvidia_s_tool_is_found_outside_the_path(tmp_path: Path) -> None:
    table = "0, NVIDIA GeForce RTX 4070, GPU-1, 580.65, 12282, 8.9, [N/A]"
    program(tmp_path / "usr/lib/wsl/lib/nvidia-smi", f"echo '{table}'")
    if shutil.which("nvidia-smi"):
        pytest.skip("nvidia-smi is in PATH here")

    found = find_accelerators(LocalMachine(root=tmp_path))

    assert [gpu.name for gpu in found.nvidia] == ["NVIDIA GeForce RTX 4070"]


HANGING_NVML = "import threading\ndef nvmlInit(): threading.Event().wait(600)\n"


def test_a_driver_library_that_hangs_is_given_up(tmp_path: Path) -> None:
    (tmp_path / "pynvml.py").write_text(HANGING_NVML)
    code = "from nobs.system import nvml; print(nvml.ask(1.2).gave_up)"

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, text=True, timeout=120,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(REPO)])},
    )  # fmt: skip

    assert done.stdout == "True\n"
    assert "waiting for NVML" in done.stderr
