"""The steps of a stop order, one transaction each: freeze its seats, settle its cases one by one, finish.

Nothing is remembered between steps but what PostgreSQL holds, so whoever drives an order next, after a kill at any
point, goes on exactly where the last commit left it. One driver works on an order at a time (its row is locked).
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from enum import Enum
from typing import Final
from uuid import UUID

from booking import notices
from booking.catalogue.announcing import announce_schedules
from booking.stops import claims, resolving
from booking.stops.claims import Thaw
from booking.stops.facts import BOTH_STOPPED, OPERATIONS, SCHEDULE_STOPPED, SUBSTITUTE
from booking.stops.substitution import substitute_practitioner
from kernel import clock
from kernel.db import Database, DatabaseUnavailable, Row, Transaction, database
from kernel.errors import Unavailable
from kernel.events import Actor
from kernel.log import get_logger

TURNS_MAX: Final = 5_000
ORDERS_A_RUN: Final = 100

log = get_logger("booking")


class Turn(Enum):
    """What one step of an order came to: there is more to do now, only later, or never again."""

    MORE = "more"
    LATER = "later"
    OVER = "over"


async def drive_orders() -> int:
    """Go on with every order under way, the oldest first; give the number of steps taken.

    Raises:
        DatabaseUnavailable: for all of them; an order that something else is in the way of is put off.
    """
    steps = 0
    for order_id in await _orders_under_way(database()):
        try:
            steps += await drive_order(order_id)
        except DatabaseUnavailable:
            raise
        except Unavailable as error:
            log.info("stop_put_off", order=str(order_id), code=error.code)
    return steps


async def drive_order(order_id: UUID) -> int:
    """Take steps of one order while there is something to do now; give how many.

    Raises:
        Contended, DatabaseUnavailable, DatabaseBusy.
    """
    for steps in range(TURNS_MAX):
        if await take_step(order_id) is not Turn.MORE:
            return steps
    log.warning("stop_steps_put_off", order=str(order_id), steps=TURNS_MAX)
    return TURNS_MAX


def begin(order_id: UUID) -> None:
    """Work on an order in the background of this process; should it end, the timetable goes on with the order."""
    task = asyncio.get_running_loop().create_task(_drive_quietly(order_id))
    _under_way.add(task)
    task.add_done_callback(_under_way.discard)


_under_way: set["asyncio.Task[None]"] = set()


async def _drive_quietly(order_id: UUID) -> None:
    try:
        await drive_order(order_id)
    except Unavailable as error:
        log.info("stop_put_off", order=str(order_id), code=error.code)


async def take_step(order_id: UUID) -> Turn:
    """Take an order's next step in a transaction of its own.

    Raises:
        DatabaseUnavailable, DatabaseBusy.
    """
    async with database().transaction() as tx:
        order = await claims.take_order(tx, order_id)
        if order is None:
            return Turn.LATER
        match order["status"]:
            case "freezing":
                return await _freeze(tx, order)
            case "resolving":
                return await _resolve(tx, order)
            case "restarted":
                return await _restart(tx, order)
            case _:
                return Turn.OVER


def actor_of(order: Row) -> Actor:
    """Name who acts: the platform, for the member of staff who ordered it."""
    return Actor(client_id="system:stops", channel="system", kind="system", staff_code=order["staff_code"])


async def _freeze(tx: Transaction, order: Row) -> Turn:
    """Freeze; once all is frozen put the substitute in, and tell partners and the HIS."""
    at = clock.now()
    before = (await claims.count_scope(tx, order["id"]))["open"]
    if not await claims.freeze_some(tx, order, actor=actor_of(order), at=at):
        left = (await claims.count_scope(tx, order["id"]))["open"]
        return Turn.MORE if left < before else Turn.LATER
    if SUBSTITUTE in order["steps"] and order["substitute_id"] is not None and order["substitution"] is None:
        done = await substitute_practitioner(tx, order, actor=actor_of(order))
        await tx.execute(
            "UPDATE stop_order SET substitution = $2 WHERE id = $1", order["id"], "done" if done else "impossible"
        )
    await claims.gather_cases(tx, order, at=at)
    await claims.turn_order(tx, order, to="resolving", at=at)
    await _tell_of_schedule(tx, order)
    has_cases = await claims.has_open_cases(tx, order["id"])
    facts = {"opType": "stop", "stopType": BOTH_STOPPED if has_cases else SCHEDULE_STOPPED}
    if await tx.fetchval("SELECT substitution = 'done' FROM stop_order WHERE id = $1", order["id"]):
        facts = {"opType": "substitute", "stopType": BOTH_STOPPED if has_cases else SCHEDULE_STOPPED}
    await _post_to_everybody(tx, order, kind="schedule.stopped", facts=facts)
    return Turn.MORE


async def _resolve(tx: Transaction, order: Row) -> Turn:
    """Settle one case; when none is left give back what a substitute goes on with, and finish."""
    at = clock.now()
    await claims.gather_cases(tx, order, at=at)
    case = await claims.next_case(tx, order, at=at)
    if case is not None:
        await resolving.resolve_case(tx, order, case, actor=actor_of(order), at=at)
        return Turn.MORE
    if await claims.has_open_cases(tx, order["id"]):
        return Turn.LATER
    if order["substitution"] == "done":
        thaw = await claims.thaw_some(tx, order, actor=actor_of(order), at=at)
        if thaw.is_partial:
            return _after(thaw)
    await claims.turn_order(tx, order, to="finished", at=at)
    if order["substitution"] == "done":
        await _tell_of_schedule(tx, order)
    log.info("stop_finished", order=str(order["id"]))
    return Turn.MORE


async def _restart(tx: Transaction, order: Row) -> Turn:
    """Give the seats back to sale; tell everybody when all are back."""
    if not await tx.fetchval("SELECT EXISTS (SELECT FROM seat WHERE stop_id = $1)", order["id"]):
        return Turn.OVER
    thaw = await claims.thaw_some(tx, order, actor=actor_of(order), at=clock.now())
    if thaw.is_partial:
        return _after(thaw)
    await _tell_of_schedule(tx, order)
    facts = {"opType": OPERATIONS["restarted"], "stopType": SCHEDULE_STOPPED}
    await _post_to_everybody(tx, order, kind="schedule.restarted", facts=facts)
    return Turn.OVER


def _after(thaw: Thaw) -> Turn:
    """Come again at once, or later where all that is left is in somebody's hands just now."""
    return Turn.MORE if thaw.seats else Turn.LATER


async def _tell_of_schedule(tx: Transaction, order: Row) -> None:
    """Count the change of the schedule, and let the HIS know which numbers its window may sell now."""
    await tx.execute("UPDATE schedule SET version = version + 1 WHERE id = $1", order["schedule_id"])
    await announce_schedules(tx, [order["schedule_id"]], event_type="schedule.changed")


async def _post_to_everybody(tx: Transaction, order: Row, *, kind: str, facts: Mapping[str, object]) -> None:
    row = await tx.fetchrow("SELECT practitioner_id, ends_at FROM schedule WHERE id = $1", order["schedule_id"])
    assert row is not None, "an order has its schedule"
    ids: Sequence[UUID] = order["slot_ids"] or []
    shown = {
        "stop_id": str(order["id"]),
        "schedule_id": str(order["schedule_id"]),
        "practitioner_id": str(row["practitioner_id"]),
        "level": order["level"],
        "slot_ids": [str(slot_id) for slot_id in ids],
        "queue_numbers": list(order["queue_numbers"] or []),
        "effective_at": order["effective_at"].isoformat(),
        "reason": order["reason"],
    }
    await notices.post(
        tx, client_id=None, kind=kind, subject_id=order["schedule_id"], facts=shown | dict(facts), at=clock.now()
    )


async def _orders_under_way(db: Database) -> list[UUID]:
    """List the orders that have something to do, or may have when an offer's time is over."""
    rows = await db.fetch(
        "SELECT o.id FROM stop_order o WHERE o.status IN ('freezing', 'resolving', 'restarted') AND ("
        " o.status <> 'restarted' OR EXISTS (SELECT FROM seat s WHERE s.stop_id = o.id))"
        " ORDER BY o.created_at, o.id LIMIT $1",
        ORDERS_A_RUN,
    )
    return [row["id"] for row in rows]


PERIOD: Final = timedelta(seconds=2)
"""How often the timetable looks for orders under way; the request that makes one begins at once."""
