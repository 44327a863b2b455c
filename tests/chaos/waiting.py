"""People who want the few numbers of sold-out clinics: they wait, are offered, accept, decline, miss it and leave."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.chaos.client import PartnerApplication
from tests.chaos.load import Person, Visitor

ACCEPTED = 0.55
DECLINED = 0.8
LEFT_ON_SALE = 2
OF_VISITORS = ("common", "city_portal")
"""The pools that our visitors may take."""


@dataclass
class Waiter(Visitor):
    """A visitor whose clinics are sold out; `waits` says which of its people stand on a list, and by which entry."""

    waits: dict[str, str] = field(default_factory=dict)

    async def work(self, stop: asyncio.Event) -> None:
        """Do one thing after the other until told to stop."""
        steps = (self._wait, self._look, self._leave, self._book, self._hold, self._end_hold, self._cancel)
        await self._work(stop, steps, (22, 34, 3, 10, 8, 10, 13))

    async def leave_everything(self) -> None:
        """Take everybody off the lists, so that nobody waits any more."""
        for person in self.people:
            await self._leave(person)

    async def _wait(self, person: Person) -> None:
        if person.id in self.waits:
            return
        schedule = self.rng.choice(self.slots).schedule_id
        body = {"target_kind": "schedule", "target_id": schedule, "patient_id": person.id}
        answer = await self._change("join list", "/waitlist", body)
        if answer.done:
            self.ledger.entries[answer.body["id"]] = "waiting"
            self.waits[person.id] = answer.body["id"]

    async def _look(self, person: Person) -> None:
        """Look whether there is an offer, and answer it or let it pass."""
        if person.id not in self.waits:
            return
        entry_id = self.waits[person.id]
        entry = await self.app.get("look at list", f"/waitlist/{entry_id}")
        if not entry.done:
            self.tally.faults.append(f"entry {entry_id} was acknowledged and is not shown: {entry.code}")
            return
        if entry.body["status"] != "waiting":
            # An offer was missed, or the list has ended.
            del self.waits[person.id]
            return
        offer_id, draw = entry.body["offer_id"], self.rng.random()
        if offer_id is None or draw > DECLINED:
            return
        if draw > ACCEPTED:
            answer = await self._change("decline offer", f"/waitlist/offers/{offer_id}/decline", None)
            if answer.done:
                self.ledger.offers[offer_id] = "declined"
            return
        answer = await self._change("accept offer", f"/waitlist/offers/{offer_id}/accept", None)
        if answer.done:
            self.ledger.offers[offer_id] = "accepted"
            self.ledger.entries[entry_id] = "taken"
            self.ledger.note_appointment(answer.body)
            person.appointments.append(answer.body["id"])
            del self.waits[person.id]

    async def _leave(self, person: Person) -> None:
        if person.id not in self.waits:
            return
        entry_id = self.waits.pop(person.id)
        answer = await self._change("leave list", f"/waitlist/{entry_id}/withdraw", None)
        if answer.done:
            self.ledger.entries[entry_id] = "withdrawn"


async def make_scarce(office: PartnerApplication, schedules: Sequence[str]) -> None:
    """Leave two numbers of some clinics on sale, so that people have to wait for them."""
    for schedule in schedules:
        shown = await office.get("schedule", f"/administration/schedules/{schedule}")
        left = LEFT_ON_SALE
        for slot in shown.body["slots"]:
            for seats in slot["seats"]:
                if seats["pool"] not in OF_VISITORS or seats["status"] != "free":
                    continue
                kept = min(left, seats["count"])
                left -= kept
                if seats["count"] > kept:
                    body = {"count": seats["count"] - kept, "pool": seats["pool"], "reason": "开诊推迟"}
                    path = f"/administration/slots/{slot['id']}/block"
                    done = await office.post("block", path, body, key=f"scarce-{slot['id']}-{seats['pool']}")
                    assert done.done, done
