"""What waits for an answer of a person's."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from kernel import clock
from kernel.db import database

OFFERS_MAX: Final = 10


@dataclass(frozen=True, slots=True)
class OpenOffer:
    """A number that the waitlist keeps for a person until an instant."""

    offer_id: UUID
    entry_id: UUID
    until: datetime


async def open_offers(patient_id: UUID) -> Sequence[OpenOffer]:
    """List what the waitlist offers a person now, the one that ends first first.

    Raises:
        DatabaseUnavailable.
    """
    rows = await database().fetch(
        "SELECT h.id, e.id AS entry_id, h.until FROM waitlist_entry e JOIN hold h ON h.id = e.offer_id"
        " WHERE e.patient_id = $1 AND e.status = 'waiting' AND h.status = 'active' AND h.until > $2"
        " ORDER BY h.until, h.id LIMIT $3",
        patient_id,
        clock.now(),
        OFFERS_MAX,
    )
    return [OpenOffer(*row.values()) for row in rows]


async def waits_ended(ids: Sequence[UUID]) -> Collection[UUID]:
    """Tell of which of these places in queues, or of these appointments, nobody waits to be called any more.

    Raises:
        DatabaseUnavailable.
    """
    rows = await database().fetch(
        "SELECT id, appointment_id FROM visit_queue_entry WHERE (id = ANY ($1) OR appointment_id = ANY ($1))"
        " AND status NOT IN ('waiting', 'called', 'passed')",
        list(ids),
    )
    return {one for row in rows for one in row.values() if one is not None}
