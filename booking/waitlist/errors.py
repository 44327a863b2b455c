"""
WaitlistError
├── TargetNotFound       waitlist.target_not_found
├── DatesInvalid         waitlist.dates_invalid         days_max
├── WaitlistClosed       waitlist.closed                closed_at
├── SeatsAvailable       waitlist.seats_available       schedule_id
├── AlreadyWaiting       waitlist.already_waiting       entry_id
├── LimitReached         waitlist.limit_reached         limit
├── PriorityNotAllowed   waitlist.priority_not_allowed
├── EntryNotFound        waitlist.entry_not_found
├── EntryEnded           waitlist.entry_ended           current_status
├── OfferNotFound        waitlist.offer_not_found
└── OfferEnded           waitlist.offer_ended           current_status
"""

from kernel.errors import Conflict, Forbidden, Invalid, NotFound, Refused


class TargetNotFound(NotFound):
    """No such schedule, practitioner or department, or none of which this channel ever gets seats."""

    code = "waitlist.target_not_found"
    zh = "没有找到要候补的门诊、医生或科室"
    en = "The clinic, doctor or department to wait for could not be found."


class DatesInvalid(Invalid):
    """The days lie in the past or before one another, or are too many."""

    code = "waitlist.dates_invalid"
    zh = "候补日期不正确：须从今天起，且天数不超过上限"
    en = "These days cannot be waited for: they must be coming, and not too many."


class WaitlistClosed(Refused):
    """It is too shortly before the clinic; `closed_at` says when its list closed."""

    code = "waitlist.closed"
    zh = "该门诊的候补已截止"
    en = "The waitlist of this clinic is closed."


class SeatsAvailable(Conflict):
    """Nobody has to wait: there are numbers to be had; `schedule_id` names where."""

    code = "waitlist.seats_available"
    zh = "目前仍有号源，请直接预约"
    en = "There are numbers available. Please book one directly."


class AlreadyWaiting(Conflict):
    """The person waits for this already; `entry_id` is the entry."""

    code = "waitlist.already_waiting"
    zh = "就诊人已在该候补队列中"
    en = "This patient is already on this waitlist."


class LimitReached(Refused):
    """The person waits for as many things as the hospital allows; 0 where a clinic has no waitlist."""

    code = "waitlist.limit_reached"
    zh = "就诊人的候补数量已达上限"
    en = "This patient is on as many waitlists as is allowed."


class PriorityNotAllowed(Forbidden):
    """Only the hospital's own staff may put somebody on the list as urgent."""

    code = "waitlist.priority_not_allowed"
    zh = "优先候补只能由医院工作人员登记"
    en = "Only hospital staff may add somebody to the waitlist as urgent."


class EntryNotFound(NotFound):
    """No such entry, or not one of this client's."""

    code = "waitlist.entry_not_found"
    zh = "没有找到该候补记录"
    en = "This waitlist entry could not be found."


class EntryEnded(Conflict):
    """The entry was taken, closed, withdrawn, or its time is over; `current_status` says which."""

    code = "waitlist.entry_ended"
    zh = "该候补已结束"
    en = "This waitlist entry has ended."


class OfferNotFound(NotFound):
    """No such offer, or not one of this client's."""

    code = "waitlist.offer_not_found"
    zh = "没有找到该候补号源"
    en = "This offer could not be found."


class OfferEnded(Conflict):
    """The offer was answered already or its time is over; `current_status` says which."""

    code = "waitlist.offer_ended"
    zh = "该候补号源已过期或已处理"
    en = "This offer has ended."
