"""The port behind which every core HIS stands.

Outbound, the platform hands over one change at a time and learns what became of it. Inbound, the
HIS's messages arrive as `InboundChange`. Pulls serve catching up and reconciliation. What speaks
HL7 v2, REST or SOAP lives in adapters; what a message looks like lives in `integration.exchange`.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from integration.his.facts import AppointmentStatus, Facts, ScheduleFacts


class ChangeKind(StrEnum):
    """What the platform tells the HIS."""

    PATIENT_REGISTERED = "patient_registered"
    PATIENT_CHANGED = "patient_changed"
    APPOINTMENT_BOOKED = "appointment_booked"
    APPOINTMENT_MOVED = "appointment_moved"
    APPOINTMENT_MODIFIED = "appointment_modified"
    APPOINTMENT_CANCELLED = "appointment_cancelled"
    APPOINTMENT_NOSHOW = "appointment_noshow"
    SCHEDULES_PUBLISHED = "schedules_published"
    PRACTITIONER_PUBLISHED = "practitioner_published"
    LOCATION_PUBLISHED = "location_published"


class InboundKind(StrEnum):
    """What the HIS tells the platform; features subscribe by these names."""

    APPOINTMENT_BOOKED = "his.appointment_booked"
    APPOINTMENT_MOVED = "his.appointment_moved"
    APPOINTMENT_CANCELLED = "his.appointment_cancelled"
    PATIENT_CHANGED = "his.patient_changed"
    VISIT_REGISTERED = "his.visit_registered"
    PRACTITIONER_CHANGED = "his.practitioner_changed"
    SCHEDULE_CHANGED = "his.schedule_changed"
    NUMBERS_HANDED_BACK = "his.numbers_handed_back"
    CHARGE_POSTED = "his.charge_posted"
    BILL_SETTLED_ELSEWHERE = "his.bill_settled_elsewhere"
    REFUND_APPROVED = "his.refund_approved"
    REFUND_REFUSED = "his.refund_refused"
    DEPOSIT_POSTED = "his.deposit_posted"
    DISCHARGED = "his.discharged"


@dataclass(frozen=True, slots=True)
class OutboundChange:
    """One change to tell, with the facts as they stand when it is sent.

    Schedules are told several at a time: those of one campus and day.
    """

    kind: ChangeKind
    facts: Facts | tuple[ScheduleFacts, ...]


@dataclass(frozen=True, slots=True)
class InboundChange:
    """One change the HIS told us of.

    source: which HIS; control_id: its own number of the message (the pair is seen once).
    aggregate: what it is about, order is kept within it; depends_on: what has to be applied first.
    """

    kind: InboundKind
    source: str
    control_id: str
    aggregate: str
    depends_on: str | None
    occurred_at: datetime
    facts: Facts


@dataclass(frozen=True, slots=True)
class Accepted:
    """The HIS has taken the change, and may have told its own numbers.

    his_id: of what was told (an appointment, or a person). his_number: of the person whom an appointment is for.
    """

    his_id: str | None = None
    his_number: str | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """The HIS has said no, and will say no again.

    code: the HIS's stable word where it has one (`seat_taken`, `patient_unknown` ...).
    malformed: it could not read the message; nothing in the hospital will mend that, a person must.
    """

    code: str
    text: str
    malformed: bool = False


Outcome = Accepted | Rejected


@dataclass(frozen=True, slots=True)
class HisAppointment:
    """An appointment of a clinic day as the HIS holds it, for comparing. No personal data."""

    his_id: str
    platform_id: UUID | None
    schedule_id: UUID | None
    sequence: int | None
    his_number: str
    patient_id: UUID | None
    status: AppointmentStatus
    version: int
    starts_at: datetime
    updated_at: datetime
    booked_by_his: bool


@dataclass(frozen=True, slots=True)
class HisSchedule:
    """A schedule of a clinic day as the HIS holds it, for comparing."""

    schedule_id: UUID
    clinic_code: str
    practitioner_code: str
    status: str
    version: int
    seats: int | None


@dataclass(frozen=True, slots=True)
class FeedItem:
    """One message of the HIS's change feed. `position` is the cursor behind it.

    `changes` is empty for a message that the profile does not know.
    """

    position: int
    changes: tuple[InboundChange, ...]


@dataclass(frozen=True, slots=True)
class ChangePage:
    """A page of the HIS's change feed in its order; `complete` when nothing newer was there."""

    items: tuple[FeedItem, ...]
    complete: bool


class HisPort(Protocol):
    """Tell a core HIS what happened."""

    async def deliver(self, change: OutboundChange, *, message_id: UUID) -> Outcome:
        """Hand one change over; `message_id` is the same over every try of it.

        Raises:
            HisUnavailable: it could not be reached, or did not answer in time. Whether it has
                taken the change is then unknown; telling it again with the same id is harmless.
        """
        ...

    async def close(self) -> None:
        """Give the connections back."""
        ...


class HisPull(Protocol):
    """Ask a core HIS what it holds."""

    @property
    def source(self) -> str:
        """Which HIS this is, as inbound changes name it."""
        ...

    async def fetch_appointments(self, day: date) -> list[HisAppointment]:
        """Give every appointment of a clinic day, the cancelled ones too.

        Raises:
            HisUnavailable: it could not be reached.
        """
        ...

    async def fetch_schedules(self, day: date) -> list[HisSchedule]:
        """Give every schedule of a clinic day.

        Raises:
            HisUnavailable: it could not be reached.
        """
        ...

    async def fetch_changes(self, after: int) -> ChangePage:
        """Give what the HIS has told since cursor `after`, in its order.

        Raises:
            HisUnavailable: it could not be reached.
        """
        ...

    async def close(self) -> None:
        """Give the connections back."""
        ...
