"""Building images, with a recipe of the real ones' shape that takes no wheels."""

import hashlib
import json
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path

import docker
import pytest

from nobs.errors import EngineError
from nobs.launch.engine.client import Engine, connect
from nobs.launch.image.build import build_image, ensure_image, find_tagged
from nobs.launch.image.plan import ImagePlan, plan_image
from tests.container.launching import BASE_IMAGE

RECIPE = """\
ARG BASE_IMAGE
FROM ${BASE_IMAGE} AS wheels
ARG MARK=@MARK@
RUN echo "installing ${MARK}" && echo '@FACTS@' > /nobs-image.json
FROM scratch AS facts
COPY --from=wheels /nobs-image.json /
FROM wheels AS image
COPY nobs /opt/nobs
ARG NOBS_VERSION=unknown
ARG NOBS_COMMIT=unknown
LABEL nobs.version="${NOBS_VERSION}" nobs.commit="${NOBS_COMMIT}"
"""
FACTS = {"torch_version": "2.15.0+cu132", "arch_list": ["sm_80", "sm_90"]}
Connect = Callable[[dict[str, str]], Engine]
MakePlan = Callable[..., ImagePlan]


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """Lay out a checkout whose recipe nobody has built before."""
    package = tmp_path / "nobs"
    recipe = RECIPE.replace("@MARK@", uuid.uuid4().hex).replace("@FACTS@", json.dumps(FACTS))
    for folder in (package, tmp_path / "docker", tmp_path / "requirements"):
        folder.mkdir()
    (package / "one.py").write_text("ONE = 1\n")
    (tmp_path / "docker" / "trial.Dockerfile").write_text(recipe)
    return package


@pytest.fixture
def connected(package: Path) -> Iterator[Connect]:
    """Return a function that connects; what was built there is removed at the end."""
    del package
    with ExitStack() as stack:

        def enter(variables: dict[str, str]) -> Engine:
            engine = stack.enter_context(connect({**os.environ, **variables}))
            stack.callback(remove_trials, engine)
            return engine

        yield enter


@pytest.fixture
def built_on(connected: Connect, engine: str) -> Engine:
    return connected({"DOCKER_HOST": engine})


def remove_trials(engine: Engine) -> None:
    for image in engine.client.images.list("nobs"):
        for tag in image.tags:
            if tag.startswith("nobs:trial"):
                with suppress(docker.errors.ImageNotFound):
                    engine.client.images.remove(tag, force=True)


@pytest.fixture
def plan(package: Path) -> MakePlan:
    def make(commit: str = "abc", base: str = BASE_IMAGE) -> ImagePlan:
        return plan_image("trial", version="1.2.3", commit=commit, base_image=base, package=package)

    return make


def test_an_image_carries_version_commit_and_what_its_torch_is(
    plan: MakePlan, built_on: Engine
) -> None:
    image = build_image(built_on, plan(), lambda _line: None)

    assert image.tag == plan().tag
    assert image.id is not None
    assert image.id.startswith("sha256:")
    assert image.labels == {
        "nobs.version": "1.2.3",
        "nobs.commit": "abc",
        "nobs.torch.version": "2.15.0+cu132",
        "nobs.torch.arch_list": "sm_80 sm_90",
    }


def test_what_is_built_is_found_and_not_built_again(plan: MakePlan, built_on: Engine) -> None:
    heard: list[str] = []
    assert find_tagged(built_on, plan().tag) is None
    built = ensure_image(built_on, plan(), heard.append)
    assert any("installing" in line for line in heard)
    heard.clear()

    again = ensure_image(built_on, plan(commit="a later commit of the same files"), heard.append)

    assert again == built
    assert heard == []


def test_a_changed_line_of_code_keeps_the_wheels(
    plan: MakePlan, built_on: Engine, package: Path
) -> None:
    first = ensure_image(built_on, plan(), lambda _line: None)
    (package / "one.py").write_text("ONE = 2\n")
    heard: list[str] = []

    second = ensure_image(built_on, plan(), heard.append)

    layers = [built_on.client.images.get(i.tag).attrs["RootFS"]["Layers"] for i in (first, second)]
    assert second.tag != first.tag
    assert layers[0][:-1] == layers[1][:-1]
    assert layers[0][-1] != layers[1][-1]
    assert not any("installing" in line and "RUN" not in line for line in heard)


def test_the_short_name_follows_the_wanted_content(
    plan: MakePlan, built_on: Engine, package: Path
) -> None:
    first = ensure_image(built_on, plan(), lambda _line: None)
    (package / "one.py").write_text("ONE = 2\n")
    second = ensure_image(built_on, plan(), lambda _line: None)
    assert built_on.client.images.get("nobs:trial").id == second.id
    (package / "one.py").write_text("ONE = 1\n")

    ensure_image(built_on, plan(), lambda _line: None)

    assert built_on.client.images.get("nobs:trial").id == first.id


def test_a_failed_step_is_shown_and_leaves_no_image(
    plan: MakePlan, built_on: Engine, package: Path
) -> None:
    recipe = package.parent / "docker" / "trial.Dockerfile"
    broken = recipe.read_text().replace("RUN echo", "RUN echo telling words; exit 3; echo")
    recipe.write_text(broken)

    with pytest.raises(EngineError) as caught:
        build_image(built_on, plan(), lambda _line: None)

    assert "telling words" in caught.value.message
    assert find_tagged(built_on, plan().tag) is None


def test_proxies_and_certificates_reach_the_steps_and_stay_out_of_the_image(
    plan: MakePlan, built_on: Engine, package: Path, tmp_path: Path
) -> None:
    recipe = package.parent / "docker" / "trial.Dockerfile"
    checks = (
        "RUN --mount=type=secret,id=certificates echo proxy $https_proxy and $HTTPS_PROXY; "
        "echo trusts $(cat /run/secrets/certificates); echo"
    )
    recipe.write_text(recipe.read_text().replace("RUN echo", checks))
    (tmp_path / "company.pem").write_text("company-certificate")
    proxy = "http://me:pass-word@proxy.example:3128"
    wanted = replace(
        plan(),
        proxies={"HTTPS_PROXY": proxy, "https_proxy": proxy},
        certificates=tmp_path / "company.pem",
    )
    heard: list[str] = []

    image = build_image(built_on, wanted, heard.append)

    assert any(f"proxy {proxy} and {proxy}" in line for line in heard)
    assert any("trusts company-certificate" in line for line in heard)
    built = built_on.client.images.get(image.tag)
    kept = json.dumps([built.attrs, built.history()])
    assert "proxy.example" not in kept
    assert "pass-word" not in kept
    assert b"company-certificate" not in b"".join(built.save())


def test_a_base_image_that_cannot_be_had_is_named(plan: MakePlan, built_on: Engine) -> None:
    with pytest.raises(EngineError) as caught:
        build_image(built_on, plan(base="registry.invalid/none:1"), lambda _line: None)

    assert "registry.invalid/none:1" in caught.value.message
    assert "NOBS_BASE_IMAGE" in caught.value.remedy


@pytest.mark.stand_ins
def test_a_build_goes_to_the_chosen_host_and_nowhere_else(
    plan: MakePlan, connected: Connect, engine: str, second_engine: str
) -> None:
    first, second = (connected({"DOCKER_HOST": address}) for address in (engine, second_engine))

    build_image(second, plan(), lambda _line: None)

    assert find_tagged(second, plan().tag) is not None
    assert find_tagged(first, plan().tag) is None


@pytest.mark.stand_ins
def test_a_build_goes_to_the_engine_of_the_chosen_context(
    plan: MakePlan, connected: Connect, second_engine: str, tmp_path: Path
) -> None:
    meta = tmp_path / "contexts" / "meta" / hashlib.sha256(b"newer").hexdigest()
    meta.mkdir(parents=True)
    docker_endpoint = {"Host": second_engine, "SkipTLSVerify": False}
    record = {"Name": "newer", "Metadata": {}, "Endpoints": {"docker": docker_endpoint}}
    (meta / "meta.json").write_text(json.dumps(record))
    variables = {"DOCKER_HOST": "", "DOCKER_CONFIG": str(tmp_path), "DOCKER_CONTEXT": "newer"}
    newer = connected(variables)

    built = build_image(newer, plan(), lambda _line: None)

    assert newer.ref.context == "newer"
    assert find_tagged(newer, plan().tag) == built


def test_provenance_is_attached_where_the_engine_can_keep_it(
    plan: MakePlan, built_on: Engine
) -> None:
    image = build_image(built_on, plan(), lambda _line: None)

    store = dict(built_on.client.info()["DriverStatus"]).get("driver-type", "")
    saved = b"".join(built_on.client.images.get(image.tag).save())
    assert (b"https://slsa.dev/provenance" in saved) is ("containerd" in store)
