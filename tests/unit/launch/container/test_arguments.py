from pathlib import Path

from nobs.launch.container.arguments import create_arguments
from nobs.launch.container.devices import DeviceRequest
from nobs.launch.container.plan import BindMount, ContainerPlan

PLAN = ContainerPlan(
    name="nobs-r1",
    image="nobs:cpu",
    command=("python", "-m", "nobs.supervisor", "/run-dir"),
    uid=1000,
    gid=1001,
    groups=(44,),
    mounts=(BindMount(source=Path("/r"), target="/run-dir"),),
)


def test_the_engine_never_removes_and_always_reaps() -> None:
    arguments = create_arguments(PLAN)

    assert "auto_remove" not in arguments
    assert arguments["init"] is True
    assert arguments["log_config"]["Type"] == "json-file"
    assert arguments["log_config"]["Config"]["max-size"]


def test_no_capability_and_no_new_privilege_is_left() -> None:
    arguments = create_arguments(PLAN)

    assert arguments["cap_drop"] == ["ALL"]
    assert arguments["security_opt"] == ["no-new-privileges"]
    assert "privileged" not in arguments


def test_mounts_are_binds_that_the_engine_does_not_create() -> None:
    (mount,) = create_arguments(PLAN)["mounts"]

    assert (mount["Type"], mount["Source"], mount["Target"]) == ("bind", "/r", "/run-dir")
    assert "volumes" not in create_arguments(PLAN)


def test_the_image_chooses_neither_entrypoint_nor_user() -> None:
    arguments = create_arguments(PLAN)

    assert arguments["entrypoint"] == ["python", "-m", "nobs.supervisor", "/run-dir"]
    assert arguments["user"] == "1000:1001"
    assert arguments["group_add"] == ["44"]


def test_every_gpu_is_a_count_to_a_driver() -> None:
    request = DeviceRequest(driver="nvidia", capabilities=("gpu",), device_ids=("all",))

    (asked,) = create_arguments(PLAN, request)["device_requests"]

    assert (asked["Driver"], asked["Count"], asked["DeviceIDs"]) == ("nvidia", -1, [])
    assert asked["Capabilities"] == [["gpu"]]


def test_every_gpu_is_a_name_to_cdi() -> None:
    request = DeviceRequest(driver="cdi", device_ids=("nvidia.com/gpu=all",))

    (asked,) = create_arguments(PLAN, request)["device_requests"]

    assert (asked["Driver"], asked["Count"]) == ("cdi", 0)
    assert asked["DeviceIDs"] == ["nvidia.com/gpu=all"]
