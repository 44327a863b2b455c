"""What the slot office does with a schedule that stands: see it, add one by hand, withdraw it, move and block seats.

Stopping a clinic that patients have booked is another procedure (they must be told, moved or refunded): see
booking/stops. A schedule is withdrawn only while nobody has a number of it.
"""

from dataclasses import dataclass
from datetime import date, time
from typing import Any
from uuid import UUID

from booking import office_seats, returns
from booking.catalogue import errors
from booking.catalogue.announcing import announce_schedules
from booking.catalogue.entries import Values, plain, share_lock
from booking.catalogue.generation import GENERATION_LOCK, Template, insert_schedules, require_hours
from booking.catalogue.quotas import require_quotas
from booking.returns import FreedSeat
from booking.waitlist.claims import close_withdrawn
from kernel import clock
from kernel.audit import record_change
from kernel.db import Database, Row, Transaction, database
from kernel.events import Actor
from kernel.idempotency import Idempotency

_COLUMNS = (
    "id, template_id, practitioner_id, clinic_id, department_id, campus_id, room_id, service_type,"
    " clinic_date AS date, period, starts_at, ends_at, fee_fen, status, version"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleFilter:
    """Which schedules to list; None leaves a filter off."""

    date_from: date | None = None
    date_until: date | None = None
    clinic_id: UUID | None = None
    practitioner_id: UUID | None = None
    status: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSchedule:
    """A clinic on one day, outside the templates; hours are wall-clock time in Guangzhou."""

    practitioner_id: UUID
    clinic_id: UUID
    room_id: UUID
    service_type: str
    on: date
    period: str
    starts: time
    ends: time
    slot_minutes: int
    seats_per_slot: int
    quotas: dict[str, int]


async def list_schedules(wanted: ScheduleFilter, *, after: tuple[date, UUID] | None, limit: int) -> list[Values]:
    """List schedules by day; `after` is the day and id of the last one of the page before.

    Raises:
        DatabaseUnavailable.
    """
    rows = await database().fetch(
        f"SELECT {_COLUMNS} FROM schedule"  # noqa: S608  our own column names
        " WHERE ($1::date IS NULL OR clinic_date >= $1) AND ($2::date IS NULL OR clinic_date <= $2)"
        " AND ($3::uuid IS NULL OR clinic_id = $3) AND ($4::uuid IS NULL OR practitioner_id = $4)"
        " AND ($5::text IS NULL OR status = $5) AND ($6::date IS NULL OR (clinic_date, id) > ($6, $7::uuid))"
        " ORDER BY clinic_date, id LIMIT $8",
        wanted.date_from,
        wanted.date_until,
        wanted.clinic_id,
        wanted.practitioner_id,
        wanted.status,
        after[0] if after else None,
        after[1] if after else None,
        limit,
    )
    return [plain(dict(row)) for row in rows]


async def get_schedule(schedule_id: UUID) -> Values:
    """Read one schedule with its slots, where its seats are, and when they open to which channel.

    Raises:
        EntryNotFound, DatabaseUnavailable.
    """
    return await _shown(database(), schedule_id)


async def create_schedule(new: NewSchedule, *, actor: Actor, idempotency: Idempotency | None = None) -> Values:
    """Publish a schedule by hand; its seats open by the same release rules as any other's.

    Raises:
        ReferenceUnknown, ReferenceMismatch, ValueNotAllowed, QuotaInvalid: what it names is not right.
        DayPast: it would have begun already.
        ScheduleClash: the practitioner has a clinic in this period or at these hours.
        FeeMissing: no fee is set for the service type and the practitioner's title.
        IdempotencyMismatch, DatabaseUnavailable, DatabaseBusy.
    """
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return stored
        await tx.execute("SELECT pg_advisory_xact_lock($1)", GENERATION_LOCK)
        template = await _as_template(tx, new)
        await _require_no_clash(tx, new)
        (schedule_id,) = await insert_schedules(tx, [(template, new.on)])
        answer = await _shown(tx, schedule_id)
        await _record(tx, schedule_id, before=None, after=_without_slots(answer), actor=actor)
        if idempotency:
            await idempotency.remember(tx, answer)
        return answer


async def withdraw_schedule(
    schedule_id: UUID, *, version: int, actor: Actor, idempotency: Idempotency | None = None
) -> Values:
    """Take a schedule out of sale for good, while nobody has a number of it.

    Raises:
        EntryNotFound, VersionConflict, ScheduleNotActive, DayPast: it is not there to be withdrawn.
        ScheduleHasBookings: patients have booked or hold numbers of it.
        IdempotencyMismatch, DatabaseUnavailable.
        DatabaseBusy: a number of it is being taken at this moment.
    """
    at = clock.now()
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return stored
        row = await lock_coming(tx, schedule_id)
        if row["version"] != version:
            raise errors.VersionConflict(current=row["version"])
        free = await office_seats.lock_unsold_schedule(tx, schedule_id, at=at)
        # Whoever asked the rules a moment ago still finds no seat.
        await office_seats.block_seats(tx, free, actor=actor, at=at)
        await tx.execute("UPDATE schedule SET status = 'withdrawn' WHERE id = $1 AND status = 'active'", schedule_id)
        await close_withdrawn(tx, schedule_id, actor=actor, at=at)
        answer = await _changed(
            tx, schedule_id, before={"status": "active"}, after={"status": "withdrawn"}, actor=actor
        )
        if idempotency:
            await idempotency.remember(tx, answer)
        return answer


async def move_seats(
    schedule_id: UUID,
    *,
    from_pool: str,
    to_pool: str,
    count: int,
    slot_id: UUID | None = None,
    actor: Actor,
    idempotency: Idempotency | None = None,
) -> Values:
    """Give free seats of one pool to another, the last numbers first; of one slot, or of all coming ones.

    Raises:
        EntryNotFound, ScheduleNotActive, DayPast: there is no such coming schedule.
        ReferenceUnknown, ValueNotAllowed: the pool is not in use, or the same.
        SeatsNotFree: fewer are free.
        IdempotencyMismatch, DatabaseUnavailable, DatabaseBusy.
    """
    if from_pool == to_pool:
        raise errors.ValueNotAllowed(field="to_pool")
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return stored
        # The pool before the schedule, as who changes a pool's rule has them.
        pool_is_in_use = await share_lock(tx, "pool", "code", to_pool)
        await lock_coming(tx, schedule_id)
        if not pool_is_in_use:
            raise errors.ReferenceUnknown(field="to_pool")
        before = await _count_pools(tx, schedule_id)
        seats = await _lock_exactly(tx, schedule_id, slot_id=slot_id, pool=from_pool, count=count)
        await office_seats.move_seats_to_pool(tx, seats, to_pool)
        after = await _count_pools(tx, schedule_id)
        answer = await _changed(tx, schedule_id, before={"pools": before}, after={"pools": after}, actor=actor)
        if idempotency:
            await idempotency.remember(tx, answer)
        return answer


async def block_seats(
    slot_id: UUID,
    *,
    count: int,
    pool: str | None = None,
    reason: str | None = None,
    actor: Actor,
    idempotency: Idempotency | None = None,
) -> Values:
    """Take free seats of a slot out of sale, the last numbers first; of one pool, or of any.

    Raises:
        EntryNotFound, ScheduleNotActive, DayPast: there is no such coming slot.
        SeatsNotFree: fewer are free.
        IdempotencyMismatch, DatabaseUnavailable, DatabaseBusy.
    """
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return stored
        schedule_id = await _schedule_of(tx, slot_id)
        before = await _count_blocked(tx, slot_id)
        seats = await _lock_exactly(tx, schedule_id, slot_id=slot_id, pool=pool, count=count)
        await office_seats.block_seats(tx, seats, actor=actor, at=clock.now())
        slot = {"slot_id": str(slot_id)}
        answer = await _changed(
            tx,
            schedule_id,
            before=slot | {"blocked": before},
            after=slot | {"blocked": before + count, "pool": pool, "reason": reason},
            actor=actor,
        )
        if idempotency:
            await idempotency.remember(tx, answer)
        return answer


async def unblock_seats(slot_id: UUID, *, count: int, actor: Actor, idempotency: Idempotency | None = None) -> Values:
    """Put blocked seats of a slot back, the first numbers first: to those who wait, else on sale.

    Raises:
        EntryNotFound, ScheduleNotActive, DayPast: there is no such coming slot.
        SeatsNotBlocked: fewer are blocked.
        IdempotencyMismatch, DatabaseUnavailable, DatabaseBusy.
    """
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return stored
        schedule_id = await _schedule_of(tx, slot_id)
        before = await _count_blocked(tx, slot_id)
        seats = await office_seats.lock_blocked_seats(tx, slot_id=slot_id, count=count)
        if len(seats) < count:
            raise errors.SeatsNotBlocked(blocked=len(seats))
        at = clock.now()
        await office_seats.unblock_seats(tx, seats, actor=actor, at=at)
        await returns.return_seats(tx, [FreedSeat(seat, "unblocked", cools=False) for seat in seats], at=at)
        slot = {"slot_id": str(slot_id)}
        answer = await _changed(
            tx,
            schedule_id,
            before=slot | {"blocked": before},
            after=slot | {"blocked": before - count},
            actor=actor,
        )
        if idempotency:
            await idempotency.remember(tx, answer)
        return answer


async def _as_template(tx: Transaction, new: NewSchedule) -> Template:
    """Bring a schedule made by hand into the form that the generator takes, once what it names is found right."""
    for field, table, key, wanted in (
        ("clinic_id", "clinic", "id", new.clinic_id),
        ("practitioner_id", "practitioner", "id", new.practitioner_id),
        ("room_id", "room", "id", new.room_id),
        ("service_type", "service_type", "code", new.service_type),
    ):
        if not await share_lock(tx, table, key, wanted):
            raise errors.ReferenceUnknown(field=field)
    require_hours(starts=new.starts, ends=new.ends, slot_minutes=new.slot_minutes, seats_per_slot=new.seats_per_slot)
    starts_at = clock.clinic_instant(new.on, new.starts)
    if starts_at <= clock.now():
        raise errors.DayPast(date=new.on.isoformat())
    await require_quotas(tx, new.quotas)
    row = await tx.fetchrow(
        "SELECT c.department_id, c.campus_id, r.clinic_id = c.id AS is_room, p.title,"
        " coalesce(own.amount_fen, usual.amount_fen) AS fee_fen"
        " FROM clinic c JOIN room r ON r.id = $2 JOIN practitioner p ON p.id = $3"
        " LEFT JOIN fee own ON own.service_type = $4 AND own.practitioner_id = p.id"
        " LEFT JOIN fee usual ON usual.service_type = $4 AND usual.title = p.title WHERE c.id = $1",
        new.clinic_id,
        new.room_id,
        new.practitioner_id,
        new.service_type,
    )
    assert row is not None, "its parts are locked"
    if not row["is_room"]:
        raise errors.ReferenceMismatch(field="room_id")
    if row["fee_fen"] is None:
        raise errors.FeeMissing(service_type=new.service_type, practitioner_title=row["title"])
    return Template(
        id=None,
        practitioner_id=new.practitioner_id,
        clinic_id=new.clinic_id,
        department_id=row["department_id"],
        campus_id=row["campus_id"],
        room_id=new.room_id,
        service_type=new.service_type,
        weekday=new.on.isoweekday(),
        period=new.period,
        starts=new.starts,
        ends=new.ends,
        slot_minutes=new.slot_minutes,
        seats_per_slot=new.seats_per_slot,
        quotas=new.quotas,
        works_on_holidays=True,
        valid_from=new.on,
        valid_until=new.on,
        fee_fen=row["fee_fen"],
    )


async def _require_no_clash(tx: Transaction, new: NewSchedule) -> None:
    """Ask that the practitioner is free; nobody else adds schedules meanwhile, the generation lock is held."""
    clash = await tx.fetchval(
        "SELECT id FROM schedule WHERE practitioner_id = $1 AND clinic_date = $2 AND status = 'active'"
        " AND (period = $3 OR (starts_at < $5 AND ends_at > $4)) ORDER BY starts_at LIMIT 1",
        new.practitioner_id,
        new.on,
        new.period,
        clock.clinic_instant(new.on, new.starts),
        clock.clinic_instant(new.on, new.ends),
    )
    if clash is not None:
        raise errors.ScheduleClash(schedule_id=str(clash))


async def lock_coming(tx: Transaction, schedule_id: UUID) -> Row:
    """Lock a schedule that is not over.

    Raises:
        EntryNotFound, ScheduleNotActive, DayPast.
    """
    row = await tx.fetchrow(
        "SELECT status, version, clinic_date, ends_at FROM schedule WHERE id = $1 FOR NO KEY UPDATE", schedule_id
    )
    if row is None:
        raise errors.EntryNotFound(entity="schedule")
    if row["status"] != "active":
        raise errors.ScheduleNotActive(current_status=row["status"])
    if row["ends_at"] <= clock.now():
        raise errors.DayPast(date=row["clinic_date"].isoformat())
    return row


async def _schedule_of(tx: Transaction, slot_id: UUID) -> UUID:
    row = await tx.fetchrow("SELECT schedule_id, starts_at FROM slot WHERE id = $1", slot_id)
    if row is None:
        raise errors.EntryNotFound(entity="slot")
    schedule_id: UUID = row["schedule_id"]
    await lock_coming(tx, schedule_id)
    if row["starts_at"] <= clock.now():
        raise errors.DayPast(date=clock.clinic_date(row["starts_at"]).isoformat())
    return schedule_id


async def _lock_exactly(
    tx: Transaction, schedule_id: UUID, *, slot_id: UUID | None, pool: str | None, count: int
) -> list[int]:
    seats = await office_seats.lock_free_seats(
        tx, schedule_id=schedule_id, slot_id=slot_id, pool=pool, count=count, at=clock.now()
    )
    if len(seats) < count:
        raise errors.SeatsNotFree(free=len(seats))
    return seats


async def _changed(
    tx: Transaction, schedule_id: UUID, *, before: dict[str, Any], after: dict[str, Any], actor: Actor
) -> Values:
    """Count a change of a schedule, log it, tell the HIS, and give the schedule as it is now."""
    version = await tx.fetchval(
        "UPDATE schedule SET version = version + 1 WHERE id = $1 RETURNING version", schedule_id
    )
    await announce_schedules(tx, [schedule_id], event_type="schedule.changed")
    await _record(
        tx,
        schedule_id,
        before=before | {"version": version - 1},
        after=after | {"version": version},
        actor=actor,
    )
    return await _shown(tx, schedule_id)


async def _record(
    tx: Transaction, schedule_id: UUID, *, before: dict[str, Any] | None, after: dict[str, Any], actor: Actor
) -> None:
    await record_change(
        tx,
        entity="schedule",
        entity_id=str(schedule_id),
        action="created" if before is None else "updated",
        before=before,
        after=after,
        actor=actor,
    )


async def _count_pools(tx: Transaction, schedule_id: UUID) -> dict[str, int]:
    rows = await tx.fetch(
        "SELECT pool, count(*) AS seats FROM seat WHERE schedule_id = $1 GROUP BY pool ORDER BY pool", schedule_id
    )
    return {row["pool"]: row["seats"] for row in rows}


async def _count_blocked(tx: Transaction, slot_id: UUID) -> int:
    count: int = await tx.fetchval("SELECT count(*) FROM seat WHERE slot_id = $1 AND status = 'blocked'", slot_id)
    return count


def _without_slots(shown: Values) -> Values:
    return {name: value for name, value in shown.items() if name not in ("slots", "releases")}


_SLOTS = """
SELECT t.id, t.starts_at, t.ends_at, e.pool,
       CASE WHEN e.status = 'held' AND e.hold_until <= $2 THEN 'free' ELSE e.status END AS status, count(*) AS seats
FROM slot t JOIN seat e ON e.slot_id = t.id WHERE t.schedule_id = $1
GROUP BY 1, 2, 3, 4, 5 ORDER BY t.starts_at, 4, 5
"""


async def _shown(db: Database | Transaction, schedule_id: UUID) -> Values:
    row = await db.fetchrow(f"SELECT {_COLUMNS} FROM schedule WHERE id = $1", schedule_id)  # noqa: S608  our own names
    if row is None:
        raise errors.EntryNotFound(entity="schedule")
    slots: dict[UUID, Values] = {}
    for seats in await db.fetch(_SLOTS, schedule_id, clock.now()):
        slot = slots.setdefault(
            seats["id"],
            plain({name: seats[name] for name in ("id", "starts_at", "ends_at")}) | {"seats": []},
        )
        slot["seats"].append({name: seats[name] for name in ("pool", "status")} | {"count": seats["seats"]})
    releases = await db.fetch(
        "SELECT channel, pool, opens_at, via FROM schedule_release WHERE schedule_id = $1 ORDER BY channel, pool",
        schedule_id,
    )
    return plain(dict(row)) | {"slots": list(slots.values()), "releases": [plain(dict(r)) for r in releases]}
