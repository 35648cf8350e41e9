"""Cold loads of a model of LM Studio, which NOBS itself loaded in it."""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from nobs.errors import HostApiError
from nobs.providers.cold import Started, refuse
from nobs.providers.fields import table_of, text_of
from nobs.providers.lmstudio.cli import Lms, check_lms_cli, homes
from nobs.providers.lmstudio.setup import LOAD_S, OWN_PREFIX, as_before
from nobs.providers.lmstudio.state import Instance, downloaded_models, find_loaded
from nobs.providers.lmstudio.targets import SILENCE_S
from nobs.schema.server import Connection, ServerRef
from nobs.settings import in_container


class StudioCold:
    """Unloads and loads our own instance; LM Studio itself goes on running."""

    def __init__(self, lms: Lms, instance: Instance, connection: Connection) -> None:
        self._lms, self._instance, self._connection = lms, instance, connection
        paths = (each.path for each in downloaded_models(lms) if each.key == instance.key)
        self.files = tuple(files_below([where / path for path in paths for where in _folders()]))

    def unload(self) -> None:
        """Put the instance out of memory."""
        name = self._instance.identifier
        self._lms.run("unload", name, limit_s=LOAD_S)
        if find_loaded(self._lms, name) is not None:
            raise HostApiError(
                f"LM Studio still has {name} in memory after `lms unload {name}`.",
                "See `lms ps` for what is loaded.",
            )

    @contextmanager
    def started(self) -> Iterator[Started]:
        """Load the instance as it was loaded before."""
        words = as_before(self._instance)
        began_s = time.perf_counter()
        self._lms.follow(
            "load", *words, on_progress=lambda _line: None, limit_s=LOAD_S, silence_s=SILENCE_S
        )
        yield Started(
            connection=self._connection, began_s=began_s, program_s=None,
            ready_s=time.perf_counter(),
        )  # fmt: skip
        # Afterwards, as asking takes time.
        if (found := find_loaded(self._lms, self._instance.identifier)) != self._instance:
            raise HostApiError(
                f"LM Studio loaded {found} instead of {self._instance}.",
                "See `lms ps` for what is loaded; load the model yourself to see why.",
            )


def cold_server(server: ServerRef, connection: Connection) -> StudioCold:
    """Return our instance of the model; UsageError if it isn't ours or may not be loaded."""
    if in_container():
        refuse(server, "`lms` can't be reached from a container", "Add --execution native.")
    if not server.setup:
        refuse(
            server, "NOBS may not load models in it",
            "Add --setup-lm-studio: NOBS then loads an instance of its own.",
        )  # fmt: skip
    lms = check_lms_cli()
    instance = find_loaded(lms, server.model)
    if instance is None or not server.model.startswith(OWN_PREFIX):
        refuse(
            server, f"{server.model} was loaded before, and NOBS unloads only what it loaded",
            f"Unload it (`lms unload {server.model}`), then run again.",
        )  # fmt: skip
    return StudioCold(lms, instance, connection)


def files_below(paths: Sequence[Path]) -> Iterator[Path]:
    """Yield the files among `paths` with the projectors beside them, and those in directories."""
    for path in paths:
        if path.is_dir():
            yield from (file for file in path.rglob("*") if file.is_file())
        elif path.is_file():
            yield path
            # Loaded with the weights, so that the model takes images.
            yield from path.parent.glob("*mmproj*.gguf")


def _folders() -> Iterator[Path]:
    """Yield where LM Studio keeps models: the usual places, then the one in its settings."""
    for home in homes():
        yield home / "models"
        with suppress(OSError, ValueError):
            settings = table_of(json.loads((home / "settings.json").read_text(encoding="utf-8")))
            if folder := text_of(settings.get("downloadsFolder")):
                yield Path(folder)
