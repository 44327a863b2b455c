"""The hospital's own words: kinds of messages listed, changed with an audit, and tried out with sample facts."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import time
from typing import Any, Final

from kernel.audit import record_change
from kernel.db import Row, Transaction, database
from kernel.events import Actor
from kernel.idempotency import Idempotency
from notifications import wording
from notifications.errors import KindNotFound, TemplateInvalid, VersionConflict
from notifications.kinds import KINDS, samples

_COLUMNS: Final = (
    "code, kind_group, active, is_important, passes_quiet_hours, fallback_minutes, title_zh, title_en, body_zh,"
    " body_en, sms, sms_template_id, wechat_template_id, wechat_fields, wechat_page, version"
)
_RULE: Final = "SELECT quiet_from, quiet_until, near_places, version FROM notification_rule"
FIELDS_MAX: Final = 7
"""A WeChat template has so many fields at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """All that a hospital may change of a kind; the columns of `notification_kind` by their names."""

    active: bool
    is_important: bool
    passes_quiet_hours: bool
    fallback_minutes: int | None
    title_zh: str
    title_en: str
    body_zh: str
    body_en: str
    sms: str | None
    sms_template_id: str | None
    wechat_template_id: str | None
    wechat_fields: Mapping[str, str]
    wechat_page: str | None


async def list_kinds() -> Sequence[dict[str, Any]]:
    """List the kinds of messages with their words and the facts that these may use.

    Raises:
        DatabaseUnavailable.
    """
    return [_shown(row) for row in await database().fetch(f"SELECT {_COLUMNS} FROM notification_kind ORDER BY code")]  # noqa: S608  our own list of columns


async def change_kind(
    code: str, wanted: Template, *, version: int, actor: Actor, idempotency: Idempotency | None = None
) -> dict[str, Any]:
    """Word a kind anew, from the version that was read; messages that were written keep their words.

    Raises:
        KindNotFound, VersionConflict, TemplateInvalid, IdempotencyMismatch, DatabaseUnavailable.
    """
    require_valid(code, wanted)
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return stored
        before = await _lock(tx, code)
        if before["version"] != version:
            raise VersionConflict(current=before["version"])
        names = [one.name for one in fields(Template)]
        sets = ", ".join(f"{name} = ${place}" for place, name in enumerate(names, 2))
        after = await tx.fetchrow(
            f"UPDATE notification_kind SET {sets}, version = version + 1 WHERE code = $1 RETURNING {_COLUMNS}",  # noqa: S608  our own names
            code,
            *asdict(wanted).values(),
        )
        assert after is not None, "it is locked"
        answer = _shown(after)
        await record_change(
            tx,
            entity="notification_kind",
            entity_id=code,
            action="updated",
            before=dict(before),
            after=dict(after),
            actor=actor,
        )
        if idempotency:
            await idempotency.remember(tx, answer)
        return answer


def preview(code: str, wanted: Template) -> dict[str, Any]:
    """Show what words look like with sample facts, and which private facts a locked screen would show; keeps nothing.

    Raises:
        KindNotFound, TemplateInvalid.
    """
    require_valid(code, wanted)
    facts = samples(code)
    return {
        "zh": {"title": wording.fill(wanted.title_zh, facts, "zh"), "body": wording.fill(wanted.body_zh, facts, "zh")},
        "en": {"title": wording.fill(wanted.title_en, facts, "en"), "body": wording.fill(wanted.body_en, facts, "en")},
        "sms": None if wanted.sms is None else wording.fill(wanted.sms, facts, "zh"),
        "sms_to_register": None if wanted.sms is None else wording.number_names(wanted.sms),
        "wechat": wording.fill_fields(wanted.wechat_fields, facts),
        "private_on_lock_screen": _private(code, wanted),
    }


def require_valid(code: str, wanted: Template) -> None:
    """Refuse words that could not be sent, or would show a placeholder to a patient.

    Raises:
        KindNotFound, TemplateInvalid.
    """
    if code not in KINDS:
        raise KindNotFound
    for name in ("title_zh", "title_en", "body_zh", "body_en", "sms"):
        text = getattr(wanted, name)
        if text is not None:
            _require_text(code, name, text)
    if wanted.wechat_fields and wanted.wechat_template_id is None:
        raise TemplateInvalid(field="wechat_template_id", reason="fields_without_template")
    if wanted.sms_template_id is not None and wanted.sms is None:
        raise TemplateInvalid(field="sms_template_id", reason="template_without_sms")
    if wanted.fallback_minutes is not None and (wanted.sms is None or not wanted.is_important):
        raise TemplateInvalid(field="fallback_minutes", reason="fallback_without_sms")
    for field, text in wanted.wechat_fields.items():
        kind = wording.field_kind(field)
        if kind is None:
            raise TemplateInvalid(field=f"wechat_fields.{field}", reason="field_unknown")
        _require_text(code, f"wechat_fields.{field}", text)
        if len(wording.fill(text, {}, "zh")) > wording.LENGTHS[kind]:
            raise TemplateInvalid(field=f"wechat_fields.{field}", reason="too_long")


def _require_text(code: str, field: str, text: str) -> None:
    unknown = wording.unknown_names([text], KINDS[code].placeholders)
    if unknown:
        raise TemplateInvalid(field=field, reason="unknown_placeholder", name=unknown[0])
    if wording.has_stray_braces(text):
        raise TemplateInvalid(field=field, reason="stray_brace")


def _private(code: str, wanted: Template) -> list[str]:
    """List the private facts that a locked screen would show: a hospital may want that, but should know."""
    used = {name for text in (wanted.sms or "", *wanted.wechat_fields.values()) for name in wording.names_in(text)}
    return sorted(name for name, one in KINDS[code].placeholders.items() if one.is_private and name in used)


async def get_rule() -> dict[str, Any]:
    """Read what holds for all messages: the hospital's quiet hours, and when somebody's turn is near.

    Raises:
        DatabaseUnavailable.
    """
    row = await database().fetchrow(_RULE)
    assert row is not None, "the hospital's rule is always there"
    return _plain(row)


async def change_rule(
    *,
    quiet_from: time,
    quiet_until: time,
    near_places: int,
    version: int,
    actor: Actor,
    idempotency: Idempotency | None = None,
) -> dict[str, Any]:
    """Set the rule that is still as it was read.

    Raises:
        VersionConflict, IdempotencyMismatch, DatabaseUnavailable.
    """
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return stored
        before = await tx.fetchrow(f"{_RULE} FOR UPDATE")
        assert before is not None, "the hospital's rule is always there"
        if before["version"] != version:
            raise VersionConflict(current=before["version"])
        after = await tx.fetchrow(
            "UPDATE notification_rule SET quiet_from = $1, quiet_until = $2, near_places = $3, version = version + 1"
            " RETURNING quiet_from, quiet_until, near_places, version",
            quiet_from,
            quiet_until,
            near_places,
        )
        assert after is not None, "it is locked"
        answer = _plain(after)
        await record_change(
            tx,
            entity="notification_rule",
            entity_id="hospital",
            action="updated",
            before=_plain(before),
            after=answer,
            actor=actor,
        )
        if idempotency:
            await idempotency.remember(tx, answer)
        return answer


async def _lock(tx: Transaction, code: str) -> Row:
    row = await tx.fetchrow(f"SELECT {_COLUMNS} FROM notification_kind WHERE code = $1 FOR UPDATE", code)  # noqa: S608  our own list of columns
    if row is None:
        raise KindNotFound
    return row


def _shown(row: Row) -> dict[str, Any]:
    kind = KINDS[row["code"]]
    placeholders = [{"name": name, "private": one.is_private} for name, one in sorted(kind.placeholders.items())]
    return dict(row) | {"group": row["kind_group"], "moment": kind.moment, "placeholders": placeholders}


def _plain(row: Row) -> dict[str, Any]:
    return dict(row) | {name: f"{row[name]:%H:%M}" for name in ("quiet_from", "quiet_until")}
