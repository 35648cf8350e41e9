"""Which model on disk or which loaded instance a name means; downloaded if it isn't there."""

from collections.abc import Sequence

from nobs.errors import HostApiError, UsageError
from nobs.providers.base import OnProgress
from nobs.providers.lmstudio.cli import Lms
from nobs.providers.lmstudio.names import (
    Listed,
    NamedModel,
    bare,
    find_targets,
    names_instance,
)
from nobs.providers.lmstudio.state import Instance, downloaded_models

DOWNLOAD_S = 6 * 3600.0
SILENCE_S = 300.0
"""Of a download or a load that reports its progress."""


def find_instance(
    wanted: str | None, loaded: Sequence[Instance], downloaded: Sequence[Listed]
) -> Instance | None:
    """Return the loaded instance that `wanted` names, None where it names a model.

    HostApiError where it numbers an instance that isn't loaded.
    """
    if wanted is None or wanted in {model.key for model in downloaded}:
        return None
    by_identifier = {instance.identifier: instance for instance in loaded}
    if wanted in by_identifier:
        return by_identifier[wanted]
    if not names_instance(wanted):
        return None
    alike = [instance for instance in loaded if bare(instance.identifier) == bare(wanted)]
    if len(alike) == 1:
        return alike[0]
    names = ", ".join(by_identifier) or "nothing"
    key = wanted.rpartition(":")[0]
    raise HostApiError(
        f"LM Studio has no loaded instance {wanted!r}; loaded: {names}.",
        f"Load it: `lms load {key} --identifier {wanted}`. Or name the model: --llm-model {key}.",
    )


def find_or_download(
    lms: Lms, wanted: str | None, downloaded: Sequence[Listed], on_progress: OnProgress
) -> NamedModel:
    """Return the model on disk."""
    found = _find(wanted, downloaded)
    if found is not None:
        return found
    if wanted is None:
        raise UsageError("No model is named.", "Name one: --llm-model NAME.")
    on_progress(f"Downloading {wanted} with LM Studio.")
    lms.follow(
        "get", wanted, "--yes", on_progress=on_progress, limit_s=DOWNLOAD_S, silence_s=SILENCE_S
    )
    after = downloaded_models(lms)
    found = _find(wanted, after) or _find_new(wanted, downloaded, after)
    if found is None:
        new = [model.key for model in after if model not in downloaded]
        raise HostApiError(
            f"`lms get {wanted}` succeeded, but LM Studio lists no such model"
            f"{', only ' + ', '.join(new) if new else ''}.",
            "See `lms ls`, then name one of the list: --llm-model NAME.",
        )
    return found


def _find(wanted: str | None, models: Sequence[Listed]) -> NamedModel | None:
    """Return the one model that is meant, None where none is; UsageError where several may be."""
    found = find_targets(wanted, models)
    if len(found) > 1:
        raise UsageError(
            f"LM Studio has several models{f' that {wanted!r} may mean' if wanted else ''}: "
            f"{', '.join(target.name for target in found)}.",
            "Choose one of them: --llm-model NAME.",
        )
    return found[0] if found else None


def _find_new(wanted: str, before: Sequence[Listed], after: Sequence[Listed]) -> NamedModel | None:
    """Return the one model that was downloaded; of a named quantisation it could be another."""
    known = {model.key for model in before}
    new = [model for model in after if model.key not in known]
    return NamedModel(model=new[0]) if len(new) == 1 and "@" not in wanted else None
