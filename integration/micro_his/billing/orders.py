"""What doctors order and departments carry out: bills and their items, as the hospital's own programs do it."""

import hashlib
from collections.abc import Sequence
from typing import Final

import orjson

from integration.micro_his import outbox
from integration.micro_his.billing.errors import BillNotUnpaid, BillUnknown, ItemNotRefundable, ServiceDone
from integration.micro_his.billing.messages import describe_bill
from integration.micro_his.billing.records import OrderedItem
from integration.micro_his.billing.states import BILL, ITEM
from integration.micro_his.records import ToldPatient
from integration.micro_his.window import chart_of
from kernel import clock
from kernel.db import Database, Row, Transaction

_REQUEST_LOCK: Final = 3


async def order_items(
    db: Database,
    *,
    patient: ToldPatient,
    kind: str,
    items: Sequence[OrderedItem],
    department_code: str,
    ordered_by: str,
    request_id: str | None,
    charset: str,
) -> str:
    """Write a doctor's order as a bill to be paid, and tell the platform; gives its number.

    A request id that was seen before gives the bill that was written then.

    Raises:
        PatientUnknown: nobody to order for.
        DatabaseUnavailable, DatabaseBusy.
    """
    async with db.transaction() as tx:
        if request_id is not None:
            await tx.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, $2))", request_id, _REQUEST_LOCK)
            known: str | None = await tx.fetchval("SELECT bill_no FROM bill WHERE request_id = $1", request_id)
            if known is not None:
                return known
        chart = await chart_of(tx, patient)
        bill = await tx.fetchrow(
            "INSERT INTO bill (mr, kind, department_code, ordered_by, status, version, request_id, created_at,"
            " updated_at) VALUES ($1, $2, $3, $4, 'unpaid', 1, $5, $6, $6) RETURNING *",
            chart["mr"],
            kind,
            department_code,
            ordered_by,
            request_id,
            clock.now(),
        )
        assert bill is not None, "INSERT gives its row"
        await tx.executemany(
            "INSERT INTO bill_item (bill_id, code, name, specification, unit, quantity, unit_price_fen,"
            " insurance_percent, executing_department, status)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'unpaid')",
            [
                (
                    bill["id"],
                    item.code,
                    item.name,
                    item.specification,
                    item.unit,
                    item.quantity,
                    item.unit_price_fen,
                    item.insurance_percent or 0,
                    item.executing_department,
                )
                for item in items
            ],
        )
        await tell_bill(tx, bill, charset=charset)
    return str(bill["bill_no"])


async def change_quantity(db: Database, *, bill_no: str, item_no: str, quantity: int, charset: str) -> None:
    """Change how much of an unpaid item is ordered; who has seen the bill before has to look again.

    Raises:
        BillUnknown, BillNotUnpaid: no such bill or item in it, or it is paid or withdrawn.
        DatabaseUnavailable, DatabaseBusy.
    """
    async with db.transaction() as tx:
        bill = await lock_unpaid_bill(tx, bill_no)
        changed = await tx.execute(
            "UPDATE bill_item SET quantity = $3 WHERE bill_id = $1 AND item_no = $2", bill["id"], item_no, quantity
        )
        if not changed:
            raise BillUnknown
        bill = await move_bill(tx, bill, bill["status"])
        await tell_bill(tx, bill, charset=charset)


async def withdraw_bill(db: Database, *, bill_no: str, charset: str) -> None:
    """Withdraw an unpaid order.

    Raises:
        BillUnknown, BillNotUnpaid: no such bill, or it is paid or withdrawn.
        DatabaseUnavailable, DatabaseBusy.
    """
    async with db.transaction() as tx:
        bill = await lock_unpaid_bill(tx, bill_no)
        await tx.execute(
            "UPDATE bill_item SET status = 'cancelled' WHERE bill_id = $1 AND status = ANY ($2)",
            bill["id"],
            ITEM.before("cancelled"),
        )
        bill = await move_bill(tx, bill, "cancelled")
        await tell_bill(tx, bill, charset=charset)


async def carry_out(db: Database, *, item_no: str, done_by: str) -> None:
    """Note that a paid drug was dispensed or a paid test or treatment done; from then on it is not refunded.

    Raises:
        BillUnknown, BillNotUnpaid: no such item, or it is not paid (any more).
        ItemNotRefundable: a refund of it is asked for or approved: it is not carried out.
        ServiceDone: it was carried out before.
        DatabaseUnavailable, DatabaseBusy.
    """
    async with db.transaction() as tx:
        item = await tx.fetchrow("SELECT * FROM bill_item WHERE item_no = $1 FOR UPDATE", item_no)
        if item is None:
            raise BillUnknown
        if item["status"] == "done":
            raise ServiceDone(item_no=item_no)
        if not ITEM.allows(item["status"], "done"):
            raise BillNotUnpaid(item_status=item["status"])
        is_asked_for = await tx.fetchval(
            "SELECT EXISTS (SELECT FROM refund_request_item WHERE item_id = $1 AND is_active)", item["id"]
        )
        if is_asked_for:
            raise ItemNotRefundable(item_no=item_no)
        await tx.execute(
            "UPDATE bill_item SET status = 'done', done_by = $2, done_at = $3 WHERE id = $1",
            item["id"],
            done_by,
            clock.now(),
        )


async def lock_unpaid_bill(tx: Transaction, bill_no: str) -> Row:
    """Lock a bill that can still be paid, changed or withdrawn.

    Raises:
        BillUnknown, BillNotUnpaid.
    """
    bill = await tx.fetchrow("SELECT * FROM bill WHERE bill_no = $1 FOR UPDATE", bill_no)
    if bill is None:
        raise BillUnknown(bill_no=bill_no)
    if bill["status"] != "unpaid":
        raise BillNotUnpaid(bill_no=bill_no, bill_status=bill["status"])
    return bill


async def move_bill(tx: Transaction, bill: Row, status: str) -> Row:
    """Give a locked bill its next version, and the next status where it takes one."""
    assert status == bill["status"] or BILL.allows(bill["status"], status), "the caller has looked"
    row = await tx.fetchrow(
        "UPDATE bill SET status = $2, version = version + 1, updated_at = $3 WHERE id = $1 RETURNING *",
        bill["id"],
        status,
        clock.now(),
    )
    assert row is not None, "it is locked"
    return row


async def tell_bill(tx: Transaction, bill: Row, *, charset: str) -> None:
    """Tell the platform how a bill stands."""
    chart = await tx.fetchrow("SELECT * FROM patient WHERE mr = $1", bill["mr"])
    assert chart is not None, "a bill has a chart"
    items = await items_of(tx, [bill["id"]])
    await outbox.append(tx, describe_bill(bill, items, chart, charset=charset))


async def items_of(db: Database | Transaction, bill_ids: Sequence[int]) -> list[Row]:
    """Give the items of bills, in their order."""
    return await db.fetch("SELECT * FROM bill_item WHERE bill_id = ANY ($1) ORDER BY bill_id, id", list(bill_ids))


def hash_bill(bill: Row, items: Sequence[Row]) -> str:
    """Give what changes with everything of a bill that a payer sees: its items, prices and parts (SHA-256, hex)."""
    content = [bill["bill_no"], bill["kind"]] + [
        [
            item["item_no"],
            item["code"],
            item["name"],
            item["specification"],
            item["unit"],
            item["quantity"],
            item["unit_price_fen"],
            item["amount_fen"],
            item["insurance_fen"],
        ]
        for item in items
    ]
    return hashlib.sha256(orjson.dumps(content)).hexdigest()
