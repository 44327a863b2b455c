"""What a payer saw of the bills that an order pays, kept with the order and never changed."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from integration.his.billing import Bill
from kernel import clock
from kernel.db import Reader, Row, Transaction
from kernel.events import Actor
from payments import errors
from payments.orders import Order, read_order


class OrderedItem(NamedTuple):
    """An item as it was ordered. refund_no: of the refund that it was asked back with."""

    item_no: str
    code: str
    name: str
    specification: str
    unit: str
    quantity: int
    unit_price_fen: int
    amount_fen: int
    insurance_fen: int
    executing_department: str
    refund_no: str | None


class OrderedBill(NamedTuple):
    """A bill as it was ordered."""

    bill_no: str
    hash: str
    kind: str
    department_code: str
    ordered_by: str
    ordered_at: datetime
    total_fen: int
    insurance_fen: int
    items: Sequence[OrderedItem]


class Told(NamedTuple):
    """What the HIS has to be told of an order's bills: whose they are, and each with the hash that its payer saw."""

    his_number: str
    bills: Sequence[tuple[str, str]]


async def write_snapshot(
    tx: Transaction, order: Order, his_number: str, bills: Sequence[Bill], *, content_hash: bytes
) -> None:
    """Keep what was ordered, and claim each bill for this order.

    Raises:
        asyncpg.UniqueViolationError: another order has claimed one of them.
    """
    await tx.execute(
        "INSERT INTO bill_snapshot (order_id, patient_id, his_number, content_hash, total_fen, taken_at)"
        " VALUES ($1, $2, $3, $4, $5, $6)",
        order.id,
        order.patient_id,
        his_number,
        content_hash,
        sum(bill.total_fen for bill in bills),
        clock.now(),
    )
    await tx.executemany(
        "INSERT INTO bill_snapshot_bill (order_id, bill_no, hash, version, kind, department_code, ordered_by,"
        " ordered_at, total_fen, insurance_fen, is_claimed) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, true)",
        [
            (
                order.id, bill.bill_no, bill.hash, bill.version, bill.kind, bill.department_code, bill.ordered_by,
                bill.ordered_at, bill.total_fen, bill.insurance_fen,
            )
            for bill in bills
        ],
    )  # fmt: skip
    await tx.executemany(
        "INSERT INTO bill_snapshot_item VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        [
            (
                order.id, bill.bill_no, item.item_no, item.code, item.name, item.specification, item.unit,
                item.quantity, item.unit_price_fen, item.amount_fen, item.insurance_fen, item.executing_department,
            )
            for bill in bills
            for item in bill.items
        ],
    )  # fmt: skip


async def read_ordered_bills(db: Reader, order_id: UUID, actor: Actor) -> list[OrderedBill]:
    """Give what an order of this caller's pays, as its payer saw it.

    Raises:
        OrderNotFound: absent, another caller's, or not one of bills.
        DatabaseUnavailable.
    """
    order = await read_order(db, order_id, actor)
    bills = await db.fetch(
        "SELECT bill_no, hash, kind, department_code, ordered_by, ordered_at, total_fen, insurance_fen"
        " FROM bill_snapshot_bill WHERE order_id = $1 ORDER BY bill_no",
        order.id,
    )
    if not bills:
        raise errors.OrderNotFound
    items = await db.fetch("SELECT * FROM bill_snapshot_item WHERE order_id = $1 ORDER BY item_no", order.id)
    asked = await _asked_back(db, order.id)
    return [OrderedBill._make([*bill.values(), _items_of(bill["bill_no"], items, asked)]) for bill in bills]


def _items_of(bill_no: str, items: Sequence[Row], asked: Mapping[str, str]) -> list[OrderedItem]:
    return [
        OrderedItem._make([*(item[name] for name in OrderedItem._fields[:-1]), asked.get(item["item_no"])])
        for item in items
        if item["bill_no"] == bill_no
    ]


async def read_told(db: Reader, order_id: UUID) -> Told:
    """Give what the HIS is told of an order.

    Raises:
        DatabaseUnavailable.
    """
    rows = await db.fetch(
        "SELECT s.his_number, b.bill_no, b.hash FROM bill_snapshot s JOIN bill_snapshot_bill b USING (order_id)"
        " WHERE order_id = $1 ORDER BY b.bill_no",
        order_id,
    )
    return Told(rows[0]["his_number"], [(row["bill_no"], row["hash"]) for row in rows])


async def self_paid_items(db: Reader, order_id: UUID) -> frozenset[str]:
    """Name the items of an order that the insurance has no part in, as the HIS told.

    Raises:
        DatabaseUnavailable.
    """
    rows = await db.fetch("SELECT item_no FROM bill_snapshot_item WHERE order_id = $1 AND insurance_fen = 0", order_id)
    return frozenset(row["item_no"] for row in rows)


async def claimed_by(db: Reader, bill_nos: Sequence[str], *, patient_id: UUID) -> Mapping[str, UUID]:
    """Give the orders of a person by which bills may be paid, or are, by the bill's number.

    Raises:
        DatabaseUnavailable.
    """
    rows = await db.fetch(
        "SELECT b.bill_no, b.order_id FROM bill_snapshot_bill b JOIN bill_snapshot s USING (order_id)"
        " WHERE b.bill_no = ANY ($1) AND b.is_claimed AND s.patient_id = $2",
        list(bill_nos),
        patient_id,
    )
    return {row["bill_no"]: row["order_id"] for row in rows}


async def left_items(db: Reader, order_id: UUID, *, refund_no: str | None = None) -> Mapping[str, int]:
    """Give the items that no refund was asked for, or only this one, with their amounts.

    Raises:
        DatabaseUnavailable.
    """
    rows = await db.fetch("SELECT item_no, amount_fen FROM bill_snapshot_item WHERE order_id = $1", order_id)
    asked = await _asked_back(db, order_id)
    return {row["item_no"]: row["amount_fen"] for row in rows if asked.get(row["item_no"], refund_no) == refund_no}


async def _asked_back(db: Reader, order_id: UUID) -> Mapping[str, str]:
    rows = await db.fetch(
        "SELECT item ->> 'item_no' AS item_no, r.refund_no FROM payment_refund r, jsonb_array_elements(r.items) AS item"
        " WHERE r.order_id = $1 AND r.status NOT IN ('declined', 'cancelled')",
        order_id,
    )
    return {row["item_no"]: row["refund_no"] for row in rows}
