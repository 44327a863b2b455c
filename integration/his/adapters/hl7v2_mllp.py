"""Telling a HIS over MLLP: persistent connections, one message in flight on each, its answer awaited."""

import asyncio
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from integration.codecs.errors import WireError
from integration.codecs.hl7v2 import parse
from integration.codecs.hl7v2_header import AckCode, Acknowledgement, read_ack
from integration.codecs.mllp import MllpDecoder, frame
from integration.his.adapters.profile import MessageProfile
from integration.his.errors import HisUnavailable
from integration.his.port import Accepted, OutboundChange, Outcome, Rejected
from kernel import clock
from kernel.log import get_logger

CONNECTIONS_MAX: Final = 4
CONNECT_SECONDS_MAX: Final = 3.0
ANSWER_SECONDS_MAX: Final = 10.0
READ_BYTES: Final = 65_536
HIS_ID_MARK: Final = "his_id="
HIS_NUMBER_MARK: Final = "his_number="
INTERNAL_ERROR: Final = "207"
"""Table 0357: the HIS failed inside. That is its being unwell, not its saying no."""

log = get_logger("integration.his")

_LOST = (ConnectionError, OSError, TimeoutError, asyncio.IncompleteReadError, WireError)


@dataclass(slots=True)
class _Connection:
    """One open connection, and whether a message has ever gone over it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    decoder: MllpDecoder
    used: bool = False

    async def exchange(self, payload: bytes) -> bytes:
        """Send one message and await the next one that comes back.

        Raises:
            ConnectionError: the peer closed.
            FramingError: what came back is not MLLP.
            TimeoutError: no answer in time.
        """
        async with asyncio.timeout(ANSWER_SECONDS_MAX):
            self.writer.write(frame(payload))
            await self.writer.drain()
            while (answer := self.decoder.next_message()) is None:
                data = await self.reader.read(READ_BYTES)
                if not data:
                    raise ConnectionResetError("the HIS closed the connection")
                self.decoder.feed(data)
        self.used = True
        return answer

    def close(self) -> None:
        """Drop the connection at once."""
        self.writer.close()


class Hl7MllpHis:
    """A HIS that listens for HL7 v2 on MLLP."""

    def __init__(self, *, host: str, port: int, profile: MessageProfile) -> None:
        self._host = host
        self._port = port
        self._profile = profile
        self._idle: list[_Connection] = []
        self._places = asyncio.Semaphore(CONNECTIONS_MAX)

    async def deliver(self, change: OutboundChange, *, message_id: UUID) -> Outcome:
        """Hand one change over and await what the HIS says of it.

        Raises:
            HisUnavailable: it could not be reached, did not answer in time, or failed inside.
        """
        message = self._profile.render(change, message_id=message_id, at=clock.now())
        payload = message.encode()
        async with self._places:
            answer = await self._exchange(payload, control_id=str(message_id))
        if answer.code is AckCode.ACCEPTED:
            return Accepted(_read_mark(answer.text, HIS_ID_MARK), _read_mark(answer.text, HIS_NUMBER_MARK))
        if answer.error_code == INTERNAL_ERROR:
            raise HisUnavailable(reason="internal_error")
        return Rejected(
            code=answer.error_code or answer.code.value,
            text=answer.error_text,
            malformed=answer.code is AckCode.REJECTED,
        )

    async def close(self) -> None:
        """Give the connections back."""
        while self._idle:
            self._idle.pop().close()

    async def _exchange(self, payload: bytes, *, control_id: str) -> Acknowledgement:
        """Send over an idle connection; one that went stale while idle is replaced once.

        Sending twice under one control id is harmless: the HIS answers the second as the first.
        """
        while True:
            connection = await self._connect()
            was_used = connection.used
            try:
                answer = read_ack(parse(await connection.exchange(payload)))
            except _LOST as error:
                connection.close()
                if was_used and not isinstance(error, TimeoutError):
                    continue
                raise HisUnavailable(reason=type(error).__name__) from error
            except BaseException:
                connection.close()
                raise
            if answer.control_id != control_id:
                connection.close()
                log.warning("his_answered_another_message", control_id=control_id)
                raise HisUnavailable(reason="answer_out_of_step")
            self._idle.append(connection)
            return answer

    async def _connect(self) -> _Connection:
        while self._idle:
            idle = self._idle.pop()
            if not (idle.reader.at_eof() or idle.writer.is_closing()):
                return idle
            idle.close()
        try:
            async with asyncio.timeout(CONNECT_SECONDS_MAX):
                reader, writer = await asyncio.open_connection(self._host, self._port)
        except (OSError, TimeoutError) as error:
            raise HisUnavailable(reason=type(error).__name__) from error
        return _Connection(reader, writer, MllpDecoder())


def _read_mark(text: str, mark: str) -> str | None:
    """MSA-3 of an acceptance may tell the HIS's own numbers; the profile makes them optional."""
    for word in text.split():
        if word.startswith(mark):
            return word.removeprefix(mark) or None
    return None
