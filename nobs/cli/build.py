"""`nobs build`."""

import json
import time
from typing import TYPE_CHECKING, Any

import click

from nobs.cli.options import IMAGE_BACKENDS, image_options, json_option
from nobs.cli.paths import UserPath
from nobs.units import format_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from nobs.backends.base import BackendTarget
    from nobs.launch.engine.client import Engine
    from nobs.launch.image.plan import ImagePlan
    from nobs.schema.spec import ImageRef


@click.command(name="build")
@click.argument("backends", nargs=-1, type=click.Choice(IMAGE_BACKENDS), metavar="[BACKEND]...")
@image_options
@click.option(
    "--save",
    type=UserPath(),
    metavar="FILE",
    help="Also write the image to a file, for a machine without a network.",
)
@click.option(
    "--load",
    type=UserPath(),
    metavar="FILE",
    help="Load the image from a file of --save instead of building it.",
)
@click.option("--verbose", "-v", is_flag=True, help="Print the full build output.")
@json_option
def command(
    *,
    backends: tuple[str, ...],
    save: "Path | None",
    load: "Path | None",
    verbose: bool,
    as_json: bool,
    **params: Any,  # noqa: ANN401 - click's values
) -> None:
    """Build the container images for BACKEND: cuda, rocm or cpu.

    The default is the backend of the best device of this machine. An existing image is kept.
    """
    from nobs.errors import UsageError
    from nobs.launch.image.archive import load_image, save_image
    from nobs.launch.planning.facts import gather_facts
    from nobs.launch.planning.plan import plan_target_image
    from nobs.launch.planning.request import RunRequest
    from nobs.schema.enums import Backend, Execution
    from nobs.supervisor.signals import stop_on_signals

    if save and load:
        raise UsageError("--save and --load exclude each other.", "Leave one of the two out.")
    first = Backend(backends[0]) if backends else None
    request = RunRequest(backend=first, execution=Execution.CONTAINER, **params)
    facts = gather_facts(request)
    targets = [_contained(name) for name in dict.fromkeys(backends or (facts.detected,))]
    plans = [plan_target_image(request, target, facts) for target in targets]
    if save and len(plans) > 1:
        raise UsageError("--save writes one image to a file.", "Name one backend.")
    with facts.require_engine() as engine, stop_on_signals():
        if load:
            images = load_image(engine, load, plans)
        else:
            images = [_build(engine, plan, verbose=verbose, quiet=as_json) for plan in plans]
        written = save_image(engine, images[0], save) if save else 0
    if load and not as_json:
        click.echo("\n".join(f"image      {image.tag}, loaded" for image in images))
    if save and not as_json:
        click.echo(f"file       {save}, {format_bytes(written)}")
    if as_json:
        click.echo(json.dumps([image.model_dump(mode="json") for image in images], indent=2))


def _contained(name: str) -> "BackendTarget":
    from nobs.backends import BACKENDS
    from nobs.errors import UsageError

    target = BACKENDS.load(name)
    if target.container_refusal:
        raise UsageError(
            f"The backend {name} has no image: {target.container_refusal}.",
            "Choose another, such as `nobs build cpu`, or run with --execution native.",
        )
    return target


def _build(engine: "Engine", plan: "ImagePlan", *, verbose: bool, quiet: bool) -> "ImageRef":
    from nobs.cli.live import BuildProgress, LiveOutput
    from nobs.launch.image.build import ensure_image, find_tagged
    from nobs.launch.image.plan import LABEL_TORCH_VERSION
    from nobs.units import format_seconds

    found = find_tagged(engine, plan.tag)
    output, started = LiveOutput(), time.monotonic()
    if found is None:
        output.write(f"building image {plan.tag} (once; takes minutes)")
    try:
        image = ensure_image(engine, plan, BuildProgress(output, verbose=verbose).show)
    finally:
        output.clear()
    if not quiet:
        took = format_seconds(time.monotonic() - started)
        state = "already built" if found else f"built in {took}"
        torch = image.labels.get(LABEL_TORCH_VERSION, "unknown")
        click.echo(f"image      {image.tag} ({plan.name}), {state}")
        click.echo(f"id         {image.id}\ntorch      {torch}")
    return image
