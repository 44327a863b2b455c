"""Relatives pay (亲友代付): a code that lets whoever has it pay one order, and see of it no more than that needs.

The code is the right to start an attempt for its order, and to nothing else. It is over when the order is, when its
time is, or when who made it revokes it. An order is paid once whoever tries: a second payment goes back by itself.
"""

import base64
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from kernel import clock
from kernel.crypto import cipher
from kernel.db import Database, Reader, Row, Transaction, database
from kernel.events import Actor
from kernel.idempotency import Idempotency
from kernel.ids import new_id
from oauth.attempts import count_failure, seconds_locked
from payments import attempts, errors, orders
from payments.attempts import Attempt, Browser
from payments.gateways.port import ChannelCode, Scene
from payments.orders import Order

CODE_BYTES: Final = 16
"""22 characters; with a letter for what it is, it fits into the scene of a mini-program code (at most 32)."""
CODE_CHARACTERS_MAX: Final = 64
VALID_FOR_DEFAULT: Final = timedelta(hours=24)
CODES_PER_ORDER_MAX: Final = 5
ASKS_PER_MINUTE_MAX: Final = 30
ENDED_KEPT: Final = timedelta(days=30)
GUESSER: Final = "pay-code"
WAITING_KINDS: Final = frozenset({"outpatient_bill", "deposit", "discharge"})
"""What waits for a relative as long as its code is valid; a seat does not."""

_PAID: Final = ("paid", "settled", "rejected", "refunded")
_STATUS: Final[Mapping[str, str]] = {"open": "payable", "closing": "ended", "closed": "ended"} | dict.fromkeys(
    _PAID, "paid"
)


class PayCode(NamedTuple):
    """A code, told to who made it."""

    id: UUID
    code: str
    expires_at: datetime


class ValidCode(NamedTuple):
    """A code that can be used, as its maker finds it again; the code itself is told only once."""

    id: UUID
    created_at: datetime
    expires_at: datetime


class KnownCode(NamedTuple):
    """A code by its id, and the order that it is for."""

    id: UUID
    order_id: UUID


class Payable(NamedTuple):
    """What a relative sees. status: `payable`, `paid` or `ended`; name: all but the last character masked.

    kind, campus_id: of the order, for surfaces that say in words what it is for and by what it is paid there.
    """

    title: str
    amount_fen: int
    name: str
    status: str
    expires_at: datetime
    kind: str
    campus_id: UUID | None


async def make_pay_code(
    order_id: UUID,
    *,
    actor: Actor,
    account_id: UUID | None = None,
    valid_for: timedelta = VALID_FOR_DEFAULT,
    idempotency: Idempotency | None = None,
) -> PayCode:
    """Make a code for an open order of this caller's.

    The order can be paid as long as the code is valid; that of a registration, which keeps a seat, no longer than
    before.

    account_id: the person who makes it, where one application serves many.

    Raises:
        OrderNotFound, OrderNotOpen.
        OrderEnding: the order's time is over.
        TooManyPayCodes: `limit` codes are valid.
        IdempotencyMismatch, DatabaseUnavailable.
    """
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            code_id = UUID(stored["pay_code_id"])
            expires_at = await tx.fetchval("SELECT expires_at FROM pay_code WHERE id = $1", code_id)
            return PayCode(code_id, _code(code_id), expires_at)
        order = await orders.lock_order(tx, order_id, actor)
        made = await _insert(tx, order, actor=actor, account_id=account_id, valid_for=valid_for)
        if idempotency:
            await idempotency.remember(tx, {"pay_code_id": str(made.id)})
        return made


async def _insert(
    tx: Transaction, order: Order, *, actor: Actor, account_id: UUID | None, valid_for: timedelta
) -> PayCode:
    """Raises: OrderNotOpen, OrderEnding, TooManyPayCodes."""
    at = clock.now()
    if order.status != "open":
        raise errors.OrderNotOpen(current_status=order.status)
    if order.expires_at <= at:
        raise errors.OrderEnding(expires_at=order.expires_at)
    expires_at = at + valid_for
    if order.kind not in WAITING_KINDS:
        expires_at = min(order.expires_at, expires_at)
    elif order.expires_at < expires_at:
        await orders.extend_order(tx, order.id, until=expires_at, actor=actor)
    valid: int = await tx.fetchval(
        "SELECT count(*) FROM pay_code WHERE order_id = $1 AND revoked_at IS NULL AND expires_at > $2", order.id, at
    )
    if valid >= CODES_PER_ORDER_MAX:
        raise errors.TooManyPayCodes(limit=CODES_PER_ORDER_MAX)
    code_id = new_id()
    code = _code(code_id)
    await tx.execute(
        "INSERT INTO pay_code (id, order_id, code_hash, client_id, account_id, created_at, expires_at, asks_since)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $6)",
        code_id,
        order.id,
        _hash(code),
        actor.client_id,
        account_id,
        at,
        expires_at,
    )
    return PayCode(code_id, code, expires_at)


async def revoke_pay_code(
    code_id: UUID, *, actor: Actor, account_id: UUID | None = None, idempotency: Idempotency | None = None
) -> None:
    """End a code before its time; a payment that was begun with it may still be made. Doing it again changes nothing.

    Raises:
        PayCodeNotFound: none, or made by somebody else.
        IdempotencyMismatch, DatabaseUnavailable.
    """
    async with database().transaction() as tx:
        if idempotency and await idempotency.replay(tx):
            return
        revoked = await tx.execute(
            "UPDATE pay_code SET revoked_at = coalesce(revoked_at, $2) WHERE id = $1"
            " AND ($3 OR client_id = $4 AND account_id IS NOT DISTINCT FROM $5)",
            code_id,
            clock.now(),
            actor.sees_all,
            actor.client_id,
            account_id,
        )
        if not revoked:
            raise errors.PayCodeNotFound
        if idempotency:
            await idempotency.remember(tx, {"pay_code_id": str(code_id)})


async def purge_codes(db: Database, *, limit: int = 5_000) -> int:
    """Forget codes that have not been worth anything for a while, a bounded number at a time; give how many.

    Until then whoever has one reads that it has ended, and not that there never was one.

    Raises:
        DatabaseUnavailable.
    """
    return await db.execute(
        "DELETE FROM pay_code WHERE id IN (SELECT id FROM pay_code WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)",
        clock.now() - ENDED_KEPT,
        limit,
    )


async def list_valid_codes(db: Reader, order_id: UUID) -> list[ValidCode]:
    """List the codes by which an order can be paid now, the oldest first.

    Raises:
        DatabaseUnavailable.
    """
    rows = await db.fetch(
        "SELECT id, created_at, expires_at FROM pay_code WHERE order_id = $1 AND revoked_at IS NULL"
        " AND expires_at > $2 ORDER BY created_at, id LIMIT $3",
        order_id,
        clock.now(),
        CODES_PER_ORDER_MAX,
    )
    return [ValidCode(*row.values()) for row in rows]


async def read_code(db: Reader, code_id: UUID) -> KnownCode:
    """Say which order a code is for, also when it cannot be used any more.

    Raises:
        PayCodeNotFound, DatabaseUnavailable.
    """
    rows = await db.fetch("SELECT id, order_id FROM pay_code WHERE id = $1", code_id)
    if not rows:
        raise errors.PayCodeNotFound
    return KnownCode(*rows[0].values())


async def show_payable(code: str, *, address: str) -> Payable:
    """Show whoever has a code what they would pay.

    address: of who asks (a network address, a device), so that guessing ends for them alone; never what many share,
    such as an application's id. Where it is not known, an empty one counts nothing.

    Raises:
        PayCodeNotFound, DatabaseUnavailable.
        PayCodeEnded: revoked, or too old.
        PayCodeBusy: asked too often.
    """
    found = await _use(code, address=address)
    return Payable(
        found["title"],
        found["amount_fen"],
        mask_name(found["name"]),
        _STATUS[found["order_status"]],
        found["expires_at"],
        found["kind"],
        found["campus_id"],
    )


async def pay_by_code(
    code: str,
    *,
    channel: ChannelCode,
    scene: Scene,
    payer: str | None,
    address: str,
    browser: Browser | None = None,
    idempotency: Idempotency | None = None,
) -> Attempt:
    """Begin to pay a code's order, as `attempts.start_attempt` does for who made it.

    Raises:
        PayCodeNotFound, PayCodeBusy.
        PayCodeEnded: revoked, too old, or the order is paid or over.
        OrderNotOpen, OrderEnding, ChannelNotOffered, PayerRequired, TooManyAttempts, ChannelSilent, RefusedByChannel.
        IdempotencyMismatch, DatabaseUnavailable.
    """
    if idempotency:
        # A key of another request is refused before the code is looked at; the answer is given again further down.
        async with database().transaction() as tx:
            await idempotency.replay(tx)
    found = await _use(code, address=address)
    if found["order_status"] != "open":
        raise errors.PayCodeEnded(reason=_STATUS[found["order_status"]])
    whose = Actor(client_id=found["order_client_id"], channel="relative", kind="partner")
    return await attempts.start_attempt(
        found["order_id"],
        channel=channel,
        scene=scene,
        payer=payer,
        browser=browser,
        actor=whose,
        idempotency=idempotency,
    )


def mask_name(name: str) -> str:
    """Give a name as somebody recognises it who knows it: only its last character."""
    return "*" * (len(name) - 1) + name[-1:]


async def _use(code: str, *, address: str) -> Row:
    """Find what a code is for, and count that it was asked.

    Raises:
        PayCodeNotFound, PayCodeEnded, PayCodeBusy, DatabaseUnavailable.
    """
    seconds = seconds_locked(GUESSER, address)
    if seconds:
        raise errors.PayCodeBusy(retry_after_seconds=seconds)
    if not 1 <= len(code) <= CODE_CHARACTERS_MAX:
        raise errors.PayCodeNotFound
    async with database().transaction() as tx:
        row = await _find(tx, code)
        if row is not None:
            await _count(tx, row)
    if row is None:
        await count_failure(GUESSER, address)
        raise errors.PayCodeNotFound
    if row["revoked_at"] is not None:
        raise errors.PayCodeEnded(reason="revoked")
    if row["expires_at"] <= clock.now():
        raise errors.PayCodeEnded(reason="expired")
    return row


async def _find(tx: Transaction, code: str) -> Row | None:
    return await tx.fetchrow(
        "SELECT c.id, c.order_id, c.revoked_at, c.expires_at, o.title, o.amount_fen, o.status AS order_status,"
        " o.client_id AS order_client_id, o.kind, o.campus_id, p.name FROM pay_code c"
        " JOIN payment_order o ON o.id = c.order_id JOIN patient p ON p.id = o.patient_id WHERE c.code_hash = $1",
        _hash(code),
    )


async def _count(tx: Transaction, row: Row) -> None:
    """Raises: PayCodeBusy."""
    at = clock.now()
    counted = await tx.execute(
        "UPDATE pay_code SET asks = CASE WHEN asks_since <= $3 THEN 1 ELSE asks + 1 END,"
        " asks_since = CASE WHEN asks_since <= $3 THEN $2 ELSE asks_since END"
        " WHERE id = $1 AND (asks < $4 OR asks_since <= $3)",
        row["id"],
        at,
        at - timedelta(minutes=1),
        ASKS_PER_MINUTE_MAX,
    )
    if not counted:
        raise errors.PayCodeBusy(retry_after_seconds=60)


def _code(code_id: UUID) -> str:
    """Give the code of a row: the random id under the platform's key, so that it is told again for the same request."""
    secret = cipher().lookup_hash(f"code-of-a-payment\n{code_id}")[:CODE_BYTES]
    return base64.urlsafe_b64encode(secret).decode().rstrip("=")


def _hash(code: str) -> bytes:
    return cipher().lookup_hash(f"pay-code\n{code}")
