"""What the scenarios share: clients, invented patients, free slots, and giving back what was taken."""

import contextlib
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

from hospital_openapi import types
from hospital_openapi.client import HospitalClient
from hospital_openapi.errors import Conflict, Problem

DAYS_AHEAD: Final = 2
"""Far enough for every rule of cancelling, wherever the clock of this machine stands."""
DEPARTMENTS_MAX: Final = 60
OPENINGS_MAX: Final = 100
# The area code of the demonstration's invented people: no such district issues cards.
AREA: Final = "440199"
_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK_DIGITS: Final = "10X98765432"


class Failed(Exception):
    """A scenario did not go as a channel needs it; the text says what was seen, and what to do."""


class LeftOut(Exception):
    """A scenario could not be tried; the text says why."""


def require(holds: object, sentence: str) -> None:
    """Hold a scenario to what it says.

    Raises:
        Failed: it is not so.
    """
    if not holds:
        raise Failed(sentence)


def early_enough() -> str:
    """Give the first day of which a number can surely be moved, cancelled and waited for."""
    return (date.today() + timedelta(days=DAYS_AHEAD)).isoformat()  # noqa: DTZ011  a day more or less is all the same


@dataclass
class Visit:
    """One run of the check. chinese and english: the same application, whose patients read one or the other."""

    chinese: HospitalClient
    english: HospitalClient
    has_token: bool = False
    openings: list[types.Opening] = field(default_factory=list)
    appointment: types.Appointment | None = None
    patient_id: str | None = None
    holds: list[str] = field(default_factory=list)
    appointments: list[str] = field(default_factory=list)

    def register(self) -> tuple[types.Patient, types.PatientRegistration]:
        """Register somebody invented whom the sandbox does not know."""
        person: types.PatientRegistration = {
            "name": "联调测试",
            "document": {"type": "CN-ID", "number": invented_number()},
        }
        return self.english.register_patient(person), person

    def new_patient(self) -> str:
        """Register somebody and give the id."""
        return self.register()[0]["id"]

    def free_openings(self) -> list[types.Opening]:
        """List slots that this channel may book now, of as many departments as it takes; each schedule once.

        Raises:
            LeftOut: nothing is open to this channel.
        """
        if not self.openings:
            seen: set[str] = set()
            for number, department in enumerate(self.english.iterate_departments(limit=100)):
                if number == DEPARTMENTS_MAX or len(seen) >= OPENINGS_MAX:
                    break
                found = self.english.find_nearest_openings(
                    department_id=department["id"], date_from=early_enough(), limit=20
                )
                for opening in found["items"]:
                    if opening["schedule_id"] not in seen and not self._needs_turn(opening["schedule_id"], seen):
                        seen.add(opening["schedule_id"])
                        self.openings.append(opening)
        if not self.openings:
            raise LeftOut(
                "No number is open to your channel just now. Ask the slot office which pools and release times it has."
            )
        return self.openings

    def _needs_turn(self, schedule_id: str, seen: set[str]) -> bool:
        """Tell whether there is a waiting room before a schedule; asked of the first few only."""
        return len(seen) < 5 and self.english.read_room(schedule_id)["needs_turn"]

    def hold(self, patient_id: str, *, slot_id: str | None = None) -> types.Hold:
        """Hold a seat for somebody: in this slot, or the first that takes them.

        Raises:
            LeftOut: none takes them.
            Problem: the slot given refuses.
        """
        wanted = [slot_id] if slot_id else [opening["slot_id"] for opening in self.free_openings()]
        for slot in wanted:
            try:
                hold = self.english.hold_seat({"slot_id": slot, "patient_id": patient_id})
            except Conflict:
                if slot_id:
                    raise
                continue
            self.holds.append(hold["id"])
            return hold
        raise LeftOut("Every number that was shown as open was refused to a new patient.")

    def book(self, body: types.AppointmentRequest, *, idempotency_key: str | None = None) -> types.Appointment:
        """Book, and remember to give it back."""
        made = self.english.book_appointment(body, idempotency_key=idempotency_key)
        if made["id"] not in self.appointments:
            self.appointments.append(made["id"])
        return made

    def booked(self) -> types.Appointment:
        """Give the appointment that stands in the middle of the check, booking it if need be."""
        if self.appointment is None:
            self.patient_id = self.new_patient()
            hold = self.hold(self.patient_id)
            self.appointment = self.book({"hold_id": hold["id"]})
        return self.appointment

    def give_back(self) -> None:
        """Release and cancel whatever is left; what has ended already is no matter."""
        for hold in self.holds:
            with contextlib.suppress(Problem):
                self.english.release_hold(hold)
        for appointment in self.appointments:
            with contextlib.suppress(Problem):
                self.english.cancel_appointment(appointment, {"reason": "partner check"})


def invented_number() -> str:
    """Invent a number of a resident identity card whose check digit is right (GB 11643)."""
    body = f"{AREA}{random.randint(1960, 1999)}{random.randint(1, 12):02}{random.randint(1, 28):02}"  # noqa: S311  invented
    body += f"{random.randint(0, 999):03}"  # noqa: S311  invented
    total = sum(int(digit) * weight for digit, weight in zip(body, _WEIGHTS, strict=True))
    return body + _CHECK_DIGITS[total % 11]


def each_name(names: Iterator[str] | list[str]) -> str:
    """Write names one after another."""
    return ", ".join(sorted(names))
