"""
BookingError
├── SeatTaken         booking.seat_taken         the HIS's window has sold a number that is not free
└── ScheduleUnknown   booking.schedule_unknown   the HIS names a schedule or number that is not ours
"""

from kernel.errors import Conflict, NotFound


class SeatTaken(Conflict):
    """The number that the HIS's window has sold is held or booked here."""

    code = "booking.seat_taken"
    zh = "该号已被其他渠道预约，请另选一个号"
    en = "This number has been booked through another channel. Please choose another."


class ScheduleUnknown(NotFound):
    """The HIS names a schedule or a number that the platform does not have."""

    code = "booking.schedule_unknown"
    zh = "平台上没有该排班或该号"
    en = "The platform does not have this schedule or number."
