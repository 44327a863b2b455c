"""What a fault is, and how one hits: each call or delivery is taken from the fault's number by one statement.

Nothing here works before `allow_faults()`, which a production never says: its doors do not even read the table.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal
from uuid import UUID

from kernel import clock
from kernel.db import Reader
from kernel.states import TransitionTable

Kind = Literal[
    "slow_answer",
    "internal_error",
    "error_after_effect",
    "rate_limited",
    "webhook_lost",
    "webhook_doubled",
    "clinic_stopped",
]
BEFORE: Final[frozenset[Kind]] = frozenset({"internal_error", "rate_limited"})
"""These hit a call before anything was done for it."""
AFTER: Final[frozenset[Kind]] = frozenset({"slow_answer", "error_after_effect"})
"""These hit the answer of a call that was served."""
DELIVERIES: Final[frozenset[Kind]] = frozenset({"webhook_lost", "webhook_doubled"})
CLINIC_STOPPED: Final = "clinic_stopped"

# That its time is over shows by `ends_at` alone; no timer has to run for it.
FAULT: Final = TransitionTable(
    {
        "active": frozenset({"used_up", "cancelled"}),
        "used_up": frozenset(),
        "cancelled": frozenset(),
    }
)

_STRIKE: Final = """
UPDATE sandbox_fault SET struck = struck + 1, status = CASE WHEN struck + 1 = calls THEN 'used_up' ELSE status END
WHERE id = (SELECT id FROM sandbox_fault WHERE id = ANY ($1) AND status = ANY ($2) AND ends_at > $3 AND struck < calls
            ORDER BY id LIMIT 1 FOR UPDATE)
RETURNING id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A fault that waits for calls or deliveries. only: the operation or type of event that it hits; None: any."""

    id: UUID
    client_id: str
    kind: Kind
    only: str | None
    seconds: int | None


@dataclass(slots=True)
class _Switch:
    allowed: bool = False


_switch = _Switch()


def allow_faults(*, allowed: bool) -> None:
    """Let faults hit in this process: the sandbox alone."""
    _switch.allowed = allowed


def are_faults_allowed() -> bool:
    """Tell whether faults may hit here."""
    return _switch.allowed


def fault_of(row: Any) -> Fault:
    """Read a fault from its row, or from the row as JSON."""
    return Fault(
        id=UUID(str(row["id"])),
        client_id=row["client_id"],
        kind=row["kind"],
        only=row["operation"] or row["event_type"],
        seconds=row["seconds"],
    )


async def strike(db: Reader, faults: Sequence[Fault], kinds: frozenset[Kind], *, name: str) -> Fault | None:
    """Let the oldest fault that fits hit one call or delivery, and count it; None where none fits or is left.

    name: the call's operation, or the delivery's type of event.

    Raises:
        DatabaseUnavailable.
    """
    assert _switch.allowed, "a production has no faults of this kind"
    fitting = {fault.id: fault for fault in faults if fault.kind in kinds and fault.only in (None, name)}
    if not fitting:
        return None
    struck = await db.fetch(_STRIKE, list(fitting), FAULT.before("used_up"), clock.now())
    return fitting[struck[0]["id"]] if struck else None
