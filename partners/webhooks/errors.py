"""
WebhookError
├── WebhookNotFound      webhooks.not_found
├── DeliveryNotFound     webhooks.delivery_not_found
├── LimitReached         webhooks.limit_reached       limit
├── AddressRefused       webhooks.address_refused     reason
├── StatusConflict       webhooks.status_conflict     current_status
└── DeliveryPending      webhooks.delivery_pending
"""

from kernel.errors import Conflict, Invalid, NotFound, Refused


class WebhookNotFound(NotFound):
    """No such endpoint, or not one of this application."""

    code = "webhooks.not_found"
    zh = "没有找到该推送地址"
    en = "This webhook endpoint could not be found."


class DeliveryNotFound(NotFound):
    """No such delivery, or not one of this application; old ones are forgotten."""

    code = "webhooks.delivery_not_found"
    zh = "没有找到该推送记录"
    en = "This delivery could not be found."


class LimitReached(Refused):
    """The application has as many endpoints as it may; `limit` says how many."""

    code = "webhooks.limit_reached"
    zh = "推送地址数量已达上限"
    en = "The application has as many webhook endpoints as it may have."


class AddressRefused(Invalid):
    """Nothing is sent to such an address; `reason` says why: form, scheme, host, port or not_public."""

    code = "webhooks.address_refused"
    zh = "该推送地址不可用：须为公网可访问的 https 地址"
    en = "This address cannot be used: it must be an https address that is reachable in public."


class StatusConflict(Conflict):
    """The endpoint's present status does not allow it; `current_status` says which that is."""

    code = "webhooks.status_conflict"
    zh = "推送地址当前状态不允许该操作"
    en = "The present status of the endpoint does not allow that."


class DeliveryPending(Conflict):
    """The delivery is still being tried by itself."""

    code = "webhooks.delivery_pending"
    zh = "该推送仍在自动重试中"
    en = "This delivery is still being tried."
