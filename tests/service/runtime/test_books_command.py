"""`./hospital books` by its own main(): nobody signs with a name that is not a colleague's."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from kernel.ids import new_id
from tests.conftest import ROOT
from tests.factories.keys import write_keys


@pytest.fixture
async def difference(own_database_url: str) -> str:
    """A difference that waits for somebody, and one colleague who works here and one who has left."""
    connection = await asyncpg.connect(own_database_url)
    await connection.execute(
        "INSERT INTO staff (id, code, name, status, left_at) VALUES ($1, 'F0001', 'n', 'active', NULL),"
        " ($2, 'F0002', 'n', 'left', now())",
        new_id(),
        new_id(),
    )
    closing, found = new_id(), new_id()
    await connection.execute(
        "INSERT INTO book_closing (id, day, run, status, started_at) VALUES ($1, '2026-11-24', 1, 'matched', now())",
        closing,
    )
    await connection.execute(
        "INSERT INTO book_difference (id, day, kind, line_kind, merchant, number, channel_fen, cause, proposal, status,"
        " found_by) VALUES ($1, '2026-11-24', 'surplus', 'payment', 'm', 'A1', 100, 'not-known-here',"
        " 'ask-channel', 'open', $2)",
        found,
        closing,
    )
    await connection.close()
    return str(found)


async def books(database_url: str, keys_dir: Path, *arguments: str) -> tuple[int, str, str]:
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "runtime.books", *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "DATABASE_URL": database_url, "KEYS_DIR": str(keys_dir)},
        check=False,
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout, done.stderr


async def test_only_a_colleague_signs(difference: str, own_database_url: str, tmp_path: Path) -> None:
    keys = write_keys(tmp_path / "keys")
    settle = ("settle", difference, "--decision", "已查单")
    for stranger in ("root", "F0002", "F9999"):
        for what in (settle, ("close", "--date", "2026-11-24")):
            code, out, told = await books(own_database_url, keys, *what, "--by", stranger)
            assert (code, out) == (1, "")
            assert told.startswith("books: ")
    code, out, _ = await books(own_database_url, keys, *settle, "--by", "F0001")
    assert code == 0
    assert "is settled by F0001" in out
