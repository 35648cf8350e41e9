import os
from pathlib import Path

import pytest

from nobs.backends.rocm import Rocm
from nobs.errors import BackendMissing
from nobs.system.gpus import Accelerators
from tests.fakes.gpus import amd_gpu


def machine(gfx: str = "gfx942", render_minor: int | None = 128) -> Accelerators:
    return Accelerators(amd=(amd_gpu(gfx, render_minor=render_minor),))


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Lay out a machine with the compute device and two render nodes."""
    monkeypatch.delenv("HSA_OVERRIDE_GFX_VERSION", raising=False)
    dri = tmp_path / "dev" / "dri"
    dri.mkdir(parents=True)
    for file in (tmp_path / "dev" / "kfd", dri / "renderD128", dri / "renderD129"):
        file.touch()
    return tmp_path


def test_a_container_gets_the_compute_device_and_the_gpus_render_nodes(root: Path) -> None:
    needs = Rocm(root=root).container_needs(machine(render_minor=129))

    assert [node.target for node in needs.device_nodes] == ["/dev/kfd", "/dev/dri/renderD129"]
    assert needs.device_nodes[0].source == str(root / "dev/kfd")


def test_every_render_node_is_passed_where_the_gpus_are_not_known(root: Path) -> None:
    needs = Rocm(root=root).container_needs(Accelerators())

    targets = [node.target for node in needs.device_nodes]
    assert targets == ["/dev/kfd", "/dev/dri/renderD128", "/dev/dri/renderD129"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to other groups")
def test_the_groups_that_own_the_nodes_are_numbers_and_named_once(root: Path) -> None:
    os.chown(root / "dev/kfd", -1, 993)
    os.chown(root / "dev/dri/renderD128", -1, 993)
    os.chown(root / "dev/dri/renderD129", -1, 44)

    assert Rocm(root=root).container_needs(Accelerators()).groups == (44, 993)


def test_a_complete_machine_is_accepted(root: Path) -> None:
    Rocm(root=root).check_host(machine())


def test_a_missing_compute_device_is_named_with_its_driver(root: Path) -> None:
    (root / "dev/kfd").unlink()

    with pytest.raises(BackendMissing) as caught:
        Rocm(root=root).check_host(machine())

    assert "dev/kfd" in caught.value.message
    assert "amdgpu" in caught.value.remedy


def test_a_missing_render_node_is_named(root: Path) -> None:
    with pytest.raises(BackendMissing, match="renderD130"):
        Rocm(root=root).check_host(machine(render_minor=130))


def test_device_files_without_a_listed_gpu_are_refused(root: Path) -> None:
    with pytest.raises(BackendMissing, match="none was found"):
        Rocm(root=root).check_host(Accelerators())


def test_a_gpu_without_kernels_is_refused_unless_overridden(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = Rocm(root=root)
    with pytest.raises(BackendMissing, match="gfx1035") as caught:
        target.check_host(machine("gfx1035"))
    assert "HSA_OVERRIDE_GFX_VERSION" in caught.value.remedy

    monkeypatch.setenv("HSA_OVERRIDE_GFX_VERSION", "10.3.0")
    target.check_host(machine("gfx1035"))


def test_the_first_gpu_that_rocm_shows_is_the_one_that_counts(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HSA_OVERRIDE_GFX_VERSION", raising=False)
    found = Accelerators(amd=(amd_gpu("gfx1036"), amd_gpu("gfx1100", render_minor=129)))
    target = Rocm(root=root)

    with pytest.raises(BackendMissing, match="gfx1036") as caught:
        target.check_host(found)

    assert "ROCR_VISIBLE_DEVICES=1" in caught.value.remedy
    chosen = Accelerators(amd=found.amd, variables={"ROCR_VISIBLE_DEVICES": "1"})
    target.check_host(chosen)
    target.check_image(chosen, "gfx1100")
    with pytest.raises(BackendMissing, match="gfx1036"):
        target.check_image(found, "gfx1100")


def test_hidden_gpus_are_refused_with_the_variable(root: Path) -> None:
    hidden = Accelerators(amd=(amd_gpu(),), variables={"HIP_VISIBLE_DEVICES": ""})

    with pytest.raises(BackendMissing, match="HIP_VISIBLE_DEVICES='' hides all of them"):
        Rocm(root=root).check_host(hidden)


def test_an_image_is_compared_with_the_gpus_instruction_set(root: Path) -> None:
    target = Rocm(root=root)
    target.check_image(machine("gfx942"), "gfx90a:xnack- gfx942:sramecc+")

    with pytest.raises(BackendMissing, match="gfx906"):
        target.check_image(machine("gfx906"), "gfx90a gfx942")
