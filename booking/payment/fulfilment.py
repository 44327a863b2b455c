"""What being paid means for a registration fee: the hold is an appointment at once, and the HIS is told of the money.

Money that comes when the hold is gone claims the same seat anew, or another of its slot at the same fee; else it goes
back. The HIS knows an appointment by a message of its own, which may be later than the payment: that it does not know
it yet is no answer, as long as that message is on its way.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final
from uuid import UUID

from booking import claims, errors, returns, rules, service
from booking.facts import SlotFacts
from booking.payment import links, standing
from booking.waitlist import service as waitlist
from booking.waitlist.errors import OfferEnded
from integration.his.billing import NOT_YET, HisBilling, HisReceipt, Money
from integration.his.errors import HisDisagrees, HisUnavailable
from kernel import clock
from kernel.db import Row, Transaction, database
from kernel.errors import HospitalError
from kernel.events import Actor
from kernel.ids import new_id
from kernel.log import get_logger
from kernel.outbox import OUTBOX
from payments import refunds
from payments.ports import NotThere, OutcomeUnknown, PaidOrder, Rejected, Reversal, Settled

PAYABLE: Final = ("booked", "arrived", "fulfilled")
"""As which an appointment may be paid; who stayed away, or has cancelled, gets their money back."""
HIS_HANDLER: Final = "his"

log = get_logger("booking.payment")


class RegistrationFulfilment:
    """Fulfils orders of the kind `registration`. billing: None where this process cannot reach the HIS's money side."""

    def __init__(self, billing: HisBilling | None) -> None:
        self._given = billing

    async def accept(self, tx: Transaction, order: PaidOrder) -> Rejected | None:
        """Turn the paid hold into an appointment, or note that the appointment is paid.

        Rejected: it cannot be had any more; the reason is the code of the rule that says so.
        """
        link = await links.read_link(tx, order.id)
        assert link is not None, "an order is made together with its link"
        if link["appointment_id"] is not None:
            return await _accept_for_appointment(tx, order, link["appointment_id"])
        hold = await tx.fetchrow("SELECT * FROM hold WHERE id = $1", link["hold_id"])
        assert hold is not None, "holds are never deleted"
        try:
            async with tx.connection.transaction():
                await _accept_for_hold(tx, order, hold)
        except HospitalError as refusal:
            log.info("registration_not_had", order_id=str(order.id), code=refusal.code, is_late=order.is_late)
            return Rejected(refusal.code)
        return None

    async def settle(self, order: PaidOrder) -> Settled | Rejected:
        """Tell the HIS that an appointment's fee is paid.

        Raises:
            OutcomeUnknown: also while the HIS does not know the appointment yet.
        """
        appointment_id = await _appointment_of(order.id)
        try:
            outcome = await self._billing.settle_registration(
                settlement_no=order.settlement_no, appointment_id=appointment_id, money=_money(order, order.amount_fen)
            )
        except (HisUnavailable, HisDisagrees) as error:
            raise OutcomeUnknown(error.code) from error
        if isinstance(outcome, HisReceipt):
            return _settled(outcome)
        if outcome.code in NOT_YET and not await _is_definite(appointment_id):
            raise OutcomeUnknown(outcome.code)
        return Rejected(outcome.code)

    async def query(self, order: PaidOrder) -> Settled | Rejected | NotThere:
        """Ask the HIS what became of a settlement.

        Raises:
            OutcomeUnknown.
        """
        try:
            found = await self._billing.find_receipt(order.settlement_no)
        except (HisUnavailable, HisDisagrees) as error:
            raise OutcomeUnknown(error.code) from error
        return NotThere() if found is None else _settled(found)

    async def reverse(self, order: PaidOrder, reversal: Reversal) -> Settled | Rejected:
        """Have the HIS undo a settlement, or the part of it that an appointment costs less.

        A settlement that a person has given up is first voided: then nothing is done under its number any more.

        Raises:
            OutcomeUnknown.
        """
        try:
            if reversal.his_no is None and await self._billing.void_number(reversal.settlement_no) is None:
                return Settled("")
            outcome = await self._billing.reverse_settlement(
                refund_no=reversal.refund_no,
                settlement_no=reversal.settlement_no,
                money=_money(order, reversal.amount_fen),
            )
        except (HisUnavailable, HisDisagrees) as error:
            raise OutcomeUnknown(error.code) from error
        return _settled(outcome) if isinstance(outcome, HisReceipt) else Rejected(outcome.code)

    @property
    def _billing(self) -> HisBilling:
        if self._given is None:
            raise OutcomeUnknown("no_his_billing")
        return self._given


async def _accept_for_appointment(tx: Transaction, order: PaidOrder, appointment_id: UUID) -> Rejected | None:
    row = await tx.fetchrow("SELECT * FROM appointment WHERE id = $1 FOR UPDATE", appointment_id)
    assert row is not None, "appointments are never deleted"
    if row["status"] not in PAYABLE:
        return Rejected(f"appointment_{row['status']}")
    for other in await links.orders_of_appointment(tx, appointment_id):
        if other.id == order.id or other.status not in ("paid", "settled"):
            continue
        if await refunds.read_left_fen(tx, other.id) > 0:
            return Rejected("already_paid")
    if row["fee_fen"] != order.amount_fen:
        return Rejected("fee_changed")
    await standing.note_payment(tx, appointment_id)
    return None


async def _accept_for_hold(tx: Transaction, order: PaidOrder, hold: Row) -> None:
    """Book the hold that was paid for; when it is gone, claim anew.

    Raises:
        BookingError: it cannot be had any more.
    """
    at = clock.now()
    actor = Actor(client_id=hold["client_id"], channel=hold["channel"], kind="internal", staff_code=hold["staff_code"])
    slot = await service.read_slot(tx, hold["slot_id"], actor)
    if slot.fee_fen != order.amount_fen:
        raise errors.SlotNotFound
    if hold["status"] == "active" and hold["until"] > at:
        try:
            async with tx.connection.transaction():
                await _book(tx, hold, actor=actor)
        except (errors.HoldEnded, OfferEnded):
            # It ended while we waited for its row. Whoever waits for seats is served by its end, not here.
            if slot.settle_first:
                raise
        else:
            return
    elif slot.settle_first:
        await returns.settle_within(tx, slot.schedule_id, at=at)
    await _claim_anew(tx, hold, slot, actor=actor)


async def _book(tx: Transaction, hold: Row, *, actor: Actor) -> None:
    """Raises: HoldEnded, OfferEnded, AlreadyBooked."""
    at = clock.now()
    if hold["kind"] == "offer":
        offer = await waitlist.lock_paid_offer(tx, hold)
        await waitlist.take_locked_offer(tx, offer, actor=actor, at=at, is_paid=True)
    else:
        locked = await claims.lock_hold(tx, hold["id"], actor)
        await service.book_locked_hold(tx, locked, actor=actor, at=at, is_paid=True)


async def _claim_anew(tx: Transaction, hold: Row, slot: SlotFacts, *, actor: Actor) -> None:
    """Take the seat of a hold that is gone again, or another of its slot, for who has paid for it.

    Raises:
        SlotNotFound, SlotPast, NotReleased, SoldOut, AlreadyBooked, AlreadyHeld, DailyLimitReached.
    """
    at = clock.now()
    rules.require_bookable(slot, at=at)
    seat_id, seq, stale = await _seat(tx, hold, slot)
    appointment_id = new_id()
    await claims.claim_visit(
        tx,
        patient_id=hold["patient_id"],
        clinic_date=slot.clinic_date,
        department_id=slot.department_id if slot.once_per_department_day else None,
        daily_limit=slot.daily_limit,
        owner_id=appointment_id,
        actor=actor,
        at=at,
    )
    if stale is not None:
        await returns.tell_of_ended_hold(tx, seat_id, hold_id=stale, actor=service.SWEEP_ACTOR, at=at)
    await service.write_appointment(
        tx,
        service.appointment_values(appointment_id, slot, hold["patient_id"], actor)
        | {"seat_id": seat_id, "seq": seq, "created_at": at, "updated_at": at},
        slot,
        actor=actor,
        hold_id=hold["id"],
    )
    await links.hand_to_appointment(tx, hold["id"], appointment_id)
    await standing.note_payment(tx, appointment_id)


async def _seat(tx: Transaction, hold: Row, slot: SlotFacts) -> tuple[int, int, UUID | None]:
    """Claim the hold's own seat if it is free, else the lowest free one of its slot; gives id, number, ended hold.

    Raises:
        SoldOut.
    """
    at = clock.now()
    own = await tx.fetchrow("SELECT seq, pool FROM seat WHERE id = $1", hold["seat_id"])
    if own is not None and own["pool"] in slot.pools:
        claimed = await claims.claim_named_seat(tx, hold["seat_id"], at=at)
        if claimed is not None:
            return claimed["id"], own["seq"], claimed["stale"]
    other = await claims.claim_free_seat(tx, slot, at=at)
    return other["id"], other["seq"], other["stale"]


async def _appointment_of(order_id: UUID) -> UUID:
    found: UUID | None = await database().fetchval(
        "SELECT appointment_id FROM registration_order WHERE order_id = $1", order_id
    )
    assert found is not None, "what was accepted has its appointment"
    return found


async def _is_definite(appointment_id: UUID) -> bool:
    """Tell whether the HIS will not come to know an appointment that it does not know: nothing of it is on its way.

    One that stands here and was told, and is not known there, is a fault that a person looks into; it is not refunded.
    """
    db = database()
    row = await db.fetchrow("SELECT status, his_status FROM appointment WHERE id = $1", appointment_id)
    assert row is not None, "appointments are never deleted"
    if row["status"] in PAYABLE and row["his_status"] != "rejected":
        return False
    return not await OUTBOX.pending_aggregates(db, HIS_HANDLER, [f"appointment:{appointment_id}"])


def _money(order: PaidOrder, amount_fen: int) -> Money:
    return Money(amount_fen, order.channel, transaction_no=order.transaction_no)


def _settled(receipt: HisReceipt) -> Settled:
    return Settled(receipt.receipt_no, _told(receipt))


def _told(receipt: HisReceipt) -> Mapping[str, Any]:
    """Give what a receipt is made of, as JSON keeps it."""
    return {
        "receipt_no": receipt.receipt_no,
        "business_day": receipt.business_day.isoformat(),
        "made_at": receipt.made_at.isoformat(),
        "total_fen": receipt.total_fen,
        "cash_fen": receipt.cash_fen,
        "insurance_fen": receipt.insurance_fen,
        "lines": [asdict(line) for line in receipt.lines],
    }
