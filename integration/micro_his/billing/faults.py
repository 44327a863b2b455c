"""Faults on demand, for demonstrations and tests: answers that come late, or never, after the work was committed.

That the whole HIS is down needs no word here: its process is stopped. Faults last until they are used up or taken back,
and are gone with the process.
"""

import asyncio
from dataclasses import dataclass
from typing import Final

from sanic import Request
from sanic.response import HTTPResponse

COUNT_MAX: Final = 1_000
SECONDS_MAX: Final = 60


@dataclass(slots=True)
class Faults:
    """What befalls the next answers to the platform's commands. Reads are left alone."""

    answers_lost: int = 0
    answers_late: int = 0
    late_seconds: int = 0

    async def befall(self, request: Request, answer: HTTPResponse) -> HTTPResponse:
        """Let a committed command's answer be late, or lose it by breaking the connection."""
        if self.answers_late > 0:
            self.answers_late -= 1
            await asyncio.sleep(self.late_seconds)
        if self.answers_lost > 0:
            self.answers_lost -= 1
            request.transport.abort()  # type: ignore[attr-defined]  # Sanic's protocol of transports names few methods
        return answer
