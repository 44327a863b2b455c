"""How the supervisor sees that a process serves: by asking it, as its users would."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path

import asyncpg

ASK_SECONDS_MAX = 3.0
ANSWER_BYTES_MAX = 512

Probe = Callable[[], Awaitable[bool]]


def file_touched(path: Path) -> Probe:
    """Serving once the process has touched its ready file."""

    async def probe() -> bool:
        return await asyncio.to_thread(path.exists)

    return probe


def http_ok(host: str, port: int, path: str) -> Probe:
    """Serving once a GET is answered with 200."""
    request = f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n"

    async def probe() -> bool:
        return " 200 " in (await _exchange(host, port, request)).partition("\r\n")[0]

    return probe


def all_of(*probes: Probe) -> Probe:
    """Serving once every one of them says so."""

    async def probe() -> bool:
        for one in probes:
            if not await one():
                return False
        return True

    return probe


def valkey_pong(port: int, password: str) -> Probe:
    """Serving once PING is answered."""

    async def probe() -> bool:
        return "+PONG" in await _exchange("127.0.0.1", port, f"AUTH {password}\r\nPING\r\nQUIT\r\n")

    return probe


def postgres_answers(url: str) -> Probe:
    """Serving once a statement is answered (not while the server still recovers)."""

    async def probe() -> bool:
        try:
            connection = await asyncpg.connect(url, timeout=ASK_SECONDS_MAX)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
            return False
        try:
            return bool(await connection.fetchval("SELECT NOT pg_is_in_recovery()"))
        finally:
            await connection.close()

    return probe


async def _exchange(host: str, port: int, request: str) -> str:
    """Send a request and read the beginning of the answer; empty where nobody answers."""
    try:
        async with asyncio.timeout(ASK_SECONDS_MAX):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(request.encode())
                answer = b""
                while len(answer) < ANSWER_BYTES_MAX and (more := await reader.read(ANSWER_BYTES_MAX)):
                    answer += more
                return answer.decode("latin-1")
            finally:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
    except (OSError, TimeoutError):
        return ""
