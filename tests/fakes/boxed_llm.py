"""`nobs` beside an LLM server, in a network of their own: `unshare -n python -m ... PORT WORDS...`.

Nothing outside can reach the server on its loopback. The number of its requests is written to
`requests` in the home directory.
"""

import fcntl
import socket
import struct
import subprocess
import sys
from pathlib import Path

from tests.fakes.llm_answers import whole_server
from tests.fakes.llm_server import serving

_SET_FLAGS = 0x8914
_UP_AND_RUNNING = 0x41


def raise_loopback() -> None:
    """Let the loopback of a new network work."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sH14x", b"lo", _UP_AND_RUNNING))


def main(port: int, words: list[str]) -> int:
    """Run the real `nobs` while the server serves; return its exit code."""
    raise_loopback()
    with serving(whole_server(), port=port) as server:
        code = subprocess.call([sys.executable, "-m", "nobs", *words])
    (Path.home() / "requests").write_text(str(len(server.log)))
    return code


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
