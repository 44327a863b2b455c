"""
RushError
├── NotNeeded        rush.not_needed
├── NotOpen          rush.not_open           joins_at, opens_at
├── DeviceRequired   rush.device_required
├── LimitReached     rush.limit_reached      limit
├── JoinedElsewhere  rush.joined_elsewhere
├── RushFull         rush.full               limit
├── TooManyJoins     rush.too_many_joins     retry_after_seconds
├── RushNotFound     rush.not_found
├── TicketNotFound   rush.ticket_not_found
└── TicketEnded      rush.ticket_ended       current_status
"""

from kernel.errors import Conflict, Invalid, NotFound, Refused, TooMany


class NotNeeded(Conflict):
    """There is no waiting room before this schedule (any more): it is booked as any other."""

    code = "rush.not_needed"
    zh = "该门诊无需排队，请直接预约"
    en = "There is no waiting room for this clinic. Please book as usual."


class NotOpen(Refused):
    """Joining begins at `joins_at`; who joins then or later, until the release, has the same chance."""

    code = "rush.not_open"
    zh = "排队尚未开始；放号前任何时刻加入，机会都相同"
    en = "The waiting room is not open yet. Joining at any time before the release gives the same chance."


class DeviceRequired(Invalid):
    """The application must name the device it joins from (`Device-Id`)."""

    code = "rush.device_required"
    zh = "应用未提供设备标识，请更新应用后再试"
    en = "The application did not name its device. Please update the application."


class LimitReached(Refused):
    """The person waits before as many clinics of this release as the hospital allows."""

    code = "rush.limit_reached"
    zh = "就诊人同时排队的门诊数已达上限"
    en = "This patient is waiting for as many clinics as is allowed at one time."


class JoinedElsewhere(Conflict):
    """The person has a place by way of another application: one place each."""

    code = "rush.joined_elsewhere"
    zh = "就诊人已通过其他渠道排队，每人只有一个位置"
    en = "This patient has joined through another application. Everybody has one place."


class RushFull(Refused):
    """The line is longer than could ever be served, by far."""

    code = "rush.full"
    zh = "排队人数已满，请选择其他医生或候补"
    en = "This line is full. Please choose another doctor, or the waitlist."


class TooManyJoins(TooMany):
    """The application joins faster than is allowed; asking again in a second loses nothing before the release."""

    code = "rush.too_many_joins"
    zh = "当前加入排队的人数较多，请稍后再试；放号前加入机会相同"
    en = "Many people are joining. Please try again in a moment: until the release nothing is lost."


class RushNotFound(NotFound):
    """No such schedule or rush, or none of which this channel ever gets seats."""

    code = "rush.not_found"
    zh = "没有找到该门诊的排队"
    en = "This waiting room could not be found."


class TicketNotFound(NotFound):
    """No such ticket, or not one of this client's."""

    code = "rush.ticket_not_found"
    zh = "没有找到该排队凭证"
    en = "This ticket could not be found."


class TicketEnded(Conflict):
    """The ticket was used, has passed or was given up; `current_status` says which."""

    code = "rush.ticket_ended"
    zh = "该排队凭证已结束"
    en = "This ticket has ended."
