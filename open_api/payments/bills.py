"""Bills: what a patient owes, as the hospital's core system has it now, and what an order pays."""

from dataclasses import asdict
from typing import Any, Final

from integration.his.billing import Bill
from integration.his.errors import HisDisagrees, HisUnavailable
from kernel.db import DatabaseUnavailable, database
from kernel.ids import parse_id
from open_api.calls import PartnerCall, Reply, ok
from open_api.routing import Handling, Routes
from patients import service as patients
from patients.errors import PatientNotFound
from payments import errors, queries
from payments.bills import service as bills
from payments.bills.snapshots import OrderedBill, read_ordered_bills

routes: Final = Routes("bills", described_by=__name__)
_ITEM: Final = (
    "item_no",
    "code",
    "name",
    "specification",
    "unit",
    "quantity",
    "unit_price_fen",
    "amount_fen",
    "insurance_fen",
    "executing_department",
)


@routes.get(
    "/bills",
    scope="payments.read",
    query="payments/bill_query.json",
    response="payments/bill_list.json",
    errors=[PatientNotFound, errors.PatientNotLinked, HisUnavailable, HisDisagrees, DatabaseUnavailable],
    handling=Handling(operation_class="sensitive"),
)
async def list_bills(call: PartnerCall) -> Reply:
    """List what a patient of yours owes, with every item. Order a bill with the `hash` that came with it."""
    patient_id = parse_id(call.query["patient_id"])
    await patients.get_patient(patient_id, actor=call.actor)
    call.patient_ids.append(patient_id)
    return ok({"items": [_unpaid(bill) for bill in await bills.list_bills(patient_id)]})


@routes.get(
    "/orders/<order_id:uuid>/bills",
    scope="payments.read",
    response="payments/ordered_bill_list.json",
    errors=[errors.OrderNotFound, DatabaseUnavailable],
    handling=Handling(operation_class="sensitive"),
)
async def list_ordered_bills(call: PartnerCall) -> Reply:
    """List the bills that an order pays, as its payer saw them, and which items were asked back."""
    found = await read_ordered_bills(database(), call.path["order_id"], call.actor)
    call.patient_ids += await queries.patients_of_orders(database(), [call.path["order_id"]])
    return ok({"items": [_ordered(bill) for bill in found]})


def _unpaid(bill: Bill) -> dict[str, Any]:
    shown = asdict(bill)
    return {
        name: shown[name]
        for name in (
            "bill_no",
            "hash",
            "kind",
            "department_code",
            "ordered_by",
            "ordered_at",
            "total_fen",
            "insurance_fen",
        )
    } | {"items": [{name: item[name] for name in _ITEM} for item in shown["items"]]}


def _ordered(bill: OrderedBill) -> dict[str, Any]:
    return bill._asdict() | {"items": [item._asdict() for item in bill.items]}
