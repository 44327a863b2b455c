"""Telling the HIS of a paid order, and what its answer changes.

First the feature takes the order into its own books (in the payment's transaction, when all is well), then the HIS is
told under a number of ours. Done, or a definite no: the money goes back. No answer: it is asked again, and never
refunded by the platform's own decision; after a number of asks a person is shown the case, and the asking goes on.
"""

from typing import Final
from uuid import UUID

from kernel import clock
from kernel.db import GONE, Reader, Row, Transaction, database
from kernel.events import Actor
from kernel.ids import new_id
from kernel.log import get_logger
from payments import events, exceptions, ledger, refunds
from payments.backoff import next_try
from payments.exceptions import Cause, Subject
from payments.insurance import postings
from payments.ports import NotThere, OutcomeUnknown, PaidOrder, Rejected, Settled, fulfilment_of
from payments.states import change_status

REFUND_REASON: Final = "未能完成，原路退款"

log = get_logger("payments")


async def begin(tx: Transaction, order: Row, transaction_id: UUID, *, is_late: bool) -> None:
    """Begin to fulfil an order that has just been paid; the caller holds its row lock."""
    at = clock.now()
    settlement_id = new_id()
    await tx.execute(
        "INSERT INTO payment_settlement (id, settlement_no, order_id, transaction_id, status, is_late, next_ask_at,"
        " created_at, updated_at) VALUES ($1, $2, $3, $4, 'accepting', $5, $6, $7, $7)",
        settlement_id,
        f"{order['order_no']}S",
        order["id"],
        transaction_id,
        is_late,
        next_try(0),
        at,
    )
    await _accept_safely(tx, settlement_id)
    await events.ask_worker(tx, "settlement.drive", "settlement", settlement_id)


async def drive(settlement_id: UUID) -> None:
    """Take the next step of a settlement, from the worker: accept, tell, or ask.

    Raises:
        DatabaseUnavailable.
    """
    db = database()
    row = await db.fetchrow("SELECT status FROM payment_settlement WHERE id = $1", settlement_id)
    if row is not None and row["status"] == "accepting":
        async with db.transaction() as tx:
            await lock(tx, settlement_id)
            if not await _accept_safely(tx, settlement_id):
                await _ask_later(tx, settlement_id, Cause.ACCEPTANCE_FAILED)
                return
    async with db.transaction() as tx:
        asked_before = await _note_ask(tx, settlement_id)
        if asked_before is None:
            return
        order = await paid_order(tx, settlement_id)
    outcome = await _tell_or_ask(order, asked_before=asked_before)
    async with db.transaction() as tx:
        await lock(tx, settlement_id)
        if isinstance(outcome, Settled):
            await record_settled(tx, settlement_id, outcome, decided_by="his")
        elif isinstance(outcome, Rejected):
            await record_rejected(tx, settlement_id, outcome.reason, decided_by="his")
        else:
            await _note_unknown(tx, settlement_id)


async def _tell_or_ask(order: PaidOrder, *, asked_before: bool) -> Settled | Rejected | None:
    """Tell the HIS; when it may have been told already, ask it first. None: it is still not known."""
    fulfilment = fulfilment_of(order.kind)
    try:
        found = await fulfilment.query(order) if asked_before else NotThere()
        return await fulfilment.settle(order) if isinstance(found, NotThere) else found
    except OutcomeUnknown:
        return None


async def _accept_safely(tx: Transaction, settlement_id: UUID) -> bool:
    """Have the feature take the order into its books; after a fault of its, the money stays written down: try again."""
    order = await paid_order(tx, settlement_id)
    try:
        async with tx.connection.transaction():
            rejected = await fulfilment_of(order.kind).accept(tx, order)
    except GONE:
        raise
    except Exception as error:
        log.error("payment_not_accepted", order_id=str(order.id), exc_info=error)
        return False
    if rejected is None:
        await change_status(
            tx, "payment_settlement", settlement_id, to="pending", sets="asks = 0, updated_at = $4",
            values=(clock.now(),),
        )  # fmt: skip
    else:
        await record_rejected(tx, settlement_id, rejected.reason, decided_by="feature")
    return True


async def paid_order(db: Reader, settlement_id: UUID) -> PaidOrder:
    """Load what the fulfilment has to know.

    Raises:
        DatabaseUnavailable.
    """
    rows = await db.fetch(
        "SELECT o.id, o.order_no, o.kind, o.subject_kind, o.subject_id, o.patient_id, o.campus_id, o.amount_fen,"
        " o.client_id, s.settlement_no, t.channel, t.merchant_code, t.transaction_no, t.paid_at, s.is_late"
        " FROM payment_settlement s JOIN payment_order o ON o.id = s.order_id"
        " JOIN payment_transaction t ON t.id = s.transaction_id WHERE s.id = $1",
        settlement_id,
    )
    return PaidOrder(*rows[0].values())


async def record_settled(tx: Transaction, settlement_id: UUID, settled: Settled, *, decided_by: str) -> bool:
    """Write down that the HIS has the order; False when the settlement had ended before."""
    at = clock.now()
    row = await change_status(
        tx, "payment_settlement", settlement_id, to="settled",
        sets="his_no = $4, receipt = $5, decided_by = $6, ended_at = $7, updated_at = $7, next_ask_at = NULL",
        values=(settled.his_no, dict(settled.receipt), decided_by, at),
    )  # fmt: skip
    if row is None:
        return False
    order = await change_status(
        tx, "payment_order", row["order_id"], to="settled",
        sets="settled_at = $4, updated_at = $4, version = version + 1", values=(at,),
    )  # fmt: skip
    assert order is not None, "an order is paid for as long as its settlement has not ended"
    await ledger.post(
        tx,
        f"settlement:{settlement_id}",
        "order_settled",
        debit=ledger.ORDERS_UNSETTLED,
        credit=ledger.earned(order["kind"]),
        amount_fen=order["amount_fen"],
        order_id=order["id"],
        occurred_at=at,
    )
    await postings.post_earned(tx, order["id"])
    await exceptions.settle_by_fact(tx, settlement_id=settlement_id, what="the HIS has settled")
    facts = {"settlement_no": row["settlement_no"], "amount_fen": order["amount_fen"]}
    await events.append(tx, "payment.settled", order["id"], facts=facts)
    return True


async def give_up(tx: Transaction, settlement_id: UUID, reason: str, *, actor: Actor) -> bool:
    """Give a settlement up by a person's decision; the HIS has to undo whatever it may have before money goes back."""
    status = await tx.fetchval("SELECT status FROM payment_settlement WHERE id = $1", settlement_id)
    told = status != "accepting"
    return await record_rejected(tx, settlement_id, reason, decided_by="person", tells_his=told, actor=actor)


async def ask_anew(tx: Transaction, settlement_id: UUID) -> None:
    """Begin to ask anew, now."""
    await tx.execute(
        "UPDATE payment_settlement SET asks = 1, next_ask_at = $2 WHERE id = $1 AND ended_at IS NULL",
        settlement_id,
        clock.machine_now(),
    )
    await events.ask_worker(tx, "settlement.drive", "settlement", settlement_id)


async def record_rejected(
    tx: Transaction,
    settlement_id: UUID,
    reason: str,
    *,
    decided_by: str,
    tells_his: bool = False,
    actor: Actor = events.SYSTEM,
) -> bool:
    """Write down that the order cannot be had, and send the money back; False when the settlement had ended before.

    tells_his: the HIS may have it nevertheless, and has to undo it first. actor: a member of staff whose decision it
    is; above the limit a second one approves the refund.
    """
    at = clock.now()
    row = await change_status(
        tx, "payment_settlement", settlement_id, to="rejected",
        sets="reason = $4, decided_by = $5, ended_at = $6, updated_at = $6, next_ask_at = NULL",
        values=(reason[:200], decided_by, at),
    )  # fmt: skip
    if row is None:
        return False
    order = await change_status(
        tx, "payment_order", row["order_id"], to="rejected", sets="updated_at = $4, version = version + 1",
        values=(at,),
    )  # fmt: skip
    assert order is not None, "an order is paid for as long as its settlement has not ended"
    await exceptions.settle_by_fact(tx, settlement_id=settlement_id, what=f"rejected: {reason}"[:200])
    await events.append(tx, "payment.rejected", order["id"], facts={"reason": reason[:200]})
    await refunds.refund_all(
        tx,
        row["transaction_id"],
        cause="his_rejected",
        reason=REFUND_REASON,
        tells_his=tells_his,
        actor=actor,
        by_rule=actor.kind == "system",
    )
    return True


async def lock(tx: Transaction, settlement_id: UUID) -> None:
    """Lock a settlement, then its order."""
    row = await tx.fetchrow("SELECT order_id FROM payment_settlement WHERE id = $1 FOR UPDATE", settlement_id)
    assert row is not None, "a settlement is never removed"
    await tx.execute("SELECT FROM payment_order WHERE id = $1 FOR UPDATE", row["order_id"])


async def _note_ask(tx: Transaction, settlement_id: UUID) -> bool | None:
    """Note, before the call, that the HIS is being told; gives whether it may have been before. None: it has ended."""
    row = await tx.fetchrow(
        "UPDATE payment_settlement SET asks = asks + 1, next_ask_at = $2, updated_at = $3"
        " WHERE id = $1 AND status IN ('pending', 'unknown') RETURNING asks, status",
        settlement_id,
        next_try(await _asks(tx, settlement_id)),
        clock.now(),
    )
    return None if row is None else row["asks"] > 1 or row["status"] == "unknown"


async def _asks(tx: Transaction, settlement_id: UUID) -> int:
    asks: int = await tx.fetchval("SELECT asks FROM payment_settlement WHERE id = $1", settlement_id)
    return asks


async def _note_unknown(tx: Transaction, settlement_id: UUID) -> None:
    at = clock.now()
    await change_status(tx, "payment_settlement", settlement_id, to="unknown", sets="updated_at = $4", values=(at,))
    await _show_to_a_person(tx, settlement_id, Cause.SETTLEMENT_UNKNOWN)


async def _ask_later(tx: Transaction, settlement_id: UUID, cause: Cause) -> None:
    asks = await _asks(tx, settlement_id)
    await tx.execute(
        "UPDATE payment_settlement SET asks = asks + 1, next_ask_at = $2, updated_at = $3 WHERE id = $1",
        settlement_id,
        next_try(asks),
        clock.now(),
    )
    await _show_to_a_person(tx, settlement_id, cause)


async def _show_to_a_person(tx: Transaction, settlement_id: UUID, cause: Cause) -> None:
    """Open an exception once the HIS has been asked often enough; the asking goes on."""
    row = await tx.fetchrow(
        "SELECT s.* FROM payment_settlement s, payment_rule r WHERE s.id = $1 AND s.asks >= r.settlement_asks_max"
        " AND s.ended_at IS NULL",
        settlement_id,
    )
    if row is None:
        return
    about = Subject(
        row["settlement_no"],
        order_id=row["order_id"],
        transaction_id=row["transaction_id"],
        settlement_id=settlement_id,
    )
    # Whoever looks into the HIS, as the case asks them to, looks for this number.
    facts = {"asks": row["asks"], "settlement_no": row["settlement_no"]}
    await exceptions.open_exception(tx, cause, about, facts=facts)
