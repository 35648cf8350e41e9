"""Hardware targets; a new one is a module and a line in this table."""

from typing import TYPE_CHECKING

from nobs.registry import Registry

if TYPE_CHECKING:
    from nobs.backends.base import BackendTarget

BACKENDS: "Registry[BackendTarget]" = Registry(
    "backend",
    {
        "cuda": "nobs.backends.cuda:TARGET",
        "rocm": "nobs.backends.rocm:TARGET",
        "mps": "nobs.backends.mps:TARGET",
        "cpu": "nobs.backends.cpu:TARGET",
    },
    group="nobs.backends",
)
