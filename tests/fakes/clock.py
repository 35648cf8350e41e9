"""A wall clock that is set back a day once the file that FAULT_STEP names is there."""

import ctypes
import shutil
import subprocess
from pathlib import Path

import pytest

STEPPING_CLOCK = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>
#include <unistd.h>
#include <stdlib.h>
int clock_gettime(clockid_t id, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int failed = real(id, now);
    if (id == CLOCK_REALTIME && access(getenv("FAULT_STEP"), F_OK) == 0) now->tv_sec -= 86400;
    return failed;
}
"""


def make_clock(directory: Path) -> Path:
    """Return the library to be loaded with LD_PRELOAD; no other clock than the wall's moves."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("making a clock that jumps needs a C compiler")
    library = directory / "clock.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-x", "c", "-", "-o", library, "-ldl"],
                   input=STEPPING_CLOCK.encode(), check=True)  # fmt: skip
    ctypes.CDLL(str(library))
    return library
