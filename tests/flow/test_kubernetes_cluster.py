"""Exported Jobs on a real control plane, Kubernetes 1.20, which `.ci/kubernetes.sh` starts.

It is older than what the export is for: it drops the fields that `DROPPED` names.
"""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.fakes.command import run_nobs
from tests.fakes.forked import REPO
from tests.fakes.registry import fake_registry
from tests.fakes.rounds import await_

pytestmark = [
    pytest.mark.kubernetes,
    pytest.mark.skipif(
        os.environ.get("NOBS_TEST_KUBERNETES") != "1",
        reason="tests of a control plane run with NOBS_TEST_KUBERNETES=1 and KUBECONFIG after "
        "`.ci/kubernetes.sh start` (as .ci/run does with NOBS_CI_KUBERNETES=1)",
    ),
]

USER = 10001
DROPPED = {"spec.podFailurePolicy"}
DROPPED_OF_INDEXED = DROPPED | {"spec.completionMode", "spec.backoffLimitPerIndex"}
RUN = ("--backend", "cpu", "--task", "embeddings", "--profile", "quick", "--rows", "6",
       "--repeats", "1")  # fmt: skip
VOLUMES = {"/results", "/cache/huggingface", "/tmp"}
LIMIT_S = 300


class Cluster:
    """A namespace of the cluster."""

    def __init__(self, namespace: str, image: str, home: Path) -> None:
        self.namespace, self.home = namespace, home
        self._image = image
        self.volume = home / "volume"
        self.volume.mkdir()
        os.chown(self.volume, USER, USER)

    def kubectl(self, *words: str, given: object = None) -> str:
        done = self.try_kubectl(*words, given=given)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def try_kubectl(self, *words: str, given: object = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["kubectl", "--namespace", self.namespace, *words], input=json.dumps(given),
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    def get(self, *words: str) -> Any:
        return json.loads(self.kubectl("get", *words, "--output", "json"))

    def export(self, *words: str) -> Path:
        """Write the Job that `nobs export kubernetes` prints to a file."""
        place = () if "--results-claim" in words else ("--results-path", str(self.volume))
        done = run_nobs("export", "kubernetes", "--image", self._image, "--pinned", *place,
                        "--namespace", self.namespace, *words, cwd=self.home)  # fmt: skip
        assert done.returncode == 0, done.stderr
        file = self.home / "job.yaml"
        file.write_text(done.stdout)
        return file

    def create(self, file: Path) -> set[str]:
        """Create the file's Job as it is; return the fields that the cluster has dropped."""
        refused = self.try_kubectl("create", "--filename", str(file))
        assert 'unknown field "podFailurePolicy"' in refused.stderr
        self.kubectl("create", "--validate=false", "--filename", str(file))
        given = import_module("yaml").safe_load(file.read_text())
        return set(missing(given, self.get("job", "nobs")))

    def pods(self) -> list[Any]:
        return list(self.get("pods", "--selector", "job-name=nobs")["items"])

    def ended(self) -> dict[str, Any]:
        """Wait for the Job's end; return the condition that names it."""
        await_(lambda: self.get("job", "nobs")["status"].get("conditions"), LIMIT_S)
        [condition] = self.get("job", "nobs")["status"]["conditions"]
        return dict(condition)

    def processes(self) -> list[Path]:
        """Return the main processes of the pods that run, in /proc."""
        labels = (
            f"io.kubernetes.pod.namespace={self.namespace}",
            "io.kubernetes.container.name=nobs",
        )
        with closing(docker.from_env()) as engine:
            found = engine.containers.list(filters={"label": list(labels)})
        return [Path("/proc", str(each.attrs["State"]["Pid"])) for each in found]

    def claim(self) -> None:
        """Make the claim `results` for the volume."""
        common = {"accessModes": ["ReadWriteMany"], "storageClassName": ""}
        self.kubectl("create", "--filename", "-", given={
            "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": self.namespace},
            "spec": common | {"capacity": {"storage": "1Gi"},
                              "hostPath": {"path": str(self.volume), "type": "Directory"}},
        })  # fmt: skip
        self.kubectl("create", "--filename", "-", given={
            "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "results"},
            "spec": common | {"volumeName": self.namespace,
                              "resources": {"requests": {"storage": "1Gi"}}},
        })  # fmt: skip


def missing(given: Any, kept: Any, place: str = "") -> Iterator[str]:
    """Yield the places of `given` that `kept` is without."""
    if isinstance(given, dict):
        for name, value in given.items():
            path = f"{place}.{name}".lstrip(".")
            if name in kept:
                yield from missing(value, kept[name], path)
            else:
                yield path
    elif isinstance(given, list):
        for number, value in enumerate(given):
            yield from missing(value, kept[number], f"{place}[{number}]")


@pytest.fixture(scope="module")
def image() -> Iterator[str]:
    """The image of the CPU, by the digest that a registry names."""
    subprocess.run([sys.executable, "-m", "nobs", "build", "cpu"], cwd=REPO, check=True,
                   timeout=580)  # fmt: skip
    with closing(docker.from_env()) as engine, fake_registry() as registry:
        built = engine.images.get("nobs:cpu")
        name = f"{registry.repository}@{registry.add_present(str(built.id))}"
        yield name
        engine.images.remove(name, force=True)


@contextmanager
def namespace(image: str, home: Path) -> Iterator[Cluster]:
    cluster = Cluster(f"nobs-{secrets.token_hex(3)}", image, home)
    cluster.kubectl("create", "namespace", cluster.namespace)
    try:
        yield cluster
    finally:
        cluster.try_kubectl("delete", "namespace", cluster.namespace, "--wait=false")
        cluster.try_kubectl("delete", "pv", cluster.namespace, "--wait=false", "--ignore-not-found")


@pytest.fixture
def cluster(image: str, tmp_path: Path) -> Iterator[Cluster]:
    with namespace(image, tmp_path) as made:
        yield made


def collect(cluster: Cluster, source: Path) -> list[dict[str, Any]]:
    done = run_nobs("collect", str(source), "--results", "got", "--expect", "n1", "--json",
                    cwd=cluster.home)  # fmt: skip
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout)["found"])


def ended(pod: Any) -> Any:
    """Return how the pod's container has ended."""
    [status] = pod["status"]["containerStatuses"]
    return status["state"]["terminated"]


def last_words(pod: Any) -> Any:
    """Return the pod's last line, which the cluster shows."""
    return json.loads(ended(pod)["message"])


def test_each_of_two_pods_leaves_its_own_report_on_a_claim(cluster: Cluster) -> None:
    cluster.claim()
    dropped = cluster.create(
        cluster.export("--results-claim", "results", "--nodes", "2", "--", *RUN)
    )
    end = cluster.ended()
    found = collect(cluster, cluster.volume)
    uid = cluster.get("job", "nobs")["metadata"]["uid"]
    pods = {each["metadata"]["name"]: last_words(each) for each in cluster.pods()}
    reports = sorted(cluster.home.glob("got/runs/*/report.json"))

    assert dropped == DROPPED_OF_INDEXED
    assert (end["type"], end["status"]) == ("Complete", "True")
    assert [each["state"] for each in found] == ["complete"] * 2
    # There is no index here: the directories have the pods' names.
    assert {each.name for each in cluster.volume.glob(f"jobs/nobs-{uid}/*")} == set(pods)
    assert len(reports) == 2
    assert {each.parent.name for each in reports} == {each["run_id"] for each in pods.values()}
    assert run_nobs("validate", *map(str, reports), cwd=cluster.home).returncode == 0


def test_a_pod_can_write_to_its_volumes_alone(cluster: Cluster) -> None:
    dropped = cluster.create(cluster.export("--", *RUN))
    await_(cluster.processes, LIMIT_S)
    [process] = cluster.processes()
    status = dict(line.split(":\t", 1) for line in (process / "status").read_text().splitlines())
    mounts = [line.split() for line in (process / "mountinfo").read_text().splitlines()]
    writable = {each[4] for each in mounts if "rw" in each[5].split(",")}
    shm = os.statvfs(process / "root/dev/shm")
    [kind] = [each[each.index("-") + 1] for each in mounts if each[4] == "/dev/shm"]

    assert dropped == DROPPED
    assert status["Uid"].split() == status["Gid"].split() == [str(USER)] * 4
    assert {int(status[name], 16) for name in ("CapPrm", "CapEff", "CapBnd")} == {0}
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    # Besides these, what the kernel and the cluster make: /etc/hosts and /dev/termination-log.
    common = ("/proc/", "/sys/", "/dev/", "/etc/")
    assert {each for each in writable if not f"{each}/".startswith(common)} == VOLUMES
    assert not any("serviceaccount" in each[4] for each in mounts)
    # The engine's own has 64 MiB.
    assert kind == "tmpfs"
    assert shm.f_blocks * shm.f_frsize > 64 << 20
    assert cluster.ended()["type"] == "Complete"
    [file] = cluster.volume.glob("jobs/nobs-*/0/runs/*/report.json")
    assert file.stat().st_uid == file.stat().st_gid == USER


def test_a_usage_error_ends_the_job_after_the_retries(cluster: Cluster) -> None:
    cluster.kubectl("create", "secret", "generic", "hub", "--from-literal", "key=Bearer x")
    llms = ("--task", "llms", "--profile", "quick", "--llm-url", "http://127.0.0.1:9")
    cluster.create(cluster.export("--retries", "1", "--secret", "LLM_API_KEY=hub/key", "--", *llms))
    end = cluster.ended()

    # Without podFailurePolicy the code doesn't end it at once.
    assert (end["type"], end["reason"]) == ("Failed", "BackoffLimitExceeded")
    assert [last_words(each)["exit_code"] for each in cluster.pods()] == [2, 2]
    assert [ended(each)["exitCode"] for each in cluster.pods()] == [2, 2]


def test_a_pod_for_a_gpu_waits_where_there_is_none(cluster: Cluster) -> None:
    cluster.create(cluster.export("--gpu", "nvidia", "--", *RUN))
    await_(lambda: [each for each in cluster.pods() if each["status"].get("conditions")], 60)
    [pod] = cluster.pods()
    [condition] = pod["status"]["conditions"]

    assert pod["status"]["phase"] == "Pending"
    assert (condition["type"], condition["reason"]) == ("PodScheduled", "Unschedulable")
    assert "Insufficient nvidia.com/gpu" in condition["message"]


def test_a_pod_that_takes_the_place_of_a_killed_one_resumes_its_run(cluster: Cluster) -> None:
    cluster.create(cluster.export("--", *RUN[:-1], "1000000"))
    events = "jobs/nobs-*/0/runs/*/events.jsonl"
    await_(lambda: any('"repeat.finished"' in each.read_text()
                       for each in cluster.volume.glob(events)), LIMIT_S)  # fmt: skip
    [first] = cluster.pods()
    cluster.kubectl("delete", "pod", first["metadata"]["name"], "--wait=false")
    await_(lambda: any(each.read_text().count('"run.started"') >= 2
                       for each in cluster.volume.glob(events)), LIMIT_S)  # fmt: skip

    assert len(list(cluster.volume.glob(events))) == 1
