"""Where the waiting room meets the desk: a seat of a schedule in a rush is taken in the patient's turn, or not at all.

The hospital's own applications serve people face to face, and do not queue here; nor does the HIS's window, nor what
the waitlist offers, nor an emergency clinic.
"""

from datetime import datetime
from uuid import UUID

from booking.errors import TurnRequired
from booking.facts import SlotFacts
from booking.rush.states import TICKET
from kernel.db import Transaction
from kernel.events import Actor


def is_gated(slot: SlotFacts | None, actor: Actor) -> bool:
    """Tell whether this caller's patients need a turn for a seat of the slot now."""
    return slot is not None and slot.needs_turn and actor.acts_for_the_public


def refusal(slot: SlotFacts | None) -> TurnRequired:
    """Say that a turn is needed, and for which schedule to join."""
    assert slot is not None, "claimed with facts"
    return TurnRequired(schedule_id=slot.schedule_id)


async def use_turn(tx: Transaction, slot: SlotFacts, patient_id: UUID, *, actor: Actor, at: datetime) -> None:
    """Take the patient's turn, where one is needed, in the transaction that takes the seat.

    Raises:
        TurnRequired: it is not the patient's turn, or they have waited in another channel's line.
    """
    if not is_gated(slot, actor):
        return
    assert TICKET.allows("turn", "used")
    taken = await tx.execute(
        "UPDATE rush_ticket SET status = 'used'"
        " WHERE schedule_id = $1 AND patient_id = $2 AND status = 'turn' AND turn_until > $3 AND channel = $4",
        slot.schedule_id,
        patient_id,
        at,
        actor.channel,
    )
    if not taken:
        raise refusal(slot)
