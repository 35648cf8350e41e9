import json
import subprocess
import sys
from pathlib import Path

from nobs.schema.device import DeviceInfo
from nobs.system.probe import LocalMachine

DESCRIBE = """
import json, os, sys
from nobs.system.device_info import get_device_info
from nobs.system.host import find_host_facts
info = get_device_info()
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
