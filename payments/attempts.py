"""Attempts: one try each to pay an order by one channel, with a number of its own that the channel knows it by.

The row and its number are committed before the channel is called, and the call is made outside any transaction: a
phone gets its pay parameters in one request, and whatever becomes of the answer, the platform knows what to ask for.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

import asyncpg

from kernel import clock
from kernel.db import Reader, Row, Transaction, database
from kernel.events import Actor
from kernel.idempotency import Idempotency
from kernel.ids import new_id
from kernel.log import get_logger
from kernel.secrets import SecretMissing
from payments import errors, events, merchants, orders
from payments.facts import Applied, apply_channel_fact
from payments.gateways.errors import ChannelRefused, ChannelUnavailable
from payments.gateways.port import (
    ChannelCode,
    FactSource,
    Merchant,
    PaymentFact,
    PaymentRequest,
    PaymentState,
    Prepared,
    RefundFact,
    RefundState,
    Scene,
)
from payments.insurance import mixed
from payments.orders import Order
from payments.refund_facts import WINDOW_CHANNELS
from payments.states import change_status

ATTEMPTS_MAX: Final = 10
ENDS_BEFORE_ORDER: Final = timedelta(seconds=30)
"""The channel stops taking money before the order ends, so that money seldom comes late."""
FIRST_CHECK: Final = timedelta(seconds=20)
"""After an attempt is prepared; a notification usually is here before."""

log = get_logger("payments")


class Attempt(NamedTuple):
    """One try to pay; `prepared` is what the phone or the kiosk goes on with."""

    id: UUID
    attempt_no: str
    order_id: UUID
    merchant_code: str
    channel: str
    scene: str
    amount_fen: int
    status: str
    prepared: Mapping[str, object] | None
    expires_at: datetime


class Browser(NamedTuple):
    """Where a payer's browser is, and the page of ours to come back to; `return_url` is never a caller's word."""

    address: str
    return_url: str


_COLUMNS: Final = (
    "id, attempt_no, order_id, merchant_code, channel, scene, amount_fen, status, prepared, expires_at, payer"
)


async def start_attempt(
    order_id: UUID,
    *,
    channel: ChannelCode,
    scene: Scene,
    payer: str | None,
    browser: Browser | None = None,
    actor: Actor,
    idempotency: Idempotency | None = None,
) -> Attempt:
    """Begin to pay an order by a channel, and give what the phone, the browser or the kiosk needs for it.

    A live attempt of the same payer by the same way is given again; the way to a channel's page, which is good for
    minutes, is asked for anew. After `ChannelSilent` the same request goes on with the same number.

    Raises:
        OrderNotFound, OrderNotOpen, OrderEnding, ChannelNotOffered, PayerRequired, TooManyAttempts.
        ChannelSilent: the channel has not answered; nobody has been charged.
        RefusedByChannel: a definite no.
        IdempotencyMismatch, DatabaseUnavailable.
    """
    if (scene is Scene.MINI_PROGRAM and payer is None) or (scene is Scene.BROWSER and browser is None):
        raise errors.PayerRequired
    if channel in WINDOW_CHANNELS or channel is ChannelCode.INSURANCE:
        raise errors.ChannelNotOffered(channel=channel.value)
    async with database().transaction() as tx:
        stored = await idempotency.replay(tx) if idempotency else None
        if stored is not None:
            row = await _read(tx, UUID(stored["attempt_id"]))
        else:
            row = await _open_attempt(tx, order_id, channel=channel, scene=scene, payer=payer, actor=actor)
            if idempotency:
                await idempotency.remember(tx, {"attempt_id": str(row["id"])})
        merchant = await merchants.read_merchant(tx, row["merchant_code"])
        order = await orders.read_order(tx, row["order_id"], actor)
    is_ready = row["prepared"] is not None and browser is None
    if is_ready or row["status"] not in ("created", "prepared"):
        return _shape(row)
    return await _prepare(row, merchant, order, browser)


async def _open_attempt(
    tx: Transaction, order_id: UUID, *, channel: ChannelCode, scene: Scene, payer: str | None, actor: Actor
) -> Row:
    """Give the live attempt by this way, or make one, under the order's row lock."""
    order = await orders.lock_order(tx, order_id, actor)
    if order.status != "open":
        raise errors.OrderNotOpen(current_status=order.status)
    ends = order.expires_at - ENDS_BEFORE_ORDER
    if clock.now() >= ends:
        raise errors.OrderEnding(expires_at=order.expires_at)
    await _require_cash(tx, order, channel)
    merchant = await merchants.merchant_for(tx, channel, order.campus_id)
    live = await tx.fetchrow(
        f"SELECT {_COLUMNS} FROM payment_attempt WHERE order_id = $1 AND merchant_code = $2 AND scene = $3"  # noqa: S608  our own list of columns
        " AND payer IS NOT DISTINCT FROM $4 AND status IN ('created', 'prepared') AND expires_at > $5"
        " ORDER BY ordinal DESC LIMIT 1",
        order_id,
        merchant.code,
        scene.value,
        payer,
        clock.now(),
    )
    if live is not None:
        return live
    return await _insert(
        tx,
        order,
        merchant,
        scene=scene.value,
        payer=payer,
        expires_at=ends,
        next_check_at=clock.machine_now() + FIRST_CHECK,
        actor=actor,
    )


async def open_insured_attempt(tx: Transaction, order: Order, account: Merchant, *, actor: Actor) -> None:
    """Wait for an order that the insurance pays alone: its one attempt, about which the worker asks the centre."""
    await _insert(
        tx,
        order,
        account,
        scene=Scene.NATIVE_CODE.value,
        payer=None,
        expires_at=order.expires_at - ENDS_BEFORE_ORDER,
        next_check_at=clock.machine_now() + FIRST_CHECK,
        actor=actor,
    )


async def _require_cash(tx: Transaction, order: Order, channel: ChannelCode) -> None:
    """See that something of an order is left to be paid by a channel.

    Raises:
        ChannelNotOffered: the insurance pays all of it.
    """
    is_alone: bool = await tx.fetchval(
        "SELECT EXISTS (SELECT FROM insurance_share WHERE order_id = $1 AND cash_fen = 0)", order.id
    )
    if is_alone:
        raise errors.ChannelNotOffered(channel=channel.value)


async def _insert(
    tx: Transaction,
    order: Order,
    merchant: Merchant,
    *,
    scene: str,
    payer: str | None,
    expires_at: datetime,
    next_check_at: datetime | None,
    actor: Actor,
) -> Row:
    made: int = await tx.fetchval("SELECT count(*) FROM payment_attempt WHERE order_id = $1", order.id)
    if made >= ATTEMPTS_MAX:
        raise errors.TooManyAttempts
    row = await tx.fetchrow(
        "INSERT INTO payment_attempt (id, attempt_no, order_id, ordinal, merchant_code, channel, scene, payer,"  # noqa: S608  our own list of columns
        " amount_fen, status, next_check_at, client_id, created_at, expires_at, updated_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'created', $10, $11, $12, $13, $12)"
        f" RETURNING {_COLUMNS}",
        new_id(),
        f"{order.order_no}A{made + 1:02d}",
        order.id,
        made + 1,
        merchant.code,
        merchant.channel.value,
        scene,
        payer,
        order.amount_fen,
        next_check_at,
        actor.client_id,
        clock.now(),
        expires_at,
    )
    assert row is not None, "INSERT ... RETURNING gives its row"
    facts = {"attempt_no": row["attempt_no"], "channel": merchant.channel.value, "scene": scene}
    await events.append(tx, "payment.attempted", order.id, facts=facts, actor=actor)
    return row


async def _prepare(row: Row, merchant: Merchant, order: Order, browser: Browser | None) -> Attempt:
    """Make the attempt known to its channel; no transaction is open."""
    asked = PaymentRequest(
        row["attempt_no"],
        Scene(row["scene"]),
        row["amount_fen"],
        order.title,
        row["expires_at"],
        row["payer"],
        browser.address if browser else None,
        browser.return_url if browser else None,
    )
    try:
        prepared = await mixed.prepare(merchant, asked, order.id)
        if prepared is None:
            prepared = await merchants.gateway_of(merchant).prepare(asked)
    except SecretMissing as error:
        log.error("merchant_unusable", merchant=merchant.code, reason=str(error))
        raise errors.ChannelNotOffered(channel=merchant.channel.value) from error
    except ChannelUnavailable as error:
        raise errors.ChannelSilent(attempt_no=row["attempt_no"]) from error
    except ChannelRefused as error:
        await _note_refusal(row["id"], error)
        raise errors.RefusedByChannel(channel_code=error.code) from error
    async with database().transaction() as tx:
        return _shape(await _note_prepared(tx, row["id"], prepared))


async def _note_refusal(attempt_id: UUID, refusal: ChannelRefused) -> None:
    """Write a definite no down; one that says "paid" is looked into by the worker instead."""
    async with database().transaction() as tx:
        if refusal.is_paid:
            await events.ask_worker(tx, "attempt.query", "attempt", attempt_id)
            return
        failed = await change_status(
            tx,
            "payment_attempt",
            attempt_id,
            to="failed",
            sets="fault = $4, next_check_at = NULL, updated_at = $5",
            values=(refusal.code[:64], clock.now()),
        )
        if failed is not None:
            await tx.execute("SELECT FROM payment_order WHERE id = $1 FOR UPDATE", failed["order_id"])
            await orders.finish_closing(tx, failed["order_id"])


async def _note_prepared(tx: Transaction, attempt_id: UUID, prepared: Prepared) -> Row:
    """Keep what the channel gave, whatever has been heard of the attempt meanwhile.

    Of several that asked at once, each gets what was given first; the way to a page is always the latest.
    """
    given: dict[str, object] = {"parameters": dict(prepared.parameters), "code_url": prepared.code_url}
    kept = "coalesce(prepared, $2)"
    if prepared.page_url is not None:
        given["page_url"], kept = prepared.page_url, "$2"
    at = clock.now()
    await tx.execute("SELECT FROM payment_attempt WHERE id = $1 FOR UPDATE", attempt_id)
    await change_status(tx, "payment_attempt", attempt_id, to="prepared")
    row = await tx.fetchrow(
        f"UPDATE payment_attempt SET prepared = {kept}, updated_at = $3 WHERE id = $1"  # noqa: S608  our own words
        f" RETURNING {_COLUMNS}",
        attempt_id,
        given,
        at,
    )
    assert row is not None, "an attempt is never removed"
    return row


async def record_window_payment(
    order_id: UUID,
    *,
    channel: ChannelCode,
    amount_fen: int,
    slip_no: str | None,
    actor: Actor,
    idempotency: Idempotency | None = None,
) -> Order:
    """Record what a cashier took for an order: cash, or a card whose terminal gave a slip with a number.

    The amount is counted by the cashier and must be the order's. Other attempts of the order are closed.

    Raises:
        StaffRequired, OrderNotFound, OrderNotOpen, ChannelNotOffered, TooManyAttempts.
        WrongAmount: not what the order asks.
        TransactionKnown: this slip was recorded before.
        IdempotencyMismatch, DatabaseUnavailable.
    """
    if actor.staff_code is None:
        raise errors.StaffRequired
    if channel not in WINDOW_CHANNELS or (channel is ChannelCode.CARD and slip_no is None):
        raise errors.ChannelNotOffered(channel=channel.value)
    try:
        async with database().transaction() as tx:
            if idempotency and (stored := await idempotency.replay(tx)):
                return await orders.read_order(tx, UUID(stored["order_id"]), actor)
            order = await orders.lock_order(tx, order_id, actor)
            if order.status != "open":
                raise errors.OrderNotOpen(current_status=order.status)
            await _require_cash(tx, order, channel)
            if amount_fen != order.amount_fen:
                raise errors.WrongAmount(amount_fen=order.amount_fen)
            merchant = await merchants.merchant_for(tx, channel, order.campus_id)
            row = await _insert(
                tx,
                order,
                merchant,
                scene="window",
                payer=None,
                expires_at=order.expires_at,
                next_check_at=None,
                actor=actor,
            )
            if await apply_channel_fact(tx, _taken(row, merchant, slip_no)) is not Applied.PAID:
                raise errors.TransactionKnown(transaction_no=slip_no)
            if idempotency:
                await idempotency.remember(tx, {"order_id": str(order_id)})
            return await orders.read_order(tx, order_id, actor)
    except asyncpg.UniqueViolationError as error:
        raise errors.TransactionKnown(transaction_no=slip_no) from error


def _taken(row: Row, merchant: Merchant, slip_no: str | None) -> PaymentFact:
    return PaymentFact(
        merchant.channel,
        merchant.merchant_no,
        None,
        row["attempt_no"],
        PaymentState.PAID,
        FactSource.ANSWER,
        amount_fen=row["amount_fen"],
        transaction_no=slip_no or row["attempt_no"],
        occurred_at=clock.now(),
    )


async def record_window_refund(
    refund_id: UUID, *, slip_no: str | None, actor: Actor, idempotency: Idempotency | None = None
) -> None:
    """Record that a cashier has handed a refund over, or that the terminal has put it back on the card.

    Raises:
        StaffRequired, RefundNotFound.
        RefundNotWaiting: it is not a window's, or does not wait to be handed over.
        IdempotencyMismatch, DatabaseUnavailable.
    """
    if actor.staff_code is None:
        raise errors.StaffRequired
    async with database().transaction() as tx:
        if idempotency and await idempotency.replay(tx):
            return
        row = await tx.fetchrow(
            "SELECT r.*, a.attempt_no, m.channel, m.merchant_no FROM payment_refund r"
            " JOIN payment_attempt a ON a.id = r.attempt_id JOIN payment_merchant m ON m.code = r.merchant_code"
            " WHERE r.id = $1",
            refund_id,
        )
        if row is None:
            raise errors.RefundNotFound
        if ChannelCode(row["channel"]) not in WINDOW_CHANNELS or row["status"] not in ("processing", "abnormal"):
            raise errors.RefundNotWaiting(current_status=row["status"])
        fact = RefundFact(
            ChannelCode(row["channel"]),
            row["merchant_no"],
            row["attempt_no"],
            row["refund_no"],
            RefundState.SUCCEEDED,
            FactSource.ANSWER,
            refund_fen=row["amount_fen"],
            channel_refund_no=slip_no,
            occurred_at=clock.now(),
        )
        await apply_channel_fact(tx, fact)
        await events.append(
            tx,
            "payment.refund_handed_over",
            row["order_id"],
            facts={"refund_id": str(refund_id), "amount_fen": row["amount_fen"]},
            actor=actor,
        )
        if idempotency:
            await idempotency.remember(tx, {"refund_id": str(refund_id)})


async def list_attempts(db: Reader, order_id: UUID) -> list[Attempt]:
    """List an order's attempts, the oldest first.

    Raises:
        DatabaseUnavailable.
    """
    rows = await db.fetch(f"SELECT {_COLUMNS} FROM payment_attempt WHERE order_id = $1 ORDER BY ordinal", order_id)  # noqa: S608  our own list of columns
    return [_shape(row) for row in rows]


async def _read(tx: Transaction, attempt_id: UUID) -> Row:
    row = await tx.fetchrow(f"SELECT {_COLUMNS} FROM payment_attempt WHERE id = $1", attempt_id)  # noqa: S608  our own list of columns
    assert row is not None, "an attempt is never removed"
    return row


def _shape(row: Row) -> Attempt:
    *shown, _payer = row.values()
    return Attempt(*shown)
