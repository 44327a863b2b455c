"""The one way in for what a channel tells: an answer, a notification, a query or a line of its bill.

A fact is applied under the attempt's row lock, so that two of one attempt follow one another, and may come twice, late
or in any order. What it says decides; how it came does not. Money that came is always written down: as the order's
payment, as a surplus that goes back, or as disputed, which a person decides.

Locks are taken in one order everywhere: attempt, refund, settlement, order, transaction, then whatever the order's
feature locks, then exceptions.
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import asyncpg

from kernel import clock
from kernel.db import Row, Transaction
from kernel.ids import new_id
from kernel.log import get_logger
from payments import events, exceptions, ledger, merchants, orders, refund_facts, refunds, settlement
from payments.exceptions import Cause, Subject
from payments.gateways.port import Merchant, PaymentFact, PaymentState, RefundFact
from payments.states import ATTEMPT, change_status

log = get_logger("payments")


class Applied(StrEnum):
    """What a fact has changed."""

    PAID = "paid"
    SURPLUS = "surplus"
    DISPUTED = "disputed"
    CLOSED = "closed"
    REFUNDED = "refunded"
    NOTED = "noted"
    REPEATED = "repeated"
    UNKNOWN = "unknown"


async def apply_channel_fact(tx: Transaction, fact: PaymentFact | RefundFact) -> Applied:
    """Take in what a channel has told; a repetition changes nothing.

    Raises:
        ChannelNotOffered: our own books name a merchant that is gone; nothing was changed.
    """
    if isinstance(fact, RefundFact):
        return Applied(await refund_facts.apply_refund_fact(tx, fact))
    attempt = await tx.fetchrow("SELECT * FROM payment_attempt WHERE attempt_no = $1 FOR UPDATE", fact.attempt_no)
    if attempt is None:
        return await _note_unknown(tx, fact)
    merchant = await merchants.read_merchant(tx, attempt["merchant_code"])
    if (fact.channel, fact.merchant_no) != (merchant.channel, merchant.merchant_no):
        # Another account's word about a number of ours: it must not touch the attempt.
        told = {"merchant_no": fact.merchant_no, "state": fact.state.value}
        await exceptions.open_exception(tx, Cause.MERCHANT_MISMATCH, _about(attempt), facts=told)
        return Applied.DISPUTED
    if fact.state is PaymentState.PAID:
        return await _take_money(tx, attempt, merchant, fact)
    if fact.state is PaymentState.CLOSED:
        return await _note_closed(tx, attempt)
    if fact.state in (PaymentState.UNPAID, PaymentState.PAYING):
        await change_status(
            tx, "payment_attempt", attempt["id"], to="prepared", sets="updated_at = $4", values=(clock.now(),)
        )
        return Applied.NOTED
    return Applied.NOTED


async def _note_unknown(tx: Transaction, fact: PaymentFact) -> Applied:
    """Money under a number that was never ours is a person's; anything else said of one is nothing to us."""
    if fact.state is PaymentState.PAID:
        told = {
            "channel": fact.channel.value,
            "merchant_no": fact.merchant_no,
            "transaction_no": fact.transaction_no,
            "amount_fen": fact.amount_fen,
        }
        key = f"{fact.channel.value}:{fact.attempt_no}"
        await exceptions.open_exception(tx, Cause.UNKNOWN_ATTEMPT, Subject(key), facts=told)
    return Applied.UNKNOWN


async def _note_closed(tx: Transaction, attempt: Row) -> Applied:
    closed = await change_status(
        tx, "payment_attempt", attempt["id"], to="closed", sets="next_check_at = NULL, updated_at = $4",
        values=(clock.now(),),
    )  # fmt: skip
    if closed is None:
        return Applied.REPEATED
    await tx.execute("SELECT FROM payment_order WHERE id = $1 FOR UPDATE", attempt["order_id"])
    await orders.finish_closing(tx, attempt["order_id"])
    return Applied.CLOSED


async def _take_money(tx: Transaction, attempt: Row, merchant: Merchant, fact: PaymentFact) -> Applied:
    if fact.amount_fen is None or fact.transaction_no is None:
        told = {"amount_fen": fact.amount_fen, "transaction_no": fact.transaction_no}
        await exceptions.open_exception(tx, Cause.FACT_INCOMPLETE, _about(attempt), facts=told)
        return Applied.DISPUTED
    known: Row | None = await tx.fetchrow(
        "SELECT attempt_id FROM payment_transaction WHERE channel = $1 AND transaction_no = $2",
        fact.channel.value,
        fact.transaction_no,
    )
    if known is not None and known["attempt_id"] == attempt["id"]:
        return Applied.REPEATED
    if known is not None:
        await exceptions.open_exception(
            tx, Cause.PAID_AGAIN, _about(attempt), facts={"transaction_no": fact.transaction_no}
        )
        return Applied.DISPUTED
    wrong = _mismatch(attempt, merchant, fact)
    if wrong is not None:
        return await _dispute(tx, attempt, fact, wrong)
    order: Row | None = await tx.fetchrow("SELECT * FROM payment_order WHERE id = $1 FOR UPDATE", attempt["order_id"])
    assert order is not None, "an attempt has its order"
    paid = await _mark_paid(tx, order)
    transaction_id = await _record(tx, attempt, fact, role="accepted" if paid else "surplus")
    await change_status(
        tx, "payment_attempt", attempt["id"], to="paid", sets="next_check_at = NULL, updated_at = $4",
        values=(clock.now(),),
    )  # fmt: skip
    if not paid:
        await events.append(tx, "payment.surplus", order["id"], facts={"amount_fen": fact.amount_fen})
        await refunds.refund_all(tx, transaction_id, cause="surplus", reason="重复支付退回")
        await orders.finish_closing(tx, order["id"])
        return Applied.SURPLUS
    await _begin_fulfilment(tx, order, attempt, transaction_id)
    return Applied.PAID


def _mismatch(attempt: Row, merchant: Merchant, fact: PaymentFact) -> Cause | None:
    """Hold what the channel says against what was asked of it."""
    if not ATTEMPT.allows(attempt["status"], "paid"):
        return Cause.PAID_AGAIN
    if fact.amount_fen != attempt["amount_fen"]:
        return Cause.AMOUNT_MISMATCH
    if fact.app_id is not None and merchant.app_id and fact.app_id != merchant.app_id:
        return Cause.APP_MISMATCH
    if fact.payer is not None and attempt["payer"] is not None and fact.payer != attempt["payer"]:
        return Cause.PAYER_MISMATCH
    return None


async def _dispute(tx: Transaction, attempt: Row, fact: PaymentFact, cause: Cause) -> Applied:
    """Keep money that does not fit apart: it fulfils nothing, and a person says what becomes of it."""
    transaction_id = await _record(tx, attempt, fact, role="disputed")
    await change_status(
        tx, "payment_attempt", attempt["id"], to="disputed", sets="next_check_at = NULL, fault = $5, updated_at = $4",
        values=(clock.now(), cause.value),
    )  # fmt: skip
    about = Subject(
        f"{fact.channel.value}:{fact.transaction_no}",
        order_id=attempt["order_id"],
        attempt_id=attempt["id"],
        transaction_id=transaction_id,
    )
    told = {"amount_fen": fact.amount_fen, "asked_fen": attempt["amount_fen"], "transaction_no": fact.transaction_no}
    await exceptions.open_exception(tx, cause, about, facts=told)
    await tx.execute("SELECT FROM payment_order WHERE id = $1 FOR UPDATE", attempt["order_id"])
    await orders.finish_closing(tx, attempt["order_id"])
    return Applied.DISPUTED


async def _mark_paid(tx: Transaction, order: Row) -> bool:
    """Let an order that nobody has paid be paid, whatever its time; False when another payment has it.

    A closed order whose subject has meanwhile been ordered anew gives way to that order.
    """
    at = clock.now()
    try:
        async with tx.connection.transaction():
            row = await change_status(
                tx, "payment_order", order["id"], to="paid",
                sets="paid_at = $4, updated_at = $4, version = version + 1", values=(at,),
            )  # fmt: skip
    except asyncpg.UniqueViolationError:
        return False
    return row is not None


async def _record(tx: Transaction, attempt: Row, fact: PaymentFact, *, role: str) -> UUID:
    """Write a payment down, and post it."""
    at = clock.now()
    paid_at: datetime = fact.occurred_at or at
    transaction_id = new_id()
    await tx.execute(
        "INSERT INTO payment_transaction (id, channel, transaction_no, merchant_code, attempt_id, order_id, role,"
        " amount_fen, payer, source, paid_at, recorded_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        transaction_id,
        fact.channel.value,
        fact.transaction_no,
        attempt["merchant_code"],
        attempt["id"],
        attempt["order_id"],
        role,
        fact.amount_fen,
        fact.payer,
        fact.source.value,
        paid_at,
        at,
    )
    assert fact.amount_fen is not None, "looked at before"
    owed = {"accepted": ledger.ORDERS_UNSETTLED, "surplus": ledger.SURPLUS, "disputed": ledger.SUSPENSE}
    await ledger.post(
        tx,
        f"payment:{transaction_id}",
        f"payment_{role}",
        debit=ledger.clearing(attempt["merchant_code"]),
        credit=owed[role],
        amount_fen=fact.amount_fen,
        order_id=attempt["order_id"],
        occurred_at=paid_at,
    )
    return transaction_id


async def _begin_fulfilment(tx: Transaction, order: Row, attempt: Row, transaction_id: UUID) -> None:
    """Have a paid order taken into its feature's books at once, the HIS told, and its other attempts closed."""
    is_late = order["status"] != "open" or clock.now() >= order["expires_at"]
    await events.append(tx, "payment.paid", order["id"], facts={"channel": attempt["channel"], "is_late": is_late})
    others = await tx.fetch(
        "SELECT id FROM payment_attempt WHERE order_id = $1 AND id <> $2 AND status IN ('created', 'prepared')",
        order["id"],
        attempt["id"],
    )
    for other in others:
        await events.ask_worker(tx, "attempt.close", "attempt", other["id"])
    await settlement.begin(tx, order, transaction_id, is_late=is_late)


def _about(attempt: Row) -> Subject:
    return Subject(attempt["attempt_no"], order_id=attempt["order_id"], attempt_id=attempt["id"])
