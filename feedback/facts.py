"""What this room tells others: cases as their readers see them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Office:
    """An office by its code and names."""

    code: str
    name_zh: str
    name_en: str


@dataclass(frozen=True, slots=True)
class Message:
    """One thing said. office, staff_code: who answered; None for the patient's own."""

    id: UUID
    at: datetime
    author: str
    office: Office | None
    staff_code: str | None
    text: str


@dataclass(frozen=True, slots=True)
class Event:
    """One step of a case. staff_code: None for the patient's and the platform's own. reason: where one was given."""

    at: datetime
    action: str
    status: str
    office: str
    staff_code: str | None
    on_behalf_of: str | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Case:
    """A case without its texts. account_id, patient_id, appointment_id stand here whoever reads; surfaces hide them."""

    id: UUID
    kind: str
    category: str
    status: str
    anonymous: bool
    account_id: UUID
    patient_id: UUID
    appointment_id: UUID | None
    campus_id: UUID | None
    department_id: UUID | None
    office: Office
    acknowledge_by: datetime
    answer_by: datetime
    acknowledged_at: datetime | None
    answered_at: datetime | None
    reopened_at: datetime | None
    closed_at: datetime | None
    escalated_at: datetime | None
    is_overdue: bool
    can_reopen: bool
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class WholeCase:
    """A case with all that was said and done."""

    case: Case
    messages: Sequence[Message]
    events: Sequence[Event]


Question = dict[str, Any]
