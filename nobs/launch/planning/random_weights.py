"""`--weights random`: which tasks, inputs and models it changes."""

from collections.abc import Iterable

from nobs.catalog import Catalog
from nobs.errors import UsageError
from nobs.launch.planning.request import RunRequest
from nobs.schema.pins import DatasetPin, ModelPin, RandomWeights, Source
from nobs.tasks import TASKS
from nobs.tasks.options import DATASET, RANDOM, WEIGHTS, WEIGHTS_SEED

_LARGEST_SEED = 2**63 - 1


def wants_random(request: RunRequest) -> bool:
    """Return whether the models are to be built with random weights."""
    return WEIGHTS.get(request.options) == RANDOM


def check_seed(request: RunRequest) -> None:
    """Raise UsageError for a seed without random weights, or one that is too large."""
    seed, label = WEIGHTS_SEED.get(request.options), request.label(WEIGHTS_SEED.name)
    if seed is not None and not wants_random(request):
        raise UsageError(
            f"{label} has no effect without --weights random.", "Leave it out, or add that."
        )
    if seed is not None and seed > _LARGEST_SEED:
        raise UsageError(f"{label} {seed} is too large.", f"The largest seed is {_LARGEST_SEED}.")


def takes_weights(task: str) -> bool:
    """Return whether `task` can build its models with random weights."""
    return WEIGHTS in TASKS.load(task).options


def choose_inputs(
    request: RunRequest, pinned: DatasetPin, name: str, catalog: Catalog
) -> DatasetPin:
    """Return the data set `name`, which comes with NOBS, in place of one of the hub.

    A data set that the user names is kept.
    """
    is_kept = DATASET.name in request.options or pinned.source is not Source.HUB
    return pinned if is_kept or not wants_random(request) else catalog.datasets.get(name, pinned)


def randomise(
    models: Iterable[ModelPin], request: RunRequest, catalog: Catalog
) -> tuple[ModelPin, ...]:
    """Return `models` with random weights; UsageError if the catalogue describes none of them.

    A model without an architecture is kept and fails in its own step: the others are measured.
    """
    seed = WEIGHTS_SEED.get(request.options) or 1
    made = tuple(_randomise(model, seed, catalog) for model in models)
    if not any(model.random and model.random.architecture for model in made):
        names = ", ".join(model.id for model in made)
        raise UsageError(
            f"The catalogue doesn't describe the architecture of {names}, which --weights random "
            "needs.",
            f"Choose a --model that it describes: {', '.join(catalog.architectures)}; or describe "
            "it in a --catalog file.",
        )
    return made


def _randomise(model: ModelPin, seed: int, catalog: Catalog) -> ModelPin:
    architecture = catalog.architectures.get(model.id)
    return ModelPin(
        id=model.id,
        source=Source.RANDOM,
        parameters_m=round(architecture.parameters / 1e6, 1) if architecture else None,
        random=RandomWeights(seed=seed, architecture=architecture),
    )
