"""The body of a request for the vectors of texts, timed or not; pure."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

ROUTE = "/embeddings"


@dataclass(frozen=True, kw_only=True)
class EmbedRequest:
    """The vectors of `texts` in one request."""

    model: str
    texts: Sequence[str]
    encoding: Literal["float", "base64"] | None = None
    """None: the server's default, which is `float`; some servers refuse the field."""

    def body(self) -> bytes:
        """Return the JSON body."""
        named = {"encoding_format": self.encoding} if self.encoding else {}
        return json.dumps({"model": self.model, "input": list(self.texts), **named}).encode()
