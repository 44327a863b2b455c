"""What a person does about an exception: each cause allows a few actions, and who did what, and why, is kept."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from kernel import clock
from kernel.db import Transaction, database
from kernel.events import Actor
from kernel.idempotency import Idempotency
from payments import errors, events, exceptions, ledger, refund_facts, refunds, settlement
from payments.exceptions import ALLOWED, Action, Cause, PaymentException
from payments.inpatient import discharge
from payments.insurance import shares
from payments.ports import Settled
from payments.states import change_status

_DISPUTED: Final = frozenset({Cause.AMOUNT_MISMATCH, Cause.APP_MISMATCH, Cause.PAYER_MISMATCH, Cause.PAID_AGAIN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """What a person decides. proof: the HIS's number for MARK_SETTLED, the payout's for PAY_OFFLINE."""

    action: Action
    reason: str
    proof: str | None = None


async def resolve_exception(
    exception_id: UUID, resolution: Resolution, *, actor: Actor, idempotency: Idempotency | None = None
) -> None:
    """Do what a member of staff has decided, in one transaction with the record of it.

    Money that goes back by this is a refund like any other: above the limit a second person approves it.

    Raises:
        StaffRequired, ExceptionNotFound, ExceptionResolved.
        ActionNotAllowed: this cause is not resolved so, or its proof is missing; `allowed` lists what is.
        RefundNotWaiting, NotRefundable: things have moved on meanwhile.
        IdempotencyMismatch, DatabaseUnavailable.
    """
    if actor.staff_code is None:
        raise errors.StaffRequired
    async with database().transaction() as tx:
        if idempotency and await idempotency.replay(tx):
            return
        found = await exceptions.read_exception(tx, exception_id)
        await _lock_subject(tx, found)
        found = await exceptions.lock_exception(tx, exception_id)
        if found.status != "open":
            raise errors.ExceptionResolved
        wants_proof = resolution.action in (Action.MARK_SETTLED, Action.PAY_OFFLINE)
        if resolution.action not in ALLOWED[found.cause] or (wants_proof and not resolution.proof):
            raise errors.ActionNotAllowed(allowed=found.allowed)
        await exceptions.close_exception(
            tx, found, action=resolution.action, reason=resolution.reason, staff_code=actor.staff_code
        )
        await _act(tx, found, resolution, actor)
        if found.order_id is not None:
            facts = {"cause": found.cause.value, "action": resolution.action.value}
            await events.append(tx, "payment.exception_resolved", found.order_id, facts=facts, actor=actor)
        if idempotency:
            await idempotency.remember(tx, {"exception_id": str(exception_id)})


async def _lock_subject(tx: Transaction, found: PaymentException) -> None:
    """Lock what an exception is about before the exception, as whoever closes one by a fact does."""
    if found.refund_id is not None:
        await tx.execute("SELECT FROM payment_refund WHERE id = $1 FOR UPDATE", found.refund_id)
    elif found.settlement_id is not None:
        await settlement.lock(tx, found.settlement_id)
    elif found.order_id is not None:
        await tx.execute("SELECT FROM payment_order WHERE id = $1 FOR UPDATE", found.order_id)


async def _act(tx: Transaction, found: PaymentException, resolution: Resolution, actor: Actor) -> None:
    if found.refund_id is not None:
        await _act_on_refund(tx, found.refund_id, resolution, actor)
    elif found.settlement_id is not None:
        await _act_on_settlement(tx, found.settlement_id, resolution, actor)
    elif resolution.action is Action.REFUND and found.cause is Cause.REFUND_DECLINED:
        await _ask_once_more(tx, found, actor)
    elif resolution.action is Action.REFUND:
        assert found.cause in _DISPUTED, "only disputed money is refunded by itself"
        assert found.transaction_id is not None, "disputed money was written down"
        await refunds.refund_all(
            tx, found.transaction_id, cause="disputed", reason="来款不符，原路退回", actor=actor, by_rule=False
        )
    elif resolution.action is Action.ASK_AGAIN and found.cause in discharge.CAUSES:
        await discharge.ask_anew(tx, UUID(found.facts["discharge_id"]))
    elif resolution.action is Action.ASK_AGAIN and found.cause is Cause.INSURANCE_NOT_BACK:
        assert found.order_id is not None, "the insurance shares an order"
        await shares.ask_anew(tx, found.order_id)
    elif resolution.action is Action.ASK_AGAIN:
        assert found.attempt_id is not None, "an attempt is asked about"
        await events.ask_worker(tx, "attempt.close", "attempt", found.attempt_id)


async def _ask_once_more(tx: Transaction, found: PaymentException, actor: Actor) -> None:
    """Ask for a refund that was declined under a new number; above the limit a second person judges it anew."""
    declined = await tx.fetchrow(
        "SELECT transaction_id, cause, reason, tells_his FROM payment_refund WHERE refund_no = $1",
        found.facts["refund_no"],
    )
    assert declined is not None, "a refund is never removed"
    await refunds.refund_all(
        tx,
        declined["transaction_id"],
        cause=declined["cause"],
        reason=declined["reason"],
        tells_his=declined["tells_his"],
        actor=actor,
        by_rule=False,
    )


async def _act_on_settlement(tx: Transaction, settlement_id: UUID, resolution: Resolution, actor: Actor) -> None:
    done = True
    if resolution.action is Action.MARK_SETTLED:
        assert resolution.proof is not None, "looked at before"
        done = await settlement.record_settled(tx, settlement_id, Settled(resolution.proof), decided_by="person")
    elif resolution.action is Action.REFUND:
        # The HIS may have it nevertheless, so it is told to undo it before any money goes.
        done = await settlement.give_up(tx, settlement_id, resolution.reason, actor=actor)
    else:
        await settlement.ask_anew(tx, settlement_id)
    if not done:
        raise errors.NotRefundable(current_status="ended")


async def _act_on_refund(tx: Transaction, refund_id: UUID, resolution: Resolution, actor: Actor) -> None:
    row = await tx.fetchrow("SELECT * FROM payment_refund WHERE id = $1", refund_id)
    assert row is not None, "a refund is never removed"
    action = resolution.action
    if action is Action.EXPLAIN:
        return
    if row["status"] == "reversing":
        # Nobody knows what the HIS did: whatever is decided, it no longer waits for that answer.
        row = await change_status(tx, "payment_refund", refund_id, to="abnormal", sets="next_try_at = NULL")
        assert row is not None, "locked before"
    if row["status"] != "abnormal":
        raise errors.RefundNotWaiting(current_status=row["status"])
    if action is Action.CANCEL:
        await refunds.give_up(tx, row, to="cancelled", by=actor)
    elif action is Action.PAY_OFFLINE:
        await _pay_offline(tx, refund_id, resolution)
    else:
        undone = (
            row["reversal_no"] is not None or action is Action.PROCEED or not await refunds.is_undone_first(tx, row)
        )
        await change_status(
            tx,
            "payment_refund",
            refund_id,
            to="ready" if undone else "reversing",
            sets="tries = 0, fault = NULL, next_try_at = $4, updated_at = $5",
            values=(clock.machine_now(), clock.now()),
        )
        await events.ask_worker(tx, "refund.drive", "refund", refund_id)


async def _pay_offline(tx: Transaction, refund_id: UUID, resolution: Resolution) -> None:
    """Write down that the money went back by other means: by bank transfer, or over the counter."""
    at = clock.now()
    row = await change_status(
        tx, "payment_refund", refund_id, to="paid_offline",
        sets="ended_at = $4, updated_at = $4, channel_refund_no = $5, next_try_at = NULL",
        values=(at, (resolution.proof or "")[:64]),
    )  # fmt: skip
    assert row is not None, "locked, and looked at, before"
    await ledger.post(
        tx,
        f"refund-offline:{refund_id}",
        "refund_paid_offline",
        debit=ledger.REFUNDS_PAYABLE,
        credit=ledger.OFFLINE_PAYOUTS,
        amount_fen=row["amount_fen"],
        order_id=row["order_id"],
        occurred_at=at,
    )
    await refund_facts.count_towards_order(tx, row)
