"""A clinic day's appointments, here and at the HIS, side by side.

Rules of repair: what the HIS lacks, or holds in an older version, is told again; a number that its
window sold or gave back, in a newer version than ours, is taken over. Everything else is a person's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from booking import claims
from booking.his.inbound import follow_status
from booking.his.outbound import HANDLER
from booking.his.sales import take_over_appointment
from booking.payment import links
from integration.his.facts import AppointmentFacts, AppointmentStatus
from integration.his.port import HisAppointment, HisPull
from integration.his.reconcile import (
    MISSING_HERE,
    MISSING_IN_HIS,
    DayRecord,
    Difference,
    Repair,
)
from kernel.db import Row, Transaction, database
from patients.his import HIS_SYSTEM, his_actor, load_linked_patients

TOLD_AGAIN: Final = Repair("told_again")
TAKEN_OVER: Final = Repair("taken_over")
RECONCILER: Final = "reconciliation"

_EVENT_OF_STATUS: Final = {
    "booked": "appointment.moved",
    "arrived": "appointment.arrived",
    "fulfilled": "appointment.fulfilled",
    "cancelled": "appointment.cancelled",
    "noshow": "appointment.noshow",
}


@dataclass(frozen=True, slots=True)
class AppointmentComparer:
    """Compares appointments by id: seat, person and status."""

    name: str = "appointments"

    async def read_here(self, day: date) -> Sequence[DayRecord]:
        """Give the platform's appointments of a clinic day.

        One that the HIS refused and that was cancelled for it is nothing to the HIS.
        """
        rows = await database().fetch(
            "SELECT id, status, schedule_id, seq, patient_id, version, his_id, his_status"
            " FROM appointment WHERE clinic_date = $1 AND his_status <> 'rejected'"
            " AND status <> 'entered-in-error'",
            day,
        )
        return [
            DayRecord(
                key=str(row["id"]),
                compared={
                    "status": row["status"],
                    "schedule": str(row["schedule_id"]),
                    "seat": row["seq"],
                    "patient": str(row["patient_id"]),
                },
                version=row["version"],
                aggregates=(f"appointment:{row['id']}", f"patient:{row['patient_id']}"),
                context={"patient_id": str(row["patient_id"]), "status": row["status"]},
            )
            for row in rows
        ]

    async def read_there(self, his: HisPull, day: date) -> Sequence[DayRecord]:
        """Give the HIS's appointments of a clinic day under the platform's ids.

        What the HIS has cancelled and the platform never had is left out: its window sold a number,
        and gave it back when the platform refused it.

        Raises:
            HisUnavailable: it could not be read.
        """
        found = await his.fetch_appointments(day)
        ours = await _ids_by_his_id([one.his_id for one in found])
        people = await _ids_by_his_number([one.his_number for one in found])
        return [
            _record_there(one, platform_id, people, source=his.source)
            for one in found
            if (platform_id := one.platform_id or ours.get(one.his_id)) is not None
            or one.status is not AppointmentStatus.CANCELLED
        ]

    async def repair(self, tx: Transaction, difference: Difference) -> Repair | None:
        """Tell again, or take over, where a rule allows it; None leaves it to a person.

        Raises:
            SeatTaken, ScheduleUnknown, AlreadyBooked, AlreadyHeld, DailyLimitReached,
            PatientNotFound, HisDisagrees: what the HIS holds cannot be taken over.
        """
        here, there = difference.here, difference.there
        if difference.kind == MISSING_HERE:
            assert there is not None, "it is missing here only"
            return await _take_over(tx, there)
        assert here is not None, "it is missing there, or on neither side"
        await links.lock_orders_of_appointments(tx, UUID(here.key))
        row = await tx.fetchrow("SELECT * FROM appointment WHERE id = $1 FOR UPDATE", UUID(here.key))
        if row is None or row["version"] != here.version:
            return None
        if difference.kind == MISSING_IN_HIS:
            await _tell_again(tx, row, "appointment.booked")
            return TOLD_AGAIN
        assert there is not None, "both sides have it"
        if there.version <= here.version and row["status"] in _EVENT_OF_STATUS:
            await _tell_again(tx, row, _EVENT_OF_STATUS[row["status"]])
            return TOLD_AGAIN
        if difference.fields == ("status",):
            followed = await follow_status(
                tx,
                row,
                status=AppointmentStatus(str(there.compared["status"])),
                version=there.version,
                actor=his_actor(RECONCILER),
            )
            return TAKEN_OVER if followed else None
        return None


def _record_there(one: HisAppointment, platform_id: UUID | None, people: dict[str, UUID], *, source: str) -> DayRecord:
    aggregates = [f"his-appointment:{source}:{one.his_id}"]
    if platform_id is not None:
        aggregates.append(f"appointment:{platform_id}")
    patient_id = one.patient_id or people.get(one.his_number)
    return DayRecord(
        key=str(platform_id) if platform_id else f"his:{one.his_id}",
        compared={
            "status": one.status.value,
            "schedule": str(one.schedule_id) if one.schedule_id else None,
            "seat": one.sequence,
            "patient": str(patient_id) if patient_id else f"his:{one.his_number}",
        },
        version=one.version,
        aggregates=tuple(aggregates),
        context={
            "his_id": one.his_id,
            "his_number": one.his_number,
            "booked_by_his": one.booked_by_his,
        },
    )


async def _take_over(tx: Transaction, there: DayRecord) -> Repair | None:
    """Book here what the HIS's window has sold, where the person is known by the HIS's number."""
    if not there.context["booked_by_his"] or there.compared["status"] != "booked":
        return None
    number = str(there.context["his_number"])
    people = await load_linked_patients(tx, [number])
    if number not in people or there.compared["schedule"] is None:
        return None
    told = AppointmentFacts(
        platform_id=None,
        his_id=str(there.context["his_id"]),
        status=AppointmentStatus.BOOKED,
        version=there.version,
        schedule_id=UUID(str(there.compared["schedule"])),
        sequence=int(there.compared["seat"] or 0),
        patient=people[number],
        starts_at=None,
        ends_at=None,
    )
    await take_over_appointment(tx, told, source=RECONCILER)
    return TAKEN_OVER


async def _tell_again(tx: Transaction, row: Row, event_type: str) -> None:
    await claims.send_appointment(
        tx,
        event_type,
        appointment_id=row["id"],
        patient_id=row["patient_id"],
        version=row["version"],
        handlers=(HANDLER,),
    )


async def _ids_by_his_id(his_ids: Sequence[str]) -> dict[str, UUID]:
    rows = await database().fetch("SELECT his_id, id FROM appointment WHERE his_id = ANY ($1)", list(his_ids))
    return {row["his_id"]: row["id"] for row in rows}


async def _ids_by_his_number(numbers: Sequence[str]) -> dict[str, UUID]:
    rows = await database().fetch(
        "SELECT value, patient_id FROM patient_identifier WHERE system = $1 AND value = ANY ($2)",
        HIS_SYSTEM,
        list(set(numbers)),
    )
    return {row["value"]: row["patient_id"] for row in rows}
