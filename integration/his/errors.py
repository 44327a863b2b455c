"""
HospitalError
├── HisUnavailable         his.unavailable         the HIS cannot be reached: retried for ever
├── HisDisagrees           his.disagrees           an inbound change cannot be applied yet
├── DeadLetterNotFound     his.dead_letter_not_found
├── DeadLetterReasonMissing his.dead_letter_reason_missing
└── FactsUnreadable        his.facts_unreadable    stored facts do not fit this release
"""

from kernel.errors import Conflict, Invalid, NotFound, Unavailable


class HisUnavailable(Unavailable):
    """The core HIS cannot be reached, or did not answer in time."""

    code = "his.unavailable"
    zh = "医院信息系统暂时无法连接，您的预约不受影响"
    en = "The hospital information system cannot be reached right now. Bookings are not affected."


class HisDisagrees(Conflict):
    """What the HIS tells does not fit what stands here yet; something earlier may be on its way."""

    code = "his.disagrees"
    zh = "与医院信息系统的数据暂不一致，正在核对"
    en = "This does not yet agree with the hospital information system; it is being checked."


class DeadLetterNotFound(NotFound):
    """No dead letter has this number."""

    code = "his.dead_letter_not_found"
    zh = "没有找到这条待人工处理的消息（死信）"
    en = "There is no such dead letter."


class DeadLetterReasonMissing(Invalid):
    """A person who skips or replays a dead letter says why."""

    code = "his.dead_letter_reason_missing"
    zh = "请填写处理原因"
    en = "Please give a reason."


class FactsUnreadable(Invalid):
    """Stored facts do not fit this release of the platform."""

    code = "his.facts_unreadable"
    zh = "无法读取已保存的消息内容"
    en = "The stored message cannot be read."
