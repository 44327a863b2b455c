"""What a stop order is made of, and the steps of a policy."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from booking.stops import errors

SUBSTITUTE: Final = "substitute"
MOVE: Final = "move"
OFFER: Final = "offer"
CANCEL: Final = "cancel"
KEEP: Final = "keep"
STEPS: Final = (SUBSTITUTE, MOVE, OFFER, CANCEL, KEEP)
LAST_STEPS: Final = (CANCEL, KEEP)
"""A case always ends: the number is cancelled, or it stays and people see to it."""

STOPPED: Final = "stopped"
"""The reason of a cancellation that a stop has made."""

Level = Literal["schedule", "slot", "seat"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StopPolicy:
    """What is tried for each patient, in order.

    steps: of STEPS, each once, the last of LAST_STEPS. offer_minutes: how long a choice stays open.
    within_days: how many days after the stopped one an equal slot may lie.
    """

    steps: tuple[str, ...]
    offer_minutes: int
    within_days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NewStop:
    """What the slot office stops; None in the policy's fields leaves them to the hospital's rule.

    slot_ids or queue_numbers: for parts of the schedule. effective_at: slots that begin at this instant or later;
    None: all that have not begun.
    """

    schedule_id: UUID
    reason: str
    slot_ids: Sequence[UUID] | None = None
    queue_numbers: Sequence[int] | None = None
    effective_at: datetime | None = None
    steps: Sequence[str] | None = None
    offer_minutes: int | None = None
    within_days: int | None = None
    substitute_id: UUID | None = None

    @property
    def level(self) -> Level:
        """Tell how much is stopped: the schedule (or its rest), slots of it, or single numbers."""
        if self.queue_numbers is not None:
            return "seat"
        return "slot" if self.slot_ids is not None else "schedule"


def require_policy(steps: Sequence[str]) -> None:
    """Let only steps through that end each case.

    Raises:
        PolicyInvalid: naming the rule.
    """
    if len(set(steps)) != len(steps):
        raise errors.PolicyInvalid(reason="step_repeated")
    if not steps or steps[-1] not in LAST_STEPS:
        raise errors.PolicyInvalid(reason="last_step")
    if any(step in LAST_STEPS for step in steps[:-1]):
        raise errors.PolicyInvalid(reason="steps_after_the_last")


# The neutral forms of what 91160-style partners know as opType and stopType (docs/slots.md has the mapping).
SCHEDULE_STOPPED: Final = 0
ORDER_STOPPED: Final = 1
BOTH_STOPPED: Final = 2

OPERATIONS: Final = {
    "substituted": "substitute",
    "moved": "change",
    "chosen": "change",
    "offered": "change",
    "cancelled": "stop",
    "kept": "stop",
    "restarted": "restart",
}
