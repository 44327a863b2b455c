"""What the consent pages say, in Chinese and English; scopes as a patient understands them."""

import re
from typing import Final

WORDS: Final = {
    "consent_title": ("授权确认", "Allow this application?"),
    "asks": ("申请获得以下权限：", "would like to:"),
    "about_application": (
        "这是由其他机构开发的应用，不属于医院。请确认您信任它。",
        "Another organisation made this application; it is not the hospital's. Allow it only if you trust it.",
    ),
    "own_application": ("这是医院自己的应用。", "This is one of the hospital's own applications."),
    "for_whom": ("授权给哪位就诊人的信息？", "Whose information?"),
    "which_data": ("可以使用哪些信息？", "Which information?"),
    "data_hint": ("不想提供的可以取消勾选。", "Untick whatever you do not want to share."),
    "until_when": ("有效期", "Until when?"),
    "until_hint": ("您可以随时在“我的授权”中收回，收回后立即生效。", "You can take it back at any time, at once."),
    "day": ("仅今天（24小时）", "For today (24 hours)"),
    "month": ("30天", "30 days"),
    "quarter": ("90天", "90 days"),
    "year": ("1年", "1 year"),
    "allow": ("同意授权", "Allow"),
    "deny": ("拒绝", "Do not allow"),
    "goes_to": ("操作后将返回 {host}", "Afterwards you return to {host}"),
    "no_members": (
        "您的账户还没有就诊人，暂时无法授权。请先在医院添加就诊人。",
        "Your account has no patients yet, so there is nothing to share. Please add one at the hospital first.",
    ),
    "choose_data": ("请至少选择一项信息。", "Please choose at least one kind of information."),
    "choose_member": ("请选择就诊人。", "Please choose a person."),
    "consents_title": ("我的授权", "Applications I have allowed"),
    "consents_lead": (
        "以下应用可以使用您或家人的信息。收回授权后，该应用立即不能再使用。",
        "These applications may use your or your family's information. Once you take it back they no longer can.",
    ),
    "consents_none": ("您还没有授权任何应用。", "You have not allowed any application."),
    "ended_title": ("已结束的授权", "What has ended"),
    "consent_of": ("就诊人：{patient}", "For {patient}"),
    "given_until": ("{since} 授权，有效期至 {until}", "Allowed {since}, until {until}"),
    "ran_out": ("{since} 授权，已于 {until} 到期", "Allowed {since}, ran out {until}"),
    "taken_back": ("{since} 授权，已于 {ended} 结束", "Allowed {since}, ended {ended}"),
    "given_by_other": ("由家人的账户授权", "Allowed by a relative's account"),
    "withdraw": ("收回授权", "Take it back"),
    "to_sessions": ("登录管理", "Where you are signed in"),
    "to_consents": ("我的授权", "Applications I have allowed"),
    "to_accesses": ("谁使用过我的信息", "Who used my information"),
    "withdrawn": ("授权已收回。", "It has been taken back."),
    "signed_in_with": ("使用医院账户登录", "Signs you in with your hospital account"),
    "sign_out_title": ("退出登录", "Sign out"),
    "sign_out_lead": ("要退出您在医院的登录吗？", "Sign out of your hospital account?"),
    "sign_out": ("退出", "Sign out"),
    "stay": ("不退出", "Stay signed in"),
    "signed_out": ("您已退出登录。", "You are signed out."),
}

_OF_OPENNESS: Final = {
    "openid": ("确认您的身份", "Know that it is you"),
    "profile": ("查看您的姓名", "See your name"),
    "fhirUser": ("查看您的就诊人编号", "See your patient number"),
    "offline_access": ("您离开后仍可继续使用，直到授权到期", "Keep access while you are away, until it ends"),
    "online_access": ("在您登录期间使用", "Keep access while you are signed in"),
}
# What SMART scopes and FHIR addresses name.
RESOURCES: Final = {
    "*": ("全部健康信息", "all health information"),
    "Patient": ("基本信息（姓名、性别、出生日期）", "personal details (name, sex, birth date)"),
    "Appointment": ("预约挂号记录", "appointments"),
    "Schedule": ("医生出诊安排", "doctors' schedules"),
    "Slot": ("可预约的号源", "free appointment times"),
    "Practitioner": ("医生信息", "doctors"),
}
_SMART: Final = re.compile(r"patient/(\*|[A-Za-z]{1,40})\.([cruds]{1,5})(?:\?.*)?")


def say(word: str, language: str, **values: object) -> str:
    """Give a sentence in a language."""
    return WORDS[word][language == "en"].format(**values)


def name_scope(scope: str, language: str) -> str:
    """Say in plain words what a scope opens that a person can be asked for."""
    english = language == "en"
    if scope in _OF_OPENNESS:
        return _OF_OPENNESS[scope][english]
    smart = _SMART.fullmatch(scope)
    if smart is None:
        return scope
    thing = RESOURCES.get(smart[1], (smart[1], smart[1]))[english]
    if set(smart[2]) & set("cud"):
        return f"See and change {thing}" if english else f"查看和修改{thing}"
    return f"See {thing}" if english else f"查看{thing}"
