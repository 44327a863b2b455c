"""What is waited for, and the shapes that callers get."""

from datetime import date, datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

TargetKind = Literal["schedule", "practitioner", "department"]


class Wanted(NamedTuple):
    """What somebody asks to wait for.

    days: the first and the last clinic day, for a practitioner or a department; a schedule has its own.
    periods: of the day; empty: any.
    """

    target_kind: TargetKind
    target_id: UUID
    patient_id: UUID
    days: tuple[date, date] | None = None
    periods: tuple[str, ...] = ()
    is_urgent: bool = False


class Entry(NamedTuple):
    """One person waiting for one thing.

    position: the place in the published order among those who wait for the same, from 1; None once it is over.
    waiting:  how many wait for the same, this one included while it waits.
    ends_at:  when it ends by itself (UTC).
    """

    id: UUID
    status: str
    patient_id: UUID
    target_kind: str
    target_id: UUID
    department_id: UUID
    date_from: date
    date_until: date
    periods: list[str]
    priority: str
    channel: str
    position: int | None
    waiting: int
    offer_id: UUID | None
    offer_until: datetime | None
    appointment_id: UUID | None
    ends_at: datetime
    created_at: datetime
    updated_at: datetime

    @classmethod
    def from_stored(cls, stored: dict[str, Any]) -> "Entry":
        """Read back what `stored()` wrote."""
        return cls(**{name: _revive(name, stored[name]) for name in cls._fields})

    def stored(self) -> dict[str, object]:
        """Give the values in the form that JSON keeps, for the same request coming again."""
        return self._asdict()


class Offer(NamedTuple):
    """A seat kept for one person on the list alone, until an instant (UTC).

    status: open, accepted, declined or expired; seconds_left: of the countdown, 0 once it is not open.
    """

    id: UUID
    entry_id: UUID
    status: str
    patient_id: UUID
    slot_id: UUID
    schedule_id: UUID
    starts_at: datetime
    ends_at: datetime
    queue_number: int
    fee_fen: int
    until: datetime
    seconds_left: int
    created_at: datetime

    @classmethod
    def from_stored(cls, stored: dict[str, Any]) -> "Offer":
        """Read back what `stored()` wrote."""
        return cls(**{name: _revive(name, stored[name]) for name in cls._fields})

    def stored(self) -> dict[str, object]:
        """Give the values in the form that JSON keeps, for the same request coming again."""
        return self._asdict()


_UUIDS = frozenset(
    [
        "id",
        "patient_id",
        "target_id",
        "department_id",
        "offer_id",
        "appointment_id",
        "entry_id",
        "slot_id",
        "schedule_id",
    ]
)
_INSTANTS = frozenset(["offer_until", "ends_at", "created_at", "updated_at", "starts_at", "until"])


def _revive(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name in _UUIDS:
        return UUID(value)
    if name in _INSTANTS:
        return datetime.fromisoformat(value)
    return date.fromisoformat(value) if name in ("date_from", "date_until") else value
