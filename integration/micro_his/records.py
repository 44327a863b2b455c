"""What the micro-HIS reads out of messages, in its own words (they are not the platform's)."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

OWN: Final = "MICROHIS"
"""How we name ourselves in MSH-3, and the authority of our record numbers and appointment numbers."""
FACILITY: Final = "GZHG"
PLATFORM: Final = "PLATFORM"


@dataclass(frozen=True, slots=True)
class ToldPatient:
    """A person as a message names them: by the platform's id, by our record number, by a document."""

    platform_id: UUID | None
    mr: str | None
    name: str
    birth_date: date | None
    sex: str
    document_type: str | None
    document_number: str | None
    phone: str | None


@dataclass(frozen=True, slots=True)
class ToldAppointment:
    """An appointment as the platform states it; None is what a message leaves out."""

    platform_id: UUID | None
    his_id: str | None
    status: str
    version: int
    schedule_id: UUID | None
    sequence: int | None
    starts_at: datetime | None
    ends_at: datetime | None
    made_by: str
    channel: str
    reason: str
    patient: ToldPatient
    agreed_fee_fen: int | None


@dataclass(frozen=True, slots=True)
class ToldSlot:
    """A time band, its numbers, and which of them our window may sell until when.

    emergency_sequences: those for the time while the platform is away. recalled_sequences: those that it asks back.
    """

    first_sequence: int
    last_sequence: int
    starts_at: datetime
    ends_at: datetime
    window_sequences: tuple[int, ...]
    window_until: datetime | None
    emergency_sequences: tuple[int, ...] = ()
    emergency_until: datetime | None = None
    recalled_sequences: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class ToldSchedule:
    """A practitioner's clinic on one day and period."""

    id: UUID
    clinic_code: str
    room_code: str
    practitioner_code: str
    service_type: str
    clinic_date: date
    period: str
    status: str
    fee_fen: int
    version: int
    slots: tuple[ToldSlot, ...]


@dataclass(frozen=True, slots=True)
class ToldPractitioner:
    """A doctor of the master file."""

    code: str
    name: str
    title: str
    department_code: str
    active: bool


@dataclass(frozen=True, slots=True)
class ToldLocation:
    """A clinic or a room of the master file."""

    kind: str
    code: str
    name: str
    part_of: str
    campus_code: str
    active: bool
