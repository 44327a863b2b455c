"""Appointments and schedules in step with the core HIS: telling, hearing, comparing."""

from typing import Final

from booking.his import catalogue, comparing, inbound, outbound

OUTBOUND: Final = (*outbound.OUTBOUND, *catalogue.OUTBOUND)
INBOUND: Final = (*inbound.INBOUND, *catalogue.INBOUND)
COMPARERS: Final = (comparing.AppointmentComparer(),)

__all__ = ["COMPARERS", "INBOUND", "OUTBOUND"]
