"""What somebody who waits is shown: what they wait for, by its names, and what has been offered to them."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from booking import service
from booking.payment import links, standing
from booking.payment.policies import pays_first
from booking.waitlist import errors
from booking.waitlist.facts import Offer, TargetKind
from kernel import clock
from kernel.db import database
from kernel.events import Actor


class Target(NamedTuple):
    """What is waited for. A practitioner or a department has no campus, date, period and start of its own."""

    kind: TargetKind
    id: UUID
    practitioner: str | None
    department_zh: str
    department_en: str
    campus_zh: str | None
    campus_en: str | None
    clinic_date: date | None
    period: str | None
    starts_at: datetime | None


class Prospect(NamedTuple):
    """What joining would mean for a person.

    standing: `open`, `waiting` (they are on it already, by `entry_id`) or `closed`. closes_at: of a schedule (UTC).
    offer_minutes: for how long what comes free is kept for one person. waiting: how many wait for it now.
    """

    target: Target
    standing: str
    entry_id: UUID | None
    closes_at: datetime | None
    offer_minutes: int
    waiting: int


class ShownOffer(NamedTuple):
    """An offer with the names of its place. order_id: by which its fee is being paid; appointment_id: once taken."""

    offer: Offer
    clinic_date: date
    practitioner: str
    department_zh: str
    department_en: str
    campus_zh: str
    campus_en: str
    room_zh: str
    room_en: str
    pays_first: bool
    order_id: UUID | None
    appointment_id: UUID | None


_TARGETS: Final = """
SELECT 'schedule' AS kind, sc.id, p.name AS practitioner, d.name_zh AS department_zh, d.name_en AS department_en,
       m.name_zh AS campus_zh, m.name_en AS campus_en, sc.clinic_date, sc.period, sc.starts_at
FROM schedule sc JOIN practitioner p ON p.id = sc.practitioner_id JOIN department d ON d.id = sc.department_id
JOIN campus m ON m.id = sc.campus_id WHERE sc.id = ANY ($1)
UNION ALL
SELECT 'practitioner', p.id, p.name, d.name_zh, d.name_en, NULL, NULL, NULL, NULL, NULL
FROM practitioner p JOIN department d ON d.id = p.department_id WHERE p.id = ANY ($1)
UNION ALL
SELECT 'department', d.id, NULL, d.name_zh, d.name_en, NULL, NULL, NULL, NULL, NULL
FROM department d WHERE d.id = ANY ($1)
"""
# $3 is the instant: an entry whose offer has run out, or whose time is over, waits no more.
_PROSPECT: Final = """
SELECT coalesce(o.waitlist_offer_minutes, h.waitlist_offer_minutes) AS offer_minutes,
       coalesce(o.waitlist_cutoff_minutes, h.waitlist_cutoff_minutes) AS cutoff_minutes,
       (SELECT count(*) FROM waitlist_entry e WHERE e.target_id = $1 AND e.status = 'waiting'
           AND coalesce(e.offer_until, e.ends_at) > $3) AS waiting,
       (SELECT e.id FROM waitlist_entry e WHERE e.target_id = $1 AND e.status = 'waiting' AND e.patient_id = $2
           AND coalesce(e.offer_until, e.ends_at) > $3) AS entry_id
FROM booking_rule h
LEFT JOIN booking_rule o ON o.clinic_id = (SELECT sc.clinic_id FROM schedule sc WHERE sc.id = $1)
WHERE h.clinic_id IS NULL
"""
_PLACE: Final = """
SELECT sc.clinic_date, p.name AS practitioner, d.name_zh AS department_zh, d.name_en AS department_en,
       m.name_zh AS campus_zh, m.name_en AS campus_en, r.name_zh AS room_zh, r.name_en AS room_en,
       (SELECT e.appointment_id FROM waitlist_entry e WHERE e.id = $2) AS appointment_id
FROM schedule sc JOIN practitioner p ON p.id = sc.practitioner_id JOIN department d ON d.id = sc.department_id
JOIN campus m ON m.id = sc.campus_id JOIN room r ON r.id = sc.room_id WHERE sc.id = $1
"""


async def read_targets(target_ids: Sequence[UUID]) -> dict[UUID, Target]:
    """Name what is waited for.

    Raises:
        DatabaseUnavailable.
    """
    rows = await database().fetch(_TARGETS, list(target_ids))
    return {row["id"]: Target(*row.values()) for row in rows}


async def read_prospect(*, kind: TargetKind, target_id: UUID, patient_id: UUID) -> Prospect:
    """Say what joining the list of something would mean for a person.

    Raises:
        TargetNotFound, DatabaseUnavailable.
    """
    target = (await read_targets([target_id])).get(target_id)
    if target is None or target.kind != kind:
        raise errors.TargetNotFound
    at = clock.now()
    row = await database().fetchrow(_PROSPECT, target_id, patient_id, at)
    assert row is not None, "the hospital's own rule is always there"
    closes_at = target.starts_at and target.starts_at - timedelta(minutes=row["cutoff_minutes"])
    is_closed = closes_at is not None and closes_at <= at
    stands = "waiting" if row["entry_id"] is not None else "closed" if is_closed else "open"
    return Prospect(target, stands, row["entry_id"], closes_at, row["offer_minutes"], row["waiting"])


async def show_offer(offer: Offer, *, actor: Actor) -> ShownOffer:
    """Add to an offer where it is, and how it is taken.

    Raises:
        DatabaseUnavailable.
    """
    async with database().transaction() as tx:
        row = await tx.fetchrow(_PLACE, offer.schedule_id, offer.entry_id)
        assert row is not None, "an offer has a schedule"
        place = dict(row)
        taken = place.pop("appointment_id")
        is_open = offer.status == "open"
        orders = await links.orders_of_hold(tx, offer.id)
        order_id = next((one.id for one in orders if one.status in standing.STANDING), None) if is_open else None
        first = is_open and pays_first(await service.read_slot(tx, offer.slot_id, actor), actor)
    return ShownOffer(
        offer=offer,
        **place,
        pays_first=first,
        order_id=order_id,
        appointment_id=taken if offer.status == "accepted" else None,
    )
