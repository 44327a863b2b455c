"""Receipts of orders, from the transaction that means them to the books of the fiscal platform."""

import asyncio
from dataclasses import replace
from uuid import UUID

import asyncpg
import pytest

from kernel.ids import new_id
from kernel.outbox import OUTBOX
from payments.receipts import queries, service
from payments.receipts.errors import ReceiptNotFound, ReceiptNotRefused
from payments.receipts.queries import ReceiptDifference, ReceiptNet
from payments.receipts.service import HANDLER
from tests.service.payments.receipts.conftest import Cashier, item


async def net_of(cashier: Cashier, order_id: UUID) -> ReceiptNet:
    return (await queries.read_nets(cashier.db, [order_id]))[order_id]


async def test_a_settled_order_gets_one_receipt(cashier: Cashier) -> None:
    order = await cashier.issue(1250)
    await cashier.issue(1250, order.order_id)
    assert await net_of(cashier, order.order_id) == ReceiptNet(order.order_id, 1250, 0, is_settled=False)
    assert await cashier.work() == 1

    (row,) = await cashier.rows(order.order_id)
    (book,) = [one for one in await cashier.books() if one["bus_no"] == row["business_no"]]
    assert row["status"] == "issued"
    assert (row["code"], row["number"], row["check_code"]) == (book["code"], book["number"], book["random"])
    assert row["page_url"].endswith(f"/{row['code']}/{row['number']}")
    assert (book["total_fen"], book["method"]) == (1250, "invEBillRegistration")
    assert await net_of(cashier, order.order_id) == ReceiptNet(order.order_id, 1250, 1250, is_settled=True)


async def test_a_whole_refund_writes_off_and_nothing_follows(cashier: Cashier) -> None:
    order = await cashier.issue(1250)
    await cashier.work()
    refund = await cashier.refund(order.order_id, 1250, left=0)
    assert not await queries.is_written_off(cashier.db, refund.refund_id)
    await cashier.work()
    assert await queries.is_written_off(cashier.db, refund.refund_id)
    (row,) = await cashier.rows(order.order_id)
    (book,) = [one for one in await cashier.books() if one["bus_no"] == row["business_no"]]
    assert row["status"] == "written-off"
    assert (row["red_code"], row["red_number"]) == (book["red_code"], book["red_number"])
    assert book["red_reason"] == "退费"
    assert await net_of(cashier, order.order_id) == ReceiptNet(order.order_id, 0, 0, is_settled=True)


async def test_partial_refunds_write_off_and_issue_anew(cashier: Cashier) -> None:
    order = await cashier.issue(1250)
    first = await cashier.refund(order.order_id, 250, left=1000)
    await cashier.refund(order.order_id, 400, left=600)
    # Told again, each refund changes nothing.
    await cashier.refund(order.order_id, 250, left=1000, refund_id=first.refund_id)
    assert await net_of(cashier, order.order_id) == ReceiptNet(order.order_id, 600, 0, is_settled=False)
    assert await cashier.work() == 5
    assert await cashier.statuses(order.order_id) == [("written-off", 1250), ("written-off", 1000), ("issued", 600)]
    assert await cashier.book_of(order.order_id) == [(1250, True), (1000, True), (600, False)]
    assert await net_of(cashier, order.order_id) == ReceiptNet(order.order_id, 600, 600, is_settled=True)


async def test_a_refund_that_fails_for_good_is_receipted_again(cashier: Cashier) -> None:
    order = await cashier.issue(1250)
    part = await cashier.refund(order.order_id, 250, left=1000)
    whole = await cashier.refund(order.order_id, 1000, left=0)
    for _ in range(2):
        async with cashier.db.transaction() as tx:
            await service.restore_for(tx, replace(whole, items=[item(1000)]))
    async with cashier.db.transaction() as tx:
        await service.restore_for(tx, replace(part, items=[item(1250)]))
        assert await service.restore_for(tx, replace(part, refund_id=new_id())) is None
    await cashier.work()
    assert await cashier.statuses(order.order_id) == [
        ("written-off", 1250), ("written-off", 1000), ("written-off", 1000), ("issued", 1250),
    ]  # fmt: skip
    assert (await net_of(cashier, order.order_id)).issued_fen == 1250


async def test_a_refund_of_an_order_without_a_receipt_changes_nothing(cashier: Cashier) -> None:
    refund = await cashier.refund(new_id(), 100, left=0)
    assert await cashier.work() == 0
    assert await queries.is_written_off(cashier.db, refund.refund_id)


@pytest.mark.race
async def test_refunds_at_once_make_one_chain(cashier: Cashier) -> None:
    order = await cashier.issue(1000)
    refund_ids = [new_id() for _ in range(4)]

    async def refund(refund_id: UUID) -> None:
        # What is left depends on who comes first: whoever does not know reads it under the lock of the chain.
        async with cashier.db.transaction() as tx:
            await tx.fetch(
                "SELECT 1 FROM fiscal_receipt WHERE order_id = $1 AND sequence = 1 FOR UPDATE", order.order_id
            )
            left = (await queries.read_nets(tx, [order.order_id]))[order.order_id].meant_fen - 250
            items = [item(left)] if left else []
            await service.write_off_for(tx, service.RefundedOrder(refund_id, order.order_id, 250, items))

    # Each is told twice, all at once.
    await asyncio.gather(*(refund(one) for one in refund_ids))
    again = [service.RefundedOrder(one, order.order_id, 250, []) for one in refund_ids]
    for one in again:
        async with cashier.db.transaction() as tx:
            await service.write_off_for(tx, one)
    await cashier.work()
    assert await cashier.statuses(order.order_id) == [("written-off", fen) for fen in (1000, 750, 500, 250)]
    assert await net_of(cashier, order.order_id) == ReceiptNet(order.order_id, 0, 0, is_settled=True)


@pytest.mark.race
async def test_an_order_settled_twice_at_once_gets_one_receipt(cashier: Cashier) -> None:
    order_id = new_id()
    await asyncio.gather(*(cashier.issue(1250, order_id) for _ in range(5)))
    assert await cashier.work() == 1
    assert await cashier.statuses(order_id) == [("issued", 1250)]


async def test_lost_answers_make_no_second_receipt(cashier: Cashier) -> None:
    order = await cashier.issue(1250)
    await cashier.refund(order.order_id, 250, left=1000)
    await cashier.process.fault("answer_lost", times=3)
    for _ in range(4):
        await cashier.work()
        await cashier.make_due()
    assert await cashier.statuses(order.order_id) == [("written-off", 1250), ("issued", 1000)]
    assert await cashier.book_of(order.order_id) == [(1250, True), (1000, False)]


async def test_a_silent_platform_is_waited_for_without_end(cashier: Cashier) -> None:
    order = await cashier.issue(1250)
    await cashier.process.fault("platform_silent", times=None)
    for _ in range(12):
        assert await cashier.work() == 0
        await cashier.make_due()
    assert await cashier.statuses(order.order_id) == [("issuing", 1250)]
    backlog = await OUTBOX.count(cashier.db, HANDLER)
    assert (backlog.pending, backlog.dead) == (1, 0)
    await cashier.process.clear_faults()
    assert await cashier.work() == 1
    assert await cashier.statuses(order.order_id) == [("issued", 1250)]


async def test_an_answer_that_is_not_the_platforms_is_not_believed(cashier: Cashier) -> None:
    order = await cashier.issue(1250)
    await cashier.process.fault("answer_forged")
    assert await cashier.work() == 0
    assert await cashier.statuses(order.order_id) == [("issuing", 1250)]
    await cashier.make_due()
    await cashier.work()
    assert await cashier.book_of(order.order_id) == [(1250, False)]


async def test_a_refused_receipt_waits_for_a_person(cashier: Cashier) -> None:
    order = await cashier.issue(1250)
    await cashier.process.fault("receipt_refused", code="E0777")
    await cashier.work()
    (row,) = await cashier.rows(order.order_id)
    assert (row["status"], row["fault"], row["number"]) == ("refused", "E0777", None)
    assert (await net_of(cashier, order.order_id)).is_settled is False
    async with cashier.db.transaction() as tx:
        await service.ask_again(tx, row["id"])
    await cashier.work()
    assert await cashier.statuses(order.order_id) == [("issued", 1250)]
    with pytest.raises(ReceiptNotRefused):
        async with cashier.db.transaction() as tx:
            await service.ask_again(tx, row["id"])
    with pytest.raises(ReceiptNotFound):
        async with cashier.db.transaction() as tx:
            await service.ask_again(tx, new_id())


async def test_a_refused_receipt_that_a_refund_ends_is_void(cashier: Cashier) -> None:
    order = await cashier.issue(1250)
    await cashier.process.fault("receipt_refused")
    await cashier.work()
    refund = await cashier.refund(order.order_id, 250, left=1000)
    (row, _) = await cashier.rows(order.order_id)
    with pytest.raises(ReceiptNotRefused):
        async with cashier.db.transaction() as tx:
            await service.ask_again(tx, row["id"])
    await cashier.work()
    assert await cashier.statuses(order.order_id) == [("void", 1250), ("issued", 1000)]
    assert await cashier.book_of(order.order_id) == [(1000, False)]
    assert await queries.is_written_off(cashier.db, refund.refund_id)


async def test_a_refused_write_off_is_not_given_up_in_silence(cashier: Cashier) -> None:
    order = await cashier.issue(1250)
    await cashier.work()
    await cashier.refund(order.order_id, 1250, left=0)
    await cashier.process.fault("receipt_refused", times=None)
    for _ in range(9):
        await cashier.work()
        await cashier.make_due()
    backlog = await OUTBOX.count(cashier.db, HANDLER)
    assert (backlog.pending, backlog.dead) == (0, 1)
    assert (await net_of(cashier, order.order_id)).is_settled is False


async def test_differences_from_the_ledger_are_found(cashier: Cashier) -> None:
    whole, part, missing = await cashier.issue(1250), await cashier.issue(800), new_id()
    await cashier.refund(part.order_id, 300, left=500)
    await cashier.work()
    assert await queries.find_differences(cashier.db, {whole.order_id: 1250, part.order_id: 500, new_id(): 0}) == []
    found = await queries.find_differences(cashier.db, {whole.order_id: 1249, part.order_id: 800, missing: 5})
    assert sorted(found, key=lambda one: one.ledger_fen) == [
        ReceiptDifference(missing, 5, 0, 0),
        ReceiptDifference(part.order_id, 800, 500, 500),
        ReceiptDifference(whole.order_id, 1249, 1250, 1250),
    ]


async def test_what_a_receipt_says_is_never_rewritten(cashier: Cashier) -> None:
    order = await cashier.issue(1250)
    await cashier.work()
    (row,) = await cashier.rows(order.order_id)
    for change in ("amount_fen = 1", "number = 'X'", "business_no = 'x'", "patient_id = gen_random_uuid()"):
        with pytest.raises(asyncpg.RaiseError, match="never rewritten"):
            await cashier.db.execute(f"UPDATE fiscal_receipt SET {change} WHERE id = $1", row["id"])
    with pytest.raises(asyncpg.RaiseError, match="never removed"):
        await cashier.db.execute("DELETE FROM fiscal_receipt")
    with pytest.raises(asyncpg.PostgresError, match="fiscal_receipt"):
        await cashier.db.execute("TRUNCATE fiscal_receipt")
    assert await cashier.rows(order.order_id) == [row]


async def test_a_killed_platform_has_forgotten_nothing(cashier: Cashier) -> None:
    order = await cashier.issue(1250)
    await cashier.work()
    before = await cashier.books()
    cashier.process.kill()
    await cashier.refund(order.order_id, 250, left=1000)
    assert await cashier.work() == 0
    await cashier.process.start()
    assert await cashier.books() == before
    await cashier.make_due()
    await cashier.work()
    assert await cashier.book_of(order.order_id) == [(1250, True), (1000, False)]
