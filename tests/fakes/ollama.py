"""A look-alike of Ollama: it loads a model for a while, and puts it out of memory when asked."""

import time
from pathlib import Path
from typing import Any

from tests.fakes.llm_answers import plain, stream
from tests.fakes.llm_routes import models
from tests.fakes.llm_server import Answered, Choose, Script

NAME = "llama3.2:latest"
LOAD_S = 0.1


class Ollama:
    """Answers as Ollama, chats by `chat`; `holds` unloads later than it answers, `stays` never."""

    def __init__(
        self,
        weights: Path,
        *,
        holds: int = 0,
        stays: bool = False,
        chat: Choose = lambda asked: stream(4),
    ) -> None:
        self._modelfile = f"# Modelfile\nFROM {weights}\nTEMPLATE {{{{ .Prompt }}}}\n"
        self._holds, self._stays, self._chat = holds, stays, chat
        self._asked_since = 0
        self.is_loaded = True
        self.events: list[str] = []
        """Loads, unloads and chats in order."""

    def __call__(self, asked: Answered) -> Script:
        """Answer one request."""
        match asked.path:
            case "/api/show":
                return plain({"modelfile": self._modelfile, "details": {}})
            case "/api/ps":
                return plain({"models": [{"name": NAME}] if self._is_listed() else []})
            case "/api/generate":
                return self._generate(asked.values)
            case "/v1/chat/completions":
                self.events.append("chat" if self.is_loaded else "cold chat")
                self.is_loaded = True
                return self._chat(asked)
        return plain(models(NAME))

    def _is_listed(self) -> bool:
        self._asked_since += 1
        return self.is_loaded or self._stays or self._asked_since <= self._holds

    def _generate(self, values: dict[str, Any]) -> Script:
        if values.get("keep_alive") == 0:
            self.events.append("unload")
            self.is_loaded, self._asked_since = False, 0
            return plain({"model": NAME, "done": True, "done_reason": "unload"})
        self.events.append("load")
        time.sleep(LOAD_S)
        self.is_loaded = True
        return plain({"model": NAME, "done": True, "done_reason": "load"})
