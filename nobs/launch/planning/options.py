"""Which task takes which option; an option without effect is refused."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from nobs.catalog import Catalog
from nobs.errors import NobsError, UsageError
from nobs.launch.planning.pace import check_pace
from nobs.launch.planning.random_weights import check_seed
from nobs.launch.planning.request import RunRequest, flag_of
from nobs.launch.planning.workloads import change_params
from nobs.providers import PROVIDERS
from nobs.providers.definitions import LMSTUDIO
from nobs.schema.image import parse_image
from nobs.tasks import TASKS
from nobs.tasks.definitions import options_of, owners_of
from nobs.tasks.options import PROVIDER, SETUP_LM_STUDIO
from nobs.tasks.parameters import typed
from nobs.text import join_words

_OF_BUILDS = ("torch_index", "base_image", "build_network")
_OF_IMAGES = (*_OF_BUILDS, "image")


def check_options(request: RunRequest, catalog: Catalog) -> None:
    """Raise UsageError for options that no selected task takes, or that need another option."""
    tasks = request.tasks or catalog.tasks(request.profile)
    untaken = [name for name in request.options if not _takers(name, tasks)]
    if untaken:
        raise UsageError(
            _complain(untaken, tasks, request), _advise(untaken, tasks, request, catalog)
        )
    if provider := PROVIDER.get(request.options):
        PROVIDERS.load(provider)
        if SETUP_LM_STUDIO.get(request.options) and provider != LMSTUDIO.name:
            raise UsageError(
                f"--setup-lm-studio works with LM Studio only, not with --provider {provider}.",
                "Leave one of the two out.",
            )
    if request.image is not None:
        _check_pulled(request, request.image)
    check_seed(request)
    check_pace(request)


def options_for(task: str, request: RunRequest, tasks: Sequence[str]) -> RunRequest:
    """Return `request` with those options only that `task` takes in a run of `tasks`."""
    taken = _taken_by(task, tasks)
    own = {name: value for name, value in request.options.items() if name in taken}
    return replace(request, options=own)


def has_own_options(task: str, request: RunRequest, tasks: Sequence[str]) -> bool:
    """Return whether an option is given that `task` alone takes in a run of `tasks`."""
    return any(_takers(name, tasks) == (task,) for name in request.options)


def describe_options(request: RunRequest, tasks: Sequence[str]) -> list[str]:
    """Return which options apply to some of `tasks` only, a sentence for each such set of tasks."""
    partial = [name for name in request.options if _takers(name, tasks) != tuple(tasks)]
    groups = _group(partial, lambda name: _takers(name, tasks))
    return [
        f"{_join(request, names)} {'applies' if len(names) == 1 else 'apply'} to "
        f"{join_words(takers)} only"
        for takers, names in groups.items()
    ]


def check_image_options(request: RunRequest) -> None:
    """Raise UsageError for options of an image on the command line of a run without one.

    Variables apply to every run of this machine, so they may be unused in one.
    """
    useless = _given(request, _OF_IMAGES)
    if useless:
        verb = "has" if len(useless) == 1 else "have"
        raise UsageError(
            f"{_join(request, useless)} {verb} no effect here: this run needs no image.",
            f"{_leave(request, useless)}, or use --execution container.",
        )


def _check_pulled(request: RunRequest, image: str) -> None:
    """Raise UsageError for an image without a digest, or with options of a build."""
    parse_image(image, pinned=True)
    useless = _given(request, _OF_BUILDS)
    if useless:
        raise UsageError(
            f"{_join(request, useless)} can't be combined with --image: it isn't built here.",
            f"{_leave(request, useless)}, or leave --image out.",
        )


def _given(request: RunRequest, names: Iterable[str]) -> list[str]:
    """Return those of `names` that the command line sets."""
    return [
        name
        for name in names
        if getattr(request, name) is not None and name not in request.settings
    ]


def _taken_by(task: str, tasks: Sequence[str]) -> frozenset[str]:
    definition = TASKS.load(task)
    names = frozenset(option.name for option in definition.options)
    return names if tuple(tasks) == (task,) else names - definition.options_alone


def _takers(name: str, tasks: Sequence[str]) -> tuple[str, ...]:
    return tuple(task for task in tasks if name in _taken_by(task, tasks))


def _complain(untaken: Sequence[str], tasks: Sequence[str], request: RunRequest) -> str:
    parts = []
    for owners, names in _group(untaken, owners_of).items():
        flags, verb = _join(request, names), "does" if len(names) == 1 else "do"
        alone = [task for task in owners if task in tasks]
        part = f"{flags} {verb}n't apply to {join_words(tasks)}, only to {join_words(owners)}"
        parts.append(f"{part} ({join_words(alone)}: as the only task)" if alone else part)
    return "; ".join(parts) + "."


def _advise(
    untaken: Sequence[str], tasks: Sequence[str], request: RunRequest, catalog: Catalog
) -> str:
    owners = tuple(dict.fromkeys(owner for name in untaken for owner in owners_of(name)))
    options = {name: request.options[name] for name in untaken}
    found = {name: tuple(_find_takers(owners, options, name, catalog)) for name in catalog.profiles}
    here = found[request.profile]
    if all(_among(owners_of(name), here) for name in untaken):
        other = f", or add --task {','.join(here)}"
    elif most := max(found.values(), key=len):
        fitting = [name for name, takers in found.items() if takers == most]
        other = f", or choose a profile with {join_words(most)} ({', '.join(fitting)})"
    else:
        other = ""
    alike = (options_of()[name].alike for name in untaken)
    hints = (
        f" The model of {join_words(tasks)} is named by {flag_of(name)} of `nobs run`."
        for name in alike
        if _takers(name, tasks)
    )
    return f"{_leave(request, untaken)}{other}.{''.join(hints)}"


def _find_takers(
    owners: Iterable[str], options: Mapping[str, Any], profile: str, catalog: Catalog
) -> Iterator[str]:
    """Yield those of `owners` whose workload of `profile` takes those of `options` that it can."""
    for task in _among(owners, catalog.tasks(profile)):
        with suppress(NobsError):
            change_params(typed(catalog.workload(task, profile)), options)
            yield task


def _among(owners: Iterable[str], tasks: Sequence[str]) -> tuple[str, ...]:
    return tuple(owner for owner in owners if owner in tasks)


def _group(
    names: Iterable[str], key: Callable[[str], tuple[str, ...]]
) -> dict[tuple[str, ...], list[str]]:
    groups: dict[tuple[str, ...], list[str]] = {}
    for name in names:
        groups.setdefault(key(name), []).append(name)
    return groups


def _join(request: RunRequest, names: Sequence[str]) -> str:
    return join_words([request.label(name) for name in names])


def _leave(request: RunRequest, names: Sequence[str]) -> str:
    it = "it" if len(names) == 1 else "them"
    return f"Unset {it}" if request.settings.issuperset(names) else f"Leave {it} out"
