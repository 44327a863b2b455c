"""Identifiers that are good once: of assertions and proofs. Kept in PostgreSQL, where a cache's restart loses none.

Those that arrive together are written together: a rush of token requests costs one statement per round trip.
"""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final, Literal

from kernel.db import Database, DatabaseUnavailable, database

BATCH_MAX: Final = 200
PURGE_ROWS_MAX: Final = 10_000


@dataclass(slots=True)
class _Use:
    """One identifier, and who waits to learn whether they are its first user."""

    hash: bytes
    expires_at: datetime
    answer: "asyncio.Future[bool]"


class _Writer:
    """Writes what has gathered while the statement before was under way."""

    def __init__(self) -> None:
        self._waiting: list[_Use] = []
        self._task: asyncio.Task[None] | None = None

    async def add(self, hashed: bytes, expires_at: datetime) -> bool:
        use = _Use(hashed, expires_at, asyncio.get_running_loop().create_future())
        self._waiting.append(use)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._write())
        return await use.answer

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:BATCH_MAX], self._waiting[BATCH_MAX:]
            firsts = {use.hash: use for use in reversed(batch)}
            try:
                rows = await database().fetch(
                    "INSERT INTO oauth_jti (hash, expires_at) SELECT * FROM unnest($1::bytea[], $2::timestamptz[])"
                    " ON CONFLICT (hash) DO NOTHING RETURNING hash",
                    # In one order everywhere, so that two processes never wait for one another.
                    sorted(firsts),
                    [firsts[hashed].expires_at for hashed in sorted(firsts)],
                )
            except DatabaseUnavailable as error:
                for use in batch:
                    if not use.answer.done():
                        use.answer.set_exception(error)
                continue
            fresh = {row["hash"] for row in rows}
            for use in batch:
                if not use.answer.done():
                    use.answer.set_result(firsts[use.hash] is use and use.hash in fresh)


_writer = _Writer()


async def use_once(kind: Literal["assertion", "proof"], owner: str, identifier: str, *, expires_at: float) -> bool:
    """Use an identifier up; tell whether it was still good. expires_at: until when it could be shown, since 1970.

    Raises:
        DatabaseUnavailable: whether it was good is not known, so it is not.
    """
    hashed = sha256(f"{kind}\n{len(owner)}\n{owner}\n{identifier}".encode("utf-8", "surrogatepass")).digest()
    return await _writer.add(hashed, datetime.fromtimestamp(expires_at, UTC))


async def purge_identifiers(db: Database, *, before: datetime) -> int:
    """Forget identifiers whose statements have expired by themselves.

    Raises:
        DatabaseUnavailable.
    """
    return await db.execute(
        "DELETE FROM oauth_jti WHERE hash IN (SELECT hash FROM oauth_jti WHERE expires_at < $1 LIMIT $2)",
        before,
        PURGE_ROWS_MAX,
    )
