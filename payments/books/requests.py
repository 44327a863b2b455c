"""Closing a day's books on request: a member of staff asks, the timetable does it, and the request says how it went.

The work may take minutes (bills are fetched, a million lines compared), so nobody waits for it over HTTP. A request
whose work was cut off is begun anew: keeping a day's books again is what books are made for.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

import asyncpg

from kernel import clock
from kernel.db import Database, Reader, Row, database
from kernel.errors import HospitalError
from kernel.events import Actor
from kernel.idempotency import Idempotency
from kernel.ids import new_id
from kernel.log import get_logger
from payments.books.errors import ClosingAlreadyRequested, ClosingNotRequested, DayAlreadyClosed, DayNotOver
from payments.books.keeping import keep_and_close
from payments.books.states import REQUEST
from payments.errors import StaffRequired

WORK_MAX: Final = timedelta(minutes=30)
"""After which whoever works on a request is taken to be gone; the timetable ends its work by then."""
REQUESTS_A_TURN: Final = 10

log = get_logger("payments.books")


class ClosingRequest(NamedTuple):
    """What somebody asked for, and how it went; `reason` and `facts` say why it failed."""

    id: UUID
    day: date
    status: str
    requested_by: str
    requested_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    reason: str | None
    facts: Mapping[str, Any]


_COLUMNS: Final = ", ".join(ClosingRequest._fields)


async def request_closing(day: date, *, actor: Actor, idempotency: Idempotency | None = None) -> ClosingRequest:
    """Ask for a day's books to be kept and closed, soon.

    Raises:
        StaffRequired.
        DayNotOver, DayAlreadyClosed.
        ClosingAlreadyRequested: somebody has asked, and it is being done.
        IdempotencyMismatch, DatabaseUnavailable.
    """
    if actor.staff_code is None:
        raise StaffRequired
    if day >= clock.today():
        raise DayNotOver
    try:
        async with database().transaction() as tx:
            if idempotency and (stored := await idempotency.replay(tx)):
                [row] = await tx.fetch(_READ, UUID(stored["request_id"]))
                return ClosingRequest(*row.values())
            if await tx.fetchval("SELECT 1 FROM book_closing WHERE day = $1 AND status = 'closed'", day):
                raise DayAlreadyClosed
            made = await tx.fetchrow(
                "INSERT INTO book_request (id, day, status, requested_by, requested_at)"  # noqa: S608  our own columns
                f" VALUES ($1, $2, 'waiting', $3, $4) RETURNING {_COLUMNS}",
                new_id(),
                day,
                actor.staff_code,
                clock.now(),
            )
            assert made is not None, "an INSERT gives its row"
            if idempotency:
                await idempotency.remember(tx, {"request_id": str(made["id"])})
            return ClosingRequest(*made.values())
    except asyncpg.UniqueViolationError as error:
        raise ClosingAlreadyRequested from error


async def read_request(db: Reader, day: date) -> ClosingRequest:
    """Give what was last asked for a day.

    Raises:
        ClosingNotRequested: nobody has asked.
        DatabaseUnavailable.
    """
    rows = await db.fetch(
        f"SELECT {_COLUMNS} FROM book_request WHERE day = $1 ORDER BY id DESC LIMIT 1",  # noqa: S608  our own columns
        day,
    )
    if not rows:
        raise ClosingNotRequested
    return ClosingRequest(*rows[0].values())


async def work_requests(db: Database) -> int:
    """Do what was asked for, the oldest first; give how many days were closed.

    Raises:
        DatabaseUnavailable: what was begun is begun anew later.
    """
    closed = 0
    for _ in range(REQUESTS_A_TURN):
        row = await _claim(db)
        if row is None:
            break
        closed += await _work(db, row)
    return closed


async def _claim(db: Database) -> Row | None:
    now = clock.now()
    return await db.fetchrow(
        "UPDATE book_request SET status = 'working', started_at = $1 WHERE id = ("
        "SELECT id FROM book_request WHERE status = 'waiting' OR (status = 'working' AND started_at < $2)"
        " ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id, day, requested_by, started_at",
        now,
        now - WORK_MAX,
    )


async def _work(db: Database, request: Row) -> bool:
    reason: str | None = None
    facts: Mapping[str, Any] = {}
    try:
        await keep_and_close(db, request["day"], by=request["requested_by"])
    except DayAlreadyClosed:
        log.info("books_closed_meanwhile", day=str(request["day"]))
    except HospitalError as error:
        reason, facts = error.code, error.details
        log.warning("books_not_closed", day=str(request["day"]), reason=reason)
    await db.execute(
        "UPDATE book_request SET status = $2, ended_at = $3, reason = $4, facts = $5"
        " WHERE id = $1 AND status = ANY ($6) AND started_at = $7",
        request["id"],
        "closed" if reason is None else "failed",
        clock.now(),
        reason,
        dict(facts),
        REQUEST.before("closed"),
        request["started_at"],
    )
    return reason is None


_READ: Final = f"SELECT {_COLUMNS} FROM book_request WHERE id = $1"  # noqa: S608  our own list of columns
