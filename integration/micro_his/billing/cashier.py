"""The cashier (收费): bills and registration fees, paid by phone through the platform or at the window here.

Both ways go through the same locks, so a bill that is paid twice at one moment is settled once; the other is told.
"""

from collections.abc import Sequence
from uuid import UUID

from integration.micro_his.billing.errors import (
    AlreadyCharged,
    AmountDiffers,
    BillChanged,
    BillNotUnpaid,
    BillUnknown,
)
from integration.micro_his.billing.ledger import recall, write_receipt
from integration.micro_his.billing.orders import hash_bill, items_of, move_bill, tell_bill
from integration.micro_his.billing.records import WINDOW, BillShown, Payment
from integration.micro_his.billing.states import ITEM
from integration.micro_his.errors import AppointmentNotActive, AppointmentUnknown
from kernel.db import Database, Row, Transaction


async def settle_bills(
    db: Database, payment: Payment, *, bills: Sequence[BillShown], mr: str | None, charset: str
) -> tuple[Row, bool]:
    """Settle bills of one person with one payment; gives the receipt, and whether it is new.

    The payer may pay all, or the rest beside the insurance's part as we count it. mr None: whose bills they are
    (the clerk has the person before them).

    Raises:
        NumberReused: the number belongs to another payment.
        BillUnknown, BillNotUnpaid, BillChanged: nothing, or not this, to be paid; `bill_no` says where.
        AmountDiffers: the amounts are not what we count.
        DatabaseUnavailable, DatabaseBusy.
    """
    async with db.transaction() as tx:
        known = await recall(tx, payment)
        if known is not None:
            return known, False
        found = await lock_shown_bills(tx, bills, mr=mr)
        items = await items_of(tx, [bill["id"] for bill in found])
        require_amounts(
            payment,
            total_fen=sum(item["amount_fen"] for item in items),
            insurance_fen=sum(item["insurance_fen"] for item in items),
        )
        receipt = await write_receipt(tx, payment, kind="outpatient", mr=found[0]["mr"])
        await tx.execute(
            "UPDATE bill_item SET status = 'paid', paid_by = $2 WHERE bill_id = ANY ($1) AND status = ANY ($3)",
            [bill["id"] for bill in found],
            receipt["id"],
            ITEM.before("paid"),
        )
        for bill in found:
            paid = await move_bill(tx, bill, "paid")
            if payment.source == WINDOW:
                await tell_bill(tx, paid, charset=charset)
    return receipt, True


async def lock_shown_bills(tx: Transaction, bills: Sequence[BillShown], *, mr: str | None) -> list[Row]:
    """Lock the bills in one order, and see that they are one person's, unpaid, and what was shown.

    Raises:
        BillUnknown, BillNotUnpaid, BillChanged.
    """
    wanted = {bill.bill_no: bill.hash for bill in bills}
    found = await tx.fetch("SELECT * FROM bill WHERE bill_no = ANY ($1) ORDER BY id FOR UPDATE", list(wanted))
    owner = mr or (found[0]["mr"] if found else None)
    theirs = [bill for bill in found if bill["mr"] == owner]
    for bill_no in sorted(wanted.keys() - {bill["bill_no"] for bill in theirs}):
        raise BillUnknown(bill_no=bill_no)
    for bill in theirs:
        if bill["status"] != "unpaid":
            raise BillNotUnpaid(bill_no=bill["bill_no"], bill_status=bill["status"])
        shown = wanted[bill["bill_no"]]
        if shown is not None and shown != hash_bill(bill, await items_of(tx, [bill["id"]])):
            raise BillChanged(bill_no=bill["bill_no"])
    return theirs


def require_amounts(payment: Payment, *, total_fen: int, insurance_fen: int, has_choice: bool = True) -> None:
    """See that what was paid is what we count: with the insurance's part, or by choice all by the payer.

    Where the insurance's centre has decided its part, that counts and not what we reckon; the whole is ours.

    Raises:
        AmountDiffers.
    """
    if payment.insurance_no is not None and payment.cash_fen + payment.insurance_fen == total_fen:
        return
    told = (payment.cash_fen, payment.insurance_fen)
    is_self_paid = has_choice and told == (total_fen, 0)
    if not is_self_paid and told != (total_fen - insurance_fen, insurance_fen):
        raise AmountDiffers(expected_cash_fen=total_fen - insurance_fen, expected_insurance_fen=insurance_fen)


async def settle_registration(
    db: Database, payment: Payment, *, appointment_id: UUID | None = None, his_id: str | None = None
) -> tuple[Row, bool]:
    """Note that the fee of a number is paid; gives the receipt, and whether it is new.

    Raises:
        NumberReused: the number belongs to another payment.
        AppointmentUnknown, AppointmentNotActive: no such number (yet), or it is given back or missed.
        AlreadyCharged: its fee is paid, or it costs nothing.
        AmountDiffers: the fee is another one.
        DatabaseUnavailable, DatabaseBusy.
    """
    async with db.transaction() as tx:
        known = await recall(tx, payment)
        if known is not None:
            return known, False
        row = await tx.fetchrow(
            "SELECT a.*, coalesce(a.agreed_fee_fen, s.fee_fen) AS fee_fen"
            " FROM appointment a JOIN schedule s ON s.id = a.schedule_id"
            " WHERE a.platform_id = $1 OR a.his_id = $2 FOR UPDATE OF a",
            appointment_id,
            his_id,
        )
        if row is None:
            raise AppointmentUnknown
        if row["status"] not in ("booked", "arrived"):
            raise AppointmentNotActive(appointment_status=row["status"])
        is_paid = await tx.fetchval(
            "SELECT EXISTS (SELECT FROM registration_charge WHERE appointment_id = $1 AND reversed_by IS NULL)",
            row["id"],
        )
        if is_paid or not row["fee_fen"]:
            raise AlreadyCharged
        require_amounts(payment, total_fen=row["fee_fen"], insurance_fen=0)
        receipt = await write_receipt(tx, payment, kind="registration", mr=row["mr"], appointment_id=row["id"])
        await tx.execute(
            "INSERT INTO registration_charge (receipt_id, appointment_id) VALUES ($1, $2)", receipt["id"], row["id"]
        )
    return receipt, True
