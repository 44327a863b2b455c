"""What an order can be made for: a number in a clinic, bills, a deposit, the rest of a stay's bill."""

from typing import Any
from uuid import UUID

from booking.payment import orders as registration
from kernel.ids import parse_id
from open_api.calls import PartnerCall
from patients import service as patients
from payments.bills import service as bills
from payments.bills.service import SeenBill
from payments.inpatient import deposits, discharge
from payments.orders import Order


async def order_for(call: PartnerCall) -> Order:
    """Make the order that a request asks for; the schema has seen to it that it names one thing.

    Raises:
        PatientNotFound, and whatever the feature refuses with.
    """
    body = call.body
    if "hold_id" in body:
        return await registration.order_hold(parse_id(body["hold_id"]), actor=call.actor, idempotency=call.idempotency)
    if "appointment_id" in body:
        return await registration.order_appointment(
            parse_id(body["appointment_id"]), actor=call.actor, idempotency=call.idempotency
        )
    patient_id = parse_id(body["patient_id"])
    await patients.get_patient(patient_id, actor=call.actor)
    if "bills" in body:
        seen = [SeenBill(one["bill_no"], one["hash"]) for one in body["bills"]]
        return await bills.order_bills(
            patient_id,
            seen,
            actor=call.actor,
            pay_auth_no=body.get("insurance", {}).get("pay_auth_no"),
            idempotency=call.idempotency,
        )
    return await _order_for_stay(call, patient_id, body)


async def _order_for_stay(call: PartnerCall, patient_id: UUID, body: dict[str, Any]) -> Order:
    if "deposit" in body:
        wanted = body["deposit"]
        return await deposits.order_deposit(
            patient_id,
            wanted["admission_no"],
            int(wanted["amount_fen"]),
            actor=call.actor,
            idempotency=call.idempotency,
        )
    return await discharge.order_discharge(
        patient_id, body["discharge"]["admission_no"], actor=call.actor, idempotency=call.idempotency
    )
