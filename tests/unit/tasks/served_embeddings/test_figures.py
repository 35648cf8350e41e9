"""What tables, pages and the end of a run show of served embeddings."""

import pytest

from nobs.report.price import Price, price_figures
from nobs.report.reading import read_figures
from nobs.tasks.charts import Point
from nobs.tasks.served_embeddings.aggregate import name_of
from nobs.tasks.served_embeddings.definition import DEFINITION
from nobs.tasks.served_embeddings.notices import open_reasons_of, warnings_of
from nobs.tasks.served_embeddings.report import ServedEmbeddingsReport
from tests.fakes.embed_server import embed_server
from tests.fakes.embed_work import embed_work, measure
from tests.fakes.llm_server import serving


@pytest.fixture(scope="module")
def model() -> ServedEmbeddingsReport:
    with serving(embed_server()) as server:
        return measure(embed_work(server.url))


def test_the_result_is_the_fastest_cell_with_its_repeats(model: ServedEmbeddingsReport) -> None:
    rate = DEFINITION.figures[0]
    found = rate.read(model)

    assert found is not None
    assert found.value == max(cell.rows_per_second or 0 for cell in model.cells)
    assert len(rate.runs(model)) == 2
    assert f"{model.best_inputs} texts x {model.best_concurrency} at once" in DEFINITION.settings(
        model
    )


def test_a_single_text_is_no_plural(model: ServedEmbeddingsReport) -> None:
    one = model.model_copy(update={"best_inputs": 1, "best_concurrency": 2})

    assert DEFINITION.settings(one).endswith("1 text x 2 at once")


def test_the_chart_has_a_line_for_each_request_size(model: ServedEmbeddingsReport) -> None:
    points = DEFINITION.charts[0].read(model)

    assert [(each.x, each.series) for each in points if isinstance(each, Point)] == [
        (1, "1 text per request"), (1, "4 texts per request"),
        (2, "1 text per request"), (2, "4 texts per request"),
    ]  # fmt: skip


def test_a_thousand_rows_have_a_cost(model: ServedEmbeddingsReport) -> None:
    found = price_figures(
        DEFINITION, model, read_figures(DEFINITION, model),
        Price(source="--price", purchase_usd=8766.0, lifetime_years=1.0, duty=0.5),
    )  # fmt: skip
    rate = model.final_median_rows_per_second or 0.0

    assert found["usd_per_1000_served_rows"].value == pytest.approx(2 / 3600 / rate * 1000)


def test_every_line_of_the_end_of_a_run_fits_and_names_what_was_left_out(
    model: ServedEmbeddingsReport,
) -> None:
    cells = list(model.cells)
    cells[1] = cells[1].model_copy(update={"skipped": "x" * 200, "rows_per_second": None})
    lines = list(DEFINITION.details(model.model_copy(update={"cells": tuple(cells)})))

    assert all(len(line) <= 80 for line in lines)
    assert lines[0].split() == ["texts", "at", "once", "rows/s", "tokens/s", "p50", "p99", "failed"]
    assert any("xxx" in line for line in lines)
    assert lines[-1] == "  256 vectors of 48 values: 32 of 32 near their own beginning"


def test_cells_that_were_left_out_for_one_reason_are_named_together(
    model: ServedEmbeddingsReport,
) -> None:
    first, *others = model.cells
    why = "a repeat would take longer than 30.0 s"
    left = [cell.model_copy(update={"skipped": why, "rows_per_second": None}) for cell in others]
    found = model.model_copy(
        update={"cells": (first, *left), "skipped": {name_of(cell): why for cell in left}}
    )

    assert [line.strip() for line in DEFINITION.details(found)].count(why) == 1
    assert list(open_reasons_of(found)) == [f"cells: 4 x 1, 1 x 2 and 4 x 2 not measured: {why}"]
    assert f"4 x 1, 1 x 2 and 4 x 2 at once: {why}." in list(warnings_of(found))


def test_a_failed_model_has_no_figures() -> None:
    model = ServedEmbeddingsReport.model_validate(
        {"model_name": "m", "device": "cpu", "status": "failed"}
    )

    assert [figure.read(model) for figure in DEFINITION.figures] == [None] * 4
    assert [figure.runs(model) for figure in DEFINITION.figures[:2]] == [(), ()]
    assert list(DEFINITION.details(model)) == []
    assert DEFINITION.settings(model) == ""
