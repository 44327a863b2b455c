"""Bringing a database to its shape, where PostgreSQL is late, shut, or ended midway."""

import asyncio
import socket
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from runtime import migrate
from runtime.migrate import MigrationError


def _at_port(url: str, port: int) -> str:
    return url.replace(f":{urlsplit(url).port}/", f":{port}/")


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "0001_first.sql").write_text("CREATE TABLE first (id integer);")
    return tmp_path


async def test_a_database_that_comes_late_is_waited_for(
    empty_database_url: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "PAUSE_SECONDS", 0.05)
    port, real = _free_port(), urlsplit(empty_database_url).port
    running = asyncio.create_task(migrate.migrate(_at_port(empty_database_url, port), folder, wait_seconds=30))
    await asyncio.sleep(0.2)
    assert not running.done()

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner, outer = await asyncio.open_connection("127.0.0.1", real)

        async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            while data := await source.read(65_536):
                sink.write(data)
            sink.close()

        await asyncio.gather(pump(reader, outer), pump(inner, writer))

    async with await asyncio.start_server(forward, "127.0.0.1", port):
        assert await running == ["0001_first"]


async def test_a_database_that_never_comes_is_said_so(empty_database_url: str, folder: Path) -> None:
    with pytest.raises(MigrationError, match="does not answer"):
        await migrate.migrate(_at_port(empty_database_url, _free_port()), folder)


async def test_a_database_that_is_not_there_is_not_waited_for(empty_database_url: str, folder: Path) -> None:
    with pytest.raises(MigrationError, match="does not let us in"):
        await migrate.migrate(f"{empty_database_url}_elsewhere", folder, wait_seconds=30)


async def test_what_ended_midway_is_done_whole_the_next_time(empty_database_url: str, folder: Path) -> None:
    second = folder / "0002_second.sql"
    second.write_text("CREATE TABLE second (id integer); SELECT 1 / 0;")
    with pytest.raises(asyncpg.DivisionByZeroError):
        await migrate.migrate(empty_database_url, folder)

    second.write_text("CREATE TABLE second (id integer);")
    both = await asyncio.gather(*(migrate.migrate(empty_database_url, folder) for _ in range(2)))
    assert sorted(both) == [[], ["0002_second"]]
