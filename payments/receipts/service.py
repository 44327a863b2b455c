"""Which receipt of an order stands: decided in the transaction of what it follows from, made so by the worker later.

A subscriber calls these with what payments tell of: `issue_for` once the HIS has settled an order, `write_off_for` with
a refund's reservation (so that the receipt goes before or with the money), `restore_for` when a refund has failed for
good.
Each may be called again with the same order or refund and then changes nothing.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final
from uuid import NAMESPACE_OID, UUID, uuid5

from kernel import clock
from kernel.audit import record_change
from kernel.db import Row, Transaction, database
from kernel.events import Actor
from kernel.idempotency import Idempotency
from kernel.ids import new_id
from kernel.outbox import publish
from payments.errors import StaffRequired
from payments.receipts.errors import ReceiptNotFound, ReceiptNotRefused
from payments.receipts.port import ReceiptItem, ReceiptKind
from payments.receipts.queries import RefusedReceipt, read_receipt
from payments.receipts.states import RECEIPT

HANDLER: Final = "receipts"
ISSUE: Final = "receipt.issue"
WRITE_OFF: Final = "receipt.write_off"
_RESTORED: Final = uuid5(NAMESPACE_OID, "fiscal receipt restored")


@dataclass(frozen=True, slots=True)
class SettledOrder:
    """An order whose care and money agree. items: what the HIS charged, as much in all as amount_fen."""

    order_id: UUID
    kind: ReceiptKind
    patient_id: UUID
    channel: str
    amount_fen: int
    items: Sequence[ReceiptItem]
    settled_at: datetime


@dataclass(frozen=True, slots=True)
class RefundedOrder:
    """Money that goes back, or has failed to. items: what stays paid afterwards, none where nothing does."""

    refund_id: UUID
    order_id: UUID
    refund_fen: int
    items: Sequence[ReceiptItem]


async def issue_for(tx: Transaction, order: SettledOrder) -> UUID:
    """Have the first receipt of a settled order issued; give its id."""
    assert order.amount_fen == _sum(order.items), "a receipt's items are what was paid"
    known = await tx.fetchval("SELECT id FROM fiscal_receipt WHERE order_id = $1 AND sequence = 1", order.order_id)
    if known is not None:
        return UUID(str(known))
    receipt_id = new_id()
    inserted = await tx.execute(
        "INSERT INTO fiscal_receipt (id, order_id, sequence, business_no, kind, patient_id, channel, amount_fen, items,"
        " occurred_at, created_at) VALUES ($1, $2, 1, $3, $4, $5, $6, $7, $8, $9, $10)"
        " ON CONFLICT (order_id, sequence) DO NOTHING",
        receipt_id,
        order.order_id,
        receipt_id.hex,
        order.kind,
        order.patient_id,
        order.channel,
        order.amount_fen,
        [asdict(item) for item in order.items],
        order.settled_at,
        clock.now(),
    )
    if not inserted:
        return await issue_for(tx, order)
    await _post(tx, ISSUE, receipt_id, order.order_id)
    return receipt_id


async def write_off_for(tx: Transaction, refund: RefundedOrder) -> UUID | None:
    """Have the standing receipt of an order written off, and one for what stays paid issued; give that one's id.

    None where nothing stays paid, or the order never had a receipt.
    """
    return await _follow(tx, refund, cause_id=refund.refund_id, change_fen=-refund.refund_fen)


async def restore_for(tx: Transaction, refund: RefundedOrder) -> UUID | None:
    """Have a receipt for the whole again, after a refund that `write_off_for` was told of has failed for good.

    items: what is paid, the money that did not go back included. None where the refund touched no receipt.
    """
    touched = await tx.fetchval(
        "SELECT true FROM fiscal_receipt WHERE order_id = $1 AND $2 IN (written_off_for, issued_for)",
        refund.order_id,
        refund.refund_id,
    )
    if not touched:
        return None
    cause_id = uuid5(_RESTORED, str(refund.refund_id))
    return await _follow(tx, refund, cause_id=cause_id, change_fen=refund.refund_fen)


async def ask_anew(receipt_id: UUID, *, actor: Actor, idempotency: Idempotency | None = None) -> RefusedReceipt:
    """Have a refused receipt asked for again because a member of staff has mended the reason, and keep who it was.

    Raises:
        StaffRequired.
        ReceiptNotFound, ReceiptNotRefused.
        IdempotencyMismatch, DatabaseUnavailable.
    """
    if actor.staff_code is None:
        raise StaffRequired
    async with database().transaction() as tx:
        if not (idempotency and await idempotency.replay(tx)):
            await ask_again(tx, receipt_id)
            await record_change(
                tx,
                entity="fiscal_receipt",
                entity_id=str(receipt_id),
                action="updated",
                before={"status": "refused"},
                after={"status": "issuing"},
                actor=actor,
            )
            if idempotency:
                await idempotency.remember(tx, {"receipt_id": str(receipt_id)})
        found = await read_receipt(tx, receipt_id)
    assert found is not None, "a receipt is never removed"
    return found


async def ask_again(tx: Transaction, receipt_id: UUID) -> None:
    """Have a receipt asked for again that the fiscal platform had refused, once a person has mended the reason.

    Raises:
        ReceiptNotFound: no such receipt.
        ReceiptNotRefused: it has not been refused.
    """
    row = await tx.fetchrow("SELECT order_id, status FROM fiscal_receipt WHERE id = $1", receipt_id)
    if row is None:
        raise ReceiptNotFound
    # One that a refund has ended meanwhile is made void, not issued.
    asked = await tx.execute(
        "UPDATE fiscal_receipt SET status = 'issuing', fault = NULL"
        " WHERE id = $1 AND status = ANY($2) AND written_off_for IS NULL",
        receipt_id,
        RECEIPT.before("issuing"),
    )
    if not asked:
        raise ReceiptNotRefused(current_status=row["status"])
    await _post(tx, ISSUE, receipt_id, row["order_id"])


async def _follow(tx: Transaction, refund: RefundedOrder, *, cause_id: UUID, change_fen: int) -> UUID | None:
    """Let the next receipt of the chain follow: the standing one goes, one for the new amount comes."""
    first = await _lock_chain(tx, refund.order_id)
    if first is None:
        return None
    if (known := await _caused_by(tx, cause_id)) is not None:
        return known.issued
    standing = await tx.fetchrow(
        "SELECT id, amount_fen FROM fiscal_receipt WHERE order_id = $1 AND written_off_for IS NULL", refund.order_id
    )
    amount_fen = (standing["amount_fen"] if standing else 0) + change_fen
    assert amount_fen == _sum(refund.items), "a receipt's items are what stays paid"
    if standing is not None:
        await tx.execute(
            "UPDATE fiscal_receipt SET written_off_for = $2 WHERE id = $1 AND written_off_for IS NULL",
            standing["id"],
            cause_id,
        )
        await _post(tx, WRITE_OFF, standing["id"], refund.order_id)
    return await _issue_next(tx, first, refund, cause_id=cause_id) if amount_fen else None


@dataclass(frozen=True, slots=True)
class _Caused:
    issued: UUID | None


async def _caused_by(tx: Transaction, cause_id: UUID) -> _Caused | None:
    rows = await tx.fetch(
        "SELECT id, issued_for FROM fiscal_receipt WHERE written_off_for = $1 OR issued_for = $1", cause_id
    )
    if not rows:
        return None
    return _Caused(next((UUID(str(row["id"])) for row in rows if row["issued_for"] == cause_id), None))


async def _lock_chain(tx: Transaction, order_id: UUID) -> Row | None:
    """Let one refund of an order at a time change its chain: the first receipt is the lock of all."""
    return await tx.fetchrow(
        "SELECT kind, patient_id, channel FROM fiscal_receipt WHERE order_id = $1 AND sequence = 1 FOR UPDATE",
        order_id,
    )


async def _issue_next(tx: Transaction, first: Row, refund: RefundedOrder, *, cause_id: UUID) -> UUID:
    receipt_id, now = new_id(), clock.now()
    await tx.execute(
        "INSERT INTO fiscal_receipt (id, order_id, sequence, business_no, kind, patient_id, channel, amount_fen, items,"
        " issued_for, occurred_at, created_at)"
        " SELECT $1, $2, 1 + max(sequence), $3, $4, $5, $6, $7, $8, $9, $10, $10"
        " FROM fiscal_receipt WHERE order_id = $2",
        receipt_id,
        refund.order_id,
        receipt_id.hex,
        first["kind"],
        first["patient_id"],
        first["channel"],
        _sum(refund.items),
        [asdict(item) for item in refund.items],
        cause_id,
        now,
    )
    await _post(tx, ISSUE, receipt_id, refund.order_id)
    return receipt_id


async def _post(tx: Transaction, what: str, receipt_id: UUID, order_id: UUID) -> None:
    """Have the worker act, in order within an order: a red receipt never before what it writes off."""
    await publish(
        tx, handler=HANDLER, event_type=what, aggregate=f"receipts:{order_id}", payload={"id": str(receipt_id)}
    )


def _sum(items: Sequence[ReceiptItem]) -> int:
    return sum(item.amount_fen for item in items)
