"""A package outside the tree adds to NOBS what the docs say it can, from `nobs run` to the page."""

import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.command import run_nobs
from tests.fakes.installed import CATALOG, EXAMPLE, NATIVE, Done, Installed
from tests.fakes.llm_answers import MODEL, stream, whole_server
from tests.fakes.llm_server import serving

pytestmark = pytest.mark.long

VARIABLE = {f"NOBS_{'matrix_size'.upper()}": "32"}
LAB = """
[workloads."lab/1"]
task = "example"
dataset = "nobs-example/matrices"
models = ["nobs-example/mixer"]

[workloads."lab/1".params]
matrix_size = 64
"""


def model_of(report: dict[str, Any]) -> dict[str, Any]:
    (model,) = report["tasks"][0]["models"].values()
    found: dict[str, Any] = model
    return found


def table_of(page: str) -> dict[str, Any]:
    """The one table in the data of a page."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page)
    assert found
    (table,) = json.loads(found[1])["tables"]
    return dict(table)


@pytest.fixture(scope="module")
def measured(package: Installed) -> Done:
    done = package.run("first")
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def compared(package: Installed, measured: Done) -> Done:
    done = package.run("second", "--backend", "npu")
    assert done.returncode == 0, done.stderr
    return done


def test_the_task_is_listed_with_its_workload(package: Installed) -> None:
    done = package.nobs("tasks")

    assert "\nexample: Products of small matrices\n  example/1 (profile example)\n" in done.stdout


def test_its_options_have_a_section_of_their_own(package: Installed) -> None:
    shown = package.nobs("run", "--help").stdout
    section = shown.partition("Options of example:\n")[2]

    assert "--matrix-size N" in section
    assert "--matrix-size" not in shown.partition("Options of example:\n")[0]
    assert "Options of embeddings, llms, diffusion, embeddings-served and example:\n" in shown


def test_the_summary_shows_its_figures_and_its_own_lines(measured: Done) -> None:
    assert "example/1 (open), score " in measured.stdout
    assert re.search(r"\n +[\d,.]+ .*[\d,.]+ - [\d,.]+ \(75%\) +[\d.]+ \w?s  3  ", measured.stdout)
    assert "16 products compared with exact sums" in measured.stdout
    assert "isn't pinned" in measured.stdout


def test_the_report_has_evidence_and_figures_of_its_own(package: Installed, measured: Done) -> None:
    report = package.report("first")
    model, data = model_of(report), report["tasks"][0]["workload"]["data"]

    assert (data["rows"], data["rows_verified"], data["largest"]) == (16, True, 3)
    assert model["weights"]["verified"]
    assert model["checksums"] == model["expected_checksums"]
    assert [trial["matrix_size"] for trial in model["scaling"]] == [8, 16, 32, 64, 128]
    assert model["phases"]["extra_s"] > 0
    assert "nobs-example" in report["environment"]["libraries"]


def test_its_option_changes_the_parameter_and_opens_the_result(package: Installed) -> None:
    done = package.run("option", "--matrix-size", "32")

    assert done.returncode == 0, done.stderr
    workload = package.report("option")["tasks"][0]["workload"]
    assert workload["params"]["matrix_size"] == 32
    assert "params.matrix_size: 32 instead of 128" in workload["open_reasons"]


def test_its_variable_does_the_same_and_is_refused_for_another_task(package: Installed) -> None:
    words = (*EXAMPLE, *NATIVE, "--dry-run", "--backend", "cpu")
    own = package.nobs(*words, variables=VARIABLE)
    other = package.nobs("run", "--task", "embeddings", "--profile", "quick", *NATIVE,
                           "--dry-run", variables=VARIABLE)  # fmt: skip

    assert "params.matrix_size: 32 instead of 128" in own.stdout
    assert other.returncode == 2
    assert f"{next(iter(VARIABLE))} doesn't apply to embeddings, only to example" in other.stderr


def test_a_value_that_its_parameters_refuse_is_a_usage_error(package: Installed) -> None:
    done = package.run("refused", "--matrix-size", "5000")

    assert done.returncode == 2
    assert "matrix_size: Input should be less than or equal to 4096" in done.stderr


def test_a_wrong_output_has_failed_and_is_never_ranked(package: Installed) -> None:
    done = package.run("wrong", "--spoil")
    (file,) = (package.home / "wrong" / "runs").glob("*/report.json")
    page = package.nobs("report", str(file), "--format", "html").stdout
    report = json.loads(file.read_text(encoding="utf-8"))

    assert done.returncode == 1
    assert "1 of 16 products have another sum than in" in done.stdout
    assert (model_of(report)["status"], report["tasks"][0]["task_score"]) == ("failed", None)
    assert [row["rank"] for row in table_of(page)["rows"]] == [None]


def test_the_tables_show_its_figures(package: Installed, compared: Done) -> None:
    files = [str(package.file(each)) for each in ("first", "second")]
    shown = package.nobs("report", *files)
    lines = package.nobs("report", *files, "--format", "names")

    assert shown.returncode == 0, shown.stderr
    assert "products/s" in shown.stdout
    assert "FLOP/s" in shown.stdout
    assert lines.stdout == "example/1 nobs-example/mixer ok\n" * 2


@pytest.fixture(scope="module")
def page(package: Installed, compared: Done) -> Path:
    files = [str(package.file(each)) for each in ("first", "second")]
    done = package.nobs("report", *files, "--format", "html", "--output", "page.html")
    assert done.returncode == 0, done.stderr
    return package.home / "page.html"


def test_the_page_has_its_figures_and_its_chart(page: Path) -> None:
    table = table_of(page.read_text(encoding="utf-8"))

    assert [figure["key"] for figure in table["figures"]][:3] == [
        "products_per_second", "time_s", "flop_per_second",
    ]  # fmt: skip
    assert [chart["title"] for chart in table["charts"]] == ["Time by size"]
    assert [x for x, _ in table["rows"][0]["charts"]["scaling"]] == [8, 16, 32, 64, 128]
    assert table["rows"][0]["settings"] == "128 x 128"


@pytest.mark.browser
@pytest.mark.skipif(
    os.environ.get("NOBS_TEST_BROWSER") != "1", reason="needs a browser (NOBS_TEST_BROWSER=1)"
)
def test_a_browser_draws_its_chart(page: Path) -> None:
    from tests.browser.conftest import start_browser  # noqa: PLC0415
    from tests.browser.pages import opened  # noqa: PLC0415

    with start_browser() as browser, opened(browser, page) as shown:
        assert shown.get_by_text("Time by size").first.is_visible()
        assert shown.get_by_text("products/s").first.is_visible()


def test_two_runs_are_compared_by_its_headline(package: Installed, compared: Done) -> None:
    files = [str(package.file(each)) for each in ("first", "second")]
    done = package.nobs("compare", *files)

    assert done.returncode == 0, done.stderr
    assert re.search(r"\n +products/s +[\d,.]+ +[\d,.]+ ", done.stdout)


def test_workloads_of_a_package_are_open(package: Installed, measured: Done) -> None:
    done = package.nobs("validate", str(package.file("first")))

    assert done.returncode == 0, done.stdout
    digest = hashlib.sha256(CATALOG.read_bytes()).hexdigest()
    assert f"nobs-example 1.0: catalog.toml isn't pinned (sha256 {digest[:12]})" in done.stdout
    assert ": open" in done.stdout


def test_workloads_of_a_pinned_file_are_closed(package: Installed) -> None:
    (package.home / "lab.toml").write_text(LAB)
    pinned = f"lab.toml@sha256:{hashlib.sha256(LAB.encode()).hexdigest()}"
    done = package.run("lab", "--profile", "lab", "--catalog", pinned)
    ruling = package.nobs("validate", str(package.file("lab")), "--catalog", pinned)

    assert done.returncode == 0, done.stderr
    assert ruling.stdout.endswith(": closed\n")
    assert package.report("lab")["tasks"][0]["workload"]["catalog"]["pinned"]


def test_figures_that_do_not_follow_from_the_samples_are_invalid(
    package: Installed, measured: Done
) -> None:
    report = package.report("first")
    model_of(report)["final_median_products_per_second"] *= 2
    changed = package.home / "changed.json"
    changed.write_text(json.dumps(report))
    done = package.nobs("validate", str(changed))

    assert done.returncode == 1
    assert "final_median_products_per_second" in done.stdout


def test_its_backend_is_measured_with_its_sensors(package: Installed, compared: Done) -> None:
    report = package.report("second")
    devices = model_of(report)["telemetry"]["devices"]

    assert report["device_info"]["device"] == "npu"
    assert report["device_info"]["gpu_name"] == "A stand-in NPU"
    assert "A stand-in NPU" in [device["name"] for device in devices]


@pytest.mark.parametrize(("backend", "what"), [("npu", "backend npu"), ("cpu", "task example")])
def test_it_never_runs_in_a_container_that_nobody_built(
    package: Installed, backend: str, what: str
) -> None:
    done = package.nobs(*EXAMPLE, "--backend", backend, "--execution", "container")

    assert done.returncode == 2
    assert f"The {what} can't run in a container" in done.stderr


def test_its_provider_is_a_choice_and_serves_a_model(package: Installed) -> None:
    shown = package.nobs("run", "--help").stdout
    with serving(whole_server(stream(tokens=20, ttft_s=0.01, gap_s=0.002))) as server:
        done = package.nobs(
            "run", "--task", "llms", "--profile", "quick", *NATIVE, "--backend", "cpu",
            "--results", "served", "--provider", "example", "--llm-url", server.url,
            "--llm-model", MODEL,
        )  # fmt: skip

    assert "|sentence-transformers|example]" in shown
    assert done.returncode == 0, done.stderr
    server_ref = package.report("served")["tasks"][0]["models"][MODEL]["server"]
    assert server_ref["provider"] == "example"
    assert server_ref["identity"]["runtime"] == "example server"


def test_the_doctor_checks_its_packages(package: Installed) -> None:
    done = package.nobs("doctor", "--backend", "cpu", "--json")
    found = [check["found"] for check in json.loads(done.stdout) if check["name"] == "worker"]

    assert any(each.startswith("example: torch ") for each in found)


def test_its_inputs_are_prefetched(package: Installed) -> None:
    done = package.nobs("prefetch", "--profile", "example", "--task", "example")

    assert done.returncode == 0, done.stderr
    assert "nobs-example/matrices" in done.stderr


def test_its_reports_are_read_where_it_is_not_installed(package: Installed, compared: Done) -> None:
    file = str(package.file("second"))
    shown = run_nobs("report", file, cwd=package.home)
    ruling = run_nobs("validate", file, cwd=package.home)
    page = run_nobs("report", file, "--format", "html", cwd=package.home)

    assert [each.returncode for each in (shown, ruling, page)] == [0, 0, 0]
    assert "A stand-in NPU" in shown.stdout
    assert "its task isn't installed here" in shown.stdout
    assert ": open\n" in ruling.stdout
    assert "nobs-example/mixer" in page.stdout
