"""
OAuthError
├── InvalidToken       oauth.invalid_token       unknown, forged, expired, or its client is suspended
├── InsufficientScope  oauth.insufficient_scope  scope
├── ApplicationUnknown oauth.application_unknown no such application may ask people here
├── RedirectUnknown    oauth.redirect_unknown    the address to go back to is not the application's
├── InteractionGone    oauth.interaction_gone    decided already, too old, or another browser's
├── StaffRequired      oauth.staff_required      an internal client must say for whom it acts
├── StaffUnknown       oauth.staff_unknown       nobody of that code works here
├── ApplicationNotFound oauth.application_not_found
└── ApplicationDecided oauth.application_decided it was let in or refused before
"""

from kernel.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated


class InvalidToken(Unauthenticated):
    """No bearer token, or one that is forged, expired, or of a client that was suspended (RFC 6750 section 3.1)."""

    code = "oauth.invalid_token"
    zh = "访问令牌无效或已过期"
    en = "The access token is missing, invalid or expired."


class InsufficientScope(Forbidden):
    """The token does not carry the scope that the operation needs."""

    code = "oauth.insufficient_scope"
    zh = "该应用没有此项权限"
    en = "This application has not been granted the scope that this needs."


class StaffRequired(Forbidden):
    """An internal application changed something without naming the member of staff (`Acting-Staff`)."""

    code = "oauth.staff_required"
    zh = "请在请求头 Acting-Staff 中填写经办人工号"
    en = "Give the code of the member of staff you act for in the Acting-Staff header."


class StaffUnknown(Forbidden):
    """Nobody with this staff code works here."""

    code = "oauth.staff_unknown"
    zh = "经办人不存在或已离职"
    en = "There is no member of staff with this code, or they have left."


class ApplicationUnknown(Invalid):
    """No application of this name may ask people here; or the request is not even readable."""

    code = "oauth.application_unknown"
    zh = "无法识别请求授权的应用，请返回该应用重试"
    en = "We do not know the application that asks. Please go back to it and try again."


class RedirectUnknown(Invalid):
    """Nobody may be sent to an address that the application has not registered (RFC 9700 section 2.1)."""

    code = "oauth.redirect_unknown"
    zh = "该应用的返回地址未登记或请求已失效。为保护您的信息，我们没有继续"
    en = "The address to return to is not registered, or the request has ended. To protect you we stopped here."


class InteractionGone(Conflict):
    """There is nothing to decide any more."""

    code = "oauth.interaction_gone"
    zh = "此授权请求已处理或已过期，请返回应用重新开始"
    en = "This request was answered or has expired. Please go back to the application and start again."


class ApplicationNotFound(NotFound):
    """There is no client application of this id."""

    code = "oauth.application_not_found"
    zh = "应用不存在"
    en = "There is no such application."


class ApplicationDecided(Conflict):
    """The application does not wait for a review: it was let in or refused before."""

    code = "oauth.application_decided"
    zh = "该应用已审核，不能重复审核"
    en = "This application has been reviewed already."
