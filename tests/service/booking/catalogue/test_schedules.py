"""A schedule in the slot office's hands: made by hand, withdrawn, its seats moved and blocked."""

import asyncio
from collections.abc import Awaitable
from datetime import date, time, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from booking import expiry, service
from booking.catalogue import errors, generation, kinds, schedules
from booking.catalogue.announcing import load_schedules
from booking.catalogue.entries import Values, get_entry
from booking.catalogue.schedules import NewSchedule, ScheduleFilter
from booking.errors import SoldOut
from kernel import clock
from kernel.db import DatabaseBusy
from kernel.errors import HospitalError
from kernel.events import Actor
from kernel.idempotency import Idempotency
from kernel.ids import new_id
from tests.factories.booking import require_books_agree
from tests.factories.slot_office import OFFICE, WEDNESDAY, Catalogue, at, names, nothing_changes

MINIPROGRAM = Actor("app", "miniprogram", "internal", staff_code="S0001")
NEXT_WEEK = WEDNESDAY + timedelta(days=7)


async def refused(catalogue: Catalogue, attempt: Awaitable[Any], error: type[HospitalError], **details: object) -> None:
    async with nothing_changes(catalogue.db):
        with pytest.raises(error) as raised:
            await attempt
    assert raised.value.details == details


@pytest.fixture
async def schedule(catalogue: Catalogue) -> Values:
    """Next Wednesday's clinic: six half hours of four seats, a quarter of them the window's; open since yesterday."""
    await catalogue.rule(days_ahead=30)
    await catalogue.template()
    await generation.generate_schedules(first=NEXT_WEEK, last=NEXT_WEEK, actor=OFFICE)
    await catalogue.db.execute("DELETE FROM outbox")
    return await schedules.get_schedule(await catalogue.db.fetchval("SELECT id FROM schedule"))


async def patient(catalogue: Catalogue) -> UUID:
    """Somebody to book for."""
    patient_id = new_id()
    await catalogue.db.execute(
        "INSERT INTO patient (id, name, sex, birth_date, document_type, document_cipher, document_hash)"
        " VALUES ($1, 'n', 1, '1980-05-17', 'CN-ID', 'c', $2)",
        patient_id,
        patient_id.bytes,
    )
    return patient_id


def new_schedule(catalogue: Catalogue, **changes: Any) -> NewSchedule:
    """An extra clinic next Thursday evening."""
    values: dict[str, Any] = {
        "practitioner_id": catalogue.ids["practitioner"],
        "clinic_id": catalogue.ids["clinic"],
        "room_id": catalogue.ids["room"],
        "service_type": "general",
        "on": NEXT_WEEK + timedelta(days=1),
        "period": "evening",
        "starts": time(18),
        "ends": time(19),
        "slot_minutes": 20,
        "seats_per_slot": 2,
        "quotas": {"window": 50},
    }
    return NewSchedule(**(values | changes))


def pools_of(shown: Values, status: str = "free") -> dict[str, int]:
    """How many seats of each pool are in a state."""
    counts: dict[str, int] = {}
    for slot in shown["slots"]:
        for seats in slot["seats"]:
            if seats["status"] == status:
                counts[seats["pool"]] = counts.get(seats["pool"], 0) + seats["count"]
    return counts


# --- reading


async def test_a_schedule_shows_its_seats_and_when_they_open(catalogue: Catalogue, schedule: Values) -> None:
    assert {name: value for name, value in schedule.items() if name not in ("slots", "releases", "id")} == {
        "template_id": catalogue.of("schedule_template"),
        "practitioner_id": catalogue.of("practitioner"),
        "clinic_id": catalogue.of("clinic"),
        "department_id": catalogue.of("department"),
        "campus_id": catalogue.of("campus"),
        "room_id": catalogue.of("room"),
        "service_type": "general",
        "date": "2026-09-09",
        "period": "morning",
        "starts_at": "2026-09-09T00:00:00+00:00",
        "ends_at": "2026-09-09T03:00:00+00:00",
        "fee_fen": 2500,
        "status": "active",
        "version": 1,
    }
    assert len(schedule["slots"]) == 6
    assert schedule["slots"][0] | {"id": None} == {
        "id": None,
        "starts_at": "2026-09-09T00:00:00+00:00",
        "ends_at": "2026-09-09T00:30:00+00:00",
        "seats": [
            {"pool": "common", "status": "free", "count": 3},
            {"pool": "window", "status": "free", "count": 1},
        ],
    }
    assert schedule["releases"][1] == {
        "channel": "miniprogram",
        "pool": "common",
        "opens_at": "2026-08-09T23:00:00+00:00",
        "via": "rule",
    }


async def test_lists_go_by_day_page_by_page(catalogue: Catalogue) -> None:
    for weekday in (3, 4, 5):
        await catalogue.template(weekday=weekday)
    await generation.generate_schedules(first=WEDNESDAY, last=NEXT_WEEK, actor=OFFICE)
    every: list[Values] = []
    after: tuple[date, UUID] | None = None
    while page := await schedules.list_schedules(ScheduleFilter(), after=after, limit=2):
        every += page
        after = (date.fromisoformat(page[-1]["date"]), UUID(page[-1]["id"]))
    assert [one["date"] for one in every] == ["2026-09-02", "2026-09-03", "2026-09-04", "2026-09-09"]
    narrowed = ScheduleFilter(
        date_from=date(2026, 9, 3),
        date_until=date(2026, 9, 4),
        clinic_id=catalogue.ids["clinic"],
        practitioner_id=catalogue.ids["practitioner"],
        status="active",
    )
    assert await schedules.list_schedules(narrowed, after=None, limit=9) == every[1:3]
    nobodys = ScheduleFilter(practitioner_id=uuid4())
    assert await schedules.list_schedules(nobodys, after=None, limit=9) == []


# --- made by hand


async def test_an_extra_clinic_opens_by_the_same_rules(catalogue: Catalogue) -> None:
    await catalogue.rule()
    made = await schedules.create_schedule(new_schedule(catalogue), actor=OFFICE)
    assert (made["template_id"], made["fee_fen"], pools_of(made)) == (None, 2500, {"common": 3, "window": 3})
    day = NEXT_WEEK + timedelta(days=1)
    assert await catalogue.releases(UUID(made["id"])) == {
        ("miniprogram", "common"): (at(day - timedelta(days=7), 7), "rule"),
        ("miniprogram", "window"): (at(day, 17), "recycled"),
        ("miniprogram", "city_portal"): (max(at(day - timedelta(days=1), 18), at(WEDNESDAY, 7)), "recycled"),
    }
    assert await catalogue.letters() == [("schedule.published", f"campusday:{catalogue.of('campus')}:{day}")]
    change = await catalogue.last_change()
    assert (change["entity"], change["entity_id"], change["action"]) == ("schedule", made["id"], "created")
    assert (change["before"], change["staff_code"]) == (None, "S0001")
    assert change["after"] == {name: made[name] for name in made if name not in ("slots", "releases")}


async def test_an_extra_clinic_must_make_sense(catalogue: Catalogue, schedule: Values) -> None:
    async def attempt(error: type[HospitalError], changes: dict[str, Any], **details: object) -> None:
        create = schedules.create_schedule(new_schedule(catalogue, **changes), actor=OFFICE)
        await refused(catalogue, create, error, **details)

    for field in ("practitioner_id", "clinic_id", "room_id"):
        await attempt(errors.ReferenceUnknown, {field: uuid4()}, field=field)
    await attempt(errors.ReferenceUnknown, {"service_type": "unknown"}, field="service_type")
    await attempt(errors.ValueNotAllowed, {"ends": time(18)}, field="ends", limit="18:00")
    await attempt(errors.QuotaInvalid, {"quotas": {"common": 1}}, reason="common", pool="common")
    today = {"on": WEDNESDAY, "starts": time(9), "ends": time(10)}
    await attempt(errors.DayPast, today, date="2026-09-02")
    await attempt(errors.DayPast, {"on": date(2001, 1, 1)}, date="2001-01-01")
    await attempt(errors.ScheduleClash, {"on": NEXT_WEEK, "period": "morning"}, schedule_id=schedule["id"])
    overlap = {"on": NEXT_WEEK, "starts": time(10, 30), "ends": time(11, 30)}
    await attempt(errors.ScheduleClash, overlap, schedule_id=schedule["id"])
    await catalogue.add(kinds.SERVICE_TYPE, code="vip", **names("vip"))
    await attempt(errors.FeeMissing, {"service_type": "vip"}, service_type="vip", practitioner_title="chief")


async def test_an_extra_clinic_is_made_once(catalogue: Catalogue) -> None:
    answers = await asyncio.gather(
        *(schedules.create_schedule(new_schedule(catalogue), actor=OFFICE) for _ in range(4)), return_exceptions=True
    )
    assert sorted(type(answer).__name__ for answer in answers) == ["ScheduleClash"] * 3 + ["dict"]
    key = Idempotency("slot-office", "key-1", "POST /administration/schedules", {})
    later = new_schedule(catalogue, on=NEXT_WEEK + timedelta(days=2))
    first = await schedules.create_schedule(later, actor=OFFICE, idempotency=key)
    assert await schedules.create_schedule(later, actor=OFFICE, idempotency=key) == first


# --- withdrawn


async def test_a_withdrawn_schedule_is_out_of_sale(catalogue: Catalogue, schedule: Values) -> None:
    schedule_id = UUID(schedule["id"])
    answer = await schedules.withdraw_schedule(schedule_id, version=1, actor=OFFICE)
    assert (answer["status"], answer["version"], pools_of(answer)) == ("withdrawn", 2, {})
    assert pools_of(answer, "blocked") == {"common": 18, "window": 6}
    assert await catalogue.last_change() == {
        "entity": "schedule",
        "entity_id": schedule["id"],
        "action": "updated",
        "before": {"status": "active", "version": 1},
        "after": {"status": "withdrawn", "version": 2},
        "client_id": "slot-office",
        "staff_code": "S0001",
        "request_id": "request-0001",
        "on_behalf_of": None,
    }
    assert await catalogue.letters() == [("schedule.changed", f"campusday:{catalogue.of('campus')}:2026-09-09")]
    (told,) = await load_schedules(catalogue.db, [schedule_id])
    assert (told.status, told.version) == ("withdrawn", 2)
    await require_books_agree(catalogue.db)
    again = schedules.withdraw_schedule(schedule_id, version=2, actor=OFFICE)
    await refused(catalogue, again, errors.ScheduleNotActive, current_status="withdrawn")


async def test_a_schedule_with_bookings_is_not_withdrawn(catalogue: Catalogue, schedule: Values) -> None:
    slot_id, schedule_id = UUID(schedule["slots"][0]["id"]), UUID(schedule["id"])
    hold = await service.hold_seat(slot_id=slot_id, patient_id=await patient(catalogue), actor=MINIPROGRAM)
    booked = await service.book_appointment(slot_id=slot_id, patient_id=await patient(catalogue), actor=MINIPROGRAM)
    withdrawal = schedules.withdraw_schedule(schedule_id, version=1, actor=OFFICE)
    await refused(catalogue, withdrawal, errors.ScheduleHasBookings, seats=2)
    assert "stop the clinic" in errors.ScheduleHasBookings.en

    await service.cancel_appointment(appointment_id=booked.id, reason=None, actor=MINIPROGRAM)
    withdrawal = schedules.withdraw_schedule(schedule_id, version=1, actor=OFFICE)
    await refused(catalogue, withdrawal, errors.ScheduleHasBookings, seats=1)
    # The hold runs out without anybody having swept it up.
    with clock.frozen(hold.until + timedelta(seconds=1)):
        answer = await schedules.withdraw_schedule(schedule_id, version=1, actor=OFFICE)
        assert pools_of(answer, "blocked") == {"common": 18, "window": 6}
        assert await expiry.expire_holds() == 1
        await require_books_agree(catalogue.db)


async def test_a_schedule_is_withdrawn_as_it_was_read_and_before_it_is_over(
    catalogue: Catalogue, schedule: Values
) -> None:
    schedule_id = UUID(schedule["id"])
    stale = schedules.withdraw_schedule(schedule_id, version=3, actor=OFFICE)
    await refused(catalogue, stale, errors.VersionConflict, current=1)
    absent = schedules.withdraw_schedule(uuid4(), version=1, actor=OFFICE)
    await refused(catalogue, absent, errors.EntryNotFound, entity="schedule")
    with clock.frozen(at(NEXT_WEEK, 11)):
        late = schedules.withdraw_schedule(schedule_id, version=1, actor=OFFICE)
        await refused(catalogue, late, errors.DayPast, date="2026-09-09")


async def test_whoever_books_while_it_is_withdrawn_gets_a_seat_or_a_reason(
    catalogue: Catalogue, schedule: Values
) -> None:
    """Either the booking stands and the schedule stays, or it is withdrawn and nobody has a number."""
    slot_id = UUID(schedule["slots"][0]["id"])
    people = [await patient(catalogue) for _ in range(6)]
    *bookings, withdrawal = await asyncio.gather(
        *(service.book_appointment(slot_id=slot_id, patient_id=one, actor=MINIPROGRAM) for one in people),
        schedules.withdraw_schedule(UUID(schedule["id"]), version=1, actor=OFFICE),
        return_exceptions=True,
    )
    booked = [one for one in bookings if not isinstance(one, BaseException)]
    if isinstance(withdrawal, dict):
        assert booked == []
    else:
        assert isinstance(withdrawal, errors.ScheduleHasBookings | DatabaseBusy)
        assert len(booked) == 3
    await require_books_agree(catalogue.db)


# --- moved between pools


async def test_seats_move_between_pools(catalogue: Catalogue, schedule: Values) -> None:
    schedule_id, last_slot = UUID(schedule["id"]), UUID(schedule["slots"][-1]["id"])
    answer = await schedules.move_seats(schedule_id, from_pool="window", to_pool="city_portal", count=4, actor=OFFICE)
    assert (pools_of(answer), answer["version"]) == ({"common": 18, "city_portal": 4, "window": 2}, 2)
    # The last numbers go first.
    rows = await catalogue.db.fetch("SELECT seq FROM seat WHERE pool = 'window' ORDER BY seq")
    assert [row["seq"] for row in rows] == [3, 7]
    change = await catalogue.last_change()
    assert (change["before"], change["after"]) == (
        {"pools": {"common": 18, "window": 6}, "version": 1},
        {"pools": {"city_portal": 4, "common": 18, "window": 2}, "version": 2},
    )
    (told,) = await load_schedules(catalogue.db, [schedule_id])
    assert [slot.window_sequences for slot in told.slots] == [(3,), (7,), (), (), (), ()]
    assert [kind for kind, _ in await catalogue.letters()] == ["schedule.changed"]

    answer = await schedules.move_seats(
        schedule_id, from_pool="common", to_pool="window", count=3, slot_id=last_slot, actor=OFFICE
    )
    assert answer["slots"][-1]["seats"] == [
        {"pool": "city_portal", "status": "free", "count": 1},
        {"pool": "window", "status": "free", "count": 3},
    ]


async def test_only_free_seats_move_and_all_or_none(catalogue: Catalogue, schedule: Values) -> None:
    schedule_id, slot_id = UUID(schedule["id"]), UUID(schedule["slots"][0]["id"])
    await service.book_appointment(slot_id=slot_id, patient_id=await patient(catalogue), actor=MINIPROGRAM)

    def move(**changes: Any) -> Awaitable[Values]:
        usual: dict[str, Any] = {"from_pool": "common", "to_pool": "window", "count": 3, "slot_id": slot_id}
        return schedules.move_seats(schedule_id, **(usual | changes), actor=OFFICE)

    await refused(catalogue, move(), errors.SeatsNotFree, free=2)
    await refused(catalogue, move(to_pool="common"), errors.ValueNotAllowed, field="to_pool")
    await refused(catalogue, move(to_pool="nowhere"), errors.ReferenceUnknown, field="to_pool")
    await refused(catalogue, move(from_pool="nowhere"), errors.SeatsNotFree, free=0)
    await refused(catalogue, move(slot_id=uuid4()), errors.SeatsNotFree, free=0)
    with clock.frozen(at(NEXT_WEEK, 10, 45)):
        # The last slot has begun: nothing of the schedule is to come.
        await refused(catalogue, move(slot_id=None, count=1), errors.SeatsNotFree, free=0)
    assert pools_of(await move(count=2))["window"] == 8


# --- blocked


async def test_blocked_seats_are_not_sold_until_they_are_put_back(catalogue: Catalogue, schedule: Values) -> None:
    slot_id = UUID(schedule["slots"][0]["id"])
    answer = await schedules.block_seats(slot_id, count=3, pool="common", reason="医生晚到", actor=OFFICE)
    assert answer["slots"][0]["seats"] == [
        {"pool": "common", "status": "blocked", "count": 3},
        {"pool": "window", "status": "free", "count": 1},
    ]
    change = await catalogue.last_change()
    assert (change["before"], change["after"]) == (
        {"slot_id": str(slot_id), "blocked": 0, "version": 1},
        {"slot_id": str(slot_id), "blocked": 3, "pool": "common", "reason": "医生晚到", "version": 2},
    )
    with pytest.raises(SoldOut):
        await service.book_appointment(slot_id=slot_id, patient_id=await patient(catalogue), actor=MINIPROGRAM)
    await require_books_agree(catalogue.db)

    answer = await schedules.unblock_seats(slot_id, count=1, actor=OFFICE)
    assert answer["slots"][0]["seats"][0] == {"pool": "common", "status": "blocked", "count": 2}
    booked = await service.book_appointment(slot_id=slot_id, patient_id=await patient(catalogue), actor=MINIPROGRAM)
    assert booked.queue_number == 1
    events = await catalogue.db.fetch("SELECT kind, staff_code FROM booking_event ORDER BY id")
    assert [tuple(event) for event in events] == [
        *[("blocked", "S0001")] * 3, ("unblocked", "S0001"), ("returned", None), ("booked", "S0001"),
    ]  # fmt: skip
    await require_books_agree(catalogue.db)


async def test_the_his_does_not_sell_blocked_seats_of_its_window(catalogue: Catalogue, schedule: Values) -> None:
    slot_id = UUID(schedule["slots"][0]["id"])
    await schedules.block_seats(slot_id, count=1, pool="window", actor=OFFICE)
    (told,) = await load_schedules(catalogue.db, [UUID(schedule["id"])])
    assert [slot.window_sequences for slot in told.slots[:2]] == [(), (7,)]


async def test_blocking_takes_free_seats_of_coming_slots_only(catalogue: Catalogue, schedule: Values) -> None:
    slot_id = UUID(schedule["slots"][0]["id"])
    await service.hold_seat(slot_id=slot_id, patient_id=await patient(catalogue), actor=MINIPROGRAM)
    too_many = schedules.block_seats(slot_id, count=4, actor=OFFICE)
    await refused(catalogue, too_many, errors.SeatsNotFree, free=3)
    none = schedules.unblock_seats(slot_id, count=1, actor=OFFICE)
    await refused(catalogue, none, errors.SeatsNotBlocked, blocked=0)
    absent = schedules.block_seats(uuid4(), count=1, actor=OFFICE)
    await refused(catalogue, absent, errors.EntryNotFound, entity="slot")
    with clock.frozen(at(NEXT_WEEK, 8)):
        begun = schedules.block_seats(slot_id, count=1, actor=OFFICE)
        await refused(catalogue, begun, errors.DayPast, date="2026-09-09")


async def test_fees_change_for_schedules_to_come(catalogue: Catalogue, schedule: Values) -> None:
    fee = await get_entry(kinds.FEE, catalogue.ids["fee"])
    await catalogue.change(kinds.FEE, fee, amount_fen=3000)
    assert (await schedules.get_schedule(UUID(schedule["id"])))["fee_fen"] == 2500
    later = NEXT_WEEK + timedelta(days=7)
    await generation.generate_schedules(first=later, last=later, actor=OFFICE)
    assert await catalogue.db.fetchval("SELECT fee_fen FROM schedule WHERE clinic_date = $1", later) == 3000
