"""A clinic stopped at a partner's own word, in a sandbox: what then happens is what happens for the slot office.

Others who try things out in the same sandbox keep their numbers: where somebody else has one in the schedule, the
asking application's own numbers alone are stopped.
"""

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from booking import errors as booking_errors
from booking.stops.claims import count_scope
from booking.stops.facts import CANCEL, MOVE, OFFER, NewStop
from booking.stops.service import order_within, turn_within
from kernel import clock
from kernel.db import Transaction
from kernel.events import Actor
from kernel.ids import parse_id
from partners.sandbox.service import Stopped

REASON: Final = "沙箱演练停诊"

REMEDIES: Final[Mapping[str, Sequence[str]]] = {
    "offer": (OFFER, CANCEL),
    "move": (MOVE, CANCEL),
    "cancel": (CANCEL,),
}
"""What the patients of the stopped clinic get, by the name that partners give it; where they name none, the
hospital's own rule says."""

_OTHERS: Final = """
SELECT EXISTS (SELECT FROM appointment WHERE schedule_id = $1 AND client_id <> $2 AND status IN ('booked', 'arrived'))
    OR EXISTS (SELECT FROM hold WHERE schedule_id = $1 AND client_id <> $2 AND status = 'active' AND until > $3)
"""


async def stop_own_clinic(tx: Transaction, *, appointment_id: UUID, remedy: str | None, actor: Actor) -> Stopped:
    """Stop the clinic of one of the application's own coming appointments.

    Raises:
        AppointmentNotFound: absent, or another application's.
        AppointmentNotActive: it is cancelled, past or has begun.
        AlreadyStopped.
    """
    now = clock.now()
    appointment = await tx.fetchrow(
        "SELECT schedule_id, status, starts_at FROM appointment WHERE id = $1 AND client_id = $2",
        appointment_id,
        actor.client_id,
    )
    if appointment is None:
        raise booking_errors.AppointmentNotFound
    if appointment["status"] != "booked" or appointment["starts_at"] <= now:
        raise booking_errors.AppointmentNotActive(current_status=appointment["status"])
    schedule_id = appointment["schedule_id"]
    numbers = None
    if await tx.fetchval(_OTHERS, schedule_id, actor.client_id, now):
        numbers = await _own_numbers(tx, schedule_id, client_id=actor.client_id)
    steps = None if remedy is None else REMEDIES[remedy]
    order = await order_within(
        tx,
        NewStop(schedule_id=schedule_id, reason=REASON, queue_numbers=numbers, steps=steps),
        actor=actor,
    )
    stop_id = parse_id(order["id"])
    begins_at = (await count_scope(tx, stop_id))["begins_at"]
    return Stopped(stop_id, order["level"], begins_at)


async def restart_own_clinic(tx: Transaction, stop_id: UUID, actor: Actor) -> None:
    """Take such a stop back; who was moved or cancelled meanwhile stays so.

    Raises:
        StopStatusConflict: the slot office has taken it back already.
        RestartTooLate.
    """
    await turn_within(tx, stop_id, to="restarted", actor=actor)


async def _own_numbers(tx: Transaction, schedule_id: UUID, *, client_id: str) -> list[int]:
    rows = await tx.fetch(
        "SELECT seq FROM appointment WHERE schedule_id = $1 AND client_id = $2 AND status = 'booked' ORDER BY seq",
        schedule_id,
        client_id,
    )
    return [row["seq"] for row in rows]
