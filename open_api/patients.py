"""Registering and looking up patients. A document's number is only ever sent in a body, never in an address."""

from datetime import date
from typing import Any

from kernel.db import DatabaseUnavailable
from kernel.idempotency import IdempotencyMismatch
from open_api.calls import PartnerCall, Reply, created, ok
from open_api.routing import Handling, Routes
from patients import errors, service
from patients.service import Patient, Registration

routes = Routes("patients")


@routes.post(
    "/patients",
    scope="patients.write",
    request="patients/registration.json",
    response="patients/patient.json",
    errors=[
        errors.InvalidDocument,
        errors.DocumentDisagrees,
        errors.NameMismatch,
        IdempotencyMismatch,
        DatabaseUnavailable,
    ],
    status=201,
    other_statuses=[200],
)
async def register_patient(call: PartnerCall) -> Reply:
    """Register a person by real name. The same document and name give the same patient again (200)."""
    body = call.body
    patient, new = await service.register_patient(
        Registration(
            name=body["name"],
            document_type=body["document"]["type"],
            document_number=body["document"]["number"],
            sex=body.get("sex"),
            birth_date=date.fromisoformat(body["birth_date"]) if "birth_date" in body else None,
            phone=body.get("phone"),
        ),
        actor=call.actor,
        idempotency=call.idempotency,
    )
    call.patient_ids.append(patient.id)
    if new:
        return created(render_patient(patient), location=f"/open/v1/patients/{patient.id}")
    return ok(render_patient(patient))


@routes.post(
    "/patients/lookup",
    scope="patients.read",
    request="patients/lookup.json",
    response="patients/patient.json",
    errors=[errors.InvalidDocument, errors.PatientNotFound, DatabaseUnavailable],
    safe=True,
    handling=Handling(operation_class="sensitive"),
)
async def find_patient(call: PartnerCall) -> Reply:
    """Find a patient of yours by document."""
    document = call.body["document"]
    patient = await service.find_patient(
        document_type=document["type"], document_number=document["number"], actor=call.actor
    )
    call.patient_ids.append(patient.id)
    return ok(render_patient(patient))


@routes.get(
    "/patients/<patient_id:uuid>",
    scope="patients.read",
    response="patients/patient.json",
    errors=[errors.PatientNotFound],
)
async def get_patient(call: PartnerCall) -> Reply:
    """Read a patient of yours; the document's number is masked."""
    call.patient_ids.append(call.path["patient_id"])
    return ok(render_patient(await service.get_patient(call.path["patient_id"], actor=call.actor)))


def render_patient(patient: Patient) -> dict[str, Any]:
    """Shape a patient for the wire."""
    return {
        "id": patient.id,
        "name": patient.name,
        "sex": patient.sex,
        "birth_date": patient.birth_date,
        "document": {"type": patient.document_type, "number": patient.document_number},
        "phone": patient.phone,
        "version": patient.version,
        "created_at": patient.created_at,
    }
