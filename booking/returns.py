"""The one way in which a seat comes free.

Whoever frees a seat hands it over here in the same transaction, so that nobody sees it free in between: it is offered
to those who wait, else kept back for a random while by the clinic's rule (against scalpers, who cancel one number to
take it again under another name), else on sale. What comes free by time alone is given out by `settle`, which the
desk, the moves and the readers of availability run first where `SlotFacts.settle_first` says so, with the instant by
which they then claim or count: nobody overtakes those who wait, whether a timer has run or not.

The functions `return_seats` and `settle_seats` decide (migrations/0100_waitlist.sql); every decision is an event of
kind `offered` or `returned`, and together they are the release log (booking/release_log.py).
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

import asyncpg

from booking.states import SEAT
from kernel.db import Database, DatabaseBusy, Row, Session, Transaction, database
from kernel.events import Actor

SCHEDULES_A_TURN: Final = 20

_DUE: Final = """
SELECT id FROM schedule WHERE id = ANY ($1)
   AND settles_first(id, practitioner_id, department_id, clinic_id, clinic_date, NULL, $2)
"""


class FreedSeat(NamedTuple):
    """A seat that the transaction at hand has locked and turned to free.

    because:       the kind of the event that freed it, such as `cancelled`.
    given_back_by: whose it was; it is not offered to the same person.
    since:         when it came free; None: now.
    cools:         whether the clinic's return delay applies when nobody waits.
    """

    seat_id: int
    because: str
    given_back_by: UUID | None = None
    since: datetime | None = None
    cools: bool = True


async def return_seat(
    tx: Transaction,
    seat_id: int,
    *,
    because: str,
    at: datetime,
    given_back_by: UUID | None = None,
    cools: bool = True,
) -> bool:
    """Decide what becomes of one seat that this transaction has freed; tell whether somebody was offered it."""
    freed = FreedSeat(seat_id, because, given_back_by, None, cools)
    return await return_seats(tx, [freed], at=at) == 1


async def return_seats(tx: Transaction, freed: Iterable[FreedSeat], *, at: datetime) -> int:
    """Decide what becomes of seats that this transaction has freed; give how many were offered to those who wait."""
    rows = [(seat.seat_id, seat.given_back_by, seat.because, seat.since, seat.cools) for seat in freed]
    if not rows:
        return 0
    offered: int = await tx.fetchval("SELECT return_seats($1, $2::freed_seat[])", at, rows)
    return offered


async def find_due(schedule_ids: Iterable[UUID], *, at: datetime) -> set[UUID]:
    """Find the schedules of which seats have to go through `settle` before anybody counts or claims them.

    Raises:
        DatabaseUnavailable.
    """
    rows = await database().fetch(_DUE, list(schedule_ids), at)
    return {row["id"] for row in rows}


async def settle(db: Database | Session, schedule_ids: Iterable[UUID], *, at: datetime) -> int:
    """Give out what has come free in some schedules by the clock alone; give how many seats were offered.

    In statements of its own: never call it inside a transaction.

    Raises:
        DatabaseUnavailable, DatabaseBusy.
    """
    wanted: Sequence[UUID] = sorted(set(schedule_ids))
    offered = 0
    for start in range(0, len(wanted), SCHEDULES_A_TURN):
        try:
            [(turn,)] = await db.fetch("SELECT settle_seats($1, $2)", at, wanted[start : start + SCHEDULES_A_TURN])
        except asyncpg.DeadlockDetectedError as error:
            raise DatabaseBusy from error
        offered += turn
    return offered


async def settle_within(tx: Transaction, schedule_id: UUID, *, at: datetime) -> None:
    """Give out what has come free in a schedule inside a transaction that has locked no seat and no hold yet."""
    await tx.execute("SELECT settle_seats($1, $2)", at, [schedule_id])


async def free_ended_seats(tx: Transaction, holds: Sequence[Row], *, at: datetime) -> list[Row]:
    """Put the seats of ended holds back and tell of it; give those that still were theirs (`id`, `hold_id`)."""
    assert SEAT.allows("held", "free")
    return await tx.fetch(
        "WITH freed AS (UPDATE seat s SET status = 'free', hold_id = NULL, hold_until = NULL FROM hold h"
        " WHERE h.id = ANY ($1) AND s.id = h.seat_id AND s.status = 'held' AND s.hold_id = h.id"
        " RETURNING s.id, s.schedule_id, h.id AS hold_id, h.kind, h.patient_id),"
        " told AS (INSERT INTO booking_event (at, kind, seat_id, schedule_id, patient_id, hold_id, channel, client_id)"
        " SELECT $2, CASE f.kind WHEN 'cooling' THEN 'reopened' ELSE 'hold_expired' END, f.id, f.schedule_id,"
        " f.patient_id, f.hold_id, 'system', 'system:expiry' FROM freed f ORDER BY f.id)"
        " SELECT id, hold_id FROM freed ORDER BY id",
        [hold["id"] for hold in holds],
        at,
    )


async def tell_of_ended_hold(tx: Transaction, seat_id: int, *, hold_id: UUID, actor: Actor, at: datetime) -> None:
    """Tell that a seat was taken over from a hold that had ended."""
    await tx.execute(
        "INSERT INTO booking_event (at, kind, seat_id, schedule_id, hold_id, channel, client_id, staff_code,"
        " request_id) SELECT $3, CASE kind WHEN 'cooling' THEN 'reopened' ELSE 'hold_expired' END, $1, schedule_id,"
        " id, $4, $5, $6, $7 FROM hold WHERE id = $2",
        seat_id,
        hold_id,
        at,
        actor.channel,
        actor.client_id,
        actor.staff_code,
        actor.request_id,
    )
