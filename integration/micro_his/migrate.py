"""Bringing the micro-HIS's own database to its newest shape, at the start of its process."""

import asyncio
import hashlib
from pathlib import Path
from typing import Final

import asyncpg

from kernel.db import GONE, parse_url
from kernel.log import get_logger

FOLDER: Final = Path(__file__).resolve().parent / "migrations"
LOCK: Final = 0x6D696372_6F686973
"""An advisory lock ("microhis"): two processes started at once migrate one after the other."""
CONNECT_SECONDS_MAX: Final = 5.0
PAUSE_SECONDS: Final = 1.0

log = get_logger("micro_his")


class MigrationError(Exception):
    """The database and the files disagree; a person must look."""


async def migrate_patiently(database_url: str) -> list[str]:
    """Migrate, waiting for PostgreSQL as long as it takes; gives the names of what was applied.

    Raises:
        MigrationError: an applied file was changed or is gone.
    """
    while True:
        try:
            return await migrate(database_url)
        except GONE as error:
            log.warning("micro_his_database_unavailable", fault=type(error).__name__)
            await asyncio.sleep(PAUSE_SECONDS)


async def migrate(database_url: str) -> list[str]:
    """Apply what is missing, each file in a transaction of its own; gives the names of what was applied.

    Raises:
        MigrationError: an applied file was changed or is gone.
    """
    connection = await asyncpg.connect(**parse_url(database_url), timeout=CONNECT_SECONDS_MAX)
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", LOCK)
        await connection.execute("CREATE TABLE IF NOT EXISTS migration (name text PRIMARY KEY, checksum text NOT NULL)")
        applied = {row["name"]: row["checksum"] for row in await connection.fetch("SELECT * FROM migration")}
        files = {path.stem: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("[0-9]*.sql"))}
        for name, checksum in applied.items():
            if checksum != _checksum(files.get(name, "")):
                raise MigrationError(f"{name} was applied to this database, and is changed or gone now")
        fresh = [name for name in files if name not in applied]
        for name in fresh:
            async with connection.transaction():
                await connection.execute(files[name])
                await connection.execute("INSERT INTO migration VALUES ($1, $2)", name, _checksum(files[name]))
        return fresh
    finally:
        await connection.close()


def _checksum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
