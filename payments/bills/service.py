"""Outpatient bills: what a person owes as the HIS has it now, and paying some of it with one order.

The HIS is master of what is owed, so a list is never kept here. What is kept is what a payer saw and ordered: each
bill with its items and the HIS's hash, by which the HIS itself refuses to settle what has changed since. A bill can be
paid by one order at a time.
"""

import hashlib
from collections.abc import Sequence
from datetime import timedelta
from typing import Final, NamedTuple
from uuid import UUID

import asyncpg
import orjson

from integration.his.billing import Bill, BillStatus
from kernel import clock
from kernel.db import Transaction, database
from kernel.events import Actor
from kernel.idempotency import Idempotency
from payments import errors, orders, refunds
from payments.billing import billing, require_his_number
from payments.bills.insured import decide_bills
from payments.bills.snapshots import left_items, self_paid_items, write_snapshot
from payments.insurance import claims
from payments.insurance.centres import centre_of
from payments.insurance.consents import Brought, accept_consent
from payments.insurance.shares import share_of
from payments.orders import PAY_FOR_DEFAULT, NewOrder, Order
from payments.refunds import Ask, Refund

KIND: Final = "outpatient_bill"
SUBJECT: Final = "bills"
TITLE: Final = "门诊缴费"
BILLS_MAX: Final = 20
"""Bills that one order may pay."""
ITEMS_MAX: Final = 100
"""Items that one request may ask to be refunded."""


class SeenBill(NamedTuple):
    """A bill as its payer saw it; `hash` is the one that came with it in the list."""

    bill_no: str
    hash: str


async def list_bills(patient_id: UUID) -> list[Bill]:
    """List what a person owes, as the HIS has it now; whether the caller may see the person is looked at before.

    Raises:
        PatientNotLinked, HisUnavailable, HisDisagrees, DatabaseUnavailable.
    """
    return await billing().list_unpaid_bills(await require_his_number(patient_id))


async def order_bills(
    patient_id: UUID,
    seen: Sequence[SeenBill],
    *,
    actor: Actor,
    campus_id: UUID | None = None,
    pay_for: timedelta = PAY_FOR_DEFAULT,
    pay_auth_no: str | None = None,
    brought: Brought | None = None,
    idempotency: Idempotency | None = None,
) -> Order:
    """Make one order for several bills of one person, if they still are what the payer saw.

    pay_auth_no: the insured person's consent, given in WeChat or Alipay: the insurance shares the bills, and the order
    is what it leaves. brought: what the patients' app has instead, and is exchanged for it.

    Raises:
        InsuranceNotOffered, NotInsured, InsuranceSilent, InsuranceRefused, InsurancePaysNothing: only with either.
        ConsentRefused, ConsentOfAnother: only with brought.
        TooManyBills: none, too many, or one twice.
        PatientNotLinked, BillNotFound, BillNotUnpaid, NothingToPay.
        BillChanged: the doctor has changed it since; it has to be shown again. `bill_no` says which.
        BillAlreadyOrdered: another order for it may be paid, or is; `order_id` names it where it is this caller's.
        HisUnavailable, HisDisagrees, IdempotencyMismatch, DatabaseUnavailable.
    """
    if not 1 <= len(seen) <= BILLS_MAX or len({one.bill_no for one in seen}) < len(seen):
        raise errors.TooManyBills(limit=BILLS_MAX)
    if idempotency:
        # The answer of the first time counts, whatever the HIS says of these bills by now.
        async with database().transaction() as tx:
            if stored := await idempotency.replay(tx):
                return await orders.read_order(tx, UUID(stored["order_id"]), actor)
    his_number = await require_his_number(patient_id)
    bills = await _revalidate(his_number, seen)
    new = NewOrder(
        kind=KIND,
        subject_kind=SUBJECT,
        subject_id=_content_hash(bills).hex(),
        patient_id=patient_id,
        amount_fen=sum(bill.total_fen for bill in bills),
        title=TITLE,
        campus_id=campus_id,
        is_exclusive=False,
        expires_at=clock.now() + pay_for,
    )
    if new.amount_fen == 0:
        raise errors.NothingToPay
    if brought is not None:
        pay_auth_no = await accept_consent(database(), patient_id, brought)
    decided = None if pay_auth_no is None else await decide_bills(new, his_number, bills, pay_auth_no=pay_auth_no)
    order: Order | None = None
    try:
        async with database().transaction() as tx:
            if idempotency and (stored := await idempotency.replay(tx)):
                return await orders.read_order(tx, UUID(stored["order_id"]), actor)
            if decided is None:
                order = await orders.open_order(tx, new, actor=actor)
            else:
                order = await claims.open_shared_order(tx, decided, new, actor=actor)
            await write_snapshot(tx, order, his_number, bills, content_hash=_content_hash(bills))
            if idempotency:
                await idempotency.remember(tx, {"order_id": str(order.id)})
        return order
    except asyncpg.UniqueViolationError as error:
        order = None
        raise await _already_ordered([bill.bill_no for bill in bills], actor) from error
    finally:
        if decided is not None and order is None:
            await claims.give_up(centre_of, decided.fees.bill_no)


async def request_bill_refund(
    order_id: UUID,
    item_nos: Sequence[str] | None,
    *,
    reason: str,
    actor: Actor,
    idempotency: Idempotency | None = None,
) -> Refund:
    """Ask for the money of named items of a paid order; None: of all that are left.

    The HIS says whether each may be refunded (a drug is not dispensed, a test not done) before any money goes; while
    its pharmacy has not decided, the refund waits as `reversing`.

    Raises:
        OrderNotFound, NotRefundable, OverRefundable, RefundLimitPassed.
        ItemNotRefundable: not an item of this order, or asked for before; `item_no` says which.
        RefundedTogether: the insurance has shared it, so it goes back with all that is left or not at all.
        IdempotencyMismatch, DatabaseUnavailable.
    """
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return await refunds.read_refund(tx, UUID(stored["refund_id"]), actor)
        order = await orders.lock_order(tx, order_id, actor)
        if order.kind != KIND or order.status != "settled":
            raise errors.NotRefundable(current_status=order.status)
        refund = await _refund_items(tx, order, item_nos, reason=reason, actor=actor)
        if idempotency:
            await idempotency.remember(tx, {"refund_id": str(refund.id)})
        return refund


async def _refund_items(
    tx: Transaction, order: Order, item_nos: Sequence[str] | None, *, reason: str, actor: Actor
) -> Refund:
    """Raises: ItemNotRefundable, RefundedTogether, NotRefundable, OverRefundable, RefundLimitPassed."""
    left = await left_items(tx, order.id)
    wanted = list(left) if item_nos is None else list(dict.fromkeys(item_nos))
    if len(wanted) > ITEMS_MAX and item_nos is not None:
        raise errors.ItemNotRefundable(item_no=wanted[ITEMS_MAX])
    for item_no in wanted:
        if item_no not in left:
            raise errors.ItemNotRefundable(item_no=item_no)
    items = [{"item_no": item_no, "amount_fen": left[item_no]} for item_no in wanted]
    amount_fen = sum(left[item_no] for item_no in wanted)
    share = await share_of(tx, order.id)
    if share is not None:
        amount_fen = await _cash_of(tx, order, wanted, amount_fen=amount_fen, is_all=len(wanted) == len(left))
    return await refunds.request_in(
        tx, order.id, amount_fen=amount_fen, ask=Ask(reason=reason, items=items), actor=actor
    )


async def _cash_of(tx: Transaction, order: Order, wanted: Sequence[str], *, amount_fen: int, is_all: bool) -> int:
    """Give what of an order that the insurance shares goes back in cash with some of its items.

    Its part goes back whole or not at all: with all that is left. By themselves go items that it has no part in.

    Raises:
        RefundedTogether.
    """
    left_fen = await refunds.read_left_fen(tx, order.id)
    if is_all:
        return left_fen
    if amount_fen >= left_fen or not await self_paid_items(tx, order.id) >= set(wanted):
        raise errors.RefundedTogether
    return amount_fen


async def _revalidate(his_number: str, seen: Sequence[SeenBill]) -> list[Bill]:
    """Give the bills as they stand at the HIS, if that is what the payer saw.

    Raises:
        BillNotFound, BillNotUnpaid, BillChanged, HisUnavailable, HisDisagrees.
    """
    found = {bill.bill_no: bill for bill in await billing().fetch_bills([one.bill_no for one in seen])}
    for one in seen:
        bill = found.get(one.bill_no)
        if bill is None or bill.his_number != his_number:
            raise errors.BillNotFound(bill_no=one.bill_no)
        if bill.status is not BillStatus.UNPAID:
            raise errors.BillNotUnpaid(bill_no=one.bill_no, current_status=bill.status.value)
        if bill.hash != one.hash:
            raise errors.BillChanged(bill_no=one.bill_no)
    # One order of the rows, so that two who order the same bills do not wait for each other in turn.
    return [found[bill_no] for bill_no in sorted(one.bill_no for one in seen)]


def _content_hash(bills: Sequence[Bill]) -> bytes:
    return hashlib.sha256(orjson.dumps(bills, option=orjson.OPT_SORT_KEYS)).digest()


async def _already_ordered(bill_nos: Sequence[str], actor: Actor) -> errors.BillAlreadyOrdered:
    row = await database().fetchrow(
        "SELECT b.bill_no, o.id, o.client_id FROM bill_snapshot_bill b JOIN payment_order o ON o.id = b.order_id"
        " WHERE b.bill_no = ANY ($1) AND b.is_claimed ORDER BY b.bill_no LIMIT 1",
        list(bill_nos),
    )
    if row is None:
        return errors.BillAlreadyOrdered()
    is_ours = actor.sees_all or row["client_id"] == actor.client_id
    return errors.BillAlreadyOrdered(bill_no=row["bill_no"], order_id=row["id"] if is_ours else None)
