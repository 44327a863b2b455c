"""The answer as it goes onto the wire: the head of every answer of ours, written without what nobody asked for."""

from collections.abc import Iterator
from typing import Final

from sanic.response import HTTPResponse

JSON: Final = "application/json"


class Answer(HTTPResponse):
    """A finished body with a few headers whose values are our own.

    Sanic copies headers into a multi-dictionary and cleans each name and value by itself, which costs a third of
    an echo. Here they are a plain dictionary, and a value that could break out of its line is refused at once.
    """

    __slots__ = ()

    def __init__(self, content: bytes, status: int, headers: dict[str, str], content_type: str) -> None:
        """Keep what is to be sent; nothing is copied, so neither may be changed afterwards."""
        self.asgi = False
        self.body = content
        self.content_type = content_type
        self.stream = None
        self.status = status
        if content:
            headers["content-type"] = content_type
        self.headers = headers  # type: ignore[assignment]  # Sanic only sets and counts entries here, as in any mapping
        self._cookies = None

    @property
    def processed_headers(self) -> Iterator[tuple[bytes, bytes]]:
        """Give the headers as bytes.

        Raises:
            ValueError: a value holds a control character.
        """
        encoded = []
        for name, value in self.headers.items():
            text = str(value)  # Sanic adds the length as a number
            if not text.isprintable():
                raise ValueError(f"header {name} holds a control character")
            encoded.append((name.encode("ascii"), text.encode("ascii")))
        return iter(encoded)
