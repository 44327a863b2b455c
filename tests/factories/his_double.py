"""A core HIS for tests: it listens on MLLP for real, answers as told, and does nothing twice."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

from integration.codecs.hl7v2 import Message, parse
from integration.codecs.hl7v2_header import AckCode, AckError, Endpoint, build_ack
from integration.codecs.mllp import MllpDecoder, frame

Judge = Callable[[Message], AckError | None]


def accept_all(_: Message) -> AckError | None:
    """Say yes to everything."""
    return None


class HisDouble:
    """Records what it was told, by control id; `heard` counts repeats too, `applied` does not."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.applied: list[Message] = []
        self.judge: Judge = accept_all
        self.answers = True
        self.delay_seconds = 0.0
        self.port = 0
        self._answered: dict[str, bytes] = {}
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self) -> "HisDouble":
        self._server = await asyncio.start_server(self._converse, "127.0.0.1", self.port)
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    async def stop(self) -> None:
        """Go down: connections break, and new ones are refused."""
        assert self._server is not None
        self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        await asyncio.sleep(0)

    @property
    def told(self) -> list[tuple[str, str]]:
        """What was applied, as (event, control id), in order."""
        return [(message.kind[1], message.control_id) for message in self.applied]

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        decoder = MllpDecoder()
        self._writers.add(writer)
        try:
            while data := await reader.read(65536):
                decoder.feed(data)
                while (payload := decoder.next_message()) is not None:
                    answer = await self._answer(parse(payload))
                    if answer is None:
                        return
                    writer.write(frame(answer))
                    await writer.drain()
        except ConnectionError:
            return
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _answer(self, message: Message) -> bytes | None:
        self.heard.append(message.control_id)
        if self.delay_seconds:
            await asyncio.sleep(self.delay_seconds)
        if not self.answers:
            return None
        known = self._answered.get(message.control_id)
        if known is not None:
            return known
        error = self.judge(message)
        code = AckCode.ACCEPTED
        if error is not None:
            code = AckCode.REJECTED if error.coding_system else AckCode.ERROR
        else:
            self.applied.append(message)
        answer = build_ack(
            request=message.header,
            sender=Endpoint("MICROHIS", "GZHG"),
            at=datetime.now(UTC),
            control_id=f"A{len(self.heard)}",
            code=code,
            text=f"his_id=H{len(self.applied)}" if error is None else "",
            error=error,
        ).encode()
        if code is AckCode.ACCEPTED:
            self._answered[message.control_id] = answer
        return answer
