"""An emulator's own memory: one SQLite file that a kill or a power cut loses nothing of (docs/adr/0310)."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_BUSY_SECONDS_MAX: Final = 5.0
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS lead (only INTEGER PRIMARY KEY CHECK (only = 1), seconds INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS fault (name TEXT PRIMARY KEY, times INTEGER, parameters TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS number (name TEXT PRIMARY KEY, last INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS notification (
    id TEXT PRIMARY KEY, url TEXT NOT NULL, kind TEXT NOT NULL, content TEXT NOT NULL, created_ms INTEGER NOT NULL,
    due_ms INTEGER NOT NULL, tries INTEGER NOT NULL DEFAULT 0,
    turn TEXT NOT NULL DEFAULT 'open' CHECK (turn IN ('open', 'behind', 'taken')),
    state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'accepted', 'given_up')), last_status INTEGER);
CREATE INDEX IF NOT EXISTS notification_due ON notification (due_ms) WHERE state = 'waiting';
"""


class Store:
    """The file, opened once for the process; used by its one event loop only, and never across an `await`."""

    def __init__(self, path: Path, *, schema: str) -> None:
        """Open or make the file; `schema` is the emulator's own tables, each CREATE ... IF NOT EXISTS."""
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(0o600)
        self._connection = sqlite3.connect(path, timeout=_BUSY_SECONDS_MAX, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode = WAL")
        # With FULL a commit is on the disk before anyone is answered.
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute("PRAGMA foreign_keys = ON")
        self._connection.executescript(_SCHEMA + schema)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Let what happens inside happen wholly or not at all."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def execute(self, statement: str, *values: object) -> int:
        """Carry a statement out and tell how many rows it touched."""
        return self._connection.execute(statement, values).rowcount

    def row(self, statement: str, *values: object) -> sqlite3.Row | None:
        """Give the first row, or None."""
        found: sqlite3.Row | None = self._connection.execute(statement, values).fetchone()
        return found

    def rows(self, statement: str, *values: object) -> Sequence[sqlite3.Row]:
        """Give all rows; whoever asks bounds them."""
        return self._connection.execute(statement, values).fetchall()

    def next_number(self, name: str) -> int:
        """Count up: 1, 2, 3, ..., never the same again."""
        row = self.row(
            "INSERT INTO number (name, last) VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET last = last + 1"
            " RETURNING last",
            name,
        )
        assert row is not None, "an upsert returns its row"
        return int(row["last"])

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


def to_ms(instant: datetime) -> int:
    """Write an instant as whole milliseconds since 1970, UTC."""
    return (instant - _EPOCH) // timedelta(milliseconds=1)


def from_ms(milliseconds: int) -> datetime:
    """Read it again."""
    return _EPOCH + timedelta(milliseconds=milliseconds)
