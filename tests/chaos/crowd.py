"""Everybody who is at work during the storm."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from tests.chaos.client import PartnerApplication, Tally
from tests.chaos.ledger import Ledger
from tests.chaos.load import Person, Visitor
from tests.chaos.staff import Nurse, SeatAdder, Stopper
from tests.chaos.stage import Stage
from tests.chaos.waiting import Waiter
from tests.chaos.window import Clerk, Office

VISITORS = 20
WAITERS = 4
NURSES_A_DOOR = 2
CLERKS = 4
PEOPLE_EACH = 12


@dataclass
class Crowd:
    """The clients of one run."""

    ledger: Ledger
    tally: Tally
    client_ids: list[str]
    visitors: list[Visitor]
    waiters: list[Waiter]
    clerks: list[Clerk]
    office: Office
    stopper: Stopper

    @classmethod
    def gather(
        cls,
        stage: Stage,
        applications: Sequence[PartnerApplication],
        his: httpx.AsyncClient,
        *,
        seed: int,
        ledger: Ledger,
        tally: Tally,
    ) -> "Crowd":
        """Give everybody their people and their dice.

        applications: a partner's, a kiosk's, and the slot office's for two members of staff.
        """
        portal, kiosk, office, colleague = applications
        people = list(stage.people)

        def who(name: str, app: PartnerApplication, number: int) -> dict[str, Any]:
            return {
                "name": f"{seed}-{name}{number}",
                "app": app,
                "people": [Person(people.pop()) for _ in range(PEOPLE_EACH)],
                "ledger": ledger,
                "tally": tally,
                "rng": random.Random(f"{seed}-{name}{number}"),
            }

        everywhere = [*stage.slots, *stage.stopping]
        visitors: list[Visitor] = [
            # The clinics that will be stopped are wanted most.
            Visitor(**who("v", kiosk if n % 4 == 0 else portal, n), slots=[*everywhere, *stage.stopping * 2])
            for n in range(VISITORS)
        ]
        doors = [door for door in stage.doors for _ in range(NURSES_A_DOOR)]
        for n, door in enumerate(doors):
            at = {"practitioner_id": door.practitioner_id, "room_id": door.room_id}
            visitors.append(Nurse(**who("n", office, n), slots=door.slots, door=at))
        visitors.append(SeatAdder(**who("x", office, 0), slots=stage.slots, colleague=colleague))
        desk = PartnerApplication(his, "window", "", tally)
        return cls(
            ledger=ledger,
            tally=tally,
            client_ids=sorted({one.client_id for one in applications}),
            visitors=visitors,
            waiters=[Waiter(**who("w", kiosk if n % 2 else portal, n), slots=stage.scarce) for n in range(WAITERS)],
            clerks=[Clerk(desk, f"{seed}-c{n}", stage.slots, random.Random(f"{seed}-c{n}")) for n in range(CLERKS)],
            office=Office(office, f"{seed}-office", stage.slots, random.Random(f"{seed}-office")),
            stopper=Stopper(office, f"{seed}-stop", ledger),
        )

    @property
    def everybody(self) -> list[Visitor | Clerk | Office]:
        """Those who work on until they are told to stop."""
        return [*self.visitors, *self.waiters, *self.clerks, self.office]

    @property
    def sold(self) -> dict[str, str]:
        """What the windows were told that they have sold, by the HIS's number."""
        return {his_id: status for clerk in self.clerks for his_id, status in clerk.sold.items()}

    @property
    def offline(self) -> int:
        """How many of these while the platform was said to be away."""
        return sum(clerk.offline for clerk in self.clerks)

    async def go_home(self) -> None:
        """Leave the lists, and take back what the windows have not sold."""
        for waiter in self.waiters:
            await waiter.leave_everything()
        await self.office.take_everything_back()
