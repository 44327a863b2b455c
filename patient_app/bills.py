"""Outpatient bills: what a member owes as the HIS has it now, paying several with one order, asking items back."""

from typing import Any, Final

from integration.his.errors import HisDisagrees, HisUnavailable
from kernel.db import database
from open_api.calls import Reply, created, ok
from patient_app.calls import PatientCall
from patient_app.owned import own_order
from patient_app.payments import ORDER
from patient_app.routing import MEMBER, PREFIX, Routes
from patient_app.shown_orders import names_for, render_bill, render_items, render_refund, render_state
from payments import errors
from payments.bills import service as bills
from payments.bills.service import SeenBill
from payments.bills.snapshots import claimed_by

routes = Routes("bills")

REASON: Final = "患者申请退费"
"""What stands in the hospital's books for a refund that a patient asked for on a phone."""


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
    return ok({"items": items})


@routes.post(
    f"{MEMBER}/bills/order",
    request="app/bill_order_request.json",
    response="app/order_state.json",
    errors=[
        errors.TooManyBills,
        errors.PatientNotLinked,
        errors.BillNotFound,
        errors.BillNotUnpaid,
        errors.BillChanged,
        errors.BillAlreadyOrdered,
        errors.NothingToPay,
        HisUnavailable,
        HisDisagrees,
    ],
    status=201,
)
async def order_bills(call: PatientCall) -> Reply:
    """Make one order for the bills that were chosen, if they still are what was shown."""
    seen = [SeenBill(one["bill_no"], one["hash"]) for one in call.body["bills"]]
    order = await bills.order_bills(call.patient_id, seen, actor=call.actor, idempotency=call.idempotency)
    location = f"{PREFIX}/members/{call.patient_id}/orders/{order.id}"
    return created(render_state(order, None), location=location)


@routes.post(
    f"{ORDER}/refunds",
    request="app/bill_refund_request.json",
    response="app/refund.json",
    errors=[
        errors.OrderNotFound,
        errors.NotRefundable,
        errors.OverRefundable,
        errors.ItemNotRefundable,
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
