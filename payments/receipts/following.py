"""Receipts follow the money: what payments tell of an order decides which receipt of it stands.

A settled order has one; a refund that is owed from now on ends it, with another for what stays paid; a refund that was
given up brings it back. A deposit has none: its stay is receipted when it is discharged.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from kernel.db import Transaction
from payments.events import PaymentEvent
from payments.receipts.port import ReceiptItem, ReceiptKind
from payments.receipts.service import RefundedOrder, SettledOrder, issue_for, restore_for, write_off_for

KINDS: Final[Mapping[str, ReceiptKind]] = {
    "registration": ReceiptKind.REGISTRATION,
    "outpatient_bill": ReceiptKind.OUTPATIENT,
    "discharge": ReceiptKind.INPATIENT,
}
WHOLE: Final[Mapping[ReceiptKind, tuple[str, str]]] = {
    ReceiptKind.REGISTRATION: ("REG", "挂号诊查费"),
    ReceiptKind.OUTPATIENT: ("OUT", "门诊费用"),
    ReceiptKind.INPATIENT: ("INP", "住院费用"),
}
"""What a receipt says in one line where the HIS's lines do not come to what was paid."""

_SETTLED: Final = """
SELECT o.amount_fen, o.settled_at, a.channel, s.receipt
FROM payment_order o JOIN payment_settlement s ON s.order_id = o.id
JOIN payment_transaction t ON t.id = s.transaction_id JOIN payment_attempt a ON a.id = t.attempt_id
WHERE o.id = $1 AND o.settled_at IS NOT NULL
"""
# A payment that was one too many, or disputed, was never receipted.
_REFUND: Final = """
SELECT r.amount_fen, r.items FROM payment_refund r JOIN payment_transaction t ON t.id = r.transaction_id
WHERE r.id = $1 AND t.role = 'accepted'
"""
_STANDING: Final = """
SELECT items FROM fiscal_receipt WHERE order_id = $1 AND written_off_for IS NULL
"""
_FIRST: Final = "SELECT items, amount_fen FROM fiscal_receipt WHERE order_id = $1 AND sequence = 1 FOR UPDATE"


async def receipt_settled(tx: Transaction, event: PaymentEvent) -> None:
    """Have a settled order receipted, with the HIS's lines where they are what was paid."""
    kind = KINDS.get(event.order_kind)
    if kind is None:
        return
    row = await tx.fetchrow(_SETTLED, event.order_id)
    assert row is not None, "the event says that it is settled"
    items = items_of((row["receipt"] or {}).get("lines", ()), kind=kind, amount_fen=row["amount_fen"])
    order = SettledOrder(
        order_id=event.order_id,
        kind=kind,
        patient_id=event.patient_id,
        channel=row["channel"],
        amount_fen=row["amount_fen"],
        items=items,
        settled_at=row["settled_at"],
    )
    await issue_for(tx, order)


async def receipt_refunded(tx: Transaction, event: PaymentEvent) -> None:
    """End the receipt of an order whose money, or part of it, is owed back; what stays paid has another."""
    told = await _refund_of_receipted(tx, event)
    if told is None:
        return
    refund_id, amount_fen, named = told
    standing = [ReceiptItem(**item) for item in (await tx.fetchval(_STANDING, event.order_id)) or ()]
    gone = await _items_named(tx, event.order_id, named)
    items = items_left(standing, gone, kind=KINDS[event.order_kind], refund_fen=amount_fen)
    await write_off_for(tx, RefundedOrder(refund_id, event.order_id, amount_fen, items))


async def receipt_kept(tx: Transaction, event: PaymentEvent) -> None:
    """Have the order receipted again for money that was to go back and did not."""
    told = await _refund_of_receipted(tx, event)
    first = await tx.fetchrow(_FIRST, event.order_id)
    if told is None or first is None:
        return
    refund_id, amount_fen, _ = told
    standing = await tx.fetchval(_STANDING, event.order_id) or ()
    paid_fen = sum(item["amount_fen"] for item in standing) + amount_fen
    if paid_fen == first["amount_fen"]:
        items = [ReceiptItem(**item) for item in first["items"]]
    else:
        items = items_of((), kind=KINDS[event.order_kind], amount_fen=paid_fen)
    await restore_for(tx, RefundedOrder(refund_id, event.order_id, amount_fen, items))


def items_of(lines: Sequence[Mapping[str, Any]], *, kind: ReceiptKind, amount_fen: int) -> list[ReceiptItem]:
    """Give a receipt's items: the HIS's lines, or one line where those come to something else (an insurance's part)."""
    items = [
        ReceiptItem(
            code=str(line["code"]),
            name=str(line["name"]),
            unit=str(line["unit"]) or "次",
            quantity=str(line["quantity"]),
            amount_fen=int(line["amount_fen"]),
        )
        for line in lines
        if line["amount_fen"] > 0
    ]
    if items and sum(item.amount_fen for item in items) == amount_fen:
        return items
    code, name = WHOLE[kind]
    return [ReceiptItem(code=code, name=name, unit="次", quantity="1", amount_fen=amount_fen)]


def items_left(
    standing: Sequence[ReceiptItem], gone: Sequence[ReceiptItem], *, kind: ReceiptKind, refund_fen: int
) -> list[ReceiptItem]:
    """Give what stays of a receipt: without the items that go back, or one line of what is left of the amount."""
    left_fen = sum(item.amount_fen for item in standing) - refund_fen
    if left_fen <= 0:
        return []
    left = list(standing)
    for item in gone:
        if item in left:
            left.remove(item)
    if sum(item.amount_fen for item in left) == left_fen:
        return left
    return items_of((), kind=kind, amount_fen=left_fen)


async def _refund_of_receipted(
    tx: Transaction, event: PaymentEvent
) -> tuple[UUID, int, Sequence[Mapping[str, Any]]] | None:
    if event.order_kind not in KINDS:
        return None
    refund_id = UUID(event.facts["refund_id"])
    row = await tx.fetchrow(_REFUND, refund_id)
    return None if row is None else (refund_id, row["amount_fen"], row["items"])


async def _items_named(tx: Transaction, order_id: UUID, named: Sequence[Mapping[str, Any]]) -> list[ReceiptItem]:
    """Give the receipt items that a refund's items are, by the HIS's numbers of them."""
    row = await tx.fetchrow(_SETTLED, order_id)
    if row is None or not named:
        return []
    numbers = {item.get("item_no") for item in named}
    lines = [line for line in (row["receipt"] or {}).get("lines", ()) if line.get("item_no") in numbers]
    amount_fen = sum(line["amount_fen"] for line in lines)
    return items_of(lines, kind=ReceiptKind.OUTPATIENT, amount_fen=amount_fen) if lines else []


SUBSCRIBERS: Final = (
    ("payment.settled", receipt_settled),
    ("payment.refund_approved", receipt_refunded),
    ("payment.refund_cancelled", receipt_kept),
)
"""Whom payments have to tell of what, for receipts to follow."""
