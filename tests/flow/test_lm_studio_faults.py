"""What goes wrong while LM Studio is set up is told and undone."""

import sys

import pytest

from nobs.errors import HostApiError, NobsError, StorageError, UsageError
from tests.fakes.studio import TINY, Studio, model

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="the look-alike is a shell script"),
    pytest.mark.long,
]


FAULTS: dict[str, tuple[str, str, type[NobsError], str, str]] = {
    "no network": (
        "get", "fetch failed: ENOTFOUND huggingface.co", HostApiError,
        "download of tiny failed", "resumes where it stopped",
    ),
    "a full disk": (
        "get", "ENOSPC: no space left on device, write", StorageError,
        "disk is too full for tiny", "Free some space",
    ),
    "too little memory": (
        "load", "Failed to load model: insufficient system resources.", HostApiError,
        "not enough memory", "lms load openai/tiny --estimate-only",
    ),
    "a port in use": (
        "server start", "Failed to verify the server is running. Please try to use another port.",
        HostApiError, "server doesn't start", "--llm-url http://127.0.0.1:PORT/v1",
    ),
    "anything else": (
        "load", "Model runtime crashed.", HostApiError,
        "failed with exit code 1: Loading openai/tiny", "Run `lms load openai/tiny",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", FAULTS)
def test_what_goes_wrong_is_told_and_undone(installed: Studio, kind: str) -> None:
    command, said, error, message, remedy = FAULTS[kind]
    installed.change(faults={command: said})
    before = installed.condition()
    with (
        pytest.raises(error) as caught,
        installed.open(),
    ):
        pytest.fail("it serves")
    assert message in caught.value.message
    assert remedy in caught.value.remedy
    assert installed.condition() == before


def test_a_model_that_nobody_offers(installed: Studio) -> None:
    with (
        pytest.raises(HostApiError, match="finds no model 'nonsense'"),
        installed.open(model="nonsense"),
    ):
        pytest.fail("it serves")
    assert installed.condition() == {"daemon": False, "serving": False, "loaded": []}


def test_a_name_that_may_mean_two_models(installed: Studio) -> None:
    installed.change(models=[model(TINY), model("other/tiny")])
    with (
        pytest.raises(UsageError, match="may mean: openai/tiny, other/tiny"),
        installed.open(),
    ):
        pytest.fail("it serves")


def test_a_cleanup_that_fails_is_told_with_what_to_type(installed: Studio) -> None:
    told: list[str] = []
    installed.change(models=[model(TINY)])
    with installed.open(told.append):
        installed.change(faults={"server stop": "busy"})
    assert "LM Studio wasn't restored; run: `lms server stop`." in "".join(told)


def test_a_server_of_another_machine_is_not_set_up(installed: Studio) -> None:
    with (
        pytest.raises(UsageError, match="on this machine only"),
        installed.open(url="http://10.0.0.7:1234/v1"),
    ):
        pytest.fail("it serves")
    assert installed.condition() == {"daemon": False, "serving": False, "loaded": []}
