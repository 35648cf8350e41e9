"""Every name that NOBS can be asked for is whole: recipe, documentation, workload, report."""

import ast
import re
import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest

from nobs.backends import BACKENDS
from nobs.catalog import load_catalog
from nobs.cli.backends import backend_names
from nobs.cli.options import IMAGE_BACKENDS
from nobs.cli.progress import PHASES
from nobs.providers import PROVIDERS
from nobs.providers.base import UnknownModel
from nobs.render import FORMATS
from nobs.schema.enums import Backend
from nobs.schema.pins import DatasetPin, ModelPin, Source
from nobs.schema.report import ModelReport
from nobs.schema.result import Phases
from nobs.tasks import TASKS

REPO = Path(__file__).resolve().parents[2]
BUILTIN_BACKENDS = tuple(name for name in BACKENDS if name in set(Backend))
IN_CONTAINERS = tuple(n for n in BUILTIN_BACKENDS if BACKENDS.load(n).container_refusal is None)
CATALOG = load_catalog()
PHASE_NAMES = {name.removesuffix("_s") for name in Phases.model_fields if name.endswith("_s")} - {
    "overhead"
}
BENCH_METHODS = {"load", "warm_up", "run", "synchronize", "facts", "close"}


def read(*parts: str) -> str:
    return REPO.joinpath(*parts).read_text(encoding="utf-8")


def test_the_words_for_backends_agree_everywhere() -> None:
    assert set(BACKENDS) >= set(Backend)
    assert set(backend_names()) >= {"auto", *Backend}
    assert set(IMAGE_BACKENDS) == set(IN_CONTAINERS)


@pytest.mark.parametrize("name", BUILTIN_BACKENDS)
def test_a_backend_is_called_as_its_table_says(name: str) -> None:
    assert BACKENDS.load(name).name == name


@pytest.mark.parametrize("name", IN_CONTAINERS)
@pytest.mark.parametrize("path", ["docker/{}.Dockerfile", "compose/{}.yaml"])
def test_a_backend_that_runs_in_containers_has_its_recipes(name: str, path: str) -> None:
    assert (REPO / path.format(name)).is_file(), f"{path.format(name)} is missing"


@pytest.mark.parametrize("name", IN_CONTAINERS)
def test_a_backend_that_runs_in_containers_is_built_and_called_by_name(name: str) -> None:
    assert f'"{name}"' in read("docker", "bake.hcl"), "docker/bake.hcl doesn't build it"
    assert f'"{name}"' in read("docker", "check_torch.py"), "docker/check_torch.py doesn't know it"
    assert re.search(rf"\bbuild-{name}\b.*:", read("Makefile")), f"make build-{name} is missing"
    assert re.search(rf"^bench-{name}:", read("Makefile"), re.M), f"make bench-{name} is missing"


def test_there_is_no_recipe_for_a_backend_that_nobody_knows() -> None:
    recipes = {path.stem for path in (REPO / "docker").glob("*.Dockerfile")}

    assert recipes == set(IN_CONTAINERS)


@pytest.mark.parametrize("kind", ["model", "task", "backend", "provider"])
def test_how_to_extend_is_documented(kind: str) -> None:
    assert (REPO / "docs" / "how-to" / f"add-a-{kind}.md").is_file()


@pytest.mark.parametrize("name", PROVIDERS.names())
def test_a_provider_says_everything_of_itself(name: str) -> None:
    provider = PROVIDERS.load(name)

    assert provider.name == name
    assert provider.title
    assert provider.default_url is None or re.fullmatch(r"http://.*:\d+/v1", provider.default_url)
    assert all(vars(provider.commands.fill(1234, "m")).values())
    assert f"`{name}`" in read("docs", "how-to", "serve-an-llm.md")


@pytest.mark.parametrize("name", PROVIDERS.names())
def test_a_provider_takes_the_model_that_is_asked_for_and_no_other(name: str) -> None:
    provider, listed = PROVIDERS.load(name), [{"id": "owner/big"}, {"id": "owner/small"}]

    assert provider.choose("owner/small", listed) == "owner/small"
    with pytest.raises(UnknownModel):
        provider.choose("other", listed)
    with pytest.raises(UnknownModel):
        provider.choose(None, listed)


@pytest.mark.parametrize("name", TASKS.names())
def test_a_task_says_everything_of_itself(name: str) -> None:
    task = TASKS.load(name)

    assert task.name == name
    assert task.title
    assert task.unit
    assert set(task.phases) <= PHASE_NAMES


def test_progress_has_a_text_for_every_phase() -> None:
    assert set(PHASES) == PHASE_NAMES


@pytest.mark.parametrize("name", TASKS.names())
def test_the_extra_of_a_task_brings_its_packages(name: str) -> None:
    task = TASKS.load(name)
    extra = task.extra.removeprefix("nobs[").removesuffix("]")
    extras = tomllib.loads(read("pyproject.toml"))["project"]["optional-dependencies"]
    brought = {re.split(r"[<>=; ]", requirement)[0] for requirement in extras[extra]}

    assert set(task.packages) <= brought


def definition_in(target: str, kind: type[ast.ClassDef | ast.FunctionDef]) -> ast.AST:
    """Find what `module:attribute` names in its file, which imports too much to be imported."""
    module, _, attribute = target.partition(":")
    spec = find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    (found,) = [n for n in tree.body if isinstance(n, kind) and n.name == attribute]
    return found


def methods_of(target: str) -> set[str]:
    """Find the methods of a class with those it inherits, or of all that a function returns."""
    module, _, attribute = target.partition(":")
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        return set()
    body = ast.parse(Path(spec.origin).read_text(encoding="utf-8")).body
    imported = {
        alias.name: f"{node.module}:{alias.name}"
        for node in body if isinstance(node, ast.ImportFrom) for alias in node.names
    }  # fmt: skip
    for node in body:
        if isinstance(node, ast.FunctionDef) and node.name == attribute and node.returns:
            kinds = [part.id for part in ast.walk(node.returns) if isinstance(part, ast.Name)]
            return set.intersection(*(methods_of(imported.get(n, f"{module}:{n}")) for n in kinds))
        if isinstance(node, ast.ClassDef) and node.name == attribute:
            # A method of a docstring alone is one that a protocol asks for.
            defined = [each for each in node.body if isinstance(each, ast.FunctionDef)]
            own = {
                each.name for each in defined if len(each.body) > 1 or not ast.get_docstring(each)
            }
        else:
            continue
        bases = [part.id for part in node.bases if isinstance(part, ast.Name)]
        names = [name for name in bases if name != "Protocol"]
        return own.union(*(methods_of(imported.get(n, f"{module}:{n}")) for n in names))
    return set()


@pytest.mark.parametrize("name", TASKS.names())
def test_what_loads_inputs_and_weights_takes_what_the_runner_passes(name: str) -> None:
    task = TASKS.load(name)
    for target in (task.inputs, task.weights):
        function = definition_in(target, ast.FunctionDef)
        assert isinstance(function, ast.FunctionDef)
        assert [argument.arg for argument in function.args.kwonlyargs] == ["offline", "force"]


@pytest.mark.parametrize("name", TASKS.names())
def test_the_bench_of_a_task_has_every_method_of_its_protocol(name: str) -> None:
    assert methods_of(TASKS.load(name).bench) >= BENCH_METHODS


@pytest.mark.parametrize("name", TASKS.names())
def test_the_bench_of_a_task_stays_away_from_the_host_side(name: str) -> None:
    module = TASKS.load(name).bench.partition(":")[0]

    assert module in read(".importlinter").split(), f".importlinter doesn't forbid {module}"


@pytest.mark.parametrize("name", TASKS.names())
def test_a_task_has_a_workload_in_a_profile(name: str) -> None:
    covered = {task for profile in CATALOG.profiles for task in CATALOG.tasks(profile)}

    assert name in covered


def test_report_classes_of_tasks_forbid_what_they_do_not_declare() -> None:
    for name in TASKS:
        TASKS.load(name)
    ours = [kind for kind in ModelReport.__subclasses__() if kind.__module__.startswith("nobs.")]

    assert ours
    assert [kind.__name__ for kind in ours if kind.model_config.get("extra") != "forbid"] == []


@pytest.mark.parametrize("name", FORMATS.names())
def test_an_output_format_is_documented(name: str) -> None:
    assert f"`{name}`" in read("docs", "reference", "cli.md")


@pytest.mark.parametrize("label", CATALOG.workloads)
def test_a_workload_is_of_a_known_task(label: str) -> None:
    assert CATALOG.workloads[label].task in TASKS


def test_everything_in_the_catalogue_is_used() -> None:
    models = {model.id for workload in CATALOG.workloads.values() for model in workload.models}
    datasets = {workload.dataset.id for workload in CATALOG.workloads.values()}

    assert set(CATALOG.models) - models == set()
    assert set(CATALOG.datasets) - datasets == set()


def is_known_as_unpinned(pin: ModelPin | DatasetPin) -> bool:
    """Whether nothing that uses the pin is closed, or stands in a profile beside other work."""
    labels = [label for label, work in CATALOG.workloads.items() if work.dataset == pin]
    alone = [name for name, members in CATALOG.profiles.items() if {*members} & {*labels}]
    are_open = all(CATALOG.workloads[label].open_reasons for label in labels)
    return bool(labels) and are_open and alone == ["coco"]


@pytest.mark.parametrize("pin", [*CATALOG.models.values(), *CATALOG.datasets.values()],
                         ids=lambda pin: pin.id)  # fmt: skip
def test_a_pin_is_exact(pin: ModelPin | DatasetPin) -> None:
    digests = [value for name, value in pin.model_dump().items() if name.endswith("_sha256")]

    assert pin.licence, "no licence"
    assert all(re.fullmatch(r"([0-9a-f]{64})?", str(digest)) for digest in digests)
    if pin.source is Source.HUB and pin.revision is None:
        assert is_known_as_unpinned(pin)
        return
    if pin.source is Source.HUB:
        assert re.fullmatch(r"[0-9a-f]{40}", pin.revision or ""), "the revision is no commit"
        return
    assert pin.revision is None
    if not (isinstance(pin, ModelPin) and pin.source is Source.SERVER and not pin.package):
        assert any(digests), "what no commit pins needs a digest"
