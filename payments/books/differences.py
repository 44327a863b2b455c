"""What differs between the sides of a day: looked at by finance, and settled by a person with a reason."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

from kernel import clock
from kernel.db import Database, Reader
from kernel.idempotency import Idempotency
from payments.books.errors import DifferenceNotFound, DifferenceSettled
from payments.books.states import DIFFERENCE

PAGE_MAX: Final = 500
_COLUMNS: Final = (
    "id, day, kind, line_kind, merchant, number, channel_fen, platform_fen, his_fen, cause, proposal, status,"
    " decided_at, decided_by, decision"
)


@dataclass(frozen=True, slots=True)
class Difference:
    """One number that two sides have differently; amounts in fen, None where a side does not have it."""

    id: UUID
    day: date
    kind: str
    line_kind: str
    merchant: str
    number: str
    channel_fen: int | None
    platform_fen: int | None
    his_fen: int | None
    cause: str
    proposal: str
    status: str
    decided_at: datetime | None
    decided_by: str | None
    decision: str | None


async def list_differences(
    reader: Reader,
    *,
    day: date | None,
    statuses: Sequence[str] = ("open",),
    after: UUID | None = None,
    limit: int = PAGE_MAX,
) -> list[Difference]:
    """List a day's differences, or every day's, in the order in which they were found, a page at a time."""
    rows = await reader.fetch(
        f"SELECT {_COLUMNS} FROM book_difference"  # noqa: S608  our own column names
        " WHERE ($1::date IS NULL OR day = $1) AND status = ANY($2) AND ($3::uuid IS NULL OR id > $3)"
        " ORDER BY id LIMIT $4",
        day,
        list(statuses),
        after,
        min(limit, PAGE_MAX),
    )
    return [Difference(**row) for row in rows]


async def settle_difference(
    database: Database, difference_id: UUID, *, decision: str, by: str, idempotency: Idempotency | None = None
) -> Difference:
    """Write down what a person did about a difference, and why; it is settled once.

    Raises:
        IdempotencyMismatch.
        DifferenceNotFound: there is none.
        DifferenceSettled: somebody settled it meanwhile, or it has vanished.
    """
    now = clock.now()
    async with database.transaction() as tx:
        if idempotency and await idempotency.replay(tx):
            return await read_difference(tx, difference_id)
        row = await tx.fetchrow(
            "UPDATE book_difference SET status = 'resolved', decided_at = $2, decided_by = $3, decision = $4"  # noqa: S608  the same
            f" WHERE id = $1 AND status = ANY($5) RETURNING {_COLUMNS}",
            difference_id,
            now,
            by,
            decision,
            DIFFERENCE.before("resolved"),
        )
        if row is None:
            status = await tx.fetchval("SELECT status FROM book_difference WHERE id = $1", difference_id)
            if status is None:
                raise DifferenceNotFound
            raise DifferenceSettled(current_status=status)
        await tx.execute(
            "INSERT INTO book_event (at, kind, difference_id, by, note) VALUES ($1, 'resolved', $2, $3, $4)",
            now,
            difference_id,
            by,
            decision,
        )
        if idempotency:
            await idempotency.remember(tx, {"difference_id": str(difference_id)})
    return Difference(**row)


async def read_difference(reader: Reader, difference_id: UUID) -> Difference:
    """Read a difference.

    Raises:
        DifferenceNotFound.
    """
    rows = await reader.fetch(f"SELECT {_COLUMNS} FROM book_difference WHERE id = $1", difference_id)  # noqa: S608  the same
    if not rows:
        raise DifferenceNotFound
    return Difference(**rows[0])
