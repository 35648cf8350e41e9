"""What `make check-gpu` makes of reports, outputs and packages."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from nobs.catalog import load_catalog
from nobs.launch.doctor.check import Check, State
from nobs.report.flags import find_flags
from nobs.schema.enums import Backend, Status
from nobs.schema.report import ModelReport
from nobs.schema.result import Memory
from nobs.schema.telemetry import Evidence, Figure
from nobs.tasks.text_embeddings.report import EmbeddingsModelReport, Utilisation
from tests.fakes.sensors import make_telemetry, throttling
from tools.check_gpu import box
from tools.check_gpu.findings import Measured, judge
from tools.check_gpu.page import Line, summarise
from tools.check_gpu.process import Ended
from tools.check_gpu.read import read_device, read_run, read_tests
from tools.check_gpu.stages import Stage, Stages, affordable_rows

JUNIT = """<testsuites><testsuite>
<testcase name="test_a"/><testcase name="test_b"><failure message="no"/></testcase>
<testcase name="test_c"><skipped message="no sensor"/></testcase>
</testsuite></testsuites>"""


def joules(value: float, how: str) -> Figure:
    return Figure(value=value, evidence=Evidence.MEASURED, how=how)


def measured(
    *, run: str = "embeddings-max", left: int = 0, mfu: float = 0.6, **seen: Any
) -> Measured:
    """A model of a good card; `seen` changes what its sensors saw."""
    good = {
        "energy_j": joules(1000.0, "counter"),
        "integrated_energy_j": joules(980.0, "sensor"),
        "throttling": throttling({"idle": 0.1}),
    }
    model = EmbeddingsModelReport.model_construct(
        model_name="owner/m", device=Backend.CUDA, status=Status.OK,
        telemetry=make_telemetry(**(good | seen)),
        memory=Memory(device_allocated_after_clear_bytes=left),
        utilisation=Utilisation(model_flop_per_s=1.0, padded_flop_per_s=1.0, mfu=mfu),
    )  # fmt: skip
    flags = tuple(find_flags(model))
    return Measured(run=run, task="embeddings", model=model.model_copy(update={"flags": flags}))


def states(checks: Iterable[Check]) -> dict[str, State]:
    return {check.name: check.state for check in checks}


def test_a_good_card_passes() -> None:
    found = list(judge([measured()], Backend.CUDA))

    assert set(states(found).values()) == {State.OK}
    assert found[0].found.startswith(
        "counted energy differs from integrated power by at most 2.0 %"
    )


@pytest.mark.parametrize(
    ("bad", "name", "state"),
    [
        (measured(energy_j=joules(1200.0, "counter")), "energy", State.FAIL),
        (measured(energy_j=joules(980.0, "sensor")), "energy", State.SKIP),
        (measured(energy_j=Figure.absent("no counter")), "energy", State.SKIP),
        (measured(throttling=throttling({"hardware-thermal": 0.2})), "throttling", State.WARN),
        (measured(left=64 << 20), "memory", State.FAIL),
        (measured(mfu=0.4), "MFU", State.WARN),
    ],
)
def test_a_bad_figure_is_found_beside_good_ones(bad: Measured, name: str, state: State) -> None:
    others = [] if state is State.SKIP else [measured()]

    found = states(judge([*others, bad], Backend.CUDA))

    assert found.pop(name) is state
    assert set(found.values()) == {State.OK}


@pytest.mark.parametrize(
    ("run", "backend"), [("embeddings", Backend.CUDA), ("embeddings-max", Backend.CPU)]
)
def test_the_mfu_is_judged_for_tuned_models_of_a_gpu_only(run: str, backend: Backend) -> None:
    (check,) = (each for each in judge([measured(mfu=0.4, run=run)], backend) if each.name == "MFU")

    assert (check.state, "40 % m in" in check.found) == (State.SKIP, True)


def test_a_model_that_was_not_tuned_leaves_the_judgement_of_others() -> None:
    found = states(judge([measured(), measured(mfu=0.4, run="embeddings")], Backend.CUDA))

    assert found["MFU"] is State.OK


def test_without_a_measured_model_nothing_is_called_good() -> None:
    failed = ModelReport(model_name="m", device=Backend.CUDA, status=Status.FAILED)

    found = states(
        judge([Measured(run="embeddings", task="embeddings", model=failed)], Backend.CUDA)
    )

    assert set(found.values()) == {State.SKIP}


def ended(exit_code: int | None = 0, stdout: str = "", stderr: str = "") -> Ended:
    return Ended(exit_code=exit_code, duration_s=60.0, stdout=stdout, stderr=stderr)


def test_a_hanging_or_useless_device_has_a_rate_of_zero() -> None:
    refused = json.dumps({"error": "no kernels", "remedy": "another build"})

    hung, crashed, useless = (
        read_device(each)
        for each in (ended(None), ended(-11, stderr="core dumped"), ended(1, refused))
    )

    assert (hung[1], crashed[1], useless[1]) == (0.0, None, 0.0)
    assert {hung[0].state, crashed[0].state, useless[0].state} == {State.FAIL}
    assert "ended with exit code -11: core dumped" in crashed[0].found


def test_failed_tests_are_named_and_skips_keep_their_reason(tmp_path: Path) -> None:
    file = tmp_path / "junit.xml"
    file.write_text(JUNIT)

    found = read_tests(ended(1), file)

    assert (found.state, found.found) == (
        State.FAIL,
        "1 passed, 1 skipped: no sensor; failed: test_b",
    )


def test_tests_that_could_not_be_collected_have_failed(tmp_path: Path) -> None:
    (tmp_path / "junit.xml").write_text("<testsuites><testsuite/></testsuites>")

    failed = ended(4, stderr="ImportError")
    found = [read_tests(failed, tmp_path / name) for name in ("junit.xml", "none")]

    assert {check.state for check in found} == {State.FAIL}
    assert found[0].found == "ended with exit code 4: ImportError"


def test_a_run_that_left_no_report_is_told_by_its_last_line() -> None:
    stage = Stage(name="max", words=())

    found = read_run(stage, ended(3, stderr="nobs: no space\n"), [])

    assert (found.state, found.found) == (State.FAIL, "ended with exit code 3: nobs: no space")


def test_a_slow_device_gets_fewer_rows_and_a_fast_one_all_of_them() -> None:
    catalog = load_catalog()

    fast, slow, slowest = (affordable_rows(catalog, rate, 60.0) for rate in (5e13, 2e11, 1e9))

    assert (fast, slowest) == (None, 0)
    assert slow is not None
    assert 1 < slow < 100


def test_runs_name_the_options_that_shorten_them(tmp_path: Path) -> None:
    whole, few, least = (
        Stages(backend=Backend.CPU, out=tmp_path, rows=rows).runs()[0] for rows in (None, 3, 0)
    )

    assert (whole.shortened, few.shortened, least.shortened) == (
        "--time-budget 20",
        "--rows 3 --repeats 1",
        "--rows 1 --repeats 1 --model nomic-ai/modernbert-embed-base",
    )
    assert whole.command(100.0)[-2:] == ["--timeout", "85"]


def test_a_verdict_names_what_failed() -> None:
    lines = [
        Line(check=Check.ok("driver", "")),
        Line(check=Check.skip("energy", "")),
        Line(check=Check.warn("card", "", "")),
        Line(check=Check.missing("max", "", "", needed=True)),
    ]

    assert summarise(lines) == "failed: max; look at card; 1 of 4 not checked"
    assert summarise(lines[:1]) == "nothing failed"


@pytest.mark.parametrize(
    ("here", "least", "is_older"),
    [("2.11.0+cu130", "2.11", False), ("2.9.1", "2.11", True), ("6.0", "6.0", False),
     ("5.17.0.dev0", "5.17", False)],
)  # fmt: skip
def test_versions_are_compared_by_their_numbers(here: str, least: str, is_older: bool) -> None:
    assert (box.numbers(here) < box.numbers(least)) is is_older


def test_a_box_needs_what_it_brings_and_what_the_wheels_bring() -> None:
    needed = box.required()

    assert {name: needed[name] for name in box.FROM_THE_BOX} == {
        "torch": "2.11", "transformers": "5.17", "sentence-transformers": "6",
    }  # fmt: skip
    assert {"pytest", "pydantic", "nvidia-ml-py"} <= set(needed)
    assert not {"pip", "diffusers"} & set(needed)
