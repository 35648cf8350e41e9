"""A server whose list of models has a Date, as that of most frameworks has."""

import time
from email.utils import formatdate

from tests.fakes.llm_answers import MODEL, whole_server
from tests.fakes.llm_routes import models, reply
from tests.fakes.llm_server import Answered, Choose, Script


def dated_server(answer: Script | Choose, ahead_s: float = 0.0) -> Choose:
    """Return a server that answers timed chats with `answer`; its clock is `ahead_s` ahead."""
    others = whole_server(answer)

    def choose(asked: Answered) -> Script:
        if not asked.path.endswith("/models"):
            return others(asked)
        return reply(models(MODEL), "200 OK", f"Date: {formatdate(time.time() + ahead_s)}")

    return choose
