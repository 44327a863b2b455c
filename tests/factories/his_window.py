"""What the HIS's registration window tells the platform, in the words of the port."""

from uuid import UUID

from booking.his.sales import take_over_appointment
from integration.his.facts import AppointmentFacts, AppointmentStatus, PatientFacts, Sex
from kernel.db import Database
from kernel.errors import HospitalError


def window_booking(
    *,
    his_id: str,
    patient_id: UUID,
    schedule_id: UUID,
    sequence: int,
    status: AppointmentStatus = AppointmentStatus.BOOKED,
    version: int = 1,
) -> AppointmentFacts:
    """A number that the window has sold to a person whom the platform knows."""
    return AppointmentFacts(
        platform_id=None,
        his_id=his_id,
        status=status,
        version=version,
        schedule_id=schedule_id,
        sequence=sequence,
        patient=PatientFacts(patient_id, None, "n", None, Sex.MALE, None, None, None),
        starts_at=None,
        ends_at=None,
        made_by="S0001",
    )


async def sell_at_window(db: Database, told: AppointmentFacts) -> UUID | HospitalError:
    """Let the platform decide on the sale in a transaction of its own; give the appointment's id or the refusal."""
    try:
        async with db.transaction() as tx:
            return await take_over_appointment(tx, told, source="MICROHIS")
    except HospitalError as refusal:
        return refusal
