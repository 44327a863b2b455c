"""Bring the database to the newest shape: `python -m runtime.migrate`.

Plain SQL files in one sequence, each in a transaction of its own, under one lock, each remembered with a checksum:
a file that was changed after it was applied stops everything. Why not the ORM's migrations: docs/adr/0006.
"""

import asyncio
import hashlib
import sys
from pathlib import Path

import asyncpg

from kernel.db import parse_url
from kernel.settings import Settings, SettingsError

FOLDER = Path(__file__).resolve().parent.parent / "migrations"
LOCK = 0x686F7370_6D696772  # "hospmigr"
LOCK_SECONDS_MAX = 10
STATEMENT_SECONDS_MAX = 3600


class MigrationError(Exception):
    """The database and the files disagree; a person must look."""


async def migrate(database_url: str, folder: Path = FOLDER) -> list[str]:
    """Apply what is missing and give the names of what was applied.

    Raises:
        MigrationError: an applied file was changed or is gone.
    """
    connection = await asyncpg.connect(**parse_url(database_url), timeout=10)
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


def main() -> int:
    """Migrate the database named by DATABASE_URL."""
    try:
        fresh = asyncio.run(migrate(Settings.from_environment().database_url))
    except (MigrationError, SettingsError) as error:
        print(f"migrate: {error}", file=sys.stderr)
        return 1
    print(f"migrate: applied {', '.join(fresh)}" if fresh else "migrate: nothing to do")
    return 0


if __name__ == "__main__":
    sys.exit(main())
