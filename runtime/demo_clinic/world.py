"""What there is on the day before anybody has booked: clinics with their slots, as the database has them."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Slot:
    """A band of time: how many of its numbers applications may book, how many the HIS's window."""

    id: str
    starts_at: datetime
    common: int
    window: int


@dataclass(slots=True)
class Session:
    """One doctor's clinic of a half day. `practitioner_*` change when a substitute takes it over."""

    schedule_id: str
    practitioner_id: str
    practitioner_code: str
    title: str
    clinic_code: str
    department_id: str
    room_id: str
    service_type: str
    period: str
    starts_at: datetime
    ends_at: datetime
    sex: int | None
    age_min: int | None
    age_max: int | None
    latitude: float
    longitude: float
    slots: tuple[Slot, ...]

    @property
    def common(self) -> int:
        """How many numbers applications may book."""
        return sum(slot.common for slot in self.slots)


@dataclass(frozen=True, slots=True)
class World:
    """The day, and its clinics in a fixed order."""

    day: date
    sessions: tuple[Session, ...]

    def save(self, path: Path) -> None:
        """Write it down for another process."""
        facts = {"day": self.day.isoformat(), "sessions": [asdict(one) for one in self.sessions]}
        path.write_text(json.dumps(facts, default=lambda instant: instant.isoformat()), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> "World":
        """Read what `save` wrote."""
        facts = json.loads(path.read_text(encoding="utf-8"))
        return cls(date.fromisoformat(facts["day"]), tuple(_session(one) for one in facts["sessions"]))


def _session(facts: Mapping[str, Any]) -> Session:
    slots = tuple(Slot(**one | {"starts_at": datetime.fromisoformat(one["starts_at"])}) for one in facts["slots"])
    times = {name: datetime.fromisoformat(facts[name]) for name in ("starts_at", "ends_at")}
    return Session(**{**facts, **times, "slots": slots})
