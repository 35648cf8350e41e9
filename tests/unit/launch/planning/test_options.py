"""Each option has an effect in the tasks that take it, and is refused where none does."""

from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nobs.catalog import load_catalog
from nobs.cli.hosts import HOSTS_OPTIONS
from nobs.cli.options import RUN_OPTIONS
from nobs.cli.prefetch import command as prefetch_command
from nobs.cli.run import command as run_command
from nobs.errors import UsageError
from nobs.launch.planning.options import check_options
from nobs.launch.planning.plan import Plan, make_plan
from nobs.launch.planning.request import RunRequest, flag_of
from nobs.schema.enums import Execution
from nobs.schema.pins import Workload
from nobs.tasks import TASKS
from nobs.tasks.definitions import options_of, owners_of
from nobs.text import join_words
from tests.fakes.facts import make_facts
from tests.fakes.option_samples import SAMPLES
from tests.fakes.run_requests import OF_EVERY_TASK, make_request

CATALOG = load_catalog()
OF_THE_COMMAND = {*RUN_OPTIONS, *HOSTS_OPTIONS, "resume", "take_over", "yes", "catalog"}
"""Parameters of `nobs run` that no request has: `--catalog` is a setting of the process."""
FLAGS = {str(each.name): each.opts[0] for each in run_command.params}
OWNED = sorted(options_of())
OF_MAX = {"tuning_budget", "pass_budget"}  # they have an effect on tuned workloads only
OF_LOAD = {  # none by length, turn or start
    "concurrency", "rate", "arrivals", "sweep", "slo", "share", "start_at", "slot",
}  # fmt: skip
OF_BATCHES = {"batch_size"}  # none on cold starts, nor where batches grow
OF_PASSES = {"max_output_tokens", "images"}  # none where memory grows
OF_WARM = {"one_image_questions"}  # none on cold starts
MIXED = [each for each in OWNED if not SAMPLES[each][0] and each not in {"weights", *OF_MAX}]
"""Options that go with any others; random weights need a model of the catalogue."""


def selections() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Every profile with every choice of its tasks that one model can serve."""
    for profile in CATALOG.profiles:
        tasks = CATALOG.tasks(profile)
        for count in range(1, len(tasks) + 1):
            yield from (
                (profile, chosen)
                for chosen in combinations(tasks, count)
                if not {"llms", "vlms"} <= {*chosen}
            )


def plan(**words: Any) -> Plan:
    request = make_request(**{"execution": Execution.NATIVE} | words)
    return make_plan(request, CATALOG, make_facts())


def effects_of(made: Plan) -> tuple[dict[str, Workload], object]:
    return {workload.task: workload for workload in made.spec.workloads}, made.spec.server_request


def takers_of(option: str, tasks: tuple[str, ...], profile: str) -> list[str]:
    if option in OF_MAX and not profile.startswith("max"):
        return []
    if option in OF_LOAD and profile.startswith(("depth", "cache", "cold", "fit")):
        return []
    if option in OF_PASSES and profile.startswith("fit"):
        return []
    if option in OF_WARM and profile.startswith("cold"):
        return []
    if option in OF_BATCHES and profile.startswith(("cold", "fit")):
        return []
    found = [task for task in tasks if task in owners_of(option)]
    return [t for t in found if tasks == (t,) or option not in TASKS.load(t).options_alone]


@pytest.mark.parametrize("option", OWNED)
def test_every_option_of_a_task_is_one_of_the_command_line(option: str) -> None:
    assert FLAGS[option] == flag_of(option)
    assert option in SAMPLES, "give it a value here, so that its effect is tested"


def test_every_parameter_becomes_part_of_the_request() -> None:
    of_requests = OF_EVERY_TASK - {"settings"} | options_of().keys()

    assert FLAGS.keys() - OF_THE_COMMAND == of_requests
    assert {name: flag_of(name) for name in of_requests} == {n: FLAGS[n] for n in of_requests}


def test_prefetch_takes_no_option_that_a_run_doesn_t() -> None:
    flags = {str(each.name): each.opts[0] for each in prefetch_command.params}

    assert {name: flag for name, flag in flags.items() if name != "force"}.items() <= FLAGS.items()


@pytest.mark.parametrize("task", TASKS.names())
def test_an_option_only_for_a_task_alone_is_one_of_its_options(task: str) -> None:
    definition = TASKS.load(task)

    assert definition.options_alone <= {option.name for option in definition.options}


@pytest.mark.parametrize(("profile", "tasks"), [*selections()])
def test_each_option_has_an_effect_or_is_refused(profile: str, tasks: tuple[str, ...]) -> None:
    for option in OWNED:
        check_effect(option, profile, tasks)


def check_effect(option: str, profile: str, tasks: tuple[str, ...]) -> None:
    """Give the option to these tasks and compare what is planned with the plan without it."""
    needed, value = SAMPLES[option]
    words: dict[str, Any] = {"profile": profile, "tasks": tasks}
    takers = takers_of(option, tasks, profile)
    if not takers:
        with pytest.raises(UsageError, match=flag_of(option)) as caught:
            plan(**words, **needed, **{option: value})
        assert (
            option in OF_MAX | OF_LOAD | OF_BATCHES | OF_PASSES | OF_WARM
            or join_words(owners_of(option)) in caught.value.message
        )
        return

    before, server_before = effects_of(plan(**words, **needed))
    made = plan(**words, **needed, **{option: value})
    after, server_after = effects_of(made)

    assert before != after or server_before != server_after, option
    assert {task for task in tasks if before[task] != after[task]} <= set(takers), option
    said = any(
        flag_of(option) in note and f"to {join_words(takers)} only" in note for note in made.notes
    )
    assert said is (takers != [*tasks]), option


@given(
    chosen=st.sets(st.sampled_from(MIXED)),
    selection=st.sampled_from([*selections()]),
)
def test_any_mixture_is_obeyed_or_refused_by_name(
    chosen: set[str], selection: tuple[str, tuple[str, ...]]
) -> None:
    profile, tasks = selection
    words: dict[str, Any] = {"profile": profile, "tasks": tasks}
    chosen -= OF_LOAD if profile.startswith(("depth", "cache", "cold", "fit")) else set()
    chosen -= OF_PASSES if profile.startswith("fit") else set()
    chosen -= OF_WARM if profile.startswith("cold") else set()
    chosen -= OF_BATCHES if profile.startswith(("cold", "fit")) else set()
    given_words = {option: SAMPLES[option][1] for option in chosen}
    homeless = {option for option in chosen if not takers_of(option, tasks, profile)}
    if homeless:
        with pytest.raises(UsageError) as caught:
            plan(**words, **given_words)
        message = caught.value.message.replace(",", "").split()
        assert {flag_of(each) for each in chosen} & {*message} == {flag_of(e) for e in homeless}
        return

    mixed, _ = effects_of(plan(**words, **given_words))
    for task in tasks:
        own = {
            each: value
            for each, value in given_words.items()
            if task in takers_of(each, tasks, profile)
        }
        assert mixed[task] == effects_of(plan(**words, **own))[0][task]


@pytest.mark.parametrize("option", [each for each in OWNED if owners_of(each)[0] == "llms"])
@pytest.mark.parametrize("profile", ["standard", "quick"])
def test_a_task_with_an_option_of_its_own_is_never_left_out(option: str, profile: str) -> None:
    needed, value = SAMPLES[option]
    request = make_request(profile=profile, execution=Execution.NATIVE, **needed | {option: value})
    absent = make_facts(default_server_answers=False, embedded_servers=frozenset())

    made = make_plan(request, CATALOG, absent)

    assert "llms" in [work.task for work in made.spec.workloads]
    assert not any(note.startswith("without llms") for note in made.notes)


def test_options_of_the_others_leave_an_absent_task_out() -> None:
    request = make_request(execution=Execution.NATIVE, batch_size=8, rows=5)

    made = make_plan(request, CATALOG, make_facts(default_server_answers=False))

    assert "llms" not in [work.task for work in made.spec.workloads]
    assert not any("llms" in note and "only" in note for note in made.notes)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"arrivals": "poisson"}, "--arrivals has no effect without --rate"),
        ({"arrivals": "poisson", "sweep": True}, "--arrivals has no effect without --rate"),
        ({"provider": "nonsense"}, "There is no provider 'nonsense'"),
        ({"provider": "ollama", "setup_lm_studio": True}, "not with --provider ollama"),
        ({"repeats": 3, "time_budget_s": 9.0}, "--time-budget has no effect with --repeats"),
        ({"trust_remote_code": True}, "--trust-remote-code has no effect"),
        (
            {"model": ("thenlper/gte-large",), "trust_remote_code": True},
            "--trust-remote-code has no effect",
        ),
        ({"profile": "quick", "split": "test"}, "nobs/austen-passages has no splits"),
        ({"profile": "quick", "column": "body"}, "nobs/austen-passages has no columns"),
        ({"dataset": "./x.txt", "split": "test"}, "x.txt has no splits"),
        ({"dataset": "./x.TXT", "column": "body"}, "x.TXT has no columns"),
        ({"dataset": "./x.csv", "split": "test"}, "x.csv has no splits"),
        ({"torch_index": "cpu"}, "--torch-index has no effect here: this run needs no image"),
        (
            {"base_image": "a", "build_network": "host"},
            "--base-image and --build-network have no effect here",
        ),
        ({"provider": "llamacpp", "tasks": ("llms",)}, "SmolLM2-135M-shapes only, not gpt"),
        ({"profile": "quick", "llm_model": "other"}, "SmolLM2-135M-shapes only, not other"),
    ],
)
def test_an_option_that_another_leaves_without_effect_is_refused(
    words: dict[str, Any], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("x.txt", "x.TXT", "x.csv"):
        (tmp_path / name).write_text("text\n")

    with pytest.raises(UsageError, match=message):
        plan(**words)


def test_options_of_an_image_count_where_they_are_settings() -> None:
    words = {"torch_index": "cpu", "base_image": "a", "profile": "quick"}

    assert plan(**words, settings=frozenset(words)).image is None
    with pytest.raises(UsageError, match=r"--base-image has no effect"):
        plan(**words, settings=frozenset({"torch_index"}))


def test_a_container_s_command_line_can_t_ask_for_a_native_run() -> None:
    facts = make_facts(in_container=True)
    asked = RunRequest(execution=Execution.NATIVE, profile="quick")
    setting = RunRequest(
        execution=Execution.NATIVE, profile="quick", settings=frozenset({"execution"})
    )

    assert make_plan(setting, CATALOG, facts).spec.execution is Execution.CONTAINER
    with pytest.raises(UsageError, match="inside a container"):
        make_plan(asked, CATALOG, facts)


def test_another_split_of_the_pinned_data_set_is_not_its_pinned_file() -> None:
    dataset = plan(tasks=("embeddings",), split="test").spec.workloads[0].dataset

    assert (dataset.split, dataset.config) == ("test", "plain_text")
    assert (dataset.file, dataset.file_sha256, dataset.rows_sha256) == (None, "", "")


PULLED = f"registry.example/nobs@sha256:{'0a' * 32}"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            {"image": "registry.example/nobs:cpu"},
            "The image registry.example/nobs:cpu has no digest",
        ),
        ({"image": "Registry!"}, "'Registry!' isn't a name of an image"),
        ({"image": PULLED, "torch_index": "cpu"}, "--torch-index can't be combined with --image"),
    ],
)
def test_a_pulled_image_is_named_by_its_digest(words: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        check_options(make_request(tasks=("embeddings",), **words), load_catalog())
