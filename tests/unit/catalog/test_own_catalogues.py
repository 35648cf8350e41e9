"""Catalogues beside NOBS's own: a file of the user's, and those of packages."""

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nobs.catalog import Catalog, load_catalog, read_catalog
from nobs.catalog.changes import find_changes
from nobs.errors import RequirementError, UsageError
from nobs.report.build import fingerprint
from nobs.schema.enums import Division

LAB = """
[models."lab/tiny"]
revision = "0123456789012345678901234567890123456789"
licence = "MIT"

[workloads."lab/1"]
task = "embeddings"
dataset = "nobs/austen-passages"
models = ["lab/tiny", "sentence-transformers/all-MiniLM-L6-v2"]

[workloads."lab/1".params]
batch_size = 8
"""


@pytest.fixture(autouse=True)
def unread() -> Iterator[None]:
    """Read catalogues again in each test, as each process does."""
    read_catalog.cache_clear()
    yield
    read_catalog.cache_clear()


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    file = tmp_path / "lab.toml"
    file.write_text(LAB)
    return file


def load(monkeypatch: pytest.MonkeyPatch, named: object) -> Catalog:
    monkeypatch.setenv("NOBS_CATALOG", str(named))
    return load_catalog()


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_a_file_adds_to_the_catalogue_and_its_workloads_are_open(
    monkeypatch: pytest.MonkeyPatch, lab: Path
) -> None:
    catalog = load(monkeypatch, lab)
    workload = catalog.workload("embeddings", "lab")

    assert workload.label == "lab/1"
    assert [model.id for model in workload.models][1] in catalog.models
    assert workload.division is Division.OPEN
    assert workload.open_reasons == (f"catalog: lab.toml isn't pinned (sha256 {digest(lab)[:12]})",)
    assert catalog.workload("embeddings", "quick").catalog is None


def test_a_file_whose_content_is_named_is_closed(
    monkeypatch: pytest.MonkeyPatch, lab: Path
) -> None:
    workload = load(monkeypatch, f"{lab}@sha256:{digest(lab)}").workload("embeddings", "lab")

    assert workload.division is Division.CLOSED
    assert workload.catalog is not None
    assert (workload.catalog.file, workload.catalog.sha256) == ("lab.toml", digest(lab))


def test_where_a_workload_is_from_is_no_part_of_its_fingerprint(
    monkeypatch: pytest.MonkeyPatch, lab: Path
) -> None:
    workload = load(monkeypatch, lab).workload("embeddings", "lab")

    assert fingerprint(workload) == fingerprint(workload.model_copy(update={"catalog": None}))


def test_another_content_is_a_difference(monkeypatch: pytest.MonkeyPatch, lab: Path) -> None:
    before = load(monkeypatch, lab).workload("embeddings", "lab")
    lab.write_text(f"{LAB}\n# a remark")
    read_catalog.cache_clear()
    after = load(monkeypatch, lab).workload("embeddings", "lab")

    assert [reason.partition(":")[0] for reason in find_changes(before, after)] == [
        "catalog.sha256"
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[", "isn't valid TOML"),
        ("[task]",
         "it has the unknown table task; known are models, datasets, workloads, profiles, arch"),
        ('[models."thenlper/gte-large"]', "thenlper/gte-large is already in the catalogue"),
        ('[profiles]\nquick = ["embeddings/1"]', "quick is already in the catalogue"),
        ('[profiles]\nmine = ["mine/1"]', "profile mine names mine/1, which isn't a workload"),
        ('[workloads."mine"]', "workload 'mine' isn't called NAME/VERSION, as in mine/1"),
        ('[workloads."mine/1"]\ndataset = "x"', "mine/1 names the data set 'x'"),
        ('[workloads."mine/1"]\ndataset = "nobs/austen-passages"\nmodels = ["y"]',
         "mine/1 names the model 'y'"),
        ('[models.a]\nrevisoin = "main"', "ModelPin, revisoin: Extra inputs are not permitted"),
        ("[models]\na = 1", "can't be used"),
        ('[models.a]\nsource = "random"', "a has the source random, which only --weights random"),
        ('[architectures."thenlper/gte-large"]\nparameters = 1\ntokenizer = "t"\nfiles = {}',
         "thenlper/gte-large is already in the catalogue"),
        ('[architectures.a]\nparameters = 1\ntokenizer = "t"\nfiles = { "../a.json" = {} }',
         "../a.json isn't a .json file of a model's directory"),
        ('[architectures.a]\ntokenizer = "t"\nfiles = {}', "Architecture, parameters: Field"),
        ("[profiles]\na = 1", "can't be used"),
    ],
)  # fmt: skip
def test_a_faulty_file_is_refused_with_the_place(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str, words: str
) -> None:
    file = tmp_path / "bad.toml"
    file.write_text(text)

    with pytest.raises(UsageError) as refusal:
        load(monkeypatch, file)

    assert words in str(refusal.value)
    assert str(file) in str(refusal.value)


def test_a_file_that_is_not_there_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="can't be read: No such file"):
        load(monkeypatch, tmp_path / "absent.toml")


def test_another_content_than_the_named_is_refused(
    monkeypatch: pytest.MonkeyPatch, lab: Path
) -> None:
    with pytest.raises(UsageError, match=f"has the sha256 {digest(lab)}, not abc"):
        load(monkeypatch, f"{lab}@sha256:abc")


def test_a_package_brings_workloads_that_are_open(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    install(monkeypatch, tmp_path, "lab_bench:lab.toml")
    (tmp_path / "lab_bench" / "lab.toml").write_text(LAB)
    workload = load(monkeypatch, "").workload("embeddings", "lab")

    assert workload.catalog is not None
    assert workload.catalog.file == "lab-bench 1.5: lab.toml"
    assert workload.division is Division.OPEN


def test_a_package_without_its_file_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    install(monkeypatch, tmp_path, "lab_bench:absent.toml")

    with pytest.raises(RequirementError, match=r"'lab' of lab-bench 1\.5 can't be read"):
        load(monkeypatch, "")


def install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, value: str) -> None:
    info = tmp_path / "lab_bench-1.5.dist-info"
    (tmp_path / "lab_bench").mkdir()
    info.mkdir()
    (tmp_path / "lab_bench" / "__init__.py").touch()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: lab-bench\nVersion: 1.5\n")
    (info / "entry_points.txt").write_text(f"[nobs.catalogs]\nlab = {value}\n")
    monkeypatch.delitem(sys.modules, "lab_bench", raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
