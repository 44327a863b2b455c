"""Streams of the patient surface: each ends soon after what opened it has ended."""

import asyncio
import time
from typing import Any, Final
from uuid import UUID

from sanic import Request
from sanic.response import HTTPResponse

from kernel import event_stream
from kernel.errors import HospitalError
from kernel.log import get_logger
from open_api.calls import Stream, WatchedSource
from patient_app.access import Access

LOOK_AGAIN_SECONDS: Final = 5.0
STREAMS_MAX: Final = 12
"""Of one account, in one process: six people's places on two devices. One more takes the oldest one's place."""

log = get_logger("patient_app")


class WatchedAccess:
    """What a stream watches, for as long as who reads it might ask for it anew (`kernel.event_stream.Source`).

    It looks whenever something is to be told, and the stream's heartbeat asks for that every quarter of a minute.
    """

    def __init__(self, source: WatchedSource, access: Access) -> None:
        self._source, self._access = source, access
        self._looked_at = time.monotonic()
        self._is_cut = False

    @property
    def is_over(self) -> bool:
        """Tell whether there will be nothing more."""
        return self._is_cut or self._source.is_over

    @property
    def changed(self) -> asyncio.Event:
        """Set when there is something to take, or when it is over."""
        return self._source.changed

    async def take(self) -> tuple[int, str, object] | None:
        """Give what is new; nothing any more once the reader may not see it."""
        if time.monotonic() - self._looked_at >= LOOK_AGAIN_SECONDS:
            self._looked_at = time.monotonic()
            try:
                await self._access.require_still()
            except HospitalError:
                self.cut()
        return None if self._is_cut else await self._source.take()

    def cut(self) -> None:
        """Tell the reader nothing any more."""
        self._is_cut = True
        self._source.changed.set()

    def close(self) -> None:
        """Let go."""
        self._source.close()


class Streams:
    """The streams that this process sends, by account: nobody takes the places of all who wait."""

    def __init__(self) -> None:
        self._open: dict[UUID, list[WatchedAccess]] = {}

    def enter(self, account_id: UUID, source: WatchedAccess) -> None:
        """Take a stream in; of too many the oldest ends."""
        mine = self._open.setdefault(account_id, [])
        mine.append(source)
        if len(mine) > STREAMS_MAX:
            mine.pop(0).cut()

    def leave(self, account_id: UUID, source: WatchedAccess) -> None:
        """Forget a stream that has ended, or was ended."""
        mine = self._open.get(account_id, [])
        if source in mine:
            mine.remove(source)
        if not mine:
            self._open.pop(account_id, None)


streams: Final = Streams()
"""This process's streams."""


async def send_stream(request: Request, stream: Stream, access: Access, headers: dict[str, str]) -> HTTPResponse:
    """Send events until there are no more, nobody reads them, or who reads them would be refused now."""
    source, account_id = WatchedAccess(stream.source, access), access.session.subject.id
    streams.enter(account_id, source)
    try:
        response: HTTPResponse | None = await request.respond(
            content_type=event_stream.CONTENT_TYPE, headers=event_stream.HEADERS | headers
        )
        assert response is not None, "nobody has answered this request yet"
        try:
            await event_stream.feed(response.send, source)
        except (TimeoutError, HospitalError) as error:
            log.info("stream_cut", reason=type(error).__name__, request_id=headers["x-request-id"])
            if isinstance(error, TimeoutError):
                # The reader takes nothing: what still waits to be sent is dropped with the connection.
                transport: Any = request.transport
                transport.abort()
        return response
    finally:
        streams.leave(account_id, source)
        source.close()
