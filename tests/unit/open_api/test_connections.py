"""A peer who trickles does not hold a connection; one who talks at once keeps it."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sanic import Request, Sanic
from sanic.response import HTTPResponse

from open_api import connections
from open_api.application import ProblemErrors
from open_api.connections import PunctualProtocol

PATIENCE_SECONDS = 0.4


@pytest.fixture
async def port(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    monkeypatch.setattr(connections, "LINGER_SECONDS", PATIENCE_SECONDS)
    app: Sanic[Any, Any] = Sanic("punctual", error_handler=ProblemErrors(), configure_logging=False)
    app.config.REQUEST_TIMEOUT = app.config.RESPONSE_TIMEOUT = PATIENCE_SECONDS
    app.config.KEEP_ALIVE_TIMEOUT = 2 * PATIENCE_SECONDS
    app.config.TOUCHUP = False  # it rewrites classes, for every other server of this process too

    @app.post("/")
    async def answer(request: Request) -> HTTPResponse:
        return HTTPResponse(request.body)

    listener = socket.create_server(("127.0.0.1", 0))
    server = await app.create_server(
        sock=listener, protocol=PunctualProtocol, return_asyncio_server=True, access_log=False
    )
    assert server is not None
    await server.startup()  # type: ignore[no-untyped-call]  # Sanic has no types here
    yield listener.getsockname()[1]
    await server.close()  # type: ignore[no-untyped-call]  # Sanic has no types here
    listener.close()
    Sanic._app_registry.pop("punctual")  # there is no other way to give a name back


@pytest.mark.parametrize(
    ("first", "status"),
    [(b"POST / HTTP/1.1\r\n", b"400"), (b"POST / HTTP/1.1\r\nContent-Length: 9000\r\n\r\n", b"503")],
)
async def test_a_request_that_trickles_is_ended(port: int, first: bytes, status: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    began = time.monotonic()
    writer.write(first)
    received = asyncio.create_task(_read_all(reader))
    while not received.done() and time.monotonic() - began < 10 * PATIENCE_SECONDS:
        writer.write(b"a: b\r\n" if b"Length" not in first else b"x")
        await asyncio.sleep(0.02)
    assert received.done()
    assert received.result().startswith(b"HTTP/1.1 " + status)
    writer.close()


async def _read_all(reader: asyncio.StreamReader) -> bytes:
    """Read until the other side has closed, politely or not."""
    received = b""
    try:
        while more := await reader.read(65_536):
            received += more
    except ConnectionResetError:
        assert received, "it is answered first"
    return received


async def test_a_connection_serves_many_requests_over_longer(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(4):
        writer.write(b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi")
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200")
        assert await reader.readexactly(2) == b"hi"
        await asyncio.sleep(PATIENCE_SECONDS / 2)
    writer.close()
