"""Templates -> calendar -> schedules -> slots -> seats, for a range of days.

Running it again changes nothing: a template has one schedule a day, also when the slot office has withdrawn it.
Two runs at once queue on one lock. Rows go in by COPY.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import orjson

from booking.catalogue import errors
from booking.catalogue.calendar import CalendarDay, load_calendar
from booking.catalogue.quotas import split_seats, spread_pools
from booking.catalogue.releases import recompute_releases
from booking.windows.numbers import set_aside, tell_his
from kernel import clock, ids
from kernel.audit import record_change
from kernel.db import Transaction, database
from kernel.events import Actor
from kernel.idempotency import Idempotency
from kernel.log import get_logger

DAYS_MAX = 31
SCHEDULES_A_COPY = 100
SLOTS_MAX = 200
SEATS_MAX = 2_000
GENERATION_LOCK = 0x67656E6572617465  # "generate"

log = get_logger("booking")


@dataclass(frozen=True, slots=True)
class Template:
    """A weekly clinic with what its schedules copy; times are wall-clock time in Guangzhou."""

    id: UUID | None
    practitioner_id: UUID
    clinic_id: UUID
    department_id: UUID
    campus_id: UUID
    room_id: UUID
    service_type: str
    weekday: int
    period: str
    starts: time
    ends: time
    slot_minutes: int
    seats_per_slot: int
    quotas: Mapping[str, int]
    works_on_holidays: bool
    valid_from: date
    valid_until: date | None
    fee_fen: int | None


@dataclass(frozen=True, slots=True)
class PlannedSlot:
    """A band of at most half an hour, and the pool of each of its seats in queue order."""

    starts_at: datetime
    ends_at: datetime
    pools: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GeneratedDay:
    """What a run makes of one day. left_out: templates that do not run because the day is a holiday."""

    date: date
    kind: str
    name_zh: str
    name_en: str
    follows_weekday: int
    schedules_created: int
    seats_created: int
    schedules_existing: int
    left_out: int


@dataclass(frozen=True, slots=True)
class GenerationReport:
    """What a run did (or would do), and what it could not do and why.

    clashes: templates left out because the practitioner has another clinic then; without_fee: because no fee is set.
    provisional_years: the days of these years rest on the law alone, the announcement is not known.
    """

    first: date
    last: date
    schedules_created: int
    seats_created: int
    schedules_existing: int
    clashes: tuple[dict[str, str], ...]
    without_fee: tuple[str, ...]
    provisional_years: tuple[int, ...]
    days: tuple[GeneratedDay, ...]

    def stored(self) -> dict[str, Any]:
        """Give the values in the form that JSON keeps."""
        values: dict[str, Any] = orjson.loads(orjson.dumps(self))
        return values


@dataclass(frozen=True, slots=True)
class _Plan:
    """The schedules to make, and the report of it."""

    schedules: tuple[tuple[Template, date], ...]
    report: GenerationReport


def require_hours(*, starts: time, ends: time, slot_minutes: int, seats_per_slot: int) -> int:
    """Ask that a clinic holds at least one slot and no more than can be handled; give the number of its slots.

    Raises:
        ValueNotAllowed.
    """
    minutes = (ends.hour - starts.hour) * 60 + ends.minute - starts.minute
    if minutes <= 0:
        raise errors.ValueNotAllowed(field="ends", limit=starts.isoformat("minutes"))
    count = minutes // slot_minutes
    if not 1 <= count <= SLOTS_MAX:
        raise errors.ValueNotAllowed(field="slot_minutes", limit=minutes if count == 0 else SLOTS_MAX)
    if count * seats_per_slot > SEATS_MAX:
        raise errors.ValueNotAllowed(field="seats_per_slot", limit=SEATS_MAX // count)
    return count


def templates_of_day(templates: Sequence[Template], day: CalendarDay) -> list[Template]:
    """Choose the templates of the weekday that a day follows, those among them that rest on holidays included."""
    return [
        template
        for template in templates
        if template.weekday == day.follows_weekday
        and template.valid_from <= day.date
        and (template.valid_until is None or day.date <= template.valid_until)
    ]


def plan_slots(template: Template, on: date) -> list[PlannedSlot]:
    """Cut a clinic into whole slots; a rest shorter than a slot at the end is not sold.

    Quotas are shared out over the whole schedule, then spread over it, so that a pool of five percent gets its
    seats although no single slot is large enough to give it one.
    """
    start = clock.clinic_instant(on, template.starts)
    length = timedelta(minutes=template.slot_minutes)
    count = count_seats(template) // template.seats_per_slot
    pools = spread_pools(split_seats(count * template.seats_per_slot, template.quotas))
    size = template.seats_per_slot
    return [
        PlannedSlot(start + n * length, start + (n + 1) * length, tuple(pools[n * size : (n + 1) * size]))
        for n in range(count)
    ]


def count_seats(template: Template) -> int:
    """Tell how many seats one clinic of a template has."""
    minutes = (template.ends.hour - template.starts.hour) * 60 + template.ends.minute - template.starts.minute
    return minutes // template.slot_minutes * template.seats_per_slot


async def preview_schedules(*, first: date, last: date) -> GenerationReport:
    """Tell what `generate_schedules` would do now, and do nothing.

    Raises:
        DayPast, RangeTooLong, DatabaseUnavailable.
    """
    _require_range(first, last)
    async with database().transaction() as tx:
        return (await _plan(tx, first, last)).report


async def generate_schedules(
    *, first: date, last: date, actor: Actor, idempotency: Idempotency | None = None
) -> GenerationReport:
    """Make the schedules, slots and seats of a range of days that are not there yet.

    Raises:
        DayPast: the range begins before today.
        RangeTooLong: it is longer than a month, or ends before it begins.
        IdempotencyMismatch, DatabaseUnavailable, DatabaseBusy.
    """
    _require_range(first, last)
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return _report_from(stored)
        report = await _generate(tx, first=first, last=last, actor=actor)
        if idempotency:
            await idempotency.remember(tx, report.stored())
        return report


def _require_range(first: date, last: date) -> None:
    if first < clock.today():
        raise errors.DayPast(date=first.isoformat())
    if not 0 <= (last - first).days < DAYS_MAX:
        raise errors.RangeTooLong(days_max=DAYS_MAX)


async def _generate(tx: Transaction, *, first: date, last: date, actor: Actor) -> GenerationReport:
    await tx.execute("SELECT pg_advisory_xact_lock($1)", GENERATION_LOCK)
    plan = await _plan(tx, first, last)
    report = plan.report
    if plan.schedules:
        await insert_schedules(tx, plan.schedules)
        await record_change(
            tx,
            entity="schedule_generation",
            entity_id=f"{first}..{last}",
            action="created",
            before=None,
            after=report.stored(),
            actor=actor,
        )
    log.info(
        "schedules_generated",
        first=str(first),
        last=str(last),
        schedules=report.schedules_created,
        seats=report.seats_created,
        clashes=len(report.clashes),
        without_fee=len(report.without_fee),
    )
    return report


async def _plan(tx: Transaction, first: date, last: date) -> _Plan:
    """Lay the templates over the calendar, beside what stands already."""
    calendar = await load_calendar(tx)
    templates = await _load_templates(tx)
    made, busy = await _load_existing(tx, first, last)
    payable = [template for template in templates if template.fee_fen is not None]
    planned: list[tuple[Template, date]] = []
    clashes: list[dict[str, str]] = []
    days: list[GeneratedDay] = []
    for day in calendar.days(first, last):
        fresh: list[Template] = []
        existing = left_out = 0
        for template in templates_of_day(payable, day):
            key = (template.practitioner_id, day.date, template.period)
            if (template.id, day.date) in made:
                existing += 1
            elif day.kind == "holiday" and not template.works_on_holidays:
                left_out += 1
            elif key in busy:
                clashes.append({"template_id": str(template.id), "date": day.date.isoformat()})
            else:
                busy.add(key)
                fresh.append(template)
        planned += [(template, day.date) for template in fresh]
        seats = sum(count_seats(template) for template in fresh)
        days.append(
            GeneratedDay(
                day.date, day.kind, day.name_zh, day.name_en, day.follows_weekday, len(fresh), seats, existing, left_out
            )
        )
    report = GenerationReport(
        first=first,
        last=last,
        schedules_created=len(planned),
        seats_created=sum(day.seats_created for day in days),
        schedules_existing=sum(day.schedules_existing for day in days),
        clashes=tuple(clashes),
        without_fee=tuple(sorted({str(t.id) for t in templates if t.fee_fen is None})),
        provisional_years=tuple(calendar.provisional_years(first, last)),
        days=tuple(days),
    )
    return _Plan(tuple(planned), report)


def _report_from(stored: dict[str, Any]) -> GenerationReport:
    """Read back what `GenerationReport.stored` gave."""
    return GenerationReport(
        **stored
        | {name: date.fromisoformat(stored[name]) for name in ("first", "last")}
        | {name: tuple(stored[name]) for name in ("clashes", "without_fee", "provisional_years")}
        | {"days": tuple(GeneratedDay(**day | {"date": date.fromisoformat(day["date"])}) for day in stored["days"])}
    )


async def insert_schedules(tx: Transaction, planned: Sequence[tuple[Template, date]]) -> list[UUID]:
    """Write schedules with their slots and seats, open them by the release rules, tell the HIS; give their ids."""
    new_ids: list[UUID] = []
    for start in range(0, len(planned), SCHEDULES_A_COPY):
        new_ids += await _copy_schedules(tx, planned[start : start + SCHEDULES_A_COPY])
    await recompute_releases(tx, schedule_ids=new_ids)
    await set_aside(tx, new_ids, at=clock.now())
    await tell_his(tx, new_ids, event_type="schedule.published")
    return new_ids


async def _copy_schedules(tx: Transaction, planned: Sequence[tuple[Template, date]]) -> list[UUID]:
    """Write so few schedules that whoever shares this process waits no more than some milliseconds for it."""
    new_ids: list[UUID] = []
    schedules: list[tuple[object, ...]] = []
    slots: list[tuple[object, ...]] = []
    seats: list[tuple[object, ...]] = []
    for template, on in planned:
        schedule_id = ids.new_id()
        new_ids.append(schedule_id)
        bands = plan_slots(template, on)
        schedules.append(_schedule_row(schedule_id, template, on, bands))
        seq = 0
        for band in bands:
            slot_id = ids.new_id()
            slots.append((slot_id, schedule_id, band.starts_at, band.ends_at))
            for pool in band.pools:
                seq += 1
                seats.append((schedule_id, slot_id, seq, pool))
    await tx.copy("schedule", _SCHEDULE_COLUMNS, schedules)
    await tx.copy("slot", ("id", "schedule_id", "starts_at", "ends_at"), slots)
    await tx.copy("seat", ("schedule_id", "slot_id", "seq", "pool"), seats)
    return new_ids


_SCHEDULE_COLUMNS = (
    "id", "template_id", "practitioner_id", "clinic_id", "department_id", "campus_id", "room_id", "service_type",
    "clinic_date", "period", "starts_at", "ends_at", "fee_fen",
)  # fmt: skip


def _schedule_row(schedule_id: UUID, template: Template, on: date, bands: Sequence[PlannedSlot]) -> tuple[object, ...]:
    return (
        schedule_id, template.id, template.practitioner_id, template.clinic_id, template.department_id,
        template.campus_id, template.room_id, template.service_type, on, template.period,
        bands[0].starts_at, bands[-1].ends_at, template.fee_fen,
    )  # fmt: skip


_TEMPLATES = """
SELECT t.id, t.practitioner_id, t.clinic_id, c.department_id, c.campus_id, t.room_id, t.service_type, t.weekday,
       t.period, t.starts, t.ends, t.slot_minutes, t.seats_per_slot, t.quotas, t.works_on_holidays, t.valid_from,
       t.valid_until, coalesce(own.amount_fen, usual.amount_fen) AS fee_fen
FROM schedule_template t
JOIN practitioner p ON p.id = t.practitioner_id AND p.active
JOIN clinic c ON c.id = t.clinic_id AND c.active
JOIN campus s ON s.id = c.campus_id AND s.active
JOIN room r ON r.id = t.room_id AND r.active
JOIN service_type v ON v.code = t.service_type AND v.active
LEFT JOIN fee own ON own.service_type = t.service_type AND own.practitioner_id = t.practitioner_id
LEFT JOIN fee usual ON usual.service_type = t.service_type AND usual.title = p.title
WHERE t.active
ORDER BY t.id
"""


async def _load_templates(tx: Transaction) -> list[Template]:
    return [Template(*row.values()) for row in await tx.fetch(_TEMPLATES)]


Made = set[tuple[UUID | None, date]]
Busy = set[tuple[UUID, date, str]]


async def _load_existing(tx: Transaction, first: date, last: date) -> tuple[Made, Busy]:
    rows = await tx.fetch(
        "SELECT template_id, practitioner_id, clinic_date, period, status FROM schedule"
        " WHERE clinic_date BETWEEN $1 AND $2",
        first,
        last,
    )
    made = {(row["template_id"], row["clinic_date"]) for row in rows if row["template_id"]}
    busy = {(r["practitioner_id"], r["clinic_date"], r["period"]) for r in rows if r["status"] == "active"}
    return made, busy
