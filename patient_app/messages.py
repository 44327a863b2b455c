"""Messages: the inbox, what somebody wants to be sent and when not, and what WeChat may send."""

from datetime import time
from typing import Any, Final

from kernel.db import DatabaseUnavailable
from kernel.idempotency import IdempotencyMismatch
from kernel.ids import parse_id
from notifications import inbox, preferences
from notifications.errors import MessageNotFound, TemplateUnknown
from notifications.inbox import Message
from notifications.kinds import CHANNELS, GROUPS
from notifications.preferences import Preferences
from notifications.quiet import QuietHours
from notifications.wording import Language
from open_api.calls import Reply, ok, page
from open_api.errors import InvalidCursor
from open_api.paging import LIMIT_DEFAULT, read_cursor, write_cursor
from patient_app.calls import PatientCall
from patient_app.routing import NO_CONTENT, Routes

routes = Routes("messages")
_LIST: Final = "app.messages"
_PREFERENCES: Final = "/notification-preferences"


@routes.get(
    "/messages",
    query="app/message_query.json",
    response="app/message_list.json",
    errors=[InvalidCursor, DatabaseUnavailable],
)
async def list_messages(call: PatientCall) -> Reply:
    """List the account's messages, newest first; each leads to what it is about."""
    query = call.query
    limit = query.get("limit", LIMIT_DEFAULT)
    before = parse_id(str(read_cursor(_LIST, query["cursor"])[0])) if "cursor" in query else None
    found = await inbox.list_messages(call.account_id, language=text_language(call), before=before, limit=limit + 1)
    shown = found[:limit]
    return page(
        [render_message(one) for one in shown],
        next_cursor=write_cursor(_LIST, str(shown[-1].id)) if len(found) > limit else None,
    )


@routes.get("/messages/unread", response="app/unread.json", errors=[DatabaseUnavailable])
async def count_unread(call: PatientCall) -> Reply:
    """Count what was not read, to ninety-nine: for the mark on the tab."""
    return ok({"unread": await inbox.count_unread(call.account_id)})


@routes.get("/messages/<message_id:uuid>", response="app/message.json", errors=[MessageNotFound, DatabaseUnavailable])
async def get_message(call: PatientCall) -> Reply:
    """Read one message, as when a WeChat message was tapped; that marks nothing."""
    message = await inbox.read_message(call.account_id, call.path["message_id"], language=text_language(call))
    return ok(render_message(message))


@routes.post("/messages/<message_id:uuid>/read", errors=[MessageNotFound, DatabaseUnavailable])
async def mark_message_read(call: PatientCall) -> Reply:
    """Note that a message was read; it is sent by no other way any more."""
    await inbox.mark_read(call.account_id, call.path["message_id"])
    return Reply(None, NO_CONTENT)


@routes.post(
    "/messages/read-all",
    request="app/read_all_request.json",
    response="app/read_all.json",
    errors=[DatabaseUnavailable],
)
async def mark_all_read(call: PatientCall) -> Reply:
    """Note that everything was read, up to the newest message that was seen."""
    return ok({"read": await inbox.mark_all_read(call.account_id, up_to=parse_id(call.body["up_to"]))})


@routes.get(_PREFERENCES, response="app/notification_preferences.json", errors=[DatabaseUnavailable])
async def get_preferences(call: PatientCall) -> Reply:
    """Read what the account wants to be sent beside its inbox, by which way, and when not."""
    return ok(_render_preferences(await preferences.read_preferences(call.account_id)))


@routes.put(
    _PREFERENCES,
    request="app/notification_preferences_change.json",
    response="app/notification_preferences.json",
    errors=[DatabaseUnavailable],
)
async def change_preferences(call: PatientCall) -> Reply:
    """Set what the account wants; groups that are not named stay as they are."""
    quiet = call.body["quiet_hours"]
    changed = await preferences.change_preferences(
        call.account_id,
        wanted={(one["group"], channel): one[channel] for one in call.body["groups"] for channel in CHANNELS},
        quiet=quiet and QuietHours(time.fromisoformat(quiet["from"]), time.fromisoformat(quiet["until"])),
    )
    return ok(_render_preferences(changed))


@routes.get("/subscriptions", response="app/subscription_moments.json", errors=[DatabaseUnavailable])
async def list_subscription_moments(call: PatientCall) -> Reply:  # noqa: ARG001  they are the same for everybody
    """Tell which WeChat templates to ask for at which moment (`wx.requestSubscribeMessage`)."""
    asked = await preferences.templates_by_moment()
    return ok({"items": [{"moment": moment, "template_ids": ids} for moment, ids in sorted(asked.items())]})


@routes.post(
    "/subscriptions",
    request="app/subscription_request.json",
    errors=[TemplateUnknown, IdempotencyMismatch, DatabaseUnavailable],
)
async def note_subscriptions(call: PatientCall) -> Reply:
    """Note which templates somebody has just accepted: one more message of each may be sent."""
    await preferences.note_accepted(call.account_id, call.body["template_ids"], idempotency=call.idempotency)
    return Reply(None, NO_CONTENT)


def text_language(call: PatientCall) -> Language:
    """Name the language of stored words that fits the one asked for."""
    return "en" if call.language == "en" else "zh"


def render_message(message: Message) -> dict[str, Any]:
    """Give a message as the app shows it."""
    return {
        "id": message.id,
        "kind": message.kind,
        "group": message.group,
        "patient_id": message.patient_id,
        "title": message.title,
        "body": message.body,
        "subject": {"kind": message.subject_kind, "id": message.subject_id},
        "at": message.at,
        "until": message.until,
        "read_at": message.read_at,
    }


def _render_preferences(found: Preferences) -> dict[str, Any]:
    return {
        "channels": list(found.connected),
        "groups": [
            {"group": group, **{channel: found.wanted[group, channel] for channel in CHANNELS}} for group in GROUPS
        ],
        "quiet_hours": found.quiet and _render_hours(found.quiet),
        "hospital_quiet_hours": _render_hours(found.hospital_quiet),
    }


def _render_hours(hours: QuietHours) -> dict[str, str]:
    return {"from": f"{hours.since:%H:%M}", "until": f"{hours.until:%H:%M}"}
