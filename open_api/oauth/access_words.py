"""What an application did with a patient's data, in a patient's words, Chinese and English."""

from dataclasses import replace
from typing import Final
from uuid import UUID

from open_api.oauth.words import RESOURCES
from patients.access_log import Access

WORDS: Final = {
    "title": ("谁使用过我的信息", "Who used my information"),
    "lead": (
        "以下是其他机构的应用对就诊人信息的每一次查看和办理，最近的在前。",
        "Each time an application of another organisation looked at or changed something, the latest first.",
    ),
    "no_members": (
        "您的账户还没有就诊人，所以没有记录。",
        "Your account has no patients yet, so there is nothing to show.",
    ),
    "none": ("还没有应用使用过{patient}的信息。", "No application has used the information of {patient}."),
    "whose": ("就诊人", "Whose information"),
    "older": ("更早的记录", "Earlier"),
    "newest": ("回到最近的记录", "Back to the latest"),
    "read": ("查看{thing}", "Looked at {thing}"),
    "change": ("办理{thing}", "Acted on {thing}"),
    "own_consent": ("依据：您于 {since} 的授权", "Because you allowed it on {since}"),
    "other_consent": ("依据：家人账户于 {since} 的授权", "Because a relative's account allowed it on {since}"),
    "own_sign_in": ("依据：您用医院账户登录该应用", "Because you signed in to it with your hospital account"),
    "other_sign_in": ("依据：家人用医院账户登录该应用", "Because a relative signed in to it with their account"),
    "by_itself": (
        "依据：在该应用登记就诊或预约",
        "Because this patient was registered or booked through it",
    ),
    "own_account": ("您自己", "You"),
    "other_account": ("家人的账户", "A relative's account"),
    "in_the_app": ("依据：在医院的小程序或网页中使用", "In the hospital's own app or pages"),
    "relative_in_the_app": (
        "依据：家人的账户也添加了该就诊人",
        "Because a relative's account has added this patient too",
    ),
    "unknown_application": ("已注销的应用（{client_id}）", "An application no longer registered ({client_id})"),
}

# By the first part of an operation's path below /open/v1.
_THINGS: Final = {
    "patients": ("基本信息（姓名、性别、出生日期）", "personal details (name, sex, birth date)"),
    "holds": ("预留的号源", "times held for booking"),
    "appointments": ("预约挂号记录", "appointments"),
    "events": ("预约挂号的变动", "changes of appointments"),
    "waitlist": ("候补", "places on the waitlist"),
    "rush-tickets": ("热门号源排队", "places in line for sought-after times"),
    "check-ins": ("签到", "checking in"),
    "queue": ("候诊排队", "the place in the queue"),
    "bans": ("爽约限制", "limits after missed visits"),
    "orders": ("订单与支付", "orders and payments"),
    "payments": ("订单与支付", "orders and payments"),
    "bills": ("待缴费用", "what is to be paid"),
    "stays": ("住院费用", "what a stay in hospital costs"),
    "refunds": ("退款", "refunds"),
    "oauth": ("姓名和就诊人编号", "name and patient number"),
    "account": ("账户信息", "the account"),
    "members": ("就诊人信息", "the family member's details"),
    "home": ("首页上的预约和待办", "what comes next, on the home screen"),
    "feedback": ("投诉与建议", "complaints and suggestions"),
    "feedback-form": ("投诉与建议", "complaints and suggestions"),
    "default": ("默认就诊人", "who is shown first"),
    "slots": ("可预约的号源", "free appointment times"),
    "offers": ("候补到的号源", "times offered from the waitlist"),
    "pay-codes": ("亲友代付", "having a relative pay"),
    "accesses": ("使用记录", "this record"),
    "messages": ("消息", "messages"),
}
# By the kind of a booking's own event.
_BOOKING: Final = {
    "held": ("预留号源", "Held a time for booking"),
    "hold_released": ("放弃预留的号源", "Gave a held time back"),
    "booked": ("预约挂号", "Booked an appointment"),
    "moved_away": ("改约（从原时间）", "Moved an appointment (from its old time)"),
    "moved_here": ("改约（到新时间）", "Moved an appointment (to its new time)"),
    "cancelled": ("取消挂号", "Cancelled an appointment"),
}
_ANY_BOOKING: Final = ("办理预约挂号", "Acted on an appointment")
_APP: Final = ["app", "v1"]
_MEMBER_PARTS: Final = 4
"""Of a path of the patients' app that names a person and nothing below: app, v1, members, and the person."""
_ACCOUNT: Final = "account:"
_LOOK: Final = "GET /app/v1/members/<patient_id:uuid>"
_OTHER: Final = ("其他信息", "other information")


def say(word: str, language: str, **values: object) -> str:
    """Give a sentence in a language."""
    return WORDS[word][language == "en"].format(**values)


def as_told(one: Access, account_id: UUID) -> Access:
    """Give an access as the account that asks may see it: what another account has told the hospital is not its affair.

    That somebody has complained at all is theirs alone (docs/adr/0450): it is told as any look at a person.
    """
    is_others = one.client_id.startswith(_ACCOUNT) and one.client_id != f"{_ACCOUNT}{account_id}"
    if is_others and one.source != "booking" and name_thing(one.operation) == _THINGS["feedback"]:
        return replace(one, operation=_LOOK, action="read")
    return one


def name_access(operation: str, *, source: str, action: str, language: str) -> str:
    """Say in plain words what was done. source: `booking` where `operation` is the kind of a booking's event."""
    english = language == "en"
    if source == "booking":
        return _BOOKING.get(operation, _ANY_BOOKING)[english]
    return say(action, language, thing=(name_thing(operation) or _OTHER)[english])


def name_thing(operation: str) -> tuple[str, str] | None:
    """Say what kind of data an operation of the API is about; None for one that is about nobody's."""
    path = operation.partition(" ")[2].split("/")[1:]
    if path[0] == "fhir":
        return RESOURCES.get(path[1])
    if path[:2] == _APP:
        path = path[4:] if path[2] == "members" and len(path) > _MEMBER_PARTS else path[2:]
    return _THINGS.get(path[0])


def name_accessor(one: Access, account_id: UUID, language: str) -> str:
    """Say who it was, to the account that asks."""
    if one.client_id == f"{_ACCOUNT}{account_id}":
        return say("own_account", language)
    if one.client_id.startswith(_ACCOUNT):
        return say("other_account", language)
    return one.application or say("unknown_application", language, client_id=one.client_id)


def name_reason(one: Access, account_id: UUID, language: str, *, since: str) -> str:
    """Say what allowed it: a consent, a sign-in, being the patient's account, or having registered them itself.

    since: when the consent was given, as it is to be read.
    """
    whose = "own" if one.account_id == account_id else "other"
    if one.client_id.startswith(_ACCOUNT):
        return say("in_the_app" if whose == "own" else "relative_in_the_app", language)
    if one.consented_at is not None:
        return say(f"{whose}_consent", language, since=since)
    return say("by_itself" if one.account_id is None else f"{whose}_sign_in", language)
