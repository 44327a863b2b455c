"""
SandboxError
├── FaultNotFound      sandbox.fault_not_found
├── FaultEnded         sandbox.fault_ended           current_status
├── FaultInvalid       sandbox.fault_invalid         field
├── FaultLimitReached  sandbox.fault_limit_reached   limit
└── TrialRefused       sandbox.trial_refused         reason
"""

from kernel.errors import Conflict, Invalid, NotFound, Refused


class FaultNotFound(NotFound):
    """No such fault, or not one of this application; old ones are forgotten."""

    code = "sandbox.fault_not_found"
    zh = "没有找到该模拟故障"
    en = "This fault could not be found."


class FaultEnded(Conflict):
    """The fault is over; `current_status` says how: used_up, cancelled or ended."""

    code = "sandbox.fault_ended"
    zh = "该模拟故障已结束"
    en = "This fault has ended already."


class FaultInvalid(Invalid):
    """A field is missing, or means nothing with this kind of fault; `field` names it."""

    code = "sandbox.fault_invalid"
    zh = "模拟故障的参数与其类型不符"
    en = "A field does not fit this kind of fault."


class FaultLimitReached(Refused):
    """The application has as many faults of this kind waiting, or has asked for as many today, as it may: `limit`."""

    code = "sandbox.fault_limit_reached"
    zh = "模拟故障的数量已达上限"
    en = "The application has as many faults as it may have."


class TrialRefused(Refused):
    """The portal can give no token for this application; `reason` says why.

    not_active, for_patients_only (it gets tokens from patients), or bound_to_a_key (DPoP).
    """

    code = "sandbox.trial_refused"
    zh = "该应用不能在此试调：它未启用、只代表患者调用，或令牌须绑定密钥"
    en = "This application's calls cannot be tried here: it is stopped, acts for patients alone, or binds its tokens."
