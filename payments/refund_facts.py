"""What a channel tells of a refund, and what that changes: money gone, money stuck, or a contradiction for a person."""

from kernel import clock
from kernel.db import Row, Transaction
from payments import events, exceptions, ledger
from payments.exceptions import Cause, Subject
from payments.gateways.port import ChannelCode, RefundFact, RefundState
from payments.states import REFUND, change_status

WINDOW_CHANNELS = frozenset({ChannelCode.CASH, ChannelCode.CARD})
"""Over whose counter a person hands the money; nobody can be asked whether it has been done."""


async def apply_refund_fact(tx: Transaction, fact: RefundFact) -> str:
    """Take in what a channel says of one refund, under the attempt's row lock; gives what changed (`facts.Applied`)."""
    attempt = await tx.fetchrow("SELECT * FROM payment_attempt WHERE attempt_no = $1 FOR UPDATE", fact.attempt_no)
    refund = await tx.fetchrow(
        "SELECT r.*, m.merchant_no, m.channel FROM payment_refund r"
        " JOIN payment_merchant m ON m.code = r.merchant_code WHERE r.refund_no = $1 FOR UPDATE OF r",
        fact.refund_no,
    )
    if refund is None:
        return await _note_unknown(tx, fact, attempt)
    about = _about(refund)
    if (
        attempt is None
        or attempt["id"] != refund["attempt_id"]
        or (fact.channel.value, fact.merchant_no) != (refund["channel"], refund["merchant_no"])
    ):
        told = {"merchant_no": fact.merchant_no, "attempt_no": fact.attempt_no, "state": fact.state.value}
        await exceptions.open_exception(tx, Cause.MERCHANT_MISMATCH, about, facts=told)
        return "disputed"
    if fact.state is RefundState.SUCCEEDED:
        return await _note_success(tx, refund, fact)
    if fact.state in (RefundState.ABNORMAL, RefundState.CLOSED):
        return await _note_stuck(tx, refund, fact.state.value)
    if fact.state is RefundState.PROCESSING:
        await change_status(tx, "payment_refund", refund["id"], to="processing")
    return "noted"


async def mark_stuck(tx: Transaction, refund: Row, fault: str, cause: Cause = Cause.REFUND_ABNORMAL) -> bool:
    """Leave a refund to a person: the channel, or the HIS, definitely did not do it. Tells whether it was under way."""
    stuck = await change_status(
        tx, "payment_refund", refund["id"], to="abnormal", sets="fault = $4, next_try_at = NULL, updated_at = $5",
        values=(fault[:64], clock.now()),
    )  # fmt: skip
    if stuck is None:
        return False
    facts = {"refund_no": refund["refund_no"], "amount_fen": refund["amount_fen"], "fault": fault[:64]}
    await exceptions.open_exception(tx, cause, _about(refund), facts=facts)
    told = {"refund_id": str(refund["id"]), "amount_fen": refund["amount_fen"]}
    await events.append(tx, "payment.refund_abnormal", refund["order_id"], facts=told)
    return True


async def _note_stuck(tx: Transaction, refund: Row, fault: str) -> str:
    return "noted" if await mark_stuck(tx, refund, fault) else "repeated"


async def _note_unknown(tx: Transaction, fact: RefundFact, attempt: Row | None) -> str:
    """Money that left without our asking (at the channel's own console, say) is a person's."""
    if fact.state is RefundState.SUCCEEDED:
        about = Subject(
            f"{fact.channel.value}:{fact.refund_no}"[:140],
            order_id=None if attempt is None else attempt["order_id"],
            attempt_id=None if attempt is None else attempt["id"],
        )
        told = {"merchant_no": fact.merchant_no, "refund_no": fact.refund_no, "refund_fen": fact.refund_fen}
        await exceptions.open_exception(tx, Cause.UNKNOWN_REFUND, about, facts=told)
    return "unknown"


async def _note_success(tx: Transaction, refund: Row, fact: RefundFact) -> str:
    if refund["channel_paid_at"] is not None:
        return "repeated"
    about = _about(refund)
    told = {"refund_no": refund["refund_no"], "amount_fen": refund["amount_fen"], "refund_fen": fact.refund_fen}
    if fact.refund_fen is not None and fact.refund_fen != refund["amount_fen"]:
        await mark_stuck(tx, refund, "amount_mismatch")
        await exceptions.open_exception(tx, Cause.REFUND_AMOUNT_MISMATCH, about, facts=told)
        return "disputed"
    occurred_at = fact.occurred_at or clock.now()
    if REFUND.allows(refund["status"], "succeeded"):
        await _finish(tx, refund, fact)
        return "refunded"
    if refund["sent_at"] is None:
        # Told of a refund that we have not asked for yet: when it is asked for, the channel will say so again.
        await exceptions.open_exception(tx, Cause.REFUND_AFTER_END, about, facts=told)
        return "disputed"
    await tx.execute("UPDATE payment_refund SET channel_paid_at = $2 WHERE id = $1", refund["id"], occurred_at)
    await ledger.post(
        tx,
        f"refund-after-end:{refund['id']}",
        "refund_after_end",
        debit=ledger.SUSPENSE,
        credit=ledger.clearing(refund["merchant_code"]),
        amount_fen=refund["amount_fen"],
        order_id=refund["order_id"],
        occurred_at=occurred_at,
    )
    await exceptions.open_exception(tx, Cause.REFUND_AFTER_END, about, facts=told)
    return "disputed"


async def _finish(tx: Transaction, refund: Row, fact: RefundFact) -> None:
    """Write down that the money has gone back, and move the order on when all of it has."""
    at = clock.now()
    occurred_at = fact.occurred_at or at
    await change_status(
        tx, "payment_refund", refund["id"], to="succeeded",
        sets="channel_paid_at = $4, channel_refund_no = $5, ended_at = $6, updated_at = $6, next_try_at = NULL",
        values=(occurred_at, fact.channel_refund_no, at),
    )  # fmt: skip
    await ledger.post(
        tx,
        f"refund:{refund['id']}",
        "refund_paid",
        debit=ledger.REFUNDS_PAYABLE,
        credit=ledger.clearing(refund["merchant_code"]),
        amount_fen=refund["amount_fen"],
        order_id=refund["order_id"],
        occurred_at=occurred_at,
    )
    await exceptions.settle_by_fact(tx, refund_id=refund["id"], what="the channel has refunded")
    await count_towards_order(tx, refund)


async def count_towards_order(tx: Transaction, refund: Row) -> None:
    """Count money that has gone back for its order; when all has, the order is refunded."""
    at = clock.now()
    await tx.execute(
        "UPDATE payment_order o SET refunded_fen = refunded_fen + $2, updated_at = $3, version = version + 1"
        " FROM payment_transaction t WHERE o.id = $1 AND t.id = $4 AND t.role = 'accepted'",
        refund["order_id"],
        refund["amount_fen"],
        at,
        refund["transaction_id"],
    )
    whole = await tx.fetchval(
        "UPDATE payment_order SET status = 'refunded', updated_at = $2"
        " WHERE id = $1 AND refunded_fen = amount_fen AND status IN ('settled', 'rejected') RETURNING id",
        refund["order_id"],
        at,
    )
    facts = {
        "refund_id": str(refund["id"]),
        "amount_fen": refund["amount_fen"],
        "cause": refund["cause"],
        "is_whole": whole is not None,
    }
    await events.append(tx, "payment.refunded", refund["order_id"], facts=facts)


def _about(refund: Row) -> Subject:
    return Subject(
        refund["refund_no"],
        order_id=refund["order_id"],
        attempt_id=refund["attempt_id"],
        transaction_id=refund["transaction_id"],
        refund_id=refund["id"],
    )
