"""The inbox over HTTP: an account's own messages, choices and subscriptions."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from kernel.ids import new_id
from notifications.telling import tell
from tests.factories.notifications import TEMPLATE, Centre
from tests.factories.open_api import OpenApi
from tests.factories.patient_app import Phone


@pytest.fixture
async def centre(open_api: OpenApi) -> Centre:
    return Centre(open_api.db)


async def told(centre: Centre, patient_id: UUID, count: int = 1) -> None:
    """Tell of offers, one after another."""
    for _ in range(count):
        occurrence = centre.occurrence("waitlist.offered", patient_id, key=f"event:{new_id()}")
        async with centre.db.transaction() as tx:
            assert await tell(tx, [occurrence]) == 1


async def test_pages_of_the_inbox_in_the_language_asked_for(phone: Phone, centre: Centre) -> None:
    member = await phone.add_member()
    await told(centre, member, 3)
    first = await phone.get("/messages", params={"limit": 2})
    assert first.status_code == 200, first.text
    assert [one["title"] for one in first.json()["items"]] == ["候补有号了"] * 2
    assert first.json()["items"][0]["subject"] == {"kind": "appointment", "id": str(member)}
    assert (
        await phone.get("/messages", headers={"if-none-match": first.headers["etag"]}, params={"limit": 2})
    ).status_code == 304
    phone.language = "en"
    rest = (await phone.get("/messages", params={"limit": 2, "cursor": first.json()["next"]})).json()
    assert [one["title"] for one in rest["items"]] == ["A place has come free"]
    assert rest["next"] is None
    bad = await phone.get("/messages", params={"cursor": "garbage"})
    assert (bad.status_code, bad.json()["code"]) == (400, "request.invalid_cursor")


async def test_reading_one_and_everything_that_was_seen(phone: Phone, centre: Centre) -> None:
    member = await phone.add_member()
    await told(centre, member, 3)
    newest, middle, oldest = (await phone.get("/messages")).json()["items"]
    assert (await phone.get("/messages/unread")).json() == {"unread": 3}
    assert (await phone.post(f"/messages/{oldest['id']}/read")).status_code == 204
    shown = (await phone.get(f"/messages/{oldest['id']}")).json()
    assert shown["read_at"] is not None
    assert (await phone.post("/messages/read-all", {"up_to": middle["id"]})).json() == {"read": 1}
    assert (await phone.get("/messages/unread")).json() == {"unread": 1}
    assert (await phone.get(f"/messages/{newest['id']}")).json()["read_at"] is None


async def test_another_accounts_messages_are_absent(open_api: OpenApi, phone: Phone, centre: Centre) -> None:
    await told(centre, await phone.add_member())
    (message,) = (await phone.get("/messages")).json()["items"]
    stranger = await Phone.signed_in(open_api.http)
    await stranger.add_member()
    before = await open_api.fingerprint()
    for message_id in (message["id"], new_id()):
        for answer in (
            await stranger.get(f"/messages/{message_id}"),
            await stranger.post(f"/messages/{message_id}/read"),
        ):
            assert (answer.status_code, answer.json()["code"]) == (404, "notifications.message_not_found")
    assert (await stranger.get("/messages")).json()["items"] == []
    assert (await stranger.post("/messages/read-all", {"up_to": message["id"]})).json() == {"read": 0}
    assert await open_api.fingerprint() == before


async def test_what_is_read_of_a_member_is_in_their_access_log(phone: Phone, centre: Centre) -> None:
    member = await phone.add_member()
    await told(centre, member)
    since = datetime.now(UTC) - timedelta(minutes=1)
    await phone.get("/messages")
    operations = await centre.db.fetch(
        "SELECT operation FROM patient_access_log WHERE patient_id = $1 AND at > $2", member, since
    )
    assert "GET /app/v1/messages" in {row["operation"] for row in operations}


async def test_choices_are_the_accounts_own(open_api: OpenApi, phone: Phone) -> None:
    found = (await phone.get("/notification-preferences")).json()
    assert found["quiet_hours"] is None
    assert found["hospital_quiet_hours"] == {"from": "22:00", "until": "07:30"}
    assert all(one["wechat"] and one["sms"] for one in found["groups"])
    change = {
        "groups": [{"group": "payment", "wechat": True, "sms": False}],
        "quiet_hours": {"from": "21:00", "until": "08:00"},
    }
    changed = (await phone.send("PUT", "/notification-preferences", change)).json()
    assert changed["quiet_hours"] == change["quiet_hours"]
    assert [one["group"] for one in changed["groups"] if not one["sms"]] == ["payment"]
    assert (await phone.get("/notification-preferences")).json() == changed
    stranger = await Phone.signed_in(open_api.http)
    assert (await stranger.get("/notification-preferences")).json() == found
    wrongs: list[dict[str, Any]] = [
        {"groups": [{"group": "secret", "wechat": True, "sms": True}], "quiet_hours": None},
        {"groups": [], "quiet_hours": {"from": "24:00", "until": "08:00"}},
        {"groups": [], "quiet_hours": None, "more": 1},
    ]
    for wrong in wrongs:
        answer = await phone.send("PUT", "/notification-preferences", wrong)
        assert (answer.status_code, answer.json()["code"]) == (422, "request.schema_violation")


async def test_acceptances_count_once_for_a_key(phone: Phone, centre: Centre) -> None:
    await centre.use_template("waitlist.offered")
    account = UUID((await phone.get("/account")).json()["id"])
    body = {"template_ids": [TEMPLATE]}
    for key in ("tap-0001", "tap-0001", "tap-0002"):
        assert (await phone.post("/subscriptions", body, key=key)).status_code == 204
    assert await centre.count_left(account) == 2
    answer = await phone.post("/subscriptions", {"template_ids": ["of-another-hospital"]})
    assert (answer.status_code, answer.json()["code"]) == (422, "notifications.template_unknown")
    assert await centre.count_left(account) == 2
