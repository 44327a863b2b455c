"""Payments tell those who act for the patient, in the transaction that ends the event's letter."""

from typing import Any
from uuid import UUID

import pytest

from kernel import clock
from kernel.ids import new_id
from notifications.kinds import KINDS
from payments.events import PaymentEvent
from payments.telling import ORDER_KINDS, SUBSCRIBERS, TOLD, tell_payer
from runtime.payments import build_subscribers
from tests.factories.notifications import Centre


def event(kind: str, patient_id: UUID, number: int, **facts: Any) -> PaymentEvent:
    return PaymentEvent(
        number, clock.now(), kind, new_id(), "P1", "outpatient_bill", "bill", "B1", patient_id, "portal", 12850, facts
    )


@pytest.mark.parametrize("kind", sorted(TOLD))
async def test_each_event_is_one_message_with_its_own_amount(centre: Centre, kind: str) -> None:
    person = await centre.person()
    account, stranger = await centre.account(person), await centre.account(await centre.person())
    told = event(kind, person, 7, **({"amount_fen": 50} if "refund" in kind else {}))
    for _ in range(2):
        async with centre.db.transaction() as tx:
            await tell_payer(tx, told)
    (message,) = await centre.inbox(account)
    assert message["kind"] == TOLD[kind]
    assert ("¥0.50" if "refund" in kind else "¥128.50") in message["zh"]["body"]
    assert "门诊费用" in message["zh"]["body"]
    assert await centre.inbox(stranger) == []


def test_the_centre_hears_of_what_it_tells() -> None:
    assert set(TOLD.values()) <= set(KINDS)
    assert set(SUBSCRIBERS) <= set(build_subscribers())
    assert set(ORDER_KINDS) == {"registration", "outpatient_bill", "deposit", "discharge"}
