"""Phones of people who wait: for a number of a clinic that is full, and before the doctor's door."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx

from kernel import clock
from tests.factories.booking import ScheduleUnderTest
from tests.factories.open_api import Caller, OpenApi
from tests.factories.patient_app import Phone, open_to_app
from tests.factories.queue import ClinicDay, Door

DESK_SCOPES = ("checkin.write", "queue.read", "queue.write", "administration.read")
CAMPUS = {"latitude": 23.1, "longitude": 113.3}


@dataclass(frozen=True)
class Waiting:
    """Somebody on the list, and what they are offered."""

    patient_id: UUID
    entry_id: str
    offer_id: str = ""

    @property
    def address(self) -> str:
        """The offer's address."""
        return f"/members/{self.patient_id}/offers/{self.offer_id}"


@dataclass
class FullClinic:
    """A clinic of one number, which somebody else has."""

    api: OpenApi
    schedule: ScheduleUnderTest
    appointment_id: UUID

    @classmethod
    async def of(cls, api: OpenApi) -> "FullClinic":
        """Have the number booked at a window."""
        schedule = await open_to_app(api.hospital, await api.hospital.schedule(seats=1))
        await api.db.execute(
            "UPDATE practitioner SET name = '王建国' WHERE id = (SELECT practitioner_id FROM schedule WHERE id = $1)",
            schedule.id,
        )
        other = await api.patient(api.kiosk)
        return cls(api, schedule, await api.book(schedule.slots[0], other, api.kiosk))

    @property
    def target(self) -> dict[str, str]:
        """What is waited for."""
        return {"target_kind": "schedule", "target_id": str(self.schedule.id)}

    async def joined(self, phone: Phone, relationship: str = "self") -> Waiting:
        """A new member of a phone, on the list."""
        own = await phone.add_member(relationship)
        answer = await phone.post(f"/members/{own}/waitlist", self.target)
        assert answer.status_code == 201, answer.text
        return Waiting(own, answer.json()["id"])

    async def give_back(self) -> None:
        """The other one cancels."""
        answer = await self.api.kiosk.post(f"/appointments/{self.appointment_id}/cancel", {})
        assert answer.status_code == 200, answer.text

    async def offered(self, phone: Phone) -> Waiting:
        """A new member of a phone, to whom the number is offered."""
        waiting = await self.joined(phone)
        await self.give_back()
        [entry] = (await phone.get(f"/members/{waiting.patient_id}/waitlist")).json()["items"]
        return Waiting(waiting.patient_id, waiting.entry_id, entry["offer"]["id"])


@dataclass
class Visitor:
    """A member of a phone with an appointment of today, and the desk where the doctor calls."""

    phone: Phone
    desk: Caller
    day: ClinicDay
    door: Door
    patient_id: UUID
    appointment_id: UUID
    entry_id: str = ""
    before: list[str] = field(default_factory=list)

    @classmethod
    async def of(
        cls,
        api: OpenApi,
        phone: Phone,
        *,
        starts_in: timedelta = timedelta(minutes=10),
        relationship: str = "self",
        behind: int = 0,
    ) -> "Visitor":
        """Book a number of a new door for a new member. behind: so many have the numbers before, and have come."""
        desk = await api.client("internal", channel="window", scopes=DESK_SCOPES)
        day = ClinicDay(api.hospital)
        door = await day.door(starts_in=starts_in)
        await api.db.execute("UPDATE practitioner SET name = '王建国' WHERE id = $1", door.practitioner_id)
        *others, booked = await day.book(door, behind + 1)
        own = await phone.add_member(relationship)
        await api.db.execute("UPDATE appointment SET patient_id = $2 WHERE id = $1", booked, own)
        before = [str((await day.come(one)).id) for one in others]
        return cls(phone, desk, day, door, own, booked, before=before)

    @classmethod
    async def in_queue(
        cls, api: OpenApi, phone: Phone, *, starts_in: timedelta = timedelta(minutes=10), behind: int = 0
    ) -> "Visitor":
        """A visitor who has come."""
        visitor = await cls.of(api, phone, starts_in=starts_in, behind=behind)
        answer = await visitor.come()
        assert answer.status_code == 201, answer.text
        visitor.entry_id = answer.json()["id"]
        return visitor

    @property
    def check_in(self) -> str:
        """The address of checking in."""
        return f"/members/{self.patient_id}/appointments/{self.appointment_id}/check-in"

    @property
    def place(self) -> str:
        """The address of the place in the queue."""
        return f"/members/{self.patient_id}/queue/{self.entry_id}"

    async def come(self, **more: Any) -> httpx.Response:
        """Check in by place, in the middle of the campus unless told otherwise."""
        fixed_at = clock.now().isoformat().replace("+00:00", "Z")
        place = {**CAMPUS, "accuracy_meters": 20, "fixed_at": fixed_at} | more
        return await self.phone.post(self.check_in, {"place": place})

    async def step(self, *names: str, entry_id: str = "") -> None:
        """Have the desk take steps with them, or with another."""
        for name in names:
            answer = await self.desk.post(f"/queue/{entry_id or self.entry_id}/{name}")
            assert answer.status_code == 200, answer.text

    async def see_first(self) -> None:
        """Have the doctor see who is the first before them."""
        await self.step("call", "start", "finish", entry_id=self.before.pop(0))


async def name_places(api: OpenApi) -> None:
    """Give the hospital's places names as patients read them."""
    for sentence in (
        "UPDATE department SET name_zh = '心血管内科', name_en = 'Cardiology'",
        "UPDATE campus SET name_zh = '本部', name_en = 'Main campus'",
        "UPDATE room SET name_zh = '3 诊室', name_en = 'Room 3', floor = '2F'",
    ):
        await api.db.execute(sentence)
