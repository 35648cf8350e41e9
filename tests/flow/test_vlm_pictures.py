"""Pictures of a user: from the folder to the report."""

from pathlib import Path

import pytest
from PIL import Image

from nobs.catalog import load_catalog
from nobs.errors import DataError, UsageError
from nobs.launch.planning.plan import make_plan
from nobs.schema.enums import Execution
from nobs.schema.pins import DatasetPin, Source
from nobs.tasks.vlms.definition import DEFINITION
from nobs.tasks.vlms.inputs import load_images
from tests.fakes.facts import make_facts
from tests.fakes.run_requests import make_request
from tests.fakes.vision_server import VisionServer
from tests.fakes.vlm_work import report_on, workload


def folder(directory: Path, count: int = 2) -> Path:
    for number in range(count):
        Image.new("RGB", (64, 64), (9, 9, number)).save(directory / f"{number}.png")
    return directory


def pin(directory: Path, rows: int = 2) -> DatasetPin:
    return DatasetPin(id=str(directory), source=Source.PATH, rows=rows, column="question")


def planned(named: Path) -> DatasetPin:
    request = make_request(tasks=("vlms",), execution=Execution.NATIVE, pictures=str(named))
    return make_plan(request, load_catalog(), make_facts()).spec.workloads[0].dataset


def test_a_folder_is_the_data_set_and_its_files_are_the_rows(tmp_path: Path) -> None:
    assert planned(folder(tmp_path)) == pin(tmp_path)


@pytest.mark.parametrize("named", ["absent", "empty"])
def test_a_folder_without_files_is_refused(named: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    with pytest.raises(UsageError, match="folder"):
        planned(tmp_path / named)


def test_own_pictures_have_an_open_question_only(tmp_path: Path) -> None:
    found = load_images(pin(folder(tmp_path)))

    assert [picture.name for picture in found.rows] == ["0.png", "1.png"]
    assert {picture.answers for picture in found.rows} == {()}
    assert found.evidence.rows_verified is False


def test_their_output_is_not_checked_and_the_result_is_open(tmp_path: Path) -> None:
    rows = load_images(pin(folder(tmp_path))).rows
    report = report_on(VisionServer(), tmp_path, rows)
    reasons = list(DEFINITION.find_open_reasons(report, workload(2)))

    assert reasons == ["checks: no question has a known answer, so the output isn't checked"]
    assert report.final_median_image_cost_s is not None
    assert list(DEFINITION.check_output(report)) == []


def test_a_corrupt_picture_is_named(tmp_path: Path) -> None:
    (folder(tmp_path) / "2.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")

    with pytest.raises(DataError, match=r"2\.png"):
        load_images(pin(tmp_path, 3))


def test_a_picture_that_is_no_image_is_never_left_out_silently(tmp_path: Path) -> None:
    (folder(tmp_path) / "Thumbs.db").write_bytes(b"of Windows")

    with pytest.raises(DataError, match="2 of 3 files"):
        load_images(pin(tmp_path, 3))
