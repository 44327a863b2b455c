"""Refunds: whether what was paid may be given back, and taking it back out of our books.

A refund is asked for under the platform's refund number. Tests and treatments that nobody has begun are approved at
once; of drugs the pharmacy decides. While a refund is asked for or approved, nobody carries the item out.
"""

from collections.abc import Sequence
from dataclasses import replace

from integration.micro_his import outbox
from integration.micro_his.billing.cashier import require_amounts
from integration.micro_his.billing.errors import (
    AlreadyDecided,
    AmountDiffers,
    EntryUnknown,
    ItemNotRefundable,
    NotApproved,
    NumberReused,
    RequestUnknown,
    ServiceDone,
)
from integration.micro_his.billing.inpatient import reopen_stay
from integration.micro_his.billing.ledger import recall, require_receipt, write_receipt
from integration.micro_his.billing.messages import describe_decision
from integration.micro_his.billing.orders import move_bill
from integration.micro_his.billing.records import Payment
from integration.micro_his.billing.states import ITEM, REFUND_REQUEST
from kernel import clock
from kernel.db import Database, Row, Transaction

AT_ONCE = "not_begun"
DRUG_DISPENSED, TEST_DONE = "drug_dispensed", "test_done"
_PHARMACY_DECIDES = "prescription"

_ITEMS_OF_REQUEST = (
    "SELECT i.*, b.kind AS bill_kind FROM refund_request_item r JOIN bill_item i ON i.id = r.item_id"
    " JOIN bill b ON b.id = i.bill_id WHERE r.request_id = $1 ORDER BY i.id"
)


async def request_refund(db: Database, *, refund_no: str, settlement_no: str, item_nos: Sequence[str]) -> Row:
    """Ask whether items of a settlement may be refunded; a repeat gives how the request stands now.

    What has been carried out is refused at once, with the reason, and the refusal is kept.

    Raises:
        EntryUnknown: no outpatient settlement has this number.
        ItemNotRefundable: not an item of it, or refunded or asked for already; `item_no` says which.
        NumberReused: the refund number was used for other items.
        DatabaseUnavailable, DatabaseBusy.
    """
    async with db.transaction() as tx:
        await tx.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 4))", refund_no)
        settled = await require_receipt(tx, settlement_no)
        if settled["kind"] != "outpatient":
            raise EntryUnknown
        known = await tx.fetchrow("SELECT * FROM refund_request WHERE refund_no = $1", refund_no)
        if known is not None:
            await _require_same_request(tx, known, settled, item_nos)
            return known
        items = await tx.fetch(
            "SELECT i.*, b.kind AS bill_kind FROM bill_item i JOIN bill b ON b.id = i.bill_id"
            " WHERE i.paid_by = $1 AND i.item_no = ANY ($2) ORDER BY i.id FOR UPDATE OF i",
            settled["id"],
            list(item_nos),
        )
        await _require_refundable(tx, items, item_nos)
        done = next((item for item in items if item["status"] == "done"), None)
        status, reason = "approved", AT_ONCE
        if done is not None:
            status = "refused"
            reason = DRUG_DISPENSED if done["bill_kind"] == _PHARMACY_DECIDES else TEST_DONE
        elif any(item["bill_kind"] == _PHARMACY_DECIDES for item in items):
            status, reason = "pending", ""
        now = clock.now()
        row = await tx.fetchrow(
            "INSERT INTO refund_request (refund_no, receipt_id, status, reason, version, created_at, decided_at)"
            " VALUES ($1, $2, $3, $4, 1, $5, $6) RETURNING *",
            refund_no,
            settled["id"],
            status,
            reason,
            now,
            None if status == "pending" else now,
        )
        assert row is not None, "INSERT gives its row"
        await tx.executemany(
            "INSERT INTO refund_request_item VALUES ($1, $2, $3)",
            [(row["id"], item["id"], status != "refused") for item in items],
        )
    return row


async def _require_same_request(tx: Transaction, known: Row, settled: Row, item_nos: Sequence[str]) -> None:
    if known["receipt_id"] != settled["id"]:
        raise NumberReused(field="settlement_no")
    items = await tx.fetch(_ITEMS_OF_REQUEST, known["id"])
    if {item["item_no"] for item in items} != set(item_nos):
        raise NumberReused(field="item_nos")


async def _require_refundable(tx: Transaction, items: Sequence[Row], item_nos: Sequence[str]) -> None:
    for item_no in sorted(set(item_nos) - {item["item_no"] for item in items}):
        raise ItemNotRefundable(item_no=item_no)
    asked = await tx.fetch(
        "SELECT item_id FROM refund_request_item WHERE is_active AND item_id = ANY ($1)",
        [item["id"] for item in items],
    )
    taken = {row["item_id"] for row in asked}
    for item in items:
        if item["id"] in taken or item["status"] not in ("paid", "done"):
            raise ItemNotRefundable(item_no=item["item_no"])


async def find_request(db: Database, refund_no: str) -> tuple[Row, list[str]]:
    """Give how a request stands, and its items.

    Raises:
        RequestUnknown.
    """
    row = await db.fetchrow("SELECT * FROM refund_request WHERE refund_no = $1", refund_no)
    if row is None:
        raise RequestUnknown
    return row, [item["item_no"] for item in await db.fetch(_ITEMS_OF_REQUEST, row["id"])]


async def decide_refund(
    db: Database, *, approval_no: str, approves: bool, reason: str, decided_by: str, charset: str
) -> Row:
    """Decide on a request at the pharmacy, and tell the platform.

    Raises:
        RequestUnknown, AlreadyDecided.
        DatabaseUnavailable, DatabaseBusy.
    """
    status = "approved" if approves else "refused"
    async with db.transaction() as tx:
        row = await tx.fetchrow(
            "UPDATE refund_request SET status = $2, reason = $3, decided_by = $4, decided_at = $5,"
            " version = version + 1 WHERE approval_no = $1 AND status = ANY ($6) RETURNING *",
            approval_no,
            status,
            reason,
            decided_by,
            clock.now(),
            REFUND_REQUEST.before(status),
        )
        if row is None:
            if await tx.fetchval("SELECT EXISTS (SELECT FROM refund_request WHERE approval_no = $1)", approval_no):
                raise AlreadyDecided
            raise RequestUnknown
        if not approves:
            await tx.execute("UPDATE refund_request_item SET is_active = false WHERE request_id = $1", row["id"])
        chart = await tx.fetchrow(
            "SELECT p.* FROM patient p JOIN receipt r USING (mr) WHERE r.id = $1", row["receipt_id"]
        )
        assert chart is not None, "a receipt has a chart"
        items = await tx.fetch(_ITEMS_OF_REQUEST, row["id"])
        await outbox.append(tx, describe_decision(row, items, chart, charset=charset))
    return row


async def reverse_settlement(db: Database, payment: Payment, *, settlement_no: str) -> tuple[Row, bool]:
    """Take a settlement, or its approved items, back out of our books; gives the receipt, and whether it is new.

    Of an outpatient settlement the items are those approved under the refund number. A registration fee goes back,
    whole or in part, unless the visit has taken place. A discharge is undone unless something of its surplus was
    returned.

    Raises:
        NumberReused, EntryUnknown: the refund number is another entry's; no such settlement.
        NotApproved: no approved request under this number, or the settlement is reversed already.
        ServiceDone: the visit has taken place.
        AmountDiffers: not what we count.
        DatabaseUnavailable, DatabaseBusy.
    """
    assert payment.number is not None, "a refund has the platform's number"
    async with db.transaction() as tx:
        known = await recall(tx, payment)
        if known is not None:
            return known, False
        settled = await require_receipt(tx, settlement_no)
        match settled["kind"]:
            case "outpatient":
                receipt = await _reverse_items(tx, payment, settled)
            case "registration":
                receipt = await _reverse_registration(tx, payment, settled)
            case "discharge":
                await reopen_stay(tx, settled)
                whole = replace(payment, insurance_fen=settled["insurance_fen"])
                receipt = await _write_reversal(
                    tx, whole, settled, total_fen=settled["total_fen"], insurance_fen=settled["insurance_fen"]
                )
            case _:
                raise EntryUnknown
    return receipt, True


async def _reverse_items(tx: Transaction, payment: Payment, settled: Row) -> Row:
    request = await tx.fetchrow(
        "UPDATE refund_request SET status = 'used', version = version + 1"
        " WHERE refund_no = $1 AND receipt_id = $2 AND status = ANY ($3) RETURNING *",
        payment.number,
        settled["id"],
        REFUND_REQUEST.before("used"),
    )
    if request is None:
        raise NotApproved
    # Bills before their items, as whoever pays them locks.
    bills = await tx.fetch(
        "SELECT * FROM bill WHERE id IN (SELECT i.bill_id FROM bill_item i JOIN refund_request_item r"
        " ON r.item_id = i.id WHERE r.request_id = $1) ORDER BY id FOR UPDATE",
        request["id"],
    )
    items = await tx.fetch(f"{_ITEMS_OF_REQUEST} FOR UPDATE OF i", request["id"])
    receipt = await _write_reversal(
        tx,
        payment,
        settled,
        total_fen=sum(item["amount_fen"] for item in items),
        insurance_fen=sum(item["insurance_fen"] for item in items) if settled["insurance_fen"] else 0,
    )
    moved = await tx.execute(
        "UPDATE bill_item SET status = 'reversed', reversed_by = $2 WHERE id = ANY ($1) AND status = ANY ($3)",
        [item["id"] for item in items],
        receipt["id"],
        ITEM.before("reversed"),
    )
    assert moved == len(items), "an approved item is not carried out"
    await tx.execute("UPDATE refund_request_item SET is_active = false WHERE request_id = $1", request["id"])
    for bill in bills:
        is_left = await tx.fetchval(
            "SELECT EXISTS (SELECT FROM bill_item WHERE bill_id = $1 AND status <> 'reversed')", bill["id"]
        )
        await move_bill(tx, bill, bill["status"] if is_left else "reversed")
    return receipt


async def _reverse_registration(tx: Transaction, payment: Payment, settled: Row) -> Row:
    """Take a registration fee back, or the part of it by which the number has become cheaper (another doctor, say)."""
    status = await tx.fetchval("SELECT status FROM appointment WHERE id = $1 FOR UPDATE", settled["appointment_id"])
    gone = await tx.fetchval("SELECT -coalesce(sum(total_fen), 0) FROM receipt WHERE reverses = $1", settled["id"])
    left: int = settled["total_fen"] - int(gone)
    if left == 0:
        raise NotApproved
    back = min(payment.cash_fen, left)
    if status == "fulfilled" or (status == "arrived" and back == left):
        raise ServiceDone(appointment_status=status)
    receipt = await _write_reversal(tx, payment, settled, total_fen=back, insurance_fen=0)
    if back == left:
        await tx.execute(
            "UPDATE registration_charge SET reversed_by = $2 WHERE receipt_id = $1", settled["id"], receipt["id"]
        )
    return receipt


async def _write_reversal(
    tx: Transaction, payment: Payment, settled: Row, *, total_fen: int, insurance_fen: int
) -> Row:
    if payment.insurance_no is not None:
        await _require_whole_share(tx, payment, settled)
    elif settled["insurance_no"] is not None:
        raise AmountDiffers(expected_cash_fen=0, expected_insurance_fen=settled["insurance_fen"])
    require_amounts(payment, total_fen=total_fen, insurance_fen=insurance_fen, has_choice=False)
    return await write_receipt(
        tx,
        payment,
        kind="reversal",
        mr=settled["mr"],
        reverses=settled["id"],
        appointment_id=settled["appointment_id"],
        admission_id=settled["admission_id"],
    )


async def _require_whole_share(tx: Transaction, payment: Payment, settled: Row) -> None:
    """See that the insurance's part goes back whole or stays, as its centre has it, and only once.

    Raises:
        AmountDiffers.
    """
    told = (payment.insurance_fen, payment.account_fen)
    gone = await tx.fetchval(
        "SELECT coalesce(sum(insurance_fen), 0) <> 0 FROM receipt WHERE reverses = $1", settled["id"]
    )
    whole = (0, 0) if gone else (settled["insurance_fen"], settled["account_fen"])
    if payment.insurance_no != settled["insurance_no"] or told not in {(0, 0), whole}:
        raise AmountDiffers(expected_cash_fen=payment.cash_fen, expected_insurance_fen=whole[0])
