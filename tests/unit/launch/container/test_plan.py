import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from nobs.backends.base import ContainerNeeds, DeviceNode, GpuRequest
from nobs.launch.container.plan import ContainerPlan, SecretFile, plan_container
from nobs.launch.engine.info import EngineInfo

NEEDS = ContainerNeeds()


def plan(**changes: Any) -> ContainerPlan:
    values: dict[str, Any] = {
        "run_id": "r1",
        "run_dir": Path("/results/runs/r1"),
        "image": "nobs:cpu-123",
        "engine": EngineInfo(),
        "needs": NEEDS,
        "user": (1000, 1001),
    }
    return plan_container(**(values | changes))


def test_a_container_is_hardened_without_being_asked() -> None:
    container = plan()

    assert container.read_only
    assert container.security_options == ("no-new-privileges",)
    assert container.network == "none"
    assert list(container.tmpfs) == ["/tmp"]
    assert container.pids_limit == 4096


CACHE = "/home/me/.cache/huggingface"


CACHED = [(f"{CACHE}/{name}", f"/cache/huggingface/{name}", True) for name in ("hub", "nobs")]


@pytest.mark.parametrize(
    ("changes", "mounted"),
    [
        ({}, CACHED),
        ({"network": "bridge"}, CACHED),
        ({"network": "bridge", "fetches": True}, [(CACHE, "/cache/huggingface", False)]),
    ],
)
def test_results_and_cache_are_the_only_mounts_and_a_login_is_for_fetching(
    changes: dict[str, Any], mounted: list[tuple[str, str, bool]]
) -> None:
    container = plan(cache_dir=Path(CACHE), **changes)

    assert [(str(m.source), m.target, m.read_only) for m in container.mounts] == [
        ("/results/runs/r1", "/run-dir", False),
        *mounted,
    ]


def test_models_and_texts_of_the_user_s_own_have_the_same_name_inside() -> None:
    mount = plan(files=[Path("/home/me/a:b, ü/model")]).mounts[-1]

    assert (str(mount.source), mount.target) == ("/home/me/a:b, ü/model", "/home/me/a:b, ü/model")
    assert mount.read_only


def test_relative_directories_are_made_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert plan(run_dir=Path("results")).mounts[0].source == tmp_path / "results"


def test_a_token_is_a_read_only_file_and_never_a_variable() -> None:
    container = plan(secrets=(SecretFile(variable="HF_TOKEN_PATH", source=Path("/tmp/hf_token")),))

    assert container.mounts[-1].read_only
    assert container.environment["HF_TOKEN_PATH"] == container.mounts[-1].target
    assert "HF_TOKEN" not in container.environment


def test_the_socket_of_a_relay_is_mounted_and_opens_no_network() -> None:
    container = plan(socket_dir=Path("/tmp/nobs-r1"))

    assert container.mounts[-1].target == "/run/nobs"
    assert container.mounts[-1].read_only
    assert container.network == "none"


def test_the_caller_runs_the_container() -> None:
    assert (plan().uid, plan().gid) == (1000, 1001)
    assert plan(user=None).uid == os.getuid()


def test_in_a_rootless_engine_the_caller_is_root_inside() -> None:
    container = plan(engine=EngineInfo(rootless=True))

    assert (container.uid, container.gid) == (0, 0)


def test_a_remapping_engine_is_told_to_leave_users_alone() -> None:
    assert plan(engine=EngineInfo(userns_remapped=True)).userns_mode == "host"
    assert plan().userns_mode is None


def test_under_selinux_mounts_stay_readable() -> None:
    assert "label=disable" in plan(engine=EngineInfo(selinux=True)).security_options


def test_a_gpu_is_asked_for_in_the_engines_way() -> None:
    gpu = GpuRequest(driver="nvidia", cdi_kind="nvidia.com/gpu")
    engine = EngineInfo(cdi_enabled=True, cdi_kinds=frozenset({"nvidia.com/gpu"}))

    container = plan(needs=ContainerNeeds(gpu=gpu), engine=engine)

    assert container.device_requests[0].driver == "cdi"
    assert container.to_dict()["device_request"]["driver"] == "cdi"


def test_device_nodes_come_with_their_groups() -> None:
    nodes = (DeviceNode(source="/dev/kfd", target="/dev/kfd"),)

    container = plan(needs=ContainerNeeds(device_nodes=nodes, groups=(44, 993)))

    assert container.devices == nodes
    assert container.groups == (44, 993)


def test_passed_variables_come_from_the_caller_where_they_are_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    monkeypatch.delenv("CUDA_DEVICE_ORDER", raising=False)

    environment = plan(passed=("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER")).environment

    assert environment["CUDA_VISIBLE_DEVICES"] == "1"
    assert "CUDA_DEVICE_ORDER" not in environment


def test_what_the_backend_needs_wins_over_what_the_caller_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    needs = ContainerNeeds(environment={"CUDA_VISIBLE_DEVICES": "GPU-1"})

    environment = plan(needs=needs, passed=("CUDA_VISIBLE_DEVICES",)).environment

    assert environment["CUDA_VISIBLE_DEVICES"] == "GPU-1"


def test_given_variables_win() -> None:
    environment = plan(environment={"HF_HUB_OFFLINE": "1", "USER": "me"}).environment

    assert environment["HF_HUB_OFFLINE"] == "1"
    assert environment["USER"] == "me"
    assert environment["HOME"] == "/tmp"


def test_labels_tell_run_owner_and_deadline() -> None:
    labels = plan(deadline=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)).labels

    assert labels["nobs.run_id"] == "r1"
    assert "@" in labels["nobs.owner"]
    assert labels["nobs.deadline"] == "2026-01-02T03:04:05+00:00"


def test_a_plan_is_printable_as_json() -> None:
    container = plan(cache_dir=Path("/cache"), needs=NEEDS)

    assert json.loads(json.dumps(container.to_dict()))["mounts"][1]["source"] == "/cache/hub"
    assert container.to_dict()["device_request"] is None
