"""Outpatient bills: what a member owes as the HIS has it now, paying several with one order, asking items back."""

from typing import Any, Final

from integration.his.errors import HisDisagrees, HisUnavailable
from kernel.db import database
from oauth.sign_in.wechat import openid_of_session
from open_api.calls import Reply, created, ok
from patient_app.calls import PatientCall
from patient_app.owned import own_order
from patient_app.payments import ORDER, back_url, render_place
from patient_app.routing import MEMBER, PREFIX, Routes
from patient_app.shown_orders import names_for, render_bill, render_items, render_refund, render_state
from payments import errors
from payments.bills import service as bills
from payments.bills.service import SeenBill
from payments.bills.snapshots import claimed_by
from payments.insurance import errors as insurance_errors
from payments.insurance.consents import Brought, consent_place
from payments.insurance.queries import parts_of_orders

routes = Routes("bills")

REASON: Final = "患者申请退费"
"""What stands in the hospital's books for a refund that a patient asked for on a phone."""
ORDERING: Final = (
    errors.TooManyBills,
    errors.PatientNotLinked,
    errors.BillNotFound,
    errors.BillNotUnpaid,
    errors.BillChanged,
    errors.BillAlreadyOrdered,
    errors.NothingToPay,
    HisUnavailable,
    HisDisagrees,
)
BACK_FROM_CONSENT: Final = "insurance"


@routes.get(
    f"{MEMBER}/bills",
    response="app/bill_list.json",
    errors=[errors.PatientNotLinked, HisUnavailable, HisDisagrees],
)
async def list_bills(call: PatientCall) -> Reply:
    """List what a member owes, with every item, and the order by which a bill is being paid already."""
    found = await bills.list_bills(call.patient_id)
    names = await names_for(found)
    claimed = await claimed_by(database(), [bill.bill_no for bill in found], patient_id=call.patient_id)
    items: list[dict[str, Any]] = [
        render_bill(bill, names, call.language)
        | {"hash": bill.hash, "order_id": claimed.get(bill.bill_no), "items": render_items(bill)}
        for bill in found
    ]
    place = await consent_place(database(), call.patient_id, back_url=back_url(BACK_FROM_CONSENT))
    return ok({"items": items, "insurance": place and render_place(place)})


@routes.post(
    f"{MEMBER}/bills/order",
    request="app/bill_order_request.json",
    response="app/order_state.json",
    errors=ORDERING,
    status=201,
)
async def order_bills(call: PatientCall) -> Reply:
    """Make one order for the bills that were chosen, if they still are what was shown."""
    return await _order(call, None)


@routes.post(
    f"{MEMBER}/bills/insured-order",
    request="app/insured_order_request.json",
    response="app/order_state.json",
    errors=[
        *ORDERING,
        insurance_errors.InsuranceNotOffered,
        insurance_errors.NotInsured,
        insurance_errors.ConsentRefused,
        insurance_errors.ConsentOfAnother,
        insurance_errors.InsuranceSilent,
        insurance_errors.InsuranceRefused,
        insurance_errors.InsurancePaysNothing,
    ],
    status=201,
)
async def order_bills_with_insurance(call: PatientCall) -> Reply:
    """Have the medical insurance share the bills that were chosen, and make one order of what it leaves.

    It decides while the caller waits, up to a minute. The person has consented before, and agrees to its part after.
    """
    brought = Brought(call.body["consent_code"], await openid_of_session(call.session.id))
    return await _order(call, brought)


async def _order(call: PatientCall, brought: Brought | None) -> Reply:
    seen = [SeenBill(one["bill_no"], one["hash"]) for one in call.body["bills"]]
    order = await bills.order_bills(
        call.patient_id, seen, brought=brought, actor=call.actor, idempotency=call.idempotency
    )
    parts = await parts_of_orders(database(), [order.id])
    location = f"{PREFIX}/members/{call.patient_id}/orders/{order.id}"
    return created(render_state(order, None, parts.get(order.id)), location=location)


@routes.post(
    f"{ORDER}/refunds",
    request="app/bill_refund_request.json",
    response="app/refund.json",
    errors=[
        errors.OrderNotFound,
        errors.NotRefundable,
        errors.OverRefundable,
        errors.ItemNotRefundable,
        errors.RefundedTogether,
        errors.RefundLimitPassed,
    ],
    status=201,
)
async def ask_items_back(call: PatientCall) -> Reply:
    """Ask for the money of items that were paid; the hospital agrees first that each was not dispensed or done."""
    order = await own_order(call, call.path["order_id"])
    refund = await bills.request_bill_refund(
        order.id, call.body["item_nos"], reason=REASON, actor=call.actor, idempotency=call.idempotency
    )
    location = f"{PREFIX}/members/{call.patient_id}/orders/{order.id}"
    return created(render_refund(refund), location=location)
