"""Reading the waitlist, always within the caller's scope."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

from booking.waitlist import errors
from booking.waitlist.facts import Entry, Offer, TargetKind
from booking.waitlist.states import OFFER_STATUS
from kernel import clock
from kernel.db import Database, Row, Transaction, database
from kernel.events import Actor

OFFERS_SHOWN_MAX: Final = 100

# $1 is the instant. An entry whose time, or whose offer's time, is over reads as expired.
_IS_LIVE: Final = "e.status = 'waiting' AND coalesce(e.offer_until, e.ends_at) > $1"
_ENTRY: Final = f"""
SELECT e.id, CASE WHEN e.status = 'waiting' AND NOT ({_IS_LIVE}) THEN 'expired' ELSE e.status END AS status,
       e.patient_id, e.target_kind, e.target_id, e.department_id, e.date_from, e.date_until, e.periods, e.priority,
       e.channel, CASE WHEN {_IS_LIVE} THEN n.ahead + 1 END AS position, n.waiting,
       CASE WHEN e.offer_until > $1 THEN e.offer_id END AS offer_id,
       CASE WHEN e.offer_until > $1 THEN e.offer_until END AS offer_until,
       e.appointment_id, e.ends_at, e.created_at, e.updated_at
FROM waitlist_entry e CROSS JOIN LATERAL (
    SELECT count(*) AS waiting,
           count(*) FILTER (WHERE (o.rank, o.created_at, o.id) < (e.rank, e.created_at, e.id)) AS ahead
    FROM waitlist_entry o
    WHERE o.target_id = e.target_id AND o.date_from <= e.date_until AND o.date_until >= e.date_from
      AND {_IS_LIVE.replace("e.", "o.")}) n
"""  # noqa: S608  our own constants alone
_OFFER: Final = """
SELECT h.id, h.entry_id, h.status, h.patient_id, h.slot_id, h.schedule_id, s.starts_at, s.ends_at,
       t.seq AS queue_number, sc.fee_fen, h.until, h.created_at, h.client_id
FROM hold h JOIN seat t ON t.id = h.seat_id JOIN slot s ON s.id = h.slot_id JOIN schedule sc ON sc.id = h.schedule_id
"""
# Whether somebody waits who might have a seat of the schedule `sc`.
_WAITED: Final = """EXISTS (
    SELECT FROM waitlist_entry e WHERE e.status = 'waiting' AND e.offer_id IS NULL
       AND e.target_id = ANY (ARRAY[sc.id, sc.practitioner_id, sc.department_id])
       AND sc.clinic_date BETWEEN e.date_from AND e.date_until)"""
_TARGETS: Final = {"schedule": "sc.id", "practitioner": "sc.practitioner_id", "department": "sc.department_id"}


@dataclass(frozen=True, slots=True)
class EntryFilter:
    """Which entries to list; None leaves a filter off."""

    patient_id: UUID | None = None
    target_id: UUID | None = None
    status: str | None = None


async def get_entry(entry_id: UUID, *, actor: Actor) -> Entry:
    """Read one entry of the caller's with its place in the order.

    Raises:
        EntryNotFound: absent, or another client's.
        DatabaseUnavailable.
    """
    row = await database().fetchrow(
        _ENTRY + " WHERE e.id = $2 AND ($3 OR e.client_id = $4)",
        clock.now(),
        entry_id,
        actor.sees_all,
        actor.client_id,
    )
    if row is None:
        raise errors.EntryNotFound
    return Entry(**dict(row))


async def read_entry(db: Database | Transaction, entry_id: UUID, *, at: datetime) -> Entry:
    """Read an entry that is known to exist."""
    row = await db.fetchrow(_ENTRY + " WHERE e.id = $2", at, entry_id)
    assert row is not None, "entries are never deleted"
    return Entry(**dict(row))


async def list_entries(wanted: EntryFilter, *, actor: Actor, before: UUID | None, limit: int) -> Sequence[Entry]:
    """List the caller's entries, newest first; `before` is the last id of the page before.

    Raises:
        DatabaseUnavailable.
    """
    rows = await database().fetch(
        f"SELECT * FROM ({_ENTRY} WHERE ($2 OR e.client_id = $3) AND ($4::uuid IS NULL OR e.patient_id = $4)"  # noqa: S608  our own constants alone
        " AND ($5::uuid IS NULL OR e.target_id = $5) AND ($6::uuid IS NULL OR e.id < $6)) found"
        " WHERE $7::text IS NULL OR status = $7 ORDER BY id DESC LIMIT $8",
        clock.now(),
        actor.sees_all,
        actor.client_id,
        wanted.patient_id,
        wanted.target_id,
        before,
        wanted.status,
        limit,
    )
    return [Entry(**dict(row)) for row in rows]


async def list_offers(entry_id: UUID, *, actor: Actor) -> Sequence[Offer]:
    """List what an entry of the caller's was offered, newest first.

    Raises:
        EntryNotFound, DatabaseUnavailable.
    """
    await get_entry(entry_id, actor=actor)
    rows = await database().fetch(
        _OFFER + " WHERE h.entry_id = $1 ORDER BY h.id DESC LIMIT $2", entry_id, OFFERS_SHOWN_MAX
    )
    at = clock.now()
    return [shape_offer(row, at=at) for row in rows]


async def get_offer(offer_id: UUID, *, actor: Actor) -> Offer:
    """Read one offer of the caller's.

    Raises:
        OfferNotFound: absent, or another client's.
        DatabaseUnavailable.
    """
    return await read_offer(database(), offer_id, actor=actor, at=clock.now())


async def read_offer(db: Database | Transaction, offer_id: UUID, *, actor: Actor, at: datetime) -> Offer:
    """Read one offer of the caller's, in a transaction or outside.

    Raises:
        OfferNotFound: absent, or another client's.
    """
    row = await db.fetchrow(
        _OFFER + " WHERE h.id = $1 AND h.kind = 'offer' AND ($2 OR h.client_id = $3)",
        offer_id,
        actor.sees_all,
        actor.client_id,
    )
    if row is None:
        raise errors.OfferNotFound
    return shape_offer(row, at=at)


def shape_offer(row: Row, *, at: datetime) -> Offer:
    """Shape an offer's row; one whose time is over reads as expired."""
    is_over = row["status"] == "active" and row["until"] <= at
    status = "expired" if is_over else OFFER_STATUS[row["status"]]
    left = max(0, int((row["until"] - at).total_seconds())) if status == "open" else 0
    values = {name: value for name, value in row.items() if name not in ("status", "client_id")}
    return Offer(status=status, seconds_left=left, **values)


async def find_free_schedule(
    tx: Transaction,
    *,
    target_kind: TargetKind,
    target_id: UUID,
    days: tuple[date, date],
    periods: Sequence[str],
    channel: str,
    at: datetime,
) -> UUID | None:
    """Find a schedule with a seat that the channel may book now and that nobody waits for; None: there is none."""
    found: UUID | None = await tx.fetchval(
        "SELECT sc.id FROM schedule sc JOIN clinic c ON c.id = sc.clinic_id AND c.active"  # noqa: S608  our own constants alone
        f" WHERE {_TARGETS[target_kind]} = $1 AND sc.clinic_date BETWEEN $2 AND $3 AND sc.status = 'active'"
        f" AND ($4::text[] = '{{}}' OR sc.period = ANY ($4)) AND sc.ends_at > $6 AND NOT {_WAITED} AND EXISTS ("
        " SELECT FROM slot s JOIN seat t ON t.slot_id = s.id"
        " JOIN schedule_release l ON l.schedule_id = sc.id AND l.channel = $5 AND l.pool = t.pool"
        " WHERE s.schedule_id = sc.id AND s.starts_at > $6 AND l.opens_at <= $6 AND t.status IN ('free', 'held')"
        " AND (t.status = 'free' OR t.hold_until <= $6)) ORDER BY sc.starts_at, sc.id LIMIT 1",
        target_id,
        *days,
        list(periods),
        channel,
        at,
    )
    return found


async def schedules_to_settle(*, at: datetime, after: UUID | None, limit: int) -> list[UUID]:
    """List coming schedules that somebody waits for and that have seats free by the clock, in order of their ids.

    Raises:
        DatabaseUnavailable.
    """
    rows = await database().fetch(
        "SELECT sc.id FROM schedule sc, (SELECT min(date_from) AS first, max(date_until) AS last FROM waitlist_entry"  # noqa: S608  our own constants alone
        " WHERE status = 'waiting') w WHERE sc.clinic_date BETWEEN w.first AND w.last AND sc.status = 'active'"
        f" AND sc.starts_at > $1 AND ($2::uuid IS NULL OR sc.id > $2) AND {_WAITED} AND EXISTS ("
        " SELECT FROM seat t WHERE t.schedule_id = sc.id AND t.status IN ('free', 'held')"
        " AND (t.status = 'free' OR t.hold_until <= $1)) ORDER BY sc.id LIMIT $3",
        at,
        after,
        limit,
    )
    return [row["id"] for row in rows]
