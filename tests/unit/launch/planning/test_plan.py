from pathlib import Path

import pytest

from nobs.catalog import load_catalog
from nobs.errors import BackendMissing, EngineError, RequirementError, UsageError
from nobs.launch.planning.plan import Plan, make_plan
from nobs.schema.enums import Backend, Division, Dtype, Execution
from nobs.schema.pins import Source
from nobs.schema.server import Api
from nobs.tasks.text_embeddings.params import EmbeddingsParams
from tests.fakes.facts import make_facts
from tests.fakes.run_requests import make_request

NO_ENGINE = EngineError("No engine answers at unix:///nowhere.", "Start Docker.")


def plan(facts: dict[str, object] | None = None, **words: object) -> Plan:
    request = make_request(**({"tasks": ("embeddings",), "execution": Execution.NATIVE} | words))
    return make_plan(request, load_catalog(), make_facts(**(facts or {})))


def test_standard_profile_is_closed_and_pinned() -> None:
    workload = plan().spec.workloads[0]

    assert workload.label == "embeddings/1"
    assert workload.division is Division.CLOSED
    assert workload.params == EmbeddingsParams(
        dtype=Dtype.FLOAT32, batch_size=16, max_seq_length=512
    )
    assert [model.id for model in workload.models] == [
        "thenlper/gte-large",
        "nomic-ai/modernbert-embed-base",
    ]


def test_each_model_is_a_step_with_a_name_safe_for_files() -> None:
    assert [step.id for step in plan().spec.steps] == [
        "01-embeddings-gte-large",
        "02-embeddings-modernbert-embed-base",
    ]


def test_steps_that_need_the_server_come_first_and_tasks_keep_their_order() -> None:
    tasks = ("embeddings", "llms")
    spec = plan({"embedded_servers": frozenset({Api.CHAT})}, profile="quick", tasks=tasks).spec

    assert [workload.task for workload in spec.workloads] == [*tasks]
    assert [step.id for step in spec.steps] == [
        "01-llms-SmolLM2-135M-Instruct-Q4_1",
        "02-embeddings-all-MiniLM-L6-v2",
    ]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ({"batch_size": 8}, "params.batch_size: 8 instead of 16"),
        ({"max_seq_length": 128}, "params.max_seq_length: 128 instead of 512"),
        ({"dtype": Dtype.BFLOAT16}, "params.dtype: bfloat16 instead of float32"),
        ({"rows": 20}, "dataset.rows: 20 instead of 100"),
        ({"dataset": "ag_news"}, "dataset.id: ag_news instead of stanfordnlp/imdb"),
        ({"repeats": 2}, "policy.repeats: 2, below 3"),
        (
            {"model": ("thenlper/gte-large",)},
            (
                "models: thenlper/gte-large instead of thenlper/gte-large, "
                "nomic-ai/modernbert-embed-base"
            ),
        ),
    ],
)
def test_every_change_makes_the_result_open_and_is_named(
    words: dict[str, object], reason: str
) -> None:
    workload = plan(None, **words).spec.workloads[0]

    assert workload.division is Division.OPEN
    assert reason in workload.open_reasons


def test_more_repeats_stay_closed() -> None:
    assert plan(repeats=10).spec.workloads[0].division is Division.CLOSED


def test_changed_rows_drop_the_digest_of_the_pinned_ones() -> None:
    dataset = plan(profile="quick", rows=5).spec.workloads[0].dataset

    assert dataset.rows_sha256 == ""


def test_profile_of_packages_needs_no_network() -> None:
    assert plan(profile="quick").spec.offline
    assert not plan().spec.offline
    assert plan({"hub_offline": True}).spec.offline


def test_pinned_revision_is_kept_and_a_named_one_is_taken() -> None:
    models = plan(model=("thenlper/gte-large", "a/b@main")).spec.workloads[0].models

    assert [len(str(models[0].revision)), models[1].revision] == [40, "main"]


@pytest.mark.parametrize(
    "name", ["{tmp}/own/model", "./own/model", "own/model", "own/model/", "own"]
)
def test_model_directory_is_a_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own" / "model").mkdir(parents=True)
    model = plan(model=(name.format(tmp=tmp_path),)).spec.workloads[0].models[0]

    assert model.source is Source.PATH
    assert model.id == str(tmp_path / ("own" if name == "own" else "own/model"))


@pytest.mark.parametrize("names", [("./own", "own/"), ("a/b@one", "a/b@two"), ("a/b", "a/b@one")])
def test_a_model_named_in_two_ways_is_a_usage_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own").mkdir()
    with pytest.raises(UsageError, match="named more than once"):
        plan(model=names)


@pytest.mark.parametrize("name", ["gte", "a/b/c", "/no/such/directory", "a/"])
def test_unknown_model_is_a_usage_error(name: str) -> None:
    with pytest.raises(UsageError):
        plan(model=(name,))


def test_auto_falls_back_to_native_and_says_so() -> None:
    made = plan({"engine_error": NO_ENGINE}, execution=None)

    assert made.spec.execution is Execution.NATIVE
    assert made.notes == (
        "native: no container engine answers: No engine answers at unix:///nowhere.",
    )


def test_container_without_engine_is_the_engine_s_error() -> None:
    with pytest.raises(EngineError, match="nowhere"):
        plan({"engine_error": NO_ENGINE}, execution=Execution.CONTAINER)


NO_TORCH = {"embeddings": ("torch",)}


def test_auto_without_engine_and_worker_is_the_engine_s_error() -> None:
    with pytest.raises(EngineError, match="nowhere"):
        plan({"engine_error": NO_ENGINE, "missing_packages": NO_TORCH}, execution=None)


def test_native_without_worker_names_the_extra() -> None:
    with pytest.raises(RequirementError, match="embeddings needs torch") as raised:
        plan({"missing_packages": NO_TORCH})

    assert 'pip install "nobs[bench]"' in raised.value.remedy


def test_absent_gpu_is_never_a_cpu_run() -> None:
    with pytest.raises(BackendMissing):
        plan(backend=Backend.CUDA)


def test_mps_refuses_a_container_with_the_reason() -> None:
    with pytest.raises(UsageError, match=r"Linux virtual machine.*--execution native"):
        plan(backend=Backend.MPS, execution=Execution.CONTAINER)


@pytest.mark.parametrize("profile", ["standard", "quick", "max", "max-quick"])
def test_float16_on_the_cpu_is_warned_of(profile: str) -> None:
    assert "slower" in plan(dtype=Dtype.FLOAT16, profile=profile).notes[0]
    assert plan(dtype=Dtype.BFLOAT16, profile=profile).notes == ()
    assert plan(profile=profile).notes == ()


def test_inside_our_image_the_run_is_a_container_s() -> None:
    made = plan({"in_container": True}, execution=None)

    assert made.spec.execution is Execution.CONTAINER
    assert made.container is None
    assert made.image is None


def test_remote_code_is_off_unless_asked_for() -> None:
    off = plan(model=("a/b",)).spec.workloads[0].models[0]
    on = plan(model=("a/b",), trust_remote_code=True).spec.workloads[0].models[0]

    assert (off.trust_remote_code, on.trust_remote_code) == (False, True)
