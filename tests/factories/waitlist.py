"""People who wait: joining lists, answering offers, and rules of the list."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import orjson

from booking import availability, service
from booking.facts import Appointment
from booking.waitlist import queries
from booking.waitlist import service as waitlist
from booking.waitlist.facts import Entry, Offer, TargetKind, Wanted
from kernel.events import Actor
from kernel.ids import new_id
from tests.factories.booking import PORTAL, HospitalUnderTest, ScheduleUnderTest


async def join(
    person: UUID,
    target: ScheduleUnderTest | UUID,
    *,
    kind: TargetKind = "schedule",
    days: tuple[date, date] | None = None,
    periods: tuple[str, ...] = (),
    is_urgent: bool = False,
    actor: Actor = PORTAL,
    **more: Any,
) -> Entry:
    """Put a person on the list of a schedule, or of what is named."""
    target_id = target.id if isinstance(target, ScheduleUnderTest) else target
    wanted = Wanted(kind, target_id, person, days, periods, is_urgent)
    return await waitlist.join_waitlist(wanted, actor=actor, **more)


async def sell_out(hospital: HospitalUnderTest, schedule: ScheduleUnderTest) -> list[Appointment]:
    """Book every seat of every slot of a schedule for people of their own."""
    sold = []
    for slot in schedule.slots:
        seats = await hospital.db.fetchval("SELECT count(*) FROM seat WHERE slot_id = $1 AND status = 'free'", slot)
        sold += [
            await service.book_appointment(slot_id=slot, patient_id=person, actor=PORTAL)
            for person in await hospital.patients(seats)
        ]
    return sold


async def cancel(appointment: Appointment) -> Appointment:
    """Give a number back."""
    return await service.cancel_appointment(appointment_id=appointment.id, reason=None, actor=PORTAL)


async def entry_of(entry: Entry) -> Entry:
    """Read an entry again."""
    return await queries.get_entry(entry.id, actor=PORTAL)


async def offers_of(entry: Entry) -> list[Offer]:
    """Read what an entry was offered, newest first."""
    return list(await queries.list_offers(entry.id, actor=PORTAL))


async def open_offer(entry: Entry) -> Offer:
    """Read the one open offer that an entry has."""
    [offer] = [offer for offer in await offers_of(entry) if offer.status == "open"]
    return offer


async def set_rule(hospital: HospitalUnderTest, **values: object) -> None:
    """Give the clinic under test a rule of its own."""
    await hospital.db.execute("DELETE FROM booking_rule WHERE clinic_id = $1", hospital.clinic_id)
    names = ", ".join(values)
    marks = ", ".join(f"${n}" for n in range(3, len(values) + 3))
    await hospital.db.execute(
        f"INSERT INTO booking_rule (id, clinic_id, {names}) VALUES ($1, $2, {marks})",
        new_id(),
        hospital.clinic_id,
        *values.values(),
    )


async def practitioner_of(hospital: HospitalUnderTest, schedule: ScheduleUnderTest) -> UUID:
    """Give whose clinic a schedule is."""
    found: UUID = await hospital.db.fetchval("SELECT practitioner_id FROM schedule WHERE id = $1", schedule.id)
    return found


async def notices(hospital: HospitalUnderTest, kind: str) -> list[tuple[UUID, dict[str, Any]]]:
    """List the notices of a kind: whom they are about, and what they say."""
    rows = await hospital.db.fetch("SELECT subject_id, facts FROM booking_notice WHERE kind = $1 ORDER BY id", kind)
    return [(row["subject_id"], row["facts"]) for row in rows]


async def release_story(hospital: HospitalUnderTest, schedule: ScheduleUnderTest) -> list[tuple[str, datetime]]:
    """List what happened to a schedule's seats, in order: kind and instant."""
    rows = await hospital.db.fetch("SELECT kind, at FROM booking_event WHERE schedule_id = $1 ORDER BY id", schedule.id)
    return [(row["kind"], row["at"]) for row in rows]


async def available(schedule: ScheduleUnderTest) -> list[int]:
    """Read how many seats of each slot the portal is told that it may book."""
    slots = orjson.loads(f"[{await availability.slots_of_schedule(schedule.id, 'portal')}]")
    return [slot["available"] for slot in slots]
