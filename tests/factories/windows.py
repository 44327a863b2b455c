"""A HIS whose window holds numbers for the time while the platform is away, as the platform hears of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from booking.windows import numbers
from booking.windows.cases import OFFLINE_CHANNEL
from integration.his.facts import AppointmentFacts, AppointmentStatus, NumbersHandedBack, PatientFacts, Sex
from integration.his.inbox import Answer
from integration.his.intake import Intake
from integration.his.port import InboundChange, InboundKind
from kernel import clock
from kernel.crypto import load_cipher
from kernel.db import Database
from kernel.outbox import INBOX
from runtime.subscriptions import build_subscriptions
from tests.factories.booking import ScheduleUnderTest

SOURCE = "MICROHIS"


def open_window(db: Database, keys: Path) -> "Window":
    """Put a window before a platform whose keys lie in an empty folder."""
    (keys / "field_key").write_text("11" * 32)
    (keys / "lookup_key").write_text("22" * 32)
    return Window(db, Intake(db, build_subscriptions(), cipher=load_cipher(keys)))


def a_stranger(number: str) -> PatientFacts:
    """Somebody whom the platform has never seen, with a passport of their own."""
    return PatientFacts(
        platform_id=None,
        his_number=number,
        name="程甲",
        birth_date=clock.today() - timedelta(days=9000),
        sex=Sex.MALE,
        document_type="PPN",
        document_number=f"E{uuid4().int % 10**9:09d}",
        phone=None,
    )


@dataclass
class Window:
    """What the HIS's window tells the platform, decided and applied as the listener and the worker do it."""

    db: Database
    intake: Intake

    async def told(self, schedule_id: UUID) -> None:
        """Let the HIS acknowledge the last message about a schedule."""
        letter = await self.db.fetchval(
            "SELECT max(id) FROM outbox WHERE payload -> 'schedule_ids' ? $1", str(schedule_id)
        )
        async with self.db.transaction() as tx:
            await numbers.confirm_told(tx, {schedule_id: letter}, at=clock.now())

    async def registers(
        self, schedule: ScheduleUnderTest, sequence: int, his_id: str, *, channel: str = OFFLINE_CHANNEL, **more: Any
    ) -> Answer:
        """Tell of a registration; `version` and `status` say what has become of it, `patient` who it is."""
        values: dict[str, Any] = {
            "platform_id": None,
            "his_id": his_id,
            "status": AppointmentStatus.BOOKED,
            "version": 1,
            "schedule_id": schedule.id,
            "sequence": sequence,
            "patient": a_stranger(f"MR-{his_id}"),
            "starts_at": None,
            "ends_at": None,
            "made_by": "W001",
            "channel": channel,
        }
        facts = AppointmentFacts(**(values | more))
        kind = InboundKind.APPOINTMENT_BOOKED
        if facts.status is AppointmentStatus.CANCELLED:
            kind = InboundKind.APPOINTMENT_CANCELLED
        return await self.hear(kind, facts, f"his-appointment:{SOURCE}:{his_id}")

    async def hands_back(
        self,
        schedule: ScheduleUnderTest,
        *,
        unsold: tuple[int, ...] = (),
        sold: Mapping[int, str] | None = None,
        version: int,
    ) -> None:
        """Tell which numbers the window sells no more, and let the platform apply it; sold: number -> its sale."""
        named = sold or {}
        facts = NumbersHandedBack(schedule.id, version, unsold, tuple(named), tuple(named.values()))
        await self.hear(InboundKind.NUMBERS_HANDED_BACK, facts, f"his-handback:{SOURCE}:{schedule.id}")
        await self.applies()

    async def applies(self) -> None:
        """Let the worker apply what waits in the inbox."""
        lease = await INBOX.claim(self.db, "his", limit=10, lease_seconds=30)
        assert lease is not None
        await self.intake.apply_batch(lease)

    async def hear(self, kind: InboundKind, facts: Any, aggregate: str) -> Answer:
        return await self.intake.receive(
            [InboundChange(kind, SOURCE, str(uuid4()), aggregate, None, clock.now(), facts)]
        )

    async def statuses(self, schedule: ScheduleUnderTest) -> dict[int, tuple[str, str, str]]:
        """Of each number that was ever set aside: how it stands, its pool, its seat's status."""
        rows = await self.db.fetch(
            "SELECT n.seq, n.status, e.pool, e.status AS seat FROM window_number n JOIN seat e ON e.id = n.seat_id"
            " WHERE n.schedule_id = $1 ORDER BY n.seq",
            schedule.id,
        )
        return {row["seq"]: (row["status"], row["pool"], row["seat"]) for row in rows}

    async def version(self, schedule: ScheduleUnderTest) -> int:
        """The version that the next answer of the HIS names."""
        version: int = await self.db.fetchval("SELECT version FROM schedule WHERE id = $1", schedule.id)
        return version
