"""From template and calendar to schedules, slots and seats: previewed, made once, made again without effect."""

import asyncio
from collections import Counter
from datetime import date, timedelta
from uuid import UUID

import pytest

from booking.catalogue import errors, generation, kinds
from booking.catalogue.entries import get_entry
from booking.catalogue.generation import GeneratedDay, GenerationReport
from kernel.idempotency import Idempotency
from tests.factories.slot_office import OFFICE, WEDNESDAY, Catalogue, at, nothing_changes

DAY = timedelta(days=1)
MAKE_UP_SUNDAY = date(2026, 9, 20)  # Works as a Tuesday.
NATIONAL_DAY = date(2026, 10, 1)  # A Thursday.


async def generate(first: date, last: date | None = None) -> GenerationReport:
    return await generation.generate_schedules(first=first, last=last or first, actor=OFFICE)


async def days_with_schedules(catalogue: Catalogue) -> list[date]:
    rows = await catalogue.db.fetch("SELECT clinic_date FROM schedule ORDER BY clinic_date")
    return [row["clinic_date"] for row in rows]


async def test_a_template_becomes_slots_and_seats(catalogue: Catalogue) -> None:
    template = await catalogue.template(starts="08:00", ends="10:15", seats_per_slot=2)
    report = await generate(WEDNESDAY + 7 * DAY)

    day = WEDNESDAY + 7 * DAY
    assert report == GenerationReport(
        first=day,
        last=day,
        schedules_created=1,
        seats_created=8,
        schedules_existing=0,
        clashes=(),
        without_fee=(),
        provisional_years=(),
        days=(GeneratedDay(day, "workday", "", "", 3, 1, 8, 0, 0),),
    )
    schedule = await catalogue.db.fetchrow("SELECT * FROM schedule")
    assert schedule is not None
    assert schedule["template_id"] == UUID(template["id"])
    # A quarter of an hour at the end is shorter than a slot, and is not sold.
    assert (schedule["starts_at"], schedule["ends_at"]) == (at(day, 8), at(day, 10))
    assert (schedule["fee_fen"], schedule["status"], schedule["version"]) == (2500, "active", 1)
    slots = await catalogue.db.fetch("SELECT starts_at, ends_at FROM slot ORDER BY starts_at")
    assert [(slot["starts_at"], slot["ends_at"]) for slot in slots] == [
        (at(day, 8) + n * timedelta(minutes=30), at(day, 8) + (n + 1) * timedelta(minutes=30)) for n in range(4)
    ]
    seats = await catalogue.db.fetch("SELECT seq, pool, status FROM seat ORDER BY seq")
    assert [seat["seq"] for seat in seats] == list(range(1, 9))
    assert Counter(seat["pool"] for seat in seats) == {"common": 6, "window": 2}
    assert {seat["status"] for seat in seats} == {"free"}
    assert await catalogue.letters() == [("schedule.published", f"campusday:{catalogue.of('campus')}:{day}")]


async def test_a_run_is_logged(catalogue: Catalogue) -> None:
    await catalogue.template()
    report = await generate(WEDNESDAY, WEDNESDAY + 13 * DAY)
    change = await catalogue.last_change()
    assert (change["entity"], change["action"], change["staff_code"]) == ("schedule_generation", "created", "S0001")
    assert change["entity_id"] == "2026-09-02..2026-09-15"
    assert (change["before"], change["after"]) == (None, report.stored())


async def test_holidays_are_left_out_and_said(catalogue: Catalogue) -> None:
    await catalogue.template(weekday=4)
    await catalogue.template(weekday=4, period="evening", starts="18:00", ends="20:00", works_on_holidays=True)
    report = await generate(NATIONAL_DAY)
    assert report.days == (GeneratedDay(NATIONAL_DAY, "holiday", "国庆节", "National Day", 4, 1, 16, 0, 1),)
    assert await catalogue.db.fetchval("SELECT period FROM schedule") == "evening"


async def test_a_make_up_workday_runs_the_templates_of_the_day_it_makes_up_for(catalogue: Catalogue) -> None:
    await catalogue.template(weekday=2)
    await catalogue.template(weekday=7, period="afternoon", starts="14:00", ends="17:00")
    await generate(MAKE_UP_SUNDAY)
    assert await catalogue.db.fetchval("SELECT array_agg(period) FROM schedule") == ["morning"]


async def test_the_slot_office_says_which_day_a_day_follows(catalogue: Catalogue) -> None:
    await catalogue.template(weekday=3)
    saturday = date(2026, 9, 5)
    await catalogue.add(kinds.CALENDAR_DAY, date=saturday.isoformat(), kind="workday", follows_weekday=3)
    await catalogue.add(kinds.CALENDAR_DAY, date="2026-09-09", kind="holiday", name_zh="院庆")
    report = await generate(WEDNESDAY, WEDNESDAY + 8 * DAY)
    assert await days_with_schedules(catalogue) == [WEDNESDAY, saturday]
    assert [(day.date, day.left_out) for day in report.days if day.left_out] == [(date(2026, 9, 9), 1)]


async def test_a_template_runs_only_while_it_is_valid(catalogue: Catalogue) -> None:
    await catalogue.template(valid_from="2026-09-09", valid_until="2026-09-22")
    await generate(WEDNESDAY, WEDNESDAY + 28 * DAY)
    assert await days_with_schedules(catalogue) == [date(2026, 9, 9), date(2026, 9, 16)]


async def test_running_again_makes_nothing_twice(catalogue: Catalogue) -> None:
    await catalogue.template()
    await generate(WEDNESDAY, WEDNESDAY + 13 * DAY)
    async with nothing_changes(catalogue.db):
        again = await generate(WEDNESDAY, WEDNESDAY + 13 * DAY)
    assert (again.schedules_created, again.seats_created, again.schedules_existing) == (0, 0, 2)


async def test_what_was_withdrawn_does_not_come_back(catalogue: Catalogue) -> None:
    await catalogue.template()
    await generate(WEDNESDAY + 7 * DAY)
    await catalogue.db.execute("UPDATE schedule SET status = 'withdrawn'")
    assert (await generate(WEDNESDAY + 7 * DAY)).schedules_existing == 1
    assert await catalogue.db.fetchval("SELECT count(*) FROM schedule") == 1


async def test_runs_at_once_make_one_hospital(catalogue: Catalogue) -> None:
    await catalogue.template()
    reports = await asyncio.gather(*(generate(WEDNESDAY, WEDNESDAY + 13 * DAY) for _ in range(4)))
    assert sorted(report.schedules_created for report in reports) == [0, 0, 0, 2]
    assert await catalogue.db.fetchval("SELECT count(*) FROM seat") == 48


async def test_a_clash_with_a_schedule_made_by_hand_is_said(catalogue: Catalogue) -> None:
    first = await catalogue.template()
    await generate(WEDNESDAY + 7 * DAY)
    await catalogue.change(kinds.SCHEDULE_TEMPLATE, first, active=False)
    other = await catalogue.template(starts="08:30")
    report = await generate(WEDNESDAY + 7 * DAY)
    assert report.clashes == ({"template_id": other["id"], "date": "2026-09-09"},)
    assert report.schedules_created == 0


async def test_a_template_without_a_fee_is_said_and_left_out(catalogue: Catalogue) -> None:
    template = await catalogue.template()
    practitioner = await get_entry(kinds.PRACTITIONER, catalogue.ids["practitioner"])
    await catalogue.change(kinds.PRACTITIONER, practitioner, title="resident")
    report = await generate(WEDNESDAY)
    assert (report.without_fee, report.schedules_created) == ((template["id"],), 0)


async def test_a_practitioners_own_fee_goes_first(catalogue: Catalogue) -> None:
    await catalogue.template()
    await catalogue.add(
        kinds.FEE, service_type="general", practitioner_id=catalogue.of("practitioner"), amount_fen=9900
    )
    await generate(WEDNESDAY)
    assert await catalogue.db.fetchval("SELECT fee_fen FROM schedule") == 9900


async def test_a_provisional_year_is_said(catalogue: Catalogue) -> None:
    await catalogue.template()
    report = await generate(date(2026, 12, 30), date(2027, 1, 6))
    assert report.provisional_years == (2027,)


async def test_the_preview_says_what_would_happen_and_does_nothing(catalogue: Catalogue) -> None:
    await catalogue.template()
    await catalogue.template(weekday=4)
    last = WEDNESDAY + 30 * DAY
    await generate(WEDNESDAY)
    async with nothing_changes(catalogue.db):
        preview = await generation.preview_schedules(first=WEDNESDAY, last=last)
    assert preview == await generate(WEDNESDAY, last)
    assert (preview.schedules_existing, sum(day.left_out for day in preview.days)) == (1, 1)


async def test_a_repeated_key_gives_the_first_report(catalogue: Catalogue) -> None:
    await catalogue.template()
    key = Idempotency("slot-office", "key-1", "POST /administration/generation", {})
    reports = [
        await generation.generate_schedules(first=WEDNESDAY, last=WEDNESDAY, actor=OFFICE, idempotency=key)
        for _ in range(2)
    ]
    assert reports[0] == reports[1]
    assert reports[1].schedules_created == 1


@pytest.mark.parametrize(
    ("first", "last", "error", "details"),
    [
        (WEDNESDAY - DAY, WEDNESDAY, errors.DayPast, {"date": "2026-09-01"}),
        (WEDNESDAY, WEDNESDAY - DAY, errors.RangeTooLong, {"days_max": 31}),
        (WEDNESDAY, WEDNESDAY + 31 * DAY, errors.RangeTooLong, {"days_max": 31}),
    ],
)
async def test_a_range_begins_today_and_ends_within_a_month(
    catalogue: Catalogue, first: date, last: date, error: type[errors.DayPast], details: dict[str, object]
) -> None:
    await catalogue.template()
    async with nothing_changes(catalogue.db):
        for attempt in (generate(first, last), generation.preview_schedules(first=first, last=last)):
            with pytest.raises(error) as raised:
                await attempt
            assert raised.value.details == details
