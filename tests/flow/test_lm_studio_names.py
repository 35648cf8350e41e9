"""LM Studio with several quantisations and instances: what is there is used, never downloaded.

https://github.com/lmstudio-ai/lms/issues/588, https://github.com/lmstudio-ai/lms/pull/417
"""

import sys
from typing import Any

import pytest

from nobs.errors import HostApiError, NobsError, UsageError
from tests.fakes.studio import TINY, Studio, grouped, instance, model

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="the look-alike is a shell script"),
    pytest.mark.long,
]


def served_model(installed: Studio, wanted: str, **changes: Any) -> str:
    """The instance that requests for `wanted` are for."""
    with installed.open(model=wanted, **changes) as served:
        return served.model


def failure(installed: Studio, wanted: str, kind: type[NobsError], **changes: Any) -> NobsError:
    before = installed.condition()
    with pytest.raises(kind) as caught:
        served_model(installed, wanted, **changes)
    assert installed.condition() == before
    return caught.value


def downloads(installed: Studio) -> list[str]:
    return [call for call in installed.calls() if call.startswith("get")]


def test_the_only_quantisation_on_disk_is_the_model(installed: Studio) -> None:
    installed.change(models=[model(f"{TINY}@q4_1")])

    assert served_model(installed, "tiny") == "nobs-tiny@q4_1"
    assert downloads(installed) == []


def test_of_two_quantisations_on_disk_the_user_names_one(installed: Studio) -> None:
    installed.change(models=[model("tiny@bf16"), model("tiny@f16")])

    error = failure(installed, "tiny", UsageError)

    assert "tiny@bf16, tiny@f16" in error.message
    assert downloads(installed) == []
    assert served_model(installed, "tiny@f16") == "nobs-tiny@f16"


def test_the_selected_variant_is_loaded_by_its_key(installed: Studio) -> None:
    installed.change(models=[grouped(TINY, "q4_1", "q8_0", selected="q8_0")])

    with installed.open(model="tiny@q8_0") as served:
        assert served.model == "nobs-tiny@q8_0"
        assert served.identity.quantization == "Q8_0"
        assert f"{TINY}@q8_0" in served.identity.aliases
    assert f"load {TINY} --identifier nobs-tiny@q8_0 --yes" in installed.calls()
    assert downloads(installed) == []


def test_a_variant_that_is_not_selected_is_never_replaced_by_the_selected_one(
    installed: Studio,
) -> None:
    installed.change(models=[grouped(TINY, "q4_1", "q8_0", selected="q4_1")])

    error = failure(installed, "tiny@q8_0", HostApiError)

    assert f"has {TINY}@q8_0 on disk, but loads {TINY}@q4_1" in error.message
    assert f"Select {TINY}@q8_0" in error.remedy
    assert downloads(installed) == []


def test_an_instance_of_another_variant_is_not_used(installed: Studio) -> None:
    entry = grouped(TINY, "q4_1", "q8_0", selected="q8_0")
    other = instance(TINY, "other", selectedVariant=f"{TINY}@q4_1")
    installed.change(daemon=True, models=[entry], loaded=[other])

    assert served_model(installed, "tiny@q8_0") == "nobs-tiny@q8_0"


def test_a_quantisation_that_is_not_on_disk_may_be_downloaded(installed: Studio) -> None:
    installed.change(models=[model("tiny@f16")], catalog=[model("tiny@q8_0")])

    assert served_model(installed, "tiny@q8_0") == "nobs-tiny@q8_0"
    assert downloads(installed) == ["get tiny@q8_0 --yes"]


def test_another_quantisation_than_the_one_asked_for_is_no_download_of_it(
    installed: Studio,
) -> None:
    wrong = model("tiny@q8_0x", quantization={"name": "Q4_K_M"})
    installed.change(catalog=[wrong])

    error = failure(installed, "tiny@q8_0", HostApiError)

    assert "lists no such model, only tiny@q8_0x" in error.message


TWICE = [instance(TINY, contextLength=2048), instance(TINY, f"{TINY}:2", parallel=2)]


@pytest.mark.parametrize("setup", [False, True])
@pytest.mark.parametrize("wanted", ["tiny:2", f"{TINY}:2"])
def test_a_numbered_name_is_exactly_that_instance(
    installed: Studio, wanted: str, *, setup: bool
) -> None:
    installed.change(daemon=True, models=[model(TINY)], loaded=TWICE)
    installed.lms("server", "start", "--port", str(installed.port))

    with installed.open(model=wanted, setup=setup) as served:
        assert served.model == f"{TINY}:2"
        assert (served.identity.context_length, served.identity.parallel) == (4096, 2)
    assert not [call for call in installed.calls() if call.startswith(("get", "load"))]


@pytest.mark.parametrize("models", [[], [model(TINY)]])
def test_an_instance_that_is_not_loaded_is_neither_loaded_nor_downloaded(
    installed: Studio, models: list[dict[str, Any]]
) -> None:
    installed.change(daemon=True, models=models, loaded=TWICE)

    error = failure(installed, "tiny:3", HostApiError)

    assert f"no loaded instance 'tiny:3'; loaded: {TINY}, {TINY}:2" in error.message
    assert not [call for call in installed.calls() if call.startswith(("get", "load"))]


def test_the_identifier_of_an_instance_is_a_name_of_it(installed: Studio) -> None:
    installed.change(daemon=True, models=[model(TINY)], loaded=[instance(TINY, "mine")])

    assert served_model(installed, "mine") == "mine"
    assert "which doesn't fit the run" in (
        failure(installed, "mine", HostApiError, parallel=8).message
    )
    assert downloads(installed) == []


def test_without_setup_the_selected_variant_is_found_by_its_name(installed: Studio) -> None:
    entry = grouped(TINY, "q4_1", "q8_0", selected="q8_0")
    loaded = instance(TINY, quantization=entry["quantization"])
    installed.change(daemon=True, models=[entry], loaded=[loaded])
    installed.lms("server", "start", "--port", str(installed.port))

    assert served_model(installed, "tiny@q8_0", setup=False) == TINY
    error = failure(installed, "tiny@q4_1", HostApiError, setup=False)
    assert f"has {TINY}@q4_1 on disk, but loads {TINY}@q8_0" in error.message


def test_a_linked_device_computes_elsewhere_without_setup_too(installed: Studio) -> None:
    elsewhere = instance(TINY, deviceIdentifier="rig-1")
    installed.change(daemon=True, models=[model(TINY)], loaded=[elsewhere])
    installed.lms("server", "start", "--port", str(installed.port))

    with installed.open(setup=False) as served:
        assert served.identity.remote_host == "the linked device rig-1"
        assert served.elsewhere is not None
