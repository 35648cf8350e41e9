"""`nobs collect` and `nobs rank` as people call them."""

import json
import os
import tarfile
from pathlib import Path

import pytest

from nobs.report.build import seal
from nobs.storage.files import to_json
from nobs.storage.store import prepare_results, publish
from tests.fakes.command import environment, run_nobs
from tests.fakes.honest_reports import honest_report

SSH = """#!/bin/sh
# The machines box1 and box2 are directories beside this one; others don't exist.
shift
case $1 in box*) cd "$(dirname "$0")/$1" && exec sh -c "$2";; esac
echo "ssh: Could not resolve hostname $1" >&2
exit 255
"""


@pytest.fixture
def boxes(tmp_path: Path) -> Path:
    """Two machines behind `ssh`, each with the reports of one run."""
    ssh = tmp_path / "ssh"
    ssh.write_text(SSH)
    ssh.chmod(0o755)
    for number, seconds in ((1, 1.0), (2, 2.0)):
        results = tmp_path / f"box{number}" / "my results"
        prepare_results(results)
        report = honest_report([seconds + n / 1000 for n in range(7)])
        run = report.run.model_copy(update={"node": f"n{number}", "id": f"run{number}"})
        report = seal(report.model_copy(update={"run": run}))
        publish(results, report)
        (results / "runs" / run.id).mkdir()
        (results / "runs" / run.id / "report.json").write_text(to_json(report))
    return tmp_path


def test_reports_of_machines_come_home_by_ssh_and_are_ranked(boxes: Path) -> None:
    env = environment(boxes, PATH=f"{boxes}{os.pathsep}{os.environ['PATH']}")
    sources = ("box1:my results", "box2:my results")
    done = run_nobs("collect", *sources, "--results", "home", "--json", cwd=boxes, env=env)
    ranked = run_nobs("rank", "--results", "home", "--json", cwd=boxes, env=env)
    shown = run_nobs("rank", "home", "--price", "a host=1/h", cwd=boxes, env=env)

    assert done.returncode == 0, done.stderr + done.stdout
    assert [each["run"] for each in json.loads(done.stdout)["found"]] == ["run1", "run2"]
    places = json.loads(ranked.stdout)["rankings"][0]["places"]
    assert [place["machine"][-3:] for place in places] == ["@n1", "@n2"]
    assert [place["group"] for place in places] == [1, 2]
    assert "$/1,000 rows" in shown.stdout, shown.stderr
    assert max(map(len, shown.stdout.splitlines())) <= 80


def test_a_machine_that_can_t_be_reached_is_named_beside_the_others(boxes: Path) -> None:
    env = environment(boxes, PATH=f"{boxes}{os.pathsep}{os.environ['PATH']}")
    words = ("collect", "box1:my results", "nowhere:r", "box2:absent", "--expect", "n1,n2")
    done = run_nobs(*words, cwd=boxes, env=env)
    text = " ".join(done.stdout.split())

    assert done.returncode == 1
    assert "Could not resolve hostname nowhere" in text
    assert "lost: n2: no report of it was found" in text
    assert "1 complete, 1 lost and 2 unreadable; reports of 1 machine." in text
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_an_archive_of_many_runs_is_read_to_its_end(boxes: Path) -> None:
    source = boxes / "box1" / "my results" / "runs" / "run1" / "report.json"
    with tarfile.open(boxes / "many.tar.gz", "w:gz") as archive:
        for number in range(20):
            report = json.loads(source.read_text())
            report["run"]["id"] = f"other{number}"
            (boxes / "one.json").write_text(json.dumps(report))
            archive.add(boxes / "one.json", f"x/runs/other{number}/report.json")
    done = run_nobs("collect", "many.tar.gz", "--json", cwd=boxes)
    found = json.loads(done.stdout)["found"]

    assert done.returncode == 1
    assert [each["state"] for each in found] == ["altered"] * 20
