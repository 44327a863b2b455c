"""
ExtraSeatError
├── ExtraSeatQuotaReached  extra_seats.quota_reached  limit
├── ExtraSeatDecided       extra_seats.decided        current_status
├── SecondPersonNeeded     extra_seats.second_person_needed
└── ExtraSeatStopped       extra_seats.stopped        stop_id
"""

from kernel.errors import Conflict, Refused


class ExtraSeatQuotaReached(Refused):
    """The practitioner has as many extra seats that half day as the quota allows, requests included."""

    code = "extra_seats.quota_reached"
    zh = "该医生当天该半天的加号额度已用完"
    en = "The practitioner's quota of extra numbers for this half day is used up."


class ExtraSeatDecided(Conflict):
    """The request was approved or refused already; `current_status` says which."""

    code = "extra_seats.decided"
    zh = "该加号申请已处理"
    en = "This request for an extra number has been decided already."


class SecondPersonNeeded(Refused):
    """Who asks for an extra seat does not approve it."""

    code = "extra_seats.second_person_needed"
    zh = "加号申请须由申请人以外的人员审批"
    en = "An extra number must be decided by somebody other than who asked for it."


class ExtraSeatStopped(Conflict):
    """The slot's clinic is stopped; `stop_id` names the order."""

    code = "extra_seats.stopped"
    zh = "该出诊或时段已停诊，不能加号"
    en = "This clinic or time is stopped, so no number can be added."
