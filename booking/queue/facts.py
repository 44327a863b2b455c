"""A queue as it stands at one instant, and what each person in it may be told of it: pure once it has been read."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
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
    schedule_id: UUID | None


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


class Session(NamedTuple):
    """A clinic that is given in a queue's room today; it has begun when somebody who booked there was called."""

    schedule_id: UUID
    starts_at: datetime
    ends_at: datetime
    has_begun: bool


class Coming(NamedTuple):
    """Somebody who has booked and has not come yet: their order, with the head start of the elderly.

    is_overdue: their time has begun.
    """

    order_seconds: float
    schedule_id: UUID
    is_overdue: bool = False


class _BeforeAll(NamedTuple):
    """What those who wait have before them: counted once for a queue, not once for each person.

    ahead: by place, how many of one's own clinic wait before one. coming: orders of those to come, by clinic, and under
    None of all whose time has not begun; overdue: of the others. The smallest first.
    """

    at: datetime
    called: int
    inside: int
    in_room_seconds: float | None
    sessions: tuple[Session | None, ...]
    ahead: tuple[int, ...]
    coming: Mapping[UUID | None, Sequence[float]]
    overdue: Sequence[float]


@dataclass(frozen=True, slots=True)
class QueueState:
    """One queue: who is in it (those waiting in order, then the others), and what an estimate needs.

    sessions: the doctor's clinics in this room today, the earliest first.
    """

    place: Place
    sessions: tuple[Session, ...]
    waiting: tuple[Person, ...]
    others: tuple[Person, ...]
    coming: tuple[Coming, ...]
    pace: Pace

    def entries_at(self, at: datetime) -> list[Entry]:
        """Shape everybody: those waiting in order, then the others."""
        before = self._before_all(at)
        found = [
            _entry(self.place, person, place, self._estimate(before, place))
            for place, person in enumerate(self.waiting)
        ]
        return found + [_entry(self.place, person, None, None) for person in self.others]

    def entry_at(self, place_in_line: int, at: datetime) -> Entry:
        """Shape the person who waits at a place (0 is next), with an estimate at an instant."""
        return _entry(self.place, self.waiting[place_in_line], place_in_line, self.estimate_at(place_in_line, at))

    def estimate_at(self, place_in_line: int, at: datetime) -> Estimate:
        """Estimate the wait of the person who waits at a place (0 is next)."""
        return self._estimate(self._before_all(at), place_in_line)

    def _before_all(self, at: datetime) -> _BeforeAll:
        inside = [one.called_at for one in self.others if one.status == IN_CONSULTATION and one.called_at is not None]
        sessions = tuple(self._session_of(person, at) for person in self.waiting)
        seen = Counter[Session | None]()
        ahead: list[int] = []
        for session in sessions:
            ahead.append(seen[session])
            seen[session] += 1
        coming: dict[UUID | None, list[float]] = {None: []}
        overdue: list[float] = []
        for one in sorted(self.coming):
            (overdue if one.is_overdue else coming[None]).append(one.order_seconds)
            coming.setdefault(one.schedule_id, []).append(one.order_seconds)
        return _BeforeAll(
            at=at,
            called=sum(1 for one in self.others if one.status == CALLED),
            inside=len(inside),
            in_room_seconds=(at - min(inside)).total_seconds() if inside else None,
            sessions=sessions,
            ahead=tuple(ahead),
            coming=coming,
            overdue=overdue,
        )

    def _estimate(self, before: _BeforeAll, place_in_line: int) -> Estimate:
        session, order = before.sessions[place_in_line], self.waiting[place_in_line].order_seconds
        if session is None or session.has_begun:
            return estimate_wait(
                self.pace,
                ahead=place_in_line + before.called,
                coming=bisect_left(before.coming[None], order),
                overdue=bisect_left(before.overdue, order),
                in_room_seconds=before.in_room_seconds,
            )
        # The morning's people are seen before the afternoon begins, and delay it only if they are too many.
        ahead = before.ahead[place_in_line]
        others_seconds = (place_in_line - ahead + before.called + before.inside) * self.pace.mean
        return estimate_wait(
            self.pace,
            ahead=ahead,
            coming=bisect_left(before.coming.get(session.schedule_id, ()), order),
            opens_in_seconds=max((session.starts_at - before.at).total_seconds(), others_seconds),
        )

    def _session_of(self, person: Person, at: datetime) -> Session | None:
        """Tell to which clinic somebody has come: the one they booked, else the one under way, or the next."""
        for session in self.sessions:
            if session.schedule_id == person.schedule_id:
                return session
        return next((one for one in self.sessions if one.ends_at > at), self.sessions[-1] if self.sessions else None)


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
