"""A queue as it stands at one instant, and what each person in it may be told of it: pure once it has been read."""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from booking.queue.pace import Estimate, Pace, estimate_wait
from booking.queue.states import CALLED, IN_CONSULTATION, WAITING


class Entry(NamedTuple):
    """A person's place in a queue. `people_before` and the estimate (seconds until called) while they wait only."""

    id: UUID
    label: str
    status: str
    class_: str
    patient_id: UUID
    appointment_id: UUID | None
    clinic_id: UUID
    practitioner_id: UUID
    practitioner_name: str
    room_id: UUID
    room_code: str
    room_name_zh: str
    room_name_en: str
    room_floor: str
    clinic_date: date
    is_elderly: bool
    is_disabled: bool
    is_military: bool
    way: str
    calls: int
    passes: int
    people_before: int | None
    estimate_seconds: int | None
    estimate_low: int | None
    estimate_high: int | None
    checked_in_at: datetime
    called_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    last_event: int

    @classmethod
    def from_stored(cls, stored: Mapping[str, Any]) -> "Entry":
        """Read back what `stored()` wrote."""
        return cls._make(_revive(name, stored[name]) for name in cls._fields)

    def stored(self) -> dict[str, object]:
        """Give the values in the form that JSON keeps, for the same request coming again."""
        return self._asdict()


def _revive(name: str, value: object) -> object:
    if value is None:
        return None
    if name == "id" or (name.endswith("_id") and name != "client_id"):
        return UUID(str(value))
    if name.endswith("_at"):
        return datetime.fromisoformat(str(value))
    return date.fromisoformat(str(value)) if name == "clinic_date" else value


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody in a queue, as its row says. `masked_name` is what a screen may show: 张*."""

    id: UUID
    label: str
    status: str
    class_: str
    patient_id: UUID
    appointment_id: UUID | None
    client_id: str
    is_elderly: bool
    is_disabled: bool
    is_military: bool
    way: str
    order_seconds: float
    ticket: int
    calls: int
    passes: int
    checked_in_at: datetime
    called_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    masked_name: str


@dataclass(frozen=True, slots=True)
class Place:
    """Whose door a queue stands before."""

    queue_id: UUID
    clinic_date: date
    clinic_id: UUID
    clinic_name_zh: str
    clinic_name_en: str
    practitioner_id: UUID
    practitioner_name: str
    title_zh: str
    title_en: str
    room_id: UUID
    room_code: str
    room_name_zh: str
    room_name_en: str
    room_floor: str
    last_event: int
    opens_at: datetime | None


class _BeforeAll(NamedTuple):
    """What everybody who waits has before them: counted once for a queue, not once for each person."""

    called: int
    in_room_seconds: float | None
    opens_in_seconds: float


@dataclass(frozen=True, slots=True)
class QueueState:
    """One queue: who is in it (those waiting in order, then the others), and what an estimate needs.

    coming: orders of those who have booked here and have not come yet, the smallest first.
    opens_at: when the clinic starts, where it has called nobody yet.
    """

    place: Place
    waiting: tuple[Person, ...]
    others: tuple[Person, ...]
    coming: tuple[float, ...]
    pace: Pace

    def entries_at(self, at: datetime) -> list[Entry]:
        """Shape everybody: those waiting in order, then the others."""
        before = self._before_all(at)
        found = [
            _entry(self.place, person, place, self._estimate(before, place, person.order_seconds))
            for place, person in enumerate(self.waiting)
        ]
        return found + [_entry(self.place, person, None, None) for person in self.others]

    def estimate_at(self, people_before: int, order_seconds: float, at: datetime) -> Estimate:
        """Estimate the wait of somebody before whom so many wait."""
        return self._estimate(self._before_all(at), people_before, order_seconds)

    def _before_all(self, at: datetime) -> _BeforeAll:
        inside = [one.called_at for one in self.others if one.status == IN_CONSULTATION and one.called_at is not None]
        return _BeforeAll(
            called=sum(1 for one in self.others if one.status == CALLED),
            in_room_seconds=(at - min(inside)).total_seconds() if inside else None,
            opens_in_seconds=(self.place.opens_at - at).total_seconds() if self.place.opens_at is not None else 0.0,
        )

    def _estimate(self, before: _BeforeAll, people_before: int, order_seconds: float) -> Estimate:
        return estimate_wait(
            self.pace,
            ahead=people_before + before.called,
            coming=bisect_left(self.coming, order_seconds),
            in_room_seconds=before.in_room_seconds,
            opens_in_seconds=before.opens_in_seconds,
        )


def _entry(place: Place, person: Person, people_before: int | None, estimate: Estimate | None) -> Entry:
    waits = person.status == WAITING
    return Entry(
        id=person.id,
        label=person.label,
        status=person.status,
        class_=person.class_,
        patient_id=person.patient_id,
        appointment_id=person.appointment_id,
        clinic_id=place.clinic_id,
        practitioner_id=place.practitioner_id,
        practitioner_name=place.practitioner_name,
        room_id=place.room_id,
        room_code=place.room_code,
        room_name_zh=place.room_name_zh,
        room_name_en=place.room_name_en,
        room_floor=place.room_floor,
        clinic_date=place.clinic_date,
        is_elderly=person.is_elderly,
        is_disabled=person.is_disabled,
        is_military=person.is_military,
        way=person.way,
        calls=person.calls,
        passes=person.passes,
        people_before=people_before if waits else None,
        estimate_seconds=estimate.seconds if waits and estimate else None,
        estimate_low=estimate.low if waits and estimate else None,
        estimate_high=estimate.high if waits and estimate else None,
        checked_in_at=person.checked_in_at,
        called_at=person.called_at,
        started_at=person.started_at,
        finished_at=person.finished_at,
        last_event=place.last_event,
    )
