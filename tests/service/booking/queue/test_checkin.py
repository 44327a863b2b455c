"""Check-in in its four ways, and what each refuses."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from booking import errors as booking_errors
from booking.queue import checkin, entering, errors, queries
from booking.queue.checkin import CheckIn
from booking.queue.entering import Flags
from booking.queue.place import Fix
from kernel import clock
from kernel.errors import HospitalError
from kernel.events import Actor
from kernel.idempotency import Idempotency
from kernel.ids import new_id
from tests.factories.booking import PORTAL
from tests.factories.queue import KIOSK, NURSE, ClinicDay

HIS = Actor(client_id="his:MICROHIS", channel="his_window", kind="his")
CAMPUS = (23.1, 113.3)


def at_campus(**changes: Any) -> Fix:
    return Fix(*CAMPUS, 20, clock.now())._replace(**changes)


def far() -> Fix:
    return at_campus(latitude=CAMPUS[0] + 0.1)


async def by_place(appointment_id: UUID, fix: Fix, actor: Actor = PORTAL) -> Any:
    return await checkin.check_in(CheckIn("place", appointment_id, fix=fix), actor=actor)


@pytest.mark.parametrize(("way", "actor"), [("staff", NURSE), ("kiosk", KIOSK), ("place", PORTAL), ("code", KIOSK)])
async def test_every_way_leads_into_the_queue(day: ClinicDay, way: str, actor: Actor) -> None:
    door = await day.door()
    [appointment] = await day.book(door)
    asked = CheckIn(way, appointment)
    if way == "place":
        asked = asked._replace(fix=at_campus())
    if way == "code":
        code = await checkin.make_code(appointment_id=appointment, actor=PORTAL)
        asked = CheckIn(way, code=code.code)

    entry = await checkin.check_in(asked, actor=actor)

    assert (entry.label, entry.status, entry.class_, entry.way) == ("A01", "waiting", "on-time", way)
    opens_in = (door.schedule.starts_at - entry.checked_in_at).total_seconds()
    assert (entry.people_before, entry.estimate_low, entry.estimate_seconds) == (0, *[max(round(opens_in), 0)] * 2)
    assert (await day.appointment(appointment)).status == "arrived"
    row = await day.db.fetchrow("SELECT event_type, payload FROM outbox")
    assert row is not None
    assert (row["event_type"], row["payload"]["version"]) == ("appointment.arrived", 2)
    told = await day.db.fetchrow("SELECT kind, client_id, staff_code, details FROM booking_event")
    assert told is not None
    assert tuple(told) == ("arrived", actor.client_id, actor.staff_code, {"way": way})
    assert await day.db.fetchval("SELECT estimate_seconds FROM visit_queue_entry") == entry.estimate_seconds


async def test_a_code_can_be_redeemed_once_and_by_the_hospital_alone(day: ClinicDay) -> None:
    door = await day.door()
    [appointment] = await day.book(door)
    code = (await checkin.make_code(appointment_id=appointment, actor=PORTAL)).code
    with pytest.raises(errors.WayNotAllowed):
        await checkin.check_in(CheckIn("code", code=code), actor=PORTAL)
    entry = await checkin.check_in(CheckIn("code", code=code), actor=KIOSK)
    with pytest.raises(errors.AlreadyCheckedIn) as refused:
        await checkin.check_in(CheckIn("code", code=code), actor=KIOSK)
    assert refused.value.details == {"entry_id": entry.id}
    with pytest.raises(booking_errors.AppointmentNotActive):
        await checkin.make_code(appointment_id=appointment, actor=PORTAL)
    with pytest.raises(booking_errors.AppointmentNotFound):
        await checkin.make_code(
            appointment_id=appointment, actor=Actor(client_id="other", channel="portal", kind="partner")
        )


@pytest.mark.parametrize("way", ["staff", "kiosk", "code"])
async def test_partners_check_in_by_place_only(day: ClinicDay, way: str) -> None:
    [appointment] = await day.book(await day.door())
    before = await day.books()
    with pytest.raises(errors.WayNotAllowed):
        await checkin.check_in(CheckIn(way, appointment, code="x" * 48), actor=PORTAL)
    assert await day.books() == before


@pytest.mark.parametrize("flag", Flags._fields)
@pytest.mark.parametrize(("way", "actor"), [("kiosk", KIOSK), ("place", PORTAL)])
async def test_priority_is_given_by_staff_only(day: ClinicDay, flag: str, way: str, actor: Actor) -> None:
    [appointment] = await day.book(await day.door())
    with pytest.raises(errors.StaffOnlyFlags):
        await checkin.check_in(CheckIn(way, appointment, flags=Flags(**{flag: True}), fix=None), actor=actor)
    assert (await day.appointment(appointment)).status == "booked"


WINDOW: list[tuple[int, type[HospitalError] | None]] = [
    (-121, errors.CheckInNotOpen),
    (-120, None),
    (0, None),
    (240, None),
    (241, errors.CheckInClosed),
]


@pytest.mark.parametrize(("minutes", "refusal"), WINDOW)
async def test_the_window_of_the_clinic(day: ClinicDay, minutes: int, refusal: type[HospitalError] | None) -> None:
    """The clinic is at ten in the morning, so that its window lies within one day."""
    noon = clock.clinic_instant(clock.today() + timedelta(days=1), datetime.min.time().replace(hour=10))
    door = await day.door(starts_in=noon - clock.now())
    [appointment] = await day.book(door)
    starts_at = (await day.appointment(appointment)).starts_at
    with clock.frozen(starts_at + timedelta(minutes=minutes)):
        if refusal is None:
            entry = await checkin.check_in(CheckIn("kiosk", appointment), actor=KIOSK)
            assert entry.class_ == ("late" if minutes > 30 else "on-time")
            return
        with pytest.raises(refusal) as refused:
            await checkin.check_in(CheckIn("kiosk", appointment), actor=KIOSK)
        assert list(refused.value.details.values()) == [starts_at + timedelta(minutes=-120 if minutes < 0 else 240)]
        # The desk may, all day.
        assert (await day.come(appointment)).status == "waiting"


async def test_the_desk_checks_nobody_in_for_another_day(day: ClinicDay) -> None:
    [appointment] = await day.book(await day.door(starts_in=timedelta(days=2)))
    with pytest.raises(errors.CheckInNotOpen):
        await day.come(appointment)
    with clock.frozen(clock.now() + timedelta(days=3)), pytest.raises(errors.CheckInClosed):
        await day.come(appointment)


async def test_who_has_cancelled_is_not_waited_for(day: ClinicDay) -> None:
    [appointment] = await day.book(await day.door())
    await day.db.execute("UPDATE appointment SET status = 'cancelled'")
    with pytest.raises(booking_errors.AppointmentNotActive):
        await day.come(appointment)
    with pytest.raises(booking_errors.AppointmentNotFound):
        await day.come(new_id())


# --- place


async def test_a_place_too_far_is_refused_and_remembered(day: ClinicDay) -> None:
    """Who is refused at home and is "at the hospital" seconds later has an application for it."""
    [appointment] = await day.book(await day.door())
    before = await day.books()
    with pytest.raises(errors.PlaceTooFar) as refused:
        await by_place(appointment, far())
    assert refused.value.details == {"distance_meters": 11_100.0, "limit_meters": 500}
    with pytest.raises(errors.PlaceImpossible):
        await by_place(appointment, at_campus())
    assert await day.books() == before
    with clock.frozen(clock.now() + timedelta(minutes=8)):
        assert (await by_place(appointment, at_campus())).status == "waiting"


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"is_mock": True}, errors.PlaceMocked),
        ({"accuracy_meters": 900.0}, errors.PlaceInaccurate),
        ({"fixed_at": datetime(2026, 1, 1, tzinfo=clock.SHANGHAI)}, errors.PlaceOutdated),
    ],
)
async def test_a_place_that_cannot_be_believed(
    day: ClinicDay, change: dict[str, Any], refusal: type[HospitalError]
) -> None:
    [appointment] = await day.book(await day.door())
    before = await day.books()
    with pytest.raises(refusal):
        await by_place(appointment, at_campus(**change))
    assert await day.books() == before


async def test_one_measurement_serves_a_family_and_no_crowd(day: ClinicDay) -> None:
    people = await day.book(await day.door(), 6)
    fix = at_campus()
    for one in people[:5]:
        assert (await by_place(one, fix)).status == "waiting"
    with pytest.raises(errors.PlaceReplayed):
        await by_place(people[5], fix)


async def test_a_measurement_of_another_application_is_no_measurement(day: ClinicDay) -> None:
    first, second = await day.book(await day.door(), 2)
    fix = at_campus()
    await by_place(first, fix)
    other = Actor(client_id="other", channel="portal", kind="partner")
    await day.db.execute("UPDATE appointment SET client_id = 'other' WHERE id = $1", second)
    with pytest.raises(errors.PlaceReplayed):
        await by_place(second, fix, other)


async def test_places_are_forgotten_after_a_day(day: ClinicDay) -> None:
    [appointment] = await day.book(await day.door())
    await by_place(appointment, at_campus())
    assert await queries.forget_fixes(kept=checkin.FIX_KEPT) == 0
    with clock.frozen(clock.now() + timedelta(hours=25)):
        assert await queries.forget_fixes(kept=checkin.FIX_KEPT) == 1
    assert await day.db.fetchval("SELECT count(*) FROM check_in_fix") == 0


async def test_the_same_request_gives_the_same_answer(day: ClinicDay) -> None:
    [appointment] = await day.book(await day.door())
    key = Idempotency("portal", "k1", "POST /check-ins", {"appointment_id": "x"})
    asked = CheckIn("place", appointment, fix=at_campus())
    first = await checkin.check_in(asked, actor=PORTAL, idempotency=key)
    assert await checkin.check_in(asked, actor=PORTAL, idempotency=key) == first
    assert await day.db.fetchval("SELECT count(*) FROM check_in_fix") == 1


# --- by the HIS


async def test_somebody_without_an_appointment_waits_for_their_doctor(day: ClinicDay) -> None:
    door, other = await day.door(), await day.door()
    await day.waiting(2, door=door)
    code = await day.db.fetchval("SELECT code FROM practitioner WHERE id = $1", door.practitioner_id)
    for number, named, expected in (("V1", code, door), ("V2", "", other), ("V2", "", other)):
        assert await walk_in(day, number, named)
        room = await day.db.fetchval(
            "SELECT q.room_id FROM visit_queue_entry e JOIN visit_queue q ON q.id = e.queue_id WHERE visit_number = $1",
            number,
        )
        assert room == expected.room_id
    assert sorted(await day.labels(door)) == ["A01", "A02", "W01"]
    assert await day.labels(other) == ["W01"]


async def walk_in(day: ClinicDay, number: str, practitioner_code: str, **more: Any) -> bool:
    clinic_code = await day.db.fetchval("SELECT code FROM clinic WHERE id = $1", day.hospital.clinic_id)
    [patient] = await day.hospital.patients(1, born=date(1990, 1, 1))
    facts: dict[str, Any] = {"clinic_code": clinic_code, "registered_at": clock.now()} | more
    async with day.db.transaction() as tx:
        return await entering.enter_walk_in(
            tx,
            patient_id=patient,
            visit_number=number,
            practitioner_code=practitioner_code,
            actor=HIS,
            at=clock.now(),
            **facts,
        )


async def test_a_clinic_without_a_schedule_has_no_queue(day: ClinicDay) -> None:
    await day.door()
    assert not await walk_in(day, "V1", "", clinic_code="elsewhere")
    assert not await walk_in(day, "V1", "", registered_at=clock.now() - timedelta(days=1))
    assert await day.db.fetchval("SELECT count(*) FROM visit_queue_entry") == 0


@pytest.mark.parametrize("status", ["waiting", "called", "passed", "in-consultation", "finished", "left"])
@pytest.mark.parametrize("end", ["finished", "left"])
async def test_the_queue_follows_an_appointment_that_ends_elsewhere(day: ClinicDay, status: str, end: str) -> None:
    [entry] = await day.waiting(1)
    await day.bring_to(entry, status)
    before = await day.events(entry)
    assert entry.appointment_id is not None
    async with day.db.transaction() as tx:
        await entering.leave_with_appointment(tx, entry.appointment_id, status=end, actor=HIS)
    after = await queries.get_entry(entry.id, actor=NURSE)
    follows = status in ({"waiting", "called", "passed"} | ({"in-consultation"} if end == "finished" else set()))
    assert after.status == (end if follows else status)
    assert await day.events(entry) == before + ([end] if follows else [])
