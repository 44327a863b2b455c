"""
FairnessError
├── BanNotFound         fairness.ban_not_found
├── BanNotActive        fairness.ban_not_active         current_status
├── AppealOpen          fairness.appeal_open
├── AppealLimitReached  fairness.appeal_limit_reached   limit
├── AppealNotFound      fairness.appeal_not_found
├── AppealDecided       fairness.appeal_decided         current_status
├── NotNoShow           fairness.not_noshow             current_status
├── PassForStaffOnly    fairness.pass_for_staff_only
├── PatternFlagNotFound fairness.pattern_flag_not_found
└── PatternFlagDecided  fairness.pattern_flag_decided   current_status
"""

from kernel.errors import Conflict, Forbidden, NotFound, Refused


class BanNotFound(NotFound):
    """No such ban, or not one of a patient whom this client has registered."""

    code = "fairness.ban_not_found"
    zh = "没有找到该限制预约记录"
    en = "This booking ban could not be found."


class BanNotActive(Conflict):
    """The ban was lifted or has run out; `current_status` says which."""

    code = "fairness.ban_not_active"
    zh = "该限制预约已解除或已到期"
    en = "This booking ban has been lifted or has ended."


class AppealOpen(Conflict):
    """An appeal against this ban waits for a decision."""

    code = "fairness.appeal_open"
    zh = "已有一份申诉正在处理，请等待结果"
    en = "An appeal against this ban is being looked at. Please wait for the decision."


class AppealLimitReached(Refused):
    """The ban was appealed against as often as the hospital allows."""

    code = "fairness.appeal_limit_reached"
    zh = "该限制预约的申诉次数已达上限"
    en = "This ban has been appealed against as often as is allowed."


class AppealNotFound(NotFound):
    """No such appeal."""

    code = "fairness.appeal_not_found"
    zh = "没有找到该申诉"
    en = "This appeal could not be found."


class AppealDecided(Conflict):
    """The appeal was decided already; `current_status` says how."""

    code = "fairness.appeal_decided"
    zh = "该申诉已有处理结果"
    en = "This appeal has been decided already."


class NotNoShow(Conflict):
    """The appointment does not stand as a no-show; `current_status` says as what."""

    code = "fairness.not_noshow"
    zh = "该预约没有被记为爽约"
    en = "This appointment is not recorded as a no-show."


class PassForStaffOnly(Forbidden):
    """A partner asked to book in spite of a ban, which only the hospital's own staff may decide."""

    code = "fairness.pass_for_staff_only"
    zh = "只有医院工作人员可以为限制预约的就诊人挂号"
    en = "Only the hospital's staff may book in spite of a ban."


class PatternFlagNotFound(NotFound):
    """No such finding of holds let go."""

    code = "fairness.pattern_flag_not_found"
    zh = "没有找到该异常锁号记录"
    en = "This finding could not be found."


class PatternFlagDecided(Conflict):
    """The finding was decided already; `current_status` says how."""

    code = "fairness.pattern_flag_decided"
    zh = "该异常锁号记录已有处理结果"
    en = "This finding has been decided already."
