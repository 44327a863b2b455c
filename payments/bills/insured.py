"""Bills that the medical insurance shares: what the HIS and we know of them is put to the insurance's centre."""

from collections.abc import Sequence

from integration.his.billing import Bill, InsuranceClaim
from integration.his.errors import HisDisagrees
from integration.his.port import Rejected
from kernel.db import database
from kernel.ids import new_id
from payments import errors
from payments.billing import billing
from payments.gateways.insurance.port import VISIT_WANTED, FeeItem, FeeUpload
from payments.insurance import claims
from payments.insurance import errors as insurance_errors
from payments.insurance.centres import account_for, centre_of
from payments.insurance.claims import Decided
from payments.insurance.consents import insured_person
from payments.orders import NewOrder


async def decide_bills(new: NewOrder, his_number: str, bills: Sequence[Bill], *, pay_auth_no: str) -> Decided:
    """Have the insurance's centre share bills as they stand at the HIS.

    Raises:
        InsuranceNotOffered, NotInsured, InsuranceSilent, InsuranceRefused, InsurancePaysNothing.
        BillNotFound, BillNotUnpaid, BillChanged: things have moved on at the HIS meanwhile.
        HisUnavailable, HisDisagrees, DatabaseUnavailable.
    """
    account = await account_for(database(), new.campus_id)
    insured = await insured_person(database(), new.patient_id)
    claim = await _describe(his_number, bills)
    if {item.item_no: item.amount_fen for item in claim.items} != {
        item.item_no: item.amount_fen for bill in bills for item in bill.items
    } or not claim.visit.keys() >= VISIT_WANTED:
        raise HisDisagrees(reason="claim_of_another_bill")
    fees = FeeUpload(
        bill_no=f"Y{new_id().hex}",
        batch_no=claim.batch_no,
        pay_auth_no=pay_auth_no,
        insured=insured,
        visit=claim.visit,
        items=[FeeItem(item.amount_fen, item.described) for item in claim.items],
    )
    return await claims.decide(centre_of, fees, account=account)


async def _describe(his_number: str, bills: Sequence[Bill]) -> InsuranceClaim:
    """Raises: NotInsured, BillNotFound, BillNotUnpaid, BillChanged, HisUnavailable, HisDisagrees."""
    told = await billing().describe_claim(his_number=his_number, bills=[(bill.bill_no, bill.hash) for bill in bills])
    if not isinstance(told, Rejected):
        return told
    if told.code == "insurance_unknown":
        raise insurance_errors.NotInsured
    # Which of several it is, is shown when they are asked for again.
    if told.code == "bill_not_unpaid":
        raise errors.BillNotUnpaid(bill_no=bills[0].bill_no, current_status="paid")
    if told.code == "bill_unknown":
        raise errors.BillNotFound(bill_no=bills[0].bill_no)
    raise errors.BillChanged(bill_no=bills[0].bill_no)
