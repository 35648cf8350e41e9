"""NOBS as a wheel, packed from the files that run here: for hosts without this version."""

import base64
import hashlib
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from nobs import __version__
from nobs.errors import RequirementError
from nobs.launch.image.plan import PACKAGE, source_files

_DIST_INFO = f"nobs-{__version__}.dist-info"
_TAGS = "Wheel-Version: 1.0\nGenerator: nobs\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


@dataclass(frozen=True, kw_only=True)
class Wheel:
    """A wheel in memory."""

    name: str
    content: bytes

    @cached_property
    def sha256(self) -> str:
        """Its digest, in hex."""
        return hashlib.sha256(self.content).hexdigest()


def pack_wheel(package: Path = PACKAGE) -> Wheel:
    """Return a wheel with the files of `package` and the metadata of its installation.

    Equal files give equal wheels.
    """
    out, records = io.BytesIO(), []
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(_files(package)):
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode()
            records.append(f"{name},sha256={digest.rstrip('=')},{len(content)}\n")
            _write(archive, name, content)
        record = f"{_DIST_INFO}/RECORD"
        _write(archive, record, "".join([*records, f"{record},,\n"]).encode())
    return Wheel(name=f"nobs-{__version__}-py3-none-any.whl", content=out.getvalue())


def _write(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    info = zipfile.ZipInfo(name)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o644 << 16
    archive.writestr(info, content)


def _files(package: Path) -> Iterator[tuple[str, bytes]]:
    for name, path in source_files(package):
        # The recipes of images travel within the package.
        place = name if name.startswith("nobs/") else f"nobs/recipes/{name}"
        yield place, path.read_bytes()
    try:
        installed = distribution("nobs")
    except PackageNotFoundError as error:
        raise RequirementError(
            "NOBS runs from its source files here, so there is no package to install on hosts.",
            "Install it here (`make setup` in a checkout), or on the hosts.",
        ) from error
    for name in ("METADATA", "entry_points.txt"):
        yield f"{_DIST_INFO}/{name}", (installed.read_text(name) or "").encode()
    yield f"{_DIST_INFO}/WHEEL", _TAGS.encode()
    for file in installed.files or ():
        if f"{_DIST_INFO}/licenses/" in file.as_posix():
            yield file.as_posix(), Path(str(file.locate())).read_bytes()
