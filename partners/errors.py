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
├── ApplicationExists      partners.application_exists
├── ApplicationStatus      partners.status_conflict        current_status
├── ApplicationNotDraft    partners.not_a_draft            current_status
├── ClientNotFound         partners.client_not_found
├── ClientMismatch         partners.client_mismatch        scopes
├── PolicyNotFound         partners.policy_not_found
├── GateInvalid            partners.gate_invalid           field
├── VersionConflict        partners.version_conflict       current_version
├── DeveloperInvalid       developers.invalid              field, reason
├── DeveloperLimit         developers.limit_reached        limit
├── DeveloperRequired      developers.sign_up_first
├── AlreadyDeveloper       developers.already_member
├── OwnerRequired          developers.owner_required
├── InvitationNotFound     developers.invitation_not_found
├── MemberNotFound         developers.member_not_found
├── LastOwner              developers.last_owner
├── SecretNotFound         developers.secret_not_found
├── SecretsOverlap         developers.secrets_overlap
└── LastSecret             developers.last_secret
"""

from kernel.errors import Conflict, Forbidden, Invalid, NotFound, Refused, TooMany, Unavailable


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


class ApplicationExists(Conflict):
    """The form was sent before, and has made its application then."""

    code = "partners.application_exists"
    zh = "该应用已创建"
    en = "This application has been made already."


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


class DeveloperInvalid(Invalid):
    """Something that a developer has typed cannot be; `field` names it, and `reason` says why where that is known."""

    code = "developers.invalid"
    zh = "有内容不符合要求，请检查后重新提交"
    en = "Something cannot be accepted as it is. Please check it and send it again."


class DeveloperLimit(Refused):
    """There are as many as there may be; `limit` says how many."""

    code = "developers.limit_reached"
    zh = "数量已达上限"
    en = "There are as many as there may be."


class DeveloperRequired(Forbidden):
    """The person who is signed in belongs to no organisation of developers."""

    code = "developers.sign_up_first"
    zh = "请先注册成为开发者"
    en = "Please sign up as a developer first."


class AlreadyDeveloper(Conflict):
    """The person belongs to an organisation already."""

    code = "developers.already_member"
    zh = "您已属于一个开发者组织"
    en = "You already belong to an organisation of developers."


class OwnerRequired(Forbidden):
    """An owner of the organisation does this."""

    code = "developers.owner_required"
    zh = "只有组织的所有者可以进行此操作"
    en = "An owner of the organisation has to do this."


class InvitationNotFound(NotFound):
    """There is no such invitation for this person or of this organisation, or it is over."""

    code = "developers.invitation_not_found"
    zh = "未找到该邀请，或邀请已失效"
    en = "There is no such invitation, or it is over."


class MemberNotFound(NotFound):
    """Nobody of this organisation."""

    code = "developers.member_not_found"
    zh = "未找到该成员"
    en = "There is no such member."


class LastOwner(Conflict):
    """An organisation keeps an owner."""

    code = "developers.last_owner"
    zh = "组织至少要有一位所有者"
    en = "An organisation keeps at least one owner."


class SecretNotFound(NotFound):
    """The application has no such secret in force."""

    code = "developers.secret_not_found"
    zh = "未找到该密钥，或密钥已失效"
    en = "There is no such secret, or it is no longer in force."


class SecretsOverlap(Conflict):
    """Two secrets are in force already; one has to end before there is a third."""

    code = "developers.secrets_overlap"
    zh = "已有两个密钥同时有效，请先停用旧密钥"
    en = "Two secrets are in force already. Revoke the old one first."


class LastSecret(Conflict):
    """The application's only secret is not taken away; it is changed for another."""

    code = "developers.last_secret"
    zh = "这是唯一有效的密钥，不能停用；请改为更换密钥"
    en = "This is the only secret in force. Change it for a new one instead."
