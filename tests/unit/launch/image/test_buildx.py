import io
import os
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from nobs.errors import EngineError
from nobs.launch.image.build import read_labels
from nobs.launch.image.buildx import (
    build_command,
    facts_options,
    image_options,
    run_buildx,
    write_context,
)
from nobs.launch.image.plan import ImagePlan


@pytest.fixture
def plan(tmp_path: Path) -> ImagePlan:
    recipe = tmp_path / "recipe"
    recipe.write_text("FROM scratch\n")
    return ImagePlan(
        backend="cpu",
        tag="nobs:cpu-0123456789ab",
        name="nobs:cpu",
        dockerfile="docker/cpu.Dockerfile",
        build_args={"TORCH_INDEX": "default"},
        network="host",
        files={"docker/cpu.Dockerfile": recipe},
    )


def command(tmp_path: Path, script: str) -> list[str]:
    """Write a stand-in for the docker command."""
    file = tmp_path / "docker"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return [str(file)]


def test_the_builder_is_that_of_the_engines_context(plan: ImagePlan) -> None:
    words = build_command(plan, builder="box")

    assert words[:3] == ["docker", "buildx", "build"]
    assert {"--builder=box", "--network=host", "--build-arg=TORCH_INDEX=default"} <= set(words)
    assert "--file=docker/cpu.Dockerfile" in words


def test_a_proxy_is_named_in_the_command_and_given_in_the_environment(
    plan: ImagePlan, tmp_path: Path
) -> None:
    proxied = replace(
        plan, proxies={"http_proxy": "http://me:pw@p:1"}, certificates=Path("/company.pem")
    )
    words = build_command(proxied, builder="box")
    heard: list[str] = []
    run_buildx(command(tmp_path, "echo $http_proxy"), proxied, dict(os.environ), heard.append)

    assert {"--build-arg=http_proxy", "--secret=id=certificates,src=/company.pem"} <= set(words)
    assert not any("pw" in word for word in words)
    assert heard == ["http://me:pw@p:1"]


def test_the_image_is_loaded_under_both_names_with_its_labels(plan: ImagePlan) -> None:
    assert image_options(plan, {"nobs.torch.version": "2.15.0"}) == [
        "--load",
        "--tag=nobs:cpu-0123456789ab",
        "--tag=nobs:cpu",
        "--label=nobs.torch.version=2.15.0",
        "-",
    ]


def test_the_facts_are_a_stage_of_their_own() -> None:
    assert facts_options(Path("/out")) == ["--target=facts", "--output=type=local,dest=/out", "-"]


def test_labels_are_read_from_the_facts(tmp_path: Path) -> None:
    file = tmp_path / "nobs-image.json"
    file.write_text('{"torch_version": "2.15.0+cu132", "arch_list": ["sm_80", "sm_90"]}')

    assert read_labels(file) == {
        "nobs.torch.version": "2.15.0+cu132",
        "nobs.torch.arch_list": "sm_80 sm_90",
    }


def test_the_context_depends_on_names_and_contents_alone(plan: ImagePlan) -> None:
    first, second = io.BytesIO(), io.BytesIO()
    write_context(plan, first)
    os.utime(plan.files["docker/cpu.Dockerfile"], (1, 1))
    plan.files["docker/cpu.Dockerfile"].chmod(0o600)
    write_context(plan, second)

    assert first.getvalue() == second.getvalue()
    with tarfile.open(fileobj=io.BytesIO(first.getvalue())) as archive:
        assert archive.getnames() == ["docker/cpu.Dockerfile"]


def test_output_is_heard_line_by_line_and_the_context_is_read(
    plan: ImagePlan, tmp_path: Path
) -> None:
    heard: list[str] = []

    run_buildx(command(tmp_path, "tar -t; echo done >&2"), plan, os.environ, heard.append)

    assert heard == ["docker/cpu.Dockerfile", "done"]


def test_a_failed_build_says_what_the_builder_said(plan: ImagePlan, tmp_path: Path) -> None:
    with pytest.raises(EngineError) as caught:
        run_buildx(command(tmp_path, "echo strange; exit 1"), plan, os.environ, lambda _line: None)

    assert "nobs:cpu" in caught.value.message
    assert "strange" in caught.value.message


def test_without_the_docker_command_the_remedy_names_it(plan: ImagePlan, tmp_path: Path) -> None:
    with pytest.raises(EngineError) as caught:
        run_buildx([str(tmp_path / "none")], plan, os.environ, lambda _line: None)

    assert "buildx" in caught.value.remedy


def test_an_interrupted_build_ends_its_process(plan: ImagePlan, tmp_path: Path) -> None:
    def interrupt(_line: str) -> None:
        raise KeyboardInterrupt

    script = f"echo $$ > {tmp_path}/pid; echo started; exec sleep 600"
    with pytest.raises(KeyboardInterrupt):
        run_buildx(command(tmp_path, script), plan, os.environ, interrupt)

    pid = int((tmp_path / "pid").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
