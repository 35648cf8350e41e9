"""An image as a value: its recipe, its arguments and a tag that changes when its content does."""

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nobs.errors import EngineError
from nobs.schema.spec import ImageRef
from nobs.settings import hide_credentials

LABEL_TORCH_VERSION = "nobs.torch.version"
LABEL_TORCH_ARCHS = "nobs.torch.arch_list"
_IGNORED = frozenset({"__pycache__", "recipes", ".mypy_cache", ".ruff_cache"})
PACKAGE = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, kw_only=True)
class ImagePlan:
    """One image: the arguments of `docker buildx build`, and the files that it reads."""

    backend: str
    tag: str
    """`nobs:<backend>-<12 hex>` of files and arguments: the same tag means the same content."""
    name: str
    """`nobs:<backend>`, its name for users and compose files."""
    dockerfile: str
    """Path in the build context."""
    build_args: Mapping[str, str]
    proxies: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Variables of the build's own steps, which no layer and no history of the image keeps."""
    certificates: Path | None = None
    """What the build's own steps trust: a secret of the build, never part of the image."""
    network: str | None = None
    """Network of the build's own steps, as in `host`; None for the engine's default."""
    files: Mapping[str, Path] = field(repr=False)
    """The build context: path in it -> file on this machine."""

    def to_dict(self) -> dict[str, Any]:
        """Return what `--dry-run --json` says of the image: without passwords."""
        arguments = {**self.build_args, **self.proxies}
        return {
            "tag": self.tag,
            "dockerfile": self.dockerfile,
            "build_args": {name: hide_credentials(value) for name, value in arguments.items()},
            "network": self.network,
        }


def refer(image: ImagePlan | None, pulled: str | None) -> ImageRef | None:
    """Return the image of a run by its name: `pulled` by a digest, else the planned one."""
    if pulled is not None:
        return ImageRef(tag=pulled, digest=pulled)
    return ImageRef(tag=image.tag) if image else None


def plan_image(  # noqa: PLR0913 - each one a choice of the caller
    backend: str,
    *,
    version: str,
    commit: str | None,
    source: str | None = None,
    torch_index: str | None = None,
    base_image: str | None = None,
    network: str | None = None,
    proxies: Mapping[str, str] | None = None,
    certificates: Path | None = None,
    package: Path = PACKAGE,
) -> ImagePlan:
    """Plan the image of `backend`; None means the Dockerfile's default.

    `source` is the web address of the code, `package` the folder that the image gets it from.
    """
    dockerfile = f"docker/{backend}.Dockerfile"
    files = dict(sorted(source_files(package)))
    if dockerfile not in files:
        raise EngineError(
            f"There is no recipe {dockerfile} for the backend {backend}.",
            "Use --execution native, or one of the backends that `nobs build --help` lists.",
        )
    chosen = {"BASE_IMAGE": base_image, "TORCH_INDEX": torch_index}
    arguments = {name: value for name, value in chosen.items() if value}
    origin = {"NOBS_VERSION": version, "NOBS_COMMIT": commit or "unknown"}
    origin |= {"NOBS_SOURCE": source} if source else {}
    return ImagePlan(
        backend=backend,
        tag=f"nobs:{backend}-{_digest(backend, files, arguments)[:12]}",
        name=f"nobs:{backend}",
        dockerfile=dockerfile,
        build_args=arguments | origin,
        proxies=proxies or {},
        certificates=certificates,
        network=network,
        files=files,
    )


def recipes_root(package: Path = PACKAGE) -> Path:
    """Return the directory of docker/ and requirements/: the checkout, else inside the package."""
    installed = package / "recipes"
    return installed if installed.is_dir() else package.parent


def source_files(package: Path = PACKAGE) -> Iterator[tuple[str, Path]]:
    """Yield each file of NOBS and of the images' recipes: path in a checkout, file here."""
    root = recipes_root(package)
    for folder in (root / "docker", root / "requirements", package):
        for directory, names, files in os.walk(folder):
            names[:] = [name for name in names if name not in _IGNORED]
            inside = Path(folder.name, Path(directory).relative_to(folder))
            for name in files:
                if not name.endswith((".pyc", ".pyo")):
                    yield (inside / name).as_posix(), Path(directory, name)


def _digest(backend: str, files: Mapping[str, Path], arguments: Mapping[str, str]) -> str:
    # Origin isn't part of it: a commit that touches no file of the image needs no new image.
    digest = hashlib.sha256(repr((backend, sorted(arguments.items()))).encode())
    for name, path in files.items():
        if name.endswith(".Dockerfile") and name != f"docker/{backend}.Dockerfile":
            continue
        content = path.read_bytes()
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()
