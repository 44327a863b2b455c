"""Clinic days at the doctor's door: appointments of today, people who come, doctors who call."""

from collections.abc import Awaitable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from booking import queries as booking_queries
from booking.facts import Appointment
from booking.queue import checkin, service
from booking.queue.checkin import CheckIn
from booking.queue.entering import NO_FLAGS, Flags
from booking.queue.facts import Entry
from booking.queue.queries import list_queues
from kernel import clock
from kernel.db import Database
from kernel.errors import HospitalError
from kernel.events import Actor
from kernel.ids import new_id
from tests.factories.booking import PORTAL, HospitalUnderTest, ScheduleUnderTest

NURSE = Actor(client_id="desk", channel="kiosk", kind="internal", staff_code="S0001")
KIOSK = Actor(client_id="lobby", channel="kiosk", kind="internal", staff_code="S0002")


@dataclass
class Door:
    """One practitioner's schedule of today in one room."""

    practitioner_id: UUID
    room_id: UUID
    schedule: ScheduleUnderTest

    @property
    def key(self) -> dict[str, Any]:
        """Whom and where, as calls name them."""
        return {"practitioner_id": self.practitioner_id, "room_id": self.room_id}


@dataclass
class ClinicDay:
    """A hospital whose clinics are under way, with people who have booked."""

    hospital: HospitalUnderTest
    doors: list[Door] = field(default_factory=list)

    @property
    def db(self) -> Database:
        """The database."""
        return self.hospital.db

    async def door(
        self, *, seats: int = 20, slots: int = 1, starts_in: timedelta = timedelta(minutes=10), room: str | None = None
    ) -> Door:
        """Open a practitioner's clinic in a room of its own; every seat may be booked until its time."""
        if abs(starts_in) < timedelta(hours=1) and clock.clinic_date(clock.now() + starts_in) != clock.today():
            starts_in = -starts_in  # A test just before midnight has its clinic on that day all the same.
        schedule = await self.hospital.schedule(seats=seats, slots=slots, starts_in=starts_in)
        room_id = new_id()
        await self.db.execute(
            "INSERT INTO room (id, code, name_zh, name_en, floor, clinic_id)"
            " VALUES ($1, $2, '1 诊室', 'Room 1', '3F', $3)",
            room_id,
            room or str(room_id),
            self.hospital.clinic_id,
        )
        practitioner_id = await self.db.fetchval(
            "UPDATE schedule SET room_id = $2 WHERE id = $1 RETURNING practitioner_id", schedule.id, room_id
        )
        door = Door(practitioner_id, room_id, schedule)
        self.doors.append(door)
        return door

    async def book(self, door: Door, count: int = 1, *, slot: int = 0, born: date = date(1980, 5, 17)) -> list[UUID]:
        """Give people the next numbers of a time band, whether it has begun or not."""
        people = await self.hospital.patients(count, born=born)
        made = []
        async with self.db.transaction() as tx:
            for patient_id in people:
                seat = await tx.fetchrow(
                    "UPDATE seat SET status = 'booked' WHERE id = (SELECT id FROM seat WHERE slot_id = $1"
                    " AND status = 'free' ORDER BY seq LIMIT 1) RETURNING id, seq, schedule_id, slot_id",
                    door.schedule.slots[slot],
                )
                assert seat is not None, "a number is free"
                made.append(
                    await tx.fetchval(
                        "INSERT INTO appointment (id, seat_id, seq, slot_id, schedule_id, department_id, clinic_date,"
                        " starts_at, patient_id, status, channel, client_id, fee_fen, created_at, updated_at)"
                        " SELECT $1, $2, $3, s.id, $4, sc.department_id, sc.clinic_date, s.starts_at, $5, 'booked',"
                        " $6, $7, 0, $8, $8 FROM slot s JOIN schedule sc ON sc.id = s.schedule_id WHERE s.id = $9"
                        " RETURNING id",
                        new_id(),
                        seat["id"],
                        seat["seq"],
                        seat["schedule_id"],
                        patient_id,
                        PORTAL.channel,
                        PORTAL.client_id,
                        clock.now(),
                        seat["slot_id"],
                    )
                )
        return made

    async def come(self, appointment_id: UUID, *, flags: Flags = NO_FLAGS, actor: Actor = NURSE) -> Entry:
        """Check somebody in at the desk."""
        return await checkin.check_in(CheckIn("staff", appointment_id, flags=flags), actor=actor)

    async def waiting(self, count: int, *, door: Door | None = None) -> list[Entry]:
        """Let people book and come, in the order of their numbers."""
        place = door or (self.doors[0] if self.doors else await self.door())
        return [await self.come(one) for one in await self.book(place, count)]

    async def appointment(self, appointment_id: UUID | None) -> Appointment:
        """Read an appointment."""
        assert appointment_id is not None
        return await booking_queries.read_appointment(self.db, appointment_id)

    async def labels(self, door: Door) -> list[str]:
        """List who waits, the next one first."""
        return [one.label for state in await list_queues(room_id=door.room_id) for one in state.waiting]

    async def bring_to(self, entry: Entry, status: str) -> Entry:
        """Lead somebody who waits to a status, on the usual way."""
        who: dict[str, Any] = {"entry_id": entry.id, "actor": NURSE}
        match status:
            case "called":
                return await service.call_entry(**who)
            case "passed":
                await self.bring_to(entry, "called")
                return await service.pass_entry(**who)
            case "in-consultation":
                await self.bring_to(entry, "called")
                return await service.start_consultation(**who)
            case "finished":
                await self.bring_to(entry, "in-consultation")
                return await service.finish_consultation(**who)
            case "left":
                return await service.leave_queue(reason="回家", **who)
            case _:
                return entry

    async def bring_to_end(self, entry: Entry) -> Entry:
        """See somebody who has been called."""
        await service.start_consultation(entry_id=entry.id, actor=NURSE)
        return await service.finish_consultation(entry_id=entry.id, actor=NURSE)

    async def events(self, entry: Entry) -> list[str]:
        """List what has happened to somebody."""
        rows = await self.db.fetch("SELECT kind FROM visit_queue_event WHERE entry_id = $1 ORDER BY id", entry.id)
        return [row["kind"] for row in rows]

    async def books(self) -> dict[str, list[tuple[Any, ...]]]:
        """Give everything that a queue may change, to prove that a refusal has changed nothing."""
        tables = ("visit_queue", "visit_queue_entry", "visit_queue_event", "appointment", "booking_event", "outbox")
        return {
            table: [tuple(row.values()) for row in await self.db.fetch(f"SELECT * FROM {table} t ORDER BY t::text")]
            for table in tables
        }


async def outcome(work: Awaitable[Entry]) -> Entry | HospitalError:
    """Give the answer, or the refusal itself."""
    try:
        return await work
    except HospitalError as refusal:
        return refusal
