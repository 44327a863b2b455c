"""The settlement of a stay that has ended (出院结算): what is owed is paid by an order, what is too much goes back.

When the HIS says that a stay has ended, its account is read. A balance waits for an order. Where nothing is owed, the
HIS is told to settle under a number of ours, and the surplus goes back over the stay's deposits, first in, first out,
within their channels' limits. What came in at the HIS's own window cannot go back from here: a cashier pays it and
records it.
Guangdong wants a stay settled within three working days.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from integration.his.billing import NO_CHANNEL, NOT_YET, HisReceipt, Money, Stay, StayStatus
from integration.his.errors import HisDisagrees, HisUnavailable
from integration.his.facts import DischargeFacts
from integration.his.port import InboundChange, InboundKind
from integration.his.subscriptions import InboundSubscription
from kernel import clock
from kernel.db import Reader, Row, Transaction, database
from kernel.events import Actor
from kernel.idempotency import Idempotency
from kernel.ids import new_id
from kernel.log import get_logger
from patients.his import find_linked
from payments import errors, events, exceptions, ledger, orders, refunds
from payments.backoff import next_try
from payments.billing import billing
from payments.events import PaymentEvent
from payments.exceptions import Cause, Subject
from payments.inpatient.stays import lock_account, read_stay
from payments.orders import PAY_FOR_DEFAULT, NewOrder, Order
from payments.receipts.following import items_of
from payments.receipts.port import ReceiptKind
from payments.receipts.service import RefundedOrder, SettledOrder, issue_for, write_off_for
from payments.refunds import Ask

KIND: Final = "discharge"
SUBJECT: Final = "admission"
TITLE: Final = "出院结算"
CAUSES: Final = (Cause.DISCHARGE_UNKNOWN, Cause.DISCHARGE_REFUSED)
SURPLUS_REASON: Final = "出院结算，预交金余额退回"

_COLUMNS: Final = (
    "id, admission_no, status, reason, balance_fen, surplus_fen, returned_fen, payout_fen, payout_proof, payout_by,"
    " payout_at, created_at, settled_at"
)

log = get_logger("payments")


class Discharge(NamedTuple):
    """How the settlement of a stay stands; amounts in fen.

    status: `asking` (the HIS is asked), `owing` (an order is to pay balance_fen), `settled`, `refused` (settled at the
    HIS's window, say). payout_fen: what a cashier gives back, and payout_at when they did.
    """

    id: UUID
    admission_no: str
    status: str
    reason: str | None
    balance_fen: int | None
    surplus_fen: int
    returned_fen: int
    payout_fen: int
    payout_proof: str | None
    payout_by: str | None
    payout_at: datetime | None
    created_at: datetime
    settled_at: datetime | None


async def order_discharge(
    patient_id: UUID,
    admission_no: str,
    *,
    actor: Actor,
    campus_id: UUID | None = None,
    pay_for: timedelta = PAY_FOR_DEFAULT,
    idempotency: Idempotency | None = None,
) -> Order:
    """Make the order that pays what is owed for a stay that has ended.

    Raises:
        StayNotFound.
        StayNotOpen: it goes on, or is settled.
        NothingToPay: the deposits were enough; `request_discharge` settles it.
        SubjectAlreadyOrdered: there is such an order; `order_id` names it.
        PatientNotLinked, HisUnavailable, HisDisagrees, IdempotencyMismatch, DatabaseUnavailable.
    """
    if idempotency:
        async with database().transaction() as tx:
            if stored := await idempotency.replay(tx):
                return await orders.read_order(tx, UUID(stored["order_id"]), actor)
    stay = await _ended_stay(patient_id, admission_no)
    if stay.balance_fen <= 0:
        raise errors.NothingToPay
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return await orders.read_order(tx, UUID(stored["order_id"]), actor)
        await lock_account(tx, stay, patient_id)
        order = await orders.open_order(
            tx,
            NewOrder(
                kind=KIND,
                subject_kind=SUBJECT,
                subject_id=admission_no,
                patient_id=patient_id,
                amount_fen=stay.balance_fen,
                title=TITLE,
                campus_id=campus_id,
                expires_at=clock.now() + pay_for,
            ),
            actor=actor,
        )
        if idempotency:
            await idempotency.remember(tx, {"order_id": str(order.id)})
        return order


async def request_discharge(patient_id: UUID, admission_no: str) -> Discharge:
    """Have a stay that has ended settled, should the HIS's news of it not have come; gives how it stands.

    Raises:
        StayNotFound, StayNotOpen, PatientNotLinked, HisUnavailable, HisDisagrees, DatabaseUnavailable.
    """
    stay = await _ended_stay(patient_id, admission_no)
    async with database().transaction() as tx:
        await lock_account(tx, stay, patient_id)
        await _begin(tx, admission_no)
        found = await read_discharge(tx, admission_no)
    assert found is not None, "begun above"
    return found


async def read_discharge(db: Reader, admission_no: str) -> Discharge | None:
    """Give how the settlement of a stay stands; None: it has not begun.

    Raises:
        DatabaseUnavailable.
    """
    rows = await db.fetch(f"SELECT {_COLUMNS} FROM payment_discharge WHERE admission_no = $1", admission_no)  # noqa: S608  our own list of columns
    return Discharge(*rows[0].values()) if rows else None


async def list_payouts_owed(db: Reader, *, after: UUID | None = None, limit: int) -> list[Discharge]:
    """List what cashiers have to give back, the oldest first; `after` is the last of the page before.

    Raises:
        DatabaseUnavailable.
    """
    rows = await db.fetch(
        f"SELECT {_COLUMNS} FROM payment_discharge WHERE payout_fen > 0 AND payout_at IS NULL"  # noqa: S608  our own list of columns
        " AND ($1::uuid IS NULL OR id > $1) ORDER BY id LIMIT $2",
        after,
        limit,
    )
    return [Discharge(*row.values()) for row in rows]


async def record_payout(
    discharge_id: UUID, *, proof: str, actor: Actor, idempotency: Idempotency | None = None
) -> None:
    """Record that a cashier gave back what could not go back by a channel. proof: the receipt's or transfer's number.

    Raises:
        StaffRequired, PayoutNotFound.
        PayoutRecorded: somebody has.
        IdempotencyMismatch, DatabaseUnavailable.
    """
    if actor.staff_code is None:
        raise errors.StaffRequired
    async with database().transaction() as tx:
        if idempotency and await idempotency.replay(tx):
            return
        won = await tx.execute(
            "UPDATE payment_discharge SET payout_proof = $2, payout_by = $3, payout_at = $4, updated_at = $4"
            " WHERE id = $1 AND payout_fen > 0 AND payout_at IS NULL",
            discharge_id,
            proof,
            actor.staff_code,
            clock.now(),
        )
        if won:
            if idempotency:
                await idempotency.remember(tx, {"discharge_id": str(discharge_id)})
            return
        known = await tx.fetchval("SELECT payout_fen > 0 FROM payment_discharge WHERE id = $1", discharge_id)
        raise errors.PayoutRecorded if known else errors.PayoutNotFound


async def drive(discharge_id: UUID) -> None:
    """Take the next step of a settlement, from the worker: read the account, and have it settled if nothing is owed.

    Raises:
        DatabaseUnavailable.
    """
    db = database()
    row = await db.fetchrow("SELECT * FROM payment_discharge WHERE id = $1 AND status = 'asking'", discharge_id)
    if row is None:
        return
    await db.execute(
        "UPDATE payment_discharge SET tries = tries + 1, next_try_at = $2 WHERE id = $1 AND status = 'asking'",
        discharge_id,
        next_try(row["tries"]),
    )
    try:
        await _ask(row)
    except (HisUnavailable, HisDisagrees) as error:
        log.warning("discharge_not_known", discharge_id=str(discharge_id), code=error.code, tries=row["tries"] + 1)
        await _show_to_a_person(row)


async def _ask(row: Row) -> None:
    """Raises: HisUnavailable, HisDisagrees, DatabaseUnavailable."""
    stay = await billing().fetch_stay(row["admission_no"])
    if stay is None:
        await _refuse(row, "admission_unknown")
        return
    if stay.status is StayStatus.DISCHARGED and stay.balance_fen > 0:
        await _owe(row, stay.balance_fen)
        return
    # Also for a stay that is settled already: under our own number this gives the receipt of that time.
    outcome = await billing().settle_discharge(
        settlement_no=row["settlement_no"], admission_no=row["admission_no"], money=Money(0, NO_CHANNEL)
    )
    if isinstance(outcome, HisReceipt):
        await _return_surplus(row, outcome)
    elif outcome.code not in NOT_YET:
        await _refuse(row, outcome.code)


async def _show_to_a_person(row: Row) -> None:
    """Open a case once the HIS has been asked often enough; the asking goes on."""
    async with database().transaction() as tx:
        limit: int = await tx.fetchval("SELECT settlement_asks_max FROM payment_rule")
        if row["tries"] + 1 >= limit:
            await _open_case(tx, row, Cause.DISCHARGE_UNKNOWN)


async def _open_case(tx: Transaction, row: Row, cause: Cause, **more: object) -> None:
    facts = {"discharge_id": str(row["id"]), "admission_no": row["admission_no"]} | more
    await exceptions.open_exception(tx, cause, Subject(row["settlement_no"]), facts=facts)


async def ask_anew(tx: Transaction, discharge_id: UUID) -> None:
    """Ask the HIS anew about a stay that is not settled, now, because a person wants it."""
    row = await tx.fetchrow("SELECT admission_no FROM payment_discharge WHERE id = $1", discharge_id)
    assert row is not None, "a settlement is never removed"
    await _begin(tx, row["admission_no"])


async def _owe(row: Row, balance_fen: int) -> None:
    """Note that an order has to pay the balance of a stay."""
    async with database().transaction() as tx:
        await tx.execute(
            "UPDATE payment_discharge SET status = 'owing', reason = NULL, balance_fen = $2, next_try_at = NULL,"
            " updated_at = $3 WHERE id = $1 AND status = 'asking'",
            row["id"],
            balance_fen,
            clock.now(),
        )
        await exceptions.settle_subject(tx, CAUSES, row["settlement_no"], what="the HIS has told the balance")


async def _refuse(row: Row, reason: str) -> None:
    """Leave a stay that the HIS does not settle for us to a person."""
    async with database().transaction() as tx:
        won = await tx.execute(
            "UPDATE payment_discharge SET status = 'refused', reason = $2, next_try_at = NULL, updated_at = $3"
            " WHERE id = $1 AND status = 'asking'",
            row["id"],
            reason,
            clock.now(),
        )
        if won:
            await exceptions.settle_subject(tx, CAUSES, row["settlement_no"], what=f"refused: {reason}")
            await _open_case(tx, row, Cause.DISCHARGE_REFUSED, reason=reason)


async def _return_surplus(row: Row, receipt: HisReceipt) -> None:
    """Send a surplus back over the stay's deposits, once; what they do not hold is a cashier's to pay."""
    async with database().transaction() as tx:
        deposits = await _lock_deposits(tx, row["admission_no"])
        if any(deposit["status"] == "paid" for deposit in deposits):
            # What the HIS makes of it is not known yet, and it may be what has to go back: asked again later.
            return
        won = await tx.fetchval(
            "SELECT id FROM payment_discharge WHERE id = $1 AND status = 'asking' FOR UPDATE", row["id"]
        )
        if won is None:
            return
        rest = receipt.surplus_fen
        if rest:
            ask = Ask(reason=SURPLUS_REASON, by_rule=True)
            ids = [deposit["id"] for deposit in deposits]
            spread = await refunds.request_over(
                tx, ids, amount_fen=rest, ask=ask, actor=events.SYSTEM, asks_beyond_limits=True
            )
            rest = spread.rest_fen
        await _note_settled(
            tx, row["admission_no"], his_no=receipt.receipt_no, surplus_fen=receipt.surplus_fen, payout_fen=rest
        )


async def _note_settled(
    tx: Transaction, admission_no: str, *, his_no: str | None, surplus_fen: int, payout_fen: int
) -> None:
    """Write down that a stay is settled, and that what is left of its deposits is earned; their orders are locked."""
    at = clock.now()
    used = await _deposits_used(tx, admission_no)
    used_fen = sum(used.values())
    row = await tx.fetchrow(
        "UPDATE payment_discharge SET status = 'settled', reason = NULL, his_no = $2, balance_fen = 0,"
        " surplus_fen = $3, returned_fen = $3 - $4::bigint, payout_fen = $4, used_fen = $5, receipt_for = $6,"
        " next_try_at = NULL, settled_at = $7, updated_at = $7 WHERE admission_no = $1 AND status <> 'settled'"
        " RETURNING *",
        admission_no,
        his_no,
        surplus_fen,
        payout_fen,
        used_fen,
        new_id() if used_fen else None,
        at,
    )
    if row is None:
        return
    await exceptions.settle_subject(tx, CAUSES, row["settlement_no"], what="the HIS has settled")
    if used_fen:
        await _earn(tx, row, channel=max(used, key=lambda channel: used[channel]), at=at)


async def _deposits_used(tx: Transaction, admission_no: str) -> Mapping[str, int]:
    """Give what is left of a stay's deposits, by the channel they came by, once its surplus is on its way back."""
    rows = await tx.fetch(
        "SELECT t.channel, sum(t.amount_fen - t.reserved_fen)::bigint AS fen FROM inpatient_deposit d"
        " JOIN payment_order o ON o.id = d.order_id AND o.status = 'settled'"
        " JOIN payment_transaction t ON t.order_id = o.id AND t.role = 'accepted'"
        " WHERE d.admission_no = $1 GROUP BY t.channel ORDER BY t.channel",
        admission_no,
    )
    return {row["channel"]: row["fen"] for row in rows}


async def _earn(tx: Transaction, settled: Row, *, channel: str, at: datetime) -> None:
    """Post the deposits that a stay has used up as earned, and have them receipted; its balance has its own receipt."""
    await ledger.post(
        tx,
        f"deposits-used:{settled['id']}:{settled['round']}",
        "deposits_used",
        debit=ledger.DEPOSITS,
        credit=ledger.earned(KIND),
        amount_fen=settled["used_fen"],
        order_id=None,
        occurred_at=at,
    )
    patient_id = await tx.fetchval(
        "SELECT patient_id FROM inpatient_account WHERE admission_no = $1", settled["admission_no"]
    )
    await issue_for(
        tx,
        SettledOrder(
            order_id=settled["receipt_for"],
            kind=ReceiptKind.INPATIENT,
            patient_id=patient_id,
            channel=channel,
            amount_fen=settled["used_fen"],
            items=items_of((), kind=ReceiptKind.INPATIENT, amount_fen=settled["used_fen"]),
            settled_at=at,
        ),
    )


async def _reopen(tx: Transaction, admission_no: str) -> None:
    """Take back that a stay is settled: the order of its balance was refunded, and the HIS has opened the bill."""
    at = clock.now()
    row = await tx.fetchrow(
        "SELECT * FROM payment_discharge WHERE admission_no = $1 AND status = 'settled' AND surplus_fen = 0 FOR UPDATE",
        admission_no,
    )
    if row is None:
        return
    await tx.execute(
        "UPDATE payment_discharge SET status = 'refused', reason = 'refunded', settled_at = NULL, his_no = NULL,"
        " used_fen = 0, receipt_for = NULL, round = round + 1, updated_at = $2 WHERE id = $1",
        row["id"],
        at,
    )
    if row["used_fen"]:
        await write_off_for(tx, RefundedOrder(new_id(), row["receipt_for"], row["used_fen"], ()))
        await ledger.post(
            tx,
            f"deposits-unused:{row['id']}:{row['round']}",
            "deposits_unused",
            debit=ledger.earned(KIND),
            credit=ledger.DEPOSITS,
            amount_fen=row["used_fen"],
            order_id=None,
            occurred_at=at,
        )


async def _lock_deposits(tx: Transaction, admission_no: str) -> list[Row]:
    return await tx.fetch(
        "SELECT o.id, o.status FROM payment_order o JOIN inpatient_deposit d ON d.order_id = o.id"
        " WHERE d.admission_no = $1 ORDER BY o.id FOR UPDATE OF o",
        admission_no,
    )


async def _ended_stay(patient_id: UUID, admission_no: str) -> Stay:
    stay = await read_stay(patient_id, admission_no)
    if stay.status is not StayStatus.DISCHARGED:
        raise errors.StayNotOpen(current_status=stay.status.value)
    return stay


async def _begin(tx: Transaction, admission_no: str) -> None:
    """Begin to settle a stay, or to ask anew about one that is not settled."""
    discharge_id = new_id()
    row = await tx.fetchrow(
        "INSERT INTO payment_discharge AS d (id, admission_no, settlement_no, status, next_try_at, created_at,"
        " updated_at) VALUES ($1, $2, $3, 'asking', $4, $5, $5)"
        " ON CONFLICT (admission_no) DO UPDATE SET status = 'asking', reason = NULL, tries = 0, next_try_at = $4,"
        " updated_at = $5 WHERE d.status <> 'settled' RETURNING id",
        discharge_id,
        admission_no,
        f"DS{discharge_id.hex}",
        clock.machine_now(),
        clock.now(),
    )
    if row is not None:
        await events.ask_worker(tx, "discharge.drive", "discharge", row["id"])


async def follow_discharge(tx: Transaction, change: InboundChange) -> None:
    """Begin to settle a stay that has ended, of a person who is known here."""
    told = change.facts
    assert isinstance(told, DischargeFacts), "the port gives a discharge with this kind"
    patient_id = await find_linked(tx, told.patient)
    if patient_id is None or told.patient.his_number is None:
        return
    await tx.execute(
        "INSERT INTO inpatient_account (admission_no, patient_id, his_number) VALUES ($1, $2, $3)"
        " ON CONFLICT (admission_no) DO NOTHING",
        told.admission_no,
        patient_id,
        told.patient.his_number,
    )
    await _begin(tx, told.admission_no)


async def follow_order(tx: Transaction, event: PaymentEvent) -> None:
    """Note that the order of a stay's balance is settled, or that its money has gone back and the stay owes again."""
    if event.order_kind != KIND:
        return
    admission_no = event.subject_id
    await _lock_deposits(tx, admission_no)
    if event.kind == "payment.settled":
        await _begin(tx, admission_no)
        await _note_settled(tx, admission_no, his_no=None, surplus_fen=0, payout_fen=0)
    elif event.facts.get("is_whole"):
        await _reopen(tx, admission_no)
        await _begin(tx, admission_no)


INBOUND: Final = (InboundSubscription(InboundKind.DISCHARGED, follow_discharge),)
SUBSCRIBERS: Final = (("payment.settled", follow_order), ("payment.refunded", follow_order))
