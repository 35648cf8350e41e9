"""Images as the workflow `images` publishes them, by its own script, and run by their digest."""

import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import pytest

from nobs import __version__
from tests.container.launching import BASE_IMAGE
from tests.container.publishing import (
    SCAN,
    SCANNER,
    Publisher,
    Registry,
    git,
    light_torch_index,
    make_checkout,
    registry,
)
from tests.fakes.llm_answers import MODEL, whole_server
from tests.fakes.llm_server import serving

pytestmark = pytest.mark.stand_ins
TAG = f"{__version__}-cpu"
SOURCE = "https://example.org/team/nobs"
OTHER_ARCHITECTURE = "FROM scratch\nCOPY nobs/__init__.py /\nLABEL nobs.version=x\n"
OFFLINE = {"COSIGN_PASSWORD": ""}


@dataclass(frozen=True, kw_only=True)
class Published:
    registry: Registry
    publisher: Publisher
    reference: str
    """As the script prints it: repository and digest."""
    keys: Path

    @property
    def digest(self) -> str:
        return self.reference.partition("@")[2]

    def images(self) -> dict[str, str]:
        """Return the digests of the images by their architecture."""
        return {
            entry["platform"]["architecture"]: entry["digest"]
            for entry in self.registry.manifest(TAG)["manifests"]
            if entry["platform"]["os"] == "linux"
        }

    def statements(self, architecture: str) -> dict[str, dict[str, Any]]:
        """Return the attestations of an image by the type of what they state."""
        image = self.images()[architecture]
        (attestation,) = [
            entry["digest"]
            for entry in self.registry.manifest(TAG)["manifests"]
            if entry.get("annotations", {}).get("vnd.docker.reference.digest") == image
        ]
        return self.registry.statements(attestation)


@pytest.fixture(scope="module")
def attesting_engine() -> str:
    """Address of Debian 13's engine with the containerd image store."""
    host = os.environ.get("NOBS_TEST_ATTESTING_ENGINE")
    if not host:
        pytest.fail(
            "NOBS_TEST_ATTESTING_ENGINE is not set: run .ci/run, or .ci/attesting-engine.sh start"
        )
    for tool in ("cosign", "docker-registry", "jq"):
        assert shutil.which(tool), f"{tool} is not in PATH"
    return host


@pytest.fixture(scope="module")
def published(
    attesting_engine: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Published]:
    """Publish the CPU's image with short lists of wheels; of another architecture, one file."""
    home = tmp_path_factory.mktemp("publishing")
    checkout = make_checkout(home / "checkout")
    with registry(home) as served, light_torch_index(home / "index") as index:
        scanner = f"{served.address}/scanner"
        publisher = Publisher(
            checkout=checkout,
            environment={
                "DOCKER_HOST": attesting_engine, "NOBS_BASE_IMAGE": BASE_IMAGE, **OFFLINE,
                "NOBS_TORCH_INDEX": index, "NOBS_BUILD_NETWORK": "host", "NOBS_SOURCE": SOURCE,
                "NOBS_RELEASE": f"v{__version__}", "NOBS_SBOM_SCANNER": scanner,
            },
        )  # fmt: skip
        (home / "scanner").mkdir()
        (home / "scanner/scan.py").write_text(SCAN)
        publisher.buildx("--push", "--tag", scanner, str(home / "scanner"), recipe=SCANNER)
        publisher.script("build", "cpu", "amd64", served.repository)
        publish_other(publisher, served)
        reference = publisher.script("tag", "cpu", served.repository)
        subprocess.run(
            ["cosign", "generate-key-pair"], cwd=home, env=os.environ | OFFLINE, check=True,
            capture_output=True, timeout=60,
        )  # fmt: skip
        publisher.script("sign", reference, "--key", f"{home}/cosign.key", "--tlog-upload=false")
        yield Published(registry=served, publisher=publisher, reference=reference, keys=home)


def publish_other(publisher: Publisher, served: Registry) -> None:
    """Push an image for arm64 that needs no such machine, as `build` does on one."""
    metadata = publisher.checkout / "metadata.json"
    publisher.buildx(
        "--platform", "linux/arm64", "--provenance=mode=max", "--metadata-file", str(metadata),
        "--tag", f"{served.repository}:{TAG}-arm64", "--push", str(publisher.checkout),
        recipe=OTHER_ARCHITECTURE,
    )  # fmt: skip
    digest = json.loads(metadata.read_text())["containerimage.digest"]
    (publisher.checkout / "digests/cpu-arm64").write_text(f"{digest}\n")


def test_one_tag_with_the_version_names_all_architectures(published: Published) -> None:
    answer = published.registry.get(f"manifests/{TAG}")
    tags = published.registry.get("tags/list").json()["tags"]

    assert published.reference == f"{published.registry.repository}@{published.digest}"
    assert published.digest == f"sha256:{hashlib.sha256(answer.content).hexdigest()}"
    assert published.registry.get(f"manifests/{published.digest}").content == answer.content
    assert sorted(published.images()) == ["amd64", "arm64"]
    assert sorted(tag for tag in tags if not tag.startswith("sha256-")) == [
        TAG, f"{TAG}-amd64", f"{TAG}-arm64"
    ]  # fmt: skip


def test_the_bill_of_materials_names_the_packages_of_the_image(
    published: Published, attesting_engine: str
) -> None:
    statement = published.statements("amd64")["https://spdx.dev/Document"]
    named = {normal(package["name"]) for package in statement["predicate"]["packages"]}
    image = f"{published.registry.repository}@{published.images()['amd64']}"
    with_own_bill = docker.DockerClient(base_url=attesting_engine)
    try:
        with_own_bill.images.pull(image)
        own = json.loads(
            with_own_bill.containers.run(
                image, ["/opt/nobs-sbom.json"], entrypoint="cat", remove=True, network_mode="none"
            )
        )
    finally:
        with_own_bill.close()
    installed = {normal(part["name"]) for part in own["components"]}

    assert subject_of(statement) == published.images()["amd64"]
    assert {"click", "httpx2", "torch", "python3-minimal", "libc6"} <= installed
    assert installed - named == set()


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def subject_of(statement: dict[str, Any]) -> str:
    """Return the digest that all subjects of a statement have."""
    (digest,) = {subject["digest"]["sha256"] for subject in statement["subject"]}
    return f"sha256:{digest}"


def test_the_provenance_names_the_commit_and_the_arguments(published: Published) -> None:
    checkout = published.publisher.checkout
    (kind,) = [kind for kind in published.statements("amd64") if "slsa.dev/provenance" in kind]
    statement = published.statements("amd64")[kind]
    source = statement["predicate"]["metadata"]["https://mobyproject.org/buildkit@v1#metadata"]
    built = statement["predicate"]["invocation"]

    assert subject_of(statement) == published.images()["amd64"]
    assert source["vcs"]["revision"] == git(checkout, "rev-parse", "HEAD")
    assert built["configSource"]["entryPoint"] == "cpu.Dockerfile"
    assert built["parameters"]["args"]["build-arg:NOBS_VERSION"] == __version__
    assert built["parameters"]["args"]["build-arg:NOBS_SOURCE"] == SOURCE


def verify(published: Published, key: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["cosign", "verify", "--key", str(key), "--insecure-ignore-tlog=true", published.reference],
        env=os.environ | {"HOME": str(published.keys)}, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip


def test_the_signature_is_of_that_digest_and_key(published: Published, tmp_path: Path) -> None:
    subprocess.run(
        ["cosign", "generate-key-pair"], cwd=tmp_path, env=os.environ | OFFLINE, check=True,
        capture_output=True, timeout=60,
    )  # fmt: skip
    right = verify(published, published.keys / "cosign.pub")
    wrong = verify(published, tmp_path / "cosign.pub")

    assert right.returncode == 0, right.stderr
    (signed,) = json.loads(right.stdout)
    assert signed["critical"]["image"]["docker-manifest-digest"] == published.digest
    assert wrong.returncode != 0
    assert "invalid signature" in wrong.stderr


def test_nobs_runs_it_by_its_digest_and_records_that(
    published: Published, engine: str, client: docker.DockerClient, tmp_path: Path
) -> None:
    with serving(whole_server()) as server:
        done = published.publisher.nobs(
            "run", "--execution", "container", "--backend", "cpu", "--profile", "quick", "--task",
            "llms", "--repeats", "3", "--llm-url", server.url, "--llm-model", MODEL, "--image",
            published.reference, "--results", str(tmp_path / "results"), "--yes", "--json",
            engine=engine,
        )  # fmt: skip
    client.images.remove(published.reference, force=True)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    image, (model,) = report["run"]["image"], report["tasks"][0]["models"].values()

    assert (report["run"]["execution"], report["run"]["status"]) == ("container", "ok")
    assert image["digest"] == published.reference
    assert image["labels"]["nobs.commit"] == git(published.publisher.checkout, "rev-parse", "HEAD")
    assert (model["status"], len(model["all_runs"])) == ("ok", 3)


def test_a_tag_of_another_version_is_refused(published: Published) -> None:
    done = subprocess.run(
        [published.publisher.checkout / "tools/publish_images.sh", "tag", "cpu", "x.example/nobs"],
        env=os.environ | {"NOBS_RELEASE": "v0.0.0"}, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip

    assert done.returncode == 2
    assert f"the tag is v0.0.0, but the version is {__version__}" in done.stderr
