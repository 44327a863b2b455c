"""替诊: another practitioner gives the clinic.

The schedule's fee becomes the substitute's own by the fee table. Nobody who has booked pays more for it: an
appointment keeps its fee, or has the substitute's if that is lower; what was paid above it goes back
(booking/payment/standing.py).
"""

from typing import Final
from uuid import UUID

from booking import claims
from booking.catalogue.generation import GENERATION_LOCK
from booking.payment import standing
from kernel import clock
from kernel.audit import record_change
from kernel.db import Row, Transaction
from kernel.events import Actor
from kernel.log import get_logger

CHANGED: Final = "appointment.changed"

log = get_logger("booking")


async def find_fee(tx: Transaction, *, practitioner_id: UUID, service_type: str) -> int | None:
    """Read what a practitioner's number of a service type costs: their own fee, else their title's."""
    fee: int | None = await tx.fetchval(
        "SELECT coalesce(own.amount_fen, usual.amount_fen) FROM practitioner p"
        " LEFT JOIN fee own ON own.service_type = $2 AND own.practitioner_id = p.id"
        " LEFT JOIN fee usual ON usual.service_type = $2 AND usual.title = p.title WHERE p.id = $1",
        practitioner_id,
        service_type,
    )
    return fee


async def is_free(tx: Transaction, schedule: Row, practitioner_id: UUID) -> bool:
    """Tell whether a practitioner works here and has no other clinic then; nobody adds schedules meanwhile."""
    await tx.execute("SELECT pg_advisory_xact_lock($1)", GENERATION_LOCK)
    return bool(
        await tx.fetchval(
            "SELECT EXISTS (SELECT FROM practitioner WHERE id = $1 AND active AND department_id = $2)"
            " AND NOT EXISTS (SELECT FROM schedule WHERE practitioner_id = $1 AND clinic_date = $3"
            " AND status = 'active' AND (period = $4 OR (starts_at < $6 AND ends_at > $5)))",
            practitioner_id,
            schedule["department_id"],
            schedule["clinic_date"],
            schedule["period"],
            schedule["starts_at"],
            schedule["ends_at"],
        )
    )


async def substitute_practitioner(tx: Transaction, order: Row, *, actor: Actor) -> bool:
    """Give the order's schedule to its substitute; False: they cannot come any more, and the next step is tried."""
    substitute: UUID = order["substitute_id"]
    schedule = await tx.fetchrow("SELECT * FROM schedule WHERE id = $1 FOR NO KEY UPDATE", order["schedule_id"])
    assert schedule is not None, "an order has its schedule"
    fee = await find_fee(tx, practitioner_id=substitute, service_type=schedule["service_type"])
    if fee is None or schedule["status"] != "active" or not await is_free(tx, schedule, substitute):
        log.warning("stop_substitute_cannot_come", order=str(order["id"]))
        return False
    # The version is counted with the announcement of the whole step.
    await tx.execute(
        "UPDATE schedule SET practitioner_id = $2, fee_fen = $3 WHERE id = $1", schedule["id"], substitute, fee
    )
    before = {"practitioner_id": str(schedule["practitioner_id"]), "fee_fen": schedule["fee_fen"]}
    await record_change(
        tx,
        entity="schedule",
        entity_id=str(schedule["id"]),
        action="updated",
        before=before,
        after={"practitioner_id": str(substitute), "fee_fen": fee, "stop_id": str(order["id"])},
        actor=actor,
    )
    return True


async def follow_substitute(tx: Transaction, appointment: Row, *, actor: Actor) -> None:
    """Let a locked appointment stand with the schedule's new practitioner, for no more than it cost."""
    at = clock.now()
    fee: int = await tx.fetchval("SELECT fee_fen FROM schedule WHERE id = $1", appointment["schedule_id"])
    cheaper_fen = min(fee, appointment["fee_fen"])
    await standing.follow_fee(tx, appointment, fee_fen=cheaper_fen, may_wait=False)
    version = await claims.change_appointment(
        tx,
        appointment,
        to=None,
        at=at,
        changes={"fee_fen": cheaper_fen, "his_status": "pending"},
        standing=("booked", "arrived"),
    )
    await claims.send_appointment(
        tx,
        CHANGED,
        appointment_id=appointment["id"],
        patient_id=appointment["patient_id"],
        version=version,
        handlers=("his",),
    )
    log.info("appointment_substituted", appointment=str(appointment["id"]), by=actor.client_id)
