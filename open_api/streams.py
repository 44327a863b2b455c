"""Streams that run: each ends within about a second of what opened it, as the next request would be refused.

A stream outlives the request's own checks by up to half an hour. One look a process, several times a second, asks of
each token that streams hang on what the guard asks of a request's; it costs memory look-ups, and a question to the
database for each application a second.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from kernel.errors import HospitalError
from kernel.log import get_logger
from oauth.clients import active_client
from oauth.revocation import revoked
from oauth.tokens import AccessToken
from open_api.calls import WatchedSource
from partners.policies import gate_of, remembered_gate

LOOK_SECONDS: Final = 0.3
LOOK_SECONDS_MAX: Final = 2.0

log = get_logger("open_api")


class HeldSource:
    """What a stream watches, until the application may no longer watch it (`kernel.event_stream.Source`)."""

    __slots__ = ("_key", "_source", "_streams", "is_cut", "scope", "token")

    def __init__(self, streams: "OpenStreams", source: WatchedSource, token: AccessToken, scope: str) -> None:
        self._streams, self._source = streams, source
        self._key = (token.jti, scope)
        self.token, self.scope = token, scope
        self.is_cut = False

    @property
    def is_over(self) -> bool:
        """Tell whether there will be nothing more."""
        return self.is_cut or self._source.is_over

    @property
    def changed(self) -> asyncio.Event:
        """Set when there is something to take, or when it is over."""
        return self._source.changed

    async def take(self) -> tuple[int, str, object] | None:
        """Give what is new; nothing any more once the stream was cut."""
        return None if self.is_cut else await self._source.take()

    def cut(self) -> None:
        """End the stream without a further word."""
        self.is_cut = True
        self._source.changed.set()

    def close(self) -> None:
        """Let go."""
        self._streams.forget(self._key, self)
        self._source.close()


class OpenStreams:
    """The streams of this process, by the token and the scope that opened them: many phones share one."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, str], set[HeldSource]] = {}

    def hold(self, source: WatchedSource, *, token: AccessToken, scope: str) -> HeldSource:
        """Watch over a stream that begins."""
        held = HeldSource(self, source, token, scope)
        self._open.setdefault((token.jti, scope), set()).add(held)
        return held

    def forget(self, key: tuple[str, str], held: HeldSource) -> None:
        """Forget a stream that has ended."""
        streams = self._open.get(key)
        if streams is not None:
            streams.discard(held)
            if not streams:
                del self._open[key]

    async def cut_refused(self) -> int:
        """End the streams of those who would be refused if they asked now; give how many.

        Raises:
            DatabaseUnavailable: it is not known of all; what is left is looked at again.
        """
        count = 0
        for streams in list(self._open.values()):
            one = next(iter(streams), None)
            if one is not None and not await _may_watch(one.token, one.scope):
                for held in streams:
                    held.cut()
                count += len(streams)
        return count


async def _may_watch(token: AccessToken, scope: str) -> bool:
    if revoked.has(token):
        return False
    client = await active_client(token.client_id)
    if client is None or scope not in client.scopes:
        return False
    gate = remembered_gate(client.id) or await gate_of(client.id, client.kind)
    return not gate.stopped


streams: Final = OpenStreams()
"""This process's streams."""


@asynccontextmanager
async def watching_streams() -> AsyncIterator[None]:
    """Cut what has to be cut for as long as this lasts."""
    task = asyncio.create_task(_watch())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _watch() -> None:
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        try:
            async with asyncio.timeout(LOOK_SECONDS_MAX):
                count = await streams.cut_refused()
        except (HospitalError, TimeoutError) as error:
            # Without a database nothing new is told either.
            log.info("streams_not_looked_at", reason=type(error).__name__)
            continue
        except Exception as error:
            log.error("stream_watch_failed", exc_info=error)
            continue
        if count:
            log.info("streams_ended", count=count)
