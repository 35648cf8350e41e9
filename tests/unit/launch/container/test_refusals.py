"""Every refusal that is known, in the words of those who refuse, and the row that it belongs to."""

import tomllib
from pathlib import Path

import pytest

from nobs.errors import BackendMissing, EngineError
from nobs.launch.container.devices import explain_refusal
from nobs.launch.container.refusals import REFUSALS, UNKNOWN
from nobs.launch.engine.info import EngineInfo

_FILE = Path(__file__).with_name("refusals.toml")
SAMPLES = [
    (row, text)
    for row, texts in tomllib.loads(_FILE.read_text(encoding="utf-8")).items()
    for text in texts
]
ROWS = {**REFUSALS, "unknown": UNKNOWN}


@pytest.mark.parametrize(("row", "text"), SAMPLES)
def test_each_text_picks_its_own_row(row: str, text: str) -> None:
    begin = f"{ROWS[row].message.format(image='nobs:cuda')}: "
    for said in (text, text.upper(), f"Error response from daemon: {text}.\n"):
        assert explain_refusal(said, "nobs:cuda").message.startswith(begin)


def test_every_row_has_a_text_and_a_remedy_of_its_own() -> None:
    assert {row for row, _ in SAMPLES} == set(ROWS)
    assert len({each.remedy for each in REFUSALS.values()}) >= len(REFUSALS) - 1
    assert len({each.message for each in ROWS.values()}) == len(ROWS)


@pytest.mark.parametrize(("row", "text"), SAMPLES)
def test_the_error_quotes_the_engine_and_names_the_image(row: str, text: str) -> None:
    error = explain_refusal(text, "nobs:cuda")
    assert "nobs:cuda" in error.message
    assert " ".join(text.split()).rstrip(".")[:500] in error.message
    assert isinstance(error, BackendMissing) == (ROWS[row].kind is BackendMissing)


SNAP = EngineInfo(snap=True)
ROOTLESS = EngineInfo(rootless=True)
DESKTOP = EngineInfo(desktop=True)
SHARED = EngineInfo()
BIND = 'invalid mount config for type "bind": '


@pytest.mark.parametrize(
    ("engine", "text", "remedy"),
    [
        (SNAP, f"{BIND}bind source path does not exist: /x/y", "Docker's snap"),
        (SNAP, f"{BIND}stat /home/me/.cache/huggingface: permission denied", "Docker's snap"),
        (
            SNAP,
            "error while creating mount source path '/x/y': mkdir /x: read-only file system",
            "Docker's snap",
        ),
        (
            SNAP,
            "error while creating mount source path '/x/y': mkdir /x: file exists",
            "Docker's snap",
        ),
        (SNAP, f"{BIND}stat /x/y: permission denied", "root_squash"),
        (SHARED, f"{BIND}stat /x/y: permission denied", "root_squash"),
        (
            SHARED,
            "error while creating mount source path '/x/y': mkdir /x/y: permission denied",
            "root_squash",
        ),
        (
            SHARED,
            ("error while creating mount source path '/x/y': chown /x/y: operation not permitted"),
            "root_squash",
        ),
        (ROOTLESS, f"{BIND}stat /x/y: permission denied", "user of the rootless engine"),
        (
            SHARED,
            'error mounting "/x/y" to rootfs at "/run-dir": permission denied',
            "root_squash",
        ),
        (SHARED, f"{BIND}stat /x/y: stale NFS file handle", "file system"),
        (SHARED, f"{BIND}stat /x/y: transport endpoint is not connected", "file system"),
        (SHARED, "statfs /x/y: no such file or directory", "virtual machine"),
        (SHARED, f"{BIND}bind source path does not exist: /x/y", "virtual machine"),
        (
            SHARED,
            "error while creating mount source path '/x/y': mkdir /x: read-only file system",
            "virtual machine",
        ),
        (
            SHARED,
            (
                "Mounts denied: The path /x/y is not shared from the host and is not known to "
                "Docker."
            ),
            "File sharing",
        ),
        (DESKTOP, f"{BIND}bind source path does not exist: /x/y", "File sharing"),
        (
            DESKTOP,
            ("error while creating mount source path '/x/y': mkdir /x: operation not permitted"),
            "File sharing",
        ),
    ],
)
def test_a_directory_that_the_engine_does_not_see_gets_the_remedy_that_fits(
    engine: EngineInfo, text: str, remedy: str
) -> None:
    error = explain_refusal(text, "nobs:cpu", engine, [Path("/x/y/z"), Path("/x/y")])
    assert type(error) is EngineError
    assert remedy in error.remedy
    assert "--host" not in error.remedy
    assert "/x/y" in error.message or "/home/me/.cache/huggingface" in error.message


def test_trouble_with_the_engines_own_directories_is_not_ours() -> None:
    text = "mkdir /var/lib/docker/containers/ab: read-only file system"
    error = explain_refusal(text, "nobs:cpu", SHARED, [Path("/home/me/results")])
    assert "journalctl" in error.remedy
