"""
HospitalError
├── PatientUnknown       micro_his.patient_unknown       no chart, and not enough to open one
├── ScheduleUnknown      micro_his.schedule_unknown      no such schedule or number (yet)
├── AppointmentUnknown   micro_his.appointment_unknown   neither under our id nor under the platform's
├── SeatTaken            micro_his.seat_taken            the number is sold
├── VersionConflict      micro_his.version_conflict      a newer version contradicts what was told
├── NotForWindow         micro_his.not_for_window        the number belongs to the platform's channels
├── WindowClosed         micro_his.window_closed         the window's share has gone back to the common pool
├── PlatformAnswers      micro_his.platform_answers      the number is for the time while the platform is away
├── SoldOut              micro_his.sold_out              no number of the window is free
├── AlreadyBooked        micro_his.already_booked        the person has a number in this schedule
├── AppointmentNotActive micro_his.appointment_not_active
├── RefusedByPlatform    micro_his.refused_by_platform   the platform could not let a sold number stand
├── InvalidRequest       micro_his.invalid_request
├── NotAuthenticated     micro_his.not_authenticated
├── NothingHere          micro_his.not_found
├── RequestTooLarge      micro_his.too_large
└── Fault                micro_his.internal_error
"""

from kernel.errors import Conflict, HospitalError, Invalid, NotFound, Refused, Unauthenticated


class PatientUnknown(NotFound):
    """There is no chart of this person, and not enough is told to open one."""

    code = "micro_his.patient_unknown"
    zh = "查无此人，请先建档"
    en = "There is no chart of this person."


class ScheduleUnknown(NotFound):
    """There is no such schedule, or no such number in it; the platform may still be telling of it."""

    code = "micro_his.schedule_unknown"
    zh = "没有该排班或号序"
    en = "There is no such schedule or number."


class AppointmentUnknown(NotFound):
    """There is no such appointment."""

    code = "micro_his.appointment_unknown"
    zh = "没有该预约"
    en = "There is no such appointment."


class SeatTaken(Conflict):
    """The number is sold."""

    code = "micro_his.seat_taken"
    zh = "该号已售出"
    en = "This number is sold."


class VersionConflict(Conflict):
    """What is told contradicts something newer that is already known."""

    code = "micro_his.version_conflict"
    zh = "数据版本冲突"
    en = "This contradicts a newer version."


class NotForWindow(Refused):
    """The number is not one of those set aside for this window."""

    code = "micro_his.not_for_window"
    zh = "该号不属于窗口号源"
    en = "This number is not the window's to sell."


class WindowClosed(Refused):
    """The window's unsold numbers have gone back to the common pool; the platform sells them now."""

    code = "micro_his.window_closed"
    zh = "窗口号源已回收到公共池，请在统一号源平台预约"
    en = "The window's numbers have gone back to the common pool."


class PlatformAnswers(Refused):
    """The number is of the emergency quota, and the platform is there to be asked for a number."""

    code = "micro_his.platform_answers"
    zh = "该号为应急号，统一号源平台可用时请通过平台挂号"
    en = "This number is kept for the time while the platform is away."


class SoldOut(Conflict):
    """No number of the window is free in this schedule."""

    code = "micro_his.sold_out"
    zh = "窗口号源已售完"
    en = "The window's numbers are sold out."


class AlreadyBooked(Conflict):
    """The person has an active number in this schedule."""

    code = "micro_his.already_booked"
    zh = "该患者在此排班已有号"
    en = "This person already has a number in this schedule."


class AppointmentNotActive(Conflict):
    """The appointment is cancelled, or past what is asked."""

    code = "micro_his.appointment_not_active"
    zh = "该预约当前状态不允许此操作"
    en = "The appointment's status does not allow this."


class RefusedByPlatform(Conflict):
    """The platform could not let the number stand; the sale has been undone."""

    code = "micro_his.refused_by_platform"
    zh = "统一号源平台未接受该号，已撤销，请为患者另选"
    en = "The platform did not accept this number; the sale is undone."


class InvalidRequest(Invalid):
    """A field of the request is missing, of the wrong kind or too long; `field` names it."""

    code = "micro_his.invalid_request"
    zh = "请求内容不正确"
    en = "The request is not valid."


class NotAuthenticated(Unauthenticated):
    """The bearer token is missing or wrong."""

    code = "micro_his.not_authenticated"
    zh = "未授权"
    en = "A valid bearer token is required."


class NothingHere(NotFound):
    """There is nothing at this address, or not with this method."""

    code = "micro_his.not_found"
    zh = "没有这个地址"
    en = "There is nothing at this address."


class RequestTooLarge(Invalid):
    """The request is larger than we read."""

    code = "micro_his.too_large"
    zh = "请求内容过大"
    en = "The request is too large."


class Fault(HospitalError):
    """Our own fault; the log has it."""

    code = "micro_his.internal_error"
    zh = "系统出错，请稍后再试"
    en = "Something went wrong on our side."
