"""The profile: which change is which HL7 v2.5.1 message, and which message is which change."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from integration.codecs.errors import Hl7Error
from integration.codecs.hl7v2 import UTF_8, Message, Segment
from integration.codecs.hl7v2_header import Endpoint, build_header
from integration.codecs.hl7v2_values import format_timestamp, parse_timestamp
from integration.exchange.hl7v2 import appointments, charges, masters, patients
from integration.his.facts import (
    AppointmentFacts,
    AppointmentStatus,
    BillFacts,
    Facts,
    LocationFacts,
    PatientFacts,
    PractitionerFacts,
    RefundDecisionFacts,
    ScheduleFacts,
)
from integration.his.port import ChangeKind, InboundChange, InboundKind, OutboundChange
from kernel import clock

FACILITY: Final = "GZHG"
PLATFORM_ENDPOINT: Final = Endpoint("PLATFORM", FACILITY)
CHANGES_PER_MESSAGE_MAX: Final = 500

_MESSAGE_OF_CHANGE: Final = {
    ChangeKind.PATIENT_REGISTERED: ("ADT", "A28", "ADT_A05"),
    ChangeKind.PATIENT_CHANGED: ("ADT", "A31", "ADT_A05"),
    ChangeKind.APPOINTMENT_BOOKED: ("SIU", "S12", "SIU_S12"),
    ChangeKind.APPOINTMENT_MOVED: ("SIU", "S13", "SIU_S12"),
    ChangeKind.APPOINTMENT_MODIFIED: ("SIU", "S14", "SIU_S12"),
    ChangeKind.APPOINTMENT_CANCELLED: ("SIU", "S15", "SIU_S12"),
    ChangeKind.APPOINTMENT_NOSHOW: ("SIU", "S26", "SIU_S12"),
    ChangeKind.SCHEDULES_PUBLISHED: ("MFN", "M13", "MFN_M13"),
    ChangeKind.PRACTITIONER_PUBLISHED: ("MFN", "M02", "MFN_M02"),
    ChangeKind.LOCATION_PUBLISHED: ("MFN", "M05", "MFN_M05"),
}


class UnknownMessage(Hl7Error):
    """A message type or event that this profile does not have (table 0357)."""

    error_code = "201"
    error_text = "Unsupported event code"


class UnknownSender(Hl7Error):
    """MSH-3 names an application that is not the hospital's HIS."""

    error_code = "103"
    error_text = "Table value not found"


@dataclass(frozen=True, slots=True)
class Hl7Profile:
    """The profile between the platform and one HIS, named by its sending application (MSH-3)."""

    his_application: str
    charset: str = UTF_8
    platform: Endpoint = PLATFORM_ENDPOINT

    def render(self, change: OutboundChange, *, message_id: UUID, at: datetime) -> Message:
        """Write one change as a message whose control id is `message_id`."""
        control_id = str(message_id)
        header = build_header(
            sender=self.platform,
            receiver=Endpoint(self.his_application, self.platform.facility),
            at=at,
            kind=_MESSAGE_OF_CHANGE[change.kind],
            control_id=control_id,
            charset=self.charset,
        )
        return Message((header, *self._body(change.facts, at=at, control_id=control_id)))

    def _body(self, facts: Facts | tuple[ScheduleFacts, ...], *, at: datetime, control_id: str) -> list[Segment]:
        if isinstance(facts, AppointmentFacts):
            return appointments.build_segments(facts, his_authority=self.his_application)
        if isinstance(facts, PatientFacts):
            return [
                Segment.build("EVN", {2: format_timestamp(at)}),
                patients.build_pid(facts, his_authority=self.his_application),
                patients.build_version_note(facts.version),
            ]
        if isinstance(facts, tuple):
            return masters.build_schedules(facts, control_id=control_id)
        if isinstance(facts, PractitionerFacts):
            return masters.build_practitioner(facts, control_id=control_id)
        if isinstance(facts, LocationFacts):
            return masters.build_location(facts, control_id=control_id)
        raise AssertionError(f"the platform does not tell {type(facts).__name__}")

    def read(self, message: Message) -> list[InboundChange]:
        """Understand a message of the HIS; one may tell several changes.

        Raises:
            Hl7Error: another sender, an event that the profile does not have, or a field that
                cannot be read.
        """
        header = message.header
        if header.text(3) != self.his_application:
            raise UnknownSender("MSH-3 is not the application that this listener serves")
        sent_at = parse_timestamp(header.text(7)) if header.text(7) else clock.now()
        read = _READERS.get(message.kind)
        if read is None:
            raise UnknownMessage("this event is not part of the profile")
        told = read(message, self.his_application, sent_at)
        if len(told) > CHANGES_PER_MESSAGE_MAX:
            raise UnknownMessage(f"more than {CHANGES_PER_MESSAGE_MAX} records in one message")
        return [
            InboundChange(
                kind=kind,
                source=self.his_application,
                control_id=message.control_id,
                aggregate=aggregate,
                depends_on=depends_on,
                occurred_at=sent_at,
                facts=facts,
            )
            for kind, aggregate, depends_on, facts in told
        ]


_Told = tuple[InboundKind, str, str | None, Facts]
_Reader = Callable[[Message, str, datetime], list[_Told]]


def _read_patient(message: Message, source: str, _sent_at: datetime) -> list[_Told]:
    version = patients.read_version(message)
    patient = patients.read_pid(message.required("PID"), his_authority=source, version=version)
    aggregate = patients.patient_aggregate(patient, source=source)
    return [(InboundKind.PATIENT_CHANGED, aggregate, None, patient)]


def _read_visit(message: Message, source: str, sent_at: datetime) -> list[_Told]:
    visit = patients.read_visit(message, his_authority=source, sent_at=sent_at)
    depends_on = patients.patient_aggregate(visit.patient, source=source)
    if visit.his_appointment_id:
        depends_on = f"his-appointment:{source}:{visit.his_appointment_id}"
    aggregate = f"his-visit:{source}:{visit.visit_number}"
    return [(InboundKind.VISIT_REGISTERED, aggregate, depends_on, visit)]


def _read_appointment(message: Message, source: str, _sent_at: datetime) -> list[_Told]:
    facts = appointments.read_appointment(message, his_authority=source)
    if facts.status is AppointmentStatus.CANCELLED:
        kind = InboundKind.APPOINTMENT_CANCELLED
    elif message.kind[1] == "S12":
        kind = InboundKind.APPOINTMENT_BOOKED
    else:
        kind = InboundKind.APPOINTMENT_MOVED
    aggregate = appointments.appointment_aggregate(facts, source=source)
    return [(kind, aggregate, patients.patient_aggregate(facts.patient, source=source), facts)]


def _read_practitioners(message: Message, source: str, _sent_at: datetime) -> list[_Told]:
    found = [masters.read_practitioner(group) for group in message.groups("MFE")]
    return [(InboundKind.PRACTITIONER_CHANGED, f"his-practitioner:{source}:{one.code}", None, one) for one in found]


def _read_schedules(message: Message, source: str, _sent_at: datetime) -> list[_Told]:
    file = message.first("MFI")
    if file is not None and file.text(1) == masters.HANDED_BACK_FILE:
        kind = InboundKind.NUMBERS_HANDED_BACK
        back = [masters.read_handed_back(group) for group in message.groups("MFE")]
        return [(kind, f"his-handback:{source}:{one.schedule_id}", None, one) for one in back]
    found = [masters.read_schedule(group) for group in message.groups("MFE")]
    return [(InboundKind.SCHEDULE_CHANGED, f"his-schedule:{source}:{one.schedule_id}", None, one) for one in found]


def _read_charge(message: Message, source: str, _sent_at: datetime) -> list[_Told]:
    facts = charges.read_charge(message, his_authority=source)
    depends_on = patients.patient_aggregate(facts.patient, source=source)
    if isinstance(facts, BillFacts):
        kind = InboundKind.BILL_SETTLED_ELSEWHERE if facts.status == charges.PAID else InboundKind.CHARGE_POSTED
        return [(kind, f"his-bill:{source}:{facts.bill_no}", depends_on, facts)]
    if isinstance(facts, RefundDecisionFacts):
        kind = InboundKind.REFUND_APPROVED if facts.approved else InboundKind.REFUND_REFUSED
        return [(kind, f"his-refund:{source}:{facts.approval_no}", depends_on, facts)]
    return [(InboundKind.DEPOSIT_POSTED, f"his-stay:{source}:{facts.admission_no}", depends_on, facts)]


def _read_discharge(message: Message, source: str, sent_at: datetime) -> list[_Told]:
    facts = charges.read_discharge(message, his_authority=source, sent_at=sent_at)
    depends_on = patients.patient_aggregate(facts.patient, source=source)
    return [(InboundKind.DISCHARGED, f"his-stay:{source}:{facts.admission_no}", depends_on, facts)]


_READERS: Final[dict[tuple[str, str], _Reader]] = {
    ("ADT", "A28"): _read_patient,
    ("ADT", "A31"): _read_patient,
    ("ADT", "A04"): _read_visit,
    ("ADT", "A03"): _read_discharge,
    ("DFT", "P03"): _read_charge,
    ("SIU", "S12"): _read_appointment,
    ("SIU", "S13"): _read_appointment,
    ("SIU", "S14"): _read_appointment,
    ("SIU", "S15"): _read_appointment,
    ("SIU", "S26"): _read_appointment,
    ("MFN", "M02"): _read_practitioners,
    ("MFN", "M13"): _read_schedules,
}
