"""Orders, payments and refunds as they go onto the wire."""

from collections.abc import Sequence
from typing import Any, Final

from kernel.db import database
from payments.attempts import Attempt
from payments.insurance.queries import Parts, parts_of_orders
from payments.orders import Order
from payments.refunds import Refund

LIVE: Final = frozenset({"created", "prepared"})


async def render_orders(orders: Sequence[Order]) -> list[dict[str, Any]]:
    """Shape orders, with what the insurance pays of them.

    Raises:
        DatabaseUnavailable.
    """
    parts = await parts_of_orders(database(), [order.id for order in orders])
    return [_order(order, parts.get(order.id)) for order in orders]


async def render_order(order: Order) -> dict[str, Any]:
    """Shape an order. Raises: DatabaseUnavailable."""
    [shown] = await render_orders([order])
    return shown


def _order(order: Order, parts: Parts | None) -> dict[str, Any]:
    shown = {name: value for name, value in order._asdict().items() if name != "client_id"}
    return shown | {"insurance": None if parts is None else parts._asdict()}


def render_payment(attempt: Attempt) -> dict[str, Any]:
    """Shape a payment; what the phone or kiosk goes on with is shown as long as it can be paid."""
    prepared = attempt.prepared if attempt.prepared is not None and attempt.status in LIVE else {}
    return {
        "id": attempt.id,
        "payment_no": attempt.attempt_no,
        "order_id": attempt.order_id,
        "channel": attempt.channel,
        "scene": attempt.scene,
        "amount_fen": attempt.amount_fen,
        "status": attempt.status,
        "parameters": prepared.get("parameters") or None,
        "code_url": prepared.get("code_url"),
        "expires_at": attempt.expires_at,
    }


def render_refund(refund: Refund) -> dict[str, Any]:
    """Shape a refund for the application whose order it is of."""
    return {
        "id": refund.id,
        "refund_no": refund.refund_no,
        "order_id": refund.order_id,
        "amount_fen": refund.amount_fen,
        "cause": refund.cause,
        "reason": refund.reason,
        "status": refund.status,
        "created_at": refund.created_at,
        "ended_at": refund.ended_at,
    }
