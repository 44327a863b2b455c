"""The hospital words its messages, a part of its whole work."""

from typing import Any

from tests.contract.conftest import SlotOffice

BASE = "/administration"
SHOWN_ONLY = {"code", "group", "moment", "placeholders"}


async def word_messages(office: SlotOffice) -> None:
    """A kind gets its WeChat template after it was tried out; what cannot be sent is refused; the night gets longer."""
    kinds = {one["code"]: one for one in (await office.ask("GET", f"{BASE}/message-kinds", status=200))["items"]}
    offer = kinds["waitlist.offered"]
    assert {"name": "department", "private": True} in offer["placeholders"]
    words: dict[str, Any] = {name: value for name, value in offer.items() if name not in SHOWN_ONLY}
    words["wechat_template_id"] = "template-of-this-hospital"
    words["wechat_fields"] = [
        {"field": "thing1", "text": "{department}"},
        {"field": "time2", "text": "{deadline}"},
    ]
    path = f"{BASE}/message-kinds/waitlist.offered"
    tried = {name: value for name, value in words.items() if name != "version"}
    preview = await office.ask("POST", f"{path}/preview", tried, status=200)
    assert preview["private_on_lock_screen"] == ["department"]
    assert preview["wechat"][1] == {"field": "time2", "text": "2026年11月29日 12:00"}
    words["wechat_fields"][0]["text"] = "候补有号，请尽快确认"
    changed = await office.ask("PUT", path, words, status=200)
    assert changed == offer | words | {"version": offer["version"] + 1}
    await office.ask("PUT", path, words, status=409, code="notifications.version_conflict")
    wrong = tried | {"sms": "{patient}的{diagnosis}"}
    await office.ask("POST", f"{path}/preview", wrong, status=422, code="notifications.template_invalid")

    rule = await office.ask("GET", f"{BASE}/message-rule", status=200)
    longer = rule | {"quiet_from": "21:00", "near_places": 5}
    assert await office.ask("PUT", f"{BASE}/message-rule", longer, status=200) == longer | {
        "version": rule["version"] + 1
    }
    await office.ask("PUT", f"{BASE}/message-rule", longer, status=409, code="notifications.version_conflict")
