"""A person's visits as they read them: names, not codes, whoever booked, and what a stop or a queue says of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, NamedTuple
from uuid import UUID

from booking import errors
from booking.payment import links
from kernel import clock
from kernel.db import Row, database
from payments import orders as payments
from payments.orders import Order
from payments.refunds import read_left_fen

UPCOMING_MAX: Final = 50


class Words(NamedTuple):
    """A name in both languages."""

    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Visit:
    """An appointment with the names of who and where, and the rules that count for it.

    channel: where it was booked, if that is a channel of ours. policy: when its fee is paid by the app. stop: what the
    last stop of its clinic has made of it. queue_entry_id: its place in a queue, once the person has come.
    """

    id: UUID
    number: int
    patient_id: UUID
    status: str
    his_status: str
    payment: str
    fee_fen: int
    clinic_date: date
    starts_at: datetime
    ends_at: datetime
    queue_number: int
    schedule_id: UUID
    slot_id: UUID
    department_id: UUID
    channel_code: str
    follow_up_of: UUID | None
    moves: int
    created_at: datetime
    cancel_reason: str | None
    practitioner: str
    title: Words
    service_type: Words
    department: Words
    campus: Words
    address: str
    latitude: float
    longitude: float
    room: Words
    floor: str
    channel: Words
    cancel_minutes_before: int
    reschedule_limit: int
    check_in_minutes_before: int
    check_in_minutes_after: int
    policy: str
    stop_status: str | None
    stop_reason: str | None
    stop_deadline_at: datetime | None
    queue_entry_id: UUID | None
    order_ids: Sequence[UUID]


@dataclass(frozen=True, slots=True)
class VisitMoney:
    """How an appointment stands with money; amounts in fen. open_order_id: the order that waits to be paid.

    paid_order_id: the newest of which money came, with whatever went back of it.
    returns_fen: what would go back if it were given up now. returned_fen: what has gone back.
    """

    open_order_id: UUID | None
    paid_order_id: UUID | None
    open_until: datetime | None
    paid_fen: int
    returns_fen: int
    returned_fen: int


_VISITS: Final = """
SELECT a.id, a.number, a.patient_id, a.status, a.his_status, a.payment, a.fee_fen, a.clinic_date, a.starts_at,
       s.ends_at, a.seq AS queue_number, a.schedule_id, a.slot_id, a.department_id, a.channel AS channel_code,
       a.follow_up_of, a.moves, a.created_at, a.cancel_reason, p.name AS practitioner,
       ARRAY[t.name_zh, t.name_en] AS title, ARRAY[y.name_zh, y.name_en] AS service_type,
       ARRAY[d.name_zh, d.name_en] AS department, ARRAY[m.name_zh, m.name_en] AS campus, m.address,
       m.latitude, m.longitude, ARRAY[r.name_zh, r.name_en] AS room, r.floor,
       ARRAY[coalesce(w.name_zh, a.channel), coalesce(w.name_en, a.channel)] AS channel,
       coalesce(o.cancel_minutes_before, h.cancel_minutes_before) AS cancel_minutes_before,
       coalesce(o.reschedule_limit, h.reschedule_limit) AS reschedule_limit,
       coalesce(o.check_in_minutes_before, h.check_in_minutes_before) AS check_in_minutes_before,
       coalesce(o.check_in_minutes_after, h.check_in_minutes_after) AS check_in_minutes_after,
       registration_policy(sc.service_type, $2) AS policy, x.status AS stop_status, x.reason AS stop_reason,
       x.deadline_at AS stop_deadline_at, q.id AS queue_entry_id,
       ARRAY (SELECT order_id FROM registration_order WHERE appointment_id = a.id) AS order_ids
FROM appointment a
JOIN slot s ON s.id = a.slot_id
JOIN schedule sc ON sc.id = a.schedule_id
JOIN practitioner p ON p.id = sc.practitioner_id
JOIN title t ON t.code = p.title
JOIN service_type y ON y.code = sc.service_type
JOIN department d ON d.id = a.department_id
JOIN campus m ON m.id = sc.campus_id
JOIN room r ON r.id = sc.room_id
LEFT JOIN channel w ON w.code = a.channel
JOIN booking_rule h ON h.clinic_id IS NULL
LEFT JOIN booking_rule o ON o.clinic_id = sc.clinic_id
LEFT JOIN LATERAL (
    SELECT c.status, so.reason, c.deadline_at FROM stop_case c JOIN stop_order so ON so.id = c.order_id
    WHERE c.appointment_id = a.id AND c.status <> 'gone'
    ORDER BY (c.status = 'offered') DESC, c.position DESC LIMIT 1) x ON true
LEFT JOIN LATERAL (
    SELECT e.id FROM visit_queue_entry e WHERE e.appointment_id = a.id ORDER BY e.checked_in_at DESC LIMIT 1) q ON true
WHERE a.patient_id = $1
"""
_IN_BOTH_LANGUAGES: Final = ("title", "service_type", "department", "campus", "room", "channel")
_STANDS: Final = " AND a.status IN ('booked', 'arrived') AND a.clinic_date >= $3"


async def list_upcoming(patient_id: UUID, *, channel: str, limit: int = UPCOMING_MAX) -> Sequence[Visit]:
    """List what a person has before them from today on, the nearest first.

    Raises:
        DatabaseUnavailable.
    """
    rows = await database().fetch(
        f"{_VISITS}{_STANDS} ORDER BY a.starts_at, a.id LIMIT $4", patient_id, channel, clock.today(), limit
    )
    return [_visit(row) for row in rows]


async def list_past(
    patient_id: UUID, *, channel: str, before: tuple[datetime, UUID] | None, limit: int
) -> Sequence[Visit]:
    """List what a person has behind them, and what was cancelled, the latest first.

    before: when the last of the page before began, and its id.

    Raises:
        DatabaseUnavailable.
    """
    starts_at, visit_id = before or (None, None)
    rows = await database().fetch(
        f"{_VISITS} AND NOT (a.status IN ('booked', 'arrived') AND a.clinic_date >= $3)"
        " AND a.status <> 'entered-in-error' AND ($4::timestamptz IS NULL OR (a.starts_at, a.id) < ($4, $5::uuid))"
        " ORDER BY a.starts_at DESC, a.id DESC LIMIT $6",
        patient_id,
        channel,
        clock.today(),
        starts_at,
        visit_id,
        limit,
    )
    return [_visit(row) for row in rows]


async def get_visit(appointment_id: UUID, *, patient_id: UUID, channel: str) -> Visit:
    """Read one of a person's visits.

    Raises:
        AppointmentNotFound: absent, or another person's.
        DatabaseUnavailable.
    """
    row = await database().fetchrow(f"{_VISITS} AND a.id = $3", patient_id, channel, appointment_id)
    if row is None:
        raise errors.AppointmentNotFound
    return _visit(row)


async def read_money(visit: Visit) -> VisitMoney:
    """Read how a visit stands with money.

    Raises:
        DatabaseUnavailable.
    """
    async with database().transaction() as tx:
        known = await links.orders_of_appointment(tx, visit.id)
        taken = [one for one in known if one.status in ("paid", "settled", "refunded")]
        left = sum([await read_left_fen(tx, one.id) for one in taken])
    waiting = _open_order(known)
    return VisitMoney(
        open_order_id=waiting and waiting.id,
        paid_order_id=taken[-1].id if taken else None,
        open_until=waiting and waiting.expires_at,
        paid_fen=sum(one.amount_fen for one in taken),
        returns_fen=left,
        returned_fen=sum(one.refunded_fen for one in taken),
    )


async def read_open_orders(visits: Sequence[Visit]) -> dict[UUID, UUID]:
    """Read which orders wait to be paid, by the visits that they are for.

    Raises:
        DatabaseUnavailable.
    """
    owners = {order: visit.id for visit in visits if visit.payment == "open" for order in visit.order_ids}
    if not owners:
        return {}
    found = await payments.read_orders(database(), owners)
    return {owners[one.id]: one.id for one in found if _open_order([one])}


async def find_follow_up(visit: Visit) -> UUID | None:
    """Tell which appointment is a visit's standing follow-up, if there is one.

    Raises:
        DatabaseUnavailable.
    """
    found: UUID | None = await database().fetchval(
        "SELECT id FROM appointment WHERE follow_up_of = $1 AND status IN ('booked', 'arrived', 'fulfilled', 'noshow')",
        visit.id,
    )
    return found


def _open_order(known: Sequence[Order]) -> Order | None:
    now = clock.now()
    return next((one for one in known if one.status == "open" and one.expires_at > now), None)


def _visit(row: Row) -> Visit:
    named = dict(row)
    return Visit(**named | {name: Words(*named[name]) for name in _IN_BOTH_LANGUAGES})
