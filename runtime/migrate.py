"""Bring the database to the newest shape: `python -m runtime.migrate`.

Plain SQL files in one sequence, each in a transaction of its own, under one lock, each remembered with a checksum:
a file that was changed after it was applied stops everything. Why not the ORM's migrations: docs/adr/0006.
"""

import argparse
import asyncio
import hashlib
import sys
import time
from pathlib import Path

import asyncpg

from kernel.db import parse_url
from kernel.settings import Settings, SettingsError

FOLDER = Path(__file__).resolve().parent.parent / "migrations"
LOCK = 0x686F7370_6D696772  # "hospmigr"
LOCK_SECONDS_MAX = 10
STATEMENT_SECONDS_MAX = 3600
CONNECT_SECONDS_MAX = 10
WAIT_SECONDS_MAX = 300
PAUSE_SECONDS = 2


class MigrationError(Exception):
    """The database and the files disagree; a person must look."""


async def migrate(database_url: str, folder: Path = FOLDER, *, wait_seconds: float = 0) -> list[str]:
    """Apply what is missing and give the names of what was applied.

    Raises:
        MigrationError: an applied file was changed or is gone, or there is no database to be had.
    """
    connection = await _connect(database_url, wait_seconds)
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", LOCK)
        await connection.execute(
            "CREATE TABLE IF NOT EXISTS migration (name text PRIMARY KEY, checksum text NOT NULL,"
            " applied_at timestamptz NOT NULL DEFAULT now())"
        )
        applied = {r["name"]: r["checksum"] for r in await connection.fetch("SELECT name, checksum FROM migration")}
        files = {path.stem: path for path in sorted(folder.glob("[0-9]*.sql"))}
        _require_unchanged(applied, files)
        fresh = [name for name in files if name not in applied]
        for name in fresh:
            await _apply(connection, name, files[name])
        return fresh
    finally:
        await connection.close()


async def _connect(database_url: str, wait_seconds: float) -> asyncpg.Connection:
    """Connect, waiting for a PostgreSQL that is only just coming up, as after a power cut.

    Raises:
        MigrationError: it does not come, or does not let us in.
    """
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            return await asyncpg.connect(**parse_url(database_url), timeout=CONNECT_SECONDS_MAX)
        except (OSError, TimeoutError, asyncpg.CannotConnectNowError) as error:
            if time.monotonic() >= deadline:
                raise MigrationError(f"PostgreSQL does not answer: {error}") from error
            await asyncio.sleep(PAUSE_SECONDS)
        except (asyncpg.PostgresError, ValueError) as error:
            raise MigrationError(f"PostgreSQL does not let us in: {error}") from error


async def _apply(connection: asyncpg.Connection, name: str, path: Path) -> None:
    sql = path.read_text()
    async with connection.transaction():
        await connection.execute(f"SET LOCAL lock_timeout = '{LOCK_SECONDS_MAX}s'")
        await connection.execute(f"SET LOCAL statement_timeout = '{STATEMENT_SECONDS_MAX}s'")
        await connection.execute(sql)
        await connection.execute("INSERT INTO migration (name, checksum) VALUES ($1, $2)", name, _checksum(path))


def _require_unchanged(applied: dict[str, str], files: dict[str, Path]) -> None:
    for name, checksum in applied.items():
        if name not in files:
            raise MigrationError(f"{name} was applied to this database but its file is gone; is this an older release?")
        if _checksum(files[name]) != checksum:
            raise MigrationError(f"{name} was changed after it was applied; write a new migration instead")


def _checksum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main(arguments: list[str]) -> int:
    """Migrate the database named by DATABASE_URL."""
    argparse.ArgumentParser(
        prog="./hospital migrate", description="Bring the database to the newest shape, where it has not got it."
    ).parse_args(arguments)
    try:
        settings = Settings.from_environment()
        wait_seconds = WAIT_SECONDS_MAX if settings.production else 0
        fresh = asyncio.run(migrate(settings.database_url, wait_seconds=wait_seconds))
    except (MigrationError, SettingsError) as error:
        print(f"migrate: {error}", file=sys.stderr)
        return 1
    print(f"migrate: applied {', '.join(fresh)}" if fresh else "migrate: nothing to do")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
