"""
PartnerError
├── ApplicationStopped     gateway.application_stopped
├── AddressNotAllowed      gateway.address_not_allowed
├── RateLimited            gateway.rate_limited         policy, retry_after_seconds
├── QuotaUsedUp            gateway.quota_used_up        policy, retry_after_seconds
└── LimitsUnavailable      gateway.limits_unavailable
"""

from kernel.errors import Forbidden, TooMany, Unavailable


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
