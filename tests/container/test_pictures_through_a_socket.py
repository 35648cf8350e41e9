"""A container without a network shows pictures to a real llama.cpp server on its host."""

import base64
import json
import os
from pathlib import Path

import pytest

from nobs.catalog import load_catalog
from nobs.launch.container.plan import RUN_DIR_IN_CONTAINER
from nobs.launch.engine.client import connect
from nobs.launch.engine.route import choose_route
from nobs.launch.server.relay import relaying
from nobs.providers import PROVIDERS
from nobs.schema.server import ServerRequest
from nobs.tasks.vlms.answers import is_right
from nobs.tasks.vlms.pictures import FILES, Picture, load_pictures
from tests.container.launching import USER, Launch

ASK = f"""
import http.client, json, socket
class Connection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(SOCKET)
for number in range(COUNT):
    connection = Connection("127.0.0.1")
    body = open(f"{RUN_DIR_IN_CONTAINER}/{{number}}.json", "rb").read()
    connection.request("POST", "/v1/chat/completions", body, {{"Content-Type": "application/json"}})
    print(json.dumps(json.load(connection.getresponse())["choices"][0]["message"]["content"]))
"""


def body_of(picture: Picture, file: Path | None) -> str:
    content: list[dict[str, object]] = [{"type": "text", "text": picture.question}]
    if file is not None:
        data = "data:image/png;base64," + base64.b64encode(file.read_bytes()).decode()
        content.insert(0, {"type": "image_url", "image_url": {"url": data}})
    messages = [{"role": "user", "content": content}]
    return json.dumps({"messages": messages, "max_tokens": 12, "temperature": 0})


@pytest.mark.long
def test_pictures_of_a_container_are_named_by_the_server_of_the_host(
    engine: str, tmp_path: Path
) -> None:
    pictures = load_pictures(load_catalog().datasets["nobs/drawn-pictures"]).rows[:4]
    with (
        connect({**os.environ, "DOCKER_HOST": engine}) as opened,
        PROVIDERS.load("llamacpp").open(ServerRequest(), None, lambda _: None) as served,
    ):
        launch = Launch(opened, tmp_path / "run")
        files = [FILES / f"{picture.name}-448.png" for picture in pictures]
        asked = [*zip(pictures, files, strict=True), (pictures[0], None)]
        for number, (picture, file) in enumerate(asked):
            (launch.run_dir / f"{number}.json").write_text(body_of(picture, file))
        connection = served.connection
        route = choose_route("127.0.0.1", opened.info, tmp_path, platform="Linux")
        owner = USER or (os.getuid(), os.getgid())
        with relaying(tmp_path / "socket", connection.host, connection.port, owner) as socket:
            words = f"SOCKET, COUNT = {route.apply(connection).socket!r}, {len(asked)}\n"
            outcome = launch.run(words + ASK, socket_dir=socket.parent)

    assert outcome.exit_code == 0, launch.stderr
    *answers, without_picture = map(json.loads, launch.stdout)
    assert [
        is_right(answer, picture) for answer, picture in zip(answers, pictures, strict=True)
    ] == [True] * 4
    assert not is_right(without_picture, pictures[0])
