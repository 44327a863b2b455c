"""Registrations of an outage that no rule can merge: kept for a member of staff, never lost.

While the platform is away nobody can tell the clerk "no", and the person goes home with a number. What turns out to be
in the way afterwards is a case. Mostly the registration stands at the window meanwhile (`stands`): the person has
another number that day, the clinic was stopped, it is not clear who they are. Only where the number is another
patient's by now the HIS undoes its own at once, for no number may be used twice; somebody then has to find the person
another one.
"""

from typing import Final
from uuid import UUID

from booking.windows.states import WINDOW_CASE
from integration.his.facts import AppointmentFacts
from integration.his.port import InboundChange
from kernel import clock
from kernel.db import Row, Transaction
from kernel.errors import HospitalError
from kernel.events import Actor
from kernel.ids import new_id
from kernel.log import get_logger
from patients.his import his_actor, take_over_patient, tell_patient

OFFLINE_CHANNEL: Final = "his_window_offline"
"""What the HIS's window names as its channel while the platform does not answer it."""
STOPPED: Final = "stopped"

log = get_logger("booking")


async def keep_registration(tx: Transaction, change: InboundChange, error: HospitalError) -> bool:
    """Keep a registration of an outage that cannot be merged as a case; tell whether it stands at the window meanwhile.

    A sale made while the platform answered is none: the clerk hears the refusal, and the person is still there.
    """
    told = change.facts
    assert isinstance(told, AppointmentFacts), "only bookings are kept"
    if told.channel != OFFLINE_CHANNEL or told.his_id is None or told.schedule_id is None or told.sequence is None:
        return False
    reason, stands = await _judge(tx, told, error.code)
    patient_id = await _find_person(tx, told, source=change.source)
    await tx.execute(
        "INSERT INTO window_case (id, source, his_id, schedule_id, seq, version, his_number, patient_id, clerk, reason,"
        " stands, status, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 'open', $12)"
        " ON CONFLICT (source, his_id) DO NOTHING",
        new_id(),
        change.source,
        told.his_id,
        told.schedule_id,
        told.sequence,
        told.version,
        told.patient.his_number or "",
        patient_id,
        told.made_by,
        reason,
        stands,
        clock.now(),
    )
    log.warning("window_registration_kept", his_id=told.his_id, reason=reason, stands=stands)
    return stands


async def _judge(tx: Transaction, told: AppointmentFacts, code: str) -> tuple[str, bool]:
    """Say why the registration cannot be merged, and whether it may stand until somebody has decided."""
    seat = await tx.fetchrow(
        "SELECT e.status FROM seat e WHERE e.schedule_id = $1 AND e.seq = $2", told.schedule_id, told.sequence
    )
    if code != "booking.seat_taken" or seat is None:
        return code, True
    if seat["status"] == "blocked":
        return STOPPED, True
    return code, False


async def _find_person(tx: Transaction, told: AppointmentFacts, *, source: str) -> UUID | None:
    """Find or register the person as for any sale; None: what is told of them does not fit together."""
    actor = his_actor(source, staff_code=told.made_by)
    try:
        async with tx.connection.transaction():
            patient_id, newly_linked = await take_over_patient(tx, told.patient, actor=actor)
            if newly_linked and told.patient.platform_id is None:
                await tell_patient(tx, patient_id)
    except HospitalError as error:
        log.info("window_registration_of_nobody_known", his_id=told.his_id, code=error.code)
        return None
    return patient_id


async def is_kept(tx: Transaction, his_id: str | None) -> bool:
    """Tell whether a registration is, or was, a case of its own: what the HIS goes on telling of it waits with it."""
    return bool(await tx.fetchval("SELECT EXISTS (SELECT FROM window_case WHERE his_id = $1)", his_id))


async def close_withdrawn(tx: Transaction, his_id: str | None) -> None:
    """Close the case of a registration that was given back at the window."""
    assert WINDOW_CASE.allows("open", "withdrawn")
    await tx.execute(
        "UPDATE window_case SET status = 'withdrawn', settled_at = $2 WHERE his_id = $1 AND status = 'open'",
        his_id,
        clock.now(),
    )


async def close_merged(tx: Transaction, his_id: str | None, *, appointment_id: UUID) -> None:
    """Close the case of a registration that could be merged after all."""
    assert WINDOW_CASE.allows("open", "accepted")
    await tx.execute(
        "UPDATE window_case SET status = 'accepted', settled_at = $2, appointment_id = $3"
        " WHERE his_id = $1 AND status = 'open'",
        his_id,
        clock.now(),
        appointment_id,
    )


async def settle(
    tx: Transaction, case: Row, *, to: str, actor: Actor, appointment_id: UUID | None = None, note: str | None = None
) -> None:
    """Write down how a case, which the caller has locked and found open, was settled."""
    settled = await tx.execute(
        "UPDATE window_case SET status = $2, settled_at = $3, settled_by = $4, appointment_id = $5, note = $6,"
        " patient_id = coalesce((SELECT patient_id FROM appointment WHERE id = $5), patient_id)"
        " WHERE id = $1 AND status = ANY ($7)",
        case["id"],
        to,
        clock.now(),
        actor.staff_code or actor.client_id,
        appointment_id,
        note,
        WINDOW_CASE.before(to),
    )
    assert settled == 1, "it is locked and open"
