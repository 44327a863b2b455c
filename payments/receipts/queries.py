"""What is receipted, to be held against what the ledger says stays paid."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from kernel.db import Reader, Row

REFUND_READY: Final = ("written-off", "void")
FOUND_MAX: Final = 1_000


@dataclass(frozen=True, slots=True)
class ReceiptNet:
    """What is receipted of an order: as meant, as the fiscal platform has it, and whether nothing is under way."""

    order_id: UUID
    meant_fen: int
    issued_fen: int
    is_settled: bool


@dataclass(frozen=True, slots=True)
class ReceiptDifference:
    """An order whose receipts and ledger do not say the same."""

    order_id: UUID
    ledger_fen: int
    meant_fen: int
    issued_fen: int


class RefusedReceipt(NamedTuple):
    """A receipt that a person has to see to; `fault` is the fiscal platform's word for why."""

    id: UUID
    order_id: UUID
    kind: str
    amount_fen: int
    status: str
    fault: str | None
    created_at: datetime


class OrderReceipt(NamedTuple):
    """A receipt as its payer sees it: status `issuing`, `issued`, `refused` or `written-off`.

    page_url: the fiscal platform's own page of it, where that names one.
    """

    id: UUID
    amount_fen: int
    status: str
    code: str | None
    number: str | None
    check_code: str | None
    page_url: str | None
    issued_at: datetime | None


_COLUMNS: Final = ", ".join(RefusedReceipt._fields)


async def list_receipts(db: Reader, order_id: UUID) -> list[OrderReceipt]:
    """List the receipts of an order that its payer may hear of, the oldest first.

    Raises:
        DatabaseUnavailable.
    """
    rows = await db.fetch(
        f"SELECT {', '.join(OrderReceipt._fields)} FROM fiscal_receipt WHERE order_id = $1 AND status <> 'void'"  # noqa: S608  our own list of columns
        " ORDER BY sequence LIMIT $2",
        order_id,
        FOUND_MAX,
    )
    return [OrderReceipt(*row.values()) for row in rows]


async def list_refused(db: Reader, *, after: UUID | None, limit: int) -> list[RefusedReceipt]:
    """List what was refused and is still wanted, the oldest first; `after` is the last of the page before.

    Raises:
        DatabaseUnavailable.
    """
    rows = await db.fetch(
        f"SELECT {_COLUMNS} FROM fiscal_receipt WHERE status = 'refused' AND written_off_for IS NULL"  # noqa: S608  our own list of columns
        " AND ($1::uuid IS NULL OR id > $1) ORDER BY id LIMIT $2",
        after,
        limit,
    )
    return [RefusedReceipt(*row.values()) for row in rows]


async def read_receipt(db: Reader, receipt_id: UUID) -> RefusedReceipt | None:
    """Give a receipt as it stands; None: there is none.

    Raises:
        DatabaseUnavailable.
    """
    rows = await db.fetch(f"SELECT {_COLUMNS} FROM fiscal_receipt WHERE id = $1", receipt_id)  # noqa: S608  our own list of columns
    return RefusedReceipt(*rows[0].values()) if rows else None


async def read_nets(db: Reader, order_ids: list[UUID]) -> dict[UUID, ReceiptNet]:
    """Give what is receipted of orders; those without a receipt are left out."""
    rows = await db.fetch("SELECT * FROM fiscal_receipt_net WHERE order_id = ANY($1)", order_ids)
    return {row["order_id"]: ReceiptNet(*row.values()) for row in rows}


async def find_differences(db: Reader, ledger: Mapping[UUID, int]) -> list[ReceiptDifference]:
    """Give the orders whose receipts do not come to what the ledger says stays paid (invariant 13).

    ledger: what stays paid of each settled order. What is meant must agree at every moment; what the fiscal platform
    has, once nothing is under way.
    """
    rows = await db.fetch(
        "SELECT l.order_id, l.net_fen AS ledger_fen, coalesce(r.meant_fen, 0) AS meant_fen,"
        " coalesce(r.issued_fen, 0) AS issued_fen"
        " FROM unnest($1::uuid[], $2::bigint[]) AS l (order_id, net_fen)"
        " LEFT JOIN fiscal_receipt_net r USING (order_id)"
        " WHERE l.net_fen <> coalesce(r.meant_fen, 0) OR (r.is_settled AND l.net_fen <> r.issued_fen)"
        " ORDER BY l.order_id LIMIT $3",
        list(ledger),
        list(ledger.values()),
        FOUND_MAX,
    )
    return [ReceiptDifference(*row.values()) for row in rows]


async def is_written_off(db: Reader, refund_id: UUID) -> bool:
    """Tell whether the receipt that a refund ends is out of the world, so that the money may follow.

    True as well where the order had no receipt.
    """
    rows: list[Row] = await db.fetch("SELECT status FROM fiscal_receipt WHERE written_off_for = $1", refund_id)
    return all(row["status"] in REFUND_READY for row in rows)
