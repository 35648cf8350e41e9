import subprocess
import sys

import pytest

from nobs.backends import BACKENDS
from nobs.errors import BackendMissing
from nobs.schema.enums import Backend
from nobs.system.gpus import Accelerators, AppleGpu


def test_every_backend_of_the_schema_is_registered() -> None:
    assert set(Backend) <= set(BACKENDS.names())


@pytest.mark.parametrize("name", list(Backend))
def test_a_target_carries_its_registered_name(name: str) -> None:
    assert BACKENDS.load(name).name == name


def test_backends_load_neither_torch_nor_docker() -> None:
    code = (
        "import sys; from nobs.backends import BACKENDS; [BACKENDS.load(n) for n in BACKENDS];"
        "print(sorted({'torch', 'docker', 'transformers'} & set(sys.modules)))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


@pytest.mark.parametrize("name", ["cuda", "rocm", "mps"])
def test_a_machine_without_the_accelerator_is_refused(name: str) -> None:
    with pytest.raises(BackendMissing) as caught:
        BACKENDS.load(name).check_host(Accelerators())

    assert name in caught.value.message
    assert "--backend" in caught.value.remedy


def test_a_cpu_run_needs_nothing() -> None:
    target = BACKENDS.load("cpu")
    target.check_host(Accelerators())

    needs = target.container_needs(Accelerators())

    assert needs.gpu is None
    assert needs.device_nodes == ()


def test_mps_needs_a_mac_with_an_apple_chip() -> None:
    target = BACKENDS.load("mps")
    target.check_host(Accelerators(apple=AppleGpu(name="Apple M4 Max", cores=32)))

    with pytest.raises(BackendMissing, match="needs a Mac with an Apple chip"):
        target.check_host(Accelerators())
