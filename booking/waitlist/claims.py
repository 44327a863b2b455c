"""The statements by which entries come onto the waitlist and leave it.

Locks: whoever acts for a person on the list takes the person's own lock first (after the idempotency key), so that
two answers of one person never cross. Entries come after holds and seats; who offers seats never waits for one.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg

from booking.waitlist import errors
from booking.waitlist.states import ENTRY
from kernel.db import Row, Transaction
from kernel.events import Actor

SWEEP_ACTOR: Final = Actor(client_id="system:waitlist", channel="system", kind="system")


async def lock_person(tx: Transaction, patient_id: UUID) -> None:
    """Let nobody else act for this person on the waitlist until this transaction ends."""
    await tx.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 2))", str(patient_id))


async def insert_entry(tx: Transaction, values: dict[str, object], *, actor: Actor, at: datetime) -> None:
    """Put somebody on the list.

    Raises:
        AlreadyWaiting: on this one already.
    """
    names = ", ".join(values)
    marks = ", ".join(f"${n}" for n in range(1, len(values) + 1))
    try:
        await tx.execute(
            f"INSERT INTO waitlist_entry ({names}) VALUES ({marks})",  # noqa: S608  our own names
            *values.values(),
        )
    except asyncpg.UniqueViolationError as error:
        raise errors.AlreadyWaiting from error
    await tx.execute(
        "INSERT INTO waitlist_event (at, kind, entry_id, patient_id, channel, client_id, staff_code, request_id)"
        " VALUES ($1, 'joined', $2, $3, $4, $5, $6, $7)",
        at,
        values["id"],
        values["patient_id"],
        actor.channel,
        actor.client_id,
        actor.staff_code,
        actor.request_id,
    )


async def end_entries(
    tx: Transaction,
    entry_ids: Sequence[UUID],
    *,
    status: str,
    reason: str,
    actor: Actor,
    at: datetime,
    appointment_id: UUID | None = None,
    offer_ids: Sequence[UUID] | None = None,
) -> list[UUID]:
    """Move waiting entries on, tell of it, and give those that moved.

    offer_ids: only entries whose open offer is one of these.
    """
    rows = await tx.fetch(
        "WITH ended AS (UPDATE waitlist_entry SET status = $2, offer_id = NULL, offer_until = NULL,"
        " appointment_id = $5, updated_at = $3 WHERE id = ANY ($1) AND status = ANY ($4)"
        " AND ($6::uuid[] IS NULL OR offer_id = ANY ($6)) RETURNING id, patient_id, client_id),"
        " told AS (INSERT INTO waitlist_event (at, kind, entry_id, patient_id, appointment_id, channel, client_id,"
        " staff_code, request_id) SELECT $3, $2, id, patient_id, $5, $7, $8, $9, $10 FROM ended),"
        " noticed AS (INSERT INTO booking_notice (at, client_id, kind, subject_id, facts)"
        " SELECT $3, client_id, 'waitlist.' || $2, id, jsonb_build_object('patient_id', patient_id,"
        " 'reason', $11::text, 'appointment_id', $5::uuid) FROM ended)"
        " SELECT id FROM ended ORDER BY id",
        list(entry_ids),
        status,
        at,
        ENTRY.before(status),
        appointment_id,
        None if offer_ids is None else list(offer_ids),
        actor.channel,
        actor.client_id,
        actor.staff_code,
        actor.request_id,
        reason,
    )
    return [row["id"] for row in rows]


async def end_missed_offers(tx: Transaction, offers: Sequence[Row], *, at: datetime) -> None:
    """Write down that people have let their offers pass: their entries are over."""
    if offers:
        await end_entries(
            tx,
            [offer["entry_id"] for offer in offers],
            status="expired",
            reason="offer_missed",
            actor=SWEEP_ACTOR,
            at=at,
            offer_ids=[offer["id"] for offer in offers],
        )


async def end_passed_entries(tx: Transaction, *, patient_id: UUID | None, at: datetime, limit: int) -> int:
    """Write down the end of entries whose time is over, of one person or of all; give how many.

    One with an open offer ends with its offer.
    """
    rows = await tx.fetch(
        "SELECT id FROM waitlist_entry WHERE status = 'waiting' AND ($1::uuid IS NULL OR patient_id = $1)"
        " AND ends_at <= $2 AND (offer_until IS NULL OR offer_until <= $2) ORDER BY ends_at, id LIMIT $3"
        " FOR UPDATE SKIP LOCKED",
        patient_id,
        at,
        limit,
    )
    if not rows:
        return 0
    ids = [row["id"] for row in rows]
    return len(await end_entries(tx, ids, status="expired", reason="cutoff", actor=SWEEP_ACTOR, at=at))


async def end_persons_missed_offers(tx: Transaction, patient_id: UUID, *, at: datetime) -> None:
    """Write down the ends of a person's missed offers that the sweep has not come to yet."""
    rows = await tx.fetch(
        "SELECT id AS entry_id, offer_id AS id FROM waitlist_entry"
        " WHERE patient_id = $1 AND status = 'waiting' AND offer_until <= $2 ORDER BY waitlist_entry.id FOR UPDATE",
        patient_id,
        at,
    )
    await end_missed_offers(tx, rows, at=at)


async def lock_entry(tx: Transaction, entry_id: UUID) -> Row:
    """Lock an entry that is known to exist."""
    row = await tx.fetchrow("SELECT * FROM waitlist_entry WHERE id = $1 FOR UPDATE", entry_id)
    assert row is not None, "entries are never deleted"
    return row


async def lock_rivals(tx: Transaction, entry: Row) -> list[Row]:
    """Lock the person's other entries for the same department and overlapping days."""
    return await tx.fetch(
        "SELECT id, offer_id, offer_until FROM waitlist_entry WHERE patient_id = $1 AND status = 'waiting'"
        " AND id <> $2 AND department_id = $3 AND date_from <= $5 AND date_until >= $4 ORDER BY id FOR UPDATE",
        entry["patient_id"],
        entry["id"],
        entry["department_id"],
        entry["date_from"],
        entry["date_until"],
    )


async def lock_open_offer(tx: Transaction, offer_id: UUID) -> Row | None:
    """Lock an offer that is open; None where the sweep has it in hand, because its time is over."""
    return await tx.fetchrow("SELECT * FROM hold WHERE id = $1 AND status = 'active' FOR UPDATE SKIP LOCKED", offer_id)


async def keep_waiting(tx: Transaction, offer: Row, *, actor: Actor, at: datetime) -> None:
    """Let an entry whose offer was declined go on waiting in its place, but not for that slot."""
    kept = await tx.execute(
        "UPDATE waitlist_entry SET offer_id = NULL, offer_until = NULL, updated_at = $3,"
        " refused_slots = refused_slots || $4::uuid WHERE id = $1 AND offer_id = $2 AND status = 'waiting'",
        offer["entry_id"],
        offer["id"],
        at,
        offer["slot_id"],
    )
    assert kept == 1, "an open offer's entry waits"
    await tx.execute(
        "INSERT INTO waitlist_event (at, kind, entry_id, patient_id, hold_id, channel, client_id, staff_code,"
        " request_id) VALUES ($1, 'declined', $2, $3, $4, $5, $6, $7, $8)",
        at,
        offer["entry_id"],
        offer["patient_id"],
        offer["id"],
        actor.channel,
        actor.client_id,
        actor.staff_code,
        actor.request_id,
    )


async def close_withdrawn(tx: Transaction, schedule_id: UUID, *, actor: Actor, at: datetime) -> None:
    """Close the entries for a schedule that the slot office has withdrawn."""
    rows = await tx.fetch(
        "SELECT id FROM waitlist_entry WHERE target_id = $1 AND status = 'waiting' ORDER BY id FOR UPDATE", schedule_id
    )
    await end_entries(tx, [row["id"] for row in rows], status="closed", reason="schedule_withdrawn", actor=actor, at=at)
