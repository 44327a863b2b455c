"""Makes messages of what has happened, on the relay's turns."""

import asyncio
from typing import Final

import asyncpg

from booking.telling import SOURCES
from kernel.db import Database
from kernel.log import get_logger
from notifications.feeds import tell_events

APART_SECONDS: Final = 0.5
"""The relay turns far more often in a rush; reading events in larger parts costs bookings less."""


PAUSE_SECONDS: Final = 10.0
"""After a statement of ours was refused; it is tried again."""

log = get_logger("runtime.relay")


class MessageMaker:
    """Reads the events of bookings, stops, the waitlist and queues, not more often than it must."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._made_at = float("-inf")

    async def make(self) -> None:
        """Make messages of what has happened since the last time.

        Raises:
            DatabaseUnavailable.
        """
        now = asyncio.get_running_loop().time()
        if now - self._made_at < APART_SECONDS:
            return
        self._made_at = now
        try:
            await tell_events(self._db, SOURCES)
        except asyncpg.PostgresError as error:
            # The relay has the HIS's and the payments' letters to hand on, whatever is wrong with a message.
            log.exception("messages_not_made", fault=type(error).__name__)
            self._made_at = now + PAUSE_SECONDS
