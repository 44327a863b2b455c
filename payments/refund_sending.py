"""Sending refunds on their way: the HIS undoes its settlement, then the channel sends the money back.

Every call bears the refund's own number, also when it is made again, so that neither does it twice. Not knowing what
became of a call is no answer: it is asked.
"""

from typing import Final
from uuid import UUID

from kernel import clock
from kernel.db import Database, Row, Transaction, database
from kernel.log import get_logger
from payments import exceptions, merchants, settlement
from payments.backoff import next_try
from payments.exceptions import Cause, Subject
from payments.facts import apply_channel_fact
from payments.gateways.errors import ChannelRefused, ChannelUnavailable
from payments.gateways.port import ChannelCode, Gateway, RefundFact, RefundRequest, RefundState
from payments.ports import NotDecided, OutcomeUnknown, PaidOrder, Rejected, Reversal, Settled, fulfilment_of
from payments.refund_facts import WINDOW_CHANNELS, mark_stuck
from payments.refunds import LIMITS
from payments.states import change_status

log = get_logger("payments")

_READ: Final = (
    "SELECT r.*, a.attempt_no, t.channel, t.amount_fen AS paid_fen, s.id AS settlement_id, s.settlement_no, s.his_no,"
    " t.amount_fen - r.amount_fen = 0 AS is_whole"
    " FROM payment_refund r JOIN payment_attempt a ON a.id = r.attempt_id"
    " JOIN payment_transaction t ON t.id = r.transaction_id"
    " LEFT JOIN payment_settlement s ON s.transaction_id = t.id WHERE r.id = $1"
)


async def drive(refund_id: UUID) -> None:
    """Take the next step of a refund, from the worker.

    Raises:
        DatabaseUnavailable.
    """
    refund = await _read(refund_id)
    if refund["status"] == "reversing":
        await _reverse(refund)
        refund = await _read(refund_id)
    if refund["status"] == "ready":
        if not await _take_turn(refund):
            return
        await _ask_channel(refund, is_first=True)
    elif refund["status"] == "processing":
        await _ask_channel(refund, is_first=False)


async def _read(refund_id: UUID) -> Row:
    row = await database().fetchrow(_READ, refund_id)
    assert row is not None, "a refund is never removed"
    return row


async def _reverse(refund: Row) -> None:
    """Have the HIS undo what it settled; only then does money leave."""
    db = database()
    assert refund["settlement_id"] is not None, "only a settled payment is told of to the HIS"
    order = await settlement.paid_order(db, refund["settlement_id"])
    await _count_try(db, refund)
    try:
        outcome = await _call_his(order, refund)
    except NotDecided:
        await _wait_for_decision(refund)
        return
    async with db.transaction() as tx:
        row = await tx.fetchrow("SELECT * FROM payment_refund WHERE id = $1 FOR UPDATE", refund["id"])
        assert row is not None, "a refund is never removed"
        if isinstance(outcome, Settled):
            await change_status(
                tx, "payment_refund", refund["id"], to="ready",
                sets="reversal_no = $4, reversed_at = $5, tries = 0, next_try_at = $6, updated_at = $5",
                values=(outcome.his_no, clock.now(), clock.machine_now()),
            )  # fmt: skip
            await exceptions.settle_by_fact(tx, refund_id=refund["id"], what="the HIS has undone it")
        elif isinstance(outcome, Rejected):
            if row["status"] == "reversing":
                await mark_stuck(tx, row, outcome.reason, Cause.REVERSAL_REFUSED)
        elif row["status"] == "reversing":
            await _show_to_a_person(tx, row, Cause.REVERSAL_UNKNOWN)


async def _wait_for_decision(refund: Row) -> None:
    """Go on asking, without a case for a cashier: the hospital itself has not decided yet."""
    async with database().transaction() as tx:
        await tx.execute(
            "UPDATE payment_refund SET tries = least(tries, (SELECT settlement_asks_max / 2 FROM payment_rule))"
            " WHERE id = $1 AND status = 'reversing'",
            refund["id"],
        )
        await exceptions.settle_by_fact(tx, refund_id=refund["id"], what="the hospital is deciding")


async def _call_his(order: PaidOrder, refund: Row) -> Settled | Rejected | None:
    """Raises: NotDecided."""
    asked = Reversal(
        refund["refund_no"],
        refund["settlement_no"],
        refund["his_no"],
        refund["amount_fen"],
        is_whole=refund["is_whole"],
        items=refund["items"],
        reason=refund["reason"],
        tells_his=refund["tells_his"],
    )
    try:
        return await fulfilment_of(order.kind).reverse(order, asked)
    except OutcomeUnknown:
        return None


async def _take_turn(refund: Row) -> bool:
    """Note that a refund is put to its channel now, unless another of the same payment was a moment ago."""
    limits = LIMITS[ChannelCode(refund["channel"])]
    now = clock.machine_now()
    async with database().transaction() as tx:
        row = await tx.fetchrow(
            "SELECT * FROM payment_refund WHERE id = $1 AND status = 'ready' FOR UPDATE", refund["id"]
        )
        if row is None:
            return False
        won = await tx.execute(
            "UPDATE payment_transaction SET refund_sent_at = $2, refund_sent_id = $3"
            " WHERE id = $1 AND (refund_sent_at IS NULL OR refund_sent_id = $3 OR refund_sent_at <= $4)",
            refund["transaction_id"],
            now,
            refund["id"],
            now - limits.apart,
        )
        if not won:
            await tx.execute(
                "UPDATE payment_refund SET next_try_at = t.refund_sent_at + $2"
                " FROM payment_transaction t WHERE payment_refund.id = $1 AND t.id = payment_refund.transaction_id",
                refund["id"],
                limits.apart,
            )
            return False
        await change_status(
            tx, "payment_refund", refund["id"], to="processing",
            sets="sent_at = coalesce(sent_at, $4), updated_at = $4", values=(now,),
        )  # fmt: skip
    return True


async def _ask_channel(refund: Row, *, is_first: bool) -> None:
    """Put the refund to its channel, or ask what became of it and put it again if it never arrived."""
    db = database()
    await _count_try(db, refund)
    gateway = merchants.gateway_of(await merchants.read_merchant(db, refund["merchant_code"]))
    try:
        fact = await _send_or_query(gateway, refund, is_first=is_first)
    except ChannelUnavailable:
        return
    except ChannelRefused as error:
        async with db.transaction() as tx:
            row = await tx.fetchrow("SELECT * FROM payment_refund WHERE id = $1 FOR UPDATE", refund["id"])
            assert row is not None, "a refund is never removed"
            await mark_stuck(tx, row, error.code)
        return
    async with db.transaction() as tx:
        await apply_channel_fact(tx, fact)
        if ChannelCode(refund["channel"]) in WINDOW_CHANNELS:
            # The cashier says when it was handed over; nobody else can be asked.
            await tx.execute("UPDATE payment_refund SET next_try_at = NULL WHERE id = $1", refund["id"])


async def _send_or_query(gateway: Gateway, refund: Row, *, is_first: bool) -> RefundFact:
    """Raises: ChannelUnavailable, ChannelRefused."""
    if not is_first:
        fact = await gateway.query_refund(refund_no=refund["refund_no"], attempt_no=refund["attempt_no"])
        if fact.state is not RefundState.ABSENT:
            return fact
    return await gateway.refund(
        RefundRequest(
            refund["refund_no"], refund["attempt_no"], refund["amount_fen"], refund["paid_fen"], refund["reason"]
        )
    )


async def _count_try(db: Database, refund: Row) -> None:
    await db.execute(
        "UPDATE payment_refund SET tries = tries + 1, next_try_at = $2"
        " WHERE id = $1 AND status IN ('reversing', 'ready', 'processing')",
        refund["id"],
        next_try(refund["tries"]),
    )


async def _show_to_a_person(tx: Transaction, refund: Row, cause: Cause) -> None:
    """Open an exception once the HIS has been asked often enough; the asking goes on."""
    limit: int = await tx.fetchval("SELECT settlement_asks_max FROM payment_rule")
    if refund["tries"] < limit:
        return
    about = Subject(
        refund["refund_no"],
        order_id=refund["order_id"],
        transaction_id=refund["transaction_id"],
        refund_id=refund["id"],
    )
    facts = {"tries": refund["tries"], "refund_no": refund["refund_no"]}
    await exceptions.open_exception(tx, cause, about, facts=facts)
