"""A receipt follows the money: issued when the HIS has settled, ended by what goes back, back when it did not go."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from payments import refunds, resolving
from payments.exceptions import Action
from payments.gateways.port import ChannelCode, RefundState
from payments.invariants import find_broken
from payments.orders import Order
from payments.ports import PaidOrder, Rejected, Settled
from payments.receipts.following import items_left, items_of
from payments.receipts.port import ReceiptItem, ReceiptKind
from payments.refunds import Ask
from payments.resolving import Resolution
from tests.factories.payments import CASHIER, MANAGER, HisDouble, PaymentsUnderTest

LINES = (
    {"item_no": "I1", "code": "X01", "name": "阿莫西林胶囊", "unit": "盒", "quantity": 2, "amount_fen": 1_800},
    {"item_no": "I2", "code": "L02", "name": "血常规", "unit": "次", "quantity": 1, "amount_fen": 700},
)


class TellingHis(HisDouble):
    """Settles with lines, as the real one does."""

    async def settle(self, order: PaidOrder) -> Settled | Rejected:
        outcome = await super().settle(order)
        return Settled(outcome.his_no, {"lines": list(LINES)}) if isinstance(outcome, Settled) else outcome


@pytest.fixture
async def telling(payments: PaymentsUnderTest) -> PaymentsUnderTest:
    payments.his = TellingHis()
    return await payments.build()


async def chain(payments: PaymentsUnderTest, order: Order) -> list[tuple[int, bool, list[str]]]:
    """Give an order's receipts: amount, whether it stands, and what it says."""
    rows = await payments.db.fetch("SELECT * FROM fiscal_receipt WHERE order_id = $1 ORDER BY sequence", order.id)
    return [
        (row["amount_fen"], row["written_off_for"] is None, [item["name"] for item in row["items"]]) for row in rows
    ]


async def refund(
    payments: PaymentsUnderTest, order: Order, amount_fen: int | None, items: tuple[Mapping[str, Any], ...] = ()
) -> refunds.Refund:
    ask = Ask(reason="退药", items=items, by_rule=True)
    asked = await refunds.request_refund(order.id, amount_fen=amount_fen, ask=ask, actor=CASHIER)
    await payments.settle_down()
    return asked


async def test_a_settled_order_is_receipted_with_what_the_his_charged(telling: PaymentsUnderTest) -> None:
    order, _ = await telling.paid(2_500)
    assert await chain(telling, order) == [(2_500, True, ["阿莫西林胶囊", "血常规"])]
    await telling.require_sound()


async def test_lines_that_are_not_what_was_paid_become_one(telling: PaymentsUnderTest) -> None:
    order, _ = await telling.paid(2_000)
    assert await chain(telling, order) == [(2_000, True, ["门诊费用"])]


async def test_a_named_item_that_goes_back_is_taken_off(telling: PaymentsUnderTest) -> None:
    order, _ = await telling.paid(2_500)
    await refund(telling, order, 700, ({"item_no": "I2"},))
    assert await chain(telling, order) == [
        (2_500, False, ["阿莫西林胶囊", "血常规"]),
        (1_800, True, ["阿莫西林胶囊"]),
    ]
    await refund(telling, order, None, ({"item_no": "I1"},))
    assert [standing for _, standing, _ in await chain(telling, order)] == [False, False]
    await telling.require_sound()


async def test_a_part_without_items_leaves_one_line(telling: PaymentsUnderTest) -> None:
    order, _ = await telling.paid(2_500)
    await refund(telling, order, 100)
    assert (await chain(telling, order))[-1] == (2_400, True, ["门诊费用"])
    await telling.require_sound()


async def test_a_deposit_is_not_receipted(telling: PaymentsUnderTest) -> None:
    order, _ = await telling.paid(50_000, kind="deposit")
    assert await chain(telling, order) == []
    await telling.require_sound()


async def test_money_that_came_twice_goes_back_without_touching_the_receipt(telling: PaymentsUnderTest) -> None:
    order = await telling.order(2_500)
    first, second = await telling.attempt(order), await telling.attempt(order, ChannelCode.ALIPAY)
    await telling.tell(telling.wechat.pay(first.attempt_no))
    await telling.tell(telling.alipay.pay(second.attempt_no))
    await telling.settle_down()
    assert await chain(telling, order) == [(2_500, True, ["阿莫西林胶囊", "血常规"])]
    await telling.require_sound()


async def test_a_refund_that_is_given_up_brings_the_receipt_back(telling: PaymentsUnderTest) -> None:
    order, _ = await telling.paid(2_500)
    telling.wechat.refund_state = RefundState.ABNORMAL
    asked = await refund(telling, order, None)
    assert [standing for _, standing, _ in await chain(telling, order)] == [False]
    (found,) = await telling.db.fetch("SELECT id FROM payment_exception WHERE status = 'open'")
    await resolving.resolve_exception(
        found["id"], Resolution(action=Action.CANCEL, reason="患者放弃退款"), actor=MANAGER
    )
    await telling.settle_down()
    assert (await refunds.read_refund(telling.db, asked.id, CASHIER)).status == "cancelled"
    assert await chain(telling, order) == [
        (2_500, False, ["阿莫西林胶囊", "血常规"]),
        (2_500, True, ["阿莫西林胶囊", "血常规"]),
    ]
    await telling.require_sound()


async def test_an_order_without_its_receipt_is_found(telling: PaymentsUnderTest) -> None:
    order, _ = await telling.paid(2_500)
    await telling.db.execute("ALTER TABLE fiscal_receipt DISABLE TRIGGER USER")
    await telling.db.execute("UPDATE fiscal_receipt SET amount_fen = 2_499 WHERE order_id = $1", order.id)
    await telling.db.execute("ALTER TABLE fiscal_receipt ENABLE TRIGGER USER")
    assert [found.invariant for found in await find_broken(telling.db)] == ["13_receipts_equal_ledger"]


async def test_many_refunds_at_once_leave_one_receipt(telling: PaymentsUnderTest) -> None:
    order, _ = await telling.paid(2_500)
    asks = [
        refunds.request_refund(order.id, amount_fen=100, ask=Ask(reason="退费", by_rule=True), actor=CASHIER)
        for _ in range(6)
    ]
    await asyncio.gather(*asks)
    await telling.settle_down()
    receipts = await chain(telling, order)
    assert [amount for amount, standing, _ in receipts if standing] == [1_900]
    assert len(receipts) == 7
    assert await find_broken(telling.db) == []


def test_items_are_taken_off_once_each() -> None:
    item = ReceiptItem("L02", "血常规", "次", "1", 700)
    left = items_left([item, item], [item], kind=ReceiptKind.OUTPATIENT, refund_fen=700)
    assert left == [item]
    assert items_left([item], [item], kind=ReceiptKind.OUTPATIENT, refund_fen=700) == []


def test_an_empty_list_of_lines_is_one_line() -> None:
    (item,) = items_of((), kind=ReceiptKind.REGISTRATION, amount_fen=5)
    assert (item.name, item.amount_fen) == ("挂号诊查费", 5)
