"""The hospital's words: checked when they are written, changed with a trace, tried out without effect."""

import dataclasses
from datetime import time
from typing import Any

import pytest

from kernel.events import Actor
from notifications import templates
from notifications.errors import KindNotFound, TemplateInvalid, VersionConflict
from notifications.kinds import KINDS, samples
from notifications.templates import Template
from tests.factories.notifications import Centre

OFFICE = Actor("slot-office", "window", "internal", staff_code="S0001", request_id="request-0001")


async def words_of(centre: Centre, code: str) -> Template:
    row = await centre.db.fetchrow("SELECT * FROM notification_kind WHERE code = $1", code)
    assert row is not None
    return Template(**{one.name: row[one.name] for one in dataclasses.fields(Template)})


async def test_every_kind_has_words_that_say_all_and_pass_the_check(centre: Centre) -> None:
    listed = {one["code"] for one in await templates.list_kinds()}
    assert listed == set(KINDS)
    for code in KINDS:
        words = await words_of(centre, code)
        shown = templates.preview(code, words)
        assert shown["private_on_lock_screen"] == [], f"{code}: our own words tell a locked screen of a clinic"
        texts = [*shown["zh"].values(), *shown["en"].values(), shown["sms"] or ""]
        assert not any("{" in text for text in texts), code
        assert len(shown["sms"] or "") <= 70, f"{code}: longer than one short message"
        group = await centre.db.fetchval("SELECT kind_group FROM notification_kind WHERE code = $1", code)
        assert group == KINDS[code].group
        assert "patient" in samples(code)


async def test_a_change_is_kept_with_who_made_it(centre: Centre) -> None:
    words = await words_of(centre, "bill.new")
    changed = await templates.change_kind(
        "bill.new", dataclasses.replace(words, title_zh="待缴费"), version=1, actor=OFFICE
    )
    assert (changed["title_zh"], changed["version"]) == ("待缴费", 2)
    log = await centre.db.fetchrow("SELECT * FROM change_log WHERE entity = 'notification_kind'")
    assert log is not None
    assert (log["entity_id"], log["staff_code"]) == ("bill.new", "S0001")
    assert (log["before"]["title_zh"], log["after"]["title_zh"]) == ("有新的费用", "待缴费")
    with pytest.raises(VersionConflict) as caught:
        await templates.change_kind("bill.new", words, version=1, actor=OFFICE)
    assert caught.value.details == {"current": 2}


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"body_zh": "{patient}的{diagnosis}"}, "body_zh", "unknown_placeholder"),
    ({"title_en": "Hello {patient"}, "title_en", "stray_brace"),
    ({"sms": "}{"}, "sms", "stray_brace"),
    ({"sms": "{patient.__class__}"}, "sms", "stray_brace"),
    ({"wechat_template_id": "t", "wechat_fields": {"thing1": "x" * 21}}, "wechat_fields.thing1", "too_long"),
    ({"wechat_template_id": "t", "wechat_fields": {"phrase1": "候补有号了吗"}}, "wechat_fields.phrase1", "too_long"),
    ({"wechat_template_id": "t", "wechat_fields": {"thing0": "x"}}, "wechat_fields.thing0", "field_unknown"),
    ({"wechat_template_id": "t", "wechat_fields": {"const1": "x"}}, "wechat_fields.const1", "field_unknown"),
    ({"wechat_fields": {"thing1": "x"}}, "wechat_template_id", "fields_without_template"),
    ({"fallback_minutes": 5}, "fallback_minutes", "fallback_without_sms"),
]


@pytest.mark.parametrize(("change", "field", "reason"), REFUSED)
async def test_words_that_cannot_be_sent_are_refused(
    centre: Centre, change: dict[str, Any], field: str, reason: str
) -> None:
    words = dataclasses.replace(await words_of(centre, "bill.new"), **change)
    with pytest.raises(TemplateInvalid) as shown:
        templates.preview("bill.new", words)
    with pytest.raises(TemplateInvalid) as caught:
        await templates.change_kind("bill.new", words, version=1, actor=OFFICE)
    for refusal in (shown.value, caught.value):
        assert (refusal.details["field"], refusal.details["reason"]) == (field, reason)
    assert await centre.db.fetchval("SELECT version FROM notification_kind WHERE code = 'bill.new'") == 1
    assert await centre.db.fetchval("SELECT count(*) FROM change_log") == 0


async def test_no_such_kind(centre: Centre) -> None:
    words = await words_of(centre, "bill.new")
    with pytest.raises(KindNotFound):
        await templates.change_kind("bill.old", words, version=1, actor=OFFICE)


async def test_a_preview_says_what_a_locked_screen_would_tell(centre: Centre) -> None:
    words = dataclasses.replace(
        await words_of(centre, "waitlist.offered"),
        sms="{patient} {department} 有号",
        wechat_template_id="t",
        wechat_fields={"thing1": "{practitioner}", "time2": "{deadline}", "amount3": "-"},
    )
    shown = templates.preview("waitlist.offered", words)
    assert shown["private_on_lock_screen"] == ["department", "practitioner"]
    assert shown["sms"] == "张* 心血管内科 有号"
    assert shown["wechat"] == {"thing1": "李明", "time2": "2026年11月29日 12:00", "amount3": "-"}
    assert await centre.db.fetchval("SELECT sms FROM notification_kind WHERE code = 'waitlist.offered'") != words.sms


async def test_the_hospitals_rule(centre: Centre) -> None:
    assert await templates.get_rule() == {
        "quiet_from": "22:00",
        "quiet_until": "07:30",
        "near_places": 3,
        "version": 1,
    }
    change: dict[str, Any] = {"quiet_from": time(21), "quiet_until": time(8), "near_places": 5, "actor": OFFICE}
    changed = await templates.change_rule(**change, version=1)
    assert (changed["quiet_from"], changed["near_places"], changed["version"]) == ("21:00", 5, 2)
    with pytest.raises(VersionConflict):
        await templates.change_rule(**change, version=1)
