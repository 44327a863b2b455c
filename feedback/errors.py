"""
FeedbackError
├── CaseNotFound           feedback.case_not_found
├── CaseStatusConflict     feedback.status_conflict        current_status
├── NotOfTheOffice         feedback.not_of_the_office
├── OfficeUnknown          feedback.office_unknown
├── TransfersUsed          feedback.transfers_used         limit
├── TooManyCases           feedback.too_many_cases         limit, retry_after_seconds
├── ConversationFull       feedback.conversation_full      limit
├── ReopenedBefore         feedback.reopened_before
├── ReopenTimeOver         feedback.reopen_time_over       days
├── VisitUnknown           feedback.visit_unknown
├── VisitNotFound          feedback.visit_not_found
├── VisitNotTakenPlace     feedback.visit_not_taken_place
├── RatingTimeOver         feedback.rating_time_over       days
├── RatedBefore            feedback.rated_before
├── QuestionnaireOutdated  feedback.questionnaire_outdated version
├── MarksUnfit             feedback.marks_unfit            field
├── QuestionnaireUnfit     feedback.questionnaire_unfit    field
└── MonthNotSettled        feedback.month_not_settled      settled_on
"""

from kernel.errors import Conflict, Forbidden, Invalid, NotFound, Refused, TooMany


class CaseNotFound(NotFound):
    """There is no such case, or it is another's."""

    code = "feedback.case_not_found"
    zh = "未找到该反馈"
    en = "There is no such case."


class CaseStatusConflict(Conflict):
    """The case is not where the step starts from; `current_status` says where it is."""

    code = "feedback.status_conflict"
    zh = "该反馈的状态已变化，请刷新后再试"
    en = "The case has moved on. Please read it again."


class NotOfTheOffice(Forbidden):
    """The member of staff has no role of the office that has the case, nor of one that oversees all."""

    code = "feedback.not_of_the_office"
    zh = "该反馈由其他部门受理"
    en = "Another office has this case."


class OfficeUnknown(Refused):
    """There is no such office in use, or it has the case already."""

    code = "feedback.office_unknown"
    zh = "所选受理部门不可用"
    en = "That office cannot take the case."


class TransfersUsed(Refused):
    """The case has been passed on often enough; now an office that oversees all decides who has it."""

    code = "feedback.transfers_used"
    zh = "转办次数已达上限，请由投诉管理部门指定"
    en = "The case has been passed on too often. The complaints office decides now."


class TooManyCases(TooMany):
    """An account has filed as many cases today as a day has room for."""

    code = "feedback.too_many_cases"
    zh = "今天提交的反馈已达上限，请明天再来，紧急情况请致电医院"
    en = "That is all for today. Please come back tomorrow, or call the hospital if it is urgent."


class ConversationFull(Refused):
    """A case takes so many messages of one side."""

    code = "feedback.conversation_full"
    zh = "该反馈的留言已达上限"
    en = "This case cannot take more messages."


class ReopenedBefore(Refused):
    """A case is reopened once."""

    code = "feedback.reopened_before"
    zh = "该反馈已申请过复议，如仍不满意请重新提交"
    en = "This case was reopened before. Please file a new one."


class ReopenTimeOver(Refused):
    """The answer is older than a case can be reopened; `days` says how long that is."""

    code = "feedback.reopen_time_over"
    zh = "已超过可复议的时间，请重新提交"
    en = "The time to reopen is over. Please file a new case."


class VisitUnknown(Refused):
    """The appointment is not one of this person's."""

    code = "feedback.visit_unknown"
    zh = "未找到该次就诊"
    en = "There is no such visit."


class VisitNotFound(NotFound):
    """The visit of the path is not there, or another person's."""

    code = "feedback.visit_not_found"
    zh = "未找到该次就诊"
    en = "There is no such visit."


class VisitNotTakenPlace(Refused):
    """Only a visit to which the patient came can be rated."""

    code = "feedback.visit_not_taken_place"
    zh = "就诊后才能评价"
    en = "A visit can be rated once it has taken place."


class RatingTimeOver(Refused):
    """The visit, or the first rating of it, is too long ago; `days` says how long one may."""

    code = "feedback.rating_time_over"
    zh = "已超过可评价的时间"
    en = "The time to rate this visit is over."


class RatedBefore(Conflict):
    """Somebody else who acts for this person has rated the visit."""

    code = "feedback.rated_before"
    zh = "该次就诊已由其他亲属评价"
    en = "Somebody else of the family has rated this visit."


class QuestionnaireOutdated(Conflict):
    """Other questions are asked meanwhile; `version` says which."""

    code = "feedback.questionnaire_outdated"
    zh = "评价问题已更新，请刷新后再提交"
    en = "The questions have changed. Please read them again."


class MarksUnfit(Invalid):
    """A mark belongs to no question of this version, or a required one is missing; `field` names it."""

    code = "feedback.marks_unfit"
    zh = "请完成必答的评价问题"
    en = "Please answer the required questions."


class QuestionnaireUnfit(Invalid):
    """The questions do not hold `overall` as required, name one twice, or begin in the past; `field` says which."""

    code = "feedback.questionnaire_unfit"
    zh = "评价问题设置不正确"
    en = "The questions are not well-formed."


class MonthNotSettled(Refused):
    """A rating of that month can still be amended; `settled_on` says from which day on its figures are shown."""

    code = "feedback.month_not_settled"
    zh = "该月评价尚未截止"
    en = "Ratings of that month can still change."
