"""The resource types that are served: how each is searched, read and written, and to whom its entries belong."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Final
from uuid import UUID

from booking import finding
from integration.exchange import fhir
from kernel import clock
from kernel.criteria import AnyOf, Criterion, OneOf
from kernel.crypto import cipher
from kernel.ids import parse_appointment_number, parse_id
from oauth import resources
from open_api.fhir.parameters import (
    Parameter,
    codes,
    ids,
    instants,
    names,
    periods,
    references,
    split_token,
)
from patients.documents import DOCUMENT_TYPES, check_document
from patients.errors import InvalidDocument
from patients.search import PatientRecord, count_patients, search_patients

Find = Callable[..., Awaitable[Sequence[Any]]]
Position = Sequence[str | int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Include:
    """A reference that a search may follow: the parameter's name, the type it leads to, and the field to find it by."""

    parameter: str
    target: str
    ids: Callable[[Any], UUID]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A resource type.

    find, count: by criteria, for a channel. write: an entry as a resource. position: the place of an entry in its list,
    as the cursor keeps it; read_position: the same as `find` takes it.
    patient_field: the criterion that keeps a search within one patient's compartment; None for the directory, which
    belongs to nobody. owner_field: the criterion that keeps a partner within what is its own.
    patient_of: whose data an entry is. bounded_by: parameters of which a search needs one.
    """

    name: str
    parameters: Mapping[str, Parameter]
    find: Find
    count: Callable[..., Awaitable[int]]
    write: Callable[..., fhir.Resource]
    position: Callable[[Any], Position] = lambda entry: (str(entry.id),)
    read_position: Callable[[Position], Sequence[Any]] = lambda position: (parse_id(str(position[0])),)
    patient_field: str | None = None
    owner_field: str | None = None
    patient_of: Callable[[Any], UUID] | None = None
    includes: tuple[Include, ...] = ()
    bounded_by: frozenset[str] = field(default_factory=frozenset)


def _by_start(entry: Any) -> Position:
    return entry.starts_at.isoformat(), str(entry.id)


def _read_start(position: Position) -> Sequence[Any]:
    return datetime.fromisoformat(str(position[0])), parse_id(str(position[1]))


def _patient_identifier(given: Sequence[str]) -> Criterion:
    """Read identifiers of patients: of documents, which only their hashes find, and numbers given elsewhere."""
    base_url = resources.fhir()
    prefix = fhir.system_of(base_url, "patient-")
    hashes: list[object] = []
    others: list[object] = []
    for system, value in map(split_token, given):
        for document_type in DOCUMENT_TYPES:
            if system in (None, fhir.document_system(base_url, document_type)):
                hashes += _document_hash(document_type, value)
        if system is not None and system.startswith(prefix):
            others.append(f"{system.removeprefix(prefix)}|{value}")
    return AnyOf(((OneOf("document_hash", tuple(hashes)),), (OneOf("identifier", tuple(others)),)))


def _document_hash(document_type: str, number: str) -> list[object]:
    try:
        document = check_document(document_type, number, today=clock.today())
    except InvalidDocument:
        return []
    return [cipher().lookup_hash(document.lookup_text)]


def _numbered(field_name: str, system: str, read: Callable[[str], object]) -> Callable[[Sequence[str]], Criterion]:
    """Read identifiers of one numbering of our own."""

    def read_all(given: Sequence[str]) -> Criterion:
        found: list[object] = []
        for where, value in map(split_token, given):
            if where in (None, fhir.system_of(resources.fhir(), system)):
                try:
                    found.append(read(value))
                except ValueError:
                    # No number of ours is nobody's.
                    continue
        return OneOf(field_name, tuple(found))

    return read_all


async def _find_patients(criteria: Sequence[Criterion], *, channel: str, **page: Any) -> Sequence[PatientRecord]:  # noqa: ARG001  all kinds are found alike
    return await search_patients(criteria, **page)


async def _count_patients(criteria: Sequence[Criterion], *, channel: str, up_to: int) -> int:  # noqa: ARG001  likewise
    return await count_patients(criteria, up_to=up_to)


def _without_channel(find: Find) -> Find:
    async def find_all(criteria: Sequence[Criterion], *, channel: str, **page: Any) -> Sequence[Any]:  # noqa: ARG001  likewise
        return await find(criteria, **page)

    return find_all


PATIENT: Final = Kind(
    name="Patient",
    parameters={
        "_id": ids("id", "The patient's id."),
        "_lastUpdated": instants("updated_at", "When the record last changed."),
        "identifier": Parameter("token", "A document's or a chart's number, with its system.", _patient_identifier),
        "name": names("name", "How the name begins."),
    },
    find=_find_patients,
    count=_count_patients,
    write=fhir.write_patient,
    patient_field="patient",
    owner_field="registered_by",
    patient_of=lambda entry: entry.id,
)
PRACTITIONER: Final = Kind(
    name="Practitioner",
    parameters={
        "_id": ids("id", "The practitioner's id."),
        "identifier": Parameter("token", "The staff code.", _numbered("code", "practitioner-code", str)),
        "name": names("name", "How the name begins."),
    },
    find=_without_channel(finding.find_practitioners),
    count=partial(finding.count, "practitioner"),
    write=fhir.write_practitioner,
)
SCHEDULE: Final = Kind(
    name="Schedule",
    parameters={
        "_id": ids("id", "The schedule's id."),
        "actor": references("Whose schedule it is.", Practitioner="practitioner"),
        "date": periods("date", "When the clinic is held."),
    },
    find=_without_channel(finding.find_schedules),
    count=partial(finding.count, "schedule"),
    write=fhir.write_schedule,
    position=_by_start,
    read_position=_read_start,
)
SLOT: Final = Kind(
    name="Slot",
    parameters={
        "_id": ids("id", "The slot's id."),
        "schedule": references("The schedule that it belongs to.", Schedule="schedule"),
        "start": instants("start", "When it begins."),
        "status": codes("status", "What your channel may have of it now.", system="http://hl7.org/fhir/slotstatus"),
    },
    find=finding.find_slots,
    count=partial(finding.count, "slot"),
    write=fhir.write_slot,
    position=_by_start,
    read_position=_read_start,
    includes=(Include(parameter="schedule", target="Schedule", ids=lambda entry: entry.schedule_id),),
    bounded_by=frozenset({"_id", "schedule", "start"}),
)
APPOINTMENT: Final = Kind(
    name="Appointment",
    parameters={
        "_id": ids("id", "The appointment's id."),
        "_lastUpdated": instants("updated_at", "When it last changed."),
        "identifier": Parameter(
            "token",
            "The appointment number that patients read.",
            _numbered("number", "appointment-number", parse_appointment_number),
        ),
        "patient": references("Whose it is.", Patient="patient"),
        "practitioner": references("With whom it is.", Practitioner="practitioner"),
        "actor": references("Who takes part.", Patient="patient", Practitioner="practitioner"),
        "date": instants("date", "When it begins."),
        "status": codes("status", "Its status.", system="http://hl7.org/fhir/appointmentstatus"),
        "slot": references("The slot that it takes.", Slot="slot"),
    },
    find=_without_channel(finding.find_appointments),
    count=partial(finding.count, "appointment"),
    write=fhir.write_appointment,
    patient_field="patient",
    owner_field="client",
    patient_of=lambda entry: entry.patient_id,
    includes=(
        Include(parameter="patient", target="Patient", ids=lambda entry: entry.patient_id),
        Include(parameter="slot", target="Slot", ids=lambda entry: entry.slot_id),
    ),
)
KINDS: Final[Mapping[str, Kind]] = {kind.name: kind for kind in (PATIENT, PRACTITIONER, SCHEDULE, SLOT, APPOINTMENT)}
