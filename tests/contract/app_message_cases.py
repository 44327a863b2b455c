"""Cases of the inbox and of what people choose to be sent."""

import httpx

from kernel.ids import new_id
from notifications.telling import tell
from tests.contract.app_cases import app_case
from tests.factories.notifications import TEMPLATE, Centre
from tests.factories.open_api import OpenApi
from tests.factories.patient_app import Phone


async def told(api: OpenApi, phone: Phone) -> str:
    """Tell of something that has happened to a member; gives the message."""
    member = await phone.add_member()
    occurrence = Centre(api.db).occurrence("waitlist.offered", member, key=f"event:{new_id()}")
    async with api.db.transaction() as tx:
        await tell(tx, [occurrence])
    message_id: str = (await phone.get("/messages")).json()["items"][0]["id"]
    return message_id


@app_case("GET /app/v1/messages")
async def _(api: OpenApi, phone: Phone) -> httpx.Response:
    await told(api, phone)
    return await phone.get("/messages")


@app_case("GET /app/v1/messages/unread")
async def _(api: OpenApi, phone: Phone) -> httpx.Response:
    await told(api, phone)
    return await phone.get("/messages/unread")


@app_case("GET /app/v1/messages/<message_id:uuid>")
async def _(api: OpenApi, phone: Phone) -> httpx.Response:
    return await phone.get(f"/messages/{await told(api, phone)}")


@app_case("POST /app/v1/messages/<message_id:uuid>/read")
async def _(api: OpenApi, phone: Phone) -> httpx.Response:
    return await phone.post(f"/messages/{await told(api, phone)}/read")


@app_case("POST /app/v1/messages/read-all")
async def _(api: OpenApi, phone: Phone) -> httpx.Response:
    return await phone.post("/messages/read-all", {"up_to": await told(api, phone)})


@app_case("GET /app/v1/notification-preferences")
async def _(_api: OpenApi, phone: Phone) -> httpx.Response:
    return await phone.get("/notification-preferences")


@app_case("PUT /app/v1/notification-preferences")
async def _(_api: OpenApi, phone: Phone) -> httpx.Response:
    body = {
        "groups": [{"group": "queue", "wechat": False, "sms": True}],
        "quiet_hours": {"from": "21:00", "until": "08:00"},
    }
    return await phone.send("PUT", "/notification-preferences", body)


@app_case("GET /app/v1/subscriptions")
async def _(_api: OpenApi, phone: Phone) -> httpx.Response:
    return await phone.get("/subscriptions")


@app_case("POST /app/v1/subscriptions")
async def _(api: OpenApi, phone: Phone) -> httpx.Response:
    await Centre(api.db).use_template("waitlist.offered")
    return await phone.post("/subscriptions", {"template_ids": [TEMPLATE]})
