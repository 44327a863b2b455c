"""An order of two parts over the centre's real wire: insurance and cash are paid, or go back, and always add up."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from kernel import clock
from kernel.crypto import load_cipher
from kernel.db import Database
from kernel.ids import new_id
from payments import merchants, orders, ports, refunds
from payments.gateways.insurance.port import FeeUpload
from payments.insurance import errors as insurance_errors
from payments.insurance.claims import order_with_insurance
from payments.insurance.fulfilment import WithInsurance
from payments.insurance.shares import share_of, take_back_due
from payments.invariants import find_broken
from payments.orders import NewOrder, Order
from payments.refunds import Ask
from runtime import keys
from runtime.sandbox_channels import describe_insurance_account
from tests.factories.insurance import PERSON, Centre, fees
from tests.factories.payments import CASHIER, PORTAL, PaymentsUnderTest


@dataclass
class Mixed:
    """A hospital's payments with the insurance before its HIS."""

    payments: PaymentsUnderTest
    centre: Centre

    async def order(self, bill: FeeUpload, *, reduced_fen: int = 0) -> Order:
        new = NewOrder(
            kind="outpatient_bill", subject_kind="bills", subject_id=str(new_id()), patient_id=new_id(),
            amount_fen=bill.total_fen, title="门诊缴费",
        )  # fmt: skip
        account = describe_insurance_account()
        return await order_with_insurance(
            lambda _account: self.centre.client, new, bill, account=account, reduced_fen=reduced_fen, actor=PORTAL
        )

    async def act(self, bill: FeeUpload, act: str = "pay") -> None:
        told = await self.centre.bill_of(bill.bill_no)
        assert told is not None
        await self.centre.process.ask("/payments", {"pay_ord_id": told["pay_ord_id"], "act": act})

    async def cash(self, order: Order) -> None:
        attempt = await self.payments.attempt(order)
        await self.payments.tell(self.payments.wechat.pay(attempt.attempt_no))
        await self.payments.settle_down()

    async def paid(self, bill: FeeUpload, *, reduced_fen: int = 0) -> Order:
        order = await self.order(bill, reduced_fen=reduced_fen)
        await self.act(bill)
        await self.cash(order)
        return await self.payments.look(order)

    async def refund(self, order: Order, amount_fen: int | None = None) -> None:
        await refunds.request_refund(
            order.id, amount_fen=amount_fen, ask=Ask(reason="退费", by_rule=True), actor=PORTAL
        )
        await self.payments.settle_down()

    async def status(self, order: Order) -> tuple[str, str, int]:
        share = await self.payments.db.fetchrow("SELECT * FROM insurance_share WHERE order_id = $1", order.id)
        assert share is not None
        return (await self.payments.look(order)).status, share["status"], share["insurance_back_fen"]

    async def back_at_centre(self, bill: FeeUpload) -> int:
        told: dict[str, Any] | None = await self.centre.bill_of(bill.bill_no)
        assert told is not None
        return int(told["insurance_back_fen"])


@pytest.fixture
async def mixed(_centre: Centre, payments: PaymentsUnderTest, tmp_path: Path) -> AsyncIterator[Mixed]:
    keys.create_missing(tmp_path / "keys")
    load_cipher(tmp_path / "keys")
    async with payments.db.transaction() as tx:
        await merchants.save_merchant(tx, describe_insurance_account(), campus_id=None, actor=CASHIER)
    ports.set_fulfilments({"outpatient_bill": WithInsurance(payments.his, lambda _account: _centre.client)})
    yield Mixed(payments, _centre)
    await _centre.process.clear_faults()


async def test_both_parts_are_paid_then_part_and_all_go_back(mixed: Mixed) -> None:
    bill = fees(12_500)
    order = await mixed.paid(bill, reduced_fen=500)
    assert order.amount_fen == 2000
    assert await mixed.status(order) == ("settled", "paid", 0)
    assert mixed.payments.his.calls["settle"] == 1
    await mixed.refund(order, 700)
    assert await mixed.status(order) == ("settled", "paid", 0)
    await mixed.payments.require_sound()
    with clock.frozen(clock.now() + timedelta(minutes=2)):
        await mixed.refund(order)
    assert await mixed.status(order) == ("refunded", "taken_back", 10_000)
    assert await mixed.back_at_centre(bill) == 10_000
    await mixed.payments.require_sound()


async def test_cash_alone_is_no_payment_and_waits_for_the_insurance(mixed: Mixed) -> None:
    bill = fees(12_500)
    order = await mixed.order(bill)
    await mixed.cash(order)
    assert await mixed.status(order) == ("paid", "pending", 0)
    assert mixed.payments.his.calls["settle"] == 0
    await mixed.act(bill)
    await mixed.payments.pass_time(until=timedelta(minutes=2))
    assert await mixed.status(order) == ("settled", "paid", 0)
    await mixed.payments.require_sound()


async def test_an_insurance_that_fails_sends_the_cash_back(mixed: Mixed) -> None:
    bill = fees(12_500)
    order = await mixed.order(bill)
    await mixed.act(bill, "fail")
    await mixed.cash(order)
    assert await mixed.status(order) == ("refunded", "taken_back", 0)
    assert (mixed.payments.his.calls["settle"], mixed.payments.wechat.held_fen) == (0, 0)
    await mixed.payments.require_sound()


@pytest.mark.parametrize("no", ["rejects", "declines"])
async def test_a_no_takes_the_insurance_back_before_the_cash(mixed: Mixed, no: str) -> None:
    bill = fees(12_500)
    setattr(mixed.payments.his, no, "seat_gone")
    await mixed.centre.process.fault("refund_unclear", times=1, done=0)
    order = await mixed.order(bill)
    await mixed.act(bill)
    await mixed.cash(order)
    # The insurance is not known to be back: no cash has left.
    assert (await mixed.payments.look(order)).status == "paid"
    assert mixed.payments.wechat.calls["refund"] == 0
    await mixed.payments.pass_time(until=timedelta(minutes=2))
    assert await mixed.status(order) == ("refunded", "taken_back", 10_000)
    assert mixed.payments.wechat.held_fen == 0
    assert await mixed.back_at_centre(bill) == 10_000
    await mixed.payments.require_sound()


async def test_an_insurance_that_does_not_know_never_ends_by_itself(mixed: Mixed) -> None:
    bill = fees(12_500)
    order = await mixed.order(bill)
    await mixed.act(bill, "unclear")
    await mixed.cash(order)
    await mixed.payments.pass_time(until=timedelta(hours=2), step=timedelta(minutes=10))
    assert await mixed.status(order) == ("paid", "pending", 0)
    assert [one["cause"] for one in await mixed.payments.rows("payment_exception")] == ["settlement_unknown"]
    await mixed.payments.require_sound()


async def test_what_nobody_pays_is_revoked_and_what_the_insurance_paid_alone_goes_back(mixed: Mixed) -> None:
    bills = [fees(12_500), fees(12_500)]
    made = [await mixed.order(bill) for bill in bills]
    await mixed.act(bills[1], "insurance")
    await mixed.payments.pass_time(until=timedelta(minutes=20), step=timedelta(minutes=4))
    assert await take_back_due(mixed.payments.db, lambda _account: mixed.centre.client) == 2
    assert await take_back_due(mixed.payments.db, lambda _account: mixed.centre.client) == 0
    assert [await mixed.status(one) for one in made] == [("closed", "taken_back", 0), ("closed", "taken_back", 10_000)]
    assert await find_broken(mixed.payments.db) == []


async def test_many_workers_at_once_take_it_back_once(mixed: Mixed) -> None:
    bill = fees(12_500)
    order = await mixed.paid(bill)
    asked = [mixed.refund(order) for _ in range(4)]
    outcomes = await asyncio.gather(*asked, return_exceptions=True)
    assert sum(one is None for one in outcomes) >= 1
    await mixed.payments.pass_time(until=timedelta(minutes=2))
    assert await mixed.status(order) == ("refunded", "taken_back", 10_000)
    assert await mixed.back_at_centre(bill) == 10_000
    await mixed.payments.require_sound()


async def test_a_centre_that_is_killed_in_the_middle_loses_nothing(mixed: Mixed) -> None:
    bill = fees(12_500)
    order = await mixed.paid(bill)
    mixed.centre.process.kill()
    try:
        await mixed.refund(order)
        assert mixed.payments.wechat.calls["refund"] == 0
    finally:
        await mixed.centre.process.start()
    await mixed.payments.pass_time(until=timedelta(minutes=2))
    assert await mixed.status(order) == ("refunded", "taken_back", 10_000)
    await mixed.payments.require_sound()


async def test_a_bill_of_which_the_insurance_pays_nothing_is_ordered_without(mixed: Mixed) -> None:
    bill = fees(12_500)
    await mixed.centre.process.fault("insurance_share", pooled=0, account=0)
    with pytest.raises(insurance_errors.InsurancePaysNothing):
        await mixed.order(bill)
    told = await mixed.centre.bill_of(bill.bill_no)
    assert told is not None
    assert told["status"] == "12"
    assert await mixed.payments.rows("payment_order") == []
    claims = await mixed.payments.db.fetch("SELECT status, fees_cipher FROM insurance_claim")
    assert [tuple(one.values()) for one in claims] == [("dropped", b"")]


async def test_what_was_decided_stays_and_nothing_of_a_person_is_in_the_clear(mixed: Mixed, database: Database) -> None:
    order = await mixed.order(fees(12_500))
    share = await share_of(database, order.id)
    assert share is not None
    assert share.insured == PERSON
    row = str(dict((await database.fetch("SELECT * FROM insurance_share"))[0]))
    for word in (PERSON.name, PERSON.document_number, share.centre_order.pay_token):
        assert word not in row + repr(share)
    for change in (
        "UPDATE insurance_share SET pooled_fen = pooled_fen + 1, account_fen = account_fen - 1",
        "UPDATE insurance_share SET insurance_back_fen = 1, status = 'taken_back'",
        "DELETE FROM insurance_share",
    ):
        with pytest.raises(Exception, match=r"decided once|insurance_share_back_whole|append-only"):
            await database.execute(change)
    assert (await orders.read_order(database, order.id, PORTAL)).amount_fen == share.parts.own_fen
