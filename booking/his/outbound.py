"""Telling the core HIS of appointments, and what its answer changes.

An appointment stands when the platform has committed it. Whether the HIS has it too is a state of its
own (`his_status`): pending until it has accepted the present seat, confirmed then, rejected when it
said no and the appointment had to be given up.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from booking import claims, errors
from booking.facts import read_slot_facts
from booking.payment import links
from booking.payment.standing import read_agreed_fees
from booking.service import cancel_locked, move_locked
from integration.his.facts import AppointmentFacts, AppointmentStatus, PatientFacts, Sex
from integration.his.port import Accepted, ChangeKind, OutboundChange, Rejected
from integration.his.subscriptions import Intent, OutboundSubscription, Verdict
from kernel import clock
from kernel.db import Database, Row, Transaction, database
from kernel.events import Actor
from kernel.log import get_logger
from kernel.outbox import OUTBOX
from patients.his import load_linked_patients, load_patient_facts, note_his_numbers

HANDLER: Final = "his"
SYSTEM: Final = Actor(client_id="system:his", channel="system", kind="system")

SEAT_TAKEN: Final = "seat_taken"
NOT_THERE_YET: Final = frozenset({"schedule_unknown", "patient_unknown", "version_conflict"})
"""Refusals that pass when what was told before has arrived."""
UNKNOWN_THERE: Final = "appointment_unknown"
PASSED_ON_THE_WAY: Final = timedelta(seconds=60)
"""Longer than a refused letter takes from the HIS's answer to here (a lease)."""
REJECTED_BY_HIS: Final = "his_rejected"
CANCELLED_AT_HIS: Final = "cancelled_at_his"
_OWN_REASONS: Final = frozenset({REJECTED_BY_HIS, CANCELLED_AT_HIS})
"""Reasons that are codes of ours; any other is what somebody said."""

_KINDS: Final = {
    "appointment.booked": ChangeKind.APPOINTMENT_BOOKED,
    "appointment.moved": ChangeKind.APPOINTMENT_MOVED,
    "appointment.linked": ChangeKind.APPOINTMENT_MODIFIED,
    "appointment.changed": ChangeKind.APPOINTMENT_MODIFIED,
    "appointment.arrived": ChangeKind.APPOINTMENT_MODIFIED,
    "appointment.fulfilled": ChangeKind.APPOINTMENT_MODIFIED,
    "appointment.cancelled": ChangeKind.APPOINTMENT_CANCELLED,
    "appointment.noshow": ChangeKind.APPOINTMENT_NOSHOW,
}

log = get_logger("booking")

_APPOINTMENTS = """
SELECT a.id, a.his_id, a.status, a.version, a.schedule_id, a.seq, a.patient_id, a.starts_at, s.ends_at,
       a.cancel_reason, coalesce(a.staff_code, a.client_id) AS made_by, a.channel, c.code AS clinic_code,
       r.code AS room_code, p.code AS practitioner_code, sc.service_type
FROM appointment a
JOIN slot s ON s.id = a.slot_id
JOIN schedule sc ON sc.id = a.schedule_id
JOIN clinic c ON c.id = sc.clinic_id
JOIN room r ON r.id = sc.room_id
JOIN practitioner p ON p.id = sc.practitioner_id
WHERE a.id = ANY ($1)
"""


async def load_appointment_facts(
    db: Database | Transaction, appointment_ids: Sequence[UUID]
) -> dict[UUID, AppointmentFacts]:
    """Give appointments as they stand now, in the words of the port.

    Raises:
        DatabaseUnavailable.
    """
    rows = await db.fetch(_APPOINTMENTS, list(appointment_ids))
    fees = await read_agreed_fees(db, appointment_ids)
    people = await load_patient_facts(db, list({row["patient_id"] for row in rows}))
    return {
        row["id"]: AppointmentFacts(
            platform_id=row["id"],
            his_id=row["his_id"],
            status=AppointmentStatus(row["status"]),
            version=row["version"],
            schedule_id=row["schedule_id"],
            sequence=row["seq"],
            patient=people[row["patient_id"]],
            starts_at=row["starts_at"],
            ends_at=row["ends_at"],
            clinic_code=row["clinic_code"],
            room_code=row["room_code"],
            practitioner_code=row["practitioner_code"],
            service_type=row["service_type"],
            reason_code=row["cancel_reason"] if row["cancel_reason"] in _OWN_REASONS else "",
            reason_text="" if row["cancel_reason"] in _OWN_REASONS else row["cancel_reason"] or "",
            made_by=row["made_by"],
            channel=row["channel"],
            fee_fen=fees[row["id"]],
        )
        for row in rows
        if row["patient_id"] in people
    }


async def _load(intents: Sequence[Intent]) -> Mapping[int, OutboundChange]:
    wanted = {intent.id: UUID(intent.payload["appointment_id"]) for intent in intents}
    found = await load_appointment_facts(database(), list(set(wanted.values())))
    return {
        intent.id: OutboundChange(_KINDS[intent.event_type], found[wanted[intent.id]])
        for intent in intents
        if wanted[intent.id] in found
    }


async def _load_refusals(intents: Sequence[Intent]) -> Mapping[int, OutboundChange]:
    """Say that a number sold by the HIS's window cannot stand: a cancellation under the HIS's own id."""
    numbers = {str(intent.payload["his_number"]) for intent in intents}
    people = await load_linked_patients(database(), sorted(numbers))
    changes = {}
    for intent in intents:
        told = intent.payload
        number = str(told["his_number"])
        changes[intent.id] = OutboundChange(
            ChangeKind.APPOINTMENT_CANCELLED,
            AppointmentFacts(
                platform_id=None,
                his_id=told["his_id"],
                status=AppointmentStatus.CANCELLED,
                version=int(told["version"]),
                schedule_id=UUID(told["schedule_id"]),
                sequence=told["sequence"],
                patient=people.get(number) or _unnamed(number),
                starts_at=None,
                ends_at=None,
                reason_code=told["reason"],
                made_by="platform",
            ),
        )
    return changes


def _unnamed(his_number: str) -> PatientFacts:
    """A person of whom the platform knows no more than the HIS's number."""
    return PatientFacts(None, his_number, "", None, Sex.UNKNOWN, None, None, None)


async def _confirm(tx: Transaction, told: Sequence[tuple[Intent, Accepted]]) -> None:
    """Note that the HIS has the appointments, and its numbers of them and of their people.

    One that has changed again since the message was posted stays pending: the next message confirms it.
    """
    await tx.execute(
        "UPDATE appointment a SET his_id = coalesce(a.his_id, t.his_id),"
        " his_status = CASE WHEN t.version >= a.version THEN 'confirmed' ELSE a.his_status END"
        " FROM unnest($1::uuid[], $2::text[], $3::integer[]) AS t (id, his_id, version)"
        " WHERE a.id = t.id AND a.his_status <> 'rejected'"
        " AND (t.version >= a.version AND a.his_status <> 'confirmed'"
        "      OR a.his_id IS NULL AND t.his_id IS NOT NULL)",
        [UUID(intent.payload["appointment_id"]) for intent, _ in told],
        [outcome.his_id for _, outcome in told],
        [int(intent.payload["version"]) for intent, _ in told],
    )
    charts = {intent.payload["appointment_id"]: outcome.his_number for intent, outcome in told if outcome.his_number}
    if charts:
        rows = await tx.fetch("SELECT id, patient_id FROM appointment WHERE id = ANY ($1)", [UUID(i) for i in charts])
        await note_his_numbers(tx, {row["patient_id"]: charts[str(row["id"])] for row in rows})


async def _settle_rejection(tx: Transaction, intent: Intent, rejection: Rejected) -> Verdict:
    """Make good what the HIS refuses.

    A seat that the HIS's window has sold is exchanged for another of the same time band; only when
    there is none the appointment is cancelled. What is refused because something told earlier has not
    arrived is tried again.
    """
    if rejection.code in NOT_THERE_YET:
        return Verdict.RETRY
    appointment_id = UUID(intent.payload["appointment_id"])
    await links.lock_orders_of_appointments(tx, appointment_id)
    row = await tx.fetchrow("SELECT * FROM appointment WHERE id = $1 FOR UPDATE", appointment_id)
    if row is None or row["status"] != "booked":
        # It is over here as well. That the HIS has none of it is what we want.
        settled = row is None or row["status"] == "cancelled"
        return Verdict.SETTLED if settled else Verdict.UNSETTLED
    if intent.event_type not in ("appointment.booked", "appointment.moved"):
        return Verdict.RETRY if rejection.code == UNKNOWN_THERE else Verdict.UNSETTLED
    if rejection.code == SEAT_TAKEN:
        if await _earlier_holder_under_way(tx, row):
            return Verdict.RETRY
        if await _take_another_seat(tx, row):
            return Verdict.SETTLED
    # What it refused may be a move only: then it still has the appointment where it was, and must hear of its end.
    is_known_there = row["his_id"] is not None or intent.event_type == "appointment.moved"
    await cancel_locked(
        tx,
        row,
        actor=SYSTEM,
        reason=REJECTED_BY_HIS,
        handlers=(HANDLER,) if is_known_there else (),
        returned=rejection.code != SEAT_TAKEN,
    )
    if not is_known_there:
        await tx.execute("UPDATE appointment SET his_status = 'rejected' WHERE id = $1", row["id"])
    log.warning("appointment_rejected_by_his", appointment=str(row["id"]), code=rejection.code)
    return Verdict.SETTLED


async def _earlier_holder_under_way(tx: Transaction, row: Row) -> bool:
    """Tell whether the HIS may only think the seat taken because it had not heard yet who left it.

    Letters of different appointments pass one another: the one that frees the seat may have arrived since the HIS
    refused this one, so one that was finished a moment ago counts as well.
    """
    rows = await tx.fetch(
        "SELECT DISTINCT appointment_id FROM booking_event"
        " WHERE seat_id = $1 AND appointment_id IS NOT NULL AND appointment_id <> $2",
        row["seat_id"],
        row["id"],
    )
    names = [f"appointment:{earlier['appointment_id']}" for earlier in rows]
    if not names:
        return False
    since = clock.machine_now() - PASSED_ON_THE_WAY
    return bool(
        await OUTBOX.pending_aggregates(tx, HANDLER, names)
        or await OUTBOX.aggregates_finished_since(tx, HANDLER, names, since)
    )


async def _take_another_seat(tx: Transaction, row: Row) -> bool:
    """Give the appointment another seat of its time band and tell the HIS anew; False: there is none."""
    key = (row["slot_id"], row["channel"])
    at = clock.now()
    slot = (await read_slot_facts(tx, [key], at=at)).get(key)
    if slot is None:
        return False
    try:
        async with tx.connection.transaction():
            await move_locked(tx, row, slot, actor=SYSTEM, handlers=(), at=at, returned=False)
    except (errors.SoldOut, errors.AlreadyBooked, errors.AlreadyHeld, errors.DailyLimitReached):
        return False
    # It was not the patient's wish, so it does not count as one of the moves that they have.
    version = await tx.fetchval(
        "UPDATE appointment SET moves = $2 WHERE id = $1 RETURNING version", row["id"], row["moves"]
    )
    await claims.send_appointment(
        tx,
        "appointment.booked",
        appointment_id=row["id"],
        patient_id=row["patient_id"],
        version=version,
        handlers=(HANDLER,),
    )
    log.info("appointment_given_another_seat", appointment=str(row["id"]))
    return True


OUTBOUND: Final = (
    *(OutboundSubscription(event_type, _load, accepted=_confirm, rejected=_settle_rejection) for event_type in _KINDS),
    OutboundSubscription("his_booking.refused", _load_refusals),
)
