"""The mixed load: people who search, register, hold, book, move and cancel, each on their own, all at once."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from runtime.demo_hospital.people import FEMALE, MALE, document_number, invent_name
from tests.chaos.client import Answer, PartnerApplication, Tally
from tests.chaos.ledger import Ledger

PAUSE_SECONDS_MAX = 0.35
"""People look at their screens between two steps; this is what paces the load."""
ASKED_TWICE = 0.06
"""How often an acknowledged request is sent once more, to see the same answer."""

GONE_CODES = ("booking.appointment_not_active", "booking.cancel_deadline_passed")


@dataclass(frozen=True)
class SlotOnSale:
    """A slot of the demonstration hospital that everybody may book."""

    id: str
    schedule_id: str
    department_id: str


@dataclass
class Person:
    """Somebody to book for, and what they have."""

    id: str
    appointments: list[str] = field(default_factory=list)
    holds: list[str] = field(default_factory=list)


Step = Callable[[Person], Awaitable[None]]


@dataclass
class Visitor:
    """One client at work with its own people; nobody else acts for them, so what it was told must stay true."""

    name: str
    app: PartnerApplication
    people: list[Person]
    slots: list[SlotOnSale]
    ledger: Ledger
    tally: Tally
    rng: random.Random
    _asked: int = 0

    async def work(self, stop: asyncio.Event) -> None:
        """Do one thing after the other until told to stop."""
        steps = (self._search, self._register, self._book, self._hold, self._end_hold, self._cancel, self._move)
        await self._work(stop, steps, (8, 5, 20, 20, 22, 11, 14))

    async def _work(self, stop: asyncio.Event, steps: Sequence[Step], weights: Sequence[int]) -> None:
        while not stop.is_set():
            [step] = self.rng.choices(steps, weights)
            await step(self.rng.choice(self.people))
            await asyncio.sleep(self.rng.uniform(0, PAUSE_SECONDS_MAX))

    async def _change(self, what: str, path: str, body: dict[str, Any] | None) -> Answer:
        """Ask for a change, sometimes twice: in a row or at once; the same key must give the same answer."""
        self._asked += 1
        key = f"{self.name}-{self._asked}"
        draw = self.rng.random()
        if draw < ASKED_TWICE:
            answers = await asyncio.gather(*(self.app.post(what, path, body, key=key) for _ in range(2)))
        else:
            answers = [await self.app.post(what, path, body, key=key)]
            if draw < 2 * ASKED_TWICE and answers[0].done:
                answers.append(await self.app.post(what, path, body, key=key))
        done = [answer for answer in answers if answer.done]
        if any(answer.body != done[0].body for answer in done[1:]):
            self.tally.faults.append(f"{what}: one key, two answers: {key}")
        return done[0] if done else answers[0]

    async def _search(self, _: Person) -> None:
        slot = self.rng.choice(self.slots)
        await self.app.get("search", f"/slots?schedule_id={slot.schedule_id}")

    async def _register(self, _: Person) -> None:
        sex = self.rng.choice((MALE, FEMALE))
        born = date(1950 + self.rng.randrange(50), 1 + self.rng.randrange(12), 1 + self.rng.randrange(28))
        sequence = self.rng.randrange(1, 500) * 2 - (1 if sex == MALE else 0)
        number = document_number(birth_date=born, sequence=sequence)
        body = {"name": invent_name(self.rng, sex), "document": {"type": "CN-ID", "number": number}}
        answer = await self._change("register", "/patients", body)
        if answer.status == 201 and answer.body["id"] not in self.ledger.patients:
            self.ledger.patients.add(answer.body["id"])
            self.people.append(Person(answer.body["id"]))

    async def _book(self, person: Person) -> None:
        slot = self.rng.choice(self.slots)
        answer = await self._change("book", "/appointments", {"slot_id": slot.id, "patient_id": person.id})
        if answer.done:
            self.ledger.note_appointment(answer.body)
            person.appointments.append(answer.body["id"])

    async def _hold(self, person: Person) -> None:
        slot = self.rng.choice(self.slots)
        answer = await self._change("hold", "/holds", {"slot_id": slot.id, "patient_id": person.id})
        if answer.done:
            self.ledger.note_hold(answer.body["id"], "active")
            person.holds.append(answer.body["id"])

    async def _end_hold(self, person: Person) -> None:
        """Confirm a hold, give it back, or forget it."""
        if not person.holds:
            return
        hold = person.holds.pop(self.rng.randrange(len(person.holds)))
        draw = self.rng.random()
        if draw < 0.65:
            answer = await self._change("confirm", "/appointments", {"hold_id": hold})
            if answer.done:
                self.ledger.note_hold(hold, "confirmed")
                self.ledger.note_appointment(answer.body)
                person.appointments.append(answer.body["id"])
        elif draw < 0.8:
            answer = await self._change("release", f"/holds/{hold}/release", None)
            if answer.done:
                self.ledger.note_hold(hold, "released")

    async def _cancel(self, person: Person) -> None:
        if not person.appointments:
            return
        entry = person.appointments.pop(self.rng.randrange(len(person.appointments)))
        answer = await self._change("cancel", f"/appointments/{entry}/cancel", {"reason": "chaos"})
        if answer.done:
            self.ledger.note_appointment(answer.body)

    async def _move(self, person: Person) -> None:
        if not person.appointments:
            return
        entry = self.rng.choice(person.appointments)
        now = self.ledger.appointments[entry]
        near = [one for one in self.slots if one.department_id == now["department_id"]]
        slot = self.rng.choice(near)
        answer = await self._change("move", f"/appointments/{entry}/reschedule", {"slot_id": slot.id})
        if answer.done:
            self.ledger.note_appointment(answer.body)
