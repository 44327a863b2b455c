"""Both listeners give a message only so long to arrive, and an idle connection only so long to say something."""

import asyncio
from collections.abc import AsyncIterator
from typing import cast

import pytest

from integration.codecs.mllp import frame
from integration.exchange.hl7v2.profile import Hl7Profile
from integration.his.adapters.hl7v2_listener import CONNECTIONS_MAX, Hl7MllpListener
from integration.his.intake import Intake
from integration.micro_his.intake import Intake as MicroHisIntake
from integration.micro_his.mllp_server import MllpServer

LIMIT_SECONDS = 0.3
NOT_READ = frame(b"PID|no header")


async def _platform() -> tuple[Hl7MllpListener, int]:
    # Nothing of these messages can be read, so nobody's database is asked.
    listener = Hl7MllpListener(
        intake=cast(Intake, None), profile=Hl7Profile("MICROHIS"), idle_seconds=2.0, message_seconds=LIMIT_SECONDS
    )
    return listener, await listener.start("127.0.0.1", 0)


async def _micro_his() -> tuple[MllpServer, int]:
    class Refusing:
        async def answer(self, data: bytes) -> bytes:
            return b"MSA|AR"

    server = MllpServer(cast(MicroHisIntake, Refusing()), idle_seconds=2.0, message_seconds=LIMIT_SECONDS)
    return server, await server.start("127.0.0.1", 0)


@pytest.fixture(params=[_platform, _micro_his], ids=["platform", "micro-his"])
async def port(request: pytest.FixtureRequest) -> AsyncIterator[int]:
    listener, number = await request.param()
    yield number
    await listener.stop()


async def test_a_message_that_trickles_is_cut_off(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def trickle() -> None:
        while not writer.is_closing():
            writer.write(b"M")
            await asyncio.sleep(0.02)

    writer.write(b"\x0b")
    task = asyncio.create_task(trickle())
    try:
        assert await asyncio.wait_for(reader.read(), 30) == b""
    except ConnectionResetError:
        # It was cut off while our next byte was on its way.
        assert reader.at_eof() or reader.exception() is not None
    finally:
        task.cancel()
        writer.close()


async def test_who_says_nothing_is_let_go(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    assert await asyncio.wait_for(reader.read(), 30) == b""
    writer.close()


async def test_who_talks_is_answered_message_by_message(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(3):
        writer.write(NOT_READ)
        answer = await asyncio.wait_for(reader.readuntil(b"\x1c\r"), 30)
        assert b"MSA|AR" in answer
    writer.close()


async def test_silent_strangers_do_not_keep_the_his_out() -> None:
    listener = Hl7MllpListener(intake=cast(Intake, None), profile=Hl7Profile("MICROHIS"))
    number = await listener.start("127.0.0.1", 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", number)
    strangers = [await asyncio.open_connection("127.0.0.1", number) for _ in range(CONNECTIONS_MAX - 1)]
    writer.write(NOT_READ)
    assert await asyncio.wait_for(reader.readuntil(b"\x1c\r"), 30)

    newcomer = await asyncio.open_connection("127.0.0.1", number)
    for speaking, writing in ((reader, writer), newcomer):
        writing.write(NOT_READ)
        assert await asyncio.wait_for(speaking.readuntil(b"\x1c\r"), 30)
    assert await asyncio.wait_for(strangers[0][0].read(), 30) == b""

    for _, writing in [(reader, writer), newcomer, *strangers]:
        writing.close()
    await listener.stop()
