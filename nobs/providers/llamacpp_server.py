"""The child process that holds an embedded llama.cpp server; ends when its parent does.

`python -m nobs.providers.llamacpp_server SETTINGS DIRECTORY` with SETTINGS in JSON: writes the
server's URL as the only line of its standard output, logs to standard error, serves until standard
input ends. Then DIRECTORY, where its log is, goes too: a parent that was killed can't remove it.
"""

import ctypes
import json
import os
import shutil
import signal
import sys
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import xllamacpp

_OPENMP = "libgomp.so.1"


def main() -> None:
    """Serve as the settings say."""
    settings, directory = json.loads(sys.argv[1]), sys.argv[2]
    # Ctrl-C reaches the whole group; the parent decides when the server is needed no more.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, args=(directory,), daemon=True).start()
    answers = _keep_stdout()
    _load_openmp()
    import xllamacpp  # noqa: PLC0415 - needs OpenMP

    try:
        server = xllamacpp.Server(_parameters(settings))
    except RuntimeError as error:
        # A traceback would push llama.cpp's reason out of the lines that the parent quotes.
        sys.exit(str(error))
    answers.write(server.listening_address + "\n")
    answers.flush()
    threading.Event().wait()


def _load_openmp() -> None:
    """Load torch's OpenMP where the system has none, as in slim images."""
    if not sys.platform.startswith("linux"):
        return
    try:
        ctypes.CDLL(_OPENMP)
    except OSError:
        torch = find_spec("torch")
        if torch is not None and torch.origin is not None:
            library = Path(torch.origin).parent / "lib" / _OPENMP
            ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)


def _end_with_parent(directory: str) -> None:
    """Wait until nobody holds the other end of standard input, however the parent ended."""
    # Unbuffered: Python aborts, with a log of its own, if it ends while a buffer is being read.
    while os.read(0, 1024):
        pass
    shutil.rmtree(directory, ignore_errors=True)
    os._exit(0)


def _keep_stdout() -> Any:  # noqa: ANN401 - a text file
    """Return standard output for our own line; what the library prints goes to the log."""
    kept = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return kept


def _parameters(settings: dict[str, Any]) -> "xllamacpp.CommonParams":
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
    parameters.cors_origins = "http://127.0.0.1"
    return parameters


if __name__ == "__main__":
    main()
