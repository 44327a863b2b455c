"""Stays in hospital: the account of a patient in a bed, and what each day was charged."""

from dataclasses import asdict
from datetime import date
from typing import Any, Final

from integration.his.billing import ReceiptLine, Stay
from integration.his.errors import HisDisagrees, HisUnavailable
from kernel.db import DatabaseUnavailable
from kernel.ids import parse_id
from open_api.calls import PartnerCall, Reply, ok
from open_api.routing import Handling, Routes
from patients import service as patients
from patients.errors import PatientNotFound
from payments import errors
from payments.inpatient.stays import read_daily_charges, read_stay

routes: Final = Routes("stays", described_by=__name__)
_STAY: Final = (
    "admission_no",
    "status",
    "department_code",
    "ward",
    "bed",
    "admitted_at",
    "discharged_at",
    "charges_fen",
    "insurance_fen",
    "deposits_fen",
    "paid_fen",
    "balance_fen",
)
_LINE: Final = (
    "code",
    "name",
    "specification",
    "unit",
    "quantity",
    "unit_price_fen",
    "amount_fen",
    "insurance_fen",
)


@routes.get(
    "/stays",
    scope="payments.read",
    query="payments/stay_query.json",
    response="payments/stay_list.json",
    errors=[PatientNotFound, errors.PatientNotLinked, HisUnavailable, HisDisagrees, DatabaseUnavailable],
    handling=Handling(operation_class="sensitive"),
)
async def list_stays(call: PartnerCall) -> Reply:
    """Give a patient's present or latest stay with its account; an empty list for who never was an inpatient."""
    patient_id = parse_id(call.query["patient_id"])
    await patients.get_patient(patient_id, actor=call.actor)
    call.patient_ids.append(patient_id)
    try:
        return ok({"items": [_stay(await read_stay(patient_id))]})
    except errors.StayNotFound:
        return ok({"items": []})


@routes.get(
    "/stays/<admission_no:str>/charges",
    scope="payments.read",
    query="payments/daily_charges_query.json",
    response="payments/daily_charges.json",
    errors=[
        PatientNotFound,
        errors.PatientNotLinked,
        errors.StayNotFound,
        HisUnavailable,
        HisDisagrees,
        DatabaseUnavailable,
    ],
    handling=Handling(operation_class="sensitive"),
)
async def list_daily_charges(call: PartnerCall) -> Reply:
    """Give what a patient's stay was charged for a day (一日清单), line by line."""
    patient_id = parse_id(call.query["patient_id"])
    await patients.get_patient(patient_id, actor=call.actor)
    call.patient_ids.append(patient_id)
    charges = await read_daily_charges(patient_id, call.path["admission_no"], date.fromisoformat(call.query["day"]))
    return ok(
        {
            "admission_no": charges.admission_no,
            "day": charges.day,
            "items": [_line(line) for line in charges.lines],
            "total_fen": charges.total_fen,
            "insurance_fen": charges.insurance_fen,
        }
    )


def _stay(stay: Stay) -> dict[str, Any]:
    shown = asdict(stay)
    return {name: shown[name] for name in _STAY}


def _line(line: ReceiptLine) -> dict[str, Any]:
    shown = asdict(line)
    return {name: shown[name] for name in _LINE}
