"""The condition of a card in `nobs doctor`, through the real pynvml and a stand-in driver."""

import json
import sys
from pathlib import Path

import pytest

from tests.fakes.command import environment, run_nobs
from tests.fakes.driver import build_nvml, tool_of

pytest.importorskip("pynvml")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the stand-in is Linux's library")


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return build_nvml(tmp_path_factory.mktemp("driver"))


def card_of(tmp_path: Path, **variables: str) -> dict[str, str]:
    env = environment(tmp_path, **tool_of(tmp_path / "bin"), **variables)
    done = run_nobs("doctor", "--backend", "cuda", "--json", cwd=tmp_path, env=env)
    (card,) = (check for check in json.loads(done.stdout) if check["name"] == "card")
    return dict(card)


CONDITIONS = [
    ("idle", "ok", ("ECC reports no errors, no other process computes on it", "")),
]
MORE = [
    ("idle,ecc", "warn", ("3 uncorrected ECC errors since the driver was loaded", "Reset it")),
    ("", "warn", ("busy: 2 other processes and 12 % of its memory is in use", "End what uses")),
    ("idle,worn", "warn", ("a faulty memory row could not be replaced", "has to be replaced")),
    ("idle,mig", "warn", ("MIG is on", "-mig 0` measures the whole card")),
    ("hang", "warn", ("NVML gave no answer within 5 s", "reboot")),
]


@pytest.mark.parametrize(
    ("faults", "state", "words"),
    [*CONDITIONS, *(pytest.param(*each, marks=pytest.mark.long) for each in MORE)],
)
def test_the_doctor_names_what_is_wrong_with_the_card(
    tmp_path: Path, library: dict[str, str], faults: str, state: str, words: tuple[str, str]
) -> None:
    card = card_of(tmp_path, **library, FAKE_NVML=faults)

    assert card["state"] == state
    assert words[0] in card["found"]
    assert words[1] in card["remedy"]


def test_without_nvml_the_card_is_not_called_healthy(tmp_path: Path) -> None:
    card = card_of(tmp_path)

    assert card["state"] == "warn"
    assert "no energy, clocks, throttling or faults can be read" in card["found"]
    assert "libnvidia-ml.so.1" in card["remedy"]
