"""Refunds: what may go back is reserved first, by a conditional update, and the refund has its number before any call.

A refund comes out of one payment. Several payments (deposits) are refunded first in, first out, within their channels'
limits; what those do not allow is told to the caller, for a payout by other means.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID

from kernel import clock
from kernel.db import Reader, Row, Transaction, database
from kernel.events import Actor
from kernel.idempotency import Idempotency
from kernel.ids import new_id
from payments import errors, events, exceptions, ledger
from payments.exceptions import Cause, Subject
from payments.gateways.port import ChannelCode
from payments.states import change_status

RefundCause = Literal["requested", "cancelled", "his_rejected", "surplus", "disputed", "decided"]

REFUNDS_PER_ORDER_MAX: Final = 99


@dataclass(frozen=True, slots=True)
class Limits:
    """What a channel allows of one payment; None: no limit. apart: the pause between two refunds."""

    count_max: int | None = None
    apart: timedelta = timedelta()
    within: timedelta | None = None


# WeChat Pay v3, "refund": 50 partial refunds of an order, a minute apart, within a year. Alipay, trade.refund: within a
# year of the payment. Money over a counter has no such rule.
LIMITS: Final[Mapping[ChannelCode, Limits]] = {
    ChannelCode.WECHATPAY: Limits(50, timedelta(minutes=1), timedelta(days=365)),
    ChannelCode.ALIPAY: Limits(None, timedelta(), timedelta(days=365)),
    ChannelCode.INSURANCE: Limits(50, timedelta(minutes=1), timedelta(days=365)),
    ChannelCode.CASH: Limits(),
    ChannelCode.CARD: Limits(),
}

_COLUMNS: Final = (
    "id, refund_no, order_id, transaction_id, amount_fen, cause, reason, status, tells_his, requested_by, approved_by,"
    " fault, created_at, ended_at"
)


class Refund(NamedTuple):
    """A refund as its owner and staff see it; `requested` waits for a second person."""

    id: UUID
    refund_no: str
    order_id: UUID
    transaction_id: UUID
    amount_fen: int
    cause: str
    reason: str
    status: str
    tells_his: bool
    requested_by: str
    approved_by: str | None
    fault: str | None
    created_at: datetime
    ended_at: datetime | None


class Portions(NamedTuple):
    """An amount spread over payments; `rest_fen` could not be, and goes back by other means."""

    refunds: Sequence[Refund]
    rest_fen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Why money is to go back.

    items: which items of a bill, for the HIS. tells_his: the HIS has to undo its settlement first; not when the HIS
    itself asked for the refund. by_rule: the hospital's rule grants it, so no second person is wanted.
    """

    reason: str
    cause: RefundCause = "requested"
    items: Sequence[Mapping[str, Any]] = ()
    tells_his: bool = True
    by_rule: bool = False


async def request_refund(
    order_id: UUID, *, amount_fen: int | None, ask: Ask, actor: Actor, idempotency: Idempotency | None = None
) -> Refund:
    """Ask for a settled order's money, or part of it, in a transaction of its own; None: all that is left.

    Raises:
        OrderNotFound.
        RefundByCancelling: a partner asks for a registration fee, which the clinic's rule gives back.
        NotRefundable: not paid, not settled yet, or nothing is left; or a partner asks for a stay's money, which goes
            back when the stay is settled.
        OverRefundable: more than is left; `refundable_fen` is.
        RefundLimitPassed: the channel's own limits; `limit` names which.
        IdempotencyMismatch, DatabaseUnavailable.
    """
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return await read_refund(tx, UUID(stored["refund_id"]), actor)
        order = await _lock_order(tx, order_id, actor)
        _require_asked_for(order["kind"], order["status"], actor)
        refund = await request_in(tx, order_id, amount_fen=amount_fen, ask=ask, actor=actor)
        if idempotency:
            await idempotency.remember(tx, {"refund_id": str(refund.id)})
        return refund


def _require_asked_for(kind: str, status: str, actor: Actor) -> None:
    """Let the public ask for the money of bills alone; other money goes back by what it was paid for.

    Raises:
        RefundByCancelling, NotRefundable.
    """
    if not actor.acts_for_the_public or kind == "outpatient_bill":
        return
    if kind == "registration":
        raise errors.RefundByCancelling
    raise errors.NotRefundable(current_status=status)


async def request_in(tx: Transaction, order_id: UUID, *, amount_fen: int | None, ask: Ask, actor: Actor) -> Refund:
    """Ask for a settled order's money in the transaction of the reason for it.

    Raises:
        OrderNotFound, NotRefundable, OverRefundable, RefundLimitPassed.
    """
    order = await _lock_order(tx, order_id, actor)
    if order["status"] != "settled":
        raise errors.NotRefundable(current_status=order["status"])
    payment = await _accepted_payment(tx, order_id)
    left: int = payment["amount_fen"] - payment["reserved_fen"]
    wanted = left if amount_fen is None else amount_fen
    if wanted <= 0:
        raise errors.NotRefundable(current_status="refunding")
    return await _refund(tx, order, payment, wanted, ask, actor, within_limits=True)


async def request_over(
    tx: Transaction,
    order_ids: Sequence[UUID],
    *,
    amount_fen: int,
    ask: Ask,
    actor: Actor,
    asks_beyond_limits: bool = False,
) -> Portions:
    """Spread an amount over the payments of several settled orders, first in, first out, within the channels' limits.

    asks_beyond_limits: what those do not allow is asked of the channels all the same, so that it is a refund with its
    number: a channel that says no opens the case of a cashier, who pays it by other means.

    Raises:
        OrderNotFound.
    """
    payments: list[tuple[Row, Row]] = []
    for order_id in sorted(order_ids):
        order = await _lock_order(tx, order_id, actor)
        if order["status"] == "settled":
            payments.append((order, await _accepted_payment(tx, order_id)))
    payments.sort(key=lambda one: (one[1]["paid_at"], one[1]["id"]))
    refunds: list[Refund] = []
    rest = amount_fen
    beyond: list[tuple[Row, Row]] = []
    for order, payment in payments:
        portion = min(rest, payment["amount_fen"] - payment["reserved_fen"])
        if portion <= 0:
            continue
        try:
            refunds.append(await _refund(tx, order, payment, portion, ask, actor, within_limits=True))
        except errors.RefundLimitPassed:
            beyond.append((order, payment))
            continue
        rest -= portion
    for order, payment in beyond if asks_beyond_limits else ():
        portion = min(rest, payment["amount_fen"] - payment["reserved_fen"])
        if portion > 0:
            refunds.append(await _refund(tx, order, payment, portion, ask, actor, within_limits=False))
            rest -= portion
    return Portions(refunds, rest)


async def refund_all(
    tx: Transaction,
    transaction_id: UUID,
    *,
    cause: RefundCause,
    reason: str,
    tells_his: bool = False,
    actor: Actor = events.SYSTEM,
    by_rule: bool = True,
) -> Refund | None:
    """Send back whatever is left of a payment; None when nothing is. The caller holds the order's row lock.

    Without the channel's limits: the channel says no itself, and a person sees it.
    """  # fmt: skip
    payment = await tx.fetchrow("SELECT * FROM payment_transaction WHERE id = $1 FOR UPDATE", transaction_id)
    assert payment is not None, "a payment is never removed"
    left = payment["amount_fen"] - payment["reserved_fen"]
    if left == 0:
        return None
    order = await tx.fetchrow("SELECT * FROM payment_order WHERE id = $1", payment["order_id"])
    assert order is not None, "a payment has its order"
    ask = Ask(reason=reason, cause=cause, tells_his=tells_his, by_rule=by_rule)
    return await _refund(tx, order, payment, left, ask, actor, within_limits=False)


async def approve_refund(refund_id: UUID, *, actor: Actor, idempotency: Idempotency | None = None) -> Refund:
    """Approve a refund as a second person; it goes on its way.

    Raises:
        StaffRequired, SecondPersonRequired, RefundNotFound.
        RefundNotWaiting: it needs no approval, has one, or was declined.
        IdempotencyMismatch, DatabaseUnavailable.
    """
    return await _judge(refund_id, approves=True, actor=actor, idempotency=idempotency)


async def decline_refund(refund_id: UUID, *, actor: Actor, idempotency: Idempotency | None = None) -> Refund:
    """Decline a refund that waits for approval; what it had reserved can be asked for again.

    Money that nothing stands behind (of an order that was given up, say) is a case again, so that it is not forgotten.

    Raises:
        As approve_refund.
    """
    return await _judge(refund_id, approves=False, actor=actor, idempotency=idempotency)


async def _judge(refund_id: UUID, *, approves: bool, actor: Actor, idempotency: Idempotency | None) -> Refund:
    if actor.staff_code is None:
        raise errors.StaffRequired
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return await read_refund(tx, UUID(stored["refund_id"]), actor)
        row = await tx.fetchrow("SELECT * FROM payment_refund WHERE id = $1 FOR UPDATE", refund_id)
        if row is None:
            raise errors.RefundNotFound
        if row["status"] != "requested":
            raise errors.RefundNotWaiting(current_status=row["status"])
        if row["requested_by"] == actor.staff_code:
            raise errors.SecondPersonRequired
        if approves:
            await _send_on_its_way(tx, row, approved_by=actor.staff_code, actor=actor)
        else:
            await give_up(tx, row, to="declined", by=actor)
            await _show_what_nothing_stands_behind(tx, row)
        if idempotency:
            await idempotency.remember(tx, {"refund_id": str(refund_id)})
        return await read_refund(tx, refund_id, actor)


async def _show_what_nothing_stands_behind(tx: Transaction, refund: Row) -> None:
    stands = await tx.fetchval(
        "SELECT o.status = 'settled' AND t.role = 'accepted' FROM payment_transaction t"
        " JOIN payment_order o ON o.id = t.order_id WHERE t.id = $1",
        refund["transaction_id"],
    )
    if stands:
        return
    about = Subject(refund["refund_no"], order_id=refund["order_id"], transaction_id=refund["transaction_id"])
    facts = {"refund_no": refund["refund_no"], "amount_fen": refund["amount_fen"]}
    await exceptions.open_exception(tx, Cause.REFUND_DECLINED, about, facts=facts)


async def give_up(tx: Transaction, refund: Row, *, to: Literal["declined", "cancelled"], by: Actor) -> None:
    """End a refund whose money stays: release what it had reserved, and undo its posting if there was one.

    Raises:
        RefundNotWaiting: it may have gone already.
    """
    at = clock.now()
    moved = await change_status(
        tx, "payment_refund", refund["id"], to=to, sets="ended_at = $4, updated_at = $4, next_try_at = NULL",
        values=(at,),
    )  # fmt: skip
    if moved is None:
        raise errors.RefundNotWaiting(current_status=refund["status"])
    await tx.execute(
        "UPDATE payment_transaction SET reserved_fen = reserved_fen - $2,"
        " refunds_count = refunds_count - $3::boolean::int WHERE id = $1",
        refund["transaction_id"],
        refund["amount_fen"],
        refund["sent_at"] is None,
    )
    if to == "cancelled":
        await ledger.post(
            tx,
            f"refund-cancelled:{refund['id']}",
            "refund_cancelled",
            debit=ledger.REFUNDS_PAYABLE,
            credit=refund["source_account"],
            amount_fen=refund["amount_fen"],
            order_id=refund["order_id"],
            occurred_at=at,
        )
    facts = {"refund_id": str(refund["id"]), "amount_fen": refund["amount_fen"]}
    await events.append(tx, f"payment.refund_{to}", refund["order_id"], facts=facts, actor=by)


async def read_refund(db: Reader, refund_id: UUID, actor: Actor) -> Refund:
    """Read a refund of this caller's orders.

    Raises:
        RefundNotFound, DatabaseUnavailable.
    """
    rows = await db.fetch(
        f"SELECT {_COLUMNS} FROM payment_refund WHERE id = $1 AND ($2 OR client_id = $3)",  # noqa: S608  our own list of columns
        refund_id,
        actor.sees_all,
        actor.client_id,
    )
    if not rows:
        raise errors.RefundNotFound
    return Refund(*rows[0].values())


async def list_refunds(db: Reader, order_id: UUID) -> list[Refund]:
    """List an order's refunds, the oldest first.

    Raises:
        DatabaseUnavailable.
    """
    rows = await db.fetch(
        f"SELECT {_COLUMNS} FROM payment_refund WHERE order_id = $1 ORDER BY refund_no",  # noqa: S608  our own list of columns
        order_id,
    )
    return [Refund(*row.values()) for row in rows]


async def refunds_of_orders(db: Reader, order_ids: Sequence[UUID]) -> Mapping[UUID, Sequence[Refund]]:
    """List the refunds of several orders, each order's oldest first; orders without one are left out.

    Raises:
        DatabaseUnavailable.
    """
    rows = await db.fetch(
        f"SELECT {_COLUMNS} FROM payment_refund WHERE order_id = ANY ($1) ORDER BY order_id, refund_no",  # noqa: S608  our own list of columns
        list(order_ids),
    )
    found: dict[UUID, list[Refund]] = {}
    for row in rows:
        found.setdefault(row["order_id"], []).append(Refund(*row.values()))
    return found


async def read_left_fen(tx: Transaction, order_id: UUID) -> int:
    """Give what is left of the payment that was taken for an order: neither gone back nor reserved for that."""
    left: int | None = await tx.fetchval(
        "SELECT amount_fen - reserved_fen FROM payment_transaction WHERE order_id = $1 AND role = 'accepted'", order_id
    )
    return left or 0


async def _lock_order(tx: Transaction, order_id: UUID, actor: Actor) -> Row:
    row = await tx.fetchrow(
        "SELECT * FROM payment_order WHERE id = $1 AND ($2 OR client_id = $3) FOR UPDATE",
        order_id,
        actor.sees_all,
        actor.client_id,
    )
    if row is None:
        raise errors.OrderNotFound
    return row


async def _accepted_payment(tx: Transaction, order_id: UUID) -> Row:
    row = await tx.fetchrow(
        "SELECT * FROM payment_transaction WHERE order_id = $1 AND role = 'accepted' FOR UPDATE", order_id
    )
    assert row is not None, "a settled order was paid"
    return row


async def _refund(
    tx: Transaction, order: Row, payment: Row, amount_fen: int, ask: Ask, actor: Actor, *, within_limits: bool
) -> Refund:
    """Reserve an amount of a payment and make the refund that it is reserved for; the order's row is locked.

    Raises:
        OverRefundable, RefundLimitPassed.
    """
    await _reserve(tx, payment, amount_fen, LIMITS[ChannelCode(payment["channel"])] if within_limits else Limits())
    at = clock.now()
    used: int = await tx.fetchval("SELECT count(*) FROM payment_refund WHERE order_id = $1", order["id"])
    if used >= REFUNDS_PER_ORDER_MAX:
        raise errors.RefundLimitPassed(limit="count")
    row = await tx.fetchrow(
        "INSERT INTO payment_refund (id, refund_no, order_id, transaction_id, attempt_id, merchant_code, amount_fen,"
        " cause, reason, items, status, tells_his, source_account, requested_by, created_at, updated_at, client_id)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::jsonb, 'requested', $11, $12, $13, $14, $14, $15)"
        " RETURNING *",
        new_id(),
        f"{order['order_no']}R{used + 1:02d}",
        order["id"],
        payment["id"],
        payment["attempt_id"],
        payment["merchant_code"],
        amount_fen,
        ask.cause,
        ask.reason,
        [dict(item) for item in ask.items],
        ask.tells_his,
        _source(order, payment),
        actor.staff_code or actor.client_id,
        at,
        order["client_id"],
    )
    assert row is not None, "INSERT ... RETURNING gives its row"
    facts = {"refund_id": str(row["id"]), "amount_fen": amount_fen, "cause": ask.cause}
    await events.append(tx, "payment.refund_requested", order["id"], facts=facts, actor=actor)
    limit: int = await tx.fetchval("SELECT approval_above_fen FROM payment_rule")
    if ask.by_rule or amount_fen <= limit:
        await _send_on_its_way(tx, row, approved_by=None, actor=actor)
    return await read_refund(tx, row["id"], events.SYSTEM)


def _source(order: Row, payment: Row) -> str:
    """Name the account in which the money to be sent back stands."""
    if payment["role"] == "surplus":
        return ledger.SURPLUS
    if payment["role"] == "disputed":
        return ledger.SUSPENSE
    return ledger.earned(order["kind"]) if order["settled_at"] is not None else ledger.ORDERS_UNSETTLED


async def _reserve(tx: Transaction, payment: Row, amount_fen: int, limits: Limits) -> None:
    """Take an amount out of what may go back of a payment; of several askers only as many succeed as there is money.

    Raises:
        OverRefundable, RefundLimitPassed.
    """
    oldest = None if limits.within is None else clock.now() - limits.within
    won = await tx.execute(
        "UPDATE payment_transaction SET reserved_fen = reserved_fen + $2, refunds_count = refunds_count + 1"
        " WHERE id = $1 AND reserved_fen + $2 <= amount_fen AND ($3::int IS NULL OR refunds_count < $3)"
        " AND ($4::timestamptz IS NULL OR paid_at > $4)",
        payment["id"],
        amount_fen,
        limits.count_max,
        oldest,
    )
    if won:
        return
    now = await tx.fetchrow("SELECT * FROM payment_transaction WHERE id = $1", payment["id"])
    assert now is not None, "a payment is never removed"
    if now["reserved_fen"] + amount_fen > now["amount_fen"]:
        raise errors.OverRefundable(refundable_fen=now["amount_fen"] - now["reserved_fen"])
    if oldest is not None and now["paid_at"] <= oldest:
        raise errors.RefundLimitPassed(limit="days")
    raise errors.RefundLimitPassed(limit="count")


async def is_undone_first(tx: Transaction, refund: Row) -> bool:
    """Tell whether others have to undo something before the money goes: the HIS, or the insurance.

    Money that was one too many, or disputed, is neither's.
    """
    if refund["tells_his"]:
        return True
    shared: bool = await tx.fetchval(
        "SELECT EXISTS (SELECT FROM insurance_share s JOIN payment_transaction t ON t.order_id = s.order_id"
        " WHERE t.id = $1 AND t.role = 'accepted')",
        refund["transaction_id"],
    )
    return shared


async def _send_on_its_way(tx: Transaction, refund: Row, *, approved_by: str | None, actor: Actor) -> None:
    """Owe the money from now on, and have the worker undo the settlement or ask the channel."""
    at = clock.now()
    to = "reversing" if await is_undone_first(tx, refund) else "ready"
    moved = await change_status(
        tx, "payment_refund", refund["id"], to=to, sets="approved_by = $4, next_try_at = $5, updated_at = $6",
        values=(approved_by, clock.machine_now(), at),
    )  # fmt: skip
    assert moved is not None, "the caller has looked, under the row's lock"
    await ledger.post(
        tx,
        f"refund-owed:{refund['id']}",
        "refund_owed",
        debit=refund["source_account"],
        credit=ledger.REFUNDS_PAYABLE,
        amount_fen=refund["amount_fen"],
        order_id=refund["order_id"],
        occurred_at=at,
    )
    facts = {"refund_id": str(refund["id"]), "amount_fen": refund["amount_fen"]}
    await events.append(tx, "payment.refund_approved", refund["order_id"], facts=facts, actor=actor)
    await events.ask_worker(tx, "refund.drive", "refund", refund["id"])
