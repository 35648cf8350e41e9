"""Differences from a pinned workload: the rule of closed and open results."""

from collections.abc import Iterator, Mapping
from typing import Any

from nobs.schema.base import Record
from nobs.schema.pins import DatasetPin, ModelPin, Workload

_CONSEQUENCES = {"source", "file", "file_bytes", "file_sha256", "rows_sha256", "config", "licence"}
"""Fields of a data set that follow from others; reasons only if nothing else differs."""

_PACE = {"min_repeats", "ci_rel_width", "sustain_s", "rest_s", "rest_until_recovered"}
"""Fields of the policy that change what a median means."""


def find_changes(pinned: Workload, chosen: Workload) -> Iterator[str]:
    """Yield every difference of `chosen` from `pinned` that makes its result open.

    Fewer repeats than the minimum do; more repeats or a larger time budget don't.
    """
    if pinned.catalog and chosen.catalog and pinned.catalog.sha256 != chosen.catalog.sha256:
        yield f"catalog.sha256: {chosen.catalog.sha256} instead of {pinned.catalog.sha256}"
    yield from _of_dataset(pinned.dataset, chosen.dataset)
    yield from _of_models(pinned.models, chosen.models)
    yield from _describe(_plain(pinned.params), _plain(chosen.params), "params.")
    repeats, least = chosen.policy.repeats, pinned.policy.min_repeats
    if repeats is not None and repeats < least:
        yield f"policy.repeats: {repeats}, below {least}"
    before, after = (each.policy.model_dump(include=_PACE) for each in (pinned, chosen))
    yield from _describe(before, after, "policy.")


def find_differences(
    before: Mapping[str, Any], after: Mapping[str, Any], where: str = ""
) -> Iterator[tuple[str, Any, Any]]:
    """Yield path, old and new value of each field that differs, recursively."""
    for key in {**before, **after}:
        old, new = before.get(key), after.get(key)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            yield from find_differences(old, new, f"{where}{key}.")
        elif old != new:
            yield f"{where}{key}", old, new


def _of_dataset(pinned: DatasetPin, chosen: DatasetPin) -> list[str]:
    before, after = _plain(pinned), _plain(chosen)
    differing = [path for path, *_ in find_differences(before, after)]
    chief = [key for key in differing if key not in _CONSEQUENCES] or differing
    return [f"dataset.{key}: {after[key]} instead of {before[key]}" for key in chief]


def _of_models(pinned: tuple[ModelPin, ...], chosen: tuple[ModelPin, ...]) -> Iterator[str]:
    """Yield other or fewer models, which change the task score, and random weights."""
    names = [", ".join(model.id for model in models) for models in (pinned, chosen)]
    if names[0] != names[1]:
        yield f"models: {names[1]} instead of {names[0]}"
    else:
        for before, after in zip(pinned, chosen, strict=True):
            if after.random is None:
                yield from _describe(_plain(before), _plain(after), f"models.{before.id}.")
    for model in chosen:
        if model.random:
            yield f"models.{model.id}: random weights (seed {model.random.seed}), not its own"


def _describe(before: Mapping[str, Any], after: Mapping[str, Any], where: str) -> Iterator[str]:
    for path, old, new in find_differences(before, after, where):
        yield f"{path}: {new} instead of {old}"


def _plain(record: Record) -> dict[str, Any]:
    return record.model_dump(mode="json")
