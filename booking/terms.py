"""On which terms a person may have a number: whether at all, until when it may be given back, how the fee is paid.

Told before anything is taken. Taking decides again: what is told here may be another a moment later.
"""

from datetime import date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from booking import errors, facts, rules
from booking.facts import SlotFacts
from booking.payment import policies
from booking.queue import claims as queue_claims
from kernel import clock
from kernel.db import database
from kernel.errors import HospitalError
from kernel.events import Actor
from patients import queries as patients


class ActiveHold(NamedTuple):
    """A seat that is kept for a person now."""

    id: UUID
    slot_id: UUID
    until: datetime


class BookingTerms(NamedTuple):
    """The terms of one slot for one person.

    pay: `now` (the number is had by paying), `later`, `window` (at the hospital), `free`. refusal: why the person may
    not have a number of it; None where nothing stands against it. hold: what is kept for them in the department that
    day already.
    """

    slot: SlotFacts
    pay: str
    cancel_until: datetime
    hold_seconds: int
    refusal: HospitalError | None
    hold: ActiveHold | None


class Arrival(NamedTuple):
    """When somebody can check in for a visit."""

    opens_at: datetime
    closes_at: datetime


async def read_booking_terms(slot_id: UUID, *, patient_id: UUID, actor: Actor) -> BookingTerms:
    """Give the terms of a slot for a person who is known to the caller.

    Raises:
        SlotNotFound: absent, withdrawn, or one of which the channel never gets seats.
        PatientUnknown.
        DatabaseUnavailable.
    """
    at = clock.now()
    key = (slot_id, actor.channel)
    slot = (await facts.read_slot_facts(database(), [key], at=at)).get(key)
    if slot is None or not slot.active or not slot.released:
        raise errors.SlotNotFound
    people = await patients.eligibility_facts(database(), [(patient_id, None if actor.sees_all else actor.client_id)])
    if patient_id not in people:
        raise errors.PatientUnknown
    hold = await _read_hold(patient_id, slot.department_id, slot.clinic_date, at=at)
    return BookingTerms(
        slot=slot,
        pay=_pay(slot, actor),
        cancel_until=slot.starts_at - timedelta(minutes=slot.cancel_minutes_before),
        hold_seconds=slot.hold_seconds,
        refusal=_refusal(slot, people[patient_id], is_held=hold is not None and hold.slot_id == slot_id, at=at),
        hold=hold,
    )


async def read_pay(slot_id: UUID, *, actor: Actor) -> str:
    """Say how the fee of a slot is paid, as in the terms.

    Raises:
        SlotNotFound, DatabaseUnavailable.
    """
    key = (slot_id, actor.channel)
    slot = (await facts.read_slot_facts(database(), [key], at=clock.now())).get(key)
    if slot is None:
        raise errors.SlotNotFound
    return _pay(slot, actor)


async def read_arrival(clinic_id: UUID, starts_at: datetime) -> Arrival:
    """Tell between which instants one checks in for a visit.

    Raises:
        DatabaseUnavailable.
    """
    async with database().transaction() as tx:
        rule = await queue_claims.read_rule(tx, clinic_id)
    return Arrival(
        starts_at - timedelta(minutes=rule["check_in_minutes_before"]),
        starts_at + timedelta(minutes=rule["check_in_minutes_after"]),
    )


def _pay(slot: SlotFacts, actor: Actor) -> str:
    if slot.fee_fen == 0 or slot.payment_policy == "none":
        return "free"
    if policies.pays_first(slot, actor):
        return "now"
    return "window" if slot.payment_policy == "at-window" else "later"


def _refusal(slot: SlotFacts, person: patients.PatientFacts, *, is_held: bool, at: datetime) -> HospitalError | None:
    """Ask the rules in the order in which taking a seat asks them."""
    try:
        rules.require_bookable(slot, at=at)
        rules.require_eligible(slot, person)
        rules.require_not_banned(slot, person, at=at)
        if not is_held:
            rules.require_seat(slot)
    except HospitalError as refusal:
        return refusal
    return None


async def _read_hold(patient_id: UUID, department_id: UUID, day: date, *, at: datetime) -> ActiveHold | None:
    row = await database().fetchrow(
        "SELECT h.id, h.slot_id, h.until FROM visit_claim v JOIN hold h ON h.id = v.owner_id"
        " JOIN schedule sc ON sc.id = h.schedule_id WHERE v.patient_id = $1 AND v.clinic_date = $3 AND h.kind = 'hold'"
        " AND h.status = 'active' AND h.until > $4 AND h.follow_up_of IS NULL AND sc.department_id = $2"
        " ORDER BY h.until DESC LIMIT 1",
        patient_id,
        department_id,
        day,
        at,
    )
    return None if row is None else ActiveHold(*row.values())
