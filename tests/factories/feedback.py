"""Patients who tell the hospital something, and the offices that answer."""

import itertools
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from booking.facts import Appointment
from booking.service import book_appointment
from feedback import service
from feedback.facts import WholeCase
from feedback.ratings import RatingForm, rate_visit
from feedback.service import Author, Submission
from kernel import clock
from kernel.crypto import cipher
from kernel.db import Database
from kernel.events import Actor
from kernel.ids import new_id
from tests.factories.booking import PORTAL, HospitalUnderTest

_codes = itertools.count(1)
MARKS = {"overall": 4, "waiting": 2}


def actor_of(account_id: UUID) -> Actor:
    """An account as the patients' surface names it."""
    return Actor(client_id=f"account:{account_id}", channel="miniprogram", kind="system", request_id="request-1")


def staff(code: str, *, on_behalf_of: str | None = None) -> Actor:
    """A member of staff at the hospital's own application."""
    return Actor("office", "window", "internal", staff_code=code, on_behalf_of=on_behalf_of)


@dataclass
class Feedback:
    """A hospital with accounts whose members have been there."""

    hospital: HospitalUnderTest
    db: Database = field(init=False)

    def __post_init__(self) -> None:
        self.db = self.hospital.db

    async def author(self, patient_id: UUID | None = None) -> Author:
        """An account, with one member."""
        account_id = new_id()
        phone = f"144{next(_codes):08d}"
        await self.db.execute(
            "INSERT INTO patient_account (id, phone_cipher, phone_hash, created_at) VALUES ($1, $2, $3, $4)",
            account_id,
            cipher().seal(phone),
            cipher().lookup_hash(phone),
            clock.now(),
        )
        if patient_id is None:
            (patient_id,) = await self.hospital.patients(1)
        await self.db.execute(
            "INSERT INTO patient_account_member (id, account_id, patient_id, relationship, bound_at)"
            " VALUES ($1, $2, $3, 'self', $4)",
            new_id(),
            account_id,
            patient_id,
            clock.now(),
        )
        return Author(account_id, patient_id)

    async def visit(self, patient_id: UUID, *, status: str = "fulfilled") -> Appointment:
        """An appointment of a person, in some state, for the day after tomorrow."""
        await self.db.execute(
            "INSERT INTO patient_access (client_id, patient_id) VALUES ('portal', $1) ON CONFLICT DO NOTHING",
            patient_id,
        )
        schedule = await self.hospital.schedule(seats=1)
        made = await book_appointment(slot_id=schedule.slots[0], patient_id=patient_id, actor=PORTAL)
        await self.db.execute("UPDATE appointment SET status = $2 WHERE id = $1", made.id, status)
        return made

    async def holder(self, role: str, **place: UUID) -> Actor:
        """Somebody with a role, everywhere or at one place."""
        code, staff_id = f"S{next(_codes) + 5000}", new_id()
        await self.db.execute("INSERT INTO staff (id, code, name) VALUES ($1, $2, 'n')", staff_id, code)
        await self.db.execute(
            "INSERT INTO staff_assignment (id, staff_id, role, campus_id, department_id, given_at)"
            " VALUES ($1, $2, $3, $4, $5, $6)",
            new_id(),
            staff_id,
            role,
            place.get("campus_id"),
            place.get("department_id"),
            clock.now(),
        )
        return staff(code)

    async def file(self, author: Author, **given: Any) -> WholeCase:
        """File a complaint about charges."""
        wanted = {"kind": "complaint", "category": "charges", "text": "等了四十分钟。"} | given
        return await service.submit_case(author, Submission(**wanted), actor=actor_of(author.account_id))

    async def rate(self, author: Author, visit: Appointment, **given: Any) -> RatingForm:
        """Rate a visit."""
        wanted: dict[str, Any] = {"questionnaire_version": 1, "marks": MARKS, "comment": None} | given
        return await rate_visit(visit.id, author, actor=actor_of(author.account_id), **wanted)
