"""What a registration order pays for, as its payer reads it: with whom, where and when."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Final, NamedTuple
from uuid import UUID

from kernel.db import Reader


class PaidVisit(NamedTuple):
    """The visit that an order's fee is for. appointment_id: None while it is a number that is held."""

    order_id: UUID
    appointment_id: UUID | None
    clinic_date: date
    starts_at: datetime
    ends_at: datetime
    practitioner: str
    department_zh: str
    department_en: str
    campus_zh: str
    campus_en: str


# A hold's order follows it into the appointment; one that was rescheduled is read as it stands now.
_VISITS: Final = """
SELECT r.order_id, a.id AS appointment_id, sc.clinic_date, s.starts_at, s.ends_at, p.name AS practitioner,
       d.name_zh AS department_zh, d.name_en AS department_en, m.name_zh AS campus_zh, m.name_en AS campus_en
FROM registration_order r
LEFT JOIN appointment a ON a.id = r.appointment_id
LEFT JOIN hold h ON h.id = r.hold_id
JOIN slot s ON s.id = coalesce(a.slot_id, h.slot_id)
JOIN schedule sc ON sc.id = s.schedule_id
JOIN practitioner p ON p.id = sc.practitioner_id
JOIN department d ON d.id = sc.department_id
JOIN campus m ON m.id = sc.campus_id
WHERE r.order_id = ANY ($1)
"""


async def read_paid_visits(db: Reader, order_ids: Sequence[UUID]) -> Mapping[UUID, PaidVisit]:
    """Give the visits of registration orders; orders for anything else are left out.

    Raises:
        DatabaseUnavailable.
    """
    rows = await db.fetch(_VISITS, list(order_ids))
    return {row["order_id"]: PaidVisit(*row.values()) for row in rows}
