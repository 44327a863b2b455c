"""
PartnerError
├── ApplicationStopped     gateway.application_stopped
├── AddressNotAllowed      gateway.address_not_allowed
├── RateLimited            gateway.rate_limited         policy, retry_after_seconds
├── QuotaUsedUp            gateway.quota_used_up        policy, retry_after_seconds
├── LimitsUnavailable      gateway.limits_unavailable
├── SignatureRequired      gateway.signature_required
├── SignatureInvalid       gateway.signature_invalid
├── SignatureReplayed      gateway.signature_replayed
├── ApplicationNotFound    partners.application_not_found
├── ApplicationStatus      partners.status_conflict        current_status
├── ApplicationNotDraft    partners.not_a_draft            current_status
├── ClientNotFound         partners.client_not_found
├── ClientMismatch         partners.client_mismatch        scopes
├── PolicyNotFound         partners.policy_not_found
├── GateInvalid            partners.gate_invalid           field
└── VersionConflict        partners.version_conflict       current_version
"""

from kernel.errors import Conflict, Forbidden, Invalid, NotFound, TooMany, Unavailable


class ApplicationStopped(Forbidden):
    """The hospital has stopped this application; its registration says why."""

    code = "gateway.application_stopped"
    zh = "该应用已被医院停用，请联系医院"
    en = "The hospital has stopped this application. Please contact the hospital."


class AddressNotAllowed(Forbidden):
    """The application may not call from this address."""

    code = "gateway.address_not_allowed"
    zh = "该应用不允许从此网络地址访问"
    en = "This application may not be used from this network address."


class RateLimited(TooMany):
    """Too many requests in the window that `policy` names; Retry-After says when there is room again."""

    code = "gateway.rate_limited"
    zh = "请求过于频繁，请稍后再试"
    en = "Too many requests. Please try again in a moment."


class QuotaUsedUp(TooMany):
    """The application has used up what it may ask for within 24 hours; Retry-After says when there is room again."""

    code = "gateway.quota_used_up"
    zh = "该应用今日的调用额度已用完"
    en = "This application has used up its daily quota."


class LimitsUnavailable(Unavailable):
    """Requests of this class are not served while they cannot be counted; nothing was done."""

    code = "gateway.limits_unavailable"
    zh = "系统繁忙，请稍后再试"
    en = "The service is busy. Please try again in a moment."


class SignatureRequired(Forbidden):
    """Requests of this application have to be signed, and this one is not."""

    code = "gateway.signature_required"
    zh = "该应用的请求须以 SM2 签名"
    en = "Requests of this application have to be signed with SM2."


class SignatureInvalid(Forbidden):
    """The signature is not this application's over this very request, or not of these five minutes."""

    code = "gateway.signature_invalid"
    zh = "请求签名无效或已过期"
    en = "The request's signature is not valid or too old."


class SignatureReplayed(Forbidden):
    """The nonce of the signature was used before."""

    code = "gateway.signature_replayed"
    zh = "该签名请求已被使用"
    en = "This signed request was used before."


class ApplicationNotFound(NotFound):
    """There is no such application."""

    code = "partners.application_not_found"
    zh = "未找到该合作方应用"
    en = "There is no such application."


class ApplicationStatus(Conflict):
    """The application cannot go from where it is to the status that is asked for."""

    code = "partners.status_conflict"
    zh = "该应用当前状态不允许此操作"
    en = "The application's present status does not allow this."


class ApplicationNotDraft(Conflict):
    """What was submitted is not changed any more."""

    code = "partners.not_a_draft"
    zh = "只有草稿可以修改"
    en = "Only a draft can be changed."


class ClientNotFound(NotFound):
    """There is no such client application."""

    code = "partners.client_not_found"
    zh = "未找到该客户端"
    en = "There is no such client."


class ClientMismatch(Conflict):
    """The client may more than was approved, belongs to another application, or is one of the hospital's own."""

    code = "partners.client_mismatch"
    zh = "该客户端与已批准的应用不一致"
    en = "The client does not fit the approved application."


class PolicyNotFound(NotFound):
    """There is no such limit."""

    code = "partners.policy_not_found"
    zh = "未找到该限额"
    en = "There is no such limit."


class GateInvalid(Invalid):
    """A network or key cannot be one; `field` names it."""

    code = "partners.gate_invalid"
    zh = "网段或公钥无效"
    en = "A network or public key is not valid."


class VersionConflict(Conflict):
    """It was changed since it was read."""

    code = "partners.version_conflict"
    zh = "内容已被他人修改，请重新读取"
    en = "This was changed by somebody else. Please read it again."
