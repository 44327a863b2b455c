"""
BookingError
├── SlotNotFound            booking.slot_not_found
├── SlotPast                booking.slot_past
├── NotReleased             booking.not_released            opens_at
├── PatientUnknown          booking.patient_not_found
├── PatientNotEligible      booking.patient_not_eligible    rule, limit
├── PatientBanned           booking.patient_banned          until
├── LimitReached            booking.limit_reached           subject, limit, again_at
├── HoldsPaused             booking.holds_paused            until
├── TurnRequired            booking.turn_required           schedule_id
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
├── FollowUpNotAllowed      booking.follow_up_not_allowed   rule
├── FollowUpNotDue          booking.follow_up_not_due       current_status
├── FollowUpWindowPassed    booking.follow_up_window_passed last_date
├── FollowUpUsed            booking.follow_up_used
├── OtherDepartment         booking.other_department
└── FeedCursorExpired       booking.feed_cursor_expired
"""

from kernel.errors import Conflict, Invalid, NotFound, Refused, Unavailable


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


class PatientBanned(Refused):
    """The person has stayed away too often and may not book before `until`; the ban can be read and appealed."""

    code = "booking.patient_banned"
    zh = "就诊人因多次爽约暂停预约，恢复时间见爽约记录；如有异议可提出申诉，急诊不受限制"
    en = "Too many missed visits: this patient may not book for a while. You may appeal; emergencies are admitted."


class LimitReached(Refused):
    """This telephone, account or device (`subject`) has taken as many as the hospital allows until `again_at`."""

    code = "booking.limit_reached"
    zh = "该手机号或设备的锁号、预约次数已达上限，请稍后再试"
    en = "This telephone or device has held or booked as many numbers as is allowed for now."


class HoldsPaused(Refused):
    """Numbers were held and let go too often by this person, telephone or device: no hold before `until`."""

    code = "booking.holds_paused"
    zh = "该就诊人、手机号或设备多次锁号后放弃，暂停锁号；仍可直接预约，急诊不受限制"
    en = "Too many numbers were held and let go, so none can be held for a while. You may still book directly."


class TurnRequired(Refused):
    """A rush is on: numbers of this schedule are given out by turns, and the patient has none open."""

    code = "booking.turn_required"
    zh = "该医生正在集中放号，请先排队取号，轮到您时再预约；排队不看网速，人人机会均等"
    en = "Numbers of this clinic are being given out in turn. Please join the waiting room, and book when called."


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


class FollowUpNotAllowed(Refused):
    """The first visit gives no free follow-up here; `rule` names what is not met."""

    code = "booking.follow_up_not_allowed"
    zh = "该次就诊不能在此免费复诊，请按普通挂号预约"
    en = "That visit does not allow a free follow-up here. Please book an ordinary appointment."


class FollowUpNotDue(Conflict):
    """The first visit has not taken place; `current_status` says where it stands."""

    code = "booking.follow_up_not_due"
    zh = "首次就诊尚未完成，不能预约免费复诊"
    en = "The first visit has not taken place yet."


class FollowUpWindowPassed(Refused):
    """The slot lies outside the days after the first visit; `last_date` is the last of them."""

    code = "booking.follow_up_window_passed"
    zh = "该时段不在免费复诊期限内"
    en = "This time is outside the days in which the follow-up is free."


class FollowUpUsed(Conflict):
    """The first visit's one free follow-up is booked or was used."""

    code = "booking.follow_up_used"
    zh = "该次就诊的免费复诊号已预约或已使用"
    en = "The free follow-up of that visit is booked or has been used."


class OtherDepartment(Refused):
    """An appointment is moved within its department; another department is a new appointment."""

    code = "booking.other_department"
    zh = "只能在同一科室内改约；看其他科室请另行预约"
    en = "An appointment can only be moved within its department. For another department, please book a new one."


class FeedCursorExpired(Invalid):
    """The place in the feed of availability is too old to read on from: begin anew, without a cursor."""

    code = "booking.feed_cursor_expired"
    zh = "游标已过期，请不带游标重新读取全部号源"
    en = "This cursor has expired. Begin anew without one, and read everything once."
