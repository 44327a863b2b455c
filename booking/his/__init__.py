"""Appointments and schedules in step with the core HIS: telling, hearing, comparing."""

from typing import Final

from booking.his import catalogue, comparing, comparing_schedules, inbound, outbound

OUTBOUND: Final = (*outbound.OUTBOUND, *catalogue.OUTBOUND)
INBOUND: Final = (*inbound.INBOUND, *catalogue.INBOUND)
COMPARERS: Final = (comparing_schedules.ScheduleComparer(), comparing.AppointmentComparer())

__all__ = ["COMPARERS", "INBOUND", "OUTBOUND"]
