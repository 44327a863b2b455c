"""What staff do with a queue: call, call again, pass, let back in, send to another room, triage anew, see, finish.

Every function gives the person's place as it then is; the answer to a repeated idempotency key is the first one's.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from booking.queue import claims, errors, queries
from booking.queue.checkin import fulfil
from booking.queue.facts import Entry
from booking.queue.order import RETURN_VISIT, Booked, order_behind, order_seconds
from booking.queue.states import CALLED, FINISHED, IN_CONSULTATION, LEFT, PASSED, TO_BE_SEEN, WAITING
from kernel import clock
from kernel.db import Row, Transaction, database
from kernel.events import Actor
from kernel.idempotency import Idempotency

Step = Callable[[Transaction, Row, datetime], Awaitable[Row]]

_NOT_CALLED: Final[dict[str, Any]] = {"called_at": None, "started_at": None, "finished_at": None}


async def call_next(
    *, practitioner_id: UUID, room_id: UUID, actor: Actor, idempotency: Idempotency | None = None
) -> Entry:
    """Call whoever's turn it is to a practitioner's room.

    Raises:
        QueueNotFound: nobody has come there today.
        SomebodyCalled: a person is called already and has neither come nor been passed.
        NobodyWaiting, IdempotencyMismatch, DatabaseBusy, DatabaseUnavailable.
    """
    at = clock.now()
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return Entry.from_stored(stored)
        queue = await claims.lock_known_queue(
            tx, clinic_date=clock.clinic_date(at), practitioner_id=practitioner_id, room_id=room_id
        )
        await claims.require_nobody_called(tx, queue["id"])
        entry = await _call(tx, await claims.next_waiting(tx, queue["id"]), actor=actor, at=at)
        return await _answer(tx, entry, at, idempotency)


async def call_entry(*, entry_id: UUID, actor: Actor, idempotency: Idempotency | None = None) -> Entry:
    """Call one person out of turn, as the doctor wishes.

    Raises:
        EntryNotFound, EntryMoved: they do not wait.
        SomebodyCalled: another person is called to that room.
        IdempotencyMismatch, DatabaseBusy, DatabaseUnavailable.
    """

    async def step(tx: Transaction, entry: Row, at: datetime) -> Row:
        if entry["status"] == WAITING:
            await claims.require_nobody_called(tx, entry["queue_id"])
        return await _call(tx, entry, actor=actor, at=at)

    return await _act(entry_id, step, idempotency)


async def recall_entry(*, entry_id: UUID, actor: Actor, idempotency: Idempotency | None = None) -> Entry:
    """Call the person once more who has been called and has not come.

    Raises:
        EntryNotFound, EntryMoved, IdempotencyMismatch, DatabaseBusy, DatabaseUnavailable.
    """

    async def step(tx: Transaction, entry: Row, at: datetime) -> Row:
        entry = await claims.change_entry(tx, entry, to=None, before=[CALLED], at=at, calls=entry["calls"] + 1)
        await claims.tell(tx, "recalled", entry, actor=actor, at=at)
        return entry

    return await _act(entry_id, step, idempotency)


async def pass_entry(*, entry_id: UUID, actor: Actor, idempotency: Idempotency | None = None) -> Entry:
    """Pass the person by who has been called and has not come (过号); they may come back, some places further down.

    Raises:
        EntryNotFound, EntryMoved, IdempotencyMismatch, DatabaseBusy, DatabaseUnavailable.
    """

    async def step(tx: Transaction, entry: Row, at: datetime) -> Row:
        entry = await claims.change_entry(tx, entry, to=PASSED, at=at, passes=entry["passes"] + 1)
        await claims.tell(tx, "passed", entry, actor=actor, at=at)
        return entry

    return await _act(entry_id, step, idempotency)


async def return_entry(*, entry_id: UUID, actor: Actor, idempotency: Idempotency | None = None) -> Entry:
    """Let somebody back into the queue: who was passed, `pass_places` further down; who was seen, with results.

    Raises:
        EntryNotFound, EntryMoved, IdempotencyMismatch, DatabaseBusy, DatabaseUnavailable.
    """

    async def step(tx: Transaction, entry: Row, at: datetime) -> Row:
        rule = await claims.read_rule(tx, await _clinic_of(tx, entry))
        changes: dict[str, Any] = dict(_NOT_CALLED)
        if entry["status"] == FINISHED:
            kind = "returned_with_results"
            changes["class"] = RETURN_VISIT
            changes["order_seconds"] = order_seconds(
                RETURN_VISIT, booked=None, came_at=at, rule=claims.order_rule(rule)
            )
        else:
            kind = "returned"
            waiting = await claims.waiting_orders(tx, entry["queue_id"])
            behind = order_behind(waiting, places=rule["pass_places"])
            changes["order_seconds"] = entry["order_seconds"] if behind is None else behind
        entry = await claims.change_entry(tx, entry, to=WAITING, before=[PASSED, FINISHED], at=at, **changes)
        await claims.tell(tx, kind, entry, actor=actor, at=at)
        return entry

    return await _act(entry_id, step, idempotency)


async def triage_entry(
    *, entry_id: UUID, class_: str, reason: str, actor: Actor, idempotency: Idempotency | None = None
) -> Entry:
    """Give somebody another class after a second look (二次分诊), with the reason.

    Raises:
        EntryNotFound, EntryMoved: they are being seen, or through.
        SameClass, IdempotencyMismatch, DatabaseBusy, DatabaseUnavailable.
    """

    async def step(tx: Transaction, entry: Row, at: datetime) -> Row:
        if entry["status"] in TO_BE_SEEN and entry["class"] == class_:
            raise errors.SameClass
        rule = await claims.read_rule(tx, await _clinic_of(tx, entry))
        due = order_seconds(
            class_,
            booked=await _booked(tx, entry),
            came_at=entry["checked_in_at"],
            rule=claims.order_rule(rule),
        )
        before = entry["class"]
        changes: dict[str, Any] = {"class": class_, "order_seconds": due}
        entry = await claims.change_entry(tx, entry, to=None, before=TO_BE_SEEN, at=at, **changes)
        await claims.tell(tx, "triaged", entry, actor=actor, at=at, details={"before": before, "reason": reason})
        return entry

    return await _act(entry_id, step, idempotency)


async def transfer_entry(
    *,
    entry_id: UUID,
    practitioner_id: UUID,
    room_id: UUID,
    reason: str,
    actor: Actor,
    idempotency: Idempotency | None = None,
) -> Entry:
    """Send somebody to another practitioner's room; they wait there as if they had come there.

    Raises:
        EntryNotFound, EntryMoved: they are being seen, or through.
        QueueNotFound: that practitioner does not work today, or there is no such room.
        SameQueue, IdempotencyMismatch, DatabaseBusy, DatabaseUnavailable.
    """
    at = clock.now()
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return Entry.from_stored(stored)
        # Two transfers that cross while one of the rooms has no queue yet may wait for each other; one gives way then.
        target = await _other_queue(tx, practitioner_id=practitioner_id, room_id=room_id, at=at)
        entry = await claims.lock_entry(tx, entry_id, also=target["id"])
        if entry["status"] in TO_BE_SEEN and entry["queue_id"] == target["id"]:
            raise errors.SameQueue
        left = entry["queue_id"]
        changes: dict[str, Any] = {"queue_id": target["id"], **_NOT_CALLED}
        # Nobody is demoted by the hospital's sending them elsewhere: a passed person waits again.
        entry = await claims.change_entry(tx, entry, to=WAITING, before=TO_BE_SEEN, at=at, **changes)
        await claims.tell(tx, "transferred", entry, actor=actor, at=at, details={"from": str(left), "reason": reason})
        event: int = await tx.fetchval("SELECT last_event FROM visit_queue WHERE id = $1", target["id"])
        await claims.touch_queue(tx, left, event)
        return await _answer(tx, entry, at, idempotency)


async def start_consultation(*, entry_id: UUID, actor: Actor, idempotency: Idempotency | None = None) -> Entry:
    """Note that the person who was called is with the doctor.

    Raises:
        EntryNotFound, EntryMoved, IdempotencyMismatch, DatabaseBusy, DatabaseUnavailable.
    """

    async def step(tx: Transaction, entry: Row, at: datetime) -> Row:
        entry = await claims.change_entry(tx, entry, to=IN_CONSULTATION, at=at, started_at=at)
        await claims.tell(tx, "started", entry, actor=actor, at=at)
        return entry

    return await _act(entry_id, step, idempotency)


async def finish_consultation(*, entry_id: UUID, actor: Actor, idempotency: Idempotency | None = None) -> Entry:
    """Note that the consultation has ended: the appointment is `fulfilled`, and the HIS is told.

    Raises:
        EntryNotFound, EntryMoved, IdempotencyMismatch, DatabaseBusy, DatabaseUnavailable.
    """
    at = clock.now()
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return Entry.from_stored(stored)
        appointment = await tx.fetchrow(
            "SELECT a.* FROM appointment a"
            " WHERE a.id = (SELECT appointment_id FROM visit_queue_entry WHERE id = $1) FOR UPDATE",
            entry_id,
        )
        entry = await claims.lock_entry(tx, entry_id)
        entry = await claims.change_entry(tx, entry, to=FINISHED, before=[IN_CONSULTATION], at=at, finished_at=at)
        await claims.tell(tx, "finished", entry, actor=actor, at=at)
        if appointment is not None and appointment["status"] == "arrived":
            await fulfil(tx, appointment, actor=actor, at=at)
        return await _answer(tx, entry, at, idempotency)


async def leave_queue(*, entry_id: UUID, reason: str, actor: Actor, idempotency: Idempotency | None = None) -> Entry:
    """Note that somebody went home without being seen; their appointment stays `arrived`.

    Raises:
        EntryNotFound, EntryMoved, IdempotencyMismatch, DatabaseBusy, DatabaseUnavailable.
    """

    async def step(tx: Transaction, entry: Row, at: datetime) -> Row:
        entry = await claims.change_entry(tx, entry, to=LEFT, at=at)
        await claims.tell(tx, "left", entry, actor=actor, at=at, details={"reason": reason})
        return entry

    return await _act(entry_id, step, idempotency)


async def _act(entry_id: UUID, step: Step, idempotency: Idempotency | None) -> Entry:
    """Take one step of one person, in a transaction that has their queue locked."""
    at = clock.now()
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return Entry.from_stored(stored)
        entry = await step(tx, await claims.lock_entry(tx, entry_id), at)
        return await _answer(tx, entry, at, idempotency)


async def _answer(tx: Transaction, entry: Row, at: datetime, idempotency: Idempotency | None) -> Entry:
    answer = await queries.read_entry(tx, entry["id"], at=at)
    if idempotency:
        await idempotency.remember(tx, answer.stored())
    return answer


async def _call(tx: Transaction, entry: Row, *, actor: Actor, at: datetime) -> Row:
    called = await claims.change_entry(
        tx,
        entry,
        to=CALLED,
        at=at,
        calls=entry["calls"] + 1,
        called_at=at,
        first_called_at=entry["first_called_at"] or at,
    )
    await claims.tell(tx, "called", called, actor=actor, at=at)
    return called


async def _clinic_of(tx: Transaction, entry: Row) -> UUID:
    clinic_id: UUID = await tx.fetchval("SELECT clinic_id FROM visit_queue WHERE id = $1", entry["queue_id"])
    return clinic_id


async def _booked(tx: Transaction, entry: Row) -> Booked | None:
    if entry["appointment_id"] is None:
        return None
    row = await tx.fetchrow("SELECT starts_at, seq FROM appointment WHERE id = $1", entry["appointment_id"])
    return Booked(row["starts_at"], row["seq"]) if row is not None else None


async def _other_queue(tx: Transaction, *, practitioner_id: UUID, room_id: UUID, at: datetime) -> Row:
    """Find, or open, the queue that somebody is sent to.

    Raises:
        QueueNotFound: no such room, or the practitioner has no clinic today.
    """
    clinic_id = await tx.fetchval(
        "SELECT r.clinic_id FROM room r WHERE r.id = $1 AND r.active AND EXISTS (SELECT FROM schedule s"
        " WHERE s.practitioner_id = $2 AND s.clinic_date = $3 AND s.status = 'active')",
        room_id,
        practitioner_id,
        clock.clinic_date(at),
    )
    if clinic_id is None:
        raise errors.QueueNotFound
    return await claims.open_queue(
        tx, clinic_date=clock.clinic_date(at), practitioner_id=practitioner_id, room_id=room_id, clinic_id=clinic_id
    )
