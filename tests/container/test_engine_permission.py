"""A real engine whose socket the user may not open."""

import os
from multiprocessing import get_context
from multiprocessing.connection import Connection

import pytest

from nobs.errors import EngineError
from nobs.launch.engine.client import connect

NOBODY = 65534


def connect_as_nobody(engine: str, answer: Connection) -> None:
    """Drop all rights in this child and try; send the error's words."""
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)
    try:
        connect({"DOCKER_HOST": engine}).close()
        answer.send(("connected", "", 0))
    except EngineError as error:
        answer.send((error.message, error.remedy, error.exit_code))


# A thread of pytest-rerunfailures, which only waits for connections, is no danger to a fork.
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_forbidden_socket_names_the_group_as_remedy(engine: str) -> None:
    if os.geteuid() != 0:
        pytest.fail("becoming another user needs root; run these tests as .ci/run does")
    context = get_context("fork")
    reader, writer = context.Pipe(duplex=False)
    child = context.Process(target=connect_as_nobody, args=(engine, writer))
    child.start()
    message, remedy, code = reader.recv()
    child.join()

    assert code == 3
    assert "permission" in message.lower()
    assert "docker" in remedy
