"""Templates -> calendar -> schedules -> slots -> seats, for a range of days.

Running it again changes nothing: a template has one schedule a day, also when the slot office has withdrawn it.
Two runs at once queue on one lock. Rows go in by COPY.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from booking.catalogue import errors
from booking.catalogue.announcing import announce_schedules
from booking.catalogue.calendar import HospitalCalendar, load_calendar
from booking.catalogue.quotas import split_seats, spread_pools
from booking.catalogue.releases import recompute_releases
from kernel import clock, ids
from kernel.audit import record_change
from kernel.db import Transaction, database
from kernel.events import Actor
from kernel.log import get_logger

DAYS_MAX = 62
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
class GenerationReport:
    """What a run did, and what it could not do and why.

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

    def stored(self) -> dict[str, Any]:
        """Give the values in the form that JSON keeps."""
        return asdict(self)


def templates_of_day(templates: Sequence[Template], on: date, calendar: HospitalCalendar) -> list[Template]:
    """Choose the templates that run on a day: of the weekday it follows, and on holidays only those that work then."""
    day = calendar.day(on)
    return [
        template
        for template in templates
        if template.weekday == day.follows_weekday
        and template.valid_from <= on
        and (template.valid_until is None or on <= template.valid_until)
        and (day.kind != "holiday" or template.works_on_holidays)
    ]


def plan_slots(template: Template, on: date) -> list[PlannedSlot]:
    """Cut a clinic into whole slots; a rest shorter than a slot at the end is not sold.

    Quotas are shared out over the whole schedule, then spread over it, so that a pool of five percent gets its
    seats although no single slot is large enough to give it one.
    """
    start = clock.clinic_instant(on, template.starts)
    length = timedelta(minutes=template.slot_minutes)
    count = (clock.clinic_instant(on, template.ends) - start) // length
    pools = spread_pools(split_seats(count * template.seats_per_slot, template.quotas))
    size = template.seats_per_slot
    return [
        PlannedSlot(start + n * length, start + (n + 1) * length, tuple(pools[n * size : (n + 1) * size]))
        for n in range(count)
    ]


async def generate_schedules(*, first: date, last: date, actor: Actor) -> GenerationReport:
    """Make the schedules, slots and seats of a range of days that are not there yet.

    Raises:
        DayPast: the range begins before today.
        RangeTooLong: it is longer than two months, or ends before it begins.
    """
    if first < clock.today():
        raise errors.DayPast(first=first)
    if not 0 <= (last - first).days < DAYS_MAX:
        raise errors.RangeTooLong(days_max=DAYS_MAX)
    async with database().transaction() as tx:
        return await generate_in(tx, first=first, last=last, actor=actor)


async def generate_in(tx: Transaction, *, first: date, last: date, actor: Actor) -> GenerationReport:
    """Do what `generate_schedules` does, inside the caller's transaction."""
    await tx.execute("SELECT pg_advisory_xact_lock($1)", GENERATION_LOCK)
    calendar = await load_calendar(tx)
    templates = await _load_templates(tx)
    made, busy = await _load_existing(tx, first, last)
    without_fee = sorted({str(t.id) for t in templates if t.fee_fen is None})
    payable = [template for template in templates if template.fee_fen is not None]
    planned: list[tuple[Template, date]] = []
    clashes: list[dict[str, str]] = []
    existing = 0
    for day in calendar.days(first, last):
        for template in templates_of_day(payable, day.date, calendar):
            key = (template.practitioner_id, day.date, template.period)
            if (template.id, day.date) in made:
                existing += 1
            elif key in busy:
                clashes.append({"template_id": str(template.id), "date": day.date.isoformat()})
            else:
                busy.add(key)
                planned.append((template, day.date))
    seats = await insert_schedules(tx, planned)
    report = GenerationReport(
        first=first,
        last=last,
        schedules_created=len(planned),
        seats_created=seats,
        schedules_existing=existing,
        clashes=tuple(clashes),
        without_fee=tuple(without_fee),
        provisional_years=tuple(calendar.provisional_years(first, last)),
    )
    if planned:
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
        schedules=len(planned),
        seats=seats,
        clashes=len(clashes),
        without_fee=len(without_fee),
    )
    return report


async def insert_schedules(tx: Transaction, planned: Sequence[tuple[Template, date]]) -> int:
    """Write schedules with their slots and seats, open them by the release rules, tell the HIS; give the seat count."""
    schedules: list[tuple[object, ...]] = []
    slots: list[tuple[object, ...]] = []
    seats: list[tuple[object, ...]] = []
    for template, on in planned:
        schedule_id = ids.new_id()
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
    new_ids = [row[0] for row in schedules if isinstance(row[0], UUID)]
    if new_ids:
        await recompute_releases(tx, schedule_ids=new_ids)
        await announce_schedules(tx, new_ids, event_type="schedule.published")
    return len(seats)


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
