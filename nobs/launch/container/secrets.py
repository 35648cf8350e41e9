"""The user's secrets as files for containers while a run lasts."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from nobs.launch.container.plan import (
    CERTIFICATES_VARIABLE,
    KEY_VARIABLE,
    TOKEN_VARIABLE,
    SecretFile,
)
from nobs.settings import llm_api_key
from nobs.storage.owner import scratch_directory
from nobs.storage.store import prepare_results
from nobs.supervisor.signals import stop_on_signals
from nobs.user import certificates


@contextlib.contextmanager
def secret_files(results: Path, *, written: bool) -> Iterator[tuple[SecretFile, ...]]:
    """Keep the user's secrets in files next to the runs while the run lasts.

    A plan that is only shown names the files, too, but they aren't `written`.
    """
    runs, secrets = results / "runs", _find_secrets()
    with stop_on_signals(), contextlib.ExitStack() as stack:
        directory = runs / "nobs-scratch"
        if written and secrets:
            prepare_results(results)
            directory = stack.enter_context(scratch_directory(runs.absolute()))
            for name, content in secrets.values():
                (directory / name).touch(mode=0o600)
                (directory / name).write_bytes(content)
        yield tuple(
            SecretFile(variable=variable, source=directory.absolute() / name)
            for variable, (name, _) in secrets.items()
        )


def _find_secrets() -> dict[str, tuple[str, bytes]]:
    """Return what containers get as files: variable -> (file's name, content)."""
    file = certificates()
    texts = {
        TOKEN_VARIABLE: ("hf_token", os.environ.get("HF_TOKEN", "").encode()),
        KEY_VARIABLE: ("llm_api_key", llm_api_key().encode()),
        # Not a secret, but the engine may not see the original file.
        CERTIFICATES_VARIABLE: ("certificates", file.read_bytes() if file else b""),
    }
    return {variable: found for variable, found in texts.items() if found[1]}
