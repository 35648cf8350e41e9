"""`nobs submit slurm` on a real controller with three nodes, which `.ci/slurm.sh` starts."""

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.command import environment
from tests.fakes.dated import dated_server
from tests.fakes.forked import REPO
from tests.fakes.installed import Installed
from tests.fakes.llm_answers import MODEL, stream
from tests.fakes.llm_server import serving
from tests.fakes.rounds import await_

pytestmark = [
    pytest.mark.slurm,
    pytest.mark.skipif(
        os.environ.get("NOBS_TEST_SLURM") != "1",
        reason="tests of Slurm run with NOBS_TEST_SLURM=1 and SLURM_CONF after `.ci/slurm.sh "
        "start` (as .ci/run does)",
    ),
]

WORK = ("--", "--task", "example", "--profile", "example", "--backend", "cpu", "--execution",
        "native")  # fmt: skip
SHORT = (*WORK, "--repeats", "3")
ENDLESS = (*WORK, "--repeats", "1000000")
NODES = {"n1", "n2", "n3"}
LIMIT_S = 240


class Cluster:
    """`nobs submit slurm` with a results directory that all nodes share."""

    def __init__(self, package: Installed, home: Path) -> None:
        self.results = home / "results"
        self._nobs = package.python.with_name("nobs")
        self._home = home
        self._env = environment(home, SLURM_CONF=os.environ["SLURM_CONF"])
        del self._env["PYTHONPATH"]

    def command(self, *words: str) -> list[str]:
        own = ("--results", str(self.results))
        return [str(self._nobs), "submit", "slurm", *own, *words]

    def submit(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*words), cwd=self._home, env=self._env | variables, text=True,
            capture_output=True, timeout=LIMIT_S, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    @contextmanager
    def submitted(self, *words: str, **variables: str) -> "Iterator[subprocess.Popen[str]]":
        """Submit a job and wait for it in the background; it is cancelled at the end."""
        with subprocess.Popen(
            self.command(*words), cwd=self._home, env=self._env | variables, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        ) as process:  # fmt: skip
            try:
                yield process
            finally:
                process.kill()
                self.slurm("scancel", "--quiet", *self.jobs())

    def slurm(self, *words: str) -> str:
        return subprocess.run(
            words, env=self._env, capture_output=True, text=True, timeout=60, check=False
        ).stdout

    def jobs(self) -> list[str]:
        return sorted(each.name.partition("-")[0] for each in (self.results / "jobs").glob("*"))

    def reports(self) -> list[Path]:
        return sorted(self.results.glob("runs/*/report.json"))

    def measures(self, attempt: int = 1) -> bool:
        """Whether all nodes are in the middle of the repeats of this attempt."""
        events = [each.read_text() for each in self.results.glob("jobs/*/*/runs/*/events.jsonl")]
        last = [text.split('"run.started"')[attempt:] for text in events]
        return len(events) == 3 and all(
            "".join(each).count('"repeat.finished"') >= 5 for each in last
        )


def machine(word: str, node: str) -> None:
    """Kill or start a node."""
    subprocess.run([str(REPO / ".ci" / "slurm.sh"), word, node], check=True, timeout=60)


def words_of(text: str | None) -> str:
    return " ".join((text or "").split())


def states(done: str) -> dict[str, str]:
    """The state of each node in the JSON of what was collected."""
    found: list[dict[str, Any]] = json.loads(done)["found"]
    return {each["machine"].rpartition("@")[2]: each["state"] for each in found}


@pytest.fixture
def cluster(package: Installed, tmp_path: Path) -> Cluster:
    return Cluster(package, tmp_path)


@pytest.mark.long
def test_five_rounds_on_three_nodes_leave_fifteen_reports(cluster: Cluster) -> None:
    for _ in range(5):
        done = cluster.submit("--nodes", "3", "--json", *SHORT)
        assert done.returncode == 0, done.stderr
        assert states(done.stdout) == dict.fromkeys(NODES, "complete")

    nodes = [json.loads(each.read_text())["run"]["node"] for each in cluster.reports()]
    assert {node: nodes.count(node) for node in nodes} == dict.fromkeys(NODES, 5)
    latest = {each.name.rpartition("@")[2] for each in cluster.results.glob("report_*.json")}
    assert latest == {f"{node}.json" for node in NODES}


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--nodes", "5"), "node configuration is not available"),
        (("--gres", "gpu:2"), "node configuration is not available"),
        (("--nodes", "3", "--gres", "gpu:1"), "node configuration is not available"),
        (("--option", "mem=9999G"), "node configuration is not available"),
        (("--partition", "nosuch"), "partition name"),
        (("--time", "5000"), "its time limit is above that of its partition. It was cancelled"),
    ],
)
def test_what_can_never_start_fails_at_once(
    cluster: Cluster, words: tuple[str, ...], reason: str
) -> None:
    done = cluster.submit(*words, *SHORT)

    assert done.returncode == 2, done.stderr
    assert reason in words_of(done.stderr)
    assert cluster.slurm("squeue", "--noheader", "--states=PENDING") == ""


def test_a_controller_that_is_down_is_named(cluster: Cluster, tmp_path: Path) -> None:
    text = Path(os.environ["SLURM_CONF"]).read_text()
    down = tmp_path / "slurm.conf"
    down.write_text(re.sub(r"SlurmctldPort=\d+", "SlurmctldPort=1", text))
    done = cluster.submit(*SHORT, SLURM_CONF=str(down))

    assert done.returncode == 3
    assert "Slurm doesn't answer (sbatch: " in words_of(done.stderr)


@pytest.mark.long
def test_jobs_of_an_array_run_one_by_one_as_nodes_become_free(cluster: Cluster) -> None:
    done = cluster.submit("--nodes", "4", "--array", "--gres", "gpu:1", *SHORT)

    assert done.returncode == 0, done.stderr
    assert len(cluster.reports()) == 4
    assert "4 has ended" in done.stderr or "has ended on n1" in done.stderr


@pytest.mark.long
def test_the_nodes_of_a_job_load_one_server_and_their_shares_are_merged(cluster: Cluster) -> None:
    # A level takes seconds, so that the nodes' starts are close to each other beside it.
    with serving(dated_server(stream(tokens=20, ttft_s=0.2, gap_s=0.05))) as server:
        done = cluster.submit(
            "--nodes", "3", "--requeues", "0", "--json", "--", "--task", "llms", "--profile",
            "quick", "--rows", "3", "--repeats", "1", "--backend", "cpu", "--execution", "native",
            "--llm-url", server.url, "--llm-model", MODEL, "--concurrency", "6", "--share", "auto",
            "--start-at", "+60s",
        )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert {each["state"] for each in json.loads(done.stdout)["found"]} == {"complete"}
    (file,) = cluster.results.glob("report_*=merged.json")
    report = json.loads(file.read_text())
    (model,) = report["tasks"][0]["models"].values()
    (level,) = model["load"]["levels"]
    shares = model["load"]["merged"]["shares"]
    assert {each["node"] for each in report["run"]["merged"]} == NODES
    assert [share["index"] for share in shares] == [0, 1, 2]
    assert (model["status"], level["concurrency"], level["failures"]) == ("ok", 6, {})
    assert level["requests"] == sum(share["requests"] for share in shares) >= 6
    assert level["max_in_flight"] > 2


@pytest.mark.long
def test_a_node_that_dies_is_named_as_lost(cluster: Cluster) -> None:
    with cluster.submitted("--nodes", "3", "--requeues", "0", *ENDLESS) as process:
        await_(cluster.measures, 120)
        machine("kill", "n2")
        cluster.slurm("scontrol", "update", "NodeName=n2", "State=DOWN", "Reason=killed")
        try:
            out, err = process.communicate(timeout=120)
        finally:
            machine("node", "n2")
            cluster.slurm("scontrol", "update", "NodeName=n2", "State=RESUME")

    assert process.returncode == 5, err
    assert "has failed with one of its nodes" in words_of(err)
    assert re.search(r"lost: \S.*@n2 ", words_of(out)), out
    await_(lambda: cluster.slurm("sinfo", "-hN", "-p", "all", "-o", "%T").split() == ["idle"] * 3)


@pytest.mark.long
def test_a_node_that_dies_and_comes_back_resumes_its_run(cluster: Cluster) -> None:
    with cluster.submitted("--nodes", "3", "--on-interrupt", "cancel", *ENDLESS) as process:
        await_(cluster.measures, 120)
        machine("kill", "n2")
        cluster.slurm("scontrol", "update", "NodeName=n2", "State=DOWN", "Reason=killed")
        machine("node", "n2")
        cluster.slurm("scontrol", "update", "NodeName=n2", "State=RESUME")
        await_(lambda: cluster.measures(attempt=2), 240)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)

    assert process.returncode == 130
    # One run per node: none was begun again, and what the nodes measured last is kept.
    assert out.count("interrupted after") == 3, out
    assert "was requeued (1): its nodes resume" in words_of(err)
    assert "was cancelled" in words_of(err)
    assert "it was requeued once" in words_of(err)


@pytest.mark.long
def test_a_run_is_resumed_after_its_time_limit(cluster: Cluster) -> None:
    with cluster.submitted(
        "--nodes", "1", *ENDLESS, SBATCH_TIMELIMIT="1", SBATCH_SIGNAL="B:USR1@10"
    ) as process:
        await_(cluster.reports, 150)
        (partial,) = cluster.reports()
        report = json.loads(partial.read_text())
        assert process.stderr
        said = ""
        for line in process.stderr:
            said += line
            if "was requeued (1)" in said and "runs on" in line:
                break
        (events,) = cluster.results.glob("jobs/*/n*/runs/*/events.jsonl")
        await_(lambda: events.read_text().count('"run.started"') >= 2, 60)

    (model,) = report["tasks"][0]["models"].values()
    assert model["interrupted_after"] >= 3


@pytest.mark.long
@pytest.mark.parametrize(("choice", "is_left"), [("leave", True), ("cancel", False)])
def test_ctrl_c_leaves_or_cancels_the_job(cluster: Cluster, choice: str, is_left: bool) -> None:
    with cluster.submitted("--nodes", "3", "--on-interrupt", choice, *ENDLESS) as process:
        await_(cluster.measures, 120)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=90)
        (job,) = cluster.jobs()
        state = cluster.slurm("squeue", "--noheader", "--jobs", job, "--format=%T")

    assert process.returncode == 130
    assert (state.strip() == "RUNNING") is is_left
    if is_left:
        assert f"nobs submit slurm --job {job}" in words_of(err)
    else:
        assert out.count("interrupted after") == 3, out
