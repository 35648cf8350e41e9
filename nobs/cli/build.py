"""`nobs build`."""

from typing import Any

import click

from nobs.cli.options import IMAGE_BACKENDS, image_options, json_option


@click.command(name="build")
@click.argument("backends", nargs=-1, type=click.Choice(IMAGE_BACKENDS), metavar="[BACKEND]...")
@image_options
@click.option("--verbose", "-v", is_flag=True, help="Print the whole output of the build.")
@json_option
def command(
    *,
    backends: tuple[str, ...],
    verbose: bool,
    as_json: bool,
    **words: Any,  # noqa: ANN401 - click's words
) -> None:
    """Build the container images of BACKENDs: cuda, rocm, cpu.

    Without one, that of the best device here. An image that is there already is left alone.
    """
    from nobs.cli.images import build_images

    build_images(backends, words, verbose=verbose, as_json=as_json)
