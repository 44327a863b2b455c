"""The hospital's own people at work during the storm: nurses at doors, who add numbers, and who stop clinics."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.client import PartnerApplication
from tests.chaos.ledger import Ledger
from tests.chaos.load import Person, Visitor

COMES = 0.75
PASSED = 0.15
STOP_PAUSE_SECONDS = 4.0


@dataclass
class Nurse(Visitor):
    """Books people for today's clinic of one door, checks them in, and calls them beside a colleague.

    door: practitioner and room. Who was called is seen, passed by and let back in, or goes home.
    """

    door: dict[str, str] = field(default_factory=dict)
    _called: str | None = None

    async def work(self, stop: asyncio.Event) -> None:
        """Do one thing after the other until told to stop."""
        await self._work(stop, (self._book, self._check_in, self._call, self._go_on), (14, 24, 28, 34))

    async def _check_in(self, person: Person) -> None:
        if not person.appointments:
            return
        appointment = person.appointments.pop()
        answer = await self._change("check in", "/check-ins", {"way": "staff", "appointment_id": appointment})
        if answer.done:
            self.ledger.note_place(answer.body)

    async def _call(self, _: Person) -> None:
        if self._called is not None:
            return
        answer = await self._change("call next", "/queues/call-next", self.door)
        if answer.done:
            self.ledger.note_place(answer.body)
            self._called = answer.body["id"]

    async def _go_on(self, _: Person) -> None:
        """See who was called, pass them by, or let them go."""
        if self._called is None:
            return
        entry, draw, self._called = self._called, self.rng.random(), None
        if draw < COMES:
            await self._step(entry, "start")
            await self._step(entry, "finish")
        elif draw < COMES + PASSED:
            await self._step(entry, "pass")
            await self._step(entry, "return")
        else:
            await self._step(entry, "leave", {"reason": "患者离开"})

    async def _step(self, entry: str, name: str, body: dict[str, Any] | None = None) -> None:
        answer = await self._change(name, f"/queue/{entry}/{name}", body)
        if answer.done:
            self.ledger.note_place(answer.body)
        else:
            # Nobody else acts for who was called here.
            self.tally.faults.append(f"place {entry}: {name} was refused, {answer.code}")


@dataclass
class SeatAdder(Visitor):
    """Asks for extra numbers, some for a person by name; a colleague decides."""

    colleague: PartnerApplication | None = None

    async def work(self, stop: asyncio.Event) -> None:
        """Do one thing after the other until told to stop."""
        await self._work(stop, (self._ask_for_seat, self._cancel), (30, 10))

    async def _ask_for_seat(self, person: Person) -> None:
        assert self.colleague is not None, "two people are needed"
        slot = self.rng.choice(self.slots)
        body = {"pool": "common", "reason": "外地复诊患者"}
        if self.rng.random() < 0.6:
            body["patient_id"] = person.id
        asked = await self._change("ask for seat", f"/administration/slots/{slot.id}/extra-seats", body)
        if not asked.done:
            return
        self.ledger.extra_seats[asked.body["id"]] = asked.body
        name = self.rng.choice(("approve", "approve", "refuse"))
        path = f"/administration/extra-seats/{asked.body['id']}/{name}"
        decided = await self.colleague.post(f"{name} seat", path, None, key=f"{asked.body['id']}-{name}")
        if not decided.done:
            return
        self.ledger.extra_seats[asked.body["id"]] = decided.body
        appointment = decided.body["appointment_id"]
        if appointment is not None:
            self.ledger.note_appointment((await self.app.get("appointment", f"/appointments/{appointment}")).body)
            person.appointments.append(appointment)


@dataclass
class Stopper:
    """Stops clinics in which everybody is booking, one after the other; pauses and resumes the first."""

    app: PartnerApplication
    name: str
    ledger: Ledger

    async def stop_clinic(self, schedule_id: str, *, pauses: bool) -> None:
        """Order a stop; its patients are moved where there is an equal number, else cancelled."""
        body = {"schedule_id": schedule_id, "reason": "医生临时停诊", "steps": ["move", "cancel"], "within_days": 4}
        key = f"{self.name}-{schedule_id}"
        ordered = await self.app.post("stop", "/administration/stops", body, key=key)
        assert ordered.done, ordered
        self.ledger.stops.append(ordered.body["id"])
        if pauses:
            path = f"/administration/stops/{ordered.body['id']}"
            paused = await self.app.post("pause stop", f"{path}/pause", None, key=f"{key}-pause")
            await asyncio.sleep(STOP_PAUSE_SECONDS)
            if paused.done:
                await self.app.post("resume stop", f"{path}/resume", None, key=f"{key}-resume")
