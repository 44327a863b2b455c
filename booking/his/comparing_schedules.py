"""A clinic day's schedules, here and at the HIS: whether its window and its desks see the clinics that stand.

The platform makes the schedules, so what the HIS lacks or holds otherwise is told again. Only a schedule that
the HIS has and the platform has not, or has in a newer version, is a person's to look at.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from booking.catalogue.announcing import announce_schedules
from integration.his.port import HisPull
from integration.his.reconcile import MISSING_HERE, DayRecord, Difference, Repair
from kernel.db import Row, Transaction, database

TOLD_AGAIN: Final = Repair("told_again")

_SCHEDULES: Final = """
SELECT s.id, s.status, s.version, s.campus_id, c.code AS clinic_code, p.code AS practitioner_code,
       (SELECT count(*)::integer FROM seat e WHERE e.schedule_id = s.id) AS seats
FROM schedule s
JOIN clinic c ON c.id = s.clinic_id
JOIN practitioner p ON p.id = s.practitioner_id
WHERE s.clinic_date = $1
"""


@dataclass(frozen=True, slots=True)
class ScheduleComparer:
    """Compares schedules by id: clinic, practitioner, status and how many numbers they have."""

    name: str = "schedules"

    async def read_here(self, day: date) -> Sequence[DayRecord]:
        """Give the platform's schedules of a clinic day."""
        return [
            DayRecord(
                key=str(row["id"]),
                compared={
                    "status": row["status"],
                    "clinic": row["clinic_code"],
                    "practitioner": row["practitioner_code"],
                    "seats": row["seats"],
                },
                version=row["version"],
                aggregates=(f"campusday:{row['campus_id']}:{day}",),
            )
            for row in await _read(day)
        ]

    async def read_there(self, his: HisPull, day: date) -> Sequence[DayRecord]:
        """Give the HIS's schedules of a clinic day; where it does not count numbers, they are not compared.

        Raises:
            HisUnavailable: it could not be read.
        """
        found = await his.fetch_schedules(day)
        seats_here = {row["id"]: row["seats"] for row in await _read(day)}
        return [
            DayRecord(
                key=str(one.schedule_id),
                compared={
                    "status": one.status,
                    "clinic": one.clinic_code,
                    "practitioner": one.practitioner_code,
                    "seats": seats_here.get(one.schedule_id) if one.seats is None else one.seats,
                },
                version=one.version,
            )
            for one in found
        ]

    async def repair(self, tx: Transaction, difference: Difference) -> Repair | None:
        """Tell the HIS of the schedule again, unless it knows something newer or other than we."""
        here, there = difference.here, difference.there
        if difference.kind == MISSING_HERE or here is None:
            return None
        if there is not None and there.version > here.version:
            return None
        await announce_schedules(tx, [UUID(here.key)], event_type="schedule.changed")
        return TOLD_AGAIN


async def _read(day: date) -> list[Row]:
    return await database().fetch(_SCHEDULES, day)
