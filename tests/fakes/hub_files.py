"""What the look-alike of the hub tells of its repositories, and what it gets wrong."""

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

LFS_SUFFIXES = (".safetensors", ".parquet", ".bin", ".onnx", ".msgpack")


@dataclass
class Faults:
    """What the hub does wrong; repositories are named `ORG/NAME`, files by their path."""

    flipped: set[str] = field(default_factory=set)
    """Files sent with one byte flipped and the right length."""
    sizes: dict[str, int] = field(default_factory=dict)
    """File -> the size that listings and redirects announce for it."""
    smuggled: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    """Repository -> a file name that is listed though no such file can be, and its content."""
    gated: set[str] = field(default_factory=set)
    status: dict[str, int] = field(default_factory=dict)
    """Repository -> the status that it answers to everything."""
    delay_s: float = 0.0


@dataclass(frozen=True)
class Repo:
    """One repository at one commit."""

    kind: str
    name: str
    directory: Path

    @property
    def commit(self) -> str:
        return self.directory.name

    @cached_property
    def files(self) -> dict[str, Path]:
        paths = (path for path in sorted(self.directory.rglob("*")) if path.is_file())
        return {path.relative_to(self.directory).as_posix(): path for path in paths}


def describe(repo: Repo, faults: Faults) -> dict[str, object]:
    """Return what the hub tells of a repository."""
    smuggled = [name for name, _ in [faults.smuggled.get(repo.name, ("", b""))] if name]
    return {
        "id": repo.name,
        "sha": repo.commit,
        "private": False,
        "gated": False,
        "disabled": False,
        "tags": [],
        "downloads": 0,
        "likes": 0,
        "siblings": [{"rfilename": name} for name in [*repo.files, *smuggled]],
    }


def list_files(
    repo: Repo, below: str, faults: Faults, *, recursive: bool
) -> list[dict[str, object]]:
    """Return what the hub tells of the files and folders below `below`."""
    prefix = f"{below}/" if below else ""
    files = {name: path for name, path in repo.files.items() if name.startswith(prefix)}
    if recursive:
        listed = [describe_file(name, path) for name, path in files.items()]
        for entry in listed:
            entry["size"] = faults.sizes.get(str(entry["path"]), entry["size"])
        if smuggled := faults.smuggled.get(repo.name):
            name, content = smuggled
            listed.append({"type": "file", "path": name, "size": len(content), "oid": "0" * 40})
        return listed
    entries = {}
    for name, path in files.items():
        head, nested, _ = name.removeprefix(prefix).partition("/")
        folder: dict[str, object] = {"type": "directory", "path": prefix + head, "oid": "0" * 40}
        entries[prefix + head] = {**folder, "size": 0} if nested else describe_file(name, path)
    return list(entries.values())


def describe_file(name: str, path: Path) -> dict[str, object]:
    """Return what the hub tells of a file."""
    size = path.stat().st_size
    entry: dict[str, object] = {"type": "file", "path": name, "size": size, "oid": _git_oid(path)}
    if name.endswith(LFS_SUFFIXES):
        entry["lfs"] = {"oid": etag(name, path), "size": size, "pointerSize": 134}
    return entry


def etag(name: str, path: Path) -> str:
    """Return the digest by which clients know a file: sha256 of a large one, else git's."""
    if name.endswith(LFS_SUFFIXES):
        return hashlib.sha256(path.read_bytes()).hexdigest()
    return _git_oid(path)


def _git_oid(path: Path) -> str:
    content = path.read_bytes()
    header = f"blob {len(content)}\0".encode()
    return hashlib.sha1(header + content, usedforsecurity=False).hexdigest()
