"""No-shows: who had a number and did not come; and taking that back where it was wrong."""

from datetime import timedelta
from typing import Final
from uuid import UUID

from booking import claims, queries, returns
from booking.facts import Appointment
from booking.fairness import bans, errors
from booking.service import HANDLERS
from integration.his.port import InboundKind
from kernel import clock
from kernel.db import Row, Transaction, database
from kernel.events import Actor
from kernel.idempotency import Idempotency

BATCH_MAX: Final = 200
# Older ones are left as they are: nobody is blamed for a time when we did not run.
LOOK_BACK_DAYS: Final = 7

# The HIS must know the appointment, and everything that it has told of visits must have been applied.
_DUE: Final = """
SELECT a.* FROM appointment a JOIN schedule sc ON sc.id = a.schedule_id
WHERE a.status = 'booked' AND a.his_status = 'confirmed' AND a.clinic_date BETWEEN $2 AND $3 AND sc.ends_at <= $4
  AND NOT EXISTS (SELECT FROM his_link l WHERE l.handler = 'his' AND l.down_since IS NOT NULL)
  AND NOT EXISTS (SELECT FROM inbox i WHERE i.handler = 'his' AND i.event_type = $5 AND i.status = 'pending')
  AND NOT EXISTS (SELECT FROM inbox i WHERE i.handler = 'his' AND i.event_type = $5 AND i.status = 'dead'
                  AND i.depends_on LIKE 'his-appointment:%:' || a.his_id)
ORDER BY a.id LIMIT $1 FOR UPDATE OF a SKIP LOCKED
"""


async def mark_noshows(limit: int = BATCH_MAX) -> int:
    """Mark those who have not come by the end of the clinic and its grace, and ban who has done so too often.

    Nothing is marked while the HIS is out of reach or its visits wait to be applied: perhaps they came.

    Raises:
        DatabaseUnavailable, DatabaseBusy.
    """
    at = clock.now()
    async with database().transaction() as tx:
        await bans.lock_counting(tx)
        rule = await bans.read_rule(tx)
        if rule is None:
            return 0
        day = clock.clinic_date(at)
        over = at - timedelta(minutes=rule.grace_minutes)
        visits = InboundKind.VISIT_REGISTERED.value
        rows = await tx.fetch(_DUE, limit, day - timedelta(days=LOOK_BACK_DAYS), day, over, visits)
        for row in rows:
            version = await claims.change_appointment(tx, row, to="noshow", at=at, changes={})
            await _tell(tx, "noshow", row, actor=bans.SYSTEM)
            await claims.send_appointment(
                tx,
                "appointment.noshow",
                appointment_id=row["id"],
                patient_id=row["patient_id"],
                version=version,
                handlers=HANDLERS,
            )
        if rows:
            await bans.impose_bans(tx, list({row["patient_id"] for row in rows}), rule, at=at)
        return len(rows)


async def correct_noshow(
    *, appointment_id: UUID, reason: str, actor: Actor, idempotency: Idempotency | None = None
) -> Appointment:
    """Take back a no-show that was none: the appointment reads `entered-in-error`, and bans are counted anew.

    The HIS's own record is not touched from here; its clerk corrects it there.

    Raises:
        AppointmentNotFound: no such appointment.
        NotNoShow: it does not stand as a no-show.
        IdempotencyMismatch, DatabaseUnavailable.
    """
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return Appointment.from_stored(stored)
        row = await claims.lock_appointment(tx, appointment_id, actor)
        await correct_locked(tx, row, reason=reason, actor=actor)
        answer = await queries.read_appointment(tx, appointment_id)
        if idempotency:
            await idempotency.remember(tx, answer.stored())
        return answer


async def correct_locked(tx: Transaction, row: Row, *, reason: str, actor: Actor) -> None:
    """Take back a no-show whose appointment this transaction has locked.

    Raises:
        NotNoShow.
    """
    if row["status"] != "noshow":
        raise errors.NotNoShow(current_status=row["status"])
    at = clock.now()
    await bans.lock_counting(tx)
    await claims.change_appointment(tx, row, to="entered-in-error", at=at, changes={})
    await claims.free_booked_seat(tx, row["seat_id"])
    await claims.release_visit(tx, row["id"])
    await _tell(tx, "entered-in-error", row, actor=actor)
    await returns.return_seat(tx, row["seat_id"], because="entered-in-error", at=at, cools=False)
    await bans.tell(
        tx,
        "corrected",
        actor=actor,
        at=at,
        patient_id=row["patient_id"],
        appointment_id=row["id"],
        reason=reason,
    )
    await bans.recount(tx, row["id"], actor=actor, at=at)


async def _tell(tx: Transaction, kind: str, row: Row, *, actor: Actor) -> None:
    await claims.tell(
        tx,
        kind,
        actor=actor,
        at=clock.now(),
        seat_id=row["seat_id"],
        schedule_id=row["schedule_id"],
        patient_id=row["patient_id"],
        appointment_id=row["id"],
    )
