"""When which channel may take which pool's seats: release rules, and what is left over going back to common.

The result stands as rows of schedule_release, so that a booking reads one row per pool and no rule. It is computed
again whenever a rule, a pool, a channel, a calendar day or a schedule changes.

* Of the rules for (channel, pool) the narrowest counts: the clinic's, else the service type's, else the hospital's.
* `holiday_aware`: a release that falls on a public holiday (the hospital's own included) happens on the last
  workday before, at the same hour. Ordinary weekends stay: nobody has to be there for numbers to open.
* A pool with `recycle_minutes_before` opens to every channel of the common pool so long before the schedule starts,
  but never before that channel's common seats have opened.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal
from uuid import UUID

from booking.catalogue.calendar import HospitalCalendar, load_calendar
from booking.catalogue.quotas import COMMON
from kernel import clock
from kernel.db import Transaction
from kernel.metrics import Counter

RELEASE_LOCK = 0x72656C6561736573  # "releases"
SCHEDULES_A_STATEMENT = 100  # So few that whoever shares this process waits some milliseconds only.

RELEASES_COMPUTED = Counter("booking_releases_computed_total", "Schedules whose release instants were computed")


@dataclass(frozen=True, slots=True)
class Rule:
    """A release rule in force; `at_time` is wall-clock time in Guangzhou."""

    channel: str
    pool: str
    clinic_id: UUID | None
    service_type: str | None
    kind: Literal["days_ahead", "fixed"]
    days_ahead: int | None
    at_time: time | None
    fixed_at: datetime | None
    holiday_aware: bool


@dataclass(frozen=True, slots=True)
class Releasable:
    """What the rules need to know of a schedule."""

    schedule_id: UUID
    clinic_id: UUID
    service_type: str
    clinic_date: date
    starts_at: datetime


@dataclass(frozen=True, slots=True)
class Release:
    """From `opens_at` (UTC) on the channel may take seats of this pool."""

    channel: str
    pool: str
    opens_at: datetime
    via: Literal["rule", "recycled"]


class ReleasePlan:
    """Every rule in force at once, asked schedule by schedule.

    recycle_minutes: pools in use with the minutes before the start at which their rest becomes common; None: never.
    """

    def __init__(
        self, rules: Iterable[Rule], recycle_minutes: Mapping[str, int | None], calendar: HospitalCalendar
    ) -> None:
        self._calendar = calendar
        self._recycle_minutes = recycle_minutes
        self._by_scope: dict[tuple[UUID | str | None, str, str], Rule] = {}
        self._pairs: set[tuple[str, str]] = set()
        for rule in rules:
            if rule.pool in recycle_minutes:
                self._by_scope[rule.clinic_id or rule.service_type, rule.channel, rule.pool] = rule
                self._pairs.add((rule.channel, rule.pool))

    def releases(self, schedule: Releasable) -> list[Release]:
        """Give each (channel, pool) that may ever take seats of a schedule, with its instant."""
        opens: dict[tuple[str, str], Release] = {}
        for channel, pool in sorted(self._pairs):
            rule = self._narrowest(schedule, channel, pool)
            if rule is not None:
                opens[channel, pool] = Release(channel, pool, opening(rule, schedule, self._calendar), "rule")
        for common in [release for release in opens.values() if release.pool == COMMON]:
            for pool, minutes in self._recycle_minutes.items():
                if minutes is None or pool == COMMON:
                    continue
                recycled_at = max(common.opens_at, schedule.starts_at - timedelta(minutes=minutes))
                own = opens.get((common.channel, pool))
                if own is None or recycled_at < own.opens_at:
                    opens[common.channel, pool] = Release(common.channel, pool, recycled_at, "recycled")
        return list(opens.values())

    def _narrowest(self, schedule: Releasable, channel: str, pool: str) -> Rule | None:
        scopes = (schedule.clinic_id, schedule.service_type, None)
        return next((r for scope in scopes if (r := self._by_scope.get((scope, channel, pool)))), None)


def opening(rule: Rule, schedule: Releasable, calendar: HospitalCalendar) -> datetime:
    """Tell when a rule opens a schedule, UTC."""
    if rule.kind == "fixed":
        assert rule.fixed_at is not None
        return rule.fixed_at
    assert rule.days_ahead is not None
    assert rule.at_time is not None
    on = schedule.clinic_date - timedelta(days=rule.days_ahead)
    if rule.holiday_aware and calendar.day(on).kind == "holiday":
        on = calendar.last_workday_before(on)
    return clock.clinic_instant(on, rule.at_time)


async def recompute_releases(
    tx: Transaction,
    *,
    schedule_ids: Sequence[UUID] | None = None,
    clinic_id: UUID | None = None,
    service_type: str | None = None,
) -> int:
    """Bring schedule_release in step with the rules, and give how many schedules were looked at.

    Only active schedules that have not ended are touched: of these all, or the ones named by one of the arguments.
    One recomputation runs at a time, and reads the rules after it has the lock, so the last one to commit has seen
    every change.
    """
    await tx.execute("SELECT pg_advisory_xact_lock($1)", RELEASE_LOCK)
    plan = await load_plan(tx)
    rows = await tx.fetch(
        "SELECT id, clinic_id, service_type, clinic_date, starts_at FROM schedule"
        " WHERE status = 'active' AND clinic_date >= $1 AND ends_at > $2 AND ($3::uuid[] IS NULL OR id = ANY ($3))"
        " AND ($4::uuid IS NULL OR clinic_id = $4) AND ($5::text IS NULL OR service_type = $5)"
        " ORDER BY clinic_date, id",
        clock.today(),
        clock.now(),
        None if schedule_ids is None else list(schedule_ids),
        clinic_id,
        service_type,
    )
    schedules = [Releasable(*row.values()) for row in rows]
    for start in range(0, len(schedules), SCHEDULES_A_STATEMENT):
        await _replace_releases(tx, schedules[start : start + SCHEDULES_A_STATEMENT], plan)
    RELEASES_COMPUTED.inc(len(schedules))
    return len(schedules)


async def load_plan(tx: Transaction) -> ReleasePlan:
    """Read every rule, pool and channel in force, and the calendar."""
    rules = await tx.fetch(
        "SELECT r.channel, r.pool, r.clinic_id, r.service_type, r.kind, r.days_ahead, r.at_time, r.fixed_at,"
        " r.holiday_aware FROM release_rule r JOIN channel c ON c.code = r.channel AND c.active WHERE r.active"
    )
    pools = await tx.fetch("SELECT code, recycle_minutes_before FROM pool WHERE active")
    return ReleasePlan(
        [Rule(*row.values()) for row in rules],
        {row["code"]: row["recycle_minutes_before"] for row in pools},
        await load_calendar(tx),
    )


_REPLACE = """
WITH fresh AS (
    SELECT * FROM unnest($2::uuid[], $3::text[], $4::text[], $5::timestamptz[], $6::text[])
        AS f (schedule_id, channel, pool, opens_at, via)),
gone AS (
    DELETE FROM schedule_release r WHERE r.schedule_id = ANY ($1) AND NOT EXISTS (
        SELECT FROM fresh f WHERE f.schedule_id = r.schedule_id AND f.channel = r.channel AND f.pool = r.pool))
INSERT INTO schedule_release AS r (schedule_id, channel, pool, opens_at, via)
SELECT schedule_id, channel, pool, opens_at, via FROM fresh
ON CONFLICT (schedule_id, channel, pool) DO UPDATE SET opens_at = excluded.opens_at, via = excluded.via
WHERE (r.opens_at, r.via) IS DISTINCT FROM (excluded.opens_at, excluded.via)
"""


async def _replace_releases(tx: Transaction, schedules: Sequence[Releasable], plan: ReleasePlan) -> None:
    fresh = [(s.schedule_id, release) for s in schedules for release in plan.releases(s)]
    await tx.execute(
        _REPLACE,
        [s.schedule_id for s in schedules],
        [schedule_id for schedule_id, _ in fresh],
        [release.channel for _, release in fresh],
        [release.pool for _, release in fresh],
        [release.opens_at for _, release in fresh],
        [release.via for _, release in fresh],
    )
