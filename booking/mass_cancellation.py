"""Cancelling many appointments at once, as when a clinic is stopped: what one cancellation does, set by set.

Seats go to those who wait in the same transaction, as with a single one.
"""

from collections.abc import Sequence
from uuid import UUID

from booking import claims, returns
from booking.payment import links, standing
from booking.returns import FreedSeat
from booking.states import APPOINTMENT, SEAT
from booking.stops.seats import keep_stopped
from kernel import clock
from kernel.db import Transaction
from kernel.events import Actor
from kernel.outbox import wake

APPOINTMENTS_A_TURN_MAX: int = 500


async def cancel_many(
    tx: Transaction, appointment_ids: Sequence[UUID], *, actor: Actor, reason: str, handlers: tuple[str, ...]
) -> list[UUID]:
    """Cancel appointments without asking their deadlines; give those that could still be cancelled.

    At most `APPOINTMENTS_A_TURN_MAX` in one transaction, so that nobody waits long for a lock.
    """
    assert len(appointment_ids) <= APPOINTMENTS_A_TURN_MAX, "more in one transaction"
    assert SEAT.allows("booked", "free")
    at = clock.now()
    await links.lock_orders_of_appointments(tx, *appointment_ids)
    rows = await tx.fetch(
        "WITH mine AS (SELECT id FROM appointment WHERE id = ANY ($1) AND status = ANY ($2) ORDER BY id FOR UPDATE)"
        " UPDATE appointment a SET status = 'cancelled', cancel_reason = $3, version = version + 1, updated_at = $4"
        " FROM mine WHERE a.id = mine.id RETURNING a.id, a.seat_id, a.patient_id, a.version",
        list(appointment_ids),
        APPOINTMENT.before("cancelled"),
        reason,
        at,
    )
    cancelled = [row["id"] for row in rows]
    freed = await tx.execute(
        "UPDATE seat SET status = 'free' WHERE id = ANY ($1) AND status = 'booked'", [row["seat_id"] for row in rows]
    )
    assert freed == len(rows), "an active appointment's seat is booked"
    await claims.release_visits(tx, cancelled)
    await _tell(tx, cancelled, actor=actor, handlers=handlers)
    for row in rows:
        await standing.follow_cancellation(tx, row)
    stopped = await keep_stopped(tx, [row["seat_id"] for row in rows], actor=actor, at=at)
    freed_seats = [FreedSeat(row["seat_id"], "cancelled", row["patient_id"]) for row in rows]
    await returns.return_seats(tx, [seat for seat in freed_seats if seat.seat_id not in stopped], at=at)
    return cancelled


async def _tell(tx: Transaction, appointment_ids: list[UUID], *, actor: Actor, handlers: tuple[str, ...]) -> None:
    """Write the events, the notices and the messages of cancellations."""
    await tx.execute(
        "INSERT INTO booking_event (at, kind, seat_id, schedule_id, patient_id, appointment_id, channel, client_id,"
        " staff_code, request_id) SELECT updated_at, 'cancelled', seat_id, schedule_id, patient_id, id, $2, $3, $4, $5"
        " FROM appointment WHERE id = ANY ($1) ORDER BY id",
        appointment_ids,
        actor.channel,
        actor.client_id,
        actor.staff_code,
        actor.request_id,
    )
    await tx.execute(
        "INSERT INTO booking_notice (at, client_id, kind, subject_id, facts)"
        " SELECT updated_at, client_id, 'appointment.cancelled', id, jsonb_build_object('appointment_id', id,"
        " 'patient_id', patient_id, 'reason', cancel_reason) FROM appointment"
        " WHERE id = ANY ($1) AND client_id <> $2 ORDER BY id",
        appointment_ids,
        actor.client_id,
    )
    await tx.execute(
        "INSERT INTO outbox (handler, event_type, aggregate, depends_on, payload)"
        " SELECT h, 'appointment.cancelled', 'appointment:' || a.id, 'patient:' || a.patient_id,"
        " jsonb_build_object('appointment_id', a.id, 'version', a.version)"
        " FROM appointment a CROSS JOIN unnest($2::text[]) h WHERE a.id = ANY ($1) ORDER BY a.id",
        appointment_ids,
        list(handlers),
    )
    if handlers:
        tx.after_commit(wake)
