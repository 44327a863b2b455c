"""Hearing from a HIS over MLLP: each message is answered when it is safe, and only then.

A message that cannot be read is answered AR and changes nothing. While PostgreSQL is away, nothing can
be kept, so nothing is acknowledged: the connection is closed and the HIS sends again later.
"""

import asyncio
from typing import Final

from integration.codecs.errors import FrameTooLarge, FramingError, Hl7Error, RequiredFieldMissing
from integration.codecs.hl7v2 import Segment, parse, read_header
from integration.codecs.hl7v2_header import AckCode, AckError, build_ack, describe_error
from integration.codecs.mllp import FRAME_BYTES_MAX, MllpDecoder, frame
from integration.his.adapters.profile import MessageProfile
from integration.his.inbox import Answer
from integration.his.intake import Intake
from kernel import clock
from kernel.db import DatabaseUnavailable
from kernel.ids import new_id
from kernel.log import get_logger

READ_BYTES: Final = 65_536
IDLE_SECONDS_MAX: Final = 600.0
MESSAGE_SECONDS_MAX: Final = 30.0
"""From the first byte of a message to its last: a peer that trickles does not hold a place for ever."""
CONNECTIONS_MAX: Final = 64
CONTROL_ID_CHARACTERS_MAX: Final = 199
"""HL7 v2.5.1 gives MSH-10 twenty characters; products use more, up to what v2.7 allows."""

log = get_logger("integration.his")


class Hl7MllpListener:
    """The platform's ear for one HIS."""

    def __init__(
        self,
        *,
        intake: Intake,
        profile: MessageProfile,
        idle_seconds: float = IDLE_SECONDS_MAX,
        message_seconds: float = MESSAGE_SECONDS_MAX,
    ) -> None:
        self._intake = intake
        self._profile = profile
        self._idle_seconds = idle_seconds
        self._message_seconds = message_seconds
        # In the order in which they last said something, so that silence makes room for a HIS that speaks.
        self._connections: dict[asyncio.Task[None], None] = {}
        self._busy: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen; gives the port, which is of use when 0 was asked for."""
        self._server = await asyncio.start_server(self._converse, host, port)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self, *, grace_seconds: float = 10.0) -> None:
        """Take no more messages, let those in work be answered, then close."""
        assert self._server is not None, "start() comes first"
        self._server.close()
        for task in self._connections.keys() - self._busy:
            task.cancel()
        if self._busy:
            await asyncio.wait(set(self._busy), timeout=grace_seconds)
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None, "a connection is served by a task"
        if len(self._connections) >= CONNECTIONS_MAX and not self._end_silent_one():
            log.warning("his_connection_refused", connections=len(self._connections))
            writer.close()
            return
        self._connections[task] = None
        try:
            await self._answer_messages(reader, writer, task)
        except (ConnectionError, TimeoutError):
            log.debug("his_connection_ended")
        except asyncio.CancelledError:
            log.debug("his_connection_closed_by_us")
        except FramingError as error:
            log.warning("his_framing_error", fault=type(error).__name__)
        except DatabaseUnavailable:
            log.warning("his_message_not_acknowledged", reason="database_unavailable")
        finally:
            self._connections.pop(task, None)
            self._busy.discard(task)
            writer.close()

    def _end_silent_one(self) -> bool:
        """Close the connection that has been silent for longest; False when all of them are at work."""
        silent = next((task for task in self._connections if task not in self._busy), None)
        if silent is None:
            return False
        log.warning("his_connection_made_room", connections=len(self._connections))
        del self._connections[silent]
        silent.cancel()
        return True

    async def _answer_messages(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        task: "asyncio.Task[None]",
    ) -> None:
        decoder = MllpDecoder(FRAME_BYTES_MAX)
        while True:
            try:
                data = await self._next_message(decoder, reader)
            except FrameTooLarge:
                writer.write(frame(self._reject(None, AckError("102", "message too large"))))
                await writer.drain()
                raise
            if data is None:
                return
            self._busy.add(task)
            writer.write(frame(await self.answer(data)))
            await writer.drain()
            self._busy.discard(task)
            self._connections[task] = self._connections.pop(task, None)
            if self._server is not None and not self._server.is_serving():
                return

    async def _next_message(self, decoder: MllpDecoder, reader: asyncio.StreamReader) -> bytes | None:
        """Await a whole message; None when the HIS has closed between two of them.

        Raises:
            FramingError: the envelope is broken, or ends in the middle.
            TimeoutError: the HIS says nothing for long, or takes too long over a message.
        """
        async with asyncio.timeout(self._idle_seconds) as deadline:
            is_begun = False
            while (data := decoder.next_message()) is None:
                if not is_begun and decoder.is_inside:
                    is_begun = True
                    deadline.reschedule(asyncio.get_running_loop().time() + self._message_seconds)
                received = await reader.read(READ_BYTES)
                if not received:
                    decoder.finish()
                    return None
                decoder.feed(received)
        return data

    async def answer(self, data: bytes) -> bytes:
        """Take one message in and give the acknowledgement.

        Raises:
            DatabaseUnavailable: nothing may be acknowledged.
        """
        try:
            message = parse(data, default_charset=self._profile.charset)
            if not 1 <= len(message.control_id) <= CONTROL_ID_CHARACTERS_MAX:
                raise RequiredFieldMissing("MSH-10 is required, of at most 199 characters")
            changes = self._profile.read(message)
        except Hl7Error as error:
            log.warning("his_message_rejected", fault=type(error).__name__)
            return self._reject(read_header(data), describe_error(error))
        if not changes:
            return self._acknowledge(message.header, Answer(accepted=True, note="ignored=nothing_new"))
        return self._acknowledge(message.header, await self._intake.receive(changes))

    def _acknowledge(self, request: Segment, answer: Answer) -> bytes:
        error = None if answer.accepted else AckError(answer.code, answer.sentence)
        return build_ack(
            request=request,
            sender=self._profile.platform,
            at=clock.now(),
            control_id=str(new_id()),
            code=AckCode.ACCEPTED if answer.accepted else AckCode.ERROR,
            text=answer.note,
            error=error,
            charset=self._profile.charset,
        ).encode()

    def _reject(self, request: Segment | None, error: AckError) -> bytes:
        return build_ack(
            request=request,
            sender=self._profile.platform,
            at=clock.now(),
            control_id=str(new_id()),
            code=AckCode.REJECTED,
            error=error,
            charset=self._profile.charset,
        ).encode()
