"""The statements that decide who is called, and the events that tell of it.

Locks are taken in one order: appointment, queue (two of them by id), entry. The queue's row is what rivals wait for:
a queue has one change at a time, so nobody is called twice and nobody is skipped.
"""

from collections.abc import Sequence
from datetime import date, datetime
from functools import partial
from typing import Any, Final
from uuid import UUID

import asyncpg

from booking import notices
from booking.catalogue.kinds import QUEUE_RULES
from booking.queue import errors, wakes
from booking.queue.order import OrderRule
from booking.queue.place import PlaceRule
from booking.queue.states import CALLED, QUEUE_ENTRY, WAITING
from kernel.db import Row, Transaction
from kernel.events import Actor
from kernel.ids import new_id

MOVES_MAX: Final = 5
# What the application that booked reads of its patients' day, beside the live view.
NOTICED: Final = frozenset({"checked_in", "called", "recalled", "passed", "transferred", "finished", "left"})
PERIOD_LETTERS: Final = {"morning": "A", "afternoon": "P", "evening": "E", "night": "N"}
WALK_IN_LETTER: Final = "W"


async def read_rule(tx: Transaction, clinic_id: UUID) -> Row:
    """Read the rules of check-in and queue as they count for a clinic."""
    columns = ", ".join(f"coalesce(o.{name}, h.{name}) AS {name}" for name in QUEUE_RULES)
    row = await tx.fetchrow(
        f"SELECT {columns} FROM booking_rule h"  # noqa: S608  our own column names
        " LEFT JOIN booking_rule o ON o.clinic_id = $1 WHERE h.clinic_id IS NULL",
        clinic_id,
    )
    assert row is not None, "the hospital's own rule is always there"
    return row


def order_rule(rule: Row) -> OrderRule:
    """Give what the order of a queue goes by."""
    return OrderRule(rule["priority_minutes"], rule["return_visit_minutes"], rule["late_minutes_after"])


def place_rule(rule: Row) -> PlaceRule:
    """Give what checking in by place goes by."""
    return PlaceRule(rule["check_in_radius_meters"], rule["fix_accuracy_meters_max"], rule["fix_age_seconds_max"])


async def open_queue(
    tx: Transaction, *, clinic_date: date, practitioner_id: UUID, room_id: UUID, clinic_id: UUID
) -> Row:
    """Find the queue of a practitioner in a room on a day, which begins when it is first asked for; not locked."""
    for _ in range(MOVES_MAX):
        row = await tx.fetchrow(
            "SELECT * FROM visit_queue WHERE practitioner_id = $1 AND clinic_date = $2 AND room_id = $3",
            practitioner_id,
            clinic_date,
            room_id,
        )
        if row is not None:
            return row
        await tx.execute(
            "INSERT INTO visit_queue (id, clinic_date, practitioner_id, room_id, clinic_id)"
            " VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
            new_id(),
            clinic_date,
            practitioner_id,
            room_id,
            clinic_id,
        )
    raise AssertionError("queues are never removed")


async def lock_queue(tx: Transaction, queue_id: UUID) -> None:
    """Lock a queue: whoever changes it waits here for who does."""
    await tx.execute("SELECT FROM visit_queue WHERE id = $1 FOR UPDATE", queue_id)


async def lock_known_queue(tx: Transaction, *, clinic_date: date, practitioner_id: UUID, room_id: UUID) -> Row:
    """Lock a queue that exists.

    Raises:
        QueueNotFound: nobody has come for this practitioner in this room today.
    """
    row = await tx.fetchrow(
        "SELECT * FROM visit_queue WHERE practitioner_id = $1 AND clinic_date = $2 AND room_id = $3 FOR UPDATE",
        practitioner_id,
        clinic_date,
        room_id,
    )
    if row is None:
        raise errors.QueueNotFound
    return row


async def lock_entry(tx: Transaction, entry_id: UUID, *, also: UUID | None = None) -> Row:
    """Lock somebody's queue (and another one, in the order of ids) and then their place in it.

    A transfer may take the person elsewhere while we wait for their queue: then we follow, a few times.

    Raises:
        EntryNotFound: no such place in a queue.
        EntryMoved: they are being sent from room to room just now.
    """
    for _ in range(MOVES_MAX):
        queue_id = await tx.fetchval("SELECT queue_id FROM visit_queue_entry WHERE id = $1", entry_id)
        if queue_id is None:
            raise errors.EntryNotFound
        wanted = [queue_id] if also is None else [queue_id, also]
        await tx.fetch("SELECT id FROM visit_queue WHERE id = ANY ($1) ORDER BY id FOR UPDATE", wanted)
        row = await tx.fetchrow(
            "SELECT * FROM visit_queue_entry WHERE id = $1 AND queue_id = $2 FOR UPDATE", entry_id, queue_id
        )
        if row is not None:
            return row
    raise errors.EntryMoved(current_status="transferred")


async def insert_entry(tx: Transaction, values: dict[str, Any]) -> Row:
    """Let somebody into a queue.

    Raises:
        AlreadyCheckedIn: their appointment or visit has a place already.
    """
    names = list(values)
    marks = ", ".join(f"${n}" for n in range(1, len(names) + 1))
    row = await tx.fetchrow(
        f"INSERT INTO visit_queue_entry ({', '.join(names)}) VALUES ({marks})"  # noqa: S608  our own names
        " ON CONFLICT DO NOTHING RETURNING *",
        *values.values(),
    )
    if row is None:
        raise errors.AlreadyCheckedIn
    return row


async def change_entry(
    tx: Transaction, entry: Row, *, to: str | None, at: datetime, before: Sequence[str] | None = None, **changes: object
) -> Row:
    """Change somebody's status (`to`) or other columns, if they still are where the step begins; give the new row.

    before: the statuses from which this very step is taken; by default all from which the table allows it.

    Raises:
        EntryMoved: somebody was faster, or it is not the time for this step.
        SomebodyCalled: another person is called to that room.
    """
    starts = list(before if before is not None else QUEUE_ENTRY.before(to or ""))
    assert to is None or all(QUEUE_ENTRY.allows(one, to) or one == to for one in starts), "a step of the table"
    columns = {**changes, "updated_at": at, **({"status": to} if to else {})}
    sets = ", ".join(f"{name} = ${n}" for n, name in enumerate(columns, start=3))
    try:
        row = await tx.fetchrow(
            f"UPDATE visit_queue_entry SET {sets}"  # noqa: S608  our own column names
            " WHERE id = $1 AND status = ANY ($2) RETURNING *",
            entry["id"],
            starts,
            *columns.values(),
        )
    except asyncpg.UniqueViolationError as error:
        raise errors.SomebodyCalled from error
    if row is None:
        raise errors.EntryMoved(current_status=entry["status"])
    return row


async def next_waiting(tx: Transaction, queue_id: UUID) -> Row:
    """Give the person whose turn it is in a locked queue.

    Raises:
        NobodyWaiting.
    """
    row = await tx.fetchrow(
        "SELECT * FROM visit_queue_entry WHERE queue_id = $1 AND status = $2"
        " ORDER BY order_seconds, ticket LIMIT 1 FOR UPDATE",
        queue_id,
        WAITING,
    )
    if row is None:
        raise errors.NobodyWaiting
    return row


async def require_nobody_called(tx: Transaction, queue_id: UUID) -> None:
    """Ask that nobody is called to the room of a locked queue.

    Raises:
        SomebodyCalled: naming who is.
    """
    row = await tx.fetchrow(
        "SELECT id, label FROM visit_queue_entry WHERE queue_id = $1 AND status = $2", queue_id, CALLED
    )
    if row is not None:
        raise errors.SomebodyCalled(entry_id=row["id"], label=row["label"])


async def waiting_orders(tx: Transaction, queue_id: UUID) -> list[float]:
    """Give the orders of those who wait in a locked queue, the next one first."""
    rows = await tx.fetch(
        "SELECT order_seconds FROM visit_queue_entry WHERE queue_id = $1 AND status = $2"
        " ORDER BY order_seconds, ticket",
        queue_id,
        WAITING,
    )
    return [row["order_seconds"] for row in rows]


def appointment_label(period: str, sequence: int) -> str:
    """Write the number that is called out: a letter for the period, and the number that was booked."""
    return f"{PERIOD_LETTERS[period]}{sequence:02d}"


async def walk_in_label(tx: Transaction, *, room_id: UUID, clinic_date: date) -> str:
    """Give the next number for somebody without an appointment; the room's walk-ins are counted one at a time."""
    await tx.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 120))", f"{room_id}\n{clinic_date}")
    known = await tx.fetchval(
        "SELECT count(*) FROM visit_queue_event v JOIN visit_queue q ON q.id = v.queue_id"
        " WHERE q.room_id = $1 AND q.clinic_date = $2 AND v.kind = 'walked_in'",
        room_id,
        clinic_date,
    )
    return f"{WALK_IN_LETTER}{known + 1:02d}"


async def tell(
    tx: Transaction, kind: str, entry: Row, *, actor: Actor, at: datetime, details: dict[str, object] | None = None
) -> None:
    """Append the event of a change in the change's transaction, and wake the watchers of the room after it."""
    event: int = await tx.fetchval(
        "INSERT INTO visit_queue_event (at, kind, entry_id, queue_id, status, class, client_id, channel, staff_code,"
        " request_id, details) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) RETURNING id",
        at,
        kind,
        entry["id"],
        entry["queue_id"],
        entry["status"],
        entry["class"],
        actor.client_id,
        actor.channel,
        actor.staff_code,
        actor.request_id,
        details or {},
    )
    await touch_queue(tx, entry["queue_id"], event)
    if kind in NOTICED and entry["appointment_id"] is not None:
        await notices.post(
            tx,
            client_id=entry["client_id"],
            kind=f"queue.{kind}",
            subject_id=entry["id"],
            facts={"appointment_id": entry["appointment_id"], "label": entry["label"], "status": entry["status"]},
            at=at,
        )


async def touch_queue(tx: Transaction, queue_id: UUID, event: int) -> None:
    """Note the newest event of a locked queue, and wake the watchers of its room after the commit."""
    room_id = await tx.fetchval(
        "UPDATE visit_queue SET last_event = $2 WHERE id = $1 AND last_event < $2 RETURNING room_id", queue_id, event
    )
    if room_id is not None:
        tx.after_commit(partial(wakes.wake_room, room_id))
