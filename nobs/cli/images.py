"""Building images for people who watch and for programs that read."""

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

import click

from nobs.backends import BACKENDS
from nobs.backends.base import BackendTarget
from nobs.cli.live import BuildProgress, LiveOutput
from nobs.errors import UsageError
from nobs.launch.engine.client import Engine
from nobs.launch.image.build import ensure_image, find_image
from nobs.launch.image.plan import LABEL_TORCH_VERSION, ImagePlan
from nobs.launch.planning.facts import gather_facts
from nobs.launch.planning.plan import plan_target_image
from nobs.launch.planning.request import RunRequest
from nobs.schema.base import Backend, Execution
from nobs.schema.spec import ImageRef
from nobs.supervisor.signals import stop_on_signals
from nobs.units import format_seconds


def build_images(
    backends: Sequence[str], words: Mapping[str, Any], *, verbose: bool, as_json: bool
) -> None:
    """Build what is missing of the images of `backends`, the detected one if empty; print them."""
    first = Backend(backends[0]) if backends else None
    request = RunRequest(backend=first, execution=Execution.CONTAINER, **words)
    facts = gather_facts(request)
    targets = [_contained(name) for name in dict.fromkeys(backends or (facts.detected,))]
    plans = [plan_target_image(request, target, facts) for target in targets]
    with facts.require_engine() as engine, stop_on_signals():
        images = [_build(engine, plan, verbose=verbose, quiet=as_json) for plan in plans]
    if as_json:
        click.echo(json.dumps([image.model_dump(mode="json") for image in images], indent=2))


def _contained(name: str) -> BackendTarget:
    target = BACKENDS.load(name)
    if target.container_refusal:
        raise UsageError(
            f"The backend {name} has no image: {target.container_refusal}.",
            "Name another, as in `nobs build cpu`, or run with --execution native.",
        )
    return target


def _build(engine: Engine, plan: ImagePlan, *, verbose: bool, quiet: bool) -> ImageRef:
    found = find_image(engine, plan)
    output, started = LiveOutput(), time.monotonic()
    if found is None:
        output.write(f"building image {plan.tag} (once; minutes)")
    try:
        image = ensure_image(engine, plan, BuildProgress(output, verbose=verbose).show)
    finally:
        output.clear()
    if not quiet:
        took = format_seconds(time.monotonic() - started)
        click.echo(_describe(image, plan.name, "there already" if found else f"built in {took}"))
    return image


def _describe(image: ImageRef, name: str, state: str) -> str:
    torch = image.labels.get(LABEL_TORCH_VERSION, "unknown")
    return f"image      {image.tag} ({name}), {state}\nid         {image.id}\ntorch      {torch}"
