"""What the platform and a core HIS tell each other, in words that belong to neither.

No field here is shaped after one HIS product or one wire format. A foreign HIS is fitted by an
adapter that turns these facts into its messages and its messages into these facts.

Codes are the hospital's own (clinic, room, practitioner, service type) or FHIR's (statuses, sex).
Instants are aware UTC, clinic days are Asia/Shanghai, money is integer fen.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID


class Sex(StrEnum):
    """Administrative gender (FHIR)."""

    MALE = "male"
    FEMALE = "female"
    UNKNOWN = "unknown"


class AppointmentStatus(StrEnum):
    """FHIR appointment statuses that both sides can hold."""

    BOOKED = "booked"
    ARRIVED = "arrived"
    FULFILLED = "fulfilled"
    CANCELLED = "cancelled"
    NOSHOW = "noshow"


@dataclass(frozen=True, slots=True)
class PatientFacts:
    """A person, as both sides need to know them.

    platform_id: the platform's patient id; None when only the HIS knows the person so far.
    his_number: the record number that the HIS gave; None until it has told us.
    document_type: `CN-ID` (GB 11643), `PPN` (a passport), or another code of HL7 table 0203.
    version: of the side that states these facts.
    """

    platform_id: UUID | None
    his_number: str | None
    name: str
    birth_date: date | None
    sex: Sex
    document_type: str | None
    document_number: str | None
    phone: str | None
    version: int = 1


@dataclass(frozen=True, slots=True)
class AppointmentFacts:
    """One person's seat in one schedule, as it stands on the side that states it.

    At least one of `platform_id` and `his_id` is there. `sequence` is the queue number in the
    schedule. `version` grows with every change; an older one says nothing.
    made_by: the staff code or client that acted; channel: where (window, kiosk, city_portal ...).
    fee_fen: what this person has agreed to pay for it, whatever the schedule costs by now; None: the schedule's fee.
    """

    platform_id: UUID | None
    his_id: str | None
    status: AppointmentStatus
    version: int
    schedule_id: UUID | None
    sequence: int | None
    patient: PatientFacts
    starts_at: datetime | None
    ends_at: datetime | None
    clinic_code: str = ""
    room_code: str = ""
    practitioner_code: str = ""
    service_type: str = ""
    reason_code: str = ""
    reason_text: str = ""
    made_by: str = ""
    channel: str = ""
    fee_fen: int | None = None


@dataclass(frozen=True, slots=True)
class SlotFacts:
    """A time band of a schedule and the queue numbers in it.

    window_sequences: those that the HIS's own registration window may sell from its copy.
    window_until: after this instant it may not sell them by itself any more; None: no limit.
    emergency_sequences: those with which the window goes on while the platform is away, until emergency_until.
    recalled_sequences: those of them that the HIS is asked to hand back; it answers with `NumbersHandedBack`.
    """

    starts_at: datetime
    ends_at: datetime
    first_sequence: int
    last_sequence: int
    window_sequences: tuple[int, ...]
    window_until: datetime | None
    emergency_sequences: tuple[int, ...] = ()
    emergency_until: datetime | None = None
    recalled_sequences: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class ScheduleFacts:
    """A practitioner's clinic on one day and period. `status` is `active` or `withdrawn`."""

    schedule_id: UUID
    clinic_code: str
    practitioner_code: str
    service_type: str
    clinic_date: date
    period: str
    status: str
    fee_fen: int
    version: int
    slots: tuple[SlotFacts, ...]
    room_code: str = ""


@dataclass(frozen=True, slots=True)
class PractitionerFacts:
    """A doctor: code, name, title and department code, and whether they work here."""

    code: str
    name: str
    title: str
    department_code: str
    active: bool
    version: int = 1


@dataclass(frozen=True, slots=True)
class LocationFacts:
    """A clinic (`kind` clinic) or one of its rooms (`kind` room; `part_of` is the clinic's code)."""

    kind: str
    code: str
    name: str
    part_of: str
    campus_code: str
    active: bool
    version: int = 1


@dataclass(frozen=True, slots=True)
class VisitFacts:
    """A registration at the window: somebody came, with or without an appointment."""

    his_number: str
    visit_number: str
    patient: PatientFacts
    appointment_id: UUID | None
    his_appointment_id: str | None
    clinic_code: str
    practitioner_code: str
    registered_at: datetime
    version: int = 1


@dataclass(frozen=True, slots=True)
class NumbersHandedBack:
    """Numbers of a schedule that the HIS's window sells no more, because it was asked for them.

    unsold: nobody has them. sold: somebody does; the sale has been told, or is about to be.
    sold_as: the HIS's number of each of these sales, in the same order: an earlier sale may have been given back.
    version: of the schedule whose message asked.
    """

    schedule_id: UUID
    version: int
    unsold: tuple[int, ...]
    sold: tuple[int, ...]
    sold_as: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BillFacts:
    """A bill as the HIS has it: ordered, changed or withdrawn, or paid at its own window.

    kind: prescription, laboratory, examination, treatment. status: unpaid, paid, cancelled.
    """

    patient: PatientFacts
    bill_no: str
    kind: str
    status: str
    total_fen: int
    insurance_fen: int
    version: int = 1


@dataclass(frozen=True, slots=True)
class RefundDecisionFacts:
    """What somebody at the hospital decided on a refund that the platform had asked for."""

    patient: PatientFacts
    approval_no: str
    refund_no: str
    approved: bool
    reason: str
    total_fen: int
    version: int = 1


@dataclass(frozen=True, slots=True)
class DepositFacts:
    """A deposit that was paid at the HIS's own window."""

    patient: PatientFacts
    admission_no: str
    receipt_no: str
    amount_fen: int
    version: int = 1


@dataclass(frozen=True, slots=True)
class DischargeFacts:
    """A stay that has ended: its bill is final."""

    patient: PatientFacts
    admission_no: str
    department_code: str
    discharged_at: datetime
    version: int = 1


Facts = (
    PatientFacts
    | AppointmentFacts
    | ScheduleFacts
    | PractitionerFacts
    | LocationFacts
    | VisitFacts
    | NumbersHandedBack
    | BillFacts
    | RefundDecisionFacts
    | DepositFacts
    | DischargeFacts
)
