"""What the insurance pays of orders, as their owners see it."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple
from uuid import UUID

from kernel.db import Reader


class Parts(NamedTuple):
    """Who pays what of an order, in fen. status: pending, paid or taken_back, of the insurance's part.

    centre_order_no: the insurance's own number (payOrdId), by which the person agrees to it there.
    """

    centre_order_no: str
    total_fen: int
    fund_fen: int
    account_fen: int
    reduced_fen: int
    cash_fen: int
    back_fen: int
    status: str

    @property
    def insured_fen(self) -> int:
        """What the insurance pays."""
        return self.fund_fen + self.account_fen


async def parts_of_orders(db: Reader, order_ids: Iterable[UUID]) -> Mapping[UUID, Parts]:
    """Give the parts of those orders that the insurance shares.

    Raises:
        DatabaseUnavailable.
    """
    rows = await db.fetch(
        "SELECT order_id, pay_order_id, total_fen, pooled_fen, account_fen, reduced_fen, cash_fen, insurance_back_fen,"
        " status FROM insurance_share WHERE order_id = ANY ($1)",
        list(order_ids),
    )
    return {order_id: Parts(*parts) for order_id, *parts in (tuple(row.values()) for row in rows)}
