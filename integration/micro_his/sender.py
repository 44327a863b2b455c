"""Telling the platform: each lane has a connection of its own, one message in flight, tried until it is answered.

While the platform is away every message waits, for ever, in order. What it answers is written down in one
transaction with what follows from it: a number that it refuses is given back.
"""

import asyncio
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from integration.codecs.errors import WireError
from integration.codecs.hl7v2 import codec_of, parse
from integration.codecs.hl7v2_header import AckCode, Acknowledgement, read_ack
from integration.codecs.mllp import MllpDecoder, frame
from integration.micro_his import outbox
from integration.micro_his.numbers import undo_sale
from integration.micro_his.wire_out import BOOKED
from kernel import clock
from kernel.db import Database, DatabaseBusy, DatabaseUnavailable, Row
from kernel.log import get_logger
from kernel.settings import Endpoint

CONNECT_SECONDS_MAX: Final = 3.0
ANSWER_SECONDS_MAX: Final = 10.0
PROBE_SECONDS_MAX: Final = 1.0
READ_BYTES: Final = 65_536
POLL_SECONDS: Final = 2.0
"""A wake-up that was lost costs this long, and no message."""
RETRY_SECONDS_MAX: Final = 5.0
DRAIN_SECONDS_MAX: Final = 5.0
INTERNAL_ERROR: Final = "207"
TAKEN_FOR_LATER: Final = "accepted=later"

log = get_logger("micro_his")


class PlatformAway(Exception):
    """The platform cannot be reached, or does not answer sense; the message stays."""


@dataclass(slots=True)
class _Connection:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    decoder: MllpDecoder


class Sender:
    """Empties the queue of messages, lane by lane."""

    def __init__(self, db: Database, peer: Endpoint, *, charset: str) -> None:
        self._db = db
        self._peer = peer
        self._codec = codec_of(charset)
        self._woken = {lane: asyncio.Event() for lane in range(outbox.LANES)}
        self._connections: dict[int, _Connection] = {}
        self._finished: dict[UUID, asyncio.Event] = {}
        self._stopping = asyncio.Event()
        self._lanes: list[asyncio.Task[None]] = []
        self.is_connected = True

    def start(self) -> None:
        """Begin to tell."""
        outbox.on_commit_call(self.wake)
        self._lanes = [asyncio.create_task(self._run_lane(lane)) for lane in range(outbox.LANES)]

    def wake(self) -> None:
        """Say that a message was committed."""
        for event in self._woken.values():
            event.set()

    async def stop(self) -> None:
        """Let the answers to what is under way come in, then end."""
        outbox.forget_waker(self.wake)
        self._stopping.set()
        self.wake()
        if self._lanes:
            await asyncio.wait(self._lanes, timeout=DRAIN_SECONDS_MAX)
        for task in self._lanes:
            task.cancel()
        await asyncio.gather(*self._lanes, return_exceptions=True)
        for lane in list(self._connections):
            self._drop(lane)

    async def is_platform_away(self) -> bool:
        """Tell whether the platform does not answer: what was last told to it, or a call just now."""
        if not self.is_connected:
            return True
        try:
            async with asyncio.timeout(PROBE_SECONDS_MAX):
                _, writer = await asyncio.open_connection(self._peer.host, self._peer.port)
        except (OSError, TimeoutError):
            return True
        writer.close()
        return False

    async def await_outcome(self, control_id: UUID, *, seconds: float) -> None:
        """Wait until a message was answered, or the time is up; what it led to stands in the database."""
        finished = self._finished.setdefault(control_id, asyncio.Event())
        try:
            found = await outbox.outcome_of(self._db, control_id)
            if found is not None and found["status"] == "waiting":
                async with asyncio.timeout(seconds):
                    await finished.wait()
        except TimeoutError:
            log.info("micro_his_platform_slow")
        finally:
            self._finished.pop(control_id, None)

    async def _run_lane(self, lane: int) -> None:
        failures = 0
        while not self._stopping.is_set():
            self._woken[lane].clear()
            try:
                message = await outbox.next_message(self._db, lane)
                if message is not None:
                    await self._tell(lane, message)
                    self.is_connected = True
                failures = 0
            except PlatformAway as error:
                failures += 1
                self.is_connected = False
                if failures == 1:
                    log.warning("micro_his_platform_away", lane=lane, fault=str(error))
            except (DatabaseUnavailable, DatabaseBusy):
                failures += 1
                log.warning("micro_his_sender_waits", reason="database_unavailable")
            except Exception:
                # One message's fault must not end the lane; it is tried again, and the log says why.
                failures += 1
                log.exception("micro_his_message_not_told", lane=lane)
            if failures:
                await self._pause(min(RETRY_SECONDS_MAX, 0.25 * 2 ** min(failures, 10)))
            elif message is None:
                await self._await_wake(lane)

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return

    async def _await_wake(self, lane: int) -> None:
        try:
            async with asyncio.timeout(POLL_SECONDS):
                await self._woken[lane].wait()
        except TimeoutError:
            return

    async def _tell(self, lane: int, message: Row) -> None:
        """Tell one message and write down what it led to.

        Raises:
            PlatformAway: it has to be told again.
            DatabaseUnavailable, DatabaseBusy: the answer could not be written down; it is told again.
        """
        answer = await self._exchange(lane, message["body"].encode(self._codec), control_id=str(message["control_id"]))
        if answer.code is not AckCode.ACCEPTED and answer.error_code == INTERNAL_ERROR:
            raise PlatformAway("internal_error")
        is_taken = answer.code is AckCode.ACCEPTED
        code = answer.error_code or answer.code.value
        async with self._db.transaction() as tx:
            status = "sent" if is_taken else "refused"
            noted = await outbox.finish(tx, message["seq"], status=status, answer=answer.text if is_taken else code)
            if noted and message["event"] == BOOKED:
                row = await tx.fetchrow("SELECT * FROM appointment WHERE id = $1 FOR UPDATE", message["appointment_id"])
                assert row is not None, "a booking's message names its appointment"
                if not is_taken:
                    await undo_sale(tx, row, code=code, text=answer.error_text)
                elif answer.text != TAKEN_FOR_LATER:
                    await tx.execute(
                        "UPDATE appointment SET platform_state = 'confirmed', updated_at = $2"
                        " WHERE id = $1 AND platform_state = 'pending'",
                        row["id"],
                        clock.now(),
                    )
        if not is_taken:
            log.warning("micro_his_refused_by_platform", message_event=message["event"], code=code, answer=answer.code)
        if (finished := self._finished.get(message["control_id"])) is not None:
            finished.set()

    async def _exchange(self, lane: int, payload: bytes, *, control_id: str) -> Acknowledgement:
        """Send and await the answer; a connection that went stale while idle is replaced once.

        Raises:
            PlatformAway: no connection, no answer in time, or an answer that makes no sense.
        """
        was_open = lane in self._connections
        try:
            return await self._try_exchange(lane, payload, control_id=control_id)
        except PlatformAway:
            if not was_open:
                raise
        return await self._try_exchange(lane, payload, control_id=control_id)

    async def _try_exchange(self, lane: int, payload: bytes, *, control_id: str) -> Acknowledgement:
        try:
            connection = await self._connect(lane)
            async with asyncio.timeout(ANSWER_SECONDS_MAX):
                connection.writer.write(frame(payload))
                await connection.writer.drain()
                while (data := connection.decoder.next_message()) is None:
                    received = await connection.reader.read(READ_BYTES)
                    if not received:
                        raise ConnectionResetError
                    connection.decoder.feed(received)
            answer = read_ack(parse(data))
        except (OSError, TimeoutError, WireError) as error:
            self._drop(lane)
            raise PlatformAway(type(error).__name__) from error
        except asyncio.CancelledError:
            self._drop(lane)
            raise
        if answer.control_id != control_id:
            self._drop(lane)
            raise PlatformAway("answer_out_of_step")
        return answer

    async def _connect(self, lane: int) -> _Connection:
        connection = self._connections.get(lane)
        if connection is not None and not (connection.reader.at_eof() or connection.writer.is_closing()):
            return connection
        self._drop(lane)
        async with asyncio.timeout(CONNECT_SECONDS_MAX):
            reader, writer = await asyncio.open_connection(self._peer.host, self._peer.port)
        self._connections[lane] = connection = _Connection(reader, writer, MllpDecoder())
        return connection

    def _drop(self, lane: int) -> None:
        connection = self._connections.pop(lane, None)
        if connection is not None:
            connection.writer.close()
