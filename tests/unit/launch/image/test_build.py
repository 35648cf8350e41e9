"""Images that an engine has under our tags."""

from pathlib import Path

import pytest

from nobs.errors import EngineError
from nobs.launch.engine.client import connect
from nobs.launch.image.build import ensure_image
from nobs.launch.image.plan import ImagePlan
from tests.fakes.engine import stand_in_engine

PLAN = ImagePlan(
    backend="cpu", tag="nobs:cpu-x", name="nobs:cpu", dockerfile="x", build_args={}, files={}
)


@pytest.mark.parametrize(("built", "is_refused"), [("arm64", True), ("amd64", False), ("", False)])
def test_an_image_of_another_architecture_is_never_run_by_an_emulator(
    tmp_path: Path, built: str, *, is_refused: bool
) -> None:
    with stand_in_engine(tmp_path / "e.sock") as served:
        served.image["Architecture"] = built
        with connect({"DOCKER_HOST": served.url}) as engine:
            if not is_refused:
                assert ensure_image(engine, PLAN, lambda _: None).tag == PLAN.tag
                return
            with pytest.raises(EngineError) as raised:
                ensure_image(engine, PLAN, lambda _: None)

    assert "nobs:cpu-x is for arm64, but this engine runs amd64" in raised.value.message
    assert "docker rmi nobs:cpu-x" in raised.value.remedy
