"""Asking for faults, seeing what became of them, and calling them off: a sandbox's own rules."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple, Protocol
from uuid import UUID

from kernel import clock
from kernel.audit import record_change
from kernel.db import Database, Reader, Row, Transaction, database
from kernel.events import Actor
from kernel.idempotency import Idempotency
from kernel.ids import new_id
from partners.policies import REMEMBER_SECONDS
from partners.sandbox import errors
from partners.sandbox.faults import AFTER, BEFORE, CLINIC_STOPPED, DELIVERIES, FAULT, Kind, are_faults_allowed

FAULTS_MAX: Final = 10
"""Of one application that wait at a time."""
FAULTS_A_DAY_MAX: Final = 2_000
"""Of one application within 24 hours, those that were called off among them: each is kept for a week."""
STOPS_MAX: Final = 3
"""Of one application at a time: a stopped clinic is gone for everybody who shares the sandbox."""
CALLS_DEFAULT: Final = 1
MINUTES_DEFAULT: Final = 10
SECONDS_DEFAULT: Final[dict[Kind, int]] = {"slow_answer": 5, "rate_limited": 1}
KEPT: Final = timedelta(days=7)
"""How long one can be read after its end."""

_OWN: Final = "SELECT * FROM sandbox_fault WHERE id = $1 AND client_id = $2"
_OWN_LOCKED: Final = f"{_OWN} FOR UPDATE"

# What may be said of which kind; all else would be overlooked, so it is refused.
_ON_CALLS: Final = BEFORE | AFTER
_MEANT_FOR: Final[dict[str, frozenset[Kind]]] = {
    "operation": _ON_CALLS,
    "event_type": DELIVERIES,
    "calls": _ON_CALLS | DELIVERIES,
    "minutes": _ON_CALLS | DELIVERIES,
    "seconds": frozenset(SECONDS_DEFAULT),
    "appointment_id": frozenset({CLINIC_STOPPED}),
    "remedy": frozenset({CLINIC_STOPPED}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFault:
    """What an application asks for. None: the usual.

    operation: only calls of it. event_type: only deliveries of it. calls: how many it hits at most; minutes: how long
    it waits for them. seconds: how long an answer takes, or after how long one may ask again. appointment_id: whose
    clinic is stopped; remedy: what its patients are offered.
    """

    kind: Kind
    operation: str | None = None
    event_type: str | None = None
    calls: int | None = None
    minutes: int | None = None
    seconds: int | None = None
    appointment_id: UUID | None = None
    remedy: str | None = None


class Stopped(NamedTuple):
    """A clinic that was stopped. level: the whole schedule, or one's own numbers. begins_at: the end of taking back."""

    stop_id: UUID
    level: str
    begins_at: datetime


class StopClinic(Protocol):
    """Stops the clinic of one of an application's own appointments, as the slot office does."""

    async def __call__(self, tx: Transaction, *, appointment_id: UUID, remedy: str | None, actor: Actor) -> Stopped:
        """Order it in the caller's transaction."""
        ...


Restart = Callable[[Transaction, UUID, Actor], Awaitable[None]]
"""Takes a stop back in the caller's transaction."""


async def trigger_fault(
    new: NewFault, *, changing: bool, stop_clinic: StopClinic, actor: Actor, idempotency: Idempotency | None = None
) -> dict[str, Any]:
    """Let a fault wait for the application's own calls or deliveries, or stop the clinic of one of its appointments.

    When this is over, every process knows. changing: whether `new.operation` changes anything.

    Raises:
        FaultInvalid, FaultLimitReached, IdempotencyMismatch, DatabaseUnavailable; and what `stop_clinic` says.
    """
    assert are_faults_allowed(), "a production has no such route"
    _require_sense(new, changing=changing)
    async with database().transaction() as tx:
        fault = await idempotency.replay(tx) if idempotency else None
        if fault is None:
            await _require_room(tx, new.kind, client_id=actor.client_id)
            stopped = None
            if new.appointment_id is not None:
                stopped = await stop_clinic(tx, appointment_id=new.appointment_id, remedy=new.remedy, actor=actor)
            fault = _shown(await _insert(tx, new, stopped, client_id=actor.client_id))
            await _record(tx, "created", fault, actor=actor)
            if idempotency:
                await idempotency.remember(tx, fault)
    await _until_known()
    return fault


async def cancel_fault(
    fault_id: UUID, *, restart: Restart, actor: Actor, idempotency: Idempotency | None = None
) -> dict[str, Any]:
    """Call a fault off; a stopped clinic is given again, as far as its patients were not moved or cancelled meanwhile.

    Raises:
        FaultNotFound, FaultEnded, IdempotencyMismatch, DatabaseUnavailable; and what `restart` says.
    """
    async with database().transaction() as tx:
        fault = await idempotency.replay(tx) if idempotency else None
        if fault is None:
            row = await _own(tx, fault_id, client_id=actor.client_id, locked=True)
            before = _shown(row)
            if before["status"] != "active":
                raise errors.FaultEnded(current_status=before["status"])
            if row["stop_id"] is not None:
                await restart(tx, row["stop_id"], actor)
            await tx.execute(
                "UPDATE sandbox_fault SET status = 'cancelled' WHERE id = $1 AND status = ANY ($2)",
                fault_id,
                FAULT.before("cancelled"),
            )
            fault = before | {"status": "cancelled"}
            await _record(tx, "updated", fault, actor=actor)
            if idempotency:
                await idempotency.remember(tx, fault)
    await _until_known()
    return fault


async def list_faults(*, client_id: str, before: UUID | None, limit: int) -> list[dict[str, Any]]:
    """List an application's faults, the newest first; `before` is the last id of the page before.

    Raises:
        DatabaseUnavailable.
    """
    rows = await database().fetch(
        "SELECT * FROM sandbox_fault WHERE client_id = $1 AND ($2::uuid IS NULL OR id < $2) ORDER BY id DESC LIMIT $3",
        client_id,
        before,
        limit,
    )
    return [_shown(row) for row in rows]


async def get_fault(fault_id: UUID, *, client_id: str) -> dict[str, Any]:
    """Read one of an application's faults, and how often it has hit.

    Raises:
        FaultNotFound, DatabaseUnavailable.
    """
    return _shown(await _own(database(), fault_id, client_id=client_id))


async def purge_faults(db: Database, *, before: datetime, limit: int = 5_000) -> int:
    """Forget faults that ended before an instant, a bounded number at a time; give how many.

    Raises:
        DatabaseUnavailable.
    """
    return await db.execute(
        "DELETE FROM sandbox_fault WHERE id IN"
        " (SELECT id FROM sandbox_fault WHERE ends_at < $1 ORDER BY ends_at LIMIT $2)",
        before,
        limit,
    )


def _require_sense(new: NewFault, *, changing: bool) -> None:
    for field, kinds in _MEANT_FOR.items():
        if getattr(new, field) is not None and new.kind not in kinds:
            raise errors.FaultInvalid(field=field)
    if new.kind == CLINIC_STOPPED and new.appointment_id is None:
        raise errors.FaultInvalid(field="appointment_id")
    if new.kind == "error_after_effect" and new.operation is not None and not changing:
        raise errors.FaultInvalid(field="operation")


async def _require_room(tx: Transaction, kind: Kind, *, client_id: str) -> None:
    """Count the faults that wait, one request of an application after the other."""
    await tx.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 260))", client_id)
    is_stop = kind == CLINIC_STOPPED
    waiting = await tx.fetchval(
        "SELECT count(*) FROM sandbox_fault"
        " WHERE client_id = $1 AND status = 'active' AND ends_at > $2 AND (stop_id IS NOT NULL) = $3",
        client_id,
        clock.now(),
        is_stop,
    )
    limit = STOPS_MAX if is_stop else FAULTS_MAX
    if waiting >= limit:
        raise errors.FaultLimitReached(limit=limit)
    lately = await tx.fetchval(
        "SELECT count(*) FROM sandbox_fault WHERE client_id = $1 AND created_at > $2",
        client_id,
        clock.now() - timedelta(days=1),
    )
    if lately >= FAULTS_A_DAY_MAX:
        raise errors.FaultLimitReached(limit=FAULTS_A_DAY_MAX)


async def _insert(tx: Transaction, new: NewFault, stopped: Stopped | None, *, client_id: str) -> Row:
    now = clock.now()
    ends_at = now + timedelta(minutes=new.minutes or MINUTES_DEFAULT)
    row = await tx.fetchrow(
        "INSERT INTO sandbox_fault (id, client_id, kind, operation, event_type, seconds, calls, appointment_id,"
        " stop_id, stop_level, ends_at, created_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) RETURNING *",
        new_id(),
        client_id,
        new.kind,
        new.operation,
        new.event_type,
        new.seconds or SECONDS_DEFAULT.get(new.kind),
        None if stopped else new.calls or CALLS_DEFAULT,
        new.appointment_id,
        stopped.stop_id if stopped else None,
        stopped.level if stopped else None,
        stopped.begins_at if stopped else ends_at,
        now,
    )
    assert row is not None, "an insert gives its row"
    return row


async def _own(db: Reader, fault_id: UUID, *, client_id: str, locked: bool = False) -> Row:
    rows = await db.fetch(_OWN_LOCKED if locked else _OWN, fault_id, client_id)
    if not rows:
        raise errors.FaultNotFound
    return rows[0]


def _shown(row: Row) -> dict[str, Any]:
    """Shape a fault for its application; one whose time is over has ended, whatever it still waited for."""
    is_over = row["status"] == "active" and row["ends_at"] <= clock.now()
    return {
        "id": str(row["id"]),
        "kind": row["kind"],
        "operation": row["operation"],
        "event_type": row["event_type"],
        "seconds": row["seconds"],
        "calls": row["calls"],
        "struck": row["struck"],
        "appointment_id": None if row["appointment_id"] is None else str(row["appointment_id"]),
        "stop_id": None if row["stop_id"] is None else str(row["stop_id"]),
        "stop_level": row["stop_level"],
        "status": "ended" if is_over else row["status"],
        "ends_at": row["ends_at"].isoformat(),
        "created_at": row["created_at"].isoformat(),
    }


async def _record(tx: Transaction, action: Any, fault: dict[str, Any], *, actor: Actor) -> None:
    before = None if action == "created" else fault | {"status": "active"}
    await record_change(
        tx, entity="sandbox_fault", entity_id=fault["id"], action=action, before=before, after=fault, actor=actor
    )


async def _until_known() -> None:
    """Wait as long as any process may remember how things were before."""
    await asyncio.sleep(REMEMBER_SECONDS)
