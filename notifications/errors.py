"""
NotificationError
├── MessageNotFound        notifications.message_not_found
├── TemplateInvalid        notifications.template_invalid    field, reason, name
├── KindNotFound           notifications.kind_not_found
├── VersionConflict        notifications.version_conflict    current
└── TemplateUnknown        notifications.template_unknown
"""

from kernel.errors import Conflict, Invalid, NotFound


class MessageNotFound(NotFound):
    """No such message in this account's inbox."""

    code = "notifications.message_not_found"
    zh = "没有找到这条消息"
    en = "This message could not be found."


class KindNotFound(NotFound):
    """The hospital has no such kind of message."""

    code = "notifications.kind_not_found"
    zh = "没有这种消息"
    en = "There is no such kind of message."


class VersionConflict(Conflict):
    """Somebody changed it since it was read; `current` is its version now."""

    code = "notifications.version_conflict"
    zh = "内容已被他人修改，请刷新后再试"
    en = "Somebody else has changed this. Please read it again first."


class TemplateInvalid(Invalid):
    """The words cannot be sent: `field` says where, `reason` why, `name` which placeholder.

    reason: unknown_placeholder, stray_brace, too_long, field_unknown, fields_without_template, template_without_sms,
    fallback_without_sms.
    """

    code = "notifications.template_invalid"
    zh = "消息模板有误，请检查占位符、长度和微信字段"
    en = "The template is not valid: check its placeholders, lengths and WeChat fields."


class TemplateUnknown(Invalid):
    """A template that this hospital does not send was said to have been accepted."""

    code = "notifications.template_unknown"
    zh = "没有这个订阅消息模板"
    en = "This hospital has no such message template."
