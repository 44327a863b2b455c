"""A rush: a hot schedule that opens at noon in Guangzhou, people who join, and the clock set to any moment of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from booking import service
from booking.facts import Appointment
from booking.rush.facts import Ticket, View
from booking.rush.lines import Lines
from booking.rush.tickets import join_rush
from kernel import clock
from kernel.errors import HospitalError
from kernel.events import Actor
from kernel.ids import new_id
from tests.factories.booking import PORTAL, HospitalUnderTest, ScheduleUnderTest

RELEASE = datetime(2027, 3, 1, 4, tzinfo=UTC)
PHONE = replace(PORTAL, device_hash=b"a telephone")


def phone(number: int, client_id: str = "portal") -> Actor:
    """One of many telephones."""
    return replace(PORTAL, client_id=client_id, device_hash=b"phone %d" % number)


def at(seconds: float = 0.0) -> Any:
    """Hold the clock so many seconds after the release."""
    return clock.frozen(RELEASE + timedelta(seconds=seconds))


@dataclass
class Rush:
    """One hot schedule and the processes' knowledge of its line; each `Lines` stands for a web process."""

    hospital: HospitalUnderTest
    schedule: ScheduleUnderTest
    lines: Lines

    @classmethod
    async def of(cls, hospital: HospitalUnderTest, *, seats: int, **more: Any) -> "Rush":
        """Publish a schedule and mark it hot."""
        with at(-3600):
            schedule = await hospital.schedule(seats=seats, opens_at=RELEASE, **more)
        await mark(hospital, schedule_id=schedule.id)
        return cls(hospital, schedule, Lines(fresh_seconds=0))

    async def join(self, count: int, *, first: int = 0, seconds: float = -30.0) -> list[Ticket]:
        """Let so many people join, each from a telephone of their own."""
        people = await self.hospital.patients(count)
        with at(seconds):
            return [await self.join_one(person, phone(first + n)) for n, person in enumerate(people)]

    async def join_one(self, patient: UUID, actor: Actor = PHONE) -> Ticket:
        """Let somebody join, at the present moment."""
        return await join_rush(schedule_id=self.schedule.id, patient_id=patient, actor=actor)

    async def look(self, ticket: Ticket, lines: Lines | None = None) -> View:
        """Let a telephone ask for its place."""
        return await (lines or self.lines).look(ticket.id, actor=PORTAL)

    async def look_all(self, tickets: Sequence[Ticket]) -> dict[UUID, View]:
        """Let everybody ask twice: the first time says that they are there, the second tells how it stands then."""
        for ticket in tickets:
            await self.look(ticket)
        return {ticket.id: await self.look(ticket) for ticket in tickets}

    async def book(self, ticket: Ticket, actor: Actor = PORTAL) -> Appointment | HospitalError:
        """Book a number for the holder of a ticket, or give the refusal."""
        try:
            return await service.book_appointment(
                slot_id=self.schedule.slots[0], patient_id=ticket.patient_id, actor=actor
            )
        except HospitalError as refusal:
            return refusal

    async def statuses(self) -> dict[UUID, str]:
        """Read the tickets' statuses as they stand in their rows."""
        rows = await self.hospital.db.fetch(
            "SELECT id, status FROM rush_ticket WHERE schedule_id = $1", self.schedule.id
        )
        return {row["id"]: row["status"] for row in rows}


async def mark(hospital: HospitalUnderTest, *, is_hot: bool = True, **target: UUID) -> None:
    """Mark a schedule, practitioner or clinic as hot or not."""
    ((column, value),) = target.items()
    await hospital.db.execute(
        f"INSERT INTO rush_mark (id, {column}, is_hot) VALUES ($1, $2, $3)", new_id(), value, is_hot
    )


async def rule(hospital: HospitalUnderTest, **values: Any) -> None:
    """Change the hospital's rule."""
    for name, value in values.items():
        await hospital.db.execute(f"UPDATE rush_rule SET {name} = $1", value)
