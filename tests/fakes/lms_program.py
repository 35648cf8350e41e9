"""A look-alike of `lms`: state in a directory, messages on stderr, JSON on stdout.

`ls`, `ps`, `load`, `unload` and `get` wake LM Studio up; `server status` and `daemon status` don't.
`server start` leaves a process behind that listens: `lms_front.py`.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

STATE = Path(os.environ["FAKE_LMS_HOME"]) / "state.json"
CALLS = STATE.with_name("calls.txt")
FRONT = Path(__file__).with_name("lms_front.py")


def read() -> dict[str, Any]:
    state: dict[str, Any] = json.loads(STATE.read_text())
    return state


def write(state: dict[str, Any]) -> None:
    new = STATE.with_suffix(f".{os.getpid()}")
    new.write_text(json.dumps(state))
    new.replace(STATE)


def say(text: str) -> None:
    print(f"\x1b[36m{text}\x1b[0m", file=sys.stderr, flush=True)


def stop(text: str) -> None:
    print(f"\x1b[31mError:\x1b[0m {text}", file=sys.stderr)
    sys.exit(1)


def wake(state: dict[str, Any]) -> None:
    if not state["daemon"]:
        say("Waking up LM Studio service...")
        time.sleep(state["delay_s"])
        state["daemon"] = True
        write(state)


def fail(state: dict[str, Any], command: str) -> None:
    """Do what the test wants to go wrong."""
    fault = state["faults"].get(command)
    if fault == "hang":
        time.sleep(60)
    if fault:
        stop(fault)


def server_status(state: dict[str, Any], _words: list[str]) -> None:
    print(json.dumps({"running": state["pid"] is not None, "port": state["port"]}))


def server_start(state: dict[str, Any], words: list[str]) -> None:
    state["port"] = int(words[words.index("--port") + 1])
    wake(state)
    say("Starting server...")
    fail(state, "server start")
    front = subprocess.Popen(
        [sys.executable, str(FRONT), str(state["port"]), str(STATE)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    state["pid"] = front.pid
    write(state)
    wait_until_it_listens(state["port"])
    say(f"Success! Server is now running on port {state['port']}")


def wait_until_it_listens(port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)


def server_stop(state: dict[str, Any], _words: list[str]) -> None:
    if state["pid"] is None:
        stop("The server is not running.")
    fail(state, "server stop")
    os.kill(state["pid"], signal.SIGTERM)
    state["pid"] = None
    write(state)
    say(f"Stopped the server on port {state['port']}.")


def daemon_status(state: dict[str, Any], _words: list[str]) -> None:
    if state["is_old"]:
        stop("unknown command 'daemon'")
    running = {"status": "running", "pid": 4242, "isDaemon": state["is_daemon"]}
    print(json.dumps(running if state["daemon"] else {"status": "not-running"}))


def daemon_down(state: dict[str, Any], _words: list[str]) -> None:
    say("Shutting down llmster...")
    state.update(daemon=False, loaded=[])
    write(state)


def list_downloaded(state: dict[str, Any], _words: list[str]) -> None:
    wake(state)
    print(json.dumps(state["models"]))


def list_loaded(state: dict[str, Any], _words: list[str]) -> None:
    wake(state)
    fail(state, "ps")
    print(json.dumps(state["loaded"]))


def get(state: dict[str, Any], words: list[str]) -> None:
    wake(state)
    name = words[0]
    say(f"Searching for models with the term {name}")
    found = [model for model in state["catalog"] if name in model["modelKey"]]
    if not found:
        stop("No models found with the specified search criteria.")
    for percent in range(0, 100, 20):
        sys.stderr.write(f"\r⠼ [{'█' * (percent // 5):20}] {percent}.00% | 1.2 GB / 12.1 GB")
        sys.stderr.flush()
        time.sleep(state["delay_s"] / 5)
        if percent == 40:
            fail(state, "get")
    say("\nFinalizing download...")
    state["models"].append(found[0])
    write(state)
    say(f"Download completed. You can load the model with:\n\n    lms load {found[0]['modelKey']}")


def option(words: list[str], name: str) -> str | None:
    return words[words.index(name) + 1] if name in words else None


def load(state: dict[str, Any], words: list[str]) -> None:
    wake(state)
    near = [model for model in state["models"] if words[0] in model["modelKey"]]
    if not near:
        stop(f'No model found that matches path "{words[0]}".')
    say(f"Loading {near[0]['path']}")
    time.sleep(state["delay_s"])
    fail(state, "load")
    if state["evicts"]:
        state["loaded"] = []
    state["loaded"].append(
        {
            **near[0],
            "identifier": option(words, "--identifier") or near[0]["modelKey"],
            "contextLength": int(option(words, "--context-length") or 4096),
            "parallel": int(option(words, "--parallel") or 4),
            "status": "idle",
            "queued": 0,
            "ttlMs": None,
            "deviceIdentifier": state["device"],
        }
    )
    write(state)
    say("Model loaded successfully in 1.23s.")


def unload(state: dict[str, Any], words: list[str]) -> None:
    """End with 0 also where there is nothing of that name, as the real one."""
    wake(state)
    left = [each for each in state["loaded"] if each["identifier"] != words[0]]
    if len(left) == len(state["loaded"]):
        say(f'Cannot find a model with the identifier "{words[0]}".')
    state["loaded"] = left
    write(state)


COMMANDS: dict[tuple[str, ...], Callable[[dict[str, Any], list[str]], None]] = {
    ("server", "status"): server_status,
    ("server", "start"): server_start,
    ("server", "stop"): server_stop,
    ("daemon", "status"): daemon_status,
    ("daemon", "down"): daemon_down,
    ("ls",): list_downloaded,
    ("ps",): list_loaded,
    ("get",): get,
    ("load",): load,
    ("unload",): unload,
}


def main(words: list[str]) -> None:
    with CALLS.open("a") as calls:
        calls.write(" ".join(words) + "\n")
    for name, command in COMMANDS.items():
        if tuple(words[: len(name)]) == name:
            command(read(), words[len(name) :])
            return
    stop(f"unknown command '{words[0]}'")


if __name__ == "__main__":
    main(sys.argv[1:])
