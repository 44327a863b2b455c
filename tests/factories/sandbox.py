"""Faults of a sandbox: asked for by the API, or put where they are kept."""

import asyncio
from datetime import timedelta
from typing import Any

from booking.stops import saga
from kernel import clock
from kernel.ids import new_id, parse_id
from tests.factories.open_api import Caller, OpenApi

FAULTS = "/sandbox/faults"
LOOKS_MAX = 400
FINISHED = "SELECT status = 'finished' FROM stop_order WHERE id = $1"
GIVEN_BACK = "SELECT NOT EXISTS (SELECT FROM seat WHERE stop_id = $1)"


async def trigger(caller: Caller, **wanted: Any) -> dict[str, Any]:
    """Ask for a fault; when it is answered, every process knows of it."""
    answer = await caller.post(FAULTS, wanted)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def wait_in_store(api: OpenApi, caller: Caller, kind: str, *, calls: int = 1) -> str:
    """Put a fault where faults are kept, without waiting until every process knows of it."""
    fault_id = new_id()
    now = clock.now()
    await api.db.execute(
        "INSERT INTO sandbox_fault (id, client_id, kind, seconds, calls, ends_at, created_at)"
        " VALUES ($1, $2, $3, 1, $4, $5, $6)",
        fault_id,
        caller.client_id,
        kind,
        calls,
        now + timedelta(minutes=10),
        now,
    )
    return str(fault_id)


async def end_faults(api: OpenApi) -> None:
    """Let the time of every fault be over."""
    await api.db.execute("UPDATE sandbox_fault SET ends_at = created_at")


async def stop_clinic(api: OpenApi, appointment: object, *, remedy: str = "cancel", until: str = FINISHED) -> Any:
    """Stop the clinic of one of the portal's appointments, and see the order through."""
    fault = await trigger(api.portal, kind="clinic_stopped", appointment_id=str(appointment), remedy=remedy)
    await see_through(api, fault, until)
    return fault


async def see_through(api: OpenApi, fault: dict[str, Any], until: str = FINISHED) -> None:
    """Drive a stop together with the server, which is at it too; until: a question about `$1`, the stop."""
    stop_id = parse_id(fault["stop_id"])
    for _ in range(LOOKS_MAX):
        await saga.drive_order(stop_id)
        if await api.db.fetchval(until, stop_id):
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"never: {until}")
