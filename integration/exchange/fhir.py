"""Our facts as FHIR R4 resources (http://hl7.org/fhir/R4): pure functions, each giving one resource as JSON has it.

Code systems are FHIR's and HL7's where they have one. Numbers of the state are under their object identifiers; what is
numbered by the hospital itself, or coded by it, is under addresses below the platform's public one.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from booking.finding import AppointmentRecord, Named, PractitionerRecord, ScheduleRecord, SlotRecord, Visit
from kernel.clock import SHANGHAI
from kernel.ids import format_appointment_number
from patients.search import PatientRecord

Resource = dict[str, Any]

VERSION: Final = "4.0.1"
CONTENT_TYPE: Final = "application/fhir+json"

# Identity numbers (GB 11643); the other documents have no object identifier of their own.
RESIDENT_ID_SYSTEM: Final = "urn:oid:2.16.156.10011.1.3"
_IDENTIFIER_TYPE: Final = "http://terminology.hl7.org/CodeSystem/v2-0203"
# HL7 table 0203 says NI for any national person identifier; the document types of `patients` are the rest.
_DOCUMENT_CODES: Final = {"CN-ID": "NI", "PPN": "PPN"}
_RENDERED: Final = "http://hl7.org/fhir/StructureDefinition/rendered-value"
_CANCELLATION: Final = "http://terminology.hl7.org/CodeSystem/appointment-cancellation-reason"
_SEX: Final = {1: "male", 2: "female", 0: "unknown", 9: "unknown"}


def system_of(base_url: str, name: str) -> str:
    """Name a numbering or a code system of the hospital's own, as `appointment-number`. base_url: of the FHIR API."""
    return f"{base_url}/systems/{name}"


def document_system(base_url: str, document_type: str) -> str:
    """Name the numbering of a kind of identity document."""
    return RESIDENT_ID_SYSTEM if document_type == "CN-ID" else system_of(base_url, f"document-{document_type.lower()}")


def write_patient(record: PatientRecord, *, base_url: str) -> Resource:
    """Write a patient. The document's number is shown no further than its owner needs to recognise it."""
    coding = {"system": _IDENTIFIER_TYPE, "code": _DOCUMENT_CODES.get(record.document_type, "NI")}
    document = {
        "use": "official",
        "type": {"coding": [coding]},
        "system": document_system(base_url, record.document_type),
        "_value": {"extension": [{"url": _RENDERED, "valueString": record.document_number_masked}]},
    }
    others = [
        {"use": "usual", "system": system_of(base_url, f"patient-{system}"), "value": value}
        for system, value in record.identifiers
    ]
    return {
        "resourceType": "Patient",
        "id": str(record.id),
        "meta": _meta(f"{record.version}-{len(record.identifiers)}", record.updated_at),
        "identifier": [document, *others],
        "name": [{"use": "official", "text": record.name}],
        "gender": _SEX[record.sex],
        "birthDate": record.birth_date.isoformat(),
    }


def write_practitioner(record: PractitionerRecord, *, base_url: str) -> Resource:
    """Write a practitioner, with their professional title as a qualification."""
    return {
        "resourceType": "Practitioner",
        "id": str(record.id),
        "meta": _meta(str(record.version)),
        "identifier": [{"use": "official", "system": system_of(base_url, "practitioner-code"), "value": record.code}],
        "active": record.active,
        "name": [{"use": "official", "text": record.name}],
        "gender": _SEX[record.sex],
        "qualification": [{"code": _concept(record.title, system_of(base_url, "title"))}],
    }


def write_schedule(record: ScheduleRecord, *, base_url: str) -> Resource:
    """Write a practitioner's half day."""
    return {
        "resourceType": "Schedule",
        "id": str(record.id),
        "meta": _meta(str(record.version)),
        "active": record.active,
        **_services(record.visit, base_url),
        "actor": [_practitioner(record.visit), _place(record.visit)],
        "planningHorizon": {"start": _instant(record.starts_at), "end": _instant(record.ends_at)},
    }


def write_slot(record: SlotRecord, *, base_url: str) -> Resource:
    """Write a slot; its version is what it is now, for nothing else of a slot changes."""
    return {
        "resourceType": "Slot",
        "id": str(record.id),
        "meta": _meta(record.status),
        **_services(record.visit, base_url),
        "schedule": {"reference": f"Schedule/{record.schedule_id}"},
        "status": record.status,
        "start": _instant(record.starts_at),
        "end": _instant(record.ends_at),
    }


def write_appointment(record: AppointmentRecord, *, base_url: str) -> Resource:
    """Write an appointment with who takes part, and where."""
    number = format_appointment_number(record.number)
    resource: Resource = {
        "resourceType": "Appointment",
        "id": str(record.id),
        "meta": _meta(str(record.version), record.updated_at),
        "identifier": [{"use": "official", "system": system_of(base_url, "appointment-number"), "value": number}],
        "status": record.status,
        **_services(record.visit, base_url),
        "start": _instant(record.starts_at),
        "end": _instant(record.ends_at),
        "slot": [{"reference": f"Slot/{record.slot_id}"}],
        "created": _instant(record.created_at),
        "patientInstruction": f"就诊序号 {record.queue_number}",
        "participant": [
            _participant({"reference": f"Patient/{record.patient_id}", "type": "Patient"}),
            _participant(_practitioner(record.visit)),
            _participant(_place(record.visit)),
        ],
    }
    if record.status in ("cancelled", "noshow"):
        # Only then may a reason stand here (constraint app-4).
        reason: Resource = {"coding": [{"system": _CANCELLATION, "code": "other"}]}
        resource["cancelationReason"] = reason | ({"text": record.cancel_reason} if record.cancel_reason else {})
    return resource


def version_of(resource: Resource) -> str:
    """Give a resource's version."""
    return str(resource["meta"]["versionId"])


def write_bundle(
    found: Sequence[Resource],
    included: Sequence[Resource],
    *,
    base_url: str,
    links: Mapping[str, str],
    total: int | None,
    at: datetime,
) -> Resource:
    """Write what a search has found; what is included besides counts to nothing.

    links: `self`, and `next` where there is more. total: where it was counted.
    """
    entries = [
        {
            "fullUrl": f"{base_url}/{resource['resourceType']}/{resource['id']}",
            "resource": resource,
            "search": {"mode": mode},
        }
        for mode, resources in (("match", found), ("include", included))
        for resource in resources
    ]
    bundle: Resource = {
        "resourceType": "Bundle",
        "type": "searchset",
        "meta": {"lastUpdated": _instant(at)},
        "link": [{"relation": relation, "url": url} for relation, url in links.items()],
    }
    if total is not None:
        bundle["total"] = total
    # FHIR has no empty lists.
    return bundle | ({"entry": entries} if entries else {})


def write_outcome(*, code: str, sentence: str, diagnostics: str) -> Resource:
    """Write what went wrong. code: FHIR's issue type; diagnostics: what developers look up."""
    issue = {"severity": "error", "code": code, "details": {"text": sentence}, "diagnostics": diagnostics}
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def _meta(version: str, updated_at: datetime | None = None) -> Resource:
    return {"versionId": version} | ({} if updated_at is None else {"lastUpdated": _instant(updated_at)})


def _instant(at: datetime) -> str:
    """Write an instant to the millisecond, as the clocks of Guangzhou show it."""
    return at.astimezone(SHANGHAI).isoformat(timespec="milliseconds")


def _services(visit: Visit, base_url: str) -> Resource:
    return {
        "serviceType": [_concept(visit.service_type, system_of(base_url, "service-type"))],
        "specialty": [_concept(visit.department, system_of(base_url, "department"))],
    }


def _concept(named: Named, system: str) -> Resource:
    return {"coding": [{"system": system, "code": named.code, "display": named.name}], "text": named.name}


def _practitioner(visit: Visit) -> Resource:
    return {
        "reference": f"Practitioner/{visit.practitioner_id}",
        "type": "Practitioner",
        "display": visit.practitioner,
    }


def _place(visit: Visit) -> Resource:
    return {"type": "Location", "display": visit.place}


def _participant(actor: Resource) -> Resource:
    return {"actor": actor, "required": "required", "status": "accepted"}
