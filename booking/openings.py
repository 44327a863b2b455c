"""What a channel may book and when: schedules with their free seats, and the nearest openings.

A channel sees the schedules of which it gets seats some day. Seats are counted as they stand at the moment of
the read; a hold whose time is over counts as free. What is due to those who wait is given out before the count.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from booking import returns
from booking.catalogue.errors import EntryNotFound, RangeTooLong
from kernel import clock
from kernel.db import Row, database

RANGE_DAYS_MAX: Final = 31
RANGE_DAYS_USUAL: Final = 14
# How many days ahead the nearest openings are looked for: mostly the first look finds enough.
HORIZONS_DAYS: Final = (2, 14, 60)
CAMPUSES_MAX: Final = 500
# When what was found turns out to be due to those who wait, the look that follows may find what is due to others.
SETTLES_MAX: Final = 5
EARTH_RADIUS_METRES: Final = 6_371_009


@dataclass(frozen=True, slots=True)
class ScheduleOpening:
    """A schedule as one channel sees it now.

    available: seats of coming slots that the channel may take. opens_at: when its first pool opens; None once open.
    """

    id: UUID
    date: date
    period: str
    starts_at: datetime
    ends_at: datetime
    practitioner_id: UUID
    practitioner_name: str
    practitioner_title: str
    department_id: UUID
    clinic_id: UUID
    campus_id: UUID
    room_id: UUID
    service_type: str
    fee_fen: int
    available: int
    opens_at: datetime | None


@dataclass(frozen=True, slots=True)
class SlotOpening:
    """A slot of which the channel may take `available` seats now."""

    slot_id: UUID
    schedule_id: UUID
    date: date
    starts_at: datetime
    ends_at: datetime
    practitioner_id: UUID
    practitioner_name: str
    practitioner_title: str
    department_id: UUID
    clinic_id: UUID
    campus_id: UUID
    room_id: UUID
    service_type: str
    fee_fen: int
    available: int
    distance_metres: int | None


@dataclass(frozen=True, slots=True)
class ScheduleFilter:
    """Whose schedules; None leaves a filter off."""

    department_id: UUID | None = None
    practitioner_id: UUID | None = None
    clinic_id: UUID | None = None
    campus_id: UUID | None = None
    service_type: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a patient is. Degrees, WGS 84."""

    latitude: float
    longitude: float


# $1 is the channel, $2 the instant of the question.
_POOLS_NOW = """
CROSS JOIN LATERAL (
    SELECT count(*) > 0 AS released, array_agg(l.pool) FILTER (WHERE l.opens_at <= $2) AS pools,
           min(l.opens_at) AS opens_at
    FROM schedule_release l WHERE l.schedule_id = sc.id AND l.channel = $1) r
"""
_FREE = "t.status IN ('free', 'held') AND (t.status = 'free' OR t.hold_until <= $2)"

_SCHEDULES = f"""
SELECT sc.id AS schedule_id, sc.clinic_date, sc.period, sc.starts_at, sc.ends_at, sc.practitioner_id, p.name, p.title,
       sc.department_id, sc.clinic_id, sc.campus_id, sc.room_id, sc.service_type, sc.fee_fen,
       CASE WHEN r.pools IS NULL THEN 0 ELSE (
           SELECT count(*) FROM slot s JOIN seat t ON t.slot_id = s.id
           WHERE s.schedule_id = sc.id AND s.starts_at > $2 AND {_FREE} AND t.pool = ANY (r.pools)) END AS available,
       CASE WHEN r.pools IS NULL THEN r.opens_at END
FROM (
    SELECT sc.* FROM schedule sc JOIN clinic c ON c.id = sc.clinic_id AND c.active
    WHERE sc.status = 'active' AND EXISTS (
        SELECT FROM schedule_release l WHERE l.schedule_id = sc.id AND l.channel = $1) AND {{conditions}}
    ORDER BY sc.starts_at, sc.id LIMIT {{limit}}) sc
JOIN practitioner p ON p.id = sc.practitioner_id
{_POOLS_NOW}
ORDER BY sc.starts_at, sc.id
"""  # noqa: S608  our own constants alone

# The inner query puts the coming slots in order; seats are looked at one slot after another until enough are found.
_NEAREST = f"""
SELECT o.slot_id, o.schedule_id, o.clinic_date, o.starts_at, o.ends_at, o.practitioner_id, p.name, p.title,
       o.department_id, o.clinic_id, o.campus_id, o.room_id, o.service_type, o.fee_fen, n.available, o.metres
FROM (
    SELECT s.id AS slot_id, s.schedule_id, sc.clinic_date, s.starts_at, s.ends_at, sc.practitioner_id,
           sc.department_id, sc.clinic_id, sc.campus_id, sc.room_id, sc.service_type, sc.fee_fen, d.metres, r.pools
    FROM schedule sc
    JOIN clinic c ON c.id = sc.clinic_id AND c.active
    JOIN unnest($3::uuid[], $4::integer[]) AS d (campus_id, metres) ON d.campus_id = sc.campus_id
    {_POOLS_NOW}
    JOIN slot s ON s.schedule_id = sc.id AND s.starts_at > $2
    WHERE sc.status = 'active' AND r.pools IS NOT NULL AND {{conditions}}
    ORDER BY {{order}}) o
CROSS JOIN LATERAL (
    SELECT count(*) AS available FROM seat t WHERE t.slot_id = o.slot_id AND {_FREE} AND t.pool = ANY (o.pools)) n
JOIN practitioner p ON p.id = o.practitioner_id
WHERE n.available > 0
ORDER BY {{order}} LIMIT {{limit}}
"""  # noqa: S608  our own constants alone
_NEAREST_SOONEST_FIRST = _NEAREST.replace("{order}", "starts_at, metres, slot_id")
_NEAREST_CLOSEST_FIRST = _NEAREST.replace("{order}", "metres, starts_at, slot_id")


async def list_schedules(
    wanted: ScheduleFilter,
    *,
    channel: str,
    first: date | None,
    last: date | None,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[ScheduleOpening]:
    """List schedules in order of time, both days included; `after` is the last entry of the page before.

    Raises:
        RangeTooLong: more days than one call takes, or the last lies before the first.
        DatabaseUnavailable.
    """
    first = first or clock.today()
    last = last or first + timedelta(days=RANGE_DAYS_USUAL)
    if not 0 <= (last - first).days < RANGE_DAYS_MAX:
        raise RangeTooLong(days_max=RANGE_DAYS_MAX)
    query = _Statement([channel, clock.now()])
    query.narrow(wanted)
    query.where("sc.clinic_date >= {}::date", first)
    query.where("sc.clinic_date <= {}::date", last)
    if after is not None:
        query.where("(sc.starts_at, sc.id) > ({}::timestamptz, {}::uuid)", *after)
    rows = await _settled(_SCHEDULES.format(conditions=query.conditions, limit=query.value(limit)), query.values)
    return [ScheduleOpening(*row) for row in rows]


async def get_schedule(schedule_id: UUID, *, channel: str) -> ScheduleOpening:
    """Read one schedule.

    Raises:
        EntryNotFound: no such schedule, withdrawn, or one of which this channel never gets seats.
        DatabaseUnavailable.
    """
    rows = await _settled(
        _SCHEDULES.format(conditions="sc.id = $3::uuid", limit="1"), [channel, clock.now(), schedule_id]
    )
    if not rows:
        raise EntryNotFound(entity="schedule")
    return ScheduleOpening(*rows[0])


async def nearest_openings(
    wanted: ScheduleFilter,
    *,
    channel: str,
    place: Place | None,
    closest_first: bool,
    limit: int,
    first_day: date | None = None,
) -> list[SlotOpening]:
    """Find the slots that the channel may book soonest, at all campuses, within the last of `HORIZONS_DAYS`.

    first_day: none before this clinic day; the days of the horizon are counted from it.

    closest_first: by distance from the place first and by time second, instead of the other way round.

    Raises:
        DatabaseUnavailable.
    """
    assert place is not None or not closest_first, "the closest to nowhere"
    campuses = await _distances(place)
    rows: list[Row] = []
    begin = max(clock.today(), first_day or date.min)
    for days in HORIZONS_DAYS[-1:] if closest_first else HORIZONS_DAYS:
        query = _Statement([channel, clock.now(), list(campuses), list(campuses.values())])
        query.narrow(wanted)
        query.where("sc.clinic_date >= {}::date", begin)
        query.where("sc.clinic_date <= {}::date", begin + timedelta(days=days))
        statement = _NEAREST_CLOSEST_FIRST if closest_first else _NEAREST_SOONEST_FIRST
        rows = await _settled(statement.format(conditions=query.conditions, limit=query.value(limit)), query.values)
        if len(rows) == limit:
            break
    return [SlotOpening(*row) for row in rows]


async def _settled(statement: str, values: Sequence[Any]) -> list[Row]:
    """Read openings once those who wait for seats of them have been given theirs.

    The statement's second parameter is the instant of the question.
    """
    at: datetime = values[1]
    rows = await database().fetch(statement, *values)
    settled: set[UUID] = set()
    for _ in range(SETTLES_MAX):
        open_ones = {row["schedule_id"] for row in rows if row["available"]} - settled
        due = await returns.find_due(open_ones, at=at) if open_ones else set()
        settled |= open_ones
        if not due:
            break
        await returns.settle(database(), due, at=at)
        rows = await database().fetch(statement, *values)
    return rows


async def _distances(place: Place | None) -> dict[UUID, int | None]:
    rows = await database().fetch("SELECT id, latitude, longitude FROM campus WHERE active LIMIT $1", CAMPUSES_MAX)
    return {
        row["id"]: None if place is None else distance_metres(place, Place(row["latitude"], row["longitude"]))
        for row in rows
    }


def distance_metres(one: Place, other: Place) -> int:
    """Measure as the crow flies, by the haversine formula on a sphere of the mean radius; true to half a percent."""
    latitude, other_latitude = math.radians(one.latitude), math.radians(other.latitude)
    half_north = math.sin((other_latitude - latitude) / 2)
    half_east = math.sin(math.radians(other.longitude - one.longitude) / 2)
    share = half_north**2 + math.cos(latitude) * math.cos(other_latitude) * half_east**2
    return round(2 * EARTH_RADIUS_METRES * math.asin(math.sqrt(min(1.0, share))))


class _Statement:
    """Conditions and the values in their places."""

    def __init__(self, values: Sequence[object]) -> None:
        self.values = list(values)
        self._conditions: list[str] = []

    def value(self, value: object) -> str:
        self.values.append(value)
        return f"${len(self.values)}"

    def where(self, condition: str, *values: object) -> None:
        self._conditions.append(condition.format(*(self.value(value) for value in values)))

    def narrow(self, wanted: ScheduleFilter) -> None:
        for column, value in (
            ("department_id", wanted.department_id),
            ("practitioner_id", wanted.practitioner_id),
            ("clinic_id", wanted.clinic_id),
            ("campus_id", wanted.campus_id),
            ("service_type", wanted.service_type),
        ):
            if value is not None:
                self.where(f"sc.{column} = {{}}", value)

    @property
    def conditions(self) -> str:
        return " AND ".join(self._conditions)
