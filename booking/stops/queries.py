"""Reading stop orders, their progress and their cases."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from booking.catalogue.entries import Values, plain
from booking.catalogue.errors import EntryNotFound
from booking.facts import SlotFacts, read_slot_facts
from booking.stops import errors
from booking.stops.claims import count_scope
from booking.stops.resolving import find_equal_slots
from booking.stops.states import STOP_CASE
from kernel import clock
from kernel.db import Database, Row, Transaction, database
from kernel.events import Actor

_COLUMNS: Final = (
    "id, schedule_id, level, slot_ids, queue_numbers, effective_at, reason, steps, offer_minutes, within_days,"
    " substitute_id AS substitute_practitioner_id, substitution, status, version, client_id, staff_code, created_at,"
    " updated_at, finished_at"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AppointmentStop:
    """What a stop means for one appointment, for the application that booked it.

    choices: equal slots, the best first, while an offer is open.
    """

    stop_id: UUID
    appointment_id: UUID
    patient_id: UUID
    status: str
    reason: str
    deadline_at: datetime | None
    choices: list[SlotFacts]


async def get_order(order_id: UUID) -> Values:
    """Read an order with its report.

    Raises:
        EntryNotFound, DatabaseUnavailable.
    """
    return await show_order(database(), order_id)


async def show_order(db: Database | Transaction, order_id: UUID) -> Values:
    """Read an order with its report: seats frozen, cases by what became of them.

    Raises:
        EntryNotFound, DatabaseUnavailable.
    """
    row = await db.fetchrow(f"SELECT {_COLUMNS} FROM stop_order WHERE id = $1", order_id)  # noqa: S608  our own names
    if row is None:
        raise EntryNotFound(entity="stop")
    return await _shown(db, row)


async def list_orders(*, schedule_id: UUID | None, status: str | None, before: UUID | None, limit: int) -> list[Values]:
    """List orders with their reports, the newest first; `before` is the last id of the page before.

    Raises:
        DatabaseUnavailable.
    """
    rows = await database().fetch(
        f"SELECT {_COLUMNS} FROM stop_order WHERE ($1::uuid IS NULL OR schedule_id = $1)"  # noqa: S608  our own names
        " AND ($2::text IS NULL OR status = $2) AND ($3::uuid IS NULL OR id < $3) ORDER BY id DESC LIMIT $4",
        schedule_id,
        status,
        before,
        limit,
    )
    return [await _shown(database(), row) for row in rows]


async def list_cases(order_id: UUID, *, status: str | None, after: int | None, limit: int) -> list[Values]:
    """List an order's cases in the order in which they are taken up.

    Raises:
        EntryNotFound, DatabaseUnavailable.
    """
    if not await database().fetchval("SELECT true FROM stop_order WHERE id = $1", order_id):
        raise EntryNotFound(entity="stop")
    rows = await database().fetch(
        "SELECT c.appointment_id, c.position, c.status, o.steps[c.step + 1] AS step, c.deadline_at, c.created_at,"
        " c.updated_at FROM stop_case c JOIN stop_order o ON o.id = c.order_id WHERE c.order_id = $1"
        " AND ($2::text IS NULL OR c.status = $2) AND ($3::bigint IS NULL OR c.position > $3)"
        " ORDER BY c.position LIMIT $4",
        order_id,
        status,
        after,
        limit,
    )
    return [plain(dict(row)) for row in rows]


async def get_appointment_stop(appointment_id: UUID, *, actor: Actor) -> AppointmentStop:
    """Read what the last stop means for an appointment of the caller's.

    Raises:
        StopNotFound: no stop touches it, or it is another client's.
        DatabaseUnavailable.
    """
    row = await database().fetchrow(
        "SELECT c.*, o.reason, o.within_days, a.patient_id FROM stop_case c JOIN stop_order o ON o.id = c.order_id"
        " JOIN appointment a ON a.id = c.appointment_id WHERE c.appointment_id = $1 AND ($2 OR a.client_id = $3)"
        " ORDER BY (c.status = 'offered') DESC, c.position DESC LIMIT 1",
        appointment_id,
        actor.sees_all,
        actor.client_id,
    )
    if row is None:
        raise errors.StopNotFound
    choices = await _choices(row, actor) if row["status"] == "offered" and row["deadline_at"] > clock.now() else []
    return AppointmentStop(
        stop_id=row["order_id"],
        appointment_id=appointment_id,
        patient_id=row["patient_id"],
        status=row["status"],
        reason=row["reason"],
        deadline_at=row["deadline_at"],
        choices=choices,
    )


async def _choices(case: Row, actor: Actor) -> list[SlotFacts]:
    """List equal slots of the channel that the answer will come by: a patient's phone may answer for any other."""
    at = clock.now()
    appointment = await database().fetchrow("SELECT * FROM appointment WHERE id = $1", case["appointment_id"])
    assert appointment is not None, "appointments are never deleted"
    channel: str = actor.channel if actor.kind == "account" else appointment["channel"]
    days = case["within_days"]
    slots = await find_equal_slots(database(), appointment, within_days=days, at=at, channel=channel)
    found = await read_slot_facts(database(), [(slot, channel) for slot in slots], at=at)
    return [found[slot, channel] for slot in slots if (slot, channel) in found]


async def _shown(db: Database | Transaction, row: Row) -> Values:
    scope = await count_scope(db, row["id"])
    rows = await db.fetch("SELECT status, count(*) AS cases FROM stop_case WHERE order_id = $1 GROUP BY 1", row["id"])
    counted = {one["status"]: one["cases"] for one in rows}
    shown = plain(dict(row))
    for name in ("slot_ids", "queue_numbers", "steps"):
        shown[name] = (
            None if row[name] is None else [one if isinstance(one, int | str) else str(one) for one in row[name]]
        )
    report = {
        "seats": scope["seats"],
        "seats_frozen": scope["frozen"],
        "cases": sum(counted.values()),
        **{status: counted.get(status, 0) for status in STOP_CASE.steps},
    }
    return shown | {"report": report}
