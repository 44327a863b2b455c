"""The seat inventory as simply as it can be said, in memory: what the real one is compared with, step by step."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

Key = tuple[int, int]
"""A seat: which schedule, which number."""


@dataclass
class ModelSeat:
    """One number. `owner` names the hold or appointment that has it; `until` is a hold's end."""

    pool: str
    status: str = "free"
    owner: str | None = None
    until: datetime | None = None


@dataclass
class ModelSchedule:
    """A schedule of one slot."""

    department: int
    day: int
    starts_at: datetime
    opens: dict[tuple[str, str], datetime]


@dataclass
class Place:
    """A person's place in a department and day."""

    person: int
    day: int
    department: int
    owner: str
    until: datetime | None


@dataclass
class ModelAppointment:
    """Who has which seat, and how often it was moved."""

    person: int
    seat: Key
    moves: int = 0
    booked: bool = True


@dataclass
class InventoryModel:
    """Everything that booking decides on. Answers are the name of the refusal, or the number that was given."""

    now: datetime
    schedules: list[ModelSchedule]
    seats: dict[Key, ModelSeat]
    hold_seconds: int = 900
    daily_limit: int = 3
    reschedule_limit: int = 2
    cancel_minutes: int = 30
    holds: dict[str, tuple[int, Key, datetime]] = field(default_factory=dict)
    appointments: dict[str, ModelAppointment] = field(default_factory=dict)
    places: list[Place] = field(default_factory=list)
    ended: set[str] = field(default_factory=set)

    def status_of(self, key: Key) -> str:
        """A seat whose hold is over is free, whatever is written on it."""
        seat = self.seats[key]
        return "free" if seat.status == "held" and seat.until is not None and seat.until <= self.now else seat.status

    def live_places(self) -> list[Place]:
        """Places whose hold is not over."""
        return [place for place in self.places if place.until is None or place.until > self.now]

    def claim(self, kind: str, person: int, schedule: int, channel: str, owner: str) -> str | int:
        """Hold or book the lowest seat that the channel may take."""
        found = self._choose(schedule, channel)
        if isinstance(found, str):
            return found
        refusal = self._refusal_of_day(person, schedule, but=None)
        if refusal is not None:
            return refusal
        latest = min(self.now + timedelta(seconds=self.hold_seconds), self.schedules[schedule].starts_at)
        until = latest if kind == "hold" else None
        self._take(found, person, schedule, owner, until)
        if until is None:
            self.appointments[owner] = ModelAppointment(person, found)
        else:
            self.holds[owner] = (person, found, until)
        return found[1]

    def confirm(self, hold: str, owner: str) -> str | int:
        """Turn a hold into an appointment."""
        person, seat, until = self.holds[hold]
        if hold in self.ended or until <= self.now:
            return "HoldEnded"
        self.ended.add(hold)
        self.seats[seat] = ModelSeat(self.seats[seat].pool, "booked", owner)
        for place in self.places:
            if place.owner == hold:
                place.owner, place.until = owner, None
        self.appointments[owner] = ModelAppointment(person, seat)
        return seat[1]

    def release(self, hold: str) -> str:
        """Give a held seat back."""
        _, seat, until = self.holds[hold]
        if hold in self.ended or until <= self.now:
            return "HoldEnded"
        self.ended.add(hold)
        self._free(seat)
        self._leave(hold)
        return "released"

    def cancel(self, appointment: str) -> str:
        """Give a booked seat back."""
        entry = self.appointments[appointment]
        if not entry.booked:
            return "AppointmentNotActive"
        if self._is_late(entry):
            return "CancelDeadlinePassed"
        self.undo(appointment)
        return "cancelled"

    def undo(self, appointment: str) -> None:
        """Cancel without asking the deadline."""
        entry = self.appointments[appointment]
        entry.booked = False
        self._free(entry.seat)
        self._leave(appointment)

    def move(self, appointment: str, schedule: int, channel: str) -> str | int:
        """Take another seat and leave the old one, or neither."""
        entry = self.appointments[appointment]
        old, new = self.schedules[entry.seat[0]], self.schedules[schedule]
        for refused, reason in (
            (not entry.booked, "AppointmentNotActive"),
            (entry.moves >= self.reschedule_limit, "RescheduleLimitReached"),
            (self._is_late(entry), "CancelDeadlinePassed"),
            (schedule == entry.seat[0], "SameSlot"),
        ):
            if refused:
                return reason
        closed = self._closed(schedule, channel)
        if closed is not None:
            return closed
        if new.department != old.department:
            return "OtherDepartment"
        found = self._choose(schedule, channel)
        if isinstance(found, str):
            return found
        refusal = self._refusal_of_day(entry.person, schedule, but=appointment)
        if refusal is not None:
            return refusal
        self._free(entry.seat)
        self._leave(appointment)
        self._take(found, entry.person, schedule, appointment, None)
        entry.seat, entry.moves = found, entry.moves + 1
        return found[1]

    def sell_at_window(self, person: int, key: Key, owner: str) -> str | int:
        """Book exactly the seat that the HIS has sold."""
        if self.status_of(key) != "free":
            return "SeatTaken"
        refusal = self._refusal_of_day(person, key[0], but=None)
        if refusal is not None:
            return refusal
        self._take(key, person, key[0], owner, None)
        self.appointments[owner] = ModelAppointment(person, key)
        return key[1]

    def _closed(self, schedule: int, channel: str) -> str | None:
        if self.schedules[schedule].starts_at <= self.now:
            return "SlotPast"
        return None if self._pools(schedule, channel) else "NotReleased"

    def _pools(self, schedule: int, channel: str) -> set[str]:
        opens = self.schedules[schedule].opens
        return {pool for (to, pool), at in opens.items() if to == channel and at <= self.now}

    def _choose(self, schedule: int, channel: str) -> str | Key:
        closed = self._closed(schedule, channel)
        if closed is not None:
            return closed
        pools = self._pools(schedule, channel)
        free = [
            key
            for key, seat in sorted(self.seats.items())
            if key[0] == schedule and seat.pool in pools and self.status_of(key) == "free"
        ]
        return free[0] if free else "SoldOut"

    def _refusal_of_day(self, person: int, schedule: int, but: str | None) -> str | None:
        day, department = self.schedules[schedule].day, self.schedules[schedule].department
        mine = [p for p in self.live_places() if (p.person, p.day) == (person, day) and p.owner != but]
        for place in mine:
            if place.department == department:
                return "AlreadyBooked" if place.until is None else "AlreadyHeld"
        return "DailyLimitReached" if len(mine) >= self.daily_limit else None

    def _is_late(self, entry: ModelAppointment) -> bool:
        return self.now > self.schedules[entry.seat[0]].starts_at - timedelta(minutes=self.cancel_minutes)

    def _take(self, key: Key, person: int, schedule: int, owner: str, until: datetime | None) -> None:
        self.places = self.live_places()
        status = "booked" if until is None else "held"
        self.seats[key] = ModelSeat(self.seats[key].pool, status, owner, until)
        self.places.append(
            Place(person, self.schedules[schedule].day, self.schedules[schedule].department, owner, until)
        )

    def _free(self, key: Key) -> None:
        self.seats[key] = ModelSeat(self.seats[key].pool)

    def _leave(self, owner: str) -> None:
        self.places = [place for place in self.places if place.owner != owner]
