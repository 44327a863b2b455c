"""What people are told of their wait, and how it is compared with the truth."""

from datetime import date, datetime, timedelta

import pytest

from booking.queue import checkin, queries, service
from booking.queue.checkin import CheckIn
from kernel import clock
from tests.factories.queue import KIOSK, NURSE, ClinicDay, Door


@pytest.fixture
def opens() -> datetime:
    """Ten o'clock of tomorrow."""
    return clock.clinic_instant(clock.today() + timedelta(days=1), datetime.min.time().replace(hour=10))


async def see(day: ClinicDay, door: Door, *, start: datetime, minutes: float) -> datetime:
    """Let the doctor see the next person for so long; gives when it was over."""
    with clock.frozen(start):
        entry = await service.call_next(actor=NURSE, **door.key)
        await service.start_consultation(entry_id=entry.id, actor=NURSE)
    over = start + timedelta(minutes=minutes)
    with clock.frozen(over):
        await service.finish_consultation(entry_id=entry.id, actor=NURSE)
    return over


async def test_an_estimate_follows_the_doctors_own_pace(day: ClinicDay, opens: datetime) -> None:
    """The schedule has 20 numbers in 30 minutes: 90 s each. This doctor takes ten minutes."""
    door = await day.door(starts_in=opens - clock.now())
    people = await day.book(door, 14)
    with clock.frozen(opens):
        for one in people[:13]:
            await checkin.check_in(CheckIn("kiosk", one), actor=KIOSK)
        first = await checkin.check_in(CheckIn("kiosk", people[13]), actor=KIOSK)
    assert first.people_before == 13
    assert first.estimate_seconds == pytest.approx(13 * 90, rel=0.25)

    now = opens
    for _ in range(8):
        now = await see(day, door, start=now, minutes=10)
    with clock.frozen(now):
        later = await queries.get_entry(first.id, actor=NURSE)
    assert later.people_before == 5
    assert later.estimate_seconds is not None
    assert later.estimate_low is not None
    assert later.estimate_high is not None
    assert 5 * 240 < later.estimate_seconds < 5 * 600
    assert later.estimate_low < later.estimate_seconds < later.estimate_high


async def test_those_who_have_booked_earlier_and_not_come_are_counted(day: ClinicDay, opens: datetime) -> None:
    door = await day.door(starts_in=opens - clock.now())
    people = await day.book(door, 11)
    with clock.frozen(opens):
        entry = await checkin.check_in(CheckIn("kiosk", people[10]), actor=KIOSK)
        assert (entry.people_before, entry.estimate_seconds) != (0, 0)
        assert entry.estimate_seconds == pytest.approx(0.9 * 10 * 90, rel=0.25)
    # Half an hour later they are late, and behind whoever is here.
    with clock.frozen(opens + timedelta(minutes=31)):
        assert (await queries.get_entry(entry.id, actor=NURSE)).estimate_seconds == 0


async def test_the_error_is_measured(day: ClinicDay, opens: datetime) -> None:
    door = await day.door(starts_in=opens - clock.now())
    people = await day.book(door, 4)
    with clock.frozen(opens):
        told = [await checkin.check_in(CheckIn("kiosk", one), actor=KIOSK) for one in people]
    now, waited = opens, []
    for _ in people:
        waited.append((now - opens).total_seconds())
        now = await see(day, door, start=now, minutes=2)

    clinic_day = clock.clinic_date(opens)
    [found] = await queries.measure_accuracy(day_from=clinic_day, day_until=clinic_day, clinic_id=None)

    stored = await day.db.fetch("SELECT * FROM visit_queue_entry ORDER BY ticket")
    errors = sorted(abs(wait - row["estimate_seconds"]) for wait, row in zip(waited, stored, strict=True))
    inside = [row["estimate_low"] <= wait <= row["estimate_high"] for wait, row in zip(waited, stored, strict=True)]
    assert [row["estimate_seconds"] for row in stored] == [one.estimate_seconds for one in told]
    assert (found.clinic_id, found.clinic_date, found.waits) == (day.hospital.clinic_id, clinic_day, 4)
    assert found.median_absolute_error_seconds == round((errors[1] + errors[2]) / 2)
    assert found.median_wait_seconds == 180
    assert found.share_inside_interval == sum(inside) / 4
    assert await queries.measure_accuracy(day_from=clinic_day, day_until=clinic_day, clinic_id=door.room_id) == []


async def test_who_comes_for_the_afternoon_is_told_of_the_break_before_it(day: ClinicDay, opens: datetime) -> None:
    """The doctor has a morning that has begun, and an afternoon four hours later in the same room."""
    morning = await day.door(starts_in=opens - clock.now())
    afternoon = await day.door(starts_in=opens + timedelta(hours=4) - clock.now())
    await day.db.execute(
        "UPDATE schedule SET practitioner_id = $2, room_id = $3, period = 'afternoon' WHERE id = $1",
        afternoon.schedule.id,
        morning.practitioner_id,
        morning.room_id,
    )
    [early], [later] = await day.book(morning), await day.book(afternoon)
    with clock.frozen(opens):
        await checkin.check_in(CheckIn("kiosk", early), actor=KIOSK)
    over = await see(day, morning, start=opens, minutes=5)
    with clock.frozen(opens + timedelta(hours=3)):
        told = await checkin.check_in(CheckIn("kiosk", later), actor=KIOSK)

    assert over < opens + timedelta(hours=3)
    assert (told.people_before, told.estimate_seconds) == (0, 3600)


async def test_the_elderly_who_will_come_and_go_first_are_counted(day: ClinicDay, opens: datetime) -> None:
    """Of ten with later numbers, the five who are old enough have half an hour's head start."""
    door = await day.door(starts_in=opens - clock.now())
    [first] = await day.book(door)
    await day.book(door, 5, born=date(1990, 5, 17))
    await day.book(door, 5, born=date(1940, 5, 17))
    with clock.frozen(opens):
        told = await checkin.check_in(CheckIn("kiosk", first), actor=KIOSK)

    assert told.people_before == 0
    assert told.estimate_seconds == pytest.approx(0.9 * 5 * 90, rel=0.25)
