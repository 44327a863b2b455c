"""WeChat's mixed orders (医保自费混合收款) for orders that the insurance shares: one password for both parts.

The part in cash stays an ordinary attempt. That the whole is paid wants both words: the centre's of its part, and
WeChat's MIX_PAY_SUCCESS. When the insurance has its part back, and the cash is gone, WeChat is told (docs/adr/0325).
"""

from collections.abc import Callable
from datetime import datetime
from typing import Final, NamedTuple, Protocol
from uuid import UUID

from kernel import clock
from kernel.db import Database, database
from kernel.log import get_logger
from kernel.secrets import SecretMissing
from payments import merchants
from payments.gateways.errors import ChannelRefused, ChannelUnavailable
from payments.gateways.port import ChannelCode, Merchant, PaymentRequest, Prepared, Scene
from payments.insurance.shares import Share, share_of
from payments.ports import OutcomeUnknown, PaidOrder

TOLD_MAX: Final = 50
"""How many orders one sweep tells WeChat of."""
MIX_TRADE_NO: Final = "mix_trade_no"
"""Under which name the mini-program gets the number of the whole, beside what it needs for the part in cash."""

log = get_logger("payments")


class Mixed(NamedTuple):
    """How a mixed order stands. is_paid: both parts are; is_failed: it never will be."""

    mix_trade_no: str
    is_paid: bool
    is_failed: bool


class MixedOrders(Protocol):
    """Mixed orders over one merchant's account."""

    async def prepare(self, request: PaymentRequest, share: Share) -> tuple[str, Prepared]:
        """Make a mixed order known; gives its number. Raises: ChannelUnavailable, ChannelRefused."""
        ...

    async def query(self, attempt_no: str) -> Mixed | None:
        """Ask how one stands; None: there is none of this attempt. Raises: ChannelUnavailable, ChannelRefused."""
        ...

    async def report_back(self, share: Share, *, refund_no: str, at: datetime) -> None:
        """Tell that the insurance's part went back; twice is no error. Raises: ChannelUnavailable, ChannelRefused."""
        ...


MixedOf = Callable[[Merchant], MixedOrders | None]
"""Gives the mixed orders of an account; None: it has none."""


def _none(_merchant: Merchant) -> None:
    return None


class _Known:
    def __init__(self) -> None:
        self.mixed_of: MixedOf = _none


_KNOWN: Final = _Known()


def set_mixed(mixed_of: MixedOf | None) -> None:
    """Say, at start-up, which accounts take mixed orders; None: none does."""
    _KNOWN.mixed_of = mixed_of or _none


def is_connected() -> bool:
    """Tell whether WeChat may take both parts by one password here."""
    return _KNOWN.mixed_of is not _none


async def prepare(merchant: Merchant, request: PaymentRequest, order_id: UUID) -> Prepared | None:
    """Prepare an attempt as a mixed order; None: it is an ordinary one.

    Raises:
        ChannelUnavailable, ChannelRefused, SecretMissing.
    """
    if merchant.channel is not ChannelCode.WECHATPAY or request.scene is not Scene.MINI_PROGRAM:
        return None
    orders = _KNOWN.mixed_of(merchant)
    share = None if orders is None else await share_of(database(), order_id)
    if orders is None or share is None:
        return None
    mix_trade_no, cash = await orders.prepare(request, share)
    await _note(order_id, mix_trade_no, request.attempt_no)
    return Prepared({**cash.parameters, MIX_TRADE_NO: mix_trade_no}, cash.code_url)


async def is_whole(share: Share, order: PaidOrder) -> bool:
    """Tell whether WeChat too has both parts, where the order was paid as a mixed one; False: it never will.

    Raises:
        OutcomeUnknown: it may yet.
    """
    if share.mix_trade_no is None or order.channel != ChannelCode.WECHATPAY.value:
        return True
    db = database()
    merchant = await merchants.read_merchant(db, order.merchant_code)
    attempt_no: str = await db.fetchval(
        "SELECT a.attempt_no FROM payment_transaction t JOIN payment_attempt a ON a.id = t.attempt_id"
        " WHERE t.order_id = $1 AND t.role = 'accepted'",
        order.id,
    )
    try:
        orders = _KNOWN.mixed_of(merchant)
        if orders is None:
            raise OutcomeUnknown("this process asks of no mixed orders")
        found = await orders.query(attempt_no)
    except (ChannelUnavailable, ChannelRefused, SecretMissing) as error:
        raise OutcomeUnknown(str(error)) from error
    if found is None:
        return True  # an attempt that was made before mixed orders were taken: its cash stands by itself
    if not found.is_paid and not found.is_failed:
        raise OutcomeUnknown("one part of the mixed order is not paid")
    await _note(share.order_id, found.mix_trade_no, attempt_no)
    return found.is_paid


async def tell_due(db: Database) -> int:
    """Tell WeChat of mixed orders of which the insurance's part and the cash are back; give how many.

    Raises:
        DatabaseUnavailable.
    """
    rows = await db.fetch(
        "UPDATE insurance_share s SET tries = s.tries + 1,"
        " next_try_at = $1 + least(600, 5 * 2 ^ least(s.tries, 10)) * interval '1 second'"
        " FROM payment_order o, payment_attempt a, payment_refund r"
        " WHERE o.id = s.order_id AND a.attempt_no = s.mix_attempt_no AND r.attempt_id = a.id"
        " AND r.status = 'succeeded' AND s.order_id IN ("
        "   SELECT d.order_id FROM insurance_share d JOIN payment_order p ON p.id = d.order_id"
        "   WHERE d.mix_trade_no IS NOT NULL AND d.mix_told_at IS NULL AND d.insurance_back_fen > 0"
        "   AND d.next_try_at <= $1 AND p.status = 'refunded' ORDER BY d.next_try_at LIMIT $2"
        "   FOR UPDATE OF d SKIP LOCKED)"
        " AND r.id = (SELECT max(l.id::text)::uuid FROM payment_refund l"
        "             WHERE l.attempt_id = a.id AND l.status = 'succeeded')"
        " RETURNING s.order_id, s.updated_at, a.merchant_code, r.refund_no",
        clock.machine_now(),
        TOLD_MAX,
    )
    done = 0
    for row in rows:
        share = await share_of(db, row["order_id"])
        assert share is not None, "a share is never removed"
        try:
            orders = _KNOWN.mixed_of(await merchants.read_merchant(db, row["merchant_code"]))
            if orders is None:
                continue
            await orders.report_back(share, refund_no=row["refund_no"], at=row["updated_at"])
        except (ChannelUnavailable, ChannelRefused, SecretMissing) as error:
            log.warning("mixed_order_not_told", order_id=str(row["order_id"]), reason=str(error))
            continue
        await db.execute("UPDATE insurance_share SET mix_told_at = $2 WHERE order_id = $1", share.order_id, clock.now())
        done += 1
    return done


async def _note(order_id: UUID, mix_trade_no: str, attempt_no: str) -> None:
    await database().execute(
        "UPDATE insurance_share SET mix_trade_no = $2, mix_attempt_no = $3 WHERE order_id = $1",
        order_id,
        mix_trade_no,
        attempt_no,
    )
