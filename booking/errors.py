"""
BookingError
├── SlotNotFound            booking.slot_not_found
├── SlotPast                booking.slot_past
├── NotReleased             booking.not_released            opens_at
├── PatientUnknown          booking.patient_not_found
├── PatientNotEligible      booking.patient_not_eligible    rule, limit
├── SoldOut                 booking.sold_out                next_release_at
├── AlreadyBooked           booking.already_booked          appointment_id (the caller's own only)
├── AlreadyHeld             booking.already_held            until
├── DailyLimitReached       booking.daily_limit_reached     limit
├── Contended               booking.contended
├── HoldNotFound            booking.hold_not_found
├── HoldEnded               booking.hold_ended              current_status
├── AppointmentNotFound     booking.appointment_not_found
├── AppointmentNotActive    booking.appointment_not_active  current_status
├── CancelDeadlinePassed    booking.cancel_deadline_passed  deadline_at
├── RescheduleLimitReached  booking.reschedule_limit_reached limit
├── SameSlot                booking.same_slot
└── OtherDepartment         booking.other_department
"""

from kernel.errors import Conflict, NotFound, Refused, Unavailable


class SlotNotFound(NotFound):
    """No such slot, or none that this channel may ever see."""

    code = "booking.slot_not_found"
    zh = "没有找到该号源时段"
    en = "This time could not be found."


class SlotPast(Refused):
    """The slot has begun."""

    code = "booking.slot_past"
    zh = "该时段已开始，不能再预约"
    en = "This time has already begun and can no longer be booked."


class NotReleased(Refused):
    """The slot's release rules have not opened it to this channel yet; `opens_at` says when."""

    code = "booking.not_released"
    zh = "该号源尚未放号"
    en = "This time has not been opened for booking yet."


class PatientUnknown(NotFound):
    """No such patient, or not one that this client has registered."""

    code = "booking.patient_not_found"
    zh = "没有找到该就诊人，请先实名登记"
    en = "This patient could not be found. Please register the patient first."


class PatientNotEligible(Refused):
    """The clinic's age or sex rule leaves this person out; `rule` names it."""

    code = "booking.patient_not_eligible"
    zh = "就诊人不符合该门诊的年龄或性别要求"
    en = "This clinic's age or sex rule does not admit this patient."


class SoldOut(Conflict):
    """Every seat that the channel may take is held or booked."""

    code = "booking.sold_out"
    zh = "该时段号源已约满"
    en = "This time is fully booked."


class AlreadyBooked(Conflict):
    """The person has an appointment in this department on this day."""

    code = "booking.already_booked"
    zh = "就诊人当天在该科室已有预约"
    en = "This patient already has an appointment in this department that day."


class AlreadyHeld(Conflict):
    """A seat of this department and day is being held for the person."""

    code = "booking.already_held"
    zh = "已为就诊人锁定当天该科室的号源，请先完成或放弃"
    en = "A seat in this department that day is already being held for this patient."


class DailyLimitReached(Refused):
    """The person has as many appointments and holds that day as the hospital allows."""

    code = "booking.daily_limit_reached"
    zh = "就诊人当天的预约数已达上限"
    en = "This patient has reached the number of appointments allowed for one day."


class Contended(Unavailable):
    """Rivals kept the seats locked longer than we were willing to look; nothing was changed."""

    code = "booking.contended"
    zh = "抢号人数较多，请稍后再试"
    en = "Many people are booking this time. Please try again in a moment."


class HoldNotFound(NotFound):
    """No such hold, or not this client's."""

    code = "booking.hold_not_found"
    zh = "没有找到该锁号"
    en = "This hold could not be found."


class HoldEnded(Conflict):
    """The hold ran out, was released, or has become an appointment; `current_status` says which."""

    code = "booking.hold_ended"
    zh = "锁号已结束，请重新选号"
    en = "This hold has ended. Please choose a time again."


class AppointmentNotFound(NotFound):
    """No such appointment, or not one of this client's."""

    code = "booking.appointment_not_found"
    zh = "没有找到该预约"
    en = "This appointment could not be found."


class AppointmentNotActive(Conflict):
    """The appointment is cancelled, fulfilled or otherwise past changing; `current_status` says which."""

    code = "booking.appointment_not_active"
    zh = "该预约当前状态不能进行此操作"
    en = "This appointment can no longer be changed."


class CancelDeadlinePassed(Refused):
    """It is too late to give the number back or move it; `deadline_at` says until when it could be."""

    code = "booking.cancel_deadline_passed"
    zh = "已超过可取消或改约的时间"
    en = "It is too late to cancel or move this appointment."


class RescheduleLimitReached(Refused):
    """The appointment was moved as often as the hospital allows."""

    code = "booking.reschedule_limit_reached"
    zh = "该预约的改约次数已达上限"
    en = "This appointment has been moved as often as is allowed."


class SameSlot(Refused):
    """The appointment is in that slot already."""

    code = "booking.same_slot"
    zh = "改约时段与原时段相同"
    en = "The appointment is already at this time."


class OtherDepartment(Refused):
    """An appointment is moved within its department; another department is a new appointment."""

    code = "booking.other_department"
    zh = "只能在同一科室内改约"
    en = "An appointment can only be moved within its department."
