"""The micro-HIS's ear: HL7 v2 over MLLP, each message answered after its commit and never before.

Nothing a peer sends ends the process: broken framing ends the connection, an unreadable message is answered AR.
Connections, idle time, the time of one message and its size are bounded.
"""

import asyncio
from typing import Final

from integration.codecs.errors import FrameTooLarge, FramingError
from integration.codecs.mllp import FRAME_BYTES_MAX, MllpDecoder, frame
from integration.micro_his.intake import Intake, reject_oversized
from kernel.db import DatabaseUnavailable
from kernel.log import get_logger

READ_BYTES: Final = 65_536
CONNECTIONS_MAX: Final = 64
IDLE_SECONDS_MAX: Final = 600.0
MESSAGE_SECONDS_MAX: Final = 30.0
"""From the first byte of a message to its last: a peer that trickles does not hold a place for ever."""
DRAIN_SECONDS_MAX: Final = 10.0

log = get_logger("micro_his")


class MllpServer:
    """Listens for the platform."""

    def __init__(
        self,
        intake: Intake,
        *,
        idle_seconds: float = IDLE_SECONDS_MAX,
        message_seconds: float = MESSAGE_SECONDS_MAX,
        connections: int = CONNECTIONS_MAX,
    ) -> None:
        self._intake = intake
        self._idle_seconds = idle_seconds
        self._message_seconds = message_seconds
        self._connections_max = connections
        self._connections: set[asyncio.Task[None]] = set()
        self._busy: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen; gives the port, which is of use when 0 was asked for."""
        self._server = await asyncio.start_server(self._serve, host, port)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Take no more messages, answer those in work, close."""
        if self._server is None:
            return
        self._server.close()
        for task in self._connections - self._busy:
            task.cancel()
        if self._busy:
            await asyncio.wait(set(self._busy), timeout=DRAIN_SECONDS_MAX)
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None, "a connection is served by a task"
        if len(self._connections) >= self._connections_max:
            log.warning("micro_his_connection_refused", connections=len(self._connections))
            writer.close()
            return
        self._connections.add(task)
        try:
            await self._converse(reader, writer, task)
        except (ConnectionError, TimeoutError):
            log.debug("micro_his_connection_ended")
        except asyncio.CancelledError:
            log.debug("micro_his_connection_closed_by_us")
        except FramingError as error:
            log.warning("micro_his_framing_error", fault=type(error).__name__)
        except DatabaseUnavailable:
            log.warning("micro_his_message_not_acknowledged", reason="database_unavailable")
        finally:
            self._connections.discard(task)
            self._busy.discard(task)
            writer.close()

    async def _converse(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, task: "asyncio.Task[None]"
    ) -> None:
        decoder = MllpDecoder(FRAME_BYTES_MAX)
        while True:
            data = await self._next_message(decoder, reader, writer)
            if data is None:
                return
            self._busy.add(task)
            writer.write(frame(await self._intake.answer(data)))
            await writer.drain()
            self._busy.discard(task)
            if self._server is None or not self._server.is_serving():
                return

    async def _next_message(
        self, decoder: MllpDecoder, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bytes | None:
        """Await a whole message; None when the peer has closed between two of them.

        Raises:
            FramingError: the envelope is broken, or ends in the middle.
            TimeoutError: the peer says nothing, or takes too long over a message.
        """
        try:
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
        except FrameTooLarge:
            writer.write(frame(reject_oversized()))
            await writer.drain()
            raise
