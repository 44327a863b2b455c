"""A HIS double, and a feature of three lines that tells it and hears from it."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from integration.exchange.hl7v2.profile import Hl7Profile
from integration.his.adapters.hl7v2_mllp import Hl7MllpHis
from integration.his.delivery import HANDLER, Delivery
from integration.his.facts import PatientFacts, Sex
from integration.his.port import (
    Accepted,
    ChangeKind,
    InboundChange,
    InboundKind,
    OutboundChange,
    Rejected,
)
from integration.his.subscriptions import (
    InboundSubscription,
    Intent,
    OutboundSubscription,
    Subscriptions,
    Verdict,
)
from kernel.boxes import Lease
from kernel.crypto import FieldCipher, load_cipher
from kernel.db import Database, Transaction
from kernel.errors import HospitalError
from kernel.outbox import OUTBOX, publish
from tests.factories.his_double import HisDouble

MONEY_KINDS = (
    InboundKind.CHARGE_POSTED,
    InboundKind.BILL_SETTLED_ELSEWHERE,
    InboundKind.REFUND_APPROVED,
    InboundKind.DEPOSIT_POSTED,
    InboundKind.DISCHARGED,
)
"""What somebody subscribes to here; REFUND_REFUSED is what nobody does."""


@pytest.fixture
async def his() -> AsyncIterator[HisDouble]:
    double = await HisDouble().start()
    yield double
    await double.stop()


@pytest.fixture(scope="session")
def cipher(tmp_path_factory: pytest.TempPathFactory) -> FieldCipher:
    keys = tmp_path_factory.mktemp("keys")
    (keys / "field_key").write_text("11" * 32)
    (keys / "lookup_key").write_text("22" * 32)
    return load_cipher(keys)


@dataclass
class Feature:
    """Tells the HIS of people by the name in the payload, and notes what it is told."""

    accepted: list[tuple[int, str | None]] = field(default_factory=list)
    rejected: list[tuple[int, str]] = field(default_factory=list)
    verdict: Verdict = Verdict.SETTLED
    applied: list[InboundChange] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    refuse_with: HospitalError | Exception | None = None
    fail_on: str | None = None

    async def load(self, intents: Sequence[Intent]) -> Mapping[int, OutboundChange]:
        return {
            intent.id: OutboundChange(
                ChangeKind.PATIENT_REGISTERED,
                PatientFacts(
                    None, intent.payload["name"], intent.payload["name"],
                    None, Sex.UNKNOWN, None, None, None,
                ),
            )
            for intent in intents
            if intent.payload["name"] != "gone"
        }  # fmt: skip

    async def on_accepted(self, tx: Transaction, told: Sequence[tuple[Intent, Accepted]]) -> None:
        for intent, _ in told:
            if intent.payload["name"] == self.fail_on:
                raise RuntimeError("the feature cannot take it")
        self.accepted += [(intent.id, outcome.his_id) for intent, outcome in told]

    async def on_rejected(self, tx: Transaction, intent: Intent, rejection: Rejected) -> Verdict:
        self.rejected.append((intent.id, rejection.code))
        return self.verdict

    async def apply(self, tx: Transaction, change: InboundChange) -> None:
        await tx.execute(
            "INSERT INTO his_cursor (name, position, updated_at) VALUES ($1, 1, now())",
            f"applied {change.control_id}",
        )
        if self.refuse_with is not None:
            raise self.refuse_with
        self.applied.append(change)

    async def on_refused(self, tx: Transaction, change: InboundChange, error: HospitalError) -> None:
        self.refused.append((change.control_id, error.code))

    def subscriptions(self) -> Subscriptions:
        return Subscriptions.join(
            outbound=[
                OutboundSubscription("person.new", self.load, self.on_accepted, self.on_rejected),
            ],
            inbound=[
                InboundSubscription(InboundKind.PATIENT_CHANGED, self.apply),
                InboundSubscription(InboundKind.APPOINTMENT_BOOKED, self.apply, self.on_refused, at_once=True),
                *(InboundSubscription(kind, self.apply) for kind in MONEY_KINDS),
            ],
        )


@pytest.fixture
def feature() -> Feature:
    return Feature()


@pytest.fixture
async def delivery(database: Database, his: HisDouble, feature: Feature) -> AsyncIterator[Delivery]:
    port = Hl7MllpHis(host="127.0.0.1", port=his.port, profile=Hl7Profile("MICROHIS"))
    yield Delivery(database, port, feature.subscriptions())
    await port.close()


async def post(
    db: Database, name: str, *, aggregate: str | None = None, depends_on: str | None = None,
    event_type: str = "person.new",
) -> int:  # fmt: skip
    async with db.transaction() as tx:
        await publish(
            tx, handler=HANDLER, event_type=event_type, aggregate=aggregate or f"person:{name}",
            payload={"name": name}, depends_on=depends_on,
        )  # fmt: skip
        return int(await tx.fetchval("SELECT max(id) FROM outbox"))


async def claim(db: Database, *, limit: int = 100, seconds: float = 30.0) -> Lease | None:
    return await OUTBOX.claim(db, HANDLER, limit=limit, lease_seconds=seconds)


async def deliver(db: Database, delivery: Delivery) -> bool:
    """One turn of relay and worker; False when nothing could go."""
    lease = await claim(db)
    if lease is None:
        return False
    await delivery.deliver_batch(lease)
    return True


async def statuses(db: Database, box: str = "outbox") -> list[tuple[int, str]]:
    rows = await db.fetch(f"SELECT id, status FROM {box} ORDER BY id")
    return [(row["id"], row["status"]) for row in rows]
