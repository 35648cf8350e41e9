"""Additional catalogues: a file of the user, installed packages."""

import hashlib
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import Any

from nobs.errors import RequirementError, UsageError
from nobs.registry import find_entry_points
from nobs.schema.pins import CatalogRef
from nobs.settings import CATALOG_VARIABLE
from nobs.user import expand_home

GROUP = "nobs.catalogs"
_MARK = "@sha256:"


@dataclass(frozen=True, kw_only=True)
class CatalogSource:
    """One catalogue as it was read."""

    name: str
    """The file or the package, for messages."""
    profile: str
    """Name of the profile of all its workloads, if it defines no profiles."""
    tables: Mapping[str, Any]
    ref: CatalogRef

    @property
    def open_reasons(self) -> tuple[str, ...]:
        """Why its workloads are open; empty if the user pinned the file's content."""
        if self.ref.pinned:
            return ()
        return (f"catalog: {self.ref.file} isn't pinned (sha256 {self.ref.sha256[:12]})",)


def user_source(named: str) -> CatalogSource:
    """Read the file of `FILE[@sha256:HEX]`; UsageError if it is missing or has another digest."""
    name, mark, wanted = named.partition(_MARK)
    file = expand_home(name, "--catalog")
    try:
        content = file.read_bytes()
    except OSError as error:
        raise UsageError(
            f"The catalogue {file} can't be read: {error.strerror}.",
            f"Name a TOML file with --catalog or {CATALOG_VARIABLE}.",
        ) from error
    source = _read(str(file), file.name, file.stem, content, pinned=bool(mark))
    if mark and wanted.lower() != source.ref.sha256:
        raise UsageError(
            f"The catalogue {file} has the sha256 {source.ref.sha256}, not {wanted}.",
            "Restore the file, or give its present digest.",
        )
    return source


def package_sources() -> Iterator[CatalogSource]:
    """Yield the catalogues of installed packages, sorted by name.

    An entry point `NAME = "PACKAGE:FILE.toml"` of the group `nobs.catalogs` names each of them.
    """
    for point in sorted(find_entry_points(GROUP), key=lambda point: point.name):
        package, _, resource = point.value.partition(":")
        label = f"{point.dist.name} {point.dist.version}" if point.dist else package
        try:
            content = files(_without_importing(package)).joinpath(resource).read_bytes()
        except (OSError, ImportError, ValueError) as error:
            raise RequirementError(
                f"The catalogue {point.name!r} of {label} can't be read from {point.value}: "
                f"{error}.",
                f"Repair or uninstall {label}.",
            ) from error
        yield _read(f"{point.name} of {label}", f"{label}: {resource}", point.name, content)


def _without_importing(package: str) -> ModuleType:
    """Return the module of `package` without running it: a broken task has its catalogue still."""
    spec = find_spec(package)
    if spec is None:
        raise ModuleNotFoundError(f"No module named {package!r}")
    return module_from_spec(spec)


def _read(
    name: str, shown: str, profile: str, content: bytes, *, pinned: bool = False
) -> CatalogSource:
    try:
        tables = tomllib.loads(content.decode("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(
            f"The catalogue {name} isn't valid TOML: {error}.", "Correct the file."
        ) from error
    digest = hashlib.sha256(content).hexdigest()
    return CatalogSource(
        name=name,
        profile=re.sub(r"[^A-Za-z0-9._-]+", "-", profile),
        tables=tables,
        ref=CatalogRef(file=shown, sha256=digest, pinned=pinned),
    )
