"""`nobs report`."""

from pathlib import Path

import click

from nobs.cli.options import json_option


@click.command(name="report")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--results", type=click.Path(path_type=Path), default=Path("results"), show_default=True,
    envvar="NOBS_RESULTS", show_envvar=True, help="Directory of reports, where no FILE is named.",
)  # fmt: skip
@json_option
def command(*, files: tuple[Path, ...], results: Path, as_json: bool) -> None:
    """Show reports: the named ones, else the last of each host."""
    from nobs.render.summary import render_summary  # noqa: PLC0415 - --help must stay fast
    from nobs.schema.files import to_json  # noqa: PLC0415
    from nobs.schema.reader import read_report  # noqa: PLC0415
    from nobs.store import find_reports  # noqa: PLC0415

    for file in files or find_reports(results):
        report = read_report(file)
        click.echo(to_json(report) if as_json else render_summary(report), nl=False)
        if not as_json:
            click.echo(f"report     {file}")
