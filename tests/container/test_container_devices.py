"""Handing over devices, on engines with stand-ins where no GPU is."""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from nobs.backends import BACKENDS
from nobs.backends.base import ContainerNeeds, DeviceNode, GpuRequest
from nobs.backends.rocm import Rocm
from nobs.errors import BackendMissing
from nobs.launch.engine.client import Engine, connect
from nobs.system.gpus import Accelerators
from tests.container.launching import Launch

pytestmark = pytest.mark.stand_ins
CUDA = BACKENDS.load("cuda").container_needs(Accelerators())
NO_SUCH_GPU = ContainerNeeds(gpu=GpuRequest(driver="nosuch", cdi_kind="nosuch.example/gpu"))
SHOW_GPUS = "import os; print(os.environ.get('NVIDIA_VISIBLE_DEVICES'))"
Connect = Callable[[str], Launch]


@pytest.fixture
def on(tmp_path: Path) -> Iterator[Connect]:
    """Return a function that prepares a launch on the engine at an address."""
    with ExitStack() as stack:

        def prepare(address: str) -> Launch:
            engine: Engine = stack.enter_context(connect({"DOCKER_HOST": address}))
            return Launch(engine, tmp_path / "run")

        yield prepare


def test_an_engine_with_the_toolkits_hook_hands_over_every_nvidia_gpu(
    on: Connect, engine: str
) -> None:
    launch = on(engine)

    launch.run(SHOW_GPUS, needs=CUDA)

    assert launch.stdout == ["all"]


def test_an_engine_with_cdi_hands_over_what_the_specification_names(
    on: Connect, second_engine: str
) -> None:
    launch = on(second_engine)
    plan = launch.plan("", needs=CUDA)

    launch.run("import os; print(os.path.exists('/dev/nvidia0'))", needs=CUDA)

    assert launch.engine.info.cdi_kinds >= {"nvidia.com/gpu"}
    assert plan.device_requests[0].driver == "cdi"
    assert launch.stdout == ["True"]


def test_cdi_is_tried_where_its_specifications_cannot_be_seen(
    on: Connect, second_engine: str
) -> None:
    launch = on(second_engine)
    blind = replace(launch.engine.info, cdi_kinds=frozenset())
    plan = launch.plan("", needs=CUDA, engine=blind)

    launch.run("import os; print(os.path.exists('/dev/nvidia0'))", needs=CUDA, engine=blind)

    assert [request.driver for request in plan.device_requests] == ["nvidia", "cdi"]
    assert launch.stdout == ["True"]
    assert launch.left_behind() == []


@pytest.mark.parametrize("address", ["engine", "second_engine"])
def test_a_gpu_that_no_runtime_hands_over_is_an_error_and_leaves_nothing(
    on: Connect, address: str, request: pytest.FixtureRequest
) -> None:
    launch = on(request.getfixturevalue(address))

    with pytest.raises(BackendMissing) as caught:
        launch.run("print('ran')", needs=NO_SUCH_GPU)

    assert caught.value.exit_code == 3
    assert "NVIDIA Container Toolkit" in caught.value.remedy
    assert launch.stdout == []
    assert launch.left_behind() == []


@pytest.mark.parametrize("address", ["engine", "second_engine"])
def test_a_device_that_is_not_there_is_an_error_and_leaves_nothing(
    on: Connect, address: str, request: pytest.FixtureRequest
) -> None:
    launch = on(request.getfixturevalue(address))
    node = DeviceNode(source="/dev/nobs-nosuch", target="/dev/kfd")

    with pytest.raises(BackendMissing) as caught:
        launch.run("print('ran')", needs=ContainerNeeds(device_nodes=(node,)))

    assert "/dev/nobs-nosuch" in caught.value.message
    assert launch.left_behind() == []


@pytest.fixture
def amd_machine(tmp_path: Path) -> Path:
    """Make character devices in place of the compute device and a render node."""
    if os.geteuid() != 0:
        pytest.fail("making device files needs root; run these tests as .ci/run does")
    root = tmp_path / "machine"
    (root / "dev/dri").mkdir(parents=True)
    for name, group in (("dev/kfd", 993), ("dev/dri/renderD128", 44)):
        os.mknod(root / name, stat.S_IFCHR, os.makedev(1, 3))
        (root / name).chmod(0o660)
        os.chown(root / name, 0, group)
    return root


@pytest.mark.parametrize("address", ["engine", "second_engine"])
def test_an_amd_machines_nodes_are_usable_by_the_callers_groups(
    on: Connect, address: str, amd_machine: Path, request: pytest.FixtureRequest
) -> None:
    launch = on(request.getfixturevalue(address))
    needs = Rocm(root=amd_machine).container_needs(Accelerators())
    code = (
        "import os\n"
        "for path in ('/dev/kfd', '/dev/dri/renderD128'):\n"
        "    os.close(os.open(path, os.O_RDWR))\n"
        "print(sorted(set(os.getgroups()) - {os.getgid()}))"
    )

    outcome = launch.run(code, needs=needs)

    assert launch.stderr == []
    assert outcome.exit_code == 0
    assert launch.stdout == ["[44, 993]"]
