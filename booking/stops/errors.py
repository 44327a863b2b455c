"""
StopError
├── StopNotFound        stops.not_found
├── AlreadyStopped      stops.already_stopped      stop_id
├── NothingToStop       stops.nothing_to_stop
├── PolicyInvalid       stops.policy_invalid       reason
├── StopStatusConflict  stops.status_conflict      current_status
├── RestartTooLate      stops.restart_too_late     began_at
├── OfferNotFound       stops.offer_not_found
└── OfferEnded          stops.offer_ended          current_status
"""

from kernel.errors import Conflict, Invalid, NotFound, Refused


class StopNotFound(NotFound):
    """No such stop order, or the appointment is not touched by any."""

    code = "stops.not_found"
    zh = "没有找到该停诊记录"
    en = "This stop could not be found."


class AlreadyStopped(Conflict):
    """Everything that shall be stopped is stopped by another order; `stop_id` names it."""

    code = "stops.already_stopped"
    zh = "该出诊或时段已在停诊处理中"
    en = "This clinic or time has been stopped already."


class NothingToStop(Refused):
    """No seat lies in what shall be stopped: other slots or numbers, or they have begun."""

    code = "stops.nothing_to_stop"
    zh = "所选范围内没有可停诊的号位"
    en = "There are no numbers to stop in what was chosen."


class PolicyInvalid(Invalid):
    """The steps do not make a policy; `reason` says which rule they break."""

    code = "stops.policy_invalid"
    zh = "停诊处理步骤设置有误"
    en = "The steps for the patients of the stopped clinic are not valid."


class StopStatusConflict(Conflict):
    """The order is not in a state that allows this; `current_status` says where it is."""

    code = "stops.status_conflict"
    zh = "该停诊的当前状态不允许此操作"
    en = "The stop is not in a state that allows this."


class RestartTooLate(Refused):
    """What was stopped has begun, or another practitioner gives the clinic."""

    code = "stops.restart_too_late"
    zh = "停诊时段已开始或已安排替诊，不能恢复出诊"
    en = "The clinic can no longer be restarted: its time has begun, or a substitute gives it."


class OfferNotFound(NotFound):
    """No offer was made for this appointment, or it is not one of this client's."""

    code = "stops.offer_not_found"
    zh = "该预约没有待选择的改约方案"
    en = "There is no offer for this appointment."


class OfferEnded(Conflict):
    """The offer's time is over, or it was answered; `current_status` says which."""

    code = "stops.offer_ended"
    zh = "改约选择已截止或已处理"
    en = "This offer has ended or was answered already."
