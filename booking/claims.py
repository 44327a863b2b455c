"""The statements that decide who has a seat, one at a time; the batched ones are in the function `claim_seats`.

Locks are taken in one order everywhere: idempotency key, order of payments, hold or appointment, seat (SKIP LOCKED
where a free one is looked for), visit claim; the slot office, which wants many seats at once, waits for none of them.
Every change of status is an UPDATE on the expected status, and its row count is the answer.
"""

from collections.abc import Sequence
from datetime import MAXYEAR, date, datetime
from typing import Any
from uuid import UUID

import asyncpg

from booking import errors
from booking.facts import SlotFacts
from booking.states import APPOINTMENT, HOLD, SEAT
from kernel.db import Row, Transaction
from kernel.events import Actor
from kernel.outbox import publish


async def lock_hold(tx: Transaction, hold_id: UUID, actor: Actor, *, kind: str = "hold") -> Row:
    """Lock a hold of this caller, or an offer of the waitlist (`kind`).

    Raises:
        HoldNotFound: absent, or another client's.
    """
    row = await tx.fetchrow(
        "SELECT h.*, s.seq FROM hold h JOIN seat s ON s.id = h.seat_id"
        " WHERE h.id = $1 AND ($2 OR h.client_id = $3) AND h.kind = $4 FOR UPDATE OF h",
        hold_id,
        actor.sees_all,
        actor.client_id,
        kind,
    )
    if row is None:
        raise errors.HoldNotFound
    return row


async def end_hold(tx: Transaction, hold: Row, *, status: str, at: datetime) -> None:
    """Move an active hold on, and take its time limit off the person's day when it is confirmed.

    Raises:
        HoldEnded: it was over already, by time or by another call.
    """
    moved = await tx.execute(
        "UPDATE hold SET status = $2 WHERE id = $1 AND status = ANY ($3) AND ($4 OR until > $5)",
        hold["id"],
        status,
        HOLD.before(status),
        status == "expired",
        at,
    )
    if moved != 1:
        ended = "expired" if hold["status"] == "active" else hold["status"]
        raise errors.HoldEnded(current_status=ended)


async def extend_hold(tx: Transaction, hold: Row, *, until: datetime) -> None:
    """Make a locked, running hold last longer, with its seat and its place in the person's day.

    Raises:
        HoldEnded: its seat or place was given away with its end.
    """
    seats = await tx.execute(
        "UPDATE seat SET hold_until = $3 WHERE id = $1 AND status = 'held' AND hold_id = $2 AND hold_until = $4",
        hold["seat_id"],
        hold["id"],
        until,
        hold["until"],
    )
    places = await tx.execute("UPDATE visit_claim SET until = $2 WHERE owner_id = $1", hold["id"], until)
    if (seats, places) != (1, 1):
        raise errors.HoldEnded(current_status="expired")
    await tx.execute("UPDATE hold SET until = $2 WHERE id = $1 AND status = 'active'", hold["id"], until)


async def book_held_seat(tx: Transaction, hold: Row, *, at: datetime) -> None:
    """Turn the held seat into a booked one: a compare-and-set on the hold's own token.

    Raises:
        HoldEnded: the seat is no longer kept by this hold.
    """
    assert SEAT.allows("held", "booked")
    won = await tx.execute(
        "UPDATE seat SET status = 'booked', hold_id = NULL, hold_until = NULL"
        " WHERE id = $1 AND status = 'held' AND hold_id = $2 AND hold_until > $3",
        hold["seat_id"],
        hold["id"],
        at,
    )
    if won != 1:
        raise errors.HoldEnded(current_status="expired")


async def claim_visit(
    tx: Transaction,
    *,
    patient_id: UUID,
    clinic_date: date,
    department_id: UUID | None,
    daily_limit: int,
    owner_id: UUID,
    actor: Actor,
    at: datetime,
    until: datetime | None = None,
) -> None:
    """Take the person's place in a clinic day for an appointment, or for a hold until its end.

    Raises:
        AlreadyBooked, AlreadyHeld: once per department and day.
        DailyLimitReached: the day is full for this person.
    """
    await tx.execute(
        "DELETE FROM visit_claim WHERE patient_id = $1 AND clinic_date = $2 AND until <= $3",
        patient_id,
        clinic_date,
        at,
    )
    for _ in range(daily_limit + 1):
        taken = await tx.fetch(
            "SELECT ordinal, department_id, owner_id, until FROM visit_claim"
            " WHERE patient_id = $1 AND clinic_date = $2",
            patient_id,
            clinic_date,
        )
        for claim in taken:
            if department_id is not None and claim["department_id"] == department_id:
                if claim["until"].year < MAXYEAR:  # asyncpg gives `infinity` as the last, naive, datetime
                    raise errors.AlreadyHeld(until=claim["until"])
                raise errors.AlreadyBooked(**await _named_to(tx, claim["owner_id"], actor))
        if len(taken) >= daily_limit:
            raise errors.DailyLimitReached(limit=daily_limit)
        lowest = min(set(range(1, len(taken) + 2)) - {claim["ordinal"] for claim in taken})
        won = await tx.execute(
            "INSERT INTO visit_claim (patient_id, clinic_date, ordinal, department_id, owner_id, until)"
            " VALUES ($1, $2, $3, $4, $5, coalesce($6::timestamptz, 'infinity')) ON CONFLICT DO NOTHING",
            patient_id,
            clinic_date,
            lowest,
            department_id,
            owner_id,
            until,
        )
        if won == 1:
            return
    raise errors.Contended


async def _named_to(tx: Transaction, appointment_id: UUID, actor: Actor) -> dict[str, UUID]:
    """Name an appointment in the way to those who may see it."""
    is_seen = actor.sees_all or await tx.fetchval(
        "SELECT client_id = $2 FROM appointment WHERE id = $1", appointment_id, actor.client_id
    )
    return {"appointment_id": appointment_id} if is_seen else {}


async def keep_visit_for(tx: Transaction, *, hold_id: UUID, appointment_id: UUID) -> None:
    """Hand the person's place in the day from the hold to the appointment, without an end.

    Raises:
        HoldEnded: the place was given away with the hold's end.
    """
    won = await tx.execute(
        "UPDATE visit_claim SET owner_id = $2, until = 'infinity' WHERE owner_id = $1", hold_id, appointment_id
    )
    if won != 1:
        raise errors.HoldEnded(current_status="expired")


async def release_visit(tx: Transaction, owner_id: UUID) -> None:
    """Give the person's place in the day back."""
    await tx.execute("DELETE FROM visit_claim WHERE owner_id = $1", owner_id)


async def release_visits(tx: Transaction, owner_ids: Sequence[UUID]) -> None:
    """Give many places back at once, in the order in which batches of bookings lock them."""
    await tx.execute(
        "DELETE FROM visit_claim c USING ("
        " SELECT patient_id, clinic_date, ordinal FROM visit_claim WHERE owner_id = ANY ($1)"
        " ORDER BY patient_id, clinic_date, ordinal FOR UPDATE) mine"
        " WHERE (c.patient_id, c.clinic_date, c.ordinal) = (mine.patient_id, mine.clinic_date, mine.ordinal)"
        " AND c.owner_id = ANY ($1)",
        list(owner_ids),
    )


async def claim_free_seat(
    tx: Transaction, slot: SlotFacts, *, at: datetime, hold: tuple[UUID, datetime] | None = None
) -> Row:
    """Book the lowest free seat of a slot, or one whose hold has ended; or keep it for a hold (id and end).

    A seat that a rival has locked is skipped first and waited for second, before anyone is told "sold out".

    Raises:
        SoldOut: no seat of the channel's pools is free.
    """
    for waiting in ("SKIP LOCKED", ""):
        row = await tx.fetchrow(
            f"""
            WITH free AS (
                SELECT id, hold_id AS stale FROM seat
                WHERE slot_id = $1 AND status IN ('free', 'held') AND (status = 'free' OR hold_until <= $2)
                  AND pool = ANY ($3) ORDER BY seq LIMIT 1 FOR UPDATE {waiting})
            UPDATE seat s SET status = CASE WHEN $4::uuid IS NULL THEN 'booked' ELSE 'held' END,
                hold_id = $4, hold_until = $5 FROM free
            WHERE s.id = free.id AND s.status IN ('free', 'held')
            RETURNING s.id, s.seq, free.stale""",  # noqa: S608  one of the two words above
            slot.slot_id,
            at,
            list(slot.pools),
            *(hold or (None, None)),
        )
        if row is not None:
            return row
    raise errors.SoldOut(next_release_at=slot.opens_next)


async def claim_named_seat(tx: Transaction, seat_id: int, *, at: datetime) -> Row | None:
    """Book that very seat if it is free or its hold has ended; give its id and the ended hold (`stale`), else None."""
    return await tx.fetchrow(
        """
        WITH wanted AS (
            SELECT id, hold_id AS stale FROM seat
            WHERE id = $1 AND status IN ('free', 'held') AND (status = 'free' OR hold_until <= $2) FOR UPDATE)
        UPDATE seat s SET status = 'booked', hold_id = NULL, hold_until = NULL FROM wanted
        WHERE s.id = wanted.id AND s.status IN ('free', 'held')
        RETURNING s.id, wanted.stale""",
        seat_id,
        at,
    )


async def free_booked_seat(tx: Transaction, seat_id: int) -> None:
    """Put a booked seat back on sale."""
    assert SEAT.allows("booked", "free")
    freed = await tx.execute("UPDATE seat SET status = 'free' WHERE id = $1 AND status = 'booked'", seat_id)
    assert freed == 1, "an active appointment's seat is booked"


async def free_held_seat(tx: Transaction, *, seat_id: int, hold_id: UUID) -> bool:
    """Put a held seat back on sale; tell whether it still was this hold's.

    Whoever has just taken it over has written the hold's end down.
    """
    assert SEAT.allows("held", "free")
    freed = await tx.execute(
        "UPDATE seat SET status = 'free', hold_id = NULL, hold_until = NULL"
        " WHERE id = $1 AND status = 'held' AND hold_id = $2",
        seat_id,
        hold_id,
    )
    return freed == 1


async def lock_appointment(tx: Transaction, appointment_id: UUID, actor: Actor) -> Row:
    """Lock an appointment of this caller.

    Raises:
        AppointmentNotFound: absent, or another client's.
    """
    row = await tx.fetchrow(
        "SELECT * FROM appointment WHERE id = $1 AND ($2 OR client_id = $3) FOR UPDATE",
        appointment_id,
        actor.sees_all,
        actor.client_id,
    )
    if row is None:
        raise errors.AppointmentNotFound
    return row


async def insert_appointment(tx: Transaction, values: dict[str, Any]) -> Row:
    """Write a new appointment; the database refuses a second one on the seat or for the person's schedule.

    Raises:
        AlreadyBooked: the person stands in this schedule already.
        FollowUpUsed: the first visit has its follow-up.
        SoldOut: the seat has an appointment after all.
    """
    names = list(values)
    marks = ", ".join(f"${n}" for n in range(1, len(names) + 1))
    try:
        row = await tx.fetchrow(
            f"INSERT INTO appointment ({', '.join(names)}) VALUES ({marks}) RETURNING *",  # noqa: S608  our own names
            *values.values(),
        )
    except asyncpg.UniqueViolationError as error:
        if error.constraint_name == "appointment_patient_schedule_once":
            raise errors.AlreadyBooked from error
        if error.constraint_name == "appointment_followup_once":
            raise errors.FollowUpUsed from error
        raise errors.SoldOut from error
    assert row is not None, "RETURNING gives the row"
    return row


async def change_appointment(
    tx: Transaction,
    appointment: Row,
    *,
    to: str | None,
    at: datetime,
    changes: dict[str, object],
    standing: Sequence[str] = ("booked",),
) -> int:
    """Change an appointment's status (`to`), or other columns of one that stands so; give its new version.

    Raises:
        AppointmentNotActive: the table has no such step from where it is, or it was changed since it was locked.
        AlreadyBooked: the person stands in the new schedule already.
    """
    before = APPOINTMENT.before(to) if to else list(standing)
    columns = {**changes, "updated_at": at, **({"status": to} if to else {})}
    sets = ", ".join(f"{name} = ${n}" for n, name in enumerate(columns, start=4))
    try:
        version: int | None = await tx.fetchval(
            f"UPDATE appointment SET version = version + 1, {sets}"  # noqa: S608  our own column names
            " WHERE id = $1 AND status = ANY ($2) AND version = $3 RETURNING version",
            appointment["id"],
            before,
            appointment["version"],
            *columns.values(),
        )
    except asyncpg.UniqueViolationError as error:
        raise errors.AlreadyBooked from error
    if version is None:
        raise errors.AppointmentNotActive(current_status=appointment["status"])
    return version


async def tell(
    tx: Transaction,
    kind: str,
    *,
    actor: Actor,
    at: datetime,
    seat_id: int,
    schedule_id: UUID,
    patient_id: UUID | None = None,
    hold_id: UUID | None = None,
    appointment_id: UUID | None = None,
    details: dict[str, object] | None = None,
) -> None:
    """Append the event of a change, in the change's transaction."""
    await tx.execute(
        "INSERT INTO booking_event (at, kind, seat_id, schedule_id, patient_id, hold_id, appointment_id, channel,"
        " client_id, staff_code, request_id, details, device_hash)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        at,
        kind,
        seat_id,
        schedule_id,
        patient_id,
        hold_id,
        appointment_id,
        actor.channel,
        actor.client_id,
        actor.staff_code,
        actor.request_id,
        details,
        actor.device_hash,
    )


async def send_appointment(
    tx: Transaction, event_type: str, *, appointment_id: UUID, patient_id: UUID, version: int, handlers: Sequence[str]
) -> None:
    """Intend the message that tells others of the change."""
    for handler in handlers:
        await publish(
            tx,
            handler=handler,
            event_type=event_type,
            aggregate=f"appointment:{appointment_id}",
            depends_on=f"patient:{patient_id}",
            payload={"appointment_id": str(appointment_id), "version": version},
        )
