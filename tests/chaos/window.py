"""The clerk at the HIS's registration window, who goes on selling while the platform is away."""

import asyncio
import random
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import httpx

from runtime.demo_hospital.people import FEMALE, MALE, document_number, invent_name
from tests.chaos.client import PartnerApplication
from tests.chaos.load import SlotOnSale

PAUSE_SECONDS_MAX = 1.2
CANCELLED = 0.2
OFFLINE = 0.4
"""How often a clerk says that the platform is down, whether it is or not: it must not matter."""
OFFICE_PAUSE_SECONDS_MAX = 1.5
QUOTA_MAX = 4


@dataclass
class Clerk:
    """Sells the window's numbers, and takes some back; `sold` is what the HIS has acknowledged, by its number."""

    his: PartnerApplication
    name: str
    slots: list[SlotOnSale]
    rng: random.Random
    sold: dict[str, str] = field(default_factory=dict)
    offline: int = 0
    _asked: int = 0

    async def work(self, stop: asyncio.Event) -> None:
        """Serve one person after the other until told to stop."""
        while not stop.is_set():
            await self._sell()
            await asyncio.sleep(self.rng.uniform(0, PAUSE_SECONDS_MAX))

    async def _sell(self) -> None:
        self._asked += 1
        schedule = self.rng.choice(self.slots).schedule_id
        body: dict[str, Any] = {
            "schedule_id": schedule,
            "patient": self._somebody(),
            "clerk": "C001",
            "request_id": f"{self.name}-{self._asked}",
        }
        if self.rng.random() < OFFLINE:
            shown = await self.his.call("window look", "GET", f"/api/schedules/{schedule}", {})
            free = [one["seq"] for one in shown.body.get("emergency", []) if one["free"]]
            if free:
                body |= {"seq": self.rng.choice(free), "platform_is_down": True}
        answer = await self.his.call("window sale", "POST", "/api/window/bookings", body)
        if not answer.done:
            return
        his_id = str(answer.body["his_id"])
        self.sold[his_id] = "booked"
        self.offline += answer.body["channel"] == "his_window_offline"
        if self.rng.random() < CANCELLED:
            path = f"/api/window/bookings/{his_id}/cancel"
            taken_back = await self.his.call("window cancel", "POST", path, {"clerk": "C001"})
            if taken_back.done or taken_back.code == "appointment_not_active":
                self.sold[his_id] = "cancelled"

    def _somebody(self) -> dict[str, Any]:
        sex = self.rng.choice((MALE, FEMALE))
        born = date(1930 + self.rng.randrange(20), 1 + self.rng.randrange(12), 1 + self.rng.randrange(28))
        sequence = self.rng.randrange(1, 500) * 2 - (1 if sex == MALE else 0)
        return {
            "name": invent_name(self.rng, sex),
            "document_type": "CN-ID",
            "document_number": document_number(birth_date=born, sequence=sequence),
        }


@dataclass
class Office:
    """The slot office, which gives the windows numbers and takes them back all the while."""

    app: PartnerApplication
    name: str
    slots: list[SlotOnSale]
    rng: random.Random
    _asked: int = 0

    async def work(self, stop: asyncio.Event) -> None:
        """Set the quota of one schedule after the other until told to stop."""
        while not stop.is_set():
            await self.set_quota(self.rng.choice(self.slots).schedule_id, self.rng.randrange(QUOTA_MAX + 1))
            await asyncio.sleep(self.rng.uniform(0, OFFICE_PAUSE_SECONDS_MAX))

    async def take_everything_back(self) -> None:
        """Ask the windows for all that they have not sold."""
        for schedule in sorted({slot.schedule_id for slot in self.slots}):
            await self.set_quota(schedule, 0)

    async def set_quota(self, schedule: str, numbers: int) -> None:
        """Say how many unused numbers the window of a schedule shall have."""
        self._asked += 1
        path = f"/administration/schedules/{schedule}/emergency-quota"
        await self.app.put("emergency quota", path, {"numbers": numbers}, key=f"{self.name}-{self._asked}")


def his_client(base_url: str, token: str, *, seconds: float) -> httpx.AsyncClient:
    """Open a way to the HIS's REST API."""
    return httpx.AsyncClient(
        base_url=base_url, headers={"Authorization": f"Bearer {token}"}, timeout=seconds, trust_env=False
    )
