"""One POST to a partner's receiver, over a connection that goes to a checked address and nowhere else.

HTTP/1.1 by h11 on asyncio's own streams: nothing here follows a redirect, reads a proxy from the environment, unpacks a
body or keeps cookies. What a receiver sends is read up to a bound; what goes beyond it ends the connection.
"""

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import h11

from partners.webhooks.addresses import Resolver, Target
from partners.webhooks.errors import AddressRefused

CONNECT_SECONDS_MAX: Final = 5.0
POST_SECONDS_MAX: Final = 10.0
ADDRESSES_TRIED_MAX: Final = 2
HEAD_BYTES_MAX: Final = 16 * 1024
ANSWER_BYTES_MAX: Final = 16 * 1024
EXCERPT_CHARACTERS_MAX: Final = 200
CONNECTION_SECONDS_MAX: Final = 30.0
"""Age until which a connection is used again: after that the name is asked for anew."""
IDLE_PER_RECEIVER_MAX: Final = 32
IDLE_MAX: Final = 512
_READ_BYTES: Final = 16 * 1024

Outcome = Literal[
    "delivered",
    "gone",
    "redirected",
    "refused",
    "timeout",
    "connection",
    "tls",
    "address_refused",
    "answer_unreadable",
    "lost",
]
"""Of a try; `lost`: it was none, for a sandbox's fault took it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one try. `excerpt`: how the receiver's answer began, without control characters."""

    outcome: Outcome
    status_code: int | None = None
    excerpt: str | None = None


class _AnswerUnreadableError(Exception):
    """What came back is no HTTP answer, or a longer one than we read."""


class _NothingHeardError(Exception):
    """The connection ended before a byte of an answer."""


@dataclass(slots=True, eq=False)
class _Connection:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    opened_at: float
    protocol: h11.Connection = field(
        default_factory=lambda: h11.Connection(h11.CLIENT, max_incomplete_event_size=HEAD_BYTES_MAX)
    )

    def close(self) -> None:
        self.writer.transport.abort()

    def is_usable(self, now: float) -> bool:
        """Tell whether another request may go over it: young, open, and silent since the last."""
        ended = self.writer.transport.is_closing() or self.reader.at_eof()
        return not ended and now - self.opened_at < CONNECTION_SECONDS_MAX

    async def exchange(self, request: h11.Request, body: bytes) -> tuple[int, str]:
        """Send a request and read its answer; gives status and beginning.

        Raises:
            _AnswerUnreadableError, _NothingHeardError, OSError.
        """
        try:
            data = self.protocol.send(request) or b""
            data += self.protocol.send(h11.Data(data=body)) or b""
            data += self.protocol.send(h11.EndOfMessage()) or b""
            self.writer.write(data)
            return await self._read_answer()
        except h11.RemoteProtocolError as error:
            raise _AnswerUnreadableError from error

    async def _read_answer(self) -> tuple[int, str]:
        status, heard, kept, body_bytes = 0, 0, b"", 0
        while True:
            event = self.protocol.next_event()
            if event is h11.NEED_DATA:
                data = await self.reader.read(_READ_BYTES)
                if not data and not heard:
                    raise _NothingHeardError
                heard += len(data)
                if heard > HEAD_BYTES_MAX + ANSWER_BYTES_MAX:
                    return self._cut_off(status, kept)
                self.protocol.receive_data(data)
            elif isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.Data):
                body_bytes += len(event.data)
                kept = (kept + bytes(event.data))[: 4 * EXCERPT_CHARACTERS_MAX]
                if body_bytes > ANSWER_BYTES_MAX:
                    return self._cut_off(status, kept)
            elif isinstance(event, h11.EndOfMessage | h11.ConnectionClosed):
                break
        return self._finish(status, kept)

    def _cut_off(self, status: int, kept: bytes) -> tuple[int, str]:
        if not status:
            raise _AnswerUnreadableError
        self.close()
        return status, sanitise(kept)

    def _finish(self, status: int, kept: bytes) -> tuple[int, str]:
        if not status:
            raise _AnswerUnreadableError
        if self.protocol.our_state is h11.DONE and self.protocol.their_state is h11.DONE:
            self.protocol.start_next_cycle()
        else:
            self.close()
        return status, sanitise(kept)


class Wire:
    """The connections of one process to all receivers."""

    def __init__(self, resolver: Resolver, *, tls: ssl.SSLContext | None = None) -> None:
        self._resolver = resolver
        self._tls = tls or ssl.create_default_context()
        self._idle: dict[tuple[str, int, bool], list[_Connection]] = {}
        self._idle_count = 0

    async def post(self, url: str, headers: Sequence[tuple[str, str]], body: bytes) -> Answer:
        """Send one message; whatever goes wrong is an answer too."""
        try:
            async with asyncio.timeout(POST_SECONDS_MAX):
                status, excerpt = await self._post(self._resolver.policy.parse(url), headers, body)
        except AddressRefused as error:
            return Answer("address_refused", excerpt=str(error.details["reason"]))
        except TimeoutError:
            return Answer("timeout")
        except ssl.SSLError as error:
            return Answer("tls", excerpt=sanitise(str(error.reason).encode()))
        except (_AnswerUnreadableError, h11.LocalProtocolError):
            return Answer("answer_unreadable")
        except (_NothingHeardError, OSError) as error:
            return Answer("connection", excerpt=type(error).__name__.strip("_"))
        return Answer(_outcome_of(status), status, excerpt)

    async def _post(self, target: Target, headers: Sequence[tuple[str, str]], body: bytes) -> tuple[int, str]:
        request = h11.Request(
            method="POST",
            target=target.path,
            headers=[
                ("host", target.authority),
                ("user-agent", "hospital-webhooks/1"),
                ("content-type", "application/json"),
                ("content-length", str(len(body))),
                *headers,
            ],
        )
        known = self._take_idle(target)
        if known is not None:
            try:
                return await self._exchange(target, known, request, body)
            except (_NothingHeardError, ConnectionError):
                # The receiver had closed it meanwhile. Sent twice at worst, under the same id.
                known.close()
        return await self._exchange(target, await self._connect(target), request, body)

    async def _exchange(
        self, target: Target, connection: _Connection, request: h11.Request, body: bytes
    ) -> tuple[int, str]:
        try:
            answer = await connection.exchange(request, body)
        except BaseException:
            connection.close()
            raise
        self._put_idle(target, connection)
        return answer

    async def _connect(self, target: Target) -> _Connection:
        """Connect to an address that was checked just now; the name is for the certificate and the Host header only.

        Raises:
            AddressRefused, OSError.
        """
        failure: OSError | None = None
        for address in (await self._resolver.resolve(target))[:ADDRESSES_TRIED_MAX]:
            try:
                async with asyncio.timeout(CONNECT_SECONDS_MAX):
                    reader, writer = await asyncio.open_connection(
                        address,
                        target.port,
                        limit=_READ_BYTES,
                        ssl=self._tls if target.tls else None,
                        server_hostname=target.host if target.tls else None,
                    )
            except (OSError, TimeoutError) as error:
                failure = error
                continue
            return _Connection(reader, writer, asyncio.get_running_loop().time())
        assert failure is not None, "a resolved name has an address"
        raise failure

    def _take_idle(self, target: Target) -> _Connection | None:
        waiting = self._idle.get((target.host, target.port, target.tls), [])
        now = asyncio.get_running_loop().time()
        while waiting:
            connection = waiting.pop()
            self._idle_count -= 1
            if connection.is_usable(now):
                return connection
            connection.close()
        return None

    def _put_idle(self, target: Target, connection: _Connection) -> None:
        if connection.writer.transport.is_closing():
            return
        waiting = self._idle.setdefault((target.host, target.port, target.tls), [])
        if len(waiting) >= IDLE_PER_RECEIVER_MAX or self._idle_count >= IDLE_MAX:
            connection.close()
            return
        waiting.append(connection)
        self._idle_count += 1

    def rest(self) -> None:
        """Close what is idle: between two turns of work nobody would notice that a receiver hangs up."""
        for waiting in self._idle.values():
            for connection in waiting:
                connection.close()
        self._idle.clear()
        self._idle_count = 0


def sanitise(raw: bytes) -> str:
    """Make the beginning of an answer fit to be shown: one line of printable characters, bounded."""
    text = raw.decode("utf-8", "replace")
    return "".join(character if character.isprintable() else " " for character in text)[:EXCERPT_CHARACTERS_MAX].strip()


def _outcome_of(status: int) -> Outcome:
    if 200 <= status < 300:
        return "delivered"
    if 300 <= status < 400:
        return "redirected"
    return "gone" if status == 410 else "refused"
