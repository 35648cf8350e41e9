"""The names of backends on the command line: those of NOBS and of installed packages."""

import click


class BackendName(click.ParamType[str]):
    """`auto`, or the name of a backend that is registered."""

    name = "backend"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """Return the names, as click shows choices."""
        return f"[{'|'.join(backend_names())}]"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name in lower case; a usage error names those that there are."""
        name = value.lower()
        if name not in backend_names():
            self.fail(f"{value!r} is not one of {', '.join(backend_names())}.", param, ctx)
        return name


def backend_names() -> tuple[str, ...]:
    """Return every name that `--backend` takes."""
    from nobs.backends import BACKENDS

    return ("auto", *BACKENDS)
