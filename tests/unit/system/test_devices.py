"""Devices by the names of `--device`, with tables of GPUs that don't exist."""

from dataclasses import replace

import pytest

from nobs.errors import BackendMissing, NobsError, UsageError
from nobs.schema.enums import Backend
from nobs.system.devices import Device, choose_devices, common_backend, names_of
from nobs.system.gpus import Accelerators
from tests.fakes.gpus import amd_gpu, nvidia_gpu

A, B, C = (f"GPU-{letter * 8}-2222-3333-4444-555555555555" for letter in "abc")
SLICE = "MIG-dddddddd-2222-3333-4444-555555555555"
CARDS = tuple(replace(nvidia_gpu(n), uuid=uuid) for n, uuid in enumerate((A, B, C)))
DIVIDED = replace(CARDS[0], slices=(replace(CARDS[0], uuid=SLICE, name="NVIDIA 0 MIG 1g"),))
AMD = (amd_gpu(), replace(amd_gpu(), node=2, uuid="GPU-0123456789abcdef"))


def choose(text: str, machine: Accelerators | None = None) -> tuple[Device, ...]:
    names = names_of(text)
    backend = common_backend(names) or Backend.CUDA
    return choose_devices(names, backend, machine or Accelerators(nvidia=CARDS), range(8))


def test_a_number_is_that_of_nvidia_smi_and_the_run_sees_that_gpu_only() -> None:
    (device,) = choose("cuda:1")

    assert (device.ref.name, device.ref.index, device.ref.model) == ("cuda:1", 1, "NVIDIA 1")
    assert device.ref.variables == {"CUDA_VISIBLE_DEVICES": B}
    assert device.accelerators.cuda() == (CARDS[1],)


def test_all_is_every_gpu_that_the_callers_variables_show() -> None:
    hidden = Accelerators(nvidia=CARDS, variables={"CUDA_VISIBLE_DEVICES": f"{C},{A}"})

    assert [each.ref.name for each in choose("all")] == ["cuda:0", "cuda:1", "cuda:2"]
    assert [each.ref.name for each in choose("all", hidden)] == ["cuda:0", "cuda:2"]


def test_a_gpu_without_uuid_is_named_by_its_place_on_the_bus() -> None:
    (device,) = choose("cuda:1", Accelerators(nvidia=(nvidia_gpu(0), nvidia_gpu(1))))

    assert device.ref.variables == {
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "1",
    }  # fmt: skip
    assert [gpu.index for gpu in device.accelerators.cuda()] == [1]


def test_amd_gpus_are_shown_by_rocr() -> None:
    first, second = choose("rocm:0,rocm:1", Accelerators(amd=AMD))

    assert first.ref.variables == {"ROCR_VISIBLE_DEVICES": "0"}
    assert second.ref.variables == {"ROCR_VISIBLE_DEVICES": "GPU-0123456789abcdef"}
    assert second.accelerators.hip() == (AMD[1],)


def test_a_slice_is_named_by_its_uuid() -> None:
    (device,) = choose(SLICE, Accelerators(nvidia=(DIVIDED,)))

    assert (device.ref.name, device.ref.index) == (SLICE, None)
    assert device.accelerators.cuda() == DIVIDED.slices


def test_cores_are_a_device_in_one_spelling() -> None:
    first, second = choose("cpu:0-1+3,cpu:5+4")

    assert (first.ref.name, first.ref.cores) == ("cpu:0-1+3", (0, 1, 3))
    assert second.ref.name == "cpu:4-5"


@pytest.mark.parametrize("text", ["cuda", "cpu", "mps", "mps:0"])
def test_a_backend_alone_leaves_the_choice_as_it_is(text: str) -> None:
    assert choose(text) == ()


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("gpu1", UsageError, "'gpu1' names no device"),
        ("cuda:x", UsageError, "names no device"),
        ("cuda:0,cuda:0", UsageError, "cuda:0 twice"),
        (f"cuda:0,{A}", UsageError, "cuda:0 twice"),
        ("all,cuda:0", UsageError, "and also other devices"),
        ("cuda,cuda:0", UsageError, "and also others"),
        ("cuda:0,cpu:0", UsageError, "several backends"),
        ("cuda:7", BackendMissing, r"no device cuda:7; this machine has cuda:0 \(NVIDIA 0\)"),
        ("GPU-99999999-", BackendMissing, "is no cuda device here"),
        ("rocm:0", BackendMissing, "No GPU of the backend rocm"),
        ("mps:1", BackendMissing, "has one device here"),
        ("cpu:0-1,cpu:1-2", UsageError, "core 1 is in cpu:0-1 and in cpu:1-2"),
        ("cpu:3-1", UsageError, "has no cores in 3-1"),
        ("cpu:6-9", BackendMissing, "can't use core 8; it may use 0-7"),
    ],
)
def test_other_names_are_refused(text: str, kind: type[NobsError], message: str) -> None:
    with pytest.raises(kind, match=message) as refused:
        choose(text)

    assert refused.value.remedy


def test_a_divided_or_hidden_gpu_is_refused() -> None:
    with pytest.raises(UsageError, match=f"divided by MIG; its instances are: {SLICE}"):
        choose("cuda:0", Accelerators(nvidia=(DIVIDED, CARDS[1])))
    hidden = Accelerators(nvidia=CARDS, variables={"CUDA_VISIBLE_DEVICES": A})
    with pytest.raises(BackendMissing, match=r"cuda:1 \(NVIDIA 1\) is hidden by CUDA_VISIBLE"):
        choose("cuda:1", hidden)
