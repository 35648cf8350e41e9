"""Hardware targets; a new one is a module here and one line of this table."""

from nobs.backends.base import BackendTarget
from nobs.registry import Registry

BACKENDS: Registry[BackendTarget] = Registry(
    "backend",
    {
        "cuda": "nobs.backends.cuda:TARGET",
        "rocm": "nobs.backends.rocm:TARGET",
        "mps": "nobs.backends.mps:TARGET",
        "cpu": "nobs.backends.cpu:TARGET",
    },
    group="nobs.backends",
)
