"""Server-sent events (HTML Living Standard, section 9.2), read line by line; without any input or output."""

import json
from typing import Any

from hospital_openapi.errors import UnexpectedAnswer

DATA_CHARACTERS_MAX = 1 << 20
HEARTBEAT = "still-here"
# The hospital is heard of every fifteen seconds; three missed beats are a dead connection.
SILENCE_SECONDS_MAX = 45.0
RETRY_SECONDS_DEFAULT = 2.0
RETRY_SECONDS_MAX = 30.0


class EventReader:
    """Puts the lines of a stream together to events, and remembers where to go on after a break."""

    def __init__(self) -> None:
        self.last_event_id: str | None = None
        self.retry_seconds = RETRY_SECONDS_DEFAULT
        self._begin()

    def begin(self) -> dict[str, str]:
        """Forget a half event of a broken connection, and give the headers for the next one."""
        self._begin()
        found = {"accept": "text/event-stream", "cache-control": "no-store"}
        return found | ({"last-event-id": self.last_event_id} if self.last_event_id is not None else {})

    def _begin(self) -> None:
        self._id: str | None = None
        self._name = ""
        self._data: list[str] = []
        self._characters = 0

    def take(self, line: str) -> Any | None:
        """Take one line; give the data of the event that it ends, if it ends one with something to say.

        Raises:
            UnexpectedAnswer: the event is too long, or is not JSON.
        """
        if line == "":
            return self._end()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._characters += len(value)
            if self._characters > DATA_CHARACTERS_MAX:
                raise UnexpectedAnswer("An event is too long", status=200, request_id=None)
            self._data.append(value)
        elif name == "event":
            self._name = value
        elif name == "id" and "\0" not in value:
            self._id = value
        elif name == "retry" and value.isascii() and value.isdecimal():
            self.retry_seconds = min(RETRY_SECONDS_MAX, int(value) / 1000)
        return None

    def _end(self) -> Any | None:
        event_id, name, data = self._id, self._name, self._data
        self._begin()
        if event_id is not None:
            self.last_event_id = event_id
        if not data or name == HEARTBEAT:
            return None
        try:
            return json.loads("\n".join(data))
        except ValueError as error:
            raise UnexpectedAnswer("An event is not JSON", status=200, request_id=None) from error
