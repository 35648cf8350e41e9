"""Which task takes which option: one that has no effect is refused, never dropped."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields, replace

from nobs.catalog import Catalog
from nobs.errors import UsageError
from nobs.launch.planning.request import RunRequest, flag_of, given_options
from nobs.providers import PROVIDERS
from nobs.providers.definitions import LMSTUDIO
from nobs.tasks import TASKS

_ALIKE = {"models": "llm_model", "llm_model": "models"}
"""Options of different tasks for the same thing."""
_OF_IMAGES = ("torch_index", "base_image", "build_network")


def check_options(request: RunRequest, catalog: Catalog) -> None:
    """Raise UsageError for options that no selected task takes, or that need another option."""
    tasks = request.tasks or catalog.tasks(request.profile)
    homeless = [name for name in given_options(request) if not _takers(name, tasks)]
    if homeless:
        raise UsageError(_complain(homeless, tasks), _advise(homeless, tasks, request, catalog))
    if request.provider is not None:
        PROVIDERS.load(request.provider)
    _check_combinations(request)


def options_for(task: str, request: RunRequest, tasks: Sequence[str]) -> RunRequest:
    """Return `request` with those options only that `task` takes in a run of `tasks`."""
    foreign = set(given_options(request)) - _taken_by(task, tasks)
    defaults = {field.name: field.default for field in fields(request) if field.name in foreign}
    return replace(request, **defaults)  # type: ignore[arg-type]  # each default is its field's


def has_own_options(task: str, request: RunRequest, tasks: Sequence[str]) -> bool:
    """Tell whether an option is given that `task` alone takes in a run of `tasks`."""
    return any(_takers(name, tasks) == (task,) for name in given_options(request))


def describe_options(request: RunRequest, tasks: Sequence[str]) -> list[str]:
    """Return which options apply to some of `tasks` only, a sentence for each such set of tasks."""
    partial = [name for name in given_options(request) if _takers(name, tasks) != tuple(tasks)]
    groups = _group(partial, lambda name: _takers(name, tasks))
    return [
        f"{_join(flags)} {'applies' if len(flags) == 1 else 'apply'} to {_join(takers)} only"
        for takers, flags in groups.items()
    ]


def check_image_options(request: RunRequest) -> None:
    """Raise UsageError for options of an image on the command line of a run without one.

    Variables are settings for every run of this machine, so they may be of no use in one.
    """
    useless = [
        flag_of(name)
        for name in _OF_IMAGES
        if getattr(request, name) is not None and name not in request.settings
    ]
    if useless:
        verb = "has" if len(useless) == 1 else "have"
        raise UsageError(
            f"{_join(useless)} {verb} no effect here: this run builds no image.",
            f"Leave {_it(useless)} out, or use --execution container.",
        )


def _taken_by(task: str, tasks: Sequence[str]) -> frozenset[str]:
    definition = TASKS.load(task)
    is_alone = tuple(tasks) == (task,)
    return definition.options | definition.options_alone if is_alone else definition.options


def _takers(name: str, tasks: Sequence[str]) -> tuple[str, ...]:
    return tuple(task for task in tasks if name in _taken_by(task, tasks))


def _owners(name: str) -> tuple[str, ...]:
    """Return the tasks that take an option, at least in a run of their own."""
    return tuple(task for task in TASKS if name in _taken_by(task, (task,)))


def _complain(homeless: Sequence[str], tasks: Sequence[str]) -> str:
    groups = _group(homeless, _owners)
    return (
        "; ".join(
            f"{_join(flags)} {'does' if len(flags) == 1 else 'do'}n't apply to {_join(tasks)}, "
            f"only to {_join(owners)}"
            for owners, flags in groups.items()
        )
        + "."
    )


def _advise(
    homeless: Sequence[str], tasks: Sequence[str], request: RunRequest, catalog: Catalog
) -> str:
    owners = tuple(dict.fromkeys(owner for name in homeless for owner in _owners(name)))
    if set(owners) <= set(catalog.tasks(request.profile)):
        other = f"add --task {','.join(owners)}"
    else:
        fitting = [name for name in catalog.profiles if set(owners) <= set(catalog.tasks(name))]
        other = f"choose a profile with {_join(owners)} ({', '.join(fitting)})"
    alike = [name for name in homeless if _takers(_ALIKE.get(name, ""), tasks)]
    hints = [
        f" The model of {_join(tasks)} is named by {flag_of(_ALIKE[name])} of `nobs run`."
        for name in alike
    ]
    return f"Leave {_it(homeless)} out, or {other}.{''.join(hints)}"


def _check_combinations(request: RunRequest) -> None:
    """Raise UsageError for an option that another one, or its absence, leaves without effect."""
    if request.arrivals is not None and not request.rates_per_s:
        raise UsageError(
            "--arrivals has no effect without --rate.",
            "Name the rates, as in --rate 0.5,1,2, or leave --arrivals out.",
        )
    if request.setup_lm_studio and request.provider not in (None, LMSTUDIO.name):
        raise UsageError(
            f"--setup-lm-studio sets LM Studio up, not --provider {request.provider}.",
            "Leave one of the two out.",
        )
    if request.repeats is not None and request.time_budget_s is not None:
        raise UsageError(
            "--time-budget has no effect with --repeats, which fixes the number of repeats.",
            "Leave one of the two out.",
        )


def _group(
    names: Iterable[str], key: Callable[[str], tuple[str, ...]]
) -> dict[tuple[str, ...], list[str]]:
    groups: dict[tuple[str, ...], list[str]] = {}
    for name in names:
        groups.setdefault(key(name), []).append(flag_of(name))
    return groups


def _join(words: Sequence[str]) -> str:
    """Return `a, b and c`."""
    *others, last = words
    return f"{', '.join(others)} and {last}" if others else last


def _it(options: Sequence[str]) -> str:
    return "it" if len(options) == 1 else "them"
