import subprocess
import sys
import threading

import pytest

from nobs.runner.forkserver import find_hazard

LIBCUDA = """
int cuDeviceGetCount(int *count) { *count = 1; return %d; }
"""


def test_process_without_threads_and_device_may_fork() -> None:
    code = "from nobs.runner.forkserver import find_hazard; print(find_hazard())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "None\n"


def test_running_thread_forbids_forking() -> None:
    release = threading.Event()
    thread = threading.Thread(target=release.wait)
    thread.start()
    hazard = find_hazard()
    release.set()
    thread.join()

    assert hazard is not None
    assert "threads were started" in hazard


@pytest.mark.parametrize(
    ("answer", "hazard"),
    [pytest.param(3, "None", marks=pytest.mark.long), (0, "a device was initialised")],
)
def test_driver_library_tells_whether_a_device_was_touched(
    tmp_path_factory: pytest.TempPathFactory, answer: int, hazard: str
) -> None:
    directory = tmp_path_factory.mktemp("driver")
    source = directory / "cuda.c"
    source.write_text(LIBCUDA % answer)
    built = subprocess.run(
        ["cc", "-shared", "-fPIC", "-o", str(directory / "libcuda.so.1"), str(source)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if built.returncode:
        pytest.skip(f"no C compiler that makes a shared library: {built.stderr}")
    code = "from nobs.runner.forkserver import find_hazard; print(find_hazard())"
    done = subprocess.run(
        [sys.executable, "-c", code], env={"LD_LIBRARY_PATH": str(directory)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert done.stdout.startswith(hazard)
