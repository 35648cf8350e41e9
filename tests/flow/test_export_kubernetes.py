"""`nobs export kubernetes`: the Job, read as YAML, and its script, executed without a cluster."""

import os
import subprocess
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from nobs.render.yaml import to_yaml
from tests.fakes.command import environment, run_nobs

IMAGE = f"registry.example:5000/team/nobs@sha256:{'0a' * 32}"
BASE = ("--image", IMAGE, "--results-claim", "results")
yaml: Any = import_module("yaml")


def export(cwd: Path, *words: str) -> Any:
    done = run_nobs("export", "kubernetes", *BASE, *words, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return yaml.safe_load(done.stdout)


def test_yaml_is_read_back_as_it_was() -> None:
    value = {
        "text": ["yes", "No", "null", "1", "1e3", "0x1f", "a: b", "- a", "#", "", " ", "~"],
        "not lines": ["é\u2028\nx", "a\n", " a\nb", "a\rb\nc", "a\n\n", "\n"],
        "lines": "if x\n\n  y\n", "no end": "a\nb", "8Gi": 1, "on": True, "empty": {}, "none": [],
        "deep": [{"a": [{"b": "c"}, ["d"]], "script": "a\nb\n"}],
    }  # fmt: skip

    assert yaml.safe_load(to_yaml(value)) == value


def test_a_pod_can_t_do_more_than_measure(tmp_path: Path) -> None:
    pod = export(tmp_path, "--gpu", "nvidia:8", "--secret", "HF_TOKEN=hub/token")["spec"][
        "template"
    ]["spec"]
    [container] = pod["containers"]
    env = {each["name"]: each.get("valueFrom", each.get("value")) for each in container["env"]}

    assert pod["securityContext"]["runAsUser"] == 10001
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["image"] == IMAGE
    assert container["resources"] == {"limits": {"nvidia.com/gpu": 8}}
    assert {"key": "nvidia.com/gpu", "operator": "Exists"} in pod["tolerations"]
    assert env["HF_TOKEN"] == {"secretKeyRef": {"name": "hub", "key": "token"}}
    assert env["NOBS_NODE"] == {"fieldRef": {"fieldPath": "spec.nodeName"}}
    assert {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "8Gi"}} in pod["volumes"]


def test_no_value_of_a_secret_of_this_machine_gets_into_the_job(tmp_path: Path) -> None:
    secrets = environment(tmp_path, HF_TOKEN="hf_geheim", LLM_API_KEY="sk-geheim")
    done = run_nobs("export", "kubernetes", *BASE, cwd=tmp_path, env=secrets)

    assert done.returncode == 0
    assert "geheim" not in done.stdout


@pytest.mark.parametrize(("nodes", "step"), [("1", "FailJob"), ("3", "FailIndex")])
def test_exit_codes_decide_whether_a_pod_is_replaced(tmp_path: Path, nodes: str, step: str) -> None:
    spec = export(tmp_path, "--nodes", nodes, "--retries", "4")["spec"]
    usage, failed, disrupted = spec["podFailurePolicy"]["rules"]

    assert (usage["action"], usage["onExitCodes"]["values"]) == ("FailJob", [2])
    assert (failed["action"], failed["onExitCodes"]["values"]) == (step, [1])
    assert disrupted["action"] == "Ignore"
    assert spec["completions"] == spec["parallelism"] == int(nodes)
    assert spec.get("completionMode") == (None if nodes == "1" else "Indexed")
    assert spec["backoffLimit" if nodes == "1" else "backoffLimitPerIndex"] == 4


def test_each_pod_has_time_to_start_to_run_and_to_be_replaced(tmp_path: Path) -> None:
    spec = export(tmp_path, "--retries", "1", "--", "--timeout", "3600")["spec"]
    limit = spec["template"]["spec"]["activeDeadlineSeconds"]

    assert limit == 3600 + 1800
    assert spec["activeDeadlineSeconds"] >= 2 * limit


def start(job: Any, root: Path, index: int = 1, said: str = '"$@"', **variables: str) -> list[str]:
    """Run the pod's command with a stand-in for nobs; return the words that it was called with."""
    [container] = job["spec"]["template"]["spec"]["containers"]
    program = root / "bin" / "nobs"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" {said}\n')
    program.chmod(0o755)
    *command, script, name = container["command"]
    # Kubernetes reads $$ as $; the volume is a directory here.
    words = [word.replace("$$", "$") for word in container.get("args", ())]
    env = {"PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}", "JOB_UID": "u",
           "JOB_NAME": "nobs", "JOB_COMPLETION_INDEX": str(index), **variables}  # fmt: skip
    done = subprocess.run(
        [*command, script.replace("/results/", f"{root}/"), name, *words],
        env=env, check=True, timeout=120, capture_output=True, text=True,
    )  # fmt: skip
    return done.stdout.splitlines()


def test_a_pod_runs_with_the_words_as_they_were_given(tmp_path: Path) -> None:
    job = export(tmp_path, "--nodes", "2", "--", "--llm-model", "$(HOME) a'b")

    assert start(job, tmp_path) == [
        "run", "--llm-model", "$(HOME) a'b", "--results", f"{tmp_path}/jobs/nobs-u/1",
    ]  # fmt: skip


def test_a_replaced_pod_resumes_the_last_run_of_its_index(tmp_path: Path) -> None:
    own = tmp_path / "jobs/nobs-u/1"
    for name in ("20260102T030405Z-aaaaaa", "20260103T030405Z-bbbbbb", "nobs-scratch"):
        (own / "runs" / name).mkdir(parents=True)

    assert start(export(tmp_path, "--nodes", "2"), tmp_path) == [
        "run", "--resume", "20260103T030405Z-bbbbbb", "--take-over", "--results", str(own),
    ]  # fmt: skip


def test_pods_of_an_old_cluster_don_t_take_up_each_other_s_runs(tmp_path: Path) -> None:
    # Kubernetes 1.20 drops the completion mode, so there is no index, and has the label without
    # its prefix.
    job = export(tmp_path, "--nodes", "2")
    (tmp_path / "jobs/nobs-o/nobs-aaaaa/runs/20260102T030405Z-aaaaaa").mkdir(parents=True)
    words = start(
        job, tmp_path, JOB_COMPLETION_INDEX="", JOB_UID="", OLD_JOB_UID="o", POD_NAME="nobs-bbbbb"
    )

    assert words == ["run", "--results", f"{tmp_path}/jobs/nobs-o/nobs-bbbbb"]


LOAD = ("--", "--task", "llms", "--concurrency", "8", "--share", "auto/3", "--start-at")


def test_a_delay_counts_from_the_first_pod_on_all_pods_of_a_common_volume(tmp_path: Path) -> None:
    job = export(tmp_path, "--nodes", "3", *LOAD, "+5m")
    (tmp_path / "jobs" / "nobs-u").mkdir(parents=True)
    first = start(job, tmp_path, 0, '"$NOBS_JOB_BEGAN"')
    (began,) = first
    (tmp_path / "jobs" / "nobs-u" / "began").write_text(f"{int(began) - 7}\n")

    assert abs(int(began) - time.time()) < 60
    assert [start(job, tmp_path, index, '"$NOBS_JOB_BEGAN"') for index in (1, 2)] == [
        [str(int(began) - 7)], [str(int(began) - 7)],
    ]  # fmt: skip


def test_pods_without_the_common_volume_end_with_the_code_of_a_missing_requirement(
    tmp_path: Path,
) -> None:
    job = export(tmp_path, "--nodes", "3", *LOAD, "+5m")
    (tmp_path / "jobs").write_text("")
    with pytest.raises(subprocess.CalledProcessError) as failed:
        start(job, tmp_path)

    assert failed.value.returncode == 3


@pytest.mark.parametrize("words", [("--nodes", "3", *LOAD, "2099-01-01T00:00:00Z"), ()])
def test_only_a_delay_of_several_pods_needs_a_common_begin(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    job = export(tmp_path, *words)

    assert start(job, tmp_path, said='"${NOBS_JOB_BEGAN-none}"') == ["none"]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--nodes", "0"), "0 is not in the range"),
        (("--image", "nobs:cuda", "--pinned"), "has no digest"),
        (("--image", "Nobs!"), "isn't a name of an image"),
        (("--image", "nobs@sha256:12"), "isn't a name of an image"),
        (("--gpu", "voodoo"), "there is no vendor 'voodoo'. Name nvidia or amd"),
        (("--gpu", "amd:0"), "'0' isn't a number of GPUs"),
        (("--gpu", "nvidia:"), "isn't a number of GPUs"),
        (("--name", "My_Job"), "isn't a name that Kubernetes takes: small letters"),
        (("--name", "a" * 63, "--nodes", "2"), "is too long"),
        (("--results-claim", "A"), "isn't a name that Kubernetes takes"),
        (("--results-path", "/r"), "Name one place for the reports"),
        (("--request", "cpu=lots"), "isn't RESOURCE=QUANTITY"),
        (("--request", "cpu=1", "--request", "cpu=2"), "--request cpu is given twice"),
        (("--select", "a b=c"), "isn't a label"),
        (("--secret", "HF_TOKEN=hf_abc"), "isn't VARIABLE=SECRET/KEY"),
        (("--uid", "0"), "0 is not in the range"),
        (("--shm", "big"), "isn't a quantity"),
        (("--", "--backend", "cuda"), "needs GPUs: add --gpu nvidia"),
        (("--gpu", "amd", "--", "--backend", "cuda"), "can't use amd.com/gpu"),
        (("--", "--execution", "container"), "the pod is the container"),
        (("--", "--node", "x"), "--node: the job sets it"),
        (("--", "--task", "nosuch"), "There is no task 'nosuch'"),
        (("--", "--catalog", "x.toml"), "the pods don't have"),
        (("--nodes", "4", *LOAD, "+5m"), "--share auto/3 doesn't make the nodes (4) the clients"),
        (("--nodes", "3", *LOAD, "+5m", "--share", "auto"), "write --share auto/3"),
        (("--nodes", "3", *LOAD, "+5m", "--share", "0/3"), "write --share auto/3"),
        (("--nodes", "3", *LOAD[:5], "--start-at", "+5m"), "--start-at +5m doesn't make the nodes"),
    ],
)
def test_what_a_cluster_would_refuse_is_refused_here(
    tmp_path: Path, words: tuple[str, ...], reason: str
) -> None:
    done = run_nobs("export", "kubernetes", *BASE, *words, cwd=tmp_path)

    assert done.returncode == 2
    assert reason in " ".join(done.stderr.split())


def test_a_delay_is_refused_where_pods_have_no_common_disk(tmp_path: Path) -> None:
    done = run_nobs("export", "kubernetes", "--image", IMAGE, "--results-path", "/r",
                    "--nodes", "3", *LOAD, "+5m", cwd=tmp_path)  # fmt: skip
    said = " ".join(done.stderr.split())

    assert done.returncode == 2
    assert "--start-at +5m: the pods start at different times" in said
    assert "Give a time, as in 2027-01-31T12:00:00Z, or use --results-claim" in said


def test_an_engine_must_be_named(tmp_path: Path) -> None:
    done = run_nobs("export", cwd=tmp_path)

    assert done.returncode == 2
    assert "Commands:" in done.stderr.splitlines()
