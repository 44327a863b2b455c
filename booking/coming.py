"""What comes next for a person: the visit that is nearest, and what waits for an answer of theirs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

from kernel import clock
from kernel.db import database

OFFERS_MAX: Final = 10


@dataclass(frozen=True, slots=True)
class ComingVisit:
    """A visit that is still to come, with where it is. fee_fen, payment: as of the appointment."""

    id: UUID
    number: int
    status: str
    payment: str
    fee_fen: int
    clinic_date: date
    starts_at: datetime
    ends_at: datetime
    queue_number: int
    practitioner: str
    department_zh: str
    department_en: str
    campus_zh: str
    campus_en: str
    room_zh: str
    room_en: str


@dataclass(frozen=True, slots=True)
class OpenOffer:
    """A number that the waitlist keeps for a person until an instant."""

    offer_id: UUID
    entry_id: UUID
    until: datetime


_NEXT: Final = """
SELECT a.id, a.number, a.status, a.payment, a.fee_fen, a.clinic_date, a.starts_at, s.ends_at, a.seq AS queue_number,
       p.name AS practitioner, d.name_zh AS department_zh, d.name_en AS department_en, m.name_zh AS campus_zh,
       m.name_en AS campus_en, r.name_zh AS room_zh, r.name_en AS room_en
FROM appointment a
JOIN slot s ON s.id = a.slot_id
JOIN schedule sc ON sc.id = a.schedule_id
JOIN practitioner p ON p.id = sc.practitioner_id
JOIN department d ON d.id = a.department_id
JOIN campus m ON m.id = sc.campus_id
JOIN room r ON r.id = sc.room_id
WHERE a.patient_id = $1 AND a.status IN ('booked', 'arrived') AND a.clinic_date >= $2
ORDER BY a.starts_at, a.id LIMIT 1
"""


async def next_visit(patient_id: UUID) -> ComingVisit | None:
    """Give a person's nearest visit from today on, whoever booked it.

    Raises:
        DatabaseUnavailable.
    """
    row = await database().fetchrow(_NEXT, patient_id, clock.today())
    return None if row is None else ComingVisit(*row.values())


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
