"""Backend names on the command line, those of installed packages included."""

import click


class BackendName(click.ParamType[str]):
    """`auto` or a registered backend."""

    name = "backend"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """Return the choices as click shows them."""
        return f"[{'|'.join(backend_names())}]"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name in lower case; a usage error lists the valid names."""
        name = value.lower()
        if name not in backend_names():
            self.fail(f"{value!r} is not one of {', '.join(backend_names())}.", param, ctx)
        return name


def backend_names() -> tuple[str, ...]:
    """Return every value of `--backend`."""
    from nobs.backends import BACKENDS

    return ("auto", *BACKENDS)
