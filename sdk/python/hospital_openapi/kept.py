"""Answers of the directory that are kept and only asked for anew if they have changed (RFC 9110 section 13.1.2)."""

import threading
from collections import OrderedDict
from typing import Final

ANSWERS_MAX: Final = 256


class KeptAnswers:
    """The newest bodies by address, with their tags. Each is asked about every time, so nothing old is ever given out.

    Only the directory is kept: it holds nothing of patients. Bodies are kept as bytes, so what one caller does with an
    answer is not seen by the next.
    """

    def __init__(self, answers_max: int = ANSWERS_MAX) -> None:
        self._answers: OrderedDict[str, tuple[str, bytes]] = OrderedDict()
        self._answers_max = answers_max
        self._lock = threading.Lock()

    def find(self, address: str) -> tuple[str, bytes] | None:
        """Give the tag and the body that are kept of an address."""
        with self._lock:
            found = self._answers.get(address)
            if found is not None:
                self._answers.move_to_end(address)
            return found

    def keep(self, address: str, *, etag: str, body: bytes) -> None:
        """Keep a body; the one not asked for longest gives way."""
        with self._lock:
            self._answers[address] = (etag, body)
            self._answers.move_to_end(address)
            while len(self._answers) > self._answers_max:
                self._answers.popitem(last=False)
