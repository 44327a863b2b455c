"""What the rules need to know of slots, read for many requests in one statement; and the shapes that callers get.

Named tuples, because each booking makes several: a frozen dataclass of this many fields takes five times as long.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from kernel.db import Reader, Row


class SlotFacts(NamedTuple):
    """One slot as one channel sees it at one instant, with the rules that govern it.

    pools: those whose seats the channel may take now; opens_next: when the next of its pools opens.
    has_limits: whether telephones, accounts or devices are limited in what they claim.
    has_cool_downs: whether anybody may hold nothing for a while.
    has_seat: whether a seat of these pools looked free; may be outdated a moment later in either direction.
    settle_first: somebody waits for seats of the schedule, or one of its slot has come free by time and must be kept
    back for a while: `returns.settle` goes before any claim.
    needs_turn: a rush is on, and partners' patients take seats in their turn (booking/rush).
    payment_policy: when the channel's patients pay the fee (booking/payment/policies.py).
    """

    slot_id: UUID
    schedule_id: UUID
    starts_at: datetime
    ends_at: datetime
    clinic_date: date
    practitioner_id: UUID
    clinic_id: UUID
    department_id: UUID
    campus_id: UUID
    room_id: UUID
    service_type: str
    fee_fen: int
    active: bool
    sex_allowed: int | None
    age_years_min: int | None
    age_years_max: int | None
    is_emergency: bool
    has_limits: bool
    has_cool_downs: bool
    hold_seconds: int
    once_per_department_day: bool
    daily_limit: int
    cancel_minutes_before: int
    reschedule_limit: int
    released: bool
    pools: tuple[str, ...]
    opens_next: datetime | None
    has_seat: bool
    settle_first: bool
    needs_turn: bool = False
    payment_policy: str = "later"


_SLOT_FACTS = """
SELECT q.i, s.id AS slot_id, s.schedule_id, s.starts_at, s.ends_at, sc.clinic_date, sc.practitioner_id, sc.clinic_id,
       sc.department_id, sc.campus_id, sc.room_id, sc.service_type, sc.fee_fen,
       sc.status = 'active' AND c.active AS active, c.sex_allowed, c.age_years_min, c.age_years_max, c.is_emergency,
       EXISTS (SELECT FROM claim_limit WHERE active) AS has_limits,
       EXISTS (SELECT FROM hold_pattern_flag WHERE status = 'confirmed' AND cool_down_until > $3) AS has_cool_downs,
       coalesce(o.hold_seconds, h.hold_seconds) AS hold_seconds,
       coalesce(o.once_per_department_day, h.once_per_department_day) AS once_per_department_day,
       coalesce(o.daily_limit, h.daily_limit) AS daily_limit,
       coalesce(o.cancel_minutes_before, h.cancel_minutes_before) AS cancel_minutes_before,
       coalesce(o.reschedule_limit, h.reschedule_limit) AS reschedule_limit,
       r.released, coalesce(r.pools, '{}') AS pools, r.opens_next,
       r.pools IS NOT NULL AND EXISTS (
           SELECT FROM seat t WHERE t.slot_id = s.id AND t.status IN ('free', 'held')
              AND (t.status = 'free' OR t.hold_until <= $3) AND t.pool = ANY (r.pools)) AS has_seat,
       CASE WHEN EXISTS (SELECT FROM waitlist_entry WHERE status = 'waiting' AND offer_id IS NULL)
                 OR coalesce(o.return_delay_seconds_max, h.return_delay_seconds_max) > 0
            THEN settles_first(sc.id, sc.practitioner_id, sc.department_id, sc.clinic_id, sc.clinic_date, s.id, $3)
            ELSE false END AS settle_first,
       CASE WHEN EXISTS (
                SELECT FROM rush_rule u WHERE u.active
                   AND (u.follows_findings OR EXISTS (SELECT FROM rush_mark WHERE active AND is_hot)))
            THEN needs_turn(sc.id, sc.practitioner_id, sc.clinic_id, q.channel, $3)
            ELSE false END AS needs_turn,
       CASE WHEN EXISTS (SELECT FROM registration_payment_rule WHERE active AND policy <> 'later')
            THEN registration_policy(sc.service_type, q.channel)
            ELSE 'later' END AS payment_policy
FROM unnest($1::uuid[], $2::text[]) WITH ORDINALITY AS q (slot_id, channel, i)
JOIN slot s ON s.id = q.slot_id
JOIN schedule sc ON sc.id = s.schedule_id
JOIN clinic c ON c.id = sc.clinic_id
JOIN booking_rule h ON h.clinic_id IS NULL
LEFT JOIN booking_rule o ON o.clinic_id = sc.clinic_id
CROSS JOIN LATERAL (
    SELECT count(*) > 0 AS released, array_agg(l.pool ORDER BY l.pool) FILTER (WHERE l.opens_at <= $3) AS pools,
           min(l.opens_at) FILTER (WHERE l.opens_at > $3) AS opens_next
    FROM schedule_release l WHERE l.schedule_id = s.schedule_id AND l.channel = q.channel) r
"""


_POOLS = SlotFacts._fields.index("pools")


async def read_slot_facts(
    db: Reader, keys: Sequence[tuple[UUID, str]], *, at: datetime
) -> dict[tuple[UUID, str], SlotFacts]:
    """Read the facts of (slot, channel) pairs; slots that do not exist are missing from the answer."""
    rows = await db.fetch(_SLOT_FACTS, [slot for slot, _ in keys], [channel for _, channel in keys], at)
    return {keys[row["i"] - 1]: _slot_facts(row) for row in rows}


def _slot_facts(row: Row) -> SlotFacts:
    _, *values = row
    values[_POOLS] = tuple(values[_POOLS])
    return SlotFacts._make(values)


class Hold(NamedTuple):
    """A seat kept out of sale for one patient until an instant (UTC)."""

    id: UUID
    status: str
    slot_id: UUID
    schedule_id: UUID
    patient_id: UUID
    queue_number: int
    until: datetime
    fee_fen: int
    created_at: datetime
    follow_up_of: UUID | None = None

    @classmethod
    def from_stored(cls, stored: dict[str, Any]) -> "Hold":
        """Read back what `stored()` wrote."""
        return cls(**_revived(cls._fields, stored))

    def stored(self) -> dict[str, object]:
        """Give the values in the form that JSON keeps, for the same request coming again."""
        return self._asdict()


class Appointment(NamedTuple):
    """A patient's number in a schedule. `number` is the running number; people read it formatted.

    payment: how its fee stands: `none` (nobody is about to pay it here), `open`, `paid`, `refunding`, `refunded`.
    """

    id: UUID
    number: int
    status: str
    his_status: str
    patient_id: UUID
    slot_id: UUID
    schedule_id: UUID
    department_id: UUID
    clinic_id: UUID
    campus_id: UUID
    room_id: UUID
    practitioner_id: UUID
    service_type: str
    clinic_date: date
    starts_at: datetime
    ends_at: datetime
    queue_number: int
    fee_fen: int
    channel: str
    client_id: str
    cancel_reason: str | None
    version: int
    created_at: datetime
    updated_at: datetime
    follow_up_of: UUID | None = None
    payment: str = "none"

    @classmethod
    def from_stored(cls, stored: dict[str, Any]) -> "Appointment":
        """Read back what `stored()` wrote."""
        return cls(**_revived(cls._fields, stored))

    def stored(self) -> dict[str, object]:
        """Give the values in the form that JSON keeps, for the same request coming again."""
        return self._asdict()


_UUIDS = frozenset(
    [
        "id",
        "patient_id",
        "slot_id",
        "schedule_id",
        "department_id",
        "clinic_id",
        "campus_id",
        "room_id",
        "practitioner_id",
        "follow_up_of",
    ]
)
_INSTANTS = frozenset(["until", "starts_at", "ends_at", "created_at", "updated_at"])


def _revived(names: Iterable[str], stored: dict[str, Any]) -> dict[str, Any]:
    # What was stored before a field came keeps the field's default.
    return {name: _revive(name, stored[name]) for name in names if name in stored}


def _revive(name: str, value: object) -> object:
    if value is None:
        return None
    if name in _UUIDS:
        return UUID(str(value))
    if name in _INSTANTS:
        return datetime.fromisoformat(str(value))
    if name == "clinic_date":
        return date.fromisoformat(str(value))
    return value


def distinct(keys: Iterable[tuple[UUID, str]]) -> list[tuple[UUID, str]]:
    """Drop repeats, keeping the order."""
    return list(dict.fromkeys(keys))
