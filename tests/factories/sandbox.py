"""Faults of a sandbox: asked for by the API, or put where they are kept."""

from datetime import timedelta
from typing import Any

from kernel import clock
from kernel.ids import new_id
from tests.factories.open_api import Caller, OpenApi

FAULTS = "/sandbox/faults"


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
