"""The images themselves: what they carry, and that they survive how other people start them."""

import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import docker
import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from tests.container.launching import run_to_end

REPO = Path(__file__).resolve().parents[3]
HARDENED: dict[str, Any] = {
    "init": True,
    "read_only": True,
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges"],
    "network_mode": "none",
    "pids_limit": 4096,
    "tmpfs": {"/tmp": "exec,mode=1777"},
}
BUILD_ARGS = [
    f"--build-arg={argument}={value}"
    for argument in ("BASE_IMAGE", "TORCH_INDEX")
    if (value := os.environ.get(f"NOBS_{argument}"))
]


def output(client: docker.DockerClient, image: str, *command: str, **options: Any) -> str:
    return run_to_end(client, image, list(command), **HARDENED | options)


def buildx(context: Path, backend: str, *options: str) -> subprocess.CompletedProcess[str]:
    recipe = context / f"docker/{backend}.Dockerfile"
    command = ["docker", "buildx", "build", "-f", str(recipe), *BUILD_ARGS, *options, str(context)]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=1200)


def copy_context(target: Path) -> Path:
    for folder in ("nobs", "docker", "requirements"):
        shutil.copytree(
            REPO / folder, target / folder, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copy(REPO / ".dockerignore", target)
    return target


@pytest.mark.parametrize("user", ["0:0", "10001:10001", "4242:4243"])
@pytest.mark.parametrize(
    "command",
    [
        ["nobs", "--version"],
        ["bash", "-c", "nobs --version"],
        ["bash", "-lc", "nobs --version"],
        ["python", "-m", "nobs", "--version"],
    ],
    ids=" ".join,
)
def test_any_user_and_any_entrypoint(
    client: docker.DockerClient, cpu_image: str, user: str, command: list[str]
) -> None:
    said = output(client, cpu_image, *command[1:], entrypoint=command[:1], user=user)
    assert said.startswith("nobs, version ")


def test_unknown_user_has_a_name_and_places_to_write(
    client: docker.DockerClient, cpu_image: str
) -> None:
    script = (
        "import getpass, os, tempfile; from pathlib import Path\n"
        "print(getpass.getuser())\n"
        "for name in ('HOME', 'XDG_CACHE_HOME', 'TRITON_CACHE_DIR', 'TORCHINDUCTOR_CACHE_DIR'):\n"
        "    Path(os.environ[name], 'x').mkdir(parents=True)\n"
    )
    assert (
        output(client, cpu_image, "-c", script, entrypoint="python", user="4242:4242") == "nobs\n"
    )


def test_a_named_volume_is_writable_for_any_user(
    client: docker.DockerClient, cpu_image: str
) -> None:
    volume = client.volumes.create()
    try:
        for user in ("4242", "4343"):
            mounts = {volume.name: {"bind": "/cache/huggingface", "mode": "rw"}}
            script = f"touch /cache/huggingface/{user}"
            output(client, cpu_image, "-c", script, entrypoint="sh", user=user, volumes=mounts)
    finally:
        volume.remove()


def test_wheels_are_compiled(client: docker.DockerClient, cpu_image: str) -> None:
    script = (
        "import torch, transformers, nobs, pathlib\n"
        "from importlib.util import cache_from_source as compiled\n"
        "files = [compiled(module.__file__) for module in (torch, transformers, nobs)]\n"
        "print(all(pathlib.Path(file).exists() for file in files))\n"
    )
    assert output(client, cpu_image, "-c", script, entrypoint="python") == "True\n"


def test_labels_tell_what_the_image_carries(client: docker.DockerClient, cuda_image: str) -> None:
    labels = client.images.get(cuda_image).labels
    text = output(client, cuda_image, "/opt/nobs-image.json", entrypoint="cat")
    assert text.endswith("}\n"), "an engine's `logs --follow` may lose a line that has no end"
    facts = json.loads(text)
    assert labels["nobs.backend"] == facts["backend"] == "cuda"
    assert labels["nobs.torch.version"] == facts["torch_version"]
    assert labels["nobs.torch.arch_list"].split() == facts["arch_list"]
    assert any(arch.startswith("sm_") for arch in facts["arch_list"])
    assert labels["org.opencontainers.image.version"] == labels["nobs.version"] != "unknown"
    assert labels["org.opencontainers.image.revision"] == labels["nobs.commit"] != ""


def test_labels_are_those_that_oci_knows(client: docker.DockerClient, cpu_image: str) -> None:
    labels = client.images.get(cpu_image).labels
    known = ("title", "description", "licenses", "version", "revision", "source", "base.name")
    assert all(labels[f"org.opencontainers.image.{name}"] for name in known)


def test_the_bill_of_materials_names_python_packages_and_those_of_the_base(
    client: docker.DockerClient, cpu_image: str
) -> None:
    text = output(client, cpu_image, "/opt/nobs-sbom.json", entrypoint="cat")
    assert text.endswith("}\n")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    found = {each["name"]: each["version"] for each in json.loads(text)["components"]}
    torch = client.images.get(cpu_image).labels["nobs.torch.version"]
    assert found["torch"].split("+")[0] == torch.split("+")[0]
    assert {"sentence-transformers", "libc6"} <= set(found)


def test_one_changed_line_leaves_the_wheels_alone(
    client: docker.DockerClient, cpu_image: str, tmp_path: Path
) -> None:
    context = copy_context(tmp_path)
    with (context / "nobs/errors.py").open("a") as file:
        file.write(f"# {time.time()}\n")
    started = time.monotonic()
    done = buildx(context, "cpu", "--load", "--tag", "nobs:one-line")
    took = time.monotonic() - started
    assert done.returncode == 0, done.stderr
    before, after = (client.images.get(name) for name in (cpu_image, "nobs:one-line"))
    client.images.remove("nobs:one-line")
    layers = [image.attrs["RootFS"]["Layers"] for image in (before, after)]
    changed = [pair for pair in zip(*layers, strict=True) if pair[0] != pair[1]]
    assert 1 <= len(changed) <= 2, "the layer of nobs, and the empty one of WORKDIR"
    # The wheels take minutes.
    assert took < 60


@pytest.mark.skipif(
    os.environ.get("NOBS_TORCH_INDEX") != "default",
    reason="the ROCm build of torch may be had here: only the default index surely lacks it",
)
def test_a_torch_without_the_backend_stops_the_build(engine: str, cpu_image: str) -> None:
    done = buildx(REPO, "rocm")
    assert done.returncode != 0
    assert (
        "the rocm image needs a torch with ROCm (HIP), but TORCH_INDEX=default gave" in done.stderr
    )
    assert "--build-arg TORCH_INDEX=rocm7.2" in done.stderr
