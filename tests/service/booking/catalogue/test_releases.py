"""When which channel may take which pool's seats."""

import asyncio
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID, uuid4

import pytest

from booking.catalogue import generation, kinds, schedules
from booking.catalogue.calendar import DayException, HospitalCalendar
from booking.catalogue.entries import get_entry, remove_entry
from booking.catalogue.releases import Releasable, Release, ReleasePlan, Rule, recompute_releases
from kernel import clock
from tests.factories.slot_office import OFFICE, WEDNESDAY, Catalogue, at

CLINIC, OTHER_CLINIC = uuid4(), uuid4()
STATE = HospitalCalendar({})
POOLS = {"common": None, "window": 60}


def rule(
    days_ahead: int = 7,
    hour: int = 7,
    *,
    channel: str = "miniprogram",
    pool: str = "common",
    clinic: UUID | None = None,
    service_type: str | None = None,
    fixed_at: datetime | None = None,
    holiday_aware: bool = False,
) -> Rule:
    """A rule of the days-ahead kind, unless `fixed_at` makes it the other."""
    if fixed_at:
        return Rule(channel, pool, clinic, service_type, "fixed", None, None, fixed_at, holiday_aware=False)
    return Rule(channel, pool, clinic, service_type, "days_ahead", days_ahead, time(hour), None, holiday_aware)


def schedule(day: date = date(2026, 9, 16), clinic: UUID = CLINIC, service_type: str = "general") -> Releasable:
    """A clinic that starts at eight."""
    return Releasable(uuid4(), clinic, service_type, day, at(day, 8))


def opens(rules: list[Rule], of: Releasable, calendar: HospitalCalendar = STATE) -> datetime:
    """When the mini-program may take common seats."""
    (release,) = ReleasePlan(rules, {"common": None}, calendar).releases(of)
    assert (release.channel, release.pool, release.via) == ("miniprogram", "common", "rule")
    return release.opens_at


@pytest.mark.parametrize(
    ("days_ahead", "hour", "expected"),
    [
        (7, 7, datetime(2026, 9, 8, 23, tzinfo=UTC)),  # 07:00 in Guangzhou on the 9th
        (0, 7, datetime(2026, 9, 15, 23, tzinfo=UTC)),
        (14, 0, datetime(2026, 9, 1, 16, tzinfo=UTC)),
        (365, 23, datetime(2025, 9, 16, 15, tzinfo=UTC)),
    ],
)
def test_days_ahead_at_an_hour_of_guangzhou(days_ahead: int, hour: int, expected: datetime) -> None:
    assert opens([rule(days_ahead, hour)], schedule()) == expected


def test_a_fixed_instant() -> None:
    instant = datetime(2026, 9, 10, 4, tzinfo=UTC)
    assert opens([rule(fixed_at=instant)], schedule()) == instant


@pytest.mark.parametrize(
    ("clinic_day", "days_ahead", "expected"),
    [
        # 5 October is a holiday: the last workday before it is 30 September.
        (date(2026, 10, 12), 7, at(date(2026, 9, 30), 7)),
        # 8 October is worked again.
        (date(2026, 10, 15), 7, at(date(2026, 10, 8), 7)),
        # An ordinary Saturday stays: nobody has to be there.
        (date(2026, 9, 19), 7, at(date(2026, 9, 12), 7)),
    ],
)
def test_a_holiday_aware_release_moves_to_the_workday_before(
    clinic_day: date, days_ahead: int, expected: datetime
) -> None:
    assert opens([rule(days_ahead, holiday_aware=True)], schedule(clinic_day)) == expected


def test_the_hospitals_own_holidays_count_too() -> None:
    closed = HospitalCalendar({date(2026, 9, 9): DayException("holiday", "院庆", "", "hospital", None)})
    assert opens([rule(7, holiday_aware=True)], schedule(), closed) == at(date(2026, 9, 8), 7)
    assert opens([rule(7)], schedule(), closed) == at(date(2026, 9, 9), 7)


def test_the_narrowest_scope_counts() -> None:
    rules = [rule(14), rule(7, service_type="general"), rule(3, clinic=CLINIC)]
    day = date(2026, 9, 16)
    assert opens(rules, schedule()) == at(day - timedelta(days=3), 7)
    assert opens(rules, schedule(clinic=OTHER_CLINIC)) == at(day - timedelta(days=7), 7)
    assert opens(rules, schedule(clinic=OTHER_CLINIC, service_type="vip")) == at(day - timedelta(days=14), 7)


def test_what_is_left_becomes_common_before_the_clinic_starts() -> None:
    window = rule(60, 0, channel="his_window", pool="window")
    found = ReleasePlan([rule(7), window], POOLS, STATE).releases(schedule())
    assert sorted(found, key=lambda release: release.channel + release.pool) == [
        Release("his_window", "window", at(date(2026, 7, 18), 0), "rule"),
        Release("miniprogram", "common", at(date(2026, 9, 9), 7), "rule"),
        Release("miniprogram", "window", at(date(2026, 9, 16), 7), "recycled"),
    ]


def test_recycled_seats_never_open_before_the_common_ones() -> None:
    found = ReleasePlan([rule(0, 7)], {"common": None, "window": 60 * 24 * 5}, STATE).releases(schedule())
    assert {(release.pool, release.opens_at) for release in found} == {
        ("common", at(date(2026, 9, 16), 7)),
        ("window", at(date(2026, 9, 16), 7)),
    }


def test_a_channels_own_earlier_rule_stays() -> None:
    own = rule(14, 7, pool="window")
    found = {r.pool: r for r in ReleasePlan([rule(7), own], POOLS, STATE).releases(schedule())}
    assert (found["window"].via, found["window"].opens_at) == ("rule", at(date(2026, 9, 2), 7))


def test_a_pool_out_of_use_opens_to_nobody() -> None:
    assert ReleasePlan([rule(pool="window")], {"common": None}, STATE).releases(schedule()) == []


# --- in the database


async def published(catalogue: Catalogue) -> UUID:
    """The schedule of the Wednesday a fortnight ahead."""
    await catalogue.template()
    day = WEDNESDAY + timedelta(days=14)
    await generation.generate_schedules(first=day, last=day, actor=OFFICE)
    schedule_id: UUID = await catalogue.db.fetchval("SELECT id FROM schedule")
    return schedule_id


async def test_a_changed_rule_reopens_what_stands(catalogue: Catalogue) -> None:
    standing = await catalogue.rule()
    schedule_id = await published(catalogue)
    day, starts_at = WEDNESDAY + timedelta(days=14), at(WEDNESDAY + timedelta(days=14), 8)
    common, recycled = ("miniprogram", "common"), ("miniprogram", "window")
    assert await catalogue.releases(schedule_id) == {
        common: (at(day - timedelta(days=7), 7), "rule"),
        recycled: (starts_at - timedelta(minutes=60), "recycled"),
        ("miniprogram", "city_portal"): (starts_at - timedelta(minutes=1440), "recycled"),
    }
    standing = await catalogue.change(kinds.RELEASE_RULE, standing, days_ahead=3, at_time="12:30")
    assert (await catalogue.releases(schedule_id))[common] == (at(day - timedelta(days=3), 12, 30), "rule")

    narrower = await catalogue.rule(clinic_id=catalogue.of("clinic"), days_ahead=5)
    assert (await catalogue.releases(schedule_id))[common] == (at(day - timedelta(days=5), 7), "rule")
    await remove_entry(kinds.RELEASE_RULE, narrower["id"], version=1, actor=OFFICE)
    assert (await catalogue.releases(schedule_id))[common] == (at(day - timedelta(days=3), 12, 30), "rule")

    window = await get_entry(kinds.POOL, "window")
    await catalogue.change(kinds.POOL, window, recycle_minutes_before=None)
    assert recycled not in await catalogue.releases(schedule_id)

    await catalogue.change(kinds.RELEASE_RULE, standing, active=False)
    assert await catalogue.releases(schedule_id) == {}


async def test_a_holiday_entered_later_moves_releases(catalogue: Catalogue) -> None:
    await catalogue.rule(holiday_aware=True)
    schedule_id = await published(catalogue)
    day = WEDNESDAY + timedelta(days=7)
    holiday = await catalogue.add(kinds.CALENDAR_DAY, date=day.isoformat(), kind="holiday")
    found = await catalogue.releases(schedule_id)
    assert found["miniprogram", "common"] == (at(day - timedelta(days=1), 7), "rule")
    await remove_entry(kinds.CALENDAR_DAY, day, version=holiday["version"], actor=OFFICE)
    assert (await catalogue.releases(schedule_id))["miniprogram", "common"] == (at(day, 7), "rule")


async def test_a_channel_switched_off_gets_nothing(catalogue: Catalogue) -> None:
    await catalogue.rule()
    schedule_id = await published(catalogue)
    channel = await catalogue.change(kinds.CHANNEL, await get_entry(kinds.CHANNEL, "miniprogram"), active=False)
    assert await catalogue.releases(schedule_id) == {}
    await catalogue.change(kinds.CHANNEL, channel, active=True)
    assert ("miniprogram", "common") in await catalogue.releases(schedule_id)


async def test_the_past_is_left_alone(catalogue: Catalogue) -> None:
    standing = await catalogue.rule()
    schedule_id = await published(catalogue)
    before = await catalogue.releases(schedule_id)
    with clock.frozen(at(WEDNESDAY + timedelta(days=15))):
        await catalogue.change(kinds.RELEASE_RULE, standing, days_ahead=1)
    assert await catalogue.releases(schedule_id) == before


async def test_the_his_hears_when_its_windows_share_is_recycled_at_another_time(catalogue: Catalogue) -> None:
    await published(catalogue)
    await catalogue.db.execute("DELETE FROM outbox")
    window = await get_entry(kinds.POOL, "window")
    await catalogue.change(kinds.POOL, window, recycle_minutes_before=30)
    day = (WEDNESDAY + timedelta(days=14)).isoformat()
    assert await catalogue.letters() == [("schedule.changed", f"campusday:{catalogue.of('campus')}:{day}")]
    assert await catalogue.db.fetchval("SELECT version FROM schedule") == 2


async def test_changes_at_once_do_not_stand_in_each_others_way(catalogue: Catalogue) -> None:
    """Pools, channels, rules, days and schedules all end in the same rows; the last to commit has seen the others."""
    standing = await catalogue.rule(holiday_aware=True)
    schedule_id = await published(catalogue)
    day = WEDNESDAY + timedelta(days=7)
    for n in range(5):
        pools = [await get_entry(kinds.POOL, code) for code in ("window", "city_portal")]
        channel = await get_entry(kinds.CHANNEL, "city_portal")
        standing = await get_entry(kinds.RELEASE_RULE, standing["id"])
        generated = WEDNESDAY + timedelta(days=21 + 7 * n)
        await asyncio.gather(
            catalogue.change(kinds.POOL, pools[0], recycle_minutes_before=100 + n),
            catalogue.change(kinds.POOL, pools[1], recycle_minutes_before=200 + n),
            catalogue.change(kinds.CHANNEL, channel, active=bool(n % 2)),
            catalogue.change(kinds.RELEASE_RULE, standing, days_ahead=8 + n),
            catalogue.rule(channel="window", days_ahead=n, service_type="general" if n % 2 else None)
            if n < 2
            else catalogue.add(kinds.CALENDAR_DAY, date=(day - timedelta(days=n)).isoformat(), kind="holiday"),
            generation.generate_schedules(first=generated, last=generated, actor=OFFICE),
            schedules.move_seats(schedule_id, from_pool="common", to_pool="window", count=1, actor=OFFICE),
        )
    rows = "SELECT row_to_json(r)::text AS row FROM schedule_release r ORDER BY 1"
    stood = [row["row"] for row in await catalogue.db.fetch(rows)]
    async with catalogue.db.transaction() as tx:
        assert await recompute_releases(tx) == 5  # 7 October is a holiday.
    assert [row["row"] for row in await catalogue.db.fetch(rows)] == stood
