"""A person as PID (HL7 v2.5.1, 3.4.2) and a visit as PV1 (3.4.3)."""

from datetime import datetime
from typing import Final
from uuid import UUID

from integration.codecs.errors import BadFieldValue, RequiredFieldMissing
from integration.codecs.hl7v2 import Component, Message, Repetition, Segment
from integration.codecs.hl7v2_values import format_date, parse_date, parse_integer, parse_timestamp
from integration.his.facts import PatientFacts, Sex, VisitFacts

PLATFORM: Final = "PLATFORM"
NAME_CHARACTERS_MAX: Final = 64
IDENTIFIER_CHARACTERS_MAX: Final = 64
VERSION_MAX: Final = 1_000_000_000
"""Far below what the database counts to: the platform goes on counting from a version that it has heard."""
VERSION_MARK: Final = "version="

_RESIDENT_ID: Final = "CN-ID"
_RESIDENT_ID_CODE: Final = ("CN-ID", "NNCHN")
_PASSPORT: Final = "PPN"
_PASSPORT_CODE: Final = ("PASSPORT", "PPN")
_OTHER_AUTHORITY: Final = "PLATFORM-DOC"

_SEX_TO_HL7: Final = {Sex.MALE: "M", Sex.FEMALE: "F", Sex.UNKNOWN: "U"}
_SEX_FROM_HL7: Final = {"M": Sex.MALE, "F": Sex.FEMALE, "U": Sex.UNKNOWN, "": Sex.UNKNOWN}


def build_version_note(version: int) -> Segment:
    """NTE-3 `version=N`: receivers ignore what is older than what they have."""
    return Segment.build("NTE", {1: "1", 3: f"{VERSION_MARK}{version}"})


def read_version(message: Message) -> int:
    """The version that the sender states, 1 where it states none.

    Raises:
        BadFieldValue: it is not a positive whole number, or beyond all reason.
    """
    for note in message.all("NTE"):
        text = note.text(3)
        if text.startswith(VERSION_MARK):
            version = parse_integer(text.removeprefix(VERSION_MARK))
            if not 0 < version <= VERSION_MAX:
                raise BadFieldValue(f"NTE-3 version is not a whole number from 1 to {VERSION_MAX}")
            return version
    return 1


def build_pid(patient: PatientFacts, *, his_authority: str) -> Segment:
    """Write who the patient is; what is not known stays empty."""
    identifiers: list[Repetition] = []
    if patient.platform_id is not None:
        identifiers.append(_identifier(str(patient.platform_id), PLATFORM, "PI"))
    if patient.his_number:
        identifiers.append(_identifier(patient.his_number, his_authority, "MR"))
    if patient.document_type and patient.document_number:
        authority, code = _document_code(patient.document_type)
        identifiers.append(_identifier(patient.document_number, authority, code))
    name: tuple[Component, ...] = (patient.name, "", "", "", "", "", "L")
    return Segment.build(
        "PID",
        {
            1: "1",
            3: identifiers,
            5: name if patient.name else "",
            7: format_date(patient.birth_date) if patient.birth_date else "",
            8: _SEX_TO_HL7[patient.sex],
            13: patient.phone or "",
        },
    )


def read_pid(pid: Segment, *, his_authority: str, version: int) -> PatientFacts:
    """Understand who the patient is.

    Raises:
        RequiredFieldMissing: no identifier of the platform, the HIS or a document, or no name.
        BadFieldValue: an id, the birth date or the sex cannot be read.
    """
    platform_id: UUID | None = None
    his_number: str | None = None
    document: tuple[str, str] | None = None
    for repetition in range(1, len(pid.field(3)) + 1):
        value = pid.text(3, 1, repetition=repetition).strip()
        authority = pid.text(3, 4, repetition=repetition)
        code = pid.text(3, 5, repetition=repetition)
        if not value:
            continue
        require_short(value, "PID-3")
        if authority == PLATFORM and code == "PI":
            platform_id = read_uuid(value, "PID-3")
        elif authority == his_authority and code == "MR":
            his_number = value
        elif (document_type := _document_type(authority, code)) is not None:
            document = (document_type, value)
    if platform_id is None and his_number is None and document is None:
        raise RequiredFieldMissing("PID-3 names no identifier that we know")
    name = pid.required(5).strip()
    if not 1 <= len(name) <= NAME_CHARACTERS_MAX:
        raise BadFieldValue(f"PID-5 wants 1 to {NAME_CHARACTERS_MAX} characters")
    birth_date = pid.text(7)
    sex = _SEX_FROM_HL7.get(pid.text(8), Sex.UNKNOWN)
    return PatientFacts(
        platform_id=platform_id,
        his_number=his_number,
        name=name,
        birth_date=parse_date(birth_date) if birth_date else None,
        sex=sex,
        document_type=document[0] if document else None,
        document_number=document[1] if document else None,
        phone=require_short(pid.text(13) or pid.text(13, 12), "PID-13") or None,
        version=version,
    )


def patient_aggregate(patient: PatientFacts, *, source: str) -> str:
    """Under which name order is kept for a person: the HIS's own number where it gives one."""
    if patient.his_number:
        return f"his-patient:{source}:{patient.his_number}"
    if patient.platform_id:
        return f"patient:{patient.platform_id}"
    return f"his-patient:{source}:document"


def read_visit(message: Message, *, his_authority: str, sent_at: datetime) -> VisitFacts:
    """Understand a registration at the window (ADT^A04).

    Raises:
        RequiredFieldMissing: the visit number or the patient's record number is missing.
        BadFieldValue: an id or the time cannot be read.
    """
    patient = read_pid(message.required("PID"), his_authority=his_authority, version=read_version(message))
    if not patient.his_number:
        raise RequiredFieldMissing("PID-3 must name the record number of a registered patient")
    visit = message.required("PV1")
    redeemed = visit.text(50)
    registered_at = visit.text(44)
    return VisitFacts(
        his_number=patient.his_number,
        visit_number=require_short(visit.required(19), "PV1-19"),
        patient=patient,
        appointment_id=read_uuid(redeemed, "PV1-50") if redeemed else None,
        his_appointment_id=require_short(visit.text(5), "PV1-5") or None,
        clinic_code=visit.text(3),
        practitioner_code=visit.text(7),
        registered_at=parse_timestamp(registered_at) if registered_at else sent_at,
    )


def require_short(text: str, where: str) -> str:
    """Give an identifier or a telephone back that can be one: what is longer could be neither stored nor found.

    Raises:
        BadFieldValue: it is longer than any.
    """
    if len(text) > IDENTIFIER_CHARACTERS_MAX:
        raise BadFieldValue(f"{where} wants at most {IDENTIFIER_CHARACTERS_MAX} characters")
    return text


def read_uuid(text: str, where: str) -> UUID:
    """Read one of the platform's ids.

    Raises:
        BadFieldValue: it is none.
    """
    try:
        return UUID(text)
    except ValueError:
        raise BadFieldValue(f"{where} is not an id of the platform") from None


def _identifier(value: str, authority: str, code: str) -> Repetition:
    return (value, "", "", authority, code)


def _document_code(document_type: str) -> tuple[str, str]:
    if document_type == _RESIDENT_ID:
        return _RESIDENT_ID_CODE
    if document_type == _PASSPORT:
        return _PASSPORT_CODE
    return _OTHER_AUTHORITY, document_type


def _document_type(authority: str, code: str) -> str | None:
    if (authority, code) == _RESIDENT_ID_CODE:
        return _RESIDENT_ID
    if code == _PASSPORT_CODE[1]:
        return _PASSPORT
    if authority == _OTHER_AUTHORITY and code:
        return code
    return None
