"""What the hospital says to its patients: the words of messages, tried out and changed, and when nobody is woken."""

from collections.abc import Mapping, Sequence
from datetime import time
from typing import Any, Final

from kernel.db import DatabaseUnavailable
from notifications import errors, templates
from notifications.templates import Template
from open_api.administration.entries import READ, WRITE, WRITE_ERRORS
from open_api.calls import PartnerCall, Reply, ok
from open_api.routing import Routes

routes: Final = Routes("administration: messages", staff_only=True, operation_class="sensitive")
_KINDS: Final = "/administration/message-kinds"
_RULE: Final = "/administration/message-rule"
_LEFT_OUT: Final = frozenset({"version", "wechat_fields"})


@routes.get(_KINDS, scope=READ, response="notifications/message_kind_list.json", errors=[DatabaseUnavailable])
async def list_message_kinds(_call: PartnerCall) -> Reply:
    """List the kinds of messages with their words, and the facts that these may use."""
    return ok({"items": [_shown(one) for one in await templates.list_kinds()]})


@routes.put(
    f"{_KINDS}/<code:str>",
    scope=WRITE,
    request="notifications/message_kind_change.json",
    response="notifications/message_kind.json",
    errors=[errors.KindNotFound, errors.VersionConflict, errors.TemplateInvalid, *WRITE_ERRORS],
)
async def change_message_kind(call: PartnerCall) -> Reply:
    """Word a kind of message anew that is still as you read it (`version`); messages that were written keep theirs."""
    changed = await templates.change_kind(
        call.path["code"],
        _words(call.body),
        version=int(call.body["version"]),
        actor=call.actor,
        idempotency=call.idempotency,
    )
    return ok(_shown(changed))


@routes.post(
    f"{_KINDS}/<code:str>/preview",
    scope=READ,
    request="notifications/message_words.json",
    response="notifications/message_preview.json",
    errors=[errors.KindNotFound, errors.TemplateInvalid],
    safe=True,
)
async def preview_message_kind(call: PartnerCall) -> Reply:
    """See what words look like with sample facts, and what a locked screen would tell; nothing is kept."""
    shown = templates.preview(call.path["code"], _words(call.body))
    return ok(shown | {"wechat": _fields(shown["wechat"])})


@routes.get(_RULE, scope=READ, response="notifications/message_rule.json", errors=[DatabaseUnavailable])
async def get_message_rule(_call: PartnerCall) -> Reply:
    """Read what holds for all messages: quiet hours, and when somebody's turn is near."""
    return ok(await templates.get_rule())


@routes.put(
    _RULE,
    scope=WRITE,
    request="notifications/message_rule_change.json",
    response="notifications/message_rule.json",
    errors=[errors.VersionConflict, *WRITE_ERRORS],
)
async def change_message_rule(call: PartnerCall) -> Reply:
    """Set the rule that is still as you read it (`version`)."""
    body = call.body
    rule = await templates.change_rule(
        quiet_from=time.fromisoformat(body["quiet_from"]),
        quiet_until=time.fromisoformat(body["quiet_until"]),
        near_places=int(body["near_places"]),
        version=int(body["version"]),
        actor=call.actor,
        idempotency=call.idempotency,
    )
    return ok(rule)


def _words(body: Mapping[str, Any]) -> Template:
    given = {name: value for name, value in body.items() if name not in _LEFT_OUT}
    if given["fallback_minutes"] is not None:
        given["fallback_minutes"] = int(given["fallback_minutes"])
    return Template(**given, wechat_fields={one["field"]: one["text"] for one in body["wechat_fields"]})


def _shown(kind: Mapping[str, Any]) -> dict[str, Any]:
    shown = {name: value for name, value in kind.items() if name != "kind_group"}
    return shown | {"wechat_fields": _fields(kind["wechat_fields"])}


def _fields(fields: Mapping[str, str]) -> Sequence[dict[str, str]]:
    return [{"field": field, "text": text} for field, text in sorted(fields.items())]
