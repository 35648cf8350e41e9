"""The child process that holds an embedded llama.cpp server; ends when its parent does.

`python -m nobs.providers.llamacpp_server SETTINGS DIRECTORY` with SETTINGS in JSON: writes the
server's URL and the stamp at which llama.cpp was imported as the only line of its standard output,
logs to standard error, serves until standard input ends. Then DIRECTORY, where its log is, goes
too: a parent that was killed can't remove it.
"""

import ctypes
import json
import sys
import threading
import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nobs.providers.child_server import keep_stdout, live_with_parent

if TYPE_CHECKING:
    import xllamacpp

_OPENMP = "libgomp.so.1"


def main() -> None:
    """Serve as the settings say."""
    settings, directory = json.loads(sys.argv[1]), sys.argv[2]
    live_with_parent(directory)
    answers = keep_stdout()
    load_library()
    imported_s = time.perf_counter()
    server = start(parameters_of(settings))
    answers.write(f"{server.listening_address} {imported_s}\n")
    answers.flush()
    threading.Event().wait()


def load_library() -> None:
    """Import llama.cpp, with torch's OpenMP where the system has none, as in slim images."""
    _load_openmp()
    import xllamacpp  # noqa: F401, PLC0415 - needs OpenMP


def start(parameters: "xllamacpp.CommonParams") -> "xllamacpp.Server":
    """Return the server once it listens; else the process ends with llama.cpp's reason."""
    import xllamacpp  # noqa: PLC0415 - needs OpenMP

    try:
        return xllamacpp.Server(parameters)
    except RuntimeError as error:
        # A traceback would push llama.cpp's reason out of the lines that the parent quotes.
        sys.exit(str(error))


def _load_openmp() -> None:
    """Load torch's OpenMP where the system has none."""
    if not sys.platform.startswith("linux"):
        return
    try:
        ctypes.CDLL(_OPENMP)
    except OSError:
        torch = find_spec("torch")
        if torch is not None and torch.origin is not None:
            library = Path(torch.origin).parent / "lib" / _OPENMP
            ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)


def parameters_of(settings: dict[str, Any]) -> "xllamacpp.CommonParams":
    """Return the settings as llama.cpp takes them; `load_library` comes first."""
    import xllamacpp  # noqa: PLC0415 - needs OpenMP

    parameters = xllamacpp.CommonParams()
    parameters.model.path = settings["weights"]
    parameters.model_alias = {settings["model"], *settings["aliases"]}
    if settings["projector"]:
        parameters.mmproj.path = settings["projector"]
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0  # the system chooses a free one while the socket is opened
    parameters.n_ctx = settings["context_length"]
    parameters.n_parallel = settings["parallel"]
    parameters.cpuparams.n_threads = settings["threads"]
    parameters.cpuparams_batch.n_threads = settings["threads"]
    # A prompt that comes again shall be computed again, and the same way.
    parameters.cache_prompt = False
    parameters.cache_ram_mib = 0
    parameters.ui = False
    parameters.endpoint_metrics = True
    parameters.cors_origins = "http://127.0.0.1"
    return parameters


if __name__ == "__main__":
    main()
