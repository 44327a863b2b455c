"""How commands reach a running supervisor: a socket in the data folder, for its owner alone.

One request per connection, as a line of JSON: {"command": ..., "name": ...}. Answers are lines of
JSON; the last one has "done".
"""

import asyncio
import contextlib
import json
import os
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Request = dict[str, Any]
Answer = dict[str, Any]
Handler = Callable[[Request], AsyncIterator[Answer]]

REQUEST_SECONDS_MAX = 5.0
SOCKET_MODE_MASK = 0o177
CONNECT_SECONDS_MAX = 5.0


class NotRunning(Exception):
    """No supervisor answers for that data folder."""


@contextmanager
def _short_path(folder: Path, name: str) -> Iterator[str]:
    """Name a socket in a folder by at most 108 letters (unix(7)), however deep the folder lies."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}/{name}"
    finally:
        os.close(descriptor)


async def serve(folder: Path, name: str, handle: Handler) -> asyncio.Server:
    """Open the control socket; the caller holds the folder's lock, so an old socket is nobody's."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(REQUEST_SECONDS_MAX):
                line = await reader.readline()
            if line:
                async for part in handle(json.loads(line)):
                    writer.write(json.dumps(part).encode() + b"\n")
                    await writer.drain()
        writer.close()

    (folder / name).unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(SOCKET_MODE_MASK)
    try:
        with _short_path(folder, name) as path:
            listener.bind(path)
    finally:
        os.umask(mask)
    # Later Pythons would look the short path up again, which by then leads elsewhere; we remove the socket ourselves.
    options: dict[str, Any] = {"cleanup_socket": False} if sys.version_info >= (3, 13) else {}
    return await asyncio.start_unix_server(answer, sock=listener, **options)


def ask(folder: Path, name: str, request: Request) -> Iterator[Answer]:
    """Send a request and give the answers as they come.

    Raises:
        NotRunning: nobody listens there, or it went away before it had done.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(CONNECT_SECONDS_MAX)
        try:
            with _short_path(folder, name) as path:
                connection.connect(path)
            connection.settimeout(None)
            connection.sendall(json.dumps(request).encode() + b"\n")
        except OSError as error:
            raise NotRunning from error
        with connection.makefile("r", encoding="utf-8") as lines:
            try:
                for line in lines:
                    answer: Answer = json.loads(line)
                    yield answer
                    if answer.get("done"):
                        return
            except OSError as error:
                raise NotRunning from error
    raise NotRunning
