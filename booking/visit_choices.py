"""Where a visit can be moved, and where its free follow-up can be: times that would be taken, by day.

Only times that fit are told: released, free, of the same department, open to the person, and at a fee to which the
hospital's terms let a paid number move. Who asks for one is judged again by the service.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from booking import errors, followup_terms, rules
from booking.facts import SlotFacts, read_slot_facts
from booking.payment import policies
from booking.visits import Visit, Words
from kernel import clock
from kernel.db import Row, Transaction, database
from kernel.errors import HospitalError
from kernel.events import Actor
from patients import queries as patients

DAYS_AHEAD: Final = 21
SLOTS_MAX: Final = 5_000
_OUTSIDE: Final = (errors.FollowUpNotAllowed, errors.FollowUpNotDue, errors.FollowUpWindowPassed)


@dataclass(frozen=True, slots=True)
class Time:
    """A half hour that can be had."""

    slot_id: UUID
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class ClinicChoice:
    """A clinic with times that can be had; fee_fen: what the visit would cost there."""

    schedule_id: UUID
    clinic_date: date
    practitioner: str
    title: Words
    service_type: Words
    campus: Words
    room: Words
    fee_fen: int
    is_same_practitioner: bool
    times: Sequence[Time]


@dataclass(frozen=True, slots=True)
class Choices:
    """What can be chosen. days: those with times, and how many. on: the day that `clinics` are of, if there is one.

    left_out_for_fee: how many times of these days are free but not told, because of what they cost.
    """

    days: Sequence[tuple[date, int]]
    on: date | None
    clinics: Sequence[ClinicChoice]
    left_out_for_fee: int


_FREE: Final = """
SELECT s.id, s.starts_at, sc.clinic_date, sc.fee_fen, registration_policy(sc.service_type, $5) AS policy
FROM schedule sc
JOIN clinic c ON c.id = sc.clinic_id AND c.active AND NOT c.is_emergency
JOIN service_type y ON y.code = sc.service_type
JOIN slot s ON s.schedule_id = sc.id AND s.starts_at > $4
WHERE sc.status = 'active' AND sc.clinic_date BETWEEN $2 AND $3
  AND (sc.department_id = $1
       OR $7 AND EXISTS (SELECT FROM department d JOIN department own ON own.followup_group = d.followup_group
                         WHERE own.id = $1 AND d.id = sc.department_id))
  AND (NOT $7 OR y.takes_followup)
  AND EXISTS (SELECT FROM seat t JOIN schedule_release l ON l.schedule_id = sc.id AND l.pool = t.pool
                  AND l.channel = $5 AND l.opens_at <= $4
              WHERE t.slot_id = s.id AND t.status IN ('free', 'held') AND (t.status = 'free' OR t.hold_until <= $4))
ORDER BY s.starts_at, s.id LIMIT $6
"""
_CLINICS: Final = """
SELECT sc.id, sc.practitioner_id, p.name, ARRAY[t.name_zh, t.name_en] AS title,
       ARRAY[y.name_zh, y.name_en] AS service_type, ARRAY[m.name_zh, m.name_en] AS campus,
       ARRAY[r.name_zh, r.name_en] AS room
FROM schedule sc JOIN practitioner p ON p.id = sc.practitioner_id JOIN title t ON t.code = p.title
JOIN service_type y ON y.code = sc.service_type JOIN campus m ON m.id = sc.campus_id JOIN room r ON r.id = sc.room_id
WHERE sc.id = ANY ($1)
"""


async def find_moves(visit: Visit, *, on: date | None, actor: Actor) -> Choices:
    """Find where an appointment can be moved within its department; `on`: the day to show, else the first.

    Raises:
        DatabaseUnavailable.
    """
    today = clock.today()
    async with database().transaction() as tx:
        if visit.follow_up_of is not None:
            return await _near(tx, visit, await _read(tx, visit.follow_up_of), on=on, actor=actor)
        terms = await policies.read_terms(tx)
        free = await _free_slots(tx, visit, since=today, until=today + timedelta(days=DAYS_AHEAD), actor=actor)
        fitting = [one for one in free if _may_cost(visit, one, terms)]
        return await _choices(tx, visit, fitting, on=on, actor=actor, left_out=len(free) - len(fitting))


async def find_follow_ups(visit: Visit, *, on: date | None, actor: Actor) -> Choices:
    """Find where the free follow-up of a visit can be; `on`: the day to show, else the first.

    Raises:
        FollowUpNotAllowed, FollowUpNotDue, FollowUpWindowPassed, FollowUpUsed: there is none.
        DatabaseUnavailable.
    """
    async with database().transaction() as tx:
        first = await _read(tx, visit.id)
        await followup_terms.require_open(tx, first, today=clock.today())
        return await _near(tx, visit, first, on=on, actor=actor)


async def follow_up_offer(visit: Visit) -> tuple[date | None, HospitalError | None]:
    """Tell until which day a visit has a free follow-up left, or why it has none.

    Raises:
        DatabaseUnavailable.
    """
    async with database().transaction() as tx:
        try:
            return await followup_terms.require_open(tx, await _read(tx, visit.id), today=clock.today()), None
        except (*_OUTSIDE, errors.FollowUpUsed) as refusal:
            return None, refusal


async def name_offered(visit: Visit, slots: Sequence[SlotFacts]) -> list[ClinicChoice]:
    """Name the clinics of slots that a stopped one offers, in their order; a paid fee moves to none that costs more.

    Raises:
        DatabaseUnavailable.
    """
    async with database().transaction() as tx:
        first = await _read(tx, visit.follow_up_of) if visit.follow_up_of is not None else None
        dearest_fen = visit.fee_fen if visit.payment == "paid" else None
        fitting = [one for one in slots if first or dearest_fen is None or one.fee_fen <= dearest_fen]
        return await _clinics(tx, visit, fitting, first=first)


async def _read(tx: Transaction, appointment_id: UUID) -> Row:
    row = await tx.fetchrow("SELECT * FROM appointment WHERE id = $1", appointment_id)
    assert row is not None, "appointments are never deleted"
    return row


async def _near(tx: Transaction, visit: Visit, first: Row, *, on: date | None, actor: Actor) -> Choices:
    """Find where a follow-up of a first visit can be, a new one or one that is moved."""
    last = await followup_terms.last_date(tx, first)
    free = await _free_slots(tx, visit, since=clock.today(), until=last, actor=actor, for_follow_up=True)
    later = [one for one in free if one["starts_at"] > first["starts_at"]]
    return await _choices(tx, visit, later, on=on, actor=actor, first=first)


async def _free_slots(
    tx: Transaction, visit: Visit, *, since: date, until: date, actor: Actor, for_follow_up: bool = False
) -> list[Row]:
    at = clock.now()
    rows = await tx.fetch(_FREE, visit.department_id, since, until, at, actor.channel, SLOTS_MAX, for_follow_up)
    return [row for row in rows if row["id"] != visit.slot_id]


def _may_cost(visit: Visit, slot: Row, terms: policies.Terms) -> bool:
    """Tell whether the fee of a slot lets an appointment move there, by how its own stands."""
    if visit.payment != "paid":
        return bool(slot["policy"] != "at-booking" or slot["fee_fen"] == 0)
    return bool(
        slot["fee_fen"] == visit.fee_fen or (terms.reschedule != "same-fee" and slot["fee_fen"] < visit.fee_fen)
    )


async def _choices(
    tx: Transaction,
    visit: Visit,
    free: Sequence[Row],
    *,
    on: date | None,
    actor: Actor,
    first: Row | None = None,
    left_out: int = 0,
) -> Choices:
    days = Counter(row["clinic_date"] for row in free)
    shown = on if on in days else min(days, default=None)
    slots = await _that_fit(tx, visit, [row["id"] for row in free if row["clinic_date"] == shown], actor=actor)
    clinics = await _clinics(tx, visit, slots, first=first)
    clinics.sort(key=lambda one: (not one.is_same_practitioner, one.times[0].starts_at, one.practitioner))
    return Choices(sorted(days.items()), shown, clinics, left_out)


async def _clinics(
    tx: Transaction, visit: Visit, slots: Sequence[SlotFacts], *, first: Row | None
) -> list[ClinicChoice]:
    """Put slots together by clinic, with names; those of a follow-up cost nothing and stay within its terms."""
    of_clinic: dict[UUID, list[SlotFacts]] = {}
    for slot in slots:
        of_clinic.setdefault(slot.schedule_id, []).append(slot)
    if first is not None:
        of_clinic = {key: times for key, times in of_clinic.items() if await _is_within(tx, first, times[-1])}
    rows = {row["id"]: row for row in await tx.fetch(_CLINICS, list(of_clinic))}
    own = await tx.fetchval("SELECT practitioner_id FROM schedule WHERE id = $1", visit.schedule_id)
    return [_clinic(rows[key], times, visit, own=own, is_free=first is not None) for key, times in of_clinic.items()]


async def _that_fit(tx: Transaction, visit: Visit, slot_ids: Sequence[UUID], *, actor: Actor) -> list[SlotFacts]:
    """Read slots that the person may have now, in their order."""
    at = clock.now()
    found = await read_slot_facts(tx, [(slot_id, actor.channel) for slot_id in slot_ids], at=at)
    person = (await patients.eligibility_facts(tx, [(visit.patient_id, None)]))[visit.patient_id]
    return [slot for slot_id in slot_ids if _fits(slot := found[slot_id, actor.channel], person, at=at)]


def _fits(slot: SlotFacts, person: patients.PatientFacts, *, at: datetime) -> bool:
    try:
        rules.require_bookable(slot, at=at)
        rules.require_seat(slot)
        rules.require_eligible(slot, person)
    except HospitalError:
        return False
    # A rush has its own door.
    return not slot.needs_turn


async def _is_within(tx: Transaction, first: Row, slot: SlotFacts) -> bool:
    try:
        await followup_terms.require_within_terms(tx, first, slot)
    except _OUTSIDE:
        return False
    return True


def _clinic(row: Row, slots: Sequence[SlotFacts], visit: Visit, *, own: Any, is_free: bool) -> ClinicChoice:
    fee_fen = 0 if is_free else slots[0].fee_fen
    if row["id"] == visit.schedule_id:
        fee_fen = min(fee_fen, visit.fee_fen)
    return ClinicChoice(
        schedule_id=row["id"],
        clinic_date=slots[0].clinic_date,
        practitioner=row["name"],
        title=Words(*row["title"]),
        service_type=Words(*row["service_type"]),
        campus=Words(*row["campus"]),
        room=Words(*row["room"]),
        fee_fen=fee_fen,
        is_same_practitioner=row["practitioner_id"] == own,
        times=[Time(one.slot_id, one.starts_at, one.ends_at) for one in slots],
    )
