"""The real loading code in a child process of its own, because HF_ENDPOINT is read on import."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nobs.schema.pins import DatasetPin, ModelPin

if TYPE_CHECKING:
    from nobs.data.found import Model


class Loader:
    """Asks the child, one JSON line each way."""

    def __init__(self, child: "subprocess.Popen[str]") -> None:
        self._child = child

    def texts(self, pin: DatasetPin, **options: bool) -> dict[str, Any]:
        """Return rows and evidence of `load_texts`, or its error."""
        return self._ask("texts", pin.model_dump_json(), options)

    def pictures(self, pin: DatasetPin, **options: bool) -> dict[str, Any]:
        """Return names, sizes, questions and evidence of `load_images`, or its error."""
        return self._ask("pictures", pin.model_dump_json(), options)

    def model(self, pin: ModelPin, **options: bool) -> dict[str, Any]:
        """Return path, revision and weights of `open_model`, or its error."""
        return self._ask("model", pin.model_dump_json(), options)

    def pipeline(self, pin: ModelPin, **options: bool) -> dict[str, Any]:
        """Return the same of `open_pipeline`."""
        return self._ask("pipeline", pin.model_dump_json(), options)

    def _ask(self, what: str, pin: str, options: dict[str, bool]) -> dict[str, Any]:
        assert self._child.stdin
        assert self._child.stdout
        self._child.stdin.write(json.dumps([what, pin, options]) + "\n")
        self._child.stdin.flush()
        answer: dict[str, Any] = json.loads(self._child.stdout.readline())
        return answer


def hub_environment(url: str, home: Path) -> dict[str, str]:
    """Return this environment with the hub at `url`, its cache in `home` and no proxy."""
    kept = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    kept = {k: v for k, v in kept.items() if not k.startswith(("HF_", "HUGGING"))}
    quiet = {"HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
    return {**kept, **quiet, "HF_ENDPOINT": url, "HF_HOME": str(home)}


@contextmanager
def loader(url: str, home: Path) -> Iterator[Loader]:
    """Start a child with the hub at `url` and its cache in `home`."""
    child = subprocess.Popen(
        [sys.executable, __file__],
        env=hub_environment(url, home),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with child:
        yield Loader(child)
    assert child.returncode == 0


def _serve() -> None:
    from nobs.errors import NobsError  # noqa: PLC0415

    for line in sys.stdin:
        what, pin, options = json.loads(line)
        try:
            answer = _ANSWERS[what](pin, options)
        except NobsError as error:
            kind = type(error).__name__
            answer = {"error": kind, "message": error.message, "remedy": error.remedy}
        print(json.dumps(answer), flush=True)


def _load_texts(pin: str, options: dict[str, bool]) -> dict[str, Any]:
    from nobs.data.texts import load_texts  # noqa: PLC0415

    texts = load_texts(DatasetPin.model_validate_json(pin), **options)
    return {"rows": texts.rows, "evidence": texts.evidence.model_dump()}


def _load_pictures(pin: str, options: dict[str, bool]) -> dict[str, Any]:
    from nobs.tasks.vlms.inputs import load_images  # noqa: PLC0415

    found = load_images(DatasetPin.model_validate_json(pin), **options)
    rows = [(row.name, row.image.size, row.open_question) for row in found.rows]
    return {"rows": rows, "evidence": found.evidence.model_dump()}


def _open_model(pin: str, options: dict[str, bool]) -> dict[str, Any]:
    from nobs.data.models import open_model  # noqa: PLC0415

    return _describe(open_model(ModelPin.model_validate_json(pin), **options))


def _open_pipeline(pin: str, options: dict[str, bool]) -> dict[str, Any]:
    from nobs.tasks.diffusion.files import open_pipeline  # noqa: PLC0415

    return _describe(open_pipeline(ModelPin.model_validate_json(pin), **options))


def _describe(model: "Model") -> dict[str, Any]:
    weights = {"files": model.weights.files, "verified": model.weights.verified}
    return {"path": str(model.path), "revision": model.weights.revision, "weights": weights}


_ANSWERS = {
    "texts": _load_texts,
    "pictures": _load_pictures,
    "model": _open_model,
    "pipeline": _open_pipeline,
}


if __name__ == "__main__":
    _serve()
