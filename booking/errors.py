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
    zh = "没有找到该就诊时段，请重新选择"
    en = "This appointment time could not be found. Please choose another."


class SlotPast(Refused):
    """The slot has begun."""

    code = "booking.slot_past"
    zh = "该时段已经开始，请选择其他时段"
    en = "This time has already begun. Please choose a later one."


class NotReleased(Refused):
    """The slot's release rules have not opened it to this channel yet; `opens_at` says when."""

    code = "booking.not_released"
    zh = "该时段尚未放号，请在放号后再预约"
    en = "Booking for this time has not opened yet."


class PatientUnknown(NotFound):
    """No such patient, or not one that this client has registered."""

    code = "booking.patient_not_found"
    zh = "没有找到该就诊人，请先实名登记"
    en = "This patient could not be found. Please register the patient first."


class PatientNotEligible(Refused):
    """The clinic's age or sex rule leaves this person out; `rule` names it."""

    code = "booking.patient_not_eligible"
    zh = "就诊人不符合该门诊的年龄或性别要求"
    en = "This patient does not meet the clinic's age or sex requirement."


class SoldOut(Conflict):
    """Every seat that the channel may take is held or booked."""

    code = "booking.sold_out"
    zh = "该时段已约满，请选择其他时段"
    en = "This time is fully booked. Please choose another."


class AlreadyBooked(Conflict):
    """The person has an appointment in this department on this day."""

    code = "booking.already_booked"
    zh = "就诊人当天在该科室已有预约"
    en = "This patient already has an appointment in this department on that day."


class AlreadyHeld(Conflict):
    """A seat of this department and day is being held for the person."""

    code = "booking.already_held"
    zh = "已为就诊人在该科室锁定了当天的一个号，请先完成预约或放弃该号"
    en = "A seat is already held for this patient in this department that day. Please confirm or release it first."


class DailyLimitReached(Refused):
    """The person has as many appointments and holds that day as the hospital allows."""

    code = "booking.daily_limit_reached"
    zh = "就诊人当天的预约次数已达上限"
    en = "This patient has reached the number of appointments allowed for one day."


class Contended(Unavailable):
    """Rivals kept the seats locked longer than we were willing to look; nothing was changed."""

    code = "booking.contended"
    zh = "当前预约人数较多，请稍后再试"
    en = "Many people are booking this time. Please try again in a moment."


class HoldNotFound(NotFound):
    """No such hold, or not this client's."""

    code = "booking.hold_not_found"
    zh = "没有找到该锁号记录"
    en = "This hold could not be found."


class HoldEnded(Conflict):
    """The hold ran out, was released, or has become an appointment; `current_status` says which."""

    code = "booking.hold_ended"
    zh = "锁号已结束；如尚未预约成功，请重新选号"
    en = "This hold has ended. If it did not become an appointment, please choose a time again."


class AppointmentNotFound(NotFound):
    """No such appointment, or not one of this client's."""

    code = "booking.appointment_not_found"
    zh = "没有找到该预约记录"
    en = "This appointment could not be found."


class AppointmentNotActive(Conflict):
    """The appointment is cancelled, fulfilled or otherwise past changing; `current_status` says which."""

    code = "booking.appointment_not_active"
    zh = "该预约已取消、已就诊或已结束，不能再变更"
    en = "This appointment can no longer be changed."


class CancelDeadlinePassed(Refused):
    """It is too late to give the number back or move it; `deadline_at` says until when it could be."""

    code = "booking.cancel_deadline_passed"
    zh = "已过取消和改约的截止时间"
    en = "It is too late to cancel or move this appointment."


class RescheduleLimitReached(Refused):
    """The appointment was moved as often as the hospital allows."""

    code = "booking.reschedule_limit_reached"
    zh = "该预约的改约次数已达上限"
    en = "This appointment has been moved as often as is allowed."


class SameSlot(Refused):
    """The appointment is in that slot already."""

    code = "booking.same_slot"
    zh = "改约的时段与原时段相同，请选择其他时段"
    en = "The appointment is already at this time. Please choose another."


class OtherDepartment(Refused):
    """An appointment is moved within its department; another department is a new appointment."""

    code = "booking.other_department"
    zh = "只能在同一科室内改约；看其他科室请另行预约"
    en = "An appointment can only be moved within its department. For another department, please book a new one."
