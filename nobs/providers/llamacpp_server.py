"""The child process that holds an embedded llama.cpp server; ends when its parent does.

`python -m nobs.providers.llamacpp_server SETTINGS DIRECTORY` with SETTINGS in JSON: writes the
server's URL as the only line of its standard output, logs to standard error, serves until standard
input ends. Then DIRECTORY, where its log is, goes too: a parent that was killed can't remove it.
"""

import json
import os
import shutil
import signal
import sys
import threading
from typing import Any

import xllamacpp


def main() -> None:
    """Serve as the settings say."""
    settings, directory = json.loads(sys.argv[1]), sys.argv[2]
    # Ctrl-C reaches the whole group; the parent decides when the server is needed no more.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, args=(directory,), daemon=True).start()
    answers = _keep_stdout()
    server = xllamacpp.Server(_parameters(settings))
    answers.write(server.listening_address + "\n")
    answers.flush()
    threading.Event().wait()


def _end_with_parent(directory: str) -> None:
    """Wait until nobody holds the other end of standard input, however the parent ended."""
    sys.stdin.buffer.read()
    shutil.rmtree(directory, ignore_errors=True)
    os._exit(0)


def _keep_stdout() -> Any:  # noqa: ANN401 - a text file
    """Return standard output for our own line; what the library prints goes to the log."""
    kept = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return kept


def _parameters(settings: dict[str, Any]) -> "xllamacpp.CommonParams":
    parameters = xllamacpp.CommonParams()
    parameters.model.path = settings["weights"]
    parameters.model_alias = {settings["model"]}
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0  # the system chooses a free one while the socket is opened
    parameters.n_ctx = settings["context_length"]
    parameters.n_parallel = settings["parallel"]
    parameters.cpuparams.n_threads = settings["threads"]
    parameters.cpuparams_batch.n_threads = settings["threads"]
    parameters.ui = False
    parameters.cors_origins = "http://127.0.0.1"
    return parameters


if __name__ == "__main__":
    main()
